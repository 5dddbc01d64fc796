"""Other applications learn what becomes of an account: whoever did it, in order, nothing lost, one receiver's trouble no other's."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from ibok_idp.applications.file import Application, Webhook, Words
from provisioning.domain.actors import Actor
from provisioning.domain.errors import Forbidden
from provisioning.domain.news import Answer, DeliveryState, News, NewsKind
from provisioning.domain.rights import Role
from provisioning.use_cases.account import resign, suspend
from provisioning.use_cases.news import tell as telling
from provisioning.use_cases.terms.accept_terms import answer_terms
from tests.support.ring import REGISTRAR, Ring
from tests.use_cases.deeds import DEEDS

MANAGER = Actor("manager", frozenset({Role.MANAGER}))
WORDS = Words(pl="Faktury", en="Invoices")
TAKEN, DOWN = Answer(204, "204 No Content"), Answer(None, "no answer")


@dataclass
class MemoryReceivers:
    """Receivers that answer as a test says, and remember what they got."""

    answer: Any = TAKEN
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def send(self, receiver: str, event_id: str, payload: Mapping[str, Any], at: datetime) -> Answer:
        answer: Answer = self.answer(payload) if callable(self.answer) else self.answer
        self.got.append((receiver, dict(payload)))
        return answer

    def types(self, login: str) -> list[str]:
        return [payload["type"].removeprefix("account.") for _, payload in self.got if payload["data"].get("login") == login]


def receiver(name: str, customers: str | None = None) -> Application:
    return Application(
        client_id=name, name=WORDS, sentence=WORDS, customers=customers, webhook=Webhook(url="https://receiver.example.com/")
    )


@pytest.fixture
def application(ring: Ring, request: pytest.FixtureRequest) -> Application:
    """A receiver of this test's own, which knows nothing of what was before."""
    found = receiver(f"app-{abs(hash(request.node.name)) % 10**9}")
    telling.tell(ring.services, MemoryReceivers(), found)
    return found


def news_of(ring: Ring, login: str) -> list[News]:
    with ring.services.work() as work:
        return [each for each in work.news.after(0, 100_000) if each.login == login]


def kinds(ring: Ring, login: str) -> list[str]:
    return [each.kind.removeprefix("account.") for each in news_of(ring, login)]


# -- written with the change ---------------------------------------------------------------------------


def test_a_customers_whole_way_is_told_with_numbers_that_have_no_hole(ring: Ring) -> None:
    login = ring.active()
    suspend.suspend(ring.services, REGISTRAR, login, "powód")
    suspend.resume(ring.services, REGISTRAR, login, None)
    resign.resign(ring.services, login)
    resign.withdraw_resignation(ring.services, login)
    resign.delete_account(ring.services, REGISTRAR, login, "powód")
    ring.settle(login)
    words = "created activated suspended resumed resigning resignation_withdrawn deleted"
    assert kinds(ring, login) == words.split()
    found = news_of(ring, login)
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    assert [each.position for each in found] == sorted(each.position for each in found)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("disable in the console", ["suspended"]),
        ("delete in the console", ["deleted"]),
        ("change the address in the console", ["email_changed"]),
    ],
)
def test_r04_what_is_done_in_keycloaks_console_is_told_in_the_same_words(ring: Ring, name: str, told: list[str]) -> None:
    login = ring.active()
    before = len(kinds(ring, login))
    DEEDS[name](ring, login)
    ring.settle(login)
    assert kinds(ring, login)[before:] == told


def test_what_fails_half_way_is_not_told(ring: Ring) -> None:
    login = ring.active()
    before = kinds(ring, login)
    with pytest.raises(RuntimeError), ring.services.work() as work:
        account = work.accounts.locked(login)
        account.suspend()
        work.accounts.save(account)
        raise RuntimeError
    assert kinds(ring, login) == before


