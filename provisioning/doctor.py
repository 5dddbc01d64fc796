"""What `ibok-provisioning doctor` looks at: database, queue, mail server, Keycloak and its rights."""

from __future__ import annotations

import smtplib
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ibok_idp.doctor import Finding
from ibok_idp.doctor import examine as examine_keycloak
from ibok_idp.errors import IdpError
from ibok_idp.settings import KeycloakAdminSettings
from provisioning.adapters.mailbox import MailboxGone
from provisioning.adapters.postgres import schema_version
from provisioning.adapters.virus_scan import ScannerGone
from provisioning.ports import DirectoryTrouble
from provisioning.settings import Settings
from provisioning.use_cases.numbers import look
from provisioning.wiring import Wired, wire

SCHEMA = "0009"


def examine(settings: Settings) -> list[Finding]:
    """Run every check; a failing one does not keep the others from running."""
    wired = wire(settings)
    checks: list[tuple[str, Callable[[Wired], str]]] = [
        ("database", _database),
        ("queue", _queue),
        ("mail server", lambda each: each.mailer.check()),
        ("Keycloak", _keycloak),
        ("least rights", _rights),
        ("reference numbers", _numbers),
    ]
    if settings.imap_url.get_secret_value():
        checks.append(("mailbox", _mailbox))
    if settings.clamd_socket is not None:
        checks.append(("clamd", _clamd))
    findings = []
    for what, check in checks:
        try:
            findings.append(Finding(True, what, check(wired)))
        except (SQLAlchemyError, IdpError, OSError, smtplib.SMTPException, MailboxGone, ScannerGone, _Wrong) as error:
            findings.append(Finding(False, what, str(error).splitlines()[0]))
    administrator = KeycloakAdminSettings()
    if administrator.keycloak_admin_username:  # with an administrator's settings at hand, the realm is looked at too
        findings += examine_keycloak(administrator)
    return findings


class _Wrong(Exception):
    pass


def _database(wired: Wired) -> str:
    version = schema_version(wired.engine)
    if version != SCHEMA:
        raise _Wrong(f"schema is at {version}, this version needs {SCHEMA}: run `ibok-provisioning migrate`")
    return f"reached, schema {version}"


def _queue(wired: Wired) -> str:
    with wired.engine.connect() as connection:
        waiting = connection.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")).scalar_one()
        oldest = connection.execute(
            text("SELECT min(created_at) < now() - interval '10 minutes' FROM mails WHERE state IN ('queued', 'deferred')")
        ).scalar()
    if oldest:
        raise _Wrong(
            "the oldest mail has been waiting for more than 10 minutes: is the worker running, does the mail server answer?"
        )
    return f"{waiting} jobs wait"


def _mailbox(wired: Wired) -> str:
    mailbox = wired.mailbox()
    assert mailbox is not None  # asked only when one is configured
    return f"reached; {mailbox.waiting()} messages wait to be read"


def _clamd(wired: Wired) -> str:
    wired.virus_scan(b"")
    return "answers"


def _keycloak(wired: Wired) -> str:
    parameters = wired.directory.hashing_parameters()
    return f"reached as ibok-provisioning; passwords: argon2, {parameters.memory} KiB, {parameters.iterations} rounds"


def _numbers(wired: Wired) -> str:
    try:
        numbers = look(wired.office)
    except DirectoryTrouble as trouble:
        raise _Wrong(f"Keycloak cannot be asked for the references of its users ({trouble.kind})") from trouble
    if numbers.behind:
        raise _Wrong(
            f"number {numbers.known} is in use and the next one would be {numbers.given_out + 1}: was an older back-up restored? "
            "Run `ibok-provisioning numbers-jump` before anybody files an application"
        )
    return f"{numbers.given_out} given out, none of them newer elsewhere"


def _rights(wired: Wired) -> str:
    let_through = [name for name, status in wired.directory.forbidden_calls().items() if status != 403]
    if let_through:
        raise _Wrong(f"the service account may read {', '.join(let_through)}: run `ibok-idp realm apply`")
    return "members of /customers only; clients, roles, realm settings and flows are refused"
