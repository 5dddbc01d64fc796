"""Runs the queue's jobs and the periodic duties of the worker process. Nothing but a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ibok_idp.applications.file import Application
from ibok_idp.database import make_engine
from provisioning.adapters.imap.mailbox import ImapMailbox
from provisioning.adapters.postgres.duty_book import HEARTBEAT, DutyBook
from provisioning.adapters.postgres.jobs import DUTIES, JOBS, GrowingPauses, TryLater
from provisioning.adapters.postgres.news import NewsBell
from provisioning.domain.errors import Outage
from provisioning.ports.news import Receivers
from provisioning.ports.services import Services
from provisioning.use_cases.account.confirm_first_login import confirm_first_login, confirm_first_logins
from provisioning.use_cases.account.follow_keycloak import follow_keycloak
from provisioning.use_cases.account.forget import forget_what_is_past
from provisioning.use_cases.account.keep_account import keep as keep_account
from provisioning.use_cases.account.keep_account import sweep
from provisioning.use_cases.account.request_new_password import flood, request_new_password
from provisioning.use_cases.account.resign import close_due_accounts
from provisioning.use_cases.desk.warn_of_terms import send_digest
from provisioning.use_cases.intake.read_mailbox import OfficeMailboxLog
from provisioning.use_cases.intake.take_in import forget_set_aside
from provisioning.use_cases.messages.mail_out import due_mails, send_mail
from provisioning.use_cases.messages.undelivered import remind_of_first_login
from provisioning.use_cases.news.tell import tell
from provisioning.use_cases.terms.accept_terms import announce_terms
from provisioning.worker.duties import Duty, DutyMetrics, Keeper, keep, wait
from provisioning.worker.health import Life, serve_health

_log = structlog.get_logger()
WEBHOOKS = "webhooks:"  # and the receiver: the name of a duty
_LOOK_AGAIN_SECONDS = 1
_HEARTBEAT_SECONDS = 2
_STALLED_AFTER_SECONDS = 10
_KEPT_BY_THE_QUEUE = timedelta(minutes=1)  # duties from this length on are periodic tasks; cron knows no shorter time


@dataclass(frozen=True)
class Told:
    """Who is told by webhooks, and what says that there is something to tell."""

    receivers: Receivers
    bell: NewsBell


def duties(services: Services, mailbox: ImapMailbox | None = None, told: Told | None = None) -> list[Duty]:
    """Everything the worker does again and again; what shall be done so gets a line here, and a name on the task page.

    Each receiver of webhooks is a duty of its own: one that is slow or dead keeps no other waiting.
    """

    def every(name: str, do: Callable[[], object], **length: float) -> Duty:
        return Duty(name, timedelta(**length), do)

    return [
        every(HEARTBEAT, lambda: None, seconds=5),
        every("first_logins", lambda: _first_logins(services, everyone=False), seconds=2),
        every("first_logins_unseen", lambda: _first_logins(services, everyone=True), seconds=20),
        every("follow_keycloak", lambda: _told("keycloak.followed", follow_keycloak(services)), seconds=3),
        every("accounts", lambda: sweep(services), seconds=2),  # what waits for its next try, and what lost its wake-up
        every("mails", lambda: due_mails(services), seconds=2),
        every("mailbox", lambda: _read_mailbox(services, mailbox), seconds=15),
        every("waiting_accounts", lambda: _alarm(services), minutes=1),
        every("announce_terms", lambda: _told("terms.announced", announce_terms(services)), minutes=1),
        every("close_accounts", lambda: _told("accounts.moved_on", close_due_accounts(services)), minutes=1),  # S8
        every("remind_of_first_login", lambda: _told("accounts.reminded", remind_of_first_login(services)), minutes=1),
        every("forget_intake", lambda: _told("intake.forgotten", forget_set_aside(services)), minutes=1),
        every("retention", lambda: _forget(services), minutes=1),
        every("digest", lambda: _told("digest.sent", send_digest(services)), minutes=1),
        every("password_flood", lambda: _flood(services), minutes=1),
        *(_telling(services, told) if told else ()),
    ]


def job_app(
    services: Services, database_url: str, concurrency: int, keepers: list[Keeper] | None = None, finished: Counter | None = None
) -> App:
    """The queue's app with its tasks.

    Args:
        keepers: duties whose time the queue keeps, each for all workers together.
        finished: counts jobs by task and outcome.
    """
    app = App(connector=PsycopgConnector(conninfo=database_url, min_size=2, max_size=concurrency + 8))

    def task(name: str, do: Callable[..., timedelta | None], *, retry: bool = True) -> None:
        """One kind of job; what nobody foresaw is logged, and tried again after growing pauses."""

        @app.task(name=name, retry=GrowingPauses() if retry else False)
        def run(**arguments: str) -> None:
            outcome = "failed"
            try:
                pause = do(services, **arguments)
                outcome = "done" if pause is None else "later"
            except Outage as away:
                _log.warning("job.waits", task=name, why=type(away).__name__)
                outcome = "later"
                raise
            except Exception:
                _log.exception("job.failed", task=name)
                raise
            finally:
                if finished is not None:
                    finished.labels(name, outcome).inc()
            if pause is not None:
                raise TryLater(pause.total_seconds())

    task("keep_account", _keep)
    task("send_mail", _send_mail)
    task("confirm_first_login", _confirm_first_login, retry=False)
    task("request_new_password", _request_new_password)
    for name in ("activate", "carry_out", "make_mailed_passwords_useless"):  # deferred by processes before schema 0010
        task(name, _keep)
    for keeper in keepers or []:
        _periodic(app, keeper)
    return app


def _keep(services: Services, login: str = "", reference: str = "") -> None:
    if not login:
        with services.work() as work:
            account = work.accounts.by_reference(reference)
        login = account.login if account is not None else ""
    keep_account(services, login)


def _send_mail(services: Services, message_id: str) -> None:
    send_mail(services, message_id)


def _periodic(app: App, keeper: Keeper) -> None:
    """A duty as a periodic task: one worker at a time, and one round waiting at most."""
    name = f"duty:{keeper.duty.name}"

    @app.periodic(cron="* * * * *")
    @app.task(name=name, queue=DUTIES, lock=name, queueing_lock=name)
    def run(timestamp: int) -> None:
        keeper.round_when_due()


def _confirm_first_login(services: Services, reference: str) -> None:
    with services.work() as work:
        account = work.accounts.by_reference(reference)
    if account is not None:
        confirm_first_login(services, account)


def _request_new_password(services: Services, login: str) -> None:
    request_new_password(services, login)


def run_worker(
    services: Services,
    database_url: str,
    concurrency: int,
    mailbox: ImapMailbox | None = None,
    told: Told | None = None,
    *,
    bind: str = "127.0.0.1",
    port: int = 0,
) -> None:
    """Work until SIGTERM or SIGINT, whatever fails meanwhile.

    Args:
        port: of /healthz, /readyz and /metrics; 0: they are not served.

    Raises:
        OSError: the port is taken.
    """
    _Worker(services, database_url, concurrency, duties(services, mailbox, told)).run(bind, port)


class _Worker:
    def __init__(self, services: Services, database_url: str, concurrency: int, work: list[Duty]) -> None:
        self._office, self._url, self._concurrency = services, database_url, concurrency
        self._registry = CollectorRegistry()
        self._finished = Counter("ibok_jobs", "Jobs by task and outcome", ["task", "outcome"], registry=self._registry)
        self._engine = make_engine(database_url, connections=4)  # its own, so that a full pool hides no sign of life
        self._book = DutyBook(self._engine)
        self._metrics = DutyMetrics(self._registry)
        self._life = Life()
        self._keepers = [Keeper(duty, self._book, self._metrics) for duty in work]

    def run(self, bind: str, port: int) -> None:
        end = serve_health(bind, port, self._life, self._registry, self._database_answers) if port else None
        try:
            asyncio.run(self._until_stopped())
        finally:
            if end is not None:
                end()

    async def _until_stopped(self) -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stopping.set)
        fast = [keeper for keeper in self._keepers if keeper.duty.every < _KEPT_BY_THE_QUEUE]
        slow = [keeper for keeper in self._keepers if keeper.duty.every >= _KEPT_BY_THE_QUEUE]
        # A thread for everybody who may hang: asyncio's own few would make a duty wait for another one's time-out.
        loop.set_default_executor(ThreadPoolExecutor(self._concurrency + len(self._keepers) + 4))
        await asyncio.gather(self._beat(stopping), self._take_jobs(slow, stopping), *(keep(keeper, stopping) for keeper in fast))

    async def _beat(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            self._life.beat()
            await wait(stopping, 1)

    async def _take_jobs(self, slow: list[Keeper], stopping: asyncio.Event) -> None:
        """Come back by itself after whatever ended the taking of jobs: PostgreSQL away, or what nobody foresaw."""
        failures = 0
        while not stopping.is_set():
            began = time.monotonic()
            try:
                await self._take_jobs_once(slow, stopping)
            except Exception as error:
                failures = failures + 1 if time.monotonic() - began < 60 else 1
                pause = min(30, 2**failures)
                _log.error("worker.queue_gone", error=type(error).__name__, again_in_seconds=pause)
                await wait(stopping, pause)
            finally:
                self._life.takes_jobs = False

    async def _take_jobs_once(self, slow: list[Keeper], stopping: asyncio.Event) -> None:
        app = job_app(self._office, self._url, self._concurrency, slow, self._finished)
        async with app.open_async():
            await asyncio.to_thread(self._book.keep_only, [keeper.duty.name for keeper in self._keepers])
            tasks = [
                asyncio.create_task(_worker_of(app, JOBS, self._concurrency)),
                asyncio.create_task(_worker_of(app, DUTIES, len(slow))),  # apart, so that no job makes a duty wait
                asyncio.create_task(_every(5, stopping, lambda: _rescue(app))),
                asyncio.create_task(stopping.wait()),
            ]
            self._life.takes_jobs = True
            _log.info("worker.ready", concurrency=self._concurrency)
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error

    def _database_answers(self) -> bool:
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM duties LIMIT 1"))
        except SQLAlchemyError:
            return False
        return True


async def _worker_of(app: App, queue: str, concurrency: int) -> None:
    await app.run_worker_async(
        queues=[queue],
        name=queue,
        concurrency=concurrency,
        delete_jobs="successful",
        install_signal_handlers=False,
        update_heartbeat_interval=_HEARTBEAT_SECONDS,
        stalled_worker_timeout=_STALLED_AFTER_SECONDS,
        shutdown_graceful_timeout=20,
        fetch_job_polling_interval=2,
    )


async def _rescue(app: App) -> None:
    """Jobs of a worker that was killed are taken up again; each for itself."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_AFTER_SECONDS):
        try:
            if job.queue == DUTIES:  # the next minute brings another, and only one may wait
                await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
            else:
                await app.job_manager.retry_job(job)
            _log.warning("job.rescued", job=job.id, task=job.task_name)
        except Exception as error:
            _log.error("job.not_rescued", job=job.id, task=job.task_name, why=type(error).__name__)


