"""The tables of statuses, states and permissions."""

import pytest

from provisioning.domain.application import CLOSED, TRANSITIONS, Status
from provisioning.domain.errors import NotPossible
from provisioning.domain.login_names import check_digit, new_login, normalised, reference
from provisioning.domain.rights import PERMISSIONS, Action, Role, may
from provisioning.domain.rulebook import Rulebook, retry_pause
from tests.support.records import CODES, application


@pytest.mark.parametrize("start", Status)
@pytest.mark.parametrize("end", Status)
def test_only_the_transitions_of_the_table_are_possible(start: Status, end: Status) -> None:
    one = application(status=start)
    if end in TRANSITIONS[start]:
        one.move(end, 1)
        assert (one.status, one.version) == (end, 2)
    else:
        with pytest.raises(NotPossible) as refusal:
            one.move(end, 1)
        assert refusal.value.code == "wrong_state"
        assert (one.status, one.version) == (start, 1)


def test_a_stale_version_is_refused_before_anything_else() -> None:
    with pytest.raises(NotPossible) as refusal:
        application().move(Status.APPROVED, 7)
    assert refusal.value.code == "stale_version"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"clauses": {"K1-DANE": True, "K2-REGULAMIN": False}}, "clauses_not_accepted"),
        ({"clauses": {"K1-DANE": True}}, "clauses_not_accepted"),
        ({"terms_accepted": False}, "terms_not_accepted"),
        ({"signature": None}, "signature_missing"),
    ],
)
def test_s2_without_every_clause_the_terms_and_a_signature_nothing_is_approved(changes: dict[str, object], code: str) -> None:
    with pytest.raises(NotPossible) as refusal:
        application(**changes).require_approvable(CODES)
    assert refusal.value.code == code
    application().require_approvable(CODES)


def test_s4_only_a_registrar_approves_and_an_auditor_changes_nothing() -> None:
    assert PERMISSIONS[Action.APPROVE] == {Role.REGISTRAR}
    assert [action for action in Action if may(frozenset({Role.AUDITOR}), action)] == [
        Action.READ,
        Action.READ_AUDIT,
        Action.EVIDENCE,
        Action.READ_TERMS,
        Action.READ_REPORTS,
        Action.OPEN_ORIGINAL,
        Action.READ_WEBHOOKS,
    ]
    assert not may(frozenset({"ibok-customer", "applications.submit"}), Action.READ)


def test_closed_statuses_lead_nowhere_and_every_status_can_be_reached() -> None:
    assert all(TRANSITIONS[status] == frozenset() for status in CLOSED)
    assert {end for ends in TRANSITIONS.values() for end in ends} == set(Status) - {Status.UNCONFIRMED}


def test_a_login_is_lower_case_and_its_check_digit_catches_every_single_slip() -> None:
    login = new_login("WP", 7, lambda below: 1234567)
    assert login == f"wp1234567{check_digit('1234567')}"
    for place in range(7):
        for digit in "0123456789":
            slipped = "1234567"[:place] + digit + "1234567"[place + 1 :]
            assert (check_digit(slipped) == check_digit("1234567")) == (slipped == "1234567")
    assert normalised("  WP 1234567 4\n") == "wp12345674"
    assert reference(2026, 417) == f"2026-000417-{check_digit('2026000417')}"


def test_retry_pauses_grow_and_end_at_a_quarter_of_an_hour() -> None:
    pauses = [retry_pause(attempt).total_seconds() for attempt in range(1, 20)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (5, 900)


def test_configuration_outside_the_rules_is_refused() -> None:
    from datetime import timedelta

    with pytest.raises(ValueError, match="72 hours"):
        Rulebook(activation_password_life=timedelta(hours=1))
    with pytest.raises(ValueError, match="at least one day"):
        Rulebook(term_days=0)
