"""Runs the queue's jobs and the housekeeping of the worker process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException

from provisioning.adapters.jobs import GrowingPauses, TryLater
from provisioning.adapters.mailbox import ImapMailbox, MailboxGone
from provisioning.adapters.postgres import DatabaseGone
from provisioning.adapters.virus_scan import ScannerGone
from provisioning.ports import DirectoryTrouble, Office
from provisioning.use_cases.accept_terms import announce_terms
from provisioning.use_cases.activate import activate
from provisioning.use_cases.carry_out import carry_out
from provisioning.use_cases.confirm_first_login import confirm_first_login, confirm_first_logins
from provisioning.use_cases.follow_keycloak import follow_keycloak
from provisioning.use_cases.forget import forget_what_is_past
from provisioning.use_cases.mail_out import send_mail
from provisioning.use_cases.misdirected import make_mailed_passwords_useless
from provisioning.use_cases.request_new_password import flood, issue_new_password, request_new_password
from provisioning.use_cases.resign import close_due_accounts
from provisioning.use_cases.take_in import forget_set_aside, take_in
from provisioning.use_cases.undelivered import remind_of_first_login
from provisioning.use_cases.warn_of_terms import send_digest

_log = structlog.get_logger()
_HEARTBEAT_SECONDS = 2
_STALLED_AFTER_SECONDS = 10
_MAILBOX_SECONDS = 15


def job_app(office: Office, database_url: str, concurrency: int) -> App:
    """The queue's app with its tasks."""
    app = App(connector=PsycopgConnector(conninfo=database_url, min_size=2, max_size=concurrency + 4))

    def task(name: str, do: Callable[..., timedelta | None], *, retry: bool = True) -> None:
        """One kind of job; what nobody foresaw is logged, and tried again after growing pauses."""

        @app.task(name=name, retry=GrowingPauses() if retry else False)
        def run(**arguments: str) -> None:
            try:
                pause = do(office, **arguments)
            except DatabaseGone:
                raise
            except Exception:
                _log.exception("job.failed", task=name)
                raise
            if pause is not None:
                raise TryLater(pause.total_seconds())

    task("activate", activate)
    task("send_mail", lambda office, message_id: send_mail(office, message_id))
    task("confirm_first_login", _confirm_first_login, retry=False)
    task("request_new_password", _request_new_password)
    task("issue_new_password", issue_new_password)
    task("carry_out", carry_out)
    task("make_mailed_passwords_useless", make_mailed_passwords_useless)
    return app


def _confirm_first_login(office: Office, reference: str) -> None:
    with office.work() as work:
        account = work.accounts.by_reference(reference)
    if account is not None:
        confirm_first_login(office, account)


def _request_new_password(office: Office, login: str) -> None:
    request_new_password(office, login)


def run_worker(office: Office, database_url: str, concurrency: int, mailbox: ImapMailbox | None = None) -> None:
    """Work until SIGTERM or SIGINT; come back by itself after PostgreSQL was away."""
    asyncio.run(_run_for_ever(office, database_url, concurrency, mailbox))


async def _run_for_ever(office: Office, database_url: str, concurrency: int, mailbox: ImapMailbox | None) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    while not stopping.is_set():
        try:
            await _run_once(office, database_url, concurrency, mailbox, stopping)
        except (ConnectorException, OSError, DatabaseGone) as error:
            _log.error("worker.database_gone", error=type(error).__name__, again_in_seconds=2)
            await _pause(stopping, 2)


async def _run_once(
    office: Office, database_url: str, concurrency: int, mailbox: ImapMailbox | None, stopping: asyncio.Event
) -> None:
    app = job_app(office, database_url, concurrency)
    async with app.open_async():
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=concurrency,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=_HEARTBEAT_SECONDS,
                stalled_worker_timeout=_STALLED_AFTER_SECONDS,
                shutdown_graceful_timeout=20,
                fetch_job_polling_interval=2,
            )
        )
        keepers = [
            asyncio.create_task(_every(5, stopping, lambda: _rescue(app))),
            asyncio.create_task(_every(2, stopping, lambda: asyncio.to_thread(_first_logins, office, everyone=False))),
            asyncio.create_task(_every(20, stopping, lambda: asyncio.to_thread(_first_logins, office, everyone=True))),
            asyncio.create_task(_every(3, stopping, lambda: asyncio.to_thread(_follow, office))),
            asyncio.create_task(_every(60, stopping, lambda: asyncio.to_thread(_alarm, office))),
            asyncio.create_task(_every(60, stopping, lambda: asyncio.to_thread(_housekeeping, office))),
            asyncio.create_task(_every(_MAILBOX_SECONDS, stopping, lambda: asyncio.to_thread(_read_mailbox, office, mailbox))),
        ]
        _log.info("worker.ready", concurrency=concurrency)
        waiting = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait({worker, waiting, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        for task in (worker, waiting, *keepers):
            task.cancel()
        await asyncio.gather(worker, waiting, *keepers, return_exceptions=True)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def _rescue(app: App) -> None:
    """Jobs of a worker that was killed are taken up again."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_AFTER_SECONDS):
        _log.warning("job.rescued", job=job.id, task=job.task_name)
        await app.job_manager.retry_job(job)


def _first_logins(office: Office, *, everyone: bool) -> None:
    count = confirm_first_logins(office, everyone=everyone, limit=60)
    if count:
        _log.info("accounts.active", count=count)


def _alarm(office: Office) -> None:
    with office.work() as work:
        late = work.accounts.waiting_too_long(office.clock.now() - office.rules.alarm_after)
    for account in late:
        _log.error("account.waits_too_long", reference=account.reference, why=account.trouble, since=str(account.trouble_since))


def _follow(office: Office) -> None:
    try:
        count = follow_keycloak(office)
    except DirectoryTrouble as trouble:
        _log.warning("keycloak.not_followed", why=trouble.kind)  # the cursor stays; the next round reads it all
        return
    if count:
        _log.info("keycloak.followed", events=count)


def _read_mailbox(office: Office, mailbox: ImapMailbox | None) -> None:
    if mailbox is None:
        return
    with office.only_one("mailbox") as alone:
        if not alone:
            return
        try:
            if count := mailbox.take(lambda incoming: take_in(office, incoming)):
                _log.info("mailbox.read", messages=count)
        except (MailboxGone, ScannerGone) as error:
            _log.warning("mailbox.not_read", why=str(error))  # the messages stay where they are


def _housekeeping(office: Office) -> None:
    """What has come to its day: terms to be announced, accounts to be closed, deleted, anonymised (S8)."""
    if told := announce_terms(office):
        _log.info("terms.announced", customers=told)
    if moved := close_due_accounts(office):
        _log.info("accounts.moved_on", count=moved)
    if told := remind_of_first_login(office):
        _log.info("accounts.reminded", count=told)
    if gone := forget_set_aside(office):
        _log.info("intake.forgotten", messages=gone)
    if past := forget_what_is_past(office):
        _log.info("retention.forgotten", **past)
    if sent := send_digest(office):
        _log.info("digest.sent", count=sent)
    if count := flood(office):
        _log.error("password_reset.flood", in_the_last_hour=count)


async def _every(seconds: float, stopping: asyncio.Event, do: Callable[[], Awaitable[None]]) -> None:
    while not stopping.is_set():
        await do()
        await _pause(stopping, seconds)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
