"""The commands of an installation: `ibok-idp install-files`, `install-settings`, `install-check`, `replace-bootstrap-admin`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import typer
from rich.console import Console

from ibok_idp.errors import IdpError, SettingsError
from ibok_idp.install.administrator import Login, replace_bootstrap_administrator
from ibok_idp.install.check import ALL, PROCESSES, check_environment, check_folder
from ibok_idp.install.files import Place, copy_files, https, write_settings
from ibok_idp.settings import KeycloakAdminSettings, load_settings

_out, _err = Console(), Console(stderr=True)


def install_files(target: Annotated[Path, typer.Argument(help="folder to lay them out in")]) -> None:
    """Take systemd units and nginx files out of this package."""
    try:
        for path in copy_files(target):
            _say(str(path))
    except IdpError as error:
        _stop(str(error))


def install_settings(
    target: Annotated[Path, typer.Argument(help="folder to write into, such as /etc/ibok")],
    portal: Annotated[str, typer.Option(help="https:// address of the portal")],
    staff: Annotated[str, typer.Option(help="https:// address of the staff UI")],
    login: Annotated[str, typer.Option(help="https:// address of Keycloak")],
    smtp: Annotated[
        str, typer.Option(help="mail server: smtp+starttls://host:587 or smtps://host; user and password go into worker.env")
    ],
    mail_from: Annotated[str, typer.Option(help="sender of all mails")],
    database: Annotated[str, typer.Option(help="host:port of PostgreSQL")] = "127.0.0.1:5432",
    valkey: Annotated[str, typer.Option(help="host:port of Valkey")] = "127.0.0.1:6379",
    administrator: Annotated[str, typer.Option(help="login of IT's administrator in Keycloak")] = "ibok-it",
    utility_file: Annotated[Path, typer.Option(help="the utility's utility.toml")] = Path("/etc/ibok/utility.toml"),
    authority: Annotated[Path | None, typer.Option(help="PEM file of an own certificate authority")] = None,
) -> None:
    """Write the settings of every process with fresh secrets, and the SQL that makes the databases. Never replaces a file."""
    try:
        for name, url in (("--portal", portal), ("--staff", staff), ("--login", login)):
            if not https(url):
                raise SettingsError(f"{name} must be an https:// address. Nothing was written.")
        if urlsplit(smtp).password:
            raise SettingsError("--smtp must hold no password, which others on this machine could see here. Nothing was written.")
        place = Place(portal, staff, login, database, valkey, smtp, mail_from, administrator, utility_file, authority)
        for path in write_settings(target, place):
            _say(f"wrote {path}")
    except IdpError as error:
        _stop(str(error))


def install_check(
    folder: Annotated[
        Path, typer.Argument(help="folder with webapp.env, provisioning.env, worker.env, realm.env, keycloak.env")
    ] = Path("/etc/ibok"),
    only: Annotated[list[str] | None, typer.Option(help=f"the files of this machine: {', '.join(ALL)} (may be repeated)")] = None,
    process: Annotated[
        str, typer.Option(help=f"look at this command's own environment as {', '.join(PROCESSES)}; no folder is read")
    ] = "",
    first_start: Annotated[bool, typer.Option("--first-start", help="the temporary administrator is still expected")] = False,
) -> None:
    """Say what is wrong with the settings of all processes before anything starts. Exit 0: nothing, 2: something, 1: cannot tell."""
    unknown = [each for each in [*(only or []), *([process] if process else [])] if each not in ALL]
    if unknown:
        _stop(f"There is no process {', '.join(unknown)}: {', '.join(ALL)}.")
    try:
        if process:
            faults = check_environment(process, os.environ)
        else:
            faults = check_folder(folder, first_start=first_start, only=tuple(only) if only else ALL)
    except IdpError as error:
        _stop(str(error))
    for fault in faults:
        _say(str(fault))
    _say(f"{len(faults)} settings are wrong." if faults else "The settings are good.")
    raise typer.Exit(2 if faults else 0)


def replace_bootstrap_admin() -> None:
    """Make the administrator of IBOK_KEYCLOAK_ADMIN_… and delete the temporary one of KC_BOOTSTRAP_ADMIN_…. Safe to run again."""
    names = ("KC_BOOTSTRAP_ADMIN_USERNAME", "KC_BOOTSTRAP_ADMIN_PASSWORD")
    try:
        if missing := [name for name in names if not os.environ.get(name)]:
            raise SettingsError(f"Set {' and '.join(missing)}, as Keycloak had them at its first start.")
        settings = load_settings(KeycloakAdminSettings)
        wanted = Login(settings.keycloak_admin_username, settings.keycloak_admin_password.get_secret_value())
        if not (wanted.username and wanted.password):
            raise SettingsError(
                "Set IBOK_KEYCLOAK_ADMIN_USERNAME and IBOK_KEYCLOAK_ADMIN_PASSWORD to the administrator to be made."
            )
        temporary = Login(*(os.environ[name] for name in names))
        if temporary.username == wanted.username:
            raise SettingsError("IBOK_KEYCLOAK_ADMIN_USERNAME is the temporary administrator itself: name an own one.")
        done = replace_bootstrap_administrator(str(settings.keycloak_url).rstrip("/"), temporary, wanted)
    except IdpError as error:
        _stop(str(error))
    _say(
        f"{temporary.username} is deleted, {wanted.username} administers."
        if done
        else f"Nothing to do: {wanted.username} administers."
    )


def _say(line: str) -> None:
    _out.print(line, soft_wrap=True, highlight=False, markup=False)


def _stop(message: str) -> NoReturn:
    _err.print(message, style="red", soft_wrap=True, highlight=False, markup=False)
    raise typer.Exit(1)
