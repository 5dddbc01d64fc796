"""`python -m faults`: a campaign on a stack of its own. Exit code 0 only when every invariant holds."""

from __future__ import annotations

import secrets
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from faults import campaign
from faults.campaign import Plan
from faults.ground import BesideSharedStack, Ground
from tests.support.world import World


def main(
    minutes: Annotated[float, typer.Option(help="how long faults strike")] = 15,
    applications: Annotated[int, typer.Option(min=1, help="how many applications are filed and decided")] = 5000,
    faults: Annotated[int, typer.Option(min=0, help="how many faults strike")] = 500,
    seed: Annotated[str, typer.Option(help="what is done and struck; empty: drawn, and printed")] = "",
    threads: Annotated[int, typer.Option(min=1, help="clients at the same time")] = 8,
    short: Annotated[
        bool, typer.Option("--short", help="under two minutes: 110 applications, 36 faults of 8 s at the most")
    ] = False,
    keycloak_away: Annotated[
        float, typer.Option(help="minutes: no other fault, but Keycloak is away so long while everything is approved")
    ] = 0,
    beside: Annotated[Path | None, typer.Option(help="stack.json of a running stack that lends PostgreSQL and Keycloak")] = None,
    keep: Annotated[Path | None, typer.Option(help="folder in which state, logs and journal stay; empty: they go")] = None,
    results: Annotated[bool, typer.Option(help="write the table to faults/results/")] = True,
) -> None:
    """Work and break things at the same time, then judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing it started is left behind
    console = Console(width=160)
    seed = (seed or secrets.token_hex(4)).lower()
    console.print(f"seed {seed}", highlight=False)
    with tempfile.TemporaryDirectory(prefix="ibok-faults-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # PostgreSQL runs as another user when this runs as root
        ground = BesideSharedStack(folder, World(beside), console) if beside else Ground(folder, console)
        plan = Plan(seed, applications, faults, minutes * 60, threads)
        if short:
            plan = short_plan(seed)
        if keycloak_away:
            plan = Plan(seed, applications, 0, keycloak_away * 60, threads)
        ground.start()
        watching = threading.Thread(target=ground.watch, daemon=True)
        watching.start()
        try:
            outcome = (campaign.away if keycloak_away else campaign.run)(ground, plan, console)
        finally:
            ground.stop()
            watching.join(60)
    campaign.show(outcome, console)
    if results:
        console.print(f"Written to {campaign.write(outcome, campaign.RESULTS)}.", highlight=False)
    sys.exit(1 if outcome.breaches else 0)


def short_plan(seed: str) -> Plan:
    """The campaign that is part of `make test`."""
    return Plan(seed, 110, 36, 45, threads=4, longest=8, patience=60, logins=8, quick=True)


if __name__ == "__main__":
    typer.run(main)