def _telling(services: Services, told: Told) -> Iterator[Duty]:
    for each in told.receivers.told:
        yield Duty(f"{WEBHOOKS}{each.client_id}", timedelta(milliseconds=10), partial(_tell, services, told, each))


def _tell(services: Services, told: Told, application: Application) -> None:
    """What is due, then wait for news; at the latest it is looked again after a second, for what waits for its pause."""
    rung = told.bell.times
    tell(services, told.receivers, application)
    told.bell.wait(rung, _LOOK_AGAIN_SECONDS)


def _told(event: str, count: int) -> None:
    if count:
        _log.info(event, count=count)


def _first_logins(services: Services, *, everyone: bool) -> None:
    _told("accounts.active", confirm_first_logins(services, everyone=everyone, limit=60))


def _alarm(services: Services) -> None:
    with services.work() as work:
        late = work.accounts.waiting_too_long(services.clock.now() - services.rules.alarm_after)
    for account in late:
        _log.error("account.waits_too_long", reference=account.reference, why=account.trouble, since=str(account.trouble_since))


def _read_mailbox(services: Services, mailbox: ImapMailbox | None) -> None:
    if mailbox is None:
        return
    with services.only_one("mailbox") as alone:
        if alone:
            _told("mailbox.read", mailbox.take(OfficeMailboxLog(services)))


def _forget(services: Services) -> None:
    if past := forget_what_is_past(services):
        _log.info("retention.forgotten", **past)


def _flood(services: Services) -> None:
    if count := flood(services):
        _log.error("password_reset.flood", in_the_last_hour=count)


async def _every(seconds: float, stopping: asyncio.Event, do: Callable[[], Awaitable[None]]) -> None:
    while not stopping.is_set():
        await do()
        await wait(stopping, seconds)
