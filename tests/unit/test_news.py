"""What becomes of an account is told to other applications: which changes are news, and how patiently they are delivered."""

from copy import deepcopy
from datetime import UTC, date, datetime, timedelta

import pytest

from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState, ClosingCause
from provisioning.domain.news import TRIED_FOR, Delivery, DeliveryState, Known, NewsKind, Receiver, changes

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = date(2026, 12, 30)


def account() -> Account:
    return Account(
        "wp1", "BOK/1", AccountState.AWAITING_FIRST_LOGIN, NOW, email="a@example.com", customer_numbers=["4011"], nonce=b"n"
    )


def told(before: Account, after: Account) -> list[str]:
    found = changes(Known.of(before), Known.of(after))
    return [
        " ".join([each.kind.removeprefix("account."), *([each.customer_number] if each.customer_number else [])]) for each in found
    ]


def test_the_whole_life_of_an_account_is_told_step_by_step() -> None:
    now = account()
    story = [change.kind for change in changes(None, Known.of(now))]

    def step(name: str, *arguments: object) -> None:
        before = deepcopy(now)
        getattr(now, name)(*arguments)
        story.extend(change.kind for change in changes(Known.of(before), Known.of(now)))

    step("activate", NOW)
    step("suspend")
    step("resume")
    step("resign", NOW, DAY, ClosingCause.RESIGNATION)
    step("suspend")
    step("resume")
    step("withdraw_resignation")
    step("resign", NOW, DAY, ClosingCause.RESIGNATION)
    step("close", NOW, DAY)
    step("delete", NOW, DAY, ClosingCause.RESIGNATION)
    step("anonymise")
    words = (
        "created activated suspended resumed resigning suspended resumed resignation_withdrawn resigning closed deleted anonymised"
    )
    assert [kind.removeprefix("account.") for kind in story] == words.split()
    assert set(NewsKind) - set(story) == {
        NewsKind.EMAIL_CHANGED, NewsKind.NUMBER_ADDED, NewsKind.NUMBER_REMOVED, NewsKind.TERMS_ACCEPTED,
    }  # fmt: skip


def test_a_suspended_account_that_is_closed_was_not_resumed() -> None:
    before = account()
    before.suspend()
    before.resign(NOW, DAY, ClosingCause.RESIGNATION)
    after = deepcopy(before)
    after.close(NOW, DAY)
    assert told(before, after) == ["closed"]
    gone = deepcopy(before)
    gone.delete(NOW, DAY, ClosingCause.STAFF)
    assert told(before, gone) == ["deleted"]


def test_each_number_is_news_of_its_own_and_an_address_is_never_told() -> None:
    before, after = account(), account()
    before.customer_numbers = ["4011", "4012"]
    after.customer_numbers, after.email = ["4012", "4013"], "b@example.com"
    assert told(before, after) == ["customer_number_removed 4011", "customer_number_added 4013", "email_changed"]


@pytest.mark.parametrize("attribute", ["phone", "nonce", "mail_accepted_at", "user_id", "look_at"])
def test_what_concerns_us_alone_is_no_news(attribute: str) -> None:
    before, after = account(), account()
    setattr(after, attribute, "anything")
    assert told(before, after) == []


def test_a_delivery_is_tried_again_after_growing_pauses_and_parked_after_three_days() -> None:
    delivery, at, pauses = Delivery("app-faktury", 1, "e1", "wp1", NOW), NOW, []
    while delivery.state is DeliveryState.WAITING:
        delivery.failed("503 Service Unavailable", at)
        if delivery.next_at is not None:
            pauses.append(delivery.next_at - at)
            at = delivery.next_at
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=5)
    assert delivery.state is DeliveryState.PARKED
    assert TRIED_FOR <= at - NOW < TRIED_FOR + timedelta(hours=8)


def test_a_receiver_that_fails_is_left_alone_for_longer_and_longer_but_never_more_than_a_minute() -> None:
    receiver, at = Receiver("app-faktury", 0), NOW
    pauses = []
    for _ in range(10):
        receiver.failed("no answer", at)
        assert receiver.next_at is not None
        assert not receiver.may_be_told(receiver.next_at - timedelta(seconds=0.1))
        assert receiver.may_be_told(receiver.next_at)
        pauses.append((receiver.next_at - at).total_seconds())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert receiver.answered_well("204", at)
    assert receiver.may_be_told(at)


def test_one_message_that_is_not_taken_does_not_count_as_a_receiver_that_was_away() -> None:
    receiver = Receiver("app-faktury", 0)
    receiver.failed("400 Bad Request", NOW)
    assert not receiver.answered_well("204", NOW)


def test_a_receiver_that_is_gone_is_told_nothing_until_it_is_switched_on() -> None:
    receiver = Receiver("app-faktury", 0)
    receiver.gone(NOW)
    assert not receiver.may_be_told(NOW + timedelta(days=30))
    receiver.switch_on()
    assert receiver.may_be_told(NOW)
