"""K10: asking, confirming and undoing a change of address at the same moment never wait for each other for ever."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from provisioning.domain.errors import DomainError
from provisioning.use_cases.account.change_email import ask_to_change_email, confirm_email_change, undo_email_change
from provisioning.use_cases.tokens import email_change_token, email_undo_token
from tests.support.ring import Ring

_ROUNDS = 15
_SECONDS = 20  # PostgreSQL notices two that wait for each other after one


@pytest.mark.timeout(90)
def test_k10_ask_confirm_and_undo_at_once_collide_with_nobody(ring: Ring) -> None:
    """All three lock the account before its change; in two orders PostgreSQL would break one of them off (Collision)."""
    login = ring.active()
    for number in range(_ROUNDS):
        change = ask_to_change_email(ring.services, login, f"nowy-{number}-{login}@example.com")
        confirm, undo = email_change_token(ring.services, change), email_undo_token(ring.services, change)
        assert confirm is not None and undo is not None
        with ThreadPoolExecutor(3) as pool:
            start = Barrier(3, timeout=_SECONDS)
            together = [
                pool.submit(_at_once, start, confirm_email_change, ring.services, confirm),
                pool.submit(_at_once, start, undo_email_change, ring.services, undo),
                pool.submit(_at_once, start, ask_to_change_email, ring.services, login, f"inny-{number}-{login}@example.com"),
            ]
            for each in together:
                each.result(_SECONDS)
        ring.sql("DELETE FROM unasked_mails")  # this many links to one address a day are not what is tried here


def _at_once(start: Barrier, deed: Callable[..., object], *arguments: object) -> None:
    start.wait()
    try:
        deed(*arguments)
    except DomainError:
        return  # the other was quicker
