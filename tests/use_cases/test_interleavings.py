"""K10: every act of the keeper, with every deed of staff, customer and IT in the middle of its outside call, or before it is written."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from provisioning.domain.errors import DomainError
from provisioning.domain.keeping import Act
from provisioning.ports.messages import MailDeferred
from provisioning.use_cases.account import misdirected, resign
from provisioning.use_cases.account.change_contact import change_language
from provisioning.use_cases.account.follow_keycloak import follow_keycloak
from provisioning.use_cases.account.keep_account import keep
from provisioning.use_cases.account.request_new_password import request_new_password
from tests.support.invariants import HandOvers, check_invariants
from tests.support.ring import REGISTRAR, Ring
from tests.use_cases.deeds import DEEDS, close_at_once


def _defer_mails(ring: Ring) -> None:
    ring.mail_server.answer = lambda recipient: MailDeferred("450 later")


def _changed(ring: Ring) -> str:
    login = ring.waiting()
    change_language(ring.services, login, "en")
    return login


def _resent(ring: Ring) -> str:
    login = ring.waiting()
    misdirected.resend(ring.services, REGISTRAR, login)
    return login


def _asked(ring: Ring) -> str:
    login = ring.active()
    request_new_password(ring.services, login)
    return login


def _void_temporary(ring: Ring) -> str:
    login = _asked(ring)
    _defer_mails(ring)
    keep(ring.services, login)
    ring.calm()
    mail = ring.keycloak.of_application(ring.account(login).reference)[0]
    assert mail.temporary is not None
    ring.keycloak.set_own_password(login, mail.temporary[0], "Woda-Zdroj-2027")
    ring.clock.moment += timedelta(seconds=1)
    follow_keycloak(ring.services)
    return login


def _misdirected(ring: Ring) -> str:
    login = ring.waiting()
    misdirected.mark_misdirected(ring.services, REGISTRAR, login, None)
    return login


def _clicked(ring: Ring) -> str:
    login = ring.waiting()
    ring.keycloak.in_the_console(login, enabled=False)
    follow_keycloak(ring.services)
    return login


def _deleted(ring: Ring) -> str:
    login = ring.waiting()
    resign.delete_account(ring.services, REGISTRAR, login, "powód")
    return login


def _expired(ring: Ring) -> str:
    login = ring.approved()
    _defer_mails(ring)
    keep(ring.services, login)
    ring.clock.moment += ring.services.rules.activation_password_life + timedelta(hours=1)
    return login


def _asked_under_an_old_key(ring: Ring) -> str:
    login = _asked(ring)
    ring.services = ring.with_keys(secrets.token_bytes(32))
    return login


def _asked_too_long_ago(ring: Ring) -> str:
    login = _asked(ring)
    _defer_mails(ring)
    keep(ring.services, login)
    ring.clock.moment += timedelta(days=3)
    return login


def _closed_with_a_lost_answer(ring: Ring) -> str:
    login = ring.approved()
    ring.keycloak.lose_answers = 1
    keep(ring.services, login)
    close_at_once(ring, login)
    return login


# How an account comes to stand before each act.
BEFORE: dict[Act, Callable[[Ring], str]] = {
    Act.MAKE_USER: lambda ring: ring.approved(),
    Act.MAIL_ACTIVATION: lambda ring: ring.approved(),
    Act.CHANGE_USER: _changed,
    Act.SET_ACTIVATION_PASSWORD: _resent,
    Act.SET_TEMPORARY_PASSWORD: _asked,
    Act.MAIL_RESET: _asked,
    Act.VOID_TEMPORARY_PASSWORD: _void_temporary,
    Act.MAKE_MAILED_USELESS: _misdirected,
    Act.DELETE_USER: _deleted,
    Act.SEE_USER: _clicked,
    Act.SEEK_USER: _closed_with_a_lost_answer,
    Act.RENEW_ACTIVATION: _expired,
    Act.RENEW_RESET: _asked_under_an_old_key,
    Act.GIVE_UP_RESET: _asked_too_long_ago,
}


def test_every_act_is_tried() -> None:
    assert set(BEFORE) == set(Act)


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("act", BEFORE)
def test_k10_a_deed_in_the_middle_of_an_act(ring: Ring, act: Act, deed: str) -> None:
    for point in ("before_call", "before", "after", "after_call"):
        login = BEFORE[act](ring)
        ring.calm()
        watch = HandOvers(ring)
        ring.mail_server.at_hand_over = watch
        done: list[str] = []
        reached: list[str] = []

        def meanwhile(where: str) -> None:
            if done or not where.endswith(f".{point}"):  # called within this round
                return
            done.append(where)
            try:
                DEEDS[deed](ring, login)
            except DomainError:
                done.append("refused")

        ring.keycloak.meanwhile = ring.mail_server.meanwhile = meanwhile

        def seam(name: str) -> None:
            if name.startswith(act):
                reached.append(name)
                meanwhile(name)

        keep(replace(ring.services, seam=seam), login)
        assert reached or not point.endswith("_call")  # it did come to stand before this act
        ring.keycloak.meanwhile = ring.mail_server.meanwhile = lambda where: None
        ring.notice(login)
        ring.settle(login)
        check_invariants(ring, login)
        assert watch.wrong == []
