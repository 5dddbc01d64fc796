"""`ibok-provisioning`: the commands of the utility's side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from ibok_idp.errors import IdpError
from ibok_idp.log import configure_logging
from ibok_idp.settings import load_settings
from provisioning.domain.audit_chain import ChainedLine
from provisioning.settings import Settings

app = typer.Typer(help="Applications, decisions and accounts: the utility's side of iBOK.", no_args_is_help=True)
audit = typer.Typer(help="The append-only audit.", no_args_is_help=True)
app.add_typer(audit, name="audit")
utility = typer.Typer(help="The facts of the utility (utility.toml).", no_args_is_help=True)
app.add_typer(utility, name="utility")
_console = Console(stderr=True)


@app.callback()
def _prepare() -> None:
    configure_logging()


@app.command()
def serve() -> None:
    """Run the staff UI and the API (gunicorn, port IBOK_PROVISIONING_PORT)."""
    settings = _settings()
    for name in ("session_key", "staff_client_secret"):
        if len(getattr(settings, name).get_secret_value()) < 16:
            _stop(f"IBOK_{name.upper()} is missing or too short: the staff UI cannot start without it.")
    from ibok_idp.serve import serve_with_gunicorn
    from provisioning.web import create_app

    serve_with_gunicorn(lambda: create_app(settings), f"{settings.bind}:{settings.provisioning_port}", settings.web_threads)


@app.command()
def worker() -> None:
    """Run the worker: makes Keycloak users, sends mails, notices first logins. Several may run at once."""
    settings = _settings()
    if not settings.provisioning_client_secret.get_secret_value():
        _stop("IBOK_PROVISIONING_CLIENT_SECRET is missing: the worker cannot reach Keycloak without it.")
    from provisioning.wiring import wire
    from provisioning.worker.run import run_worker

    wired = wire(settings)
    run_worker(wired.office, settings.database_url.get_secret_value(), settings.worker_concurrency)


@app.command()
def migrate() -> None:
    """Bring the database schema to this version. Safe to run again, and while older processes run."""
    from provisioning.adapters.postgres import make_engine, schema_version
    from provisioning.adapters.postgres import migrate as run_migrations

    engine = make_engine(_settings().database_url.get_secret_value())
    run_migrations(engine)
    _console.print(f"Schema is at version {schema_version(engine)}.")


@app.command("import-customers")
def import_customers(
    file: Annotated[
        Path, typer.Argument(help="CSV: customer_number, name, type, tax_id_or_pesel, supply_points, contract_numbers, email")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would change")] = False,
) -> None:
    """Import the customer register. UTF-8 or Windows-1250, `;` or `,`; several values in a field with `|` between them.

    Exit 0: every row was taken, 2: some rows were left out (each with its line and reason), 1: the file cannot be read.
    """
    from provisioning.adapters.customer_register import RegisterFileError, fingerprint_with
    from provisioning.adapters.customer_register import import_customers as run_import
    from provisioning.adapters.postgres import make_engine

    settings = _settings()
    engine = make_engine(settings.database_url.get_secret_value())
    fingerprint = fingerprint_with(settings.personal_data_key.get_secret_value())
    try:
        outcome = run_import(engine, file, settings.customer_number_pattern, fingerprint, dry_run=dry_run)
    except RegisterFileError as error:
        _stop(str(error))
    for bad in outcome.bad:
        _console.print(f"line {bad.line}: {bad.reason}", style="yellow", soft_wrap=True, highlight=False, markup=False)
    verb = "would be" if dry_run else "are"
    _console.print(
        f"{outcome.rows} rows read, {len(outcome.bad)} left out; {outcome.added} {verb} added, {outcome.changed} changed, {outcome.gone} gone."
    )
    sys.exit(2 if outcome.bad else 0)


@utility.command()
def check(file: Annotated[Path, typer.Argument(help="a utility.toml")]) -> None:
    """Say whether a file with the facts of a utility is good, or what is wrong with it and where."""
    from ibok_idp.look.company import load_utility

    try:
        found = load_utility(file)
    except IdpError as error:
        _stop(str(error))
    closing = found.account_closing
    _console.print(
        f"Good: {found.company.name}; help line {found.contact.phones}; a resignation takes effect after {closing.resignation_days} days, "
        f"deletion {closing.delete_after_days} days later, retention {closing.retention_days} days.",
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
    with wire(_settings()).office.work() as work:

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
) -> None:
    """Compare every account with Keycloak: missing, extra, disabled, wrong e-mail or numbers, out of the group.

    Exit 0: they agree, 2: they differ (with --repair: and something needs a person), 1: cannot tell.
    """
    from provisioning.ports import DirectoryTrouble
    from provisioning.use_cases.reconcile import reconcile as compare
    from provisioning.wiring import wire

    settings = _settings()
    if not settings.provisioning_client_secret.get_secret_value():
        _stop("IBOK_PROVISIONING_CLIENT_SECRET is missing: Keycloak cannot be asked without it.")
    found = left = 0
    try:
        for each in compare(wire(settings).office, repair=repair):
            found += 1
            repaired = repair and each.repairable
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


def _settings() -> Settings:
    try:
        return load_settings(Settings)
    except IdpError as error:
        _stop(str(error))


def _stop(message: str) -> NoReturn:
    _console.print(message, style="red", soft_wrap=True, highlight=False)
    raise typer.Exit(1)
