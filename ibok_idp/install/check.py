"""What `ibok-idp install-check` says of the settings before anything starts. It reads; it asks no server."""

from __future__ import annotations

import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from ibok_idp.errors import IdpError, SettingsError
from ibok_idp.install.files import BOOTSTRAP_ADMINISTRATOR, FIRST_START, https
from ibok_idp.look.company import load_utility
from ibok_idp.settings import load_settings

KEYCLOAK = "keycloak"
PROCESSES = ("webapp", "provisioning", "worker")
ALL = (*PROCESSES, "realm", KEYCLOAK)

Values = Mapping[str, str]

_NEEDED = {
    "webapp": ("IBOK_METRICS_TOKEN",),
    "provisioning": ("IBOK_STAFF_CLIENT_SECRET", "IBOK_SESSION_KEY", "IBOK_METRICS_TOKEN"),
    "worker": ("IBOK_PROVISIONING_CLIENT_SECRET", "IBOK_SMTP_URL", "IBOK_METRICS_TOKEN"),
    "realm": (
        "IBOK_KEYCLOAK_URL",
        "IBOK_WEBAPP_URL",
        "IBOK_PROVISIONING_URL",
        "IBOK_KEYCLOAK_ADMIN_USERNAME",
        "IBOK_KEYCLOAK_ADMIN_PASSWORD",
        "IBOK_WEBAPP_CLIENT_SECRET",
        "IBOK_PORTAL_CLIENT_SECRET",
        "IBOK_STAFF_CLIENT_SECRET",
        "IBOK_PROVISIONING_CLIENT_SECRET",
    ),
    KEYCLOAK: ("KC_DB_URL", "KC_DB_USERNAME", "KC_DB_PASSWORD", "KC_HOSTNAME", "KC_PROXY_HEADERS", "IBOK_PORTAL_URL"),
}
# A secret in the wrong process is one that a break-in there gives away.
_NOT_THEIRS = {
    "webapp": (
        "IBOK_DATABASE_URL",
        "IBOK_PROVISIONING_CLIENT_SECRET",
        "IBOK_STAFF_CLIENT_SECRET",
        "IBOK_TEMPORARY_PASSWORD_KEY",
        "IBOK_PERSONAL_DATA_KEY",
        "IBOK_KEYCLOAK_ADMIN_PASSWORD",
    ),
    "provisioning": (
        "IBOK_PROVISIONING_CLIENT_SECRET",
        "IBOK_WEBAPP_CLIENT_SECRET",
        "IBOK_WEBAPP_DATABASE_URL",
        "IBOK_KEYCLOAK_ADMIN_PASSWORD",
    ),
    "worker": ("IBOK_STAFF_CLIENT_SECRET", "IBOK_WEBAPP_CLIENT_SECRET", "IBOK_WEBAPP_DATABASE_URL", "IBOK_KEYCLOAK_ADMIN_PASSWORD"),
    "realm": (),
    KEYCLOAK: (),
}
_HTTPS = ("IBOK_WEBAPP_URL", "IBOK_PROVISIONING_URL", "IBOK_KEYCLOAK_URL", "IBOK_PORTAL_URL", "KC_HOSTNAME")
_SECRET = re.compile(r"^(IBOK_|KC_).*(_SECRET|_KEY|_TOKEN|_PASSWORD)$")
_PLACEHOLDER = re.compile(r"change.?me|example|secret|password|hasło|haslo|zmien|test|demo|<|\$\{", re.IGNORECASE)
_SHORTEST, _FEWEST_DIFFERENT = 24, 10
_LOCAL = ("localhost", "127.0.0.1", "::1")
_FILES = ("IBOK_UTILITY_FILE", "IBOK_FORM_VERSIONS_DIR", "REQUESTS_CA_BUNDLE", "KC_TRUSTSTORE_PATHS")
# What must be one value wherever it stands. KC_HOSTNAME and IBOK_PORTAL_URL are Keycloak's names for two of them.
_SAME = {"IBOK_PORTAL_URL": "IBOK_WEBAPP_URL", "KC_HOSTNAME": "IBOK_KEYCLOAK_URL"}
_SHARED = re.compile(
    r"^IBOK_(WEBAPP_URL|PROVISIONING_URL|KEYCLOAK_URL|REALM|DATABASE_URL|\w+_CLIENT_SECRET|TEMPORARY_PASSWORD_KEY|PERSONAL_DATA_KEY)$"
)


@dataclass(frozen=True)
class Fault:
    """One thing that keeps an installation from starting as it should; `setting` is the variable's name."""

    where: str
    setting: str
    words: str

    def __str__(self) -> str:
        return f"{self.where}: {self.setting}: {self.words}"