def test_nothing_but_numbers_state_and_login_is_told_and_the_numbers_go_with_the_person(ring: Ring) -> None:
    login = ring.active()
    account = ring.account(login)
    for each in news_of(ring, login):
        text = str(each.payload())
        assert account.customer_numbers[0] in text
        for private in (account.email, account.first_name, account.last_name):
            assert private not in text
    resign.delete_account(ring.services, REGISTRAR, login, "powód")
    ring.settle(login)
    with ring.services.work() as work:
        resign.anonymise(ring.services, work, work.accounts.locked(login), REGISTRAR)
    assert kinds(ring, login)[-1] == "anonymised"
    assert all(not each.customer_numbers and not each.customer_number for each in news_of(ring, login))


def test_an_accepted_regulamin_is_told_after_everything_else_of_its_transaction(ring: Ring) -> None:
    login = ring.active()
    with ring.services.work() as work:
        account = work.accounts.locked(login)
        work.news.add(account, NewsKind.TERMS_ACCEPTED)
    assert kinds(ring, login)[-1] == "terms_accepted"
    with pytest.raises(Exception, match="no Regulamin"):
        answer_terms(ring.services, login, "2026-1", accept=True)
    assert kinds(ring, login).count("terms_accepted") == 1


def test_deeds_at_once_leave_no_hole_and_no_number_twice(ring: Ring) -> None:
    logins = [ring.active() for _ in range(4)]

    def turn(login: str) -> None:
        for _ in range(5):
            suspend.suspend(ring.services, REGISTRAR, login, "powód")
            suspend.resume(ring.services, REGISTRAR, login, None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(turn, logins))
    for login in logins:
        assert [each.number for each in news_of(ring, login)] == list(range(1, 13))


def test_who_reads_on_from_a_position_misses_nothing_that_commits_late(ring: Ring) -> None:
    """Positions are given out under a lock that is held until the commit."""
    logins, seen, position = [ring.active() for _ in range(4)], [], 0
    with ring.services.work() as work:
        position = work.news.newest()

    def turn(login: str) -> None:
        for _ in range(10):
            suspend.suspend(ring.services, REGISTRAR, login, "powód")
            suspend.resume(ring.services, REGISTRAR, login, None)

    with ThreadPoolExecutor(5) as pool:
        running = [pool.submit(turn, login) for login in logins]
        while not all(each.done() for each in running) or not seen or len(seen) < 80:
            with ring.services.work() as work:
                for each in work.news.after(position, 1000):
                    seen.append(each.event_id)
                    position = each.position
    assert len(seen) == len(set(seen)) == 80


# -- delivered -----------------------------------------------------------------------------------------


def test_a_receiver_gets_everything_once_and_in_order(ring: Ring, application: Application) -> None:
    receivers = MemoryReceivers()
    login = ring.active()
    DEEDS["suspend and resume"](ring, login)
    telling.tell(ring.services, receivers, application)
    telling.tell(ring.services, receivers, application)
    assert receivers.types(login) == ["created", "activated", "suspended", "resumed"]


def test_while_a_receiver_is_down_nothing_overtakes_and_nothing_is_lost(ring: Ring, application: Application) -> None:
    receivers = MemoryReceivers(DOWN)
    logins = [ring.active() for _ in range(3)]
    for _ in range(5):
        telling.tell(ring.services, receivers, application)
        ring.clock.moment += timedelta(seconds=70)
    DEEDS["suspend"](ring, logins[0])
    tried = len(receivers.got)
    assert tried <= 8 + 5  # one at a time once it is known to be down
    receivers.answer, receivers.got = TAKEN, []
    ring.clock.moment += timedelta(seconds=70)
    telling.tell(ring.services, receivers, application)
    assert receivers.types(logins[0]) == ["created", "activated", "suspended"]
    assert receivers.types(logins[1]) == receivers.types(logins[2]) == ["created", "activated"]


def test_a_dead_receiver_keeps_no_other_waiting(ring: Ring, application: Application) -> None:
    other = receiver(f"{application.client_id}-b")
    telling.tell(ring.services, MemoryReceivers(), other)
    login = ring.active()
    telling.tell(ring.services, MemoryReceivers(DOWN), application)
    well = MemoryReceivers()
    assert telling.tell(ring.services, well, other) == len(well.got)
    assert well.types(login) == ["created", "activated"]


