"""`ibok-provisioning webhooks`: applications that are told of accounts."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ibok_idp.applications.file import Application
from provisioning.cli.at_hand import console, settings_here, stop, wired_here
from provisioning.domain.actors import Actor
from provisioning.domain.news import DeliveryState
from provisioning.domain.rights import Role

if TYPE_CHECKING:
    from provisioning.wiring import Wired

webhooks = typer.Typer(help="Applications that are told of accounts (IBOK_APPLICATIONS_FILE).", no_args_is_help=True)


_IT = Actor("ibok-provisioning webhooks", frozenset({Role.MANAGER}))


@webhooks.command("list")
def list_webhooks() -> None:
    """Each receiver: whether it answers, what waits, what is parked. Exit 2 when something is parked or switched off."""
    wired = wired_here(settings_here())
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
        console.print(words, soft_wrap=True, highlight=False, markup=False)
    sys.exit(2 if wrong else 0)


@webhooks.command("test")
def test_webhook(receiver: Annotated[str, typer.Argument(help="its client_id")]) -> None:
    """Have the worker send a test event; `webhooks list` then shows the answer."""
    from provisioning.use_cases.news.tell import send_test

    wired = wired_here(settings_here())
    _told(wired, receiver)
    console.print(f"Test event {send_test(wired.services, _IT, receiver)} is on its way.", highlight=False)


@webhooks.command("replay")
def replay_webhooks(
    receiver: Annotated[str, typer.Argument(help="its client_id")],
    since: Annotated[datetime, typer.Option(help="from when on, for instance 2026-11-30 or 2026-11-30T12:00:00 (UTC)")],
) -> None:
    """Send everything since then once more, in order for each account. The receiver knows repetitions by their webhook-id."""
    from provisioning.use_cases.news.tell import replay

    wired = wired_here(settings_here())
    found = replay(wired.services, _IT, _told(wired, receiver), since.replace(tzinfo=UTC))
    console.print(f"{found} events are on their way.", highlight=False)


@webhooks.command("on")
def switch_on_webhooks(receiver: Annotated[str, typer.Argument(help="its client_id")]) -> None:
    """Tell a receiver again that had answered 410 (gone), also what it missed."""
    from provisioning.use_cases.news.tell import switch_on

    wired = wired_here(settings_here())
    switch_on(wired.services, _IT, _told(wired, receiver).client_id)
    console.print(f"{receiver} is told again.", highlight=False)


def _told(wired: Wired, receiver: str) -> Application:
    found = wired.applications.get(receiver)
    if found is None or found.webhook is None:
        stop(f"{receiver} has no webhook in IBOK_APPLICATIONS_FILE ({wired.settings.applications_file or 'not set'}).")
    return found
