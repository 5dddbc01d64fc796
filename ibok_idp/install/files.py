"""The files of deploy/: beside the packages in a checkout, inside the package on a server."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from ibok_idp.errors import SettingsError

KINDS = ("env", "systemd", "nginx")
_DATABASES = "databases.sql"
FIRST_START = "keycloak-first-start.env"
BOOTSTRAP_ADMINISTRATOR = "ibok-bootstrap"


def deploy_folder() -> Path:
    """
    Raises:
        SettingsError: the installation lacks them.
    """
    for folder in (Path(__file__).parents[2] / "deploy", Path(__file__).parent / "deploy"):
        if (folder / "env").is_dir():
            return folder
    raise SettingsError("The files of deploy/ are missing from this installation: install the package again.")


def copy_files(target: Path) -> list[Path]:
    """Lay systemd units and nginx files out under `target`, each in a folder of its kind; what was there is replaced."""
    for kind in KINDS[1:]:
        shutil.copytree(deploy_folder() / kind, target / kind, dirs_exist_ok=True)
    return sorted(path for kind in KINDS[1:] for path in (target / kind).rglob("*") if path.is_file())


@dataclass(frozen=True)
class Place:
    """What a utility says about its machines.

    Attributes:
        portal, staff, login: `https://…` of the three hosts.
        database, valkey: `host:port`.
        smtp: `smtp://`, `smtp+starttls://` or `smtps://`, with user and password where the mail server wants them.
        mail_from: sender of all mails.
        administrator: login of IT's administrator in Keycloak.
        utility_file: the utility's own utility.toml.
        authority: PEM file of the own certificate authority; None: a public one, or one that the system trusts.
    """

    portal: str
    staff: str
    login: str
    database: str
    valkey: str
    smtp: str
    mail_from: str
    administrator: str
    utility_file: Path
    authority: Path | None = None


def write_settings(target: Path, place: Place) -> list[Path]:
    """Write one file of settings a process, with fresh secrets, readable by their owner alone; and the SQL of the databases.

    Raises:
        SettingsError: one of the files is there already: its secrets are in use, and nothing was written.
    """
    templates = sorted((deploy_folder() / "env").iterdir())
    names = [*(template.name for template in templates), FIRST_START]
    if there := [name for name in names if (target / name).exists()]:
        raise SettingsError(f"{target} has {', '.join(there)} already. Nothing was written: their secrets may be in use.")
    values = _values(place)
    target.mkdir(parents=True, exist_ok=True)
    for template in templates:
        _write(
            target / template.name, Template(template.read_text(encoding="utf-8")).substitute(values) + _more(template.name, place)
        )
    first = {"KC_BOOTSTRAP_ADMIN_USERNAME": BOOTSTRAP_ADMINISTRATOR, "KC_BOOTSTRAP_ADMIN_PASSWORD": _secret()}
    _write(target / FIRST_START, "".join(f"{name}={value}\n" for name, value in first.items()))
    return [target / name for name in names]


def _values(place: Place) -> dict[str, str]:
    fresh = (
        "database_password",
        "webapp_database_password",
        "keycloak_database_password",
        "webapp_client_secret",
        "portal_client_secret",
        "staff_client_secret",
        "provisioning_client_secret",
        "webapp_session_key",
        "staff_session_key",
        "temporary_password_key",
        "personal_data_key",
        "metrics_token",
        "administrator_password",
    )
    return {
        "portal": place.portal.rstrip("/"),
        "staff": place.staff.rstrip("/"),
        "login": place.login.rstrip("/"),
        "database": place.database,
        "valkey": place.valkey,
        "smtp": place.smtp,
        "mail_from": place.mail_from,
        "mail_domain": place.mail_from.rpartition("@")[2],
        "administrator": place.administrator,
        "utility_file": str(place.utility_file),
        **{name: _secret() for name in fresh},
    }


def _more(name: str, place: Place) -> str:
    """Who signed the three hosts' certificates. Without it in Keycloak, back-channel logout fails where nobody sees it."""
    if place.authority is None or name == _DATABASES:
        return ""
    return f"{'KC_TRUSTSTORE_PATHS' if name == 'keycloak.env' else 'REQUESTS_CA_BUNDLE'}={place.authority}\n"


def _secret() -> str:
    """Letters and digits only: safe in a URL, in SQL, in a shell and for systemd."""
    return secrets.token_hex(24)


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def https(url: str) -> bool:
    """Whether it is a complete https address."""
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)
