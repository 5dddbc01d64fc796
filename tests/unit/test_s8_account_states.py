"""S8: the states of an account and their one table; resignation, deletion, erasure; S7: who gets a new password."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from provisioning.adapters.public_holidays import is_holiday
from provisioning.domain.account import Account
from provisioning.domain.account_states import STATE_TRANSITIONS, AccountState, ClosingCause
from provisioning.domain.deadline import one_month_after
from provisioning.domain.email_change import EmailChange
from provisioning.domain.erasure import ErasureDecision, ErasureRequest
from provisioning.domain.errors import NotPossible
from provisioning.domain.password_reset import ResetOutcome, outcome_for
from provisioning.domain.rulebook import Rulebook
from tests.support.records import application

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
S = AccountState


def account(state: AccountState = S.ACTIVE, **changes: object) -> Account:
    base = Account("wp1", "2026-000001-1", state, NOW, email="a@example.com", user_id="u", activated_at=NOW)
    return replace(base, **changes)


DEEDS = {
    S.SUSPENDED: lambda a: a.suspend(),
    S.RESIGNING: lambda a: a.resign(NOW, date(2026, 12, 8), ClosingCause.RESIGNATION),
    S.CLOSED: lambda a: a.close(NOW, date(2027, 1, 8)),
    S.DELETED: lambda a: a.delete(NOW, date(2032, 1, 8), ClosingCause.STAFF),
    S.ANONYMISED: lambda a: a.anonymise(),
}


@pytest.mark.parametrize("start", S)
@pytest.mark.parametrize("end", DEEDS)
def test_s8_only_the_transitions_of_the_table_are_possible(start: AccountState, end: AccountState) -> None:
    one = account(start)
    withdrawn = (start, end) == (S.RESIGNING, S.SUSPENDED)  # only withdrawing a resignation leads there
    if end in STATE_TRANSITIONS[start] and not withdrawn:
        DEEDS[end](one)
        assert one.state is end
    else:
        with pytest.raises(NotPossible) as refusal:
            DEEDS[end](one)
        assert refusal.value.code == "wrong_state"
        assert one.state is start


def test_the_drawing_in_the_docs_is_the_table_in_the_code() -> None:
    drawn = (Path(__file__).parents[2] / "docs" / "reference" / "account-states.md").read_text()
    for start, ends in STATE_TRANSITIONS.items():
        for end in S:
            assert (f"{start.value} --> {end.value}" in drawn) == (end in ends), (start, end)


@pytest.mark.parametrize("before", [S.AWAITING_FIRST_LOGIN, S.ACTIVE, S.SUSPENDED])
def test_s8_a_withdrawn_resignation_leads_back_to_where_it_came_from(before: AccountState) -> None:
    one = account(before)
    one.resign(NOW, date(2026, 12, 8), ClosingCause.RESIGNATION)
    assert one.may_log_in == (before is not S.SUSPENDED)  # debts or not, the access stays until its day
    one.withdraw_resignation()
    assert one.state is before
    assert one.closes_on is one.closing_cause is None


def test_s8_the_end_of_a_contract_cannot_be_withdrawn_by_the_customer() -> None:
    one = account()
    one.resign(NOW, date(2026, 12, 8), ClosingCause.END_OF_CONTRACT)
    with pytest.raises(NotPossible) as refusal:
        one.withdraw_resignation()
    assert refusal.value.code == "not_withdrawable"


@pytest.mark.parametrize(("activated", "back"), [(NOW, S.ACTIVE), (None, S.AWAITING_FIRST_LOGIN)])
def test_s8_a_resumed_account_is_what_it_was(activated: datetime | None, back: AccountState) -> None:
    one = account(S.ACTIVE if activated else S.AWAITING_FIRST_LOGIN, activated_at=activated)
    one.suspend()
    assert not one.may_log_in
    one.resume()
    assert one.state is back


def test_s6_a_first_login_while_a_resignation_runs_is_remembered() -> None:
    one = account(S.AWAITING_FIRST_LOGIN, activated_at=None)
    one.resign(NOW, date(2026, 12, 8), ClosingCause.RESIGNATION)
    one.activate(NOW)
    one.withdraw_resignation()
    assert one.state is S.ACTIVE


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, ResetOutcome.ISSUED),
        ({"state": S.AWAITING_FIRST_LOGIN, "activated_at": None}, ResetOutcome.ISSUED),
        ({"state": S.RESIGNING, "state_before": S.ACTIVE}, ResetOutcome.ISSUED),
        ({"state": S.RESIGNING, "state_before": S.SUSPENDED}, ResetOutcome.REFUSED),
        ({"state": S.SUSPENDED}, ResetOutcome.REFUSED),
        ({"state": S.CLOSED}, ResetOutcome.REFUSED),
        ({"state": S.DELETED}, ResetOutcome.NOT_NOW),
        ({"state": S.ANONYMISED}, ResetOutcome.NOT_NOW),
        ({"user_id": None}, ResetOutcome.NOT_NOW),
        ({"address_doubt_at": NOW}, ResetOutcome.NOT_NOW),
    ],
)
def test_s7_who_gets_a_new_password(changes: dict[str, object], outcome: ResetOutcome) -> None:
    assert outcome_for(account(**changes), [], NOW, Rulebook()) is outcome


@pytest.mark.parametrize(
    ("minutes_ago", "outcome"),
    [
        ([1, 2], ResetOutcome.ISSUED),
        ([1, 2, 3], ResetOutcome.LIMITED),  # three in the hour
        ([61, 62, 63], ResetOutcome.ISSUED),
        ([61, 62, 63, 64, 65], ResetOutcome.LIMITED),  # five in the day
        ([1441, 1442, 1443, 1444, 1445], ResetOutcome.ISSUED),
    ],
)
def test_s7_three_in_an_hour_and_five_in_a_day(minutes_ago: list[int], outcome: ResetOutcome) -> None:
    earlier = [NOW - timedelta(minutes=minutes) for minutes in minutes_ago]
    assert outcome_for(account(), earlier, NOW, Rulebook()) is outcome


@pytest.mark.parametrize("hours", [0, 25])
def test_s7_a_temporary_password_lives_one_to_twenty_four_hours(hours: int) -> None:
    with pytest.raises(ValueError, match="1 to 24 hours"):
        Rulebook(reset_password_life=timedelta(hours=hours))


def test_a_change_of_address_is_confirmed_once_and_undone_for_seven_days() -> None:
    change = EmailChange("c", "wp1", "old@example.com", "new@example.com", NOW, b"n" * 32, b"u" * 32)
    with pytest.raises(NotPossible):
        change.undo(NOW, Rulebook())  # nothing to undo yet
    with pytest.raises(NotPossible) as late:
        replace(change).confirm(NOW + timedelta(hours=73), Rulebook())
    assert late.value.code == "link_expired"
    change.confirm(NOW, Rulebook())
    with pytest.raises(NotPossible) as twice:
        change.confirm(NOW, Rulebook())
    assert twice.value.code == "already_confirmed"
    with pytest.raises(NotPossible):
        replace(change).undo(NOW + timedelta(days=7, seconds=1), Rulebook())
    change.undo(NOW + timedelta(days=7), Rulebook())
    with pytest.raises(NotPossible) as again:
        change.undo(NOW, Rulebook())
    assert again.value.code == "already_undone"


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-24", "2026-12-28"),  # the 24th is a holiday since 2025, then Christmas and a weekend
        ("2026-10-15", "2026-11-16"),  # the 15th is a Sunday
        ("2026-01-31", "2026-03-02"),  # February has no 31st; the 28th is a Saturday
        ("2028-01-31", "2028-02-29"),
        ("2026-12-15", "2027-01-15"),
    ],
)
def test_art_17_is_answered_within_one_month(received: str, due: str) -> None:
    assert one_month_after(date.fromisoformat(received), is_holiday).isoformat() == due


def test_art_17_what_is_kept_needs_a_legal_ground_and_is_decided_once() -> None:
    request = ErasureRequest("r", "wp1", date(2026, 11, 24), date(2026, 12, 24), "post", "clerk", NOW)
    for decision in (ErasureDecision.PARTLY, ErasureDecision.REFUSED):
        with pytest.raises(NotPossible) as refusal:
            request.decide(decision, None, "registrar", NOW)
        assert refusal.value.code == "ground_missing"
    request.decide(ErasureDecision.PARTLY, "art. 17 ust. 3 lit. b", "registrar", NOW)
    with pytest.raises(NotPossible) as twice:
        request.decide(ErasureDecision.ERASED, None, "registrar", NOW)
    assert twice.value.code == "already_decided"


def test_s8_anonymising_leaves_nothing_of_the_person_in_the_application() -> None:
    one = application(
        pesel="44051401359",
        reason="pani Źdźbło dzwoniła",
        signature={"kind": "declaration", "signed_on": "2026-11-24", "signed_name": "Józefa Źdźbło"},
        data={
            "first_name": "Józefa",
            "last_name": "Źdźbło",
            "customer_number": "40118270",
            "contract_number": "U/2019/771",
            "email": "jozefa@example.com",
            "phone": "+48 600 100 200",
            "correspondence_address": {
                "street": "Źródlana",
                "house": "7",
                "flat": None,
                "postal_code": "43-300",
                "city": "Bielsko",
            },
            "supply_point_address": {"street": "Źródlana", "house": "7", "flat": None, "postal_code": "43-300", "city": "Bielsko"},
        },
    )
    one.anonymise()
    left = repr(one)
    for value in ("Józefa", "Źdźbło", "40118270", "U/2019", "jozefa@", "600 100", "Źródlana", "Bielsko", "44051401359"):
        assert value not in left
    assert one.clauses  # the answers stay, for the statistics
    assert one.signature == {"kind": "declaration", "signed_on": "2026-11-24"}
