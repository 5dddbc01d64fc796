"""S4, S5: accounts that wait for their user are made with one call, and none of them pays for another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from provisioning.adapters.postgres.application import PostgresApplications
from provisioning.domain.account_states import Step, Trouble
from provisioning.domain.application import Application
from provisioning.domain.errors import DomainError
from provisioning.domain.in_keycloak import MADE_TOGETHER, WantedUser
from provisioning.domain.keeping import Act
from provisioning.ports.messages import MailDeferred
from provisioning.use_cases.account.keep_account import Kept, keep
from tests.support.invariants import HandOvers, check_invariants
from tests.support.ring import Ring
from tests.use_cases.deeds import DEEDS

POINTS = ("before_call", "after_call", "before_commit", "after_commit")
SEAMS = [*(f"{act}.{point}" for act in (Act.MAKE_USER, Act.MAIL_ACTIVATION) for point in POINTS), "mail_activation.one_sent"]


class Died(BaseException):
    """The process is killed at a seam."""


def approved(ring: Ring, count: int) -> list[str]:
    logins = []
    for _ in range(count):
        logins.append(ring.approved())
        ring.clock.moment += timedelta(seconds=1)
    return logins


@pytest.fixture
def calls(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The logins of every call to make users."""
    made: list[list[str]] = []
    create_many = ring.keycloak.create_many

    def counted(wanted: Sequence[WantedUser]) -> Any:
        made.append([each.login for each in wanted])
        return create_many(wanted)

    monkeypatch.setattr(ring.keycloak, "create_many", counted)
    return made


def test_s4_all_that_wait_are_made_with_one_call_in_filing_order(ring: Ring, calls: list[list[str]]) -> None:
    logins = approved(ring, 12)
    assert keep(ring.services, logins[7]) is Kept.SETTLED
    assert calls == [logins]
    for login in logins:
        (mail,) = ring.mail_server.passwords(login)
        assert ring.keycloak.try_login(login, mail.secret) == "must_change"
        assert ring.history(login).count("account.created") == 1
    ring.send_due()
    for login in logins:
        check_invariants(ring, login)


def test_more_than_one_call_takes_are_made_with_the_next_ones(ring: Ring, calls: list[list[str]]) -> None:
    logins = approved(ring, MADE_TOGETHER + 3)
    keep(ring.services, logins[-1])
    assert calls == [logins[:MADE_TOGETHER], logins[MADE_TOGETHER:]]
    assert {ring.account(login).step for login in logins} == {Step.DONE}


def test_one_that_is_alone_is_made_alone(ring: Ring, calls: list[list[str]]) -> None:
    login = ring.approved()
    assert keep(ring.services, login) is Kept.SETTLED
    assert calls == [[login]]


def test_who_comes_while_the_makers_are_at_work_is_made_by_them(ring: Ring, calls: list[list[str]]) -> None:
    first, late = ring.approved(), list[str]()

    def meanwhile(point: str) -> None:
        if point == "create_many.before" and not late:
            late.append(ring.approved())
            taken = [ring.services.makers.acquire(blocking=False) for _ in range(2)]  # one of them is at work, this is the other
            assert keep(ring.services, late[0]) is Kept.BUSY
            for _ in range(taken.count(True)):
                ring.services.makers.release()

    ring.keycloak.meanwhile = meanwhile
    assert keep(ring.services, first) is Kept.SETTLED
    assert calls == [[first], late]
    assert ring.account(late[0]).step is Step.DONE


def test_k06_every_account_of_a_call_is_locked_while_it_is_made_and_mailed(ring: Ring) -> None:
    logins, free = approved(ring, 3), list[str]()

    def meanwhile(point: str) -> None:
        for login in logins:
            with ring.services.only_one(f"account:{login}") as alone:
                free.extend([login] if alone else [])

    ring.keycloak.meanwhile = ring.mail_server.meanwhile = meanwhile
    keep(ring.services, logins[0])
    assert free == []
    assert len(ring.mail_server.passwords(logins[2])) == 1


def test_k06_one_that_another_keeper_holds_is_left_to_it(ring: Ring, calls: list[list[str]]) -> None:
    held, *others = approved(ring, 3)
    with ring.services.only_one(f"account:{held}") as alone:
        assert alone
        keep(ring.services, others[0])
    assert calls == [others]
    assert ring.account(held).step is Step.LOGIN_RESERVED


def test_what_keycloak_does_not_take_of_one_costs_the_others_nothing(ring: Ring, calls: list[list[str]]) -> None:
    good = ring.approved()
    refused = ring.approved()
    ring.sql(
        "UPDATE accounts SET last_name = 'Kos/Nowak' WHERE login = :login", login=refused
    )  # as one from before names were cleaned
    taken = ring.approved()
    ring.keycloak.create_many([WantedUser("2020-000001-1", taken, ring.account(taken).profile, "Mailed-2026")])
    late = ring.approved()
    calls.clear()
    keep(ring.services, good)
    assert calls == [[good, refused, taken, late]]
    found = {login: (ring.account(login).trouble, ring.account(login).keycloak_blocked) for login in calls[0]}
    assert found == {
        good: (None, False),
        refused: (Trouble.KEYCLOAK_REJECTED, False),
        taken: (Trouble.LOGIN_BELONGS_TO_ANOTHER, True),
        late: (None, False),
    }
    reference = ring.account(refused).reference
    with ring.services.work() as work:
        waits = [line for line in work.audit.of(reference) if line.action == "account.waits"]
    assert [line.details for line in waits] == [{"why": "keycloak_rejected", "fields": ["lastName"]}]
    ring.clock.moment += timedelta(minutes=1)
    keep(ring.services, ring.approved())
    assert taken not in calls[1]  # waits for a person


