"""`ibok-provisioning`: the commands of the utility's side."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from ibok_idp.applications.file import Application
from ibok_idp.errors import IdpError
from ibok_idp.log import configure_logging
from ibok_idp.settings import load_settings
from ibok_idp.texts import SOURCE
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.audit_chain import ChainedLine
from provisioning.domain.news import DeliveryState
from provisioning.domain.rights import Role
from provisioning.settings import Settings

if TYPE_CHECKING:
    from provisioning.wiring import Wired

app = typer.Typer(help="Applications, decisions and accounts: the utility's side of iBOK.", no_args_is_help=True)
audit = typer.Typer(help="The append-only audit.", no_args_is_help=True)
app.add_typer(audit, name="audit")
utility = typer.Typer(help="The facts of the utility (utility.toml).", no_args_is_help=True)
app.add_typer(utility, name="utility")
webhooks = typer.Typer(help="Applications that are told of accounts (IBOK_APPLICATIONS_FILE).", no_args_is_help=True)
app.add_typer(webhooks, name="webhooks")
_IT = Actor("ibok-provisioning webhooks", frozenset({Role.MANAGER}))
_console = Console(stderr=True)


@app.callback()
def _prepare() -> None:
    configure_logging()


@app.command()
def serve() -> None:
    """Run the staff UI and the API (port IBOK_PROVISIONING_PORT)."""
    settings = _settings()
    for name in ("session_key", "staff_client_secret"):
        if len(getattr(settings, name).get_secret_value()) < 16:
            _stop(f"IBOK_{name.upper()} is missing or too short: the staff UI cannot start without it.")
    from ibok_idp.serve import serve as serve_web
    from provisioning.staff_ui.limits import LARGEST_BODY
    from provisioning.web import create_app

    bind = f"{settings.bind}:{settings.provisioning_port}"
    serve_web(lambda: create_app(settings), bind, settings.web_threads, largest_body=LARGEST_BODY, processes=settings.web_processes)


@app.command()
def worker() -> None:
    """Run the worker: makes Keycloak users, sends mails, notices first logins. Several may run at once, each with its port.

    /healthz, /readyz and /metrics are on port IBOK_WORKER_PORT.
    """
    settings = _settings()
    if not settings.provisioning_client_secret.get_secret_value():
        _stop("IBOK_PROVISIONING_CLIENT_SECRET is missing: the worker cannot reach Keycloak without it.")
    from provisioning.worker.run import Told, run_worker

    wired = _wired(settings)
    told = Told(wired.receivers(), wired.bell)
    url, concurrency = settings.database_url.get_secret_value(), settings.worker_concurrency
    try:
        run_worker(wired.services, url, concurrency, wired.mailbox(), told, bind=settings.bind, port=settings.worker_port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _stop(f"Port {settings.worker_port} is taken: set IBOK_WORKER_PORT to another one, or to 0 for none.")


@app.command()
def migrate() -> None:
    """Bring the database schema to this version. Safe to run again; CHANGELOG.md says when older processes must stop first."""
    from ibok_idp.database import make_engine
    from provisioning.adapters.postgres.schema import migrate as run_migrations
    from provisioning.adapters.postgres.schema import schema_version

    engine = make_engine(_settings().database_url.get_secret_value())
    run_migrations(engine)
    _console.print(f"Schema is at version {schema_version(engine)}.")


@app.command("import-customers")
def import_customers(
    file: Annotated[
        Path, typer.Argument(help="CSV: customer_number, name, type, tax_id_or_pesel, supply_points, contract_numbers, email")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would change")] = False,
    agreed: Annotated[int, typer.Option("--gone", help="so many customers may count as gone", min=0)] = 0,
) -> None:
    """Import the customer register, as a spreadsheet saves it; several values in a field with `|` between them.

    Exit 0: every row was taken, 2: some rows were left out (each with its line and reason), 1: the file cannot be read, or it would
    mark too many customers as gone; nothing was changed then.
    """
    from ibok_idp.database import make_engine
    from provisioning.adapters.csv_file import CsvFileError
    from provisioning.adapters.postgres.customer_register import fingerprint_with
    from provisioning.adapters.postgres.customer_register import import_customers as run_import

    settings = _settings()
    engine = make_engine(settings.database_url.get_secret_value())
    fingerprint = fingerprint_with(settings.personal_data_key.get_secret_value())
    try:
        outcome = run_import(
            engine,
            file,
            settings.customer_number_pattern,
            fingerprint,
            largest_loss=settings.register_largest_loss,
            agreed_loss=agreed,
            dry_run=dry_run,
        )
    except CsvFileError as error:
        _stop(f"{error} See docs/how-to/import-customers.md.")
    for bad in outcome.bad:
        _console.print(f"line {bad.line}: {bad.reason}", style="yellow", soft_wrap=True, highlight=False, markup=False)
    verb = "would be" if dry_run or outcome.too_many_gone else "are"
    _console.print(
        f"{outcome.rows} rows read, {len(outcome.bad)} left out; {outcome.added} {verb} added, {outcome.changed} changed, {outcome.gone} gone."
    )
    if outcome.nameless:
        _console.print(f"Nobody counts as gone: {outcome.nameless} of the rows left out may be anybody's.")
    if outcome.too_many_gone:
        _stop(
            f"Nothing was changed: {outcome.gone} customers gone is more than IBOK_REGISTER_LARGEST_LOSS "
            f"({settings.register_largest_loss} %). Is the file whole? If they have left, run it again with --gone {outcome.gone}."
        )
    sys.exit(2 if outcome.bad else 0)


@app.command("import-applications")
def import_applications(
    file: Annotated[Path, typer.Argument(help="CSV of typed-in paper applications; columns as docs/how-to/import-applications.md")],
    by: Annotated[str, typer.Option("--by", help="login of the member of staff who answers for the batch")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only check every row")] = False,
    bad: Annotated[Path | None, typer.Option("--bad", help="write the rows that were left out here, with their reasons")] = None,
) -> None:
    """Enter a batch of paper applications; each waits for a decision like any other. The same row again is not a second one.

    Exit 0: every row was taken, 2: some were left out (each with its line and reasons), 1: the file cannot be read.
    """
    from provisioning.adapters.application_batch import read_batch, write_bad
    from provisioning.adapters.csv_file import CsvFileError
    from provisioning.domain.actors import Actor
    from provisioning.domain.rights import Role
    from provisioning.use_cases.application.register_paper import register_once
    from provisioning.wiring import wire

    wired = wire(_settings())
    services = wired.services
    form = services.current_form(services.clock.today())
    actor = Actor(by, frozenset({Role.CLERK.value}))
    left_out, taken, again = [], 0, 0
    try:
        for row in read_batch(file, form, wired.checker()):
            if row.submission is None:
                left_out.append(row)
                _console.print(
                    f"line {row.line}: {'; '.join(row.errors)}", style="yellow", soft_wrap=True, highlight=False, markup=False
                )
            elif dry_run or register_once(services, actor, row.submission, row.key)[1]:
                taken += 1
            else:
                again += 1
    except CsvFileError as error:
        _stop(f"{error} See docs/how-to/import-applications.md.")
    if bad is not None and left_out:
        write_bad(bad, form, left_out)
    verb = "would be entered" if dry_run else "entered"
    _console.print(f"{taken} applications {verb}, {again} were here already, {len(left_out)} left out.")
    sys.exit(2 if left_out else 0)


@app.command("derive-terms")
def derive(
    apply: Annotated[bool, typer.Option("--apply", help="write the new due dates; without it only say what would change")] = False,
) -> None:
    """Derive the due dates of open applications again, after the holidays or the term have changed (S4).

    Exit 0: nothing (more) to change, 2: something would change.
    """
    from provisioning.domain.actors import Actor
    from provisioning.domain.rights import Role
    from provisioning.use_cases.desk.derive_terms import derive_terms, preview
    from provisioning.wiring import wire

    services = wire(_settings()).services
    moved = derive_terms(services, Actor("ibok-provisioning", frozenset({Role.MANAGER.value}))) if apply else preview(services)
    for each in moved:
        _console.print(f"{each.reference}  {each.old or '–'} -> {each.new or '–'}", highlight=False)
    _console.print(f"{len(moved)} due dates {'changed' if apply else 'would change'}.")
    sys.exit(2 if moved and not apply else 0)


@app.command("numbers-jump")
def numbers_jump(
    by: Annotated[int, typer.Option("--by", min=1, max=10**9, help="so many numbers after the highest one that is known")] = 10_000,
) -> None:
    """After a restore: go on with references well after every known one, so that none is given out twice. Safe to run again.

    Exit 1: Keycloak cannot be asked; nothing was changed.
    """
    from provisioning.domain.actors import Actor
    from provisioning.ports.directory import DirectoryTrouble
    from provisioning.use_cases.application.numbers import jump
    from provisioning.wiring import wire

    settings = _settings()
    if not settings.provisioning_client_secret.get_secret_value():
        _stop("IBOK_PROVISIONING_CLIENT_SECRET is missing: Keycloak cannot be asked without it.")
    try:
        stood, now = jump(wire(settings).services, Actor("ibok-provisioning"), by)
    except DirectoryTrouble as trouble:
        _stop(f"Keycloak cannot be asked ({trouble.kind}): run `ibok-provisioning doctor`. Nothing was changed.")
    _console.print(
        f"The highest known number is {stood.known}; numbers stood at {stood.given_out} "
        + ("and stay there." if now == stood.given_out else f"and go on after {now}."),
        highlight=False,
    )


@app.command("generate-demo")
def generate_demo(
    applications: Annotated[int, typer.Option("--applications", min=1, max=5_000_000, help="how many invented applications")],
) -> None:
    """Fill the queue with invented applications, to try it out or to measure it. Refused where IBOK_WEBAPP_URL is not this machine."""
    from provisioning.adapters.postgres.demo_applications import generate
    from provisioning.domain.actors import Actor
    from provisioning.wiring import wire

    settings = _settings()
    if settings.webapp_url.host not in ("localhost", "127.0.0.1"):
        _stop(
            f"{settings.webapp_url} is not this machine: invented applications do not belong into a real queue. Nothing was done."
        )
    wired = wire(settings)
    services = wired.services
    with services.work() as work:
        generate(services, work, applications, lambda count: _console.print(f"{count} of {applications}", highlight=False))
        work.audit.write(
            Actor("ibok-provisioning"), AuditAction.DEMO_GENERATED, "demo", {"applications": applications}, services.clock.now()
        )
    with wired.engine.connect() as plain:
        plain.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE applications, search_names")
    _console.print(f"{applications} invented applications are in the queue.")


@utility.command()
def check(file: Annotated[Path, typer.Argument(help="a utility.toml")]) -> None:
    """Say whether a file with the facts of a utility is good, or what is wrong with it and where."""
    from ibok_idp.look.company import load_utility

    try:
        found = load_utility(file)
    except IdpError as error:
        _stop(str(error))
    closing, kept = found.account_closing, found.retention
    _console.print(
        f"Good: {found.company.name}; help line {found.phones(SOURCE)}; a resignation takes effect after {closing.resignation_days} days, "
        f"deletion {closing.delete_after_days} days later, retention {closing.retention_days} days. An application goes {kept.unconfirmed_days} days after it came when nobody confirmed it, "
        f"{kept.withdrawn_days} days after its withdrawal, {kept.rejected_days} days after its rejection.",
        soft_wrap=True,
        highlight=False,
    )


@webhooks.command("list")
def list_webhooks() -> None:
    """Each receiver: whether it answers, what waits, what is parked. Exit 2 when something is parked or switched off."""
    wired = _wired(_settings())
    with wired.services.work() as work:
        receivers, counts = work.deliveries.receivers(), work.deliveries.counts()
    wrong = False
    for told in wired.receivers().told:
        receiver, count = receivers.get(told.client_id), counts.get(told.client_id, {})
        off = receiver is not None and receiver.off_since is not None
        parked = count.get(DeliveryState.PARKED, 0)
        wrong = wrong or off or parked > 0
        answer = (
            f"{receiver.answer}, {receiver.answered_at:%Y-%m-%d %H:%M:%S}" if receiver and receiver.answered_at else "not told yet"
        )
        words = f"{told.client_id}  {'switched off (410)' if off else answer}  waiting {count.get(DeliveryState.WAITING, 0)}  parked {parked}"
        _console.print(words, soft_wrap=True, highlight=False, markup=False)
    sys.exit(2 if wrong else 0)


@webhooks.command("test")
def test_webhook(receiver: Annotated[str, typer.Argument(help="its client_id")]) -> None:
    """Have the worker send a test event; `webhooks list` then shows the answer."""
    from provisioning.use_cases.news.tell import send_test

    wired = _wired(_settings())
    _told(wired, receiver)
    _console.print(f"Test event {send_test(wired.services, _IT, receiver)} is on its way.", highlight=False)


@webhooks.command("replay")
def replay_webhooks(
    receiver: Annotated[str, typer.Argument(help="its client_id")],
    since: Annotated[datetime, typer.Option(help="from when on, for instance 2026-11-30 or 2026-11-30T12:00:00 (UTC)")],
) -> None:
    """Send everything since then once more, in order for each account. The receiver knows repetitions by their webhook-id."""
    from provisioning.use_cases.news.tell import replay

    wired = _wired(_settings())
    found = replay(wired.services, _IT, _told(wired, receiver), since.replace(tzinfo=UTC))
    _console.print(f"{found} events are on their way.", highlight=False)


@webhooks.command("on")
def switch_on_webhooks(receiver: Annotated[str, typer.Argument(help="its client_id")]) -> None:
    """Tell a receiver again that had answered 410 (gone), also what it missed."""
    from provisioning.use_cases.news.tell import switch_on

    wired = _wired(_settings())
    switch_on(wired.services, _IT, _told(wired, receiver).client_id)
    _console.print(f"{receiver} is told again.", highlight=False)


def _told(wired: Wired, receiver: str) -> Application:
    found = wired.applications.get(receiver)
    if found is None or found.webhook is None:
        _stop(f"{receiver} has no webhook in IBOK_APPLICATIONS_FILE ({wired.settings.applications_file or 'not set'}).")
    return found


@audit.command()
def verify() -> None:
    """Walk the audit's chain of hashes. Exit 0: it holds, 2: it does not, with every line that is changed, missing or out of order."""
    from provisioning.domain.audit_chain import faults
    from provisioning.wiring import wire

    last: list[tuple[int, str]] = [(0, "")]
    found = 0
    with wire(_settings()).services.work() as work:

        def counted() -> Iterator[ChainedLine]:
            for line in work.audit.chain():
                last[0] = (line.number, line.hash)
                yield line

        for fault in faults(counted()):
            found += 1
            words = {
                "changed": f"line {fault.number} was changed",
                "missing": f"lines are missing before line {fault.number}",
                "reordered": f"line {fault.number} does not follow the line before it",
            }[fault.kind]
            _console.print(words, style="red", highlight=False)
    number, digest = last[0]
    if found:
        _console.print(f"The chain does not hold: {found} faults in {number} lines.")
        sys.exit(2)
    _console.print(f"The chain holds: {number} lines, the last with hash {digest}. Note it down: it proves that none was cut off.")


