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
from provisioning.adapters.files.virus_scan import ScannerGone
from provisioning.adapters.imap.mailbox import MailboxGone
from provisioning.adapters.postgres.duty_book import DutyState
from provisioning.adapters.postgres.schema import newest_schema, schema_version
from provisioning.ports.directory import DirectoryTrouble
from provisioning.settings import Settings
from provisioning.use_cases.application.numbers import look
from provisioning.wiring import Wired, wire

_MOST_SKEW_SECONDS = 10


def examine(settings: Settings) -> list[Finding]:
    """Run every check; a failing one does not keep the others from running."""
    wired = wire(settings)
    checks: list[tuple[str, Callable[[Wired], str]]] = [
        ("database", _database),
        ("queue", _queue),
        ("worker", _worker),
        ("mail server", lambda each: each.mailer.check()),
        ("Keycloak", _keycloak),
        ("clocks", _clocks),
        ("least rights", _rights),
        ("keys", _keys),
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
    if version != newest_schema():
        raise _Wrong(f"schema is at {version}, this version needs {newest_schema()}: run `ibok-provisioning migrate`")
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


def _worker(wired: Wired) -> str:
    worker = wired.duties.worker()
    if worker.never_seen:
        raise _Wrong("no worker has run on this database yet: start `ibok-provisioning worker`")
    if worker.silent_since is not None:
        raise _Wrong(f"the worker has been silent since {worker.silent_since:%Y-%m-%d %H:%M:%S %Z}: start it, or see its log")
    if worker.failing:
        raise _Wrong("; ".join(_failing(each) for each in worker.failing) + ". The log says why: duty.failed")
    return "lives, and every duty is done"


def _failing(duty: DutyState) -> str:
    if duty.failing_since is None:
        return f"{duty.name} has not come back since {duty.tried_at:%Y-%m-%d %H:%M:%S %Z}"
    times = f"{duty.failures} times" if duty.failures > 1 else "once"
    return f"{duty.name} fails since {duty.failing_since:%Y-%m-%d %H:%M:%S %Z}, {times} by now: {duty.error}"


def _mailbox(wired: Wired) -> str:
    mailbox = wired.mailbox()
    assert mailbox is not None  # asked only when one is configured
    with wired.services.work() as work:
        stuck = work.mails_under_way.stuck(mailbox.name)
    if stuck:
        raise _Wrong(f"{len(stuck)} messages were read but cannot be moved out of the folder: {stuck[-1].answer}")
    return f"reached; {mailbox.waiting()} messages wait to be read"


def _clamd(wired: Wired) -> str:
    wired.virus_scan(b"")
    return "answers"


def _keycloak(wired: Wired) -> str:
    parameters = wired.directory.hashing_parameters()
    return f"reached as ibok-provisioning; passwords: argon2, {parameters.memory} KiB, {parameters.iterations} rounds"


def _clocks(wired: Wired) -> str:
    skew = (wired.directory.clock() - wired.services.clock.now()).total_seconds()
    if abs(skew) > _MOST_SKEW_SECONDS:
        raise _Wrong(
            f"Keycloak's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's: "
            "temporary passwords end at another time than their mail says; mend the time service of both machines"
        )
    return f"Keycloak's clock and this machine's agree to {_MOST_SKEW_SECONDS} s"


def _keys(wired: Wired) -> str:
    """P11: what waits to be mailed names the key it was made for."""
    ring = wired.services.keys
    with wired.services.work() as work:
        outstanding = work.accounts.outstanding_keys()
    missing = {key: many for key, many in outstanding.items() if key and not ring.knows(key)}
    if missing:
        raise _Wrong(
            f"{sum(missing.values())} passwords wait under a key that is not set ({', '.join(missing)}): put it into "
            "IBOK_TEMPORARY_PASSWORD_KEYS_EARLIER; without it they are replaced by new ones"
        )
    earlier = sum(many for key, many in outstanding.items() if key and key != ring.key_id)
    waiting = f"{sum(outstanding.values())} passwords wait to be mailed"
    if not ring.earlier:
        return waiting
    return f"{waiting}, {earlier} of them under an earlier key" + ("" if earlier else "; it may go when links made with it may die")


def _numbers(wired: Wired) -> str:
    try:
        numbers = look(wired.services)
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
