"""Every deed of staff, customer and IT that can happen to an account, by name: for tests that let any happen at any moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from provisioning.use_cases.account import misdirected, resign, suspend
from provisioning.use_cases.account.change_contact import change_language
from provisioning.use_cases.account.change_email import ask_to_change_email, confirm_email_change, undo_email_change
from provisioning.use_cases.account.follow_keycloak import follow_keycloak
from provisioning.use_cases.account.keep_account import keep
from provisioning.use_cases.account.request_new_password import request_new_password
from provisioning.use_cases.tokens import email_change_token, email_undo_token
from tests.support.ring import REGISTRAR, Ring

Deed = Callable[[Ring, str], object]


def change_address(ring: Ring, login: str) -> None:
    change = ask_to_change_email(ring.services, login, f"nowy-{login}@example.com")
    token = email_change_token(ring.services, change)
    assert token is not None
    confirm_email_change(ring.services, token)


def change_address_and_undo(ring: Ring, login: str) -> None:
    change_address(ring, login)
    with ring.services.work() as work:
        change = work.email_changes.of(login)[0]
    token = email_undo_token(ring.services, change)
    assert token is not None
    undo_email_change(ring.services, token)


def console(**changes: object) -> Deed:
    """A click in Keycloak's console that the worker reads at once."""

    def deed(ring: Ring, login: str) -> None:
        ring.keycloak.in_the_console(login, **changes)
        follow_keycloak(ring.services)

    return deed


def choose_own_password(ring: Ring, login: str) -> None:
    """The customer, with whatever was mailed last."""
    for mailed in reversed(ring.mail_server.passwords(login)):
        if mailed.secret and ring.keycloak.set_own_password(login, mailed.secret, "Woda-Zdroj-2026"):
            follow_keycloak(ring.services)
            return


def close_at_once(ring: Ring, login: str) -> None:
    resign.resign(ring.services, login)
    before, ring.clock.moment = ring.clock.moment, ring.clock.moment + timedelta(days=20)
    resign.close_if_due(ring.services, login)
    ring.clock.moment = before


def suspend_it(ring: Ring, login: str) -> None:
    suspend.suspend(ring.services, REGISTRAR, login, "powód")


def resume_it(ring: Ring, login: str) -> None:
    suspend.resume(ring.services, REGISTRAR, login, None)


def correct_the_address(ring: Ring, login: str) -> None:
    misdirected.correct_address(ring.services, REGISTRAR, login, f"poprawiony-{login}@example.com", "powód")


def then(*deeds: Deed) -> Deed:
    """One after the other."""

    def deed(ring: Ring, login: str) -> None:
        for each in deeds:
            each(ring, login)

    return deed


def resign_it(ring: Ring, login: str) -> None:
    resign.resign(ring.services, login)


DEEDS: dict[str, Deed] = {
    "suspend": suspend_it,
    "suspend and resume": then(suspend_it, resume_it),
    "correct the address": correct_the_address,
    "correct the names": lambda r, login: misdirected.correct_names(r.services, REGISTRAR, login, "Inna", "Osoba", "powód"),
    "mark as misdirected": lambda r, login: misdirected.mark_misdirected(r.services, REGISTRAR, login, None),
    "resend": lambda r, login: misdirected.resend(r.services, REGISTRAR, login),
    "ask for a new password": lambda r, login: request_new_password(r.services, login),
    "change the language": lambda r, login: change_language(r.services, login, "en"),
    "change the address": change_address,
    "change the address and undo": change_address_and_undo,
    "resign": resign_it,
    "resign and withdraw": then(resign_it, lambda r, login: resign.withdraw_resignation(r.services, login)),
    "resign and be suspended": then(resign_it, suspend_it),
    "close": close_at_once,
    "delete": lambda r, login: resign.delete_account(r.services, REGISTRAR, login, "powód"),
    "choose an own password": choose_own_password,
    "disable in the console": console(enabled=False),
    "delete in the console": console(gone=True),
    "change the address in the console": console(email="konsola@example.com"),
    "look at the same account": lambda r, login: keep(r.services, login, patience=0),
}