def check_folder(folder: Path, *, first_start: bool = False, only: tuple[str, ...] = ALL) -> list[Fault]:
    """Look at every process's file of settings in one folder (`webapp.env`, `provisioning.env`, …), and at them together.

    Args:
        first_start: the first administrator was not replaced yet, so the temporary one is expected.
        only: the processes of this machine.

    Raises:
        SettingsError: a file cannot be read.
    """
    files = {name: folder / f"{name}.env" for name in only}
    found = [Fault(path.name, path.name, f"is missing in {folder}") for path in files.values() if not path.is_file()]
    read = {name: _read(path) for name, path in files.items() if path.is_file()}
    for name, values in read.items():
        found += [Fault(f"{name}.env", each.setting, each.words) for each in _faults(name, values)]
        if _others_may_read(files[name]):
            found.append(Fault(f"{name}.env", f"{name}.env", "others may read it: chmod 600"))
    found += _together(read)
    if not first_start:
        found += _first_start_left(folder, read)
    return found


def check_environment(process: str, environment: Values) -> list[Fault]:
    """Look at one process's own environment, as its supervisor does before it starts the process."""
    return list(_faults(process, environment))


def _faults(name: str, values: Values) -> Iterator[Fault]:
    for setting in _NEEDED[name]:
        if not values.get(setting):
            yield Fault(name, setting, "is missing")
    for setting in _NOT_THEIRS[name]:
        if values.get(setting):
            yield Fault(name, setting, f"does not belong to {name}: take it out there")
    if name != KEYCLOAK:
        yield from _as_the_process_reads_it(name, values)
    for setting, value in values.items():
        if setting.startswith("IBOK_DEMO_"):
            yield Fault(name, setting, "belongs to the demonstration of `make up`")
        elif setting in _HTTPS and not https(value):
            yield Fault(name, setting, "must be an https:// address")
        elif _SECRET.match(setting) and value and (why := _weak(value)):
            yield Fault(name, setting, f"{why}: make a new one with `openssl rand -hex 24`")
        elif setting.endswith("DATABASE_URL") and (why := _weak(urlsplit(value).password or "")):
            yield Fault(name, setting, f"its password {why}")
        elif setting in _FILES and value and not Path(value).exists():
            yield Fault(name, setting, f"{value} does not exist")
    yield from _ways_out(name, values)
    yield from _equal_secrets(name, values)


def _as_the_process_reads_it(name: str, values: Values) -> Iterator[Fault]:
    """The process's own settings class, on these values alone."""
    (entry,) = entry_points(group="ibok.settings", name=name)
    try:
        load_settings(_alone(entry.load()), **_fields(values))
    except SettingsError as error:
        for line in str(error).splitlines()[1:]:
            setting, _, words = line.strip().partition(": ")
            yield Fault(name, setting, words)


def _alone(kind: type[BaseSettings]) -> type[BaseSettings]:
    """The class, blind to this command's own environment."""

    class Alone(kind):  # type: ignore[misc, valid-type]  # a class that is known only now
        @classmethod
        def settings_customise_sources(cls, *sources: Any, **named: PydanticBaseSettingsSource) -> tuple[Any, ...]:
            return (named["init_settings"],)

    return Alone


def _fields(values: Values) -> dict[str, Any]:
    return {setting.removeprefix("IBOK_").lower(): value for setting, value in values.items() if setting.startswith("IBOK_")}


def _ways_out(name: str, values: Values) -> Iterator[Fault]:
    """What is right on one machine and wrong in production."""
    if values.get("IBOK_STAFF_SECOND_FACTOR", "true").lower() in ("false", "0", "no", "off", "f", "n"):
        yield Fault(name, "IBOK_STAFF_SECOND_FACTOR", "staff must log in with a second factor: take the line out")
    if name == "webapp" and values.get("IBOK_RATE_LIMIT_STORAGE", "memory://").startswith("memory"):
        yield Fault(name, "IBOK_RATE_LIMIT_STORAGE", "each process would count for itself: valkey://host:port")
    if name in ("webapp", "provisioning") and values.get("IBOK_TRUSTED_PROXIES", "0") == "0":
        yield Fault(name, "IBOK_TRUSTED_PROXIES", "limits and audit would see the proxy's address only: set it to 1")
    smtp = urlsplit(values.get("IBOK_SMTP_URL", ""))
    if smtp.scheme == "smtp" and smtp.hostname not in _LOCAL:
        yield Fault(name, "IBOK_SMTP_URL", "mails hold passwords and would travel in clear: smtp+starttls:// or smtps://")
    utility = Path(values.get("IBOK_UTILITY_FILE", ""))
    if utility.is_file():
        try:
            load_utility(utility)
        except IdpError as error:
            yield Fault(name, "IBOK_UTILITY_FILE", str(error))
    if name == KEYCLOAK:
        yield from _keycloak(values)
    elif values.get("IBOK_KEYCLOAK_ADMIN_USERNAME") == BOOTSTRAP_ADMINISTRATOR:
        yield Fault(name, "IBOK_KEYCLOAK_ADMIN_USERNAME", "is the temporary administrator of the first start: name an own one")


