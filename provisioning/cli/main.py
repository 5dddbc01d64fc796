"""`ibok-provisioning`: the commands of the utility's side."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ibok_idp.errors import IdpError
from ibok_idp.log import configure_logging
from ibok_idp.texts import SOURCE
from ibok_idp.version import Version
from provisioning.cli.at_hand import console, settings_here, stop, wired_here
from provisioning.cli.webhooks import webhooks
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.audit_chain import ChainedLine
from provisioning.domain.rights import Role

app = typer.Typer(help="Applications, decisions and accounts: the utility's side of iBOK.", no_args_is_help=True)
audit = typer.Typer(help="The append-only audit.", no_args_is_help=True)
app.add_typer(audit, name="audit")
utility = typer.Typer(help="The facts of the utility (utility.toml).", no_args_is_help=True)
app.add_typer(utility, name="utility")
app.add_typer(webhooks, name="webhooks")


@app.callback()
def _prepare(version: Version = False) -> None:
    configure_logging()


@app.command()
def serve() -> None:
    """Run the staff UI and the API (port IBOK_PROVISIONING_PORT)."""
    settings = settings_here()
    for name in ("session_key", "staff_client_secret"):
        if len(getattr(settings, name).get_secret_value()) < 16:
            stop(f"IBOK_{name.upper()} is missing or too short: the staff UI cannot start without it.")
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
    settings = settings_here()
    if not settings.provisioning_client_secret.get_secret_value():
        stop("IBOK_PROVISIONING_CLIENT_SECRET is missing: the worker cannot reach Keycloak without it.")
    from provisioning.worker.run import Told, run_worker

    wired = wired_here(settings)
    told = Told(wired.receivers(), wired.bell)
    url, concurrency = settings.database_url.get_secret_value(), settings.worker_concurrency
    try:
        run_worker(wired.services, url, concurrency, wired.mailbox(), told, bind=settings.bind, port=settings.worker_port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        stop(f"Port {settings.worker_port} is taken: set IBOK_WORKER_PORT to another one, or to 0 for none.")


@app.command()
def migrate() -> None:
    """Bring the database schema to this version, while older processes run. Safe to run again.

    A schema that a newer version made is left as it is: this version works on it.
    """
    from ibok_idp.database import make_engine
    from provisioning.adapters.postgres.schema import made_by_a_newer_version, newest_schema, schema_version
    from provisioning.adapters.postgres.schema import migrate as run_migrations

    engine = make_engine(settings_here().database_url.get_secret_value())
    run_migrations(engine)
    if made_by_a_newer_version(engine):
        console.print(
            f"A newer version brought the schema to {schema_version(engine)}. This one knows {newest_schema()} and works on it as it is: "
            "nothing to do (docs/how-to/roll-back.md).",
            soft_wrap=True,
            highlight=False,
        )
        return
    console.print(f"Schema is at version {schema_version(engine)}.")


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

    settings = settings_here()
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
        stop(f"{error} See docs/how-to/import-customers.md.")
    for bad in outcome.bad:
        console.print(f"line {bad.line}: {bad.reason}", style="yellow", soft_wrap=True, highlight=False, markup=False)
    verb = "would be" if dry_run or outcome.too_many_gone else "are"
    console.print(
        f"{outcome.rows} rows read, {len(outcome.bad)} left out; {outcome.added} {verb} added, {outcome.changed} changed, {outcome.gone} gone."
    )
    if outcome.nameless:
        console.print(f"Nobody counts as gone: {outcome.nameless} of the rows left out may be anybody's.")
    if outcome.too_many_gone:
        stop(
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
    from provisioning.use_cases.application.register_paper import register_once
    from provisioning.wiring import wire

    wired = wire(settings_here())
    services = wired.services
    form = services.current_form(services.clock.today())
    actor = Actor(by, frozenset({Role.CLERK.value}))
    left_out, taken, again = [], 0, 0
    try:
        for row in read_batch(file, form, wired.checker()):
            if row.submission is None:
                left_out.append(row)
                console.print(
                    f"line {row.line}: {'; '.join(row.errors)}", style="yellow", soft_wrap=True, highlight=False, markup=False
                )
            elif dry_run or register_once(services, actor, row.submission, row.key)[1]:
                taken += 1
            else:
                again += 1
    except CsvFileError as error:
        stop(f"{error} See docs/how-to/import-applications.md.")
    if bad is not None and left_out:
        write_bad(bad, form, left_out)
    verb = "would be entered" if dry_run else "entered"
    console.print(f"{taken} applications {verb}, {again} were here already, {len(left_out)} left out.")
    sys.exit(2 if left_out else 0)


@app.command("derive-terms")
def derive(
    apply: Annotated[bool, typer.Option("--apply", help="write the new due dates; without it only say what would change")] = False,
) -> None:
    """Derive the due dates of open applications again, after the holidays or the term have changed (S4).

    Exit 0: nothing (more) to change, 2: something would change.
    """
    from provisioning.use_cases.desk.derive_terms import derive_terms, preview
    from provisioning.wiring import wire

    services = wire(settings_here()).services
    moved = derive_terms(services, Actor("ibok-provisioning", frozenset({Role.MANAGER.value}))) if apply else preview(services)
    for each in moved:
        console.print(f"{each.reference}  {each.old or '–'} -> {each.new or '–'}", highlight=False)
    console.print(f"{len(moved)} due dates {'changed' if apply else 'would change'}.")
    sys.exit(2 if moved and not apply else 0)


@app.command("numbers-jump")
def numbers_jump(
    by: Annotated[int, typer.Option("--by", min=1, max=10**9, help="so many numbers after the highest one that is known")] = 10_000,
) -> None:
    """After a restore: go on with references well after every known one, so that none is given out twice. Safe to run again.

    Exit 1: Keycloak cannot be asked; nothing was changed.
    """
    from provisioning.ports.directory import DirectoryTrouble
    from provisioning.use_cases.application.numbers import jump
    from provisioning.wiring import wire

    settings = settings_here()
    if not settings.provisioning_client_secret.get_secret_value():
        stop("IBOK_PROVISIONING_CLIENT_SECRET is missing: Keycloak cannot be asked without it.")
    try:
        stood, now = jump(wire(settings).services, Actor("ibok-provisioning"), by)
    except DirectoryTrouble as trouble:
        stop(f"Keycloak cannot be asked ({trouble.kind}): run `ibok-provisioning doctor`. Nothing was changed.")
    console.print(
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
    from provisioning.wiring import wire

    settings = settings_here()
    if settings.webapp_url.host not in ("localhost", "127.0.0.1"):
        stop(f"{settings.webapp_url} is not this machine: invented applications do not belong into a real queue. Nothing was done.")
    wired = wire(settings)
    services = wired.services
    with services.work() as work:
        generate(services, work, applications, lambda count: console.print(f"{count} of {applications}", highlight=False))
        work.audit.write(
            Actor("ibok-provisioning"), AuditAction.DEMO_GENERATED, "demo", {"applications": applications}, services.clock.now()
        )
    with wired.engine.connect() as plain:
        plain.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE applications, search_names")
    console.print(f"{applications} invented applications are in the queue.")


@utility.command()
def check(file: Annotated[Path, typer.Argument(help="a utility.toml")]) -> None:
    """Say whether a file with the facts of a utility is good, or what is wrong with it and where."""
    from ibok_idp.look.company import load_utility

    try:
        found = load_utility(file)
    except IdpError as error:
        stop(str(error))
    closing, kept = found.account_closing, found.retention
    console.print(
        f"Good: {found.company.name}; help line {found.phones(SOURCE)}; a resignation takes effect after {closing.resignation_days} days, "
        f"deletion {closing.delete_after_days} days later, retention {closing.retention_days} days. An application goes {kept.unconfirmed_days} days after it came when nobody confirmed it, "
        f"{kept.withdrawn_days} days after its withdrawal, {kept.rejected_days} days after its rejection.",
        soft_wrap=True,
        highlight=False,
    )


@audit.command()
def verify() -> None:
    """Walk the audit's chain of hashes. Exit 0: it holds, 2: it does not, with every line that is changed, missing or out of order."""
    from provisioning.domain.audit_chain import faults
    from provisioning.wiring import wire

    last: list[tuple[int, str]] = [(0, "")]
    found = 0
    with wire(settings_here()).services.work() as work:

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
            console.print(words, style="red", highlight=False)
    number, digest = last[0]
    if found:
        console.print(f"The chain does not hold: {found} faults in {number} lines.")
        sys.exit(2)
    console.print(f"The chain holds: {number} lines, the last with hash {digest}. Note it down: it proves that none was cut off.")


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

    settings = settings_here()
    if not settings.provisioning_client_secret.get_secret_value():
        stop("IBOK_PROVISIONING_CLIENT_SECRET is missing: Keycloak cannot be asked without it.")
    found = left = 0
    try:
        for each in compare(wire(settings).services, repair=repair, reopen=frozenset(reopen or [])):
            found += 1
            repaired = (repair and each.repairable) or each.login in (reopen or [])
            left += not repaired
            console.print(
                f"{each.login}  {each.kind}: {each.ours or '–'} here, {each.theirs or '–'} in Keycloak"
                + ("  (being repaired)" if repaired else "" if each.repairable else "  (needs a person)"),
                soft_wrap=True,
                highlight=False,
                markup=False,
            )
    except DirectoryTrouble as trouble:
        stop(f"Keycloak cannot be asked ({trouble.kind}): run `ibok-provisioning doctor`. What was repaired until now stays.")
    console.print(f"{found} differences." if found else "Every account agrees with Keycloak.")
    sys.exit(2 if left else 0)


@app.command()
def doctor() -> None:
    """Check database, queue, mail server and Keycloak; say what is wrong and what to do. Exit 1 when something is."""
    from provisioning.doctor import examine

    findings = examine(settings_here())
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]NOT OK[/]"
        console.print(f"{mark}  {finding.what}: {finding.words}", soft_wrap=True)
    sys.exit(0 if all(finding.ok for finding in findings) else 1)
