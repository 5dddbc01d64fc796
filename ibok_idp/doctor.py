"""What `ibok-idp doctor` looks at."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ibok_idp.applications.file import load_applications
from ibok_idp.applications.secrets import Secrets
from ibok_idp.errors import IdpError
from ibok_idp.local.artifacts import KEYCLOAK
from ibok_idp.look.company import load_utility
from ibok_idp.realm.desired import load
from ibok_idp.realm.joined import with_applications, with_those_that_left
from ibok_idp.realm.server import RealmServer
from ibok_idp.settings import KeycloakAdminSettings


@dataclass(frozen=True)
class Finding:
    ok: bool
    what: str
    words: str


def examine(settings: KeycloakAdminSettings) -> list[Finding]:
    """Run every check; a failing one does not keep the others from running."""
    url = str(settings.keycloak_url).rstrip("/")
    server = RealmServer(url, settings.keycloak_admin_username, settings.keycloak_admin_password.get_secret_value(), settings.realm)
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("version", lambda: _version(server)),
        ("realm", lambda: _drift(settings, server)),
        ("login theme", lambda: _theme(server)),
        ("provider", lambda: _provider(server)),
    ]
    findings = []
    for what, check in checks:
        try:
            findings.append(check())
        except IdpError as error:
            findings.append(Finding(False, what, str(error)))
    return findings


def _version(server: RealmServer) -> Finding:
    version = server.version()
    ok = version == KEYCLOAK.version
    words = (
        version if ok else f"{version}, but theme and settings were tested with {KEYCLOAK.version}: try it in a test system first"
    )
    return Finding(ok, "version", words)


def _drift(settings: KeycloakAdminSettings, server: RealmServer) -> Finding:
    values = {
        **os.environ,
        "IBOK_WEBAPP_URL": str(settings.webapp_url).rstrip("/"),
        "IBOK_PROVISIONING_URL": str(settings.provisioning_url).rstrip("/"),
    }
    utility = load_utility(settings.utility_file)
    wanted = load(values, staff_second_factor=settings.staff_second_factor, utility=utility)
    secrets = Secrets(settings.applications_secrets_dir, os.environ)
    wanted = with_applications(wanted, load_applications(settings.applications_file), secrets)
    found = server.diff(with_those_that_left(wanted, server))
    words = f"{len(found)} differences, see `ibok-idp realm diff`" if found else "as keycloak-realm.json says"
    return Finding(not found, "realm", words)


def _theme(server: RealmServer) -> Finding:
    ok = server.has_login_theme("ibok")
    words = (
        "ibok is there" if ok else "the server lacks the theme ibok: put the jar of `ibok-idp theme jar` into providers/ and build"
    )
    return Finding(ok, "login theme", words)


def _provider(server: RealmServer) -> Finding:
    server.require_provider()
    return Finding(True, "provider", f"version {server.provider_version()}, {server.common_passwords()} common passwords")