def _keycloak(values: Values) -> Iterator[Fault]:
    if values.get("KC_PROXY_HEADERS", "xforwarded") != "xforwarded":
        yield Fault(KEYCLOAK, "KC_PROXY_HEADERS", "must be xforwarded, which is what the proxy sets")
    if values.get("KC_HTTP_ENABLED", "").lower() != "true" and not values.get("KC_HTTPS_CERTIFICATE_FILE"):
        yield Fault(KEYCLOAK, "KC_HTTP_ENABLED", "must be true behind a proxy that ends TLS; else Keycloak does not start")
    if values.get("KC_CACHE") == "local":
        yield Fault(KEYCLOAK, "KC_CACHE", "two nodes would not know each other's logins: take the line out")
    for setting in ("KC_BOOTSTRAP_ADMIN_USERNAME", "KC_BOOTSTRAP_ADMIN_PASSWORD"):
        if setting in values:
            yield Fault(KEYCLOAK, setting, f"is temporary: it belongs into {FIRST_START} alone, which goes after the first start")
    database = re.match(r"jdbc:postgresql://[^/]+/([^?]+)", values.get("KC_DB_URL", ""))
    if values.get("KC_DB_URL") and not database:
        yield Fault(KEYCLOAK, "KC_DB_URL", "must be jdbc:postgresql://host:port/name")
    elif database and database[1] in ("ibok_provisioning", "ibok_webapp"):
        yield Fault(KEYCLOAK, "KC_DB_URL", "Keycloak needs a database of its own")


def _equal_secrets(name: str, values: Values) -> Iterator[Fault]:
    by_value = defaultdict(list)
    for setting, secret in _secrets(values):
        by_value[secret].append(setting)
    for settings in by_value.values():
        for setting in settings[1:]:
            yield Fault(name, setting, f"is equal to {settings[0]}: each secret is its own")


def _together(read: Mapping[str, Values]) -> Iterator[Fault]:
    """What is to be the same in several files, and what never."""
    known: dict[str, tuple[str, str]] = {}
    for name, values in read.items():
        for setting, value in values.items():
            meant = _SAME.get(setting, setting)
            if not _SHARED.match(meant):
                continue
            first, where = known.setdefault(meant, (_plain(value), name))
            if _plain(value) != first:
                yield Fault(f"{name}.env", setting, f"differs from {where}.env")
    owners: dict[str, tuple[str, str]] = {}
    for name, values in read.items():
        for setting, secret in _secrets(values):
            owner, where = owners.setdefault(secret, (setting, name))
            shared = owner == setting and (_SHARED.match(setting) or setting == "IBOK_METRICS_TOKEN")
            if where != name and not shared:
                yield Fault(f"{name}.env", setting, f"is equal to {owner} of {where}.env: each secret is its own")
    authorities = {name: values.get("REQUESTS_CA_BUNDLE") for name, values in read.items() if name in PROCESSES}
    if any(authorities.values()) and KEYCLOAK in read and not read[KEYCLOAK].get("KC_TRUSTSTORE_PATHS"):
        words = "the other processes trust an own authority; without it here a logout would not reach them, and nobody would see it"
        yield Fault("keycloak.env", "KC_TRUSTSTORE_PATHS", words)
    for name, authority in authorities.items():
        if not authority and any(authorities.values()):
            yield Fault(f"{name}.env", "REQUESTS_CA_BUNDLE", "is missing, and another process has it")


def _first_start_left(folder: Path, read: Mapping[str, Values]) -> Iterator[Fault]:
    if KEYCLOAK in read and (folder / FIRST_START).exists():
        words = "the temporary administrator is still set: `ibok-idp replace-bootstrap-admin`, then delete the file"
        yield Fault(FIRST_START, "KC_BOOTSTRAP_ADMIN_USERNAME", words)


def _secrets(values: Values) -> Iterator[tuple[str, str]]:
    for setting, value in values.items():
        if _SECRET.match(setting) and value:
            yield setting, value
        elif setting.endswith("DATABASE_URL") and (password := urlsplit(value).password):
            yield setting, password


def _weak(secret: str) -> str:
    """Why somebody could guess it; empty when not."""
    if len(secret) < _SHORTEST:
        return f"is shorter than {_SHORTEST} characters"
    if _PLACEHOLDER.search(secret):
        return "looks like an example"
    if len(set(secret)) < _FEWEST_DIFFERENT:
        return "has too few different characters"
    return ""


def _plain(value: str) -> str:
    return value.rstrip("/")


def _others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))


def _read(path: Path) -> Values:
    try:
        return {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