def test_k02_while_keycloak_is_away_one_call_tells_all_and_the_next_one_makes_all(ring: Ring, calls: list[list[str]]) -> None:
    logins = approved(ring, 3)
    ring.keycloak.away = True
    assert keep(ring.services, logins[0]) is Kept.KEYCLOAK_AWAY
    assert {ring.account(login).trouble for login in logins} == {Trouble.KEYCLOAK_UNAVAILABLE}
    ring.keycloak.away = False
    assert keep(ring.services, logins[2]) is Kept.SETTLED
    assert calls == [logins, logins]
    assert {ring.account(login).step for login in logins} == {Step.DONE}


def test_k02_after_a_lost_answer_every_user_is_found_again(ring: Ring) -> None:
    logins = approved(ring, 3)
    ring.keycloak.lose_answers = 1
    keep(ring.services, logins[0])
    assert len([user for user in ring.keycloak.users.values() if user.login in logins]) == 3
    for login in logins:
        ring.settle(login)
        check_invariants(ring, login)


def test_an_error_of_the_call_that_nobody_foresaw_halves_it_down_to_the_one_at_fault(
    ring: Ring, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    logins = approved(ring, 8)
    create_many = ring.keycloak.create_many

    def broken(wanted: Sequence[WantedUser]) -> Any:
        if logins[5] in {each.login for each in wanted}:
            raise ZeroDivisionError
        return create_many(wanted)

    monkeypatch.setattr(ring.keycloak, "create_many", broken)
    keep(ring.services, logins[0])
    assert calls == [logins[:4], logins[4:5], logins[6:]]
    assert [ring.account(login).step for login in logins].count(Step.DONE) == 7
    look_at = ring.account(logins[5]).look_at
    assert look_at is not None and look_at > ring.clock.moment


def test_an_error_of_the_writing_down_that_nobody_foresaw_undoes_one_alone(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = approved(ring, 5)
    bad, save = ring.account(logins[3]).reference, PostgresApplications.save

    def broken(self: PostgresApplications, application: Application) -> None:
        if application.reference == bad:
            raise ZeroDivisionError
        save(self, application)

    monkeypatch.setattr(PostgresApplications, "save", broken)
    keep(ring.services, logins[0])
    assert [ring.account(login).step is Step.DONE for login in logins] == [True, True, True, False, True]
    monkeypatch.undo()
    ring.clock.moment += timedelta(minutes=2)
    for login in logins:
        ring.settle(login)
        check_invariants(ring, login)


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("moment", ["create_many.before", "create_many.after", "mail_activation.one_sent", "mail.after"])
def test_k10_a_deed_about_one_in_the_middle_of_the_call_for_all(ring: Ring, moment: str, deed: str) -> None:
    logins = approved(ring, 3)
    watch = HandOvers(ring)
    ring.mail_server.at_hand_over = watch
    done: list[str] = []

    def meanwhile(where: str) -> None:
        if not done and where == moment:
            done.append(where)
            with suppress(DomainError):  # not every deed is possible at every moment
                DEEDS[deed](ring, logins[1])

    ring.keycloak.meanwhile = ring.mail_server.meanwhile = meanwhile
    keep(replace(ring.services, seam=meanwhile), logins[0])
    ring.keycloak.meanwhile = ring.mail_server.meanwhile = lambda where: None
    for login in (logins[0], logins[2]):  # by the same round, whatever happened to the one between them
        assert ring.account(login).step is Step.DONE
        assert len(ring.mail_server.passwords(login)) == 1
    ring.notice(logins[1])
    for login in logins:
        ring.settle(login)
        check_invariants(ring, login)
    assert done
    assert watch.wrong == []


@pytest.mark.parametrize("seam", SEAMS)
def test_k01_killed_at_a_seam_of_a_call_for_many_each_has_one_user_and_one_password(ring: Ring, seam: str) -> None:
    logins = approved(ring, 13)
    passed: list[str] = []
    turn = 4 if seam.endswith("one_sent") else 1

    def die(where: str) -> None:
        passed.append(where)
        if where == seam and passed.count(where) == turn:
            raise Died

    with pytest.raises(Died):
        keep(replace(ring.services, seam=die), logins[0])
    for login in logins:
        ring.settle(login)
        check_invariants(ring, login)
        assert len(ring.keycloak.of_application(ring.account(login).reference)) == 1
        mails = ring.mail_server.passwords(login)
        assert len({(mail.message_id, mail.secret) for mail in mails}) == 1  # a repeated mail is the same mail
    twice = [login for login in logins if len(ring.mail_server.passwords(login)) > 1]
    most = {"mail_activation.after_call": 10, "mail_activation.before_commit": 10, "mail_activation.one_sent": 4}
    assert len(twice) == most.get(seam, 0)


def test_when_the_mail_server_cannot_be_reached_the_rest_of_the_group_is_not_tried(ring: Ring) -> None:
    logins, tried = approved(ring, 5), list[str]()

    def away(recipient: str) -> Exception:
        tried.append(recipient)
        return MailDeferred("TimeoutError: the mail server cannot be reached", unreached=True)

    ring.mail_server.answer = away
    keep(ring.services, logins[0])
    assert len(tried) == 1
    assert {ring.account(login).trouble for login in logins} == {Trouble.MAIL_DEFERRED}
    ring.calm()
    for login in logins:
        ring.settle(login)
        check_invariants(ring, login)