def test_a_message_that_is_not_taken_holds_up_its_own_account_alone(ring: Ring, application: Application) -> None:
    poisoned, well = ring.active(), ring.active()
    receivers = MemoryReceivers(lambda payload: Answer(400, "400 Bad Request") if payload["data"]["login"] == poisoned else TAKEN)
    for _ in range(4):
        telling.tell(ring.services, receivers, application)
        ring.clock.moment += timedelta(seconds=2)
    assert receivers.types(well) == ["created", "activated"]
    assert set(receivers.types(poisoned)) == {"created"}
    DEEDS["suspend"](ring, well)
    telling.tell(ring.services, receivers, application)
    assert receivers.types(well)[-1] == "suspended"


def test_after_three_days_it_is_parked_and_what_came_later_goes_on(ring: Ring, application: Application) -> None:
    receivers = MemoryReceivers(DOWN)
    login = ring.active()
    for _ in range(40):
        telling.tell(ring.services, receivers, application)
        ring.clock.moment += timedelta(hours=4)
    with ring.services.work() as work:
        parked = work.deliveries.page(application.client_id, DeliveryState.PARKED, 100)
    assert {each.login for each in parked} == {login}
    DEEDS["suspend"](ring, login)
    receivers.answer, receivers.got = TAKEN, []
    telling.tell(ring.services, receivers, application)
    assert receivers.types(login) == ["suspended"]
    for each in reversed(parked):
        telling.send_again(ring.services, MANAGER, application.client_id, each.event_id)
    telling.tell(ring.services, receivers, application)
    assert receivers.types(login) == ["suspended", "created", "activated"]


def test_a_receiver_that_is_gone_is_switched_off_until_somebody_switches_it_on(ring: Ring, application: Application) -> None:
    receivers = MemoryReceivers(Answer(410, "410 Gone"))
    login = ring.active()
    for _ in range(3):
        telling.tell(ring.services, receivers, application)
        ring.clock.moment += timedelta(days=1)
    assert len(receivers.got) <= 8
    receivers.answer, receivers.got = TAKEN, []
    telling.tell(ring.services, receivers, application)
    assert receivers.got == []
    telling.switch_on(ring.services, MANAGER, application.client_id)
    telling.tell(ring.services, receivers, application)
    assert receivers.types(login) == ["created", "activated"]


def test_an_application_learns_of_its_own_customers_alone(ring: Ring, application: Application) -> None:
    mine, others = ring.active(), ring.active()
    number = ring.account(mine).customer_numbers[0]
    narrow = receiver(f"{application.client_id}-c", customers=number)
    telling.tell(ring.services, MemoryReceivers(), narrow)
    DEEDS["suspend"](ring, mine)
    DEEDS["suspend"](ring, others)
    receivers = MemoryReceivers()
    telling.tell(ring.services, receivers, narrow)
    assert receivers.types(mine) == ["suspended"]
    assert receivers.types(others) == []


def test_a_replay_sends_everything_since_then_once_more_in_order(ring: Ring, application: Application) -> None:
    receivers = MemoryReceivers()
    login = ring.active()
    telling.tell(ring.services, receivers, application)
    first = news_of(ring, login)[0].at
    assert telling.replay(ring.services, MANAGER, application, first) >= 2
    telling.tell(ring.services, receivers, application)
    assert receivers.types(login) == ["created", "activated"] * 2


def test_a_test_event_says_that_it_is_one(ring: Ring, application: Application) -> None:
    receivers = MemoryReceivers()
    identifier = telling.send_test(ring.services, MANAGER, application.client_id)
    telling.tell(ring.services, receivers, application)
    (payload,) = [payload for _, payload in receivers.got if payload["type"] == "test"]
    assert payload["data"] == {"event_id": identifier}


def test_only_a_manager_sends_again(ring: Ring, application: Application) -> None:
    for deed in (telling.send_test, telling.switch_on):
        with pytest.raises(Forbidden):
            deed(ring.services, REGISTRAR, application.client_id)
