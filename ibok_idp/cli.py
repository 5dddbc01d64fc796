"""`ibok-idp`: the realm as code, and the local stack."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import segno
import typer
from rich.console import Console

from ibok_idp.applications.file import load_applications, read_applications
from ibok_idp.applications.secrets import Secrets
from ibok_idp.errors import IdpError
from ibok_idp.install import commands as install
from ibok_idp.look.company import load_utility
from ibok_idp.realm.compare import Difference
from ibok_idp.realm.desired import Tree, load
from ibok_idp.realm.joined import keep_secrets, with_applications, with_those_that_left
from ibok_idp.realm.server import RealmServer
from ibok_idp.second_factor import OneTimeCode, proved
from ibok_idp.settings import KeycloakAdminSettings, load_settings
from ibok_idp.version import Version

app = typer.Typer(help="Keycloak as iBOK's identity store: realm, login theme, local stack.", no_args_is_help=True)
realm = typer.Typer(
    help="keycloak-realm.json against a server. Reads IBOK_KEYCLOAK_URL, IBOK_KEYCLOAK_ADMIN_USERNAME, IBOK_KEYCLOAK_ADMIN_PASSWORD.",
    no_args_is_help=True,
)
application = typer.Typer(help="The applications that join (IBOK_APPLICATIONS_FILE).", no_args_is_help=True)
theme = typer.Typer(help="The login theme.", no_args_is_help=True)
provider = typer.Typer(help="The Java provider inside Keycloak (S7), with the deny-list of common passwords.", no_args_is_help=True)
local = typer.Typer(help="The stack on this machine.", no_args_is_help=True)
app.add_typer(realm, name="realm")
app.add_typer(application, name="application")
app.add_typer(theme, name="theme")
app.add_typer(provider, name="provider")
app.add_typer(local, name="local")
for command in (install.install_files, install.install_settings, install.install_check, install.replace_bootstrap_admin):
    app.command()(command)
_out, _err = Console(), Console(stderr=True)


@app.callback()
def _prepare(version: Version = False) -> None:
    pass


@realm.command()
def diff(as_json: Annotated[bool, typer.Option("--json", help="one JSON list instead of sentences")] = False) -> None:
    """Print what differs between keycloak-realm.json and the server. Exit 0: nothing, 2: something, 1: cannot tell."""
    found = _carry(lambda server, wanted: server.diff(wanted), _settings())
    if as_json:
        print(json.dumps([each.as_json() for each in found], ensure_ascii=False, indent=2, default=str))
    else:
        for each in found:
            _out.print(str(each), soft_wrap=True, highlight=False, markup=False)
        _out.print(f"{len(found)} differences." if found else "The server's realm is as keycloak-realm.json says.")
    raise typer.Exit(2 if found else 0)


@realm.command()
def apply() -> None:
    """Make the server's realm as keycloak-realm.json and applications.toml say: only what differs, never users, never what it
    does not know. Secrets of applications that are not known here are written to IBOK_APPLICATIONS_SECRETS_DIR, each once."""
    settings = _settings()
    done = _carry(lambda server, wanted: server.apply(wanted), settings)
    for each in done:
        _out.print(f"changed  {each}", soft_wrap=True, highlight=False, markup=False)
    try:
        written = keep_secrets(_server(settings), load_applications(settings.applications_file), _secrets(settings))
    except IdpError as error:
        _stop(error)
    for path in written:
        _out.print(f"secret   {path}", soft_wrap=True, highlight=False, markup=False)
    _out.print(f"{len(done)} changes." if done else "Nothing to change.")


@application.command()
def check(file: Annotated[Path, typer.Argument(help="an applications.toml")]) -> None:
    """Name what is wrong with a file, line by line. Exit 0: nothing, 1: something."""
    try:
        found, mistakes = read_applications(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        _stop(IdpError(f"Cannot read {file}: {error}"))
    for mistake in mistakes:
        _out.print(f"{file}: {mistake}", soft_wrap=True, highlight=False, markup=False)
    if mistakes:
        raise typer.Exit(1)
    for each in found:
        _out.print(f"{each.client_id}: {each.name.pl} / {each.name.en}", soft_wrap=True, highlight=False, markup=False)
    _out.print(f"{len(found)} applications, nothing is wrong.")


@app.command()
def doctor() -> None:
    """Check the server: version, realm drift, theme, provider. Exit 1 when something is wrong, with what to do."""
    from ibok_idp.doctor import examine

    settings = _settings()
    findings = examine(settings)
    for finding in findings:
        _out.print(
            f"{'[green]ok[/]' if finding.ok else '[red]NOT OK[/]'}  {finding.what}: {finding.words}",
            soft_wrap=True,
            highlight=False,
        )
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def staff_factor(
    username: Annotated[str, typer.Argument(help="login of the member of staff, who stands beside with the phone")],
    replace: Annotated[bool, typer.Option("--replace", help="for a new phone: the old one-time code stops working")] = False,
) -> None:
    """Set up the one-time code of a member of staff. Nobody can do that for themselves with the password alone."""
    try:
        server = _server(_settings())
        user = server.staff_member(username)
        if server.second_factors(user) and not replace:
            raise IdpError(f"{username} has a one-time code already; --replace puts a new one in its place.")
        code = OneTimeCode.new()
        segno.make(code.address(username, server.display_name())).terminal(compact=True)
        _out.print(f"Scan this with the authenticator app, or type: {code.typed}", highlight=False, soft_wrap=True)
        if not proved(code, lambda: str(typer.prompt("Code that the app shows")), time.time):
            raise IdpError("The codes were not right, so nothing was stored. Check the clock of the phone, then start again.")
        server.give_second_factor(user, code.credential("dział IT / IT"))
    except IdpError as error:
        _stop(error)
    _out.print(f"{username} now logs in with the password and a code of this app.", highlight=False)


@theme.command()
def jar(
    target: Annotated[Path, typer.Argument(help="file to write, for the server's providers/ folder")] = Path("ibok-theme.jar"),
) -> None:
    """Pack the login theme for a Keycloak that runs elsewhere."""
    from ibok_idp.local.artifacts import cache_dir
    from ibok_idp.look.assets import build_assets, theme_jar

    try:
        build_assets(cache_dir())
        _out.print(f"Wrote {theme_jar(target)}.")
    except IdpError as error:
        _stop(error)


@provider.command()
def build(
    target: Annotated[
        Path, typer.Argument(help="folder to write into; a Keycloak's home puts both files in their places")
    ] = Path(),
) -> None:
    """Compile the provider's jar, with the deny-list of common passwords inside, for a Keycloak that runs elsewhere."""
    from ibok_idp.keycloak_provider.build import JAR, build_provider, install_provider, provider_version
    from ibok_idp.keycloak_provider.common_passwords import COMMON_PASSWORDS
    from ibok_idp.local.artifacts import cache_dir

    try:
        built = build_provider(cache_dir())
        if (target / "providers").is_dir():
            install_provider(built, target)
            _out.print(f"Installed version {provider_version()} into {target}; run kc.sh build there, then start the server again.")
        else:
            target.mkdir(parents=True, exist_ok=True)
            for name in (JAR, COMMON_PASSWORDS):
                shutil.copy(built / name, target)
            _out.print(
                f"Wrote version {provider_version()}: {target / JAR} (for the server's providers/) and "
                f"{target / COMMON_PASSWORDS} (for its data/password-blacklists/, until `realm apply` has run with this version). "
                "Then run kc.sh build and start it again.",
                soft_wrap=True,
            )
    except IdpError as error:
        _stop(error)