@app.command()
def reconcile(
    repair: Annotated[
        bool, typer.Option("--repair", help="bring Keycloak to where our accounts stand; without it only report")
    ] = False,
    reopen: Annotated[
        list[str] | None,
        typer.Option(
            "--open", help="a login you have looked at: its user is enabled, or made again with a new mail (may be repeated)"
        ),
    ] = None,
) -> None:
    """Compare every account with Keycloak: missing, extra, disabled, wrong e-mail or numbers, out of the group.

    A user that is disabled or missing in Keycloak is never opened by --repair alone: after a restore it may be one that a
    registrar suspended or deleted since the back-up. Look at it, then name it with --open.

    Exit 0: they agree, 2: they differ (with --repair: and something needs a person), 1: cannot tell.
    """
    from provisioning.ports.directory import DirectoryTrouble
    from provisioning.use_cases.account.reconcile import reconcile as compare
    from provisioning.wiring import wire

    settings = _settings()
    if not settings.provisioning_client_secret.get_secret_value():
        _stop("IBOK_PROVISIONING_CLIENT_SECRET is missing: Keycloak cannot be asked without it.")
    found = left = 0
    try:
        for each in compare(wire(settings).services, repair=repair, reopen=frozenset(reopen or [])):
            found += 1
            repaired = (repair and each.repairable) or each.login in (reopen or [])
            left += not repaired
            _console.print(
                f"{each.login}  {each.kind}: {each.ours or '–'} here, {each.theirs or '–'} in Keycloak"
                + ("  (being repaired)" if repaired else "" if each.repairable else "  (needs a person)"),
                soft_wrap=True,
                highlight=False,
                markup=False,
            )
    except DirectoryTrouble as trouble:
        _stop(f"Keycloak cannot be asked ({trouble.kind}): run `ibok-provisioning doctor`. What was repaired until now stays.")
    _console.print(f"{found} differences." if found else "Every account agrees with Keycloak.")
    sys.exit(2 if left else 0)


@app.command()
def doctor() -> None:
    """Check database, queue, mail server and Keycloak; say what is wrong and what to do. Exit 1 when something is."""
    from provisioning.doctor import examine

    findings = examine(_settings())
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]NOT OK[/]"
        _console.print(f"{mark}  {finding.what}: {finding.words}", soft_wrap=True)
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


def _wired(settings: Settings) -> Wired:
    from provisioning.wiring import wire

    try:
        return wire(settings)
    except IdpError as error:
        _stop(str(error))


def _settings() -> Settings:
    try:
        return load_settings(Settings)
    except IdpError as error:
        _stop(str(error))


def _stop(message: str) -> NoReturn:
    _console.print(message, style="red", soft_wrap=True, highlight=False)
    raise typer.Exit(1)
