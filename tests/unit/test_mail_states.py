"""A mail's states: one table of transitions, nothing beside it."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisioning.domain.errors import NotPossible
from provisioning.domain.keeping import Act
from provisioning.domain.mail import MAIL_TRANSITIONS, NOT_DELIVERED, WAITING, Mail, MailKind, MailState

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MOVES = {
    MailState.ACCEPTED: lambda mail: mail.accepted("250 ok", "a@example.com", NOW),
    MailState.DEFERRED: lambda mail: mail.deferred("450 later", NOW),
    MailState.REFUSED: lambda mail: mail.refused("550 no"),
    MailState.FAILED: lambda mail: mail.failed("554 no"),
    MailState.BOUNCED: lambda mail: mail.bounced("5.1.1 no"),
    MailState.VOID: lambda mail: mail.void(),
    MailState.SUPPRESSED: lambda mail: mail.suppress(),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(MailState, MOVES)))
def test_only_what_the_table_allows_can_become_of_a_mail(before: MailState, after: MailState) -> None:
    mail = Mail("<1@x>", "2026-000001-1", MailKind.ACTIVATED, "a@example.com", NOW, before, attempts=1)
    if after in MAIL_TRANSITIONS[before]:
        MOVES[after](mail)
        assert mail.state is after
    else:
        with pytest.raises(NotPossible):
            MOVES[after](mail)
        assert mail.state is before


def test_every_state_waits_is_delivered_is_not_or_is_void() -> None:
    assert WAITING | NOT_DELIVERED | {MailState.ACCEPTED, MailState.VOID, MailState.SUPPRESSED} == set(MailState)
    assert set(MAIL_TRANSITIONS) == set(MailState)


def test_what_older_processes_wrote_is_understood() -> None:
    assert MailState("replaced") is MailState.VOID


def test_the_drawing_in_the_docs_is_the_table_in_the_code() -> None:
    drawn = (Path(__file__).parents[2] / "docs" / "reference" / "account-states.md").read_text()
    for start, ends in MAIL_TRANSITIONS.items():
        for end in MailState:
            assert (f"{start.value} --> {end.value}" in drawn) == (end in ends), (start, end)


def test_every_act_of_the_keeper_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "account-states.md").read_text()
    assert [act for act in Act if f"`{act}`" not in page] == []