@local.command()
def assets() -> None:
    """Build CSS, fonts, scripts, theme files and translations."""
    from ibok_idp.local.artifacts import cache_dir
    from ibok_idp.look.assets import build_assets

    try:
        _out.print("Assets built." if build_assets(cache_dir()) else "Assets are up to date.")
    except IdpError as error:
        _stop(error)


@local.command()
def up() -> None:
    """Start everything and stay in the foreground; Ctrl-C stops all. This is `make up`."""
    try:
        from ibok_idp.local.up import up as bring_up
    except ModuleNotFoundError as missing:
        _stop(
            IdpError(
                f"This is an installation for servers ({missing.name} is not in it): `make up` in a checkout starts the local stack."
            )
        )
    sys.exit(bring_up(_out))


def _carry(do: Callable[[RealmServer, Tree], list[Difference]], settings: KeycloakAdminSettings) -> list[Difference]:
    try:
        values = {
            **os.environ,
            "IBOK_WEBAPP_URL": str(settings.webapp_url).rstrip("/"),
            "IBOK_PROVISIONING_URL": str(settings.provisioning_url).rstrip("/"),
        }
        utility = load_utility(settings.utility_file)
        wanted = load(values, staff_second_factor=settings.staff_second_factor, utility=utility)
        wanted = with_applications(wanted, load_applications(settings.applications_file), _secrets(settings))
        server = _server(settings)
        return do(server, with_those_that_left(wanted, server))
    except IdpError as error:
        _stop(error)


def _secrets(settings: KeycloakAdminSettings) -> Secrets:
    return Secrets(settings.applications_secrets_dir, os.environ)


def _server(settings: KeycloakAdminSettings) -> RealmServer:
    return RealmServer(
        str(settings.keycloak_url),
        settings.keycloak_admin_username,
        settings.keycloak_admin_password.get_secret_value(),
        settings.realm,
    )


def _settings() -> KeycloakAdminSettings:
    try:
        settings = load_settings(KeycloakAdminSettings)
    except IdpError as error:
        _stop(error)
    if not settings.keycloak_admin_username or not settings.keycloak_admin_password.get_secret_value():
        _stop(
            IdpError("Set IBOK_KEYCLOAK_ADMIN_USERNAME and IBOK_KEYCLOAK_ADMIN_PASSWORD to an administrator of the master realm.")
        )
    return settings


def _stop(error: IdpError) -> NoReturn:
    _err.print(str(error), style="red", soft_wrap=True, highlight=False, markup=False)
    raise typer.Exit(1)
