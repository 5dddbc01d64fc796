"""K07: events are followed by Keycloak's clock; how wrong ours is does not matter, and one bad event stops no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from provisioning import doctor
from provisioning.adapters.postgres.demo_applications import generate
from provisioning.domain.in_keycloak import ConsoleEvent, EventsRead, LoginEvent
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.services import Services
from provisioning.use_cases.account.follow_keycloak import follow_keycloak
from provisioning.use_cases.one_by_one import LeftBehind
from provisioning.wiring import Wired
from tests.support.fakes import FakeDirectory, FixedClock

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BEGIN = datetime(2026, 11, 24, 12, tzinfo=UTC)


class KeycloakWithEvents(FakeDirectory):
    """Keeps events as Keycloak does: stamped by its own clock, given from a moment on, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.logins: list[LoginEvent] = []
        self.asked: list[datetime] = []

    def log_in(self, at: datetime, user_id: str = "user-1") -> str:
        self.logins.append(LoginEvent(f"event-{len(self.logins)}", user_id, at, "LOGIN", None, "192.0.2.1", "own"))
        return self.logins[-1].event_id

    def login_events(self, since: datetime) -> EventsRead[LoginEvent]:
        self.asked.append(since)
        found = sorted((each for each in self.logins if each.at >= since), key=lambda each: each.at)
        return EventsRead(found, found[-1].at if found else None)

    def console_events(self, since: datetime) -> EventsRead[ConsoleEvent]:
        return EventsRead([], None)


class Followed:
    """An office of one customer, with our clock so far from Keycloak's."""

    def __init__(self, wired: Wired, skew: timedelta) -> None:
        self.keycloak, self.ours = KeycloakWithEvents(), FixedClock(BEGIN + skew)
        self.services: Services = replace(wired.services, directory=self.keycloak, clock=self.ours)
        self.skew = skew
        with wired.services.work() as work:
            generate(wired.services, work, 1)
        with wired.engine.begin() as connection:
            for statement in (
                "INSERT INTO issued_logins SELECT 'wp1', reference, now() FROM applications",
                "INSERT INTO accounts (login, reference, state, step, created_at, attempts, user_id) "
                "SELECT 'wp1', reference, 'active', 'done', now(), 0, 'user-1' FROM applications",
            ):
                connection.execute(text(statement))

    def round_at(self, keycloaks_time: datetime) -> int:
        self.ours.moment = keycloaks_time + self.skew
        return follow_keycloak(self.services)

    def known(self) -> set[str]:
        with self.services.work() as work:
            return {event.event_id for event in work.events.of("wp1", ("login",), 1000)}


@pytest.mark.parametrize("skew", [timedelta(0), 21 * SECOND, 10 * MINUTE, -10 * MINUTE, timedelta(hours=5), -timedelta(hours=5)])
def test_k07_no_event_is_lost_however_wrong_our_clock_is(wired: Wired, skew: timedelta) -> None:
    followed = Followed(wired, skew)
    wanted = set()
    for step in range(40):
        now = BEGIN + step * 3 * SECOND
        wanted.add(followed.keycloak.log_in(now - SECOND))
        if step % 4 == 0:  # stamped now, but to be seen later only: Keycloak commits it then
            late = followed.keycloak.logins.pop()
            followed.round_at(now)
            followed.keycloak.logins.append(late)
        followed.round_at(now)
    assert followed.known() == wanted


def test_the_cursor_is_the_newest_time_of_keycloak_and_rests_when_nothing_happens(wired: Wired) -> None:
    followed = Followed(wired, 10 * MINUTE)
    followed.round_at(BEGIN)
    assert followed.keycloak.asked[-1] == BEGIN + 10 * MINUTE - timedelta(days=90)  # the first look: all that Keycloak keeps
    followed.keycloak.log_in(BEGIN)
    assert followed.round_at(BEGIN + SECOND) == 1
    for minute in range(1, 4):
        assert followed.round_at(BEGIN + minute * MINUTE) == 0
        assert followed.keycloak.asked[-1] == BEGIN - 20 * SECOND


@pytest.fixture
def refused_event(wired: Wired) -> Iterator[str]:
    """An event that our database refuses, whatever is tried."""
    with wired.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bad event'; END $$; "
                "CREATE TRIGGER refuse BEFORE INSERT ON account_events FOR EACH ROW WHEN (NEW.event_id = 'event-1') "
                "EXECUTE FUNCTION refuse()"
            )
        )
    yield "event-1"


def test_an_event_that_cannot_be_followed_stops_no_other_and_is_tried_again_for_an_hour(wired: Wired, refused_event: str) -> None:
    followed = Followed(wired, timedelta(0))
    wanted = {followed.keycloak.log_in(BEGIN + n * SECOND) for n in range(4)} - {refused_event}
    with pytest.raises(LeftBehind, match="1 left behind"):
        followed.round_at(BEGIN + 5 * SECOND)
    assert followed.known() == wanted
    wanted.add(followed.keycloak.log_in(BEGIN + 30 * MINUTE))
    with pytest.raises(LeftBehind):
        followed.round_at(BEGIN + 30 * MINUTE)
    assert followed.keycloak.asked[-1] <= BEGIN  # the bad one is looked at again
    with wired.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refuse ON account_events"))
    assert followed.round_at(BEGIN + 31 * MINUTE) == 1
    assert followed.known() == wanted | {refused_event}


def test_an_event_that_can_never_be_followed_is_given_up_after_an_hour_of_others(wired: Wired, refused_event: str) -> None:
    followed = Followed(wired, timedelta(0))
    for n in range(2):
        followed.keycloak.log_in(BEGIN + n * SECOND)
    followed.keycloak.log_in(BEGIN + 61 * MINUTE)
    with pytest.raises(LeftBehind):
        followed.round_at(BEGIN + 61 * MINUTE)
    assert followed.round_at(BEGIN + 62 * MINUTE) == 0
    assert followed.keycloak.asked[-1] > BEGIN + 60 * MINUTE


def test_keycloak_away_leaves_the_cursor_where_it_is(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Followed(wired, timedelta(0))

    def away(_since: datetime) -> Any:
        raise DirectoryTrouble("keycloak_unavailable", retry=True)

    event = followed.keycloak.log_in(BEGIN)
    with monkeypatch.context() as gone:
        gone.setattr(followed.keycloak, "login_events", away)
        with pytest.raises(DirectoryTrouble):
            followed.round_at(BEGIN)
    assert followed.round_at(BEGIN + timedelta(hours=10)) == 1
    assert followed.known() == {event}


@pytest.mark.parametrize(("ahead", "words"), [(11, "11 s ahead of"), (-600, "600 s behind"), (9, None), (0, None)])
def test_doctor_tells_a_skew_of_more_than_ten_seconds(wired: Wired, ahead: int, words: str | None) -> None:
    class Clock:
        def clock(self) -> datetime:
            return BEGIN + ahead * SECOND

    skewed = replace(wired, directory=Clock(), services=replace(wired.services, clock=FixedClock(BEGIN)))  # type: ignore[arg-type]
    if words is None:
        assert "agree" in doctor._clocks(skewed)
        return
    with pytest.raises(doctor._Wrong, match=words):
        doctor._clocks(skewed)
