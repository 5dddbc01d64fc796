"""The port Directory: one suite for the real adapter on a real Keycloak and for the Keycloak in memory; both must keep it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ibok_idp.temporary_password import derive, new_nonce
from provisioning.domain.account import Profile
from provisioning.domain.account_states import Trouble
from provisioning.domain.in_keycloak import MADE_TOGETHER, ConsoleEvent, Created, LoginEvent, SeenInKeycloak, WantedUser
from provisioning.domain.person_names import LONGEST_NAME, account_name
from provisioning.domain.rulebook import Rulebook
from provisioning.ports.directory import Directory, DirectoryTrouble
from tests.contract.directory_sides import Memory, Real, Side
from tests.support.world import eventually

OWN = "Woda 12 Zdroj 7"
PROFILE = Profile(
    enabled=True,
    email="jozefa@example.com",
    first_name="Józefa",
    last_name="Źdźbło-Żak",
    language="pl",
    customer_numbers=("40118270", "40118269"),
)


def mailed_password() -> str:
    return derive(secrets.token_bytes(32), new_nonce(), "test")


@dataclass(frozen=True)
class Customer:
    user_id: str
    login: str
    reference: str
    activation: str


def made_one(directory: Directory, reference: str, login: str, profile: Profile, password: str) -> Created:
    """A user made alone; raises its trouble."""
    (outcome,) = directory.create_many([WantedUser(reference, login, profile, password)])
    if isinstance(outcome, DirectoryTrouble):
        raise outcome
    return outcome


class Customers:
    """Makes customers of one test and takes them away again."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.made: list[str] = []

    def waiting(self, login: str = "", **profile: Any) -> Customer:
        """With an activation password that nobody has used yet."""
        login = login or f"tc{secrets.token_hex(5)}"
        reference, password = f"2026-{login}", mailed_password()
        created = made_one(self.side.directory, reference, login, replace(PROFILE, **profile), password)
        assert created.made
        self.made.append(login)
        return Customer(created.user_id, login, reference, password)

    def active(self) -> Customer:
        """With an own password and one session."""
        customer = self.waiting()
        assert self.side.set_own_password(customer.login, customer.activation, OWN)
        return customer

    def outside(self) -> Customer:
        """Somebody whom IT took out of /customers."""
        customer = self.waiting()
        self.side.in_the_console(customer.login, out_of_group=True)
        return customer

    def temporary(self, customer: Customer, life: timedelta = timedelta(hours=1)) -> str:
        password = mailed_password()
        self.side.directory.set_temporary_password(customer.user_id, password, self.side.now() + life)
        return password

    def clear(self) -> None:
        for login in self.made:
            if not isinstance(self.side, Real) or self.side.world.user(login):
                self.side.in_the_console(login, gone=True)


@pytest.fixture(params=["memory", "real"])
def side(request: pytest.FixtureRequest) -> Side:
    return Real(request.getfixturevalue("world")) if request.param == "real" else Memory()


@pytest.fixture
def directory(side: Side) -> Directory:
    return side.directory


@pytest.fixture
def customers(side: Side) -> Iterator[Customers]:
    found = Customers(side)
    yield found
    found.clear()


def trouble(call: Callable[[], object]) -> tuple[Trouble, bool]:
    """Why it could not be done, and whether trying again may help."""
    with pytest.raises(DirectoryTrouble) as caught:
        call()
    return caught.value.kind, caught.value.retry


# -- create and find ---------------------------------------------------------------------------------


def test_s4_a_new_user_has_its_profile_and_must_change_the_activation_password(side: Side, customers: Customers) -> None:
    customer = customers.waiting()
    assert side.stored(customer.user_id) == PROFILE.row()
    assert side.log_in(customer.login, customer.activation) == "must_change"
    assert side.log_in(customer.login, mailed_password()) == "refused"
    assert side.sessions(customer.user_id) == 0  # a login that stops there opens nothing


def test_s4_a_repeat_finds_the_user_of_the_same_application_and_touches_nothing(side: Side, customers: Customers) -> None:
    customer = customers.waiting()
    other, later = replace(PROFILE, email="inna@example.com", enabled=False), mailed_password()
    for login in (customer.login, customer.login.upper()):
        again = made_one(side.directory, customer.reference, login, other, later)
        assert again == Created(customer.user_id, made=False)
    assert side.stored(customer.user_id) == PROFILE.row()
    assert side.log_in(customer.login, customer.activation) == "must_change"


def test_s4_a_login_of_another_application_is_an_alarm_and_never_overwritten(side: Side, customers: Customers) -> None:
    customer = customers.waiting()
    other = replace(PROFILE, email="inna@example.com")
    for login in (customer.login, customer.login.upper()):
        taken = trouble(lambda login=login: made_one(side.directory, "2026-other", login, other, mailed_password()))  # type: ignore[misc]
        assert taken == (Trouble.LOGIN_BELONGS_TO_ANOTHER, False)
    assert side.stored(customer.user_id) == PROFILE.row()
    assert side.log_in(customer.login, customer.activation) == "must_change"


def test_s4_a_login_outside_customers_belongs_to_another_even_for_its_own_application(
    directory: Directory, customers: Customers
) -> None:
    customer = customers.outside()
    taken = trouble(lambda: made_one(directory, customer.reference, customer.login, PROFILE, mailed_password()))
    assert taken == (Trouble.LOGIN_BELONGS_TO_ANOTHER, False)
    assert directory.find(customer.reference, customer.login) is None


def test_two_customers_may_have_one_address(directory: Directory, customers: Customers) -> None:
    first, second = customers.waiting(), customers.waiting()
    assert directory.find(second.reference, second.login) == second.user_id != first.user_id


def test_a_user_that_is_made_disabled_opens_with_its_activation_password_once_enabled(side: Side, customers: Customers) -> None:
    customer = customers.waiting(enabled=False)
    assert side.stored(customer.user_id)["enabled"] is False
    assert side.log_in(customer.login, customer.activation) == "refused"
    side.directory.change(customer.user_id, {"enabled": True})
    assert side.log_in(customer.login, customer.activation) == "must_change"


REFUSED_PROFILES: list[dict[str, Any]] = [
    *({"last_name": f"Kos{sign}Nowak"} for sign in "<&;§\t"),
    {"first_name": "Józefa (Ziuta)"},
    {"last_name": "K" * 256},
    {"email": "not an address"},
    {"customer_numbers": ("4" * 41,)},
]


def test_what_keycloaks_user_profile_refuses_is_rejected_and_nothing_is_made_or_changed(side: Side, customers: Customers) -> None:
    login = f"tc{secrets.token_hex(5)}"
    there = customers.waiting()
    for refused in REFUSED_PROFILES:
        profile = replace(PROFILE, **refused)
        made = trouble(lambda profile=profile: made_one(side.directory, "2026-x", login, profile, mailed_password()))  # type: ignore[misc]
        changed = trouble(lambda refused=refused: side.directory.change(there.user_id, refused | {"language": "en"}))  # type: ignore[misc]
        assert (made, changed) == ((Trouble.KEYCLOAK_REJECTED, True),) * 2, refused
    assert side.directory.find("2026-x", login) is None
    assert side.stored(there.user_id) == PROFILE.row()


def wanted(login: str = "", reference: str = "", **profile: Any) -> WantedUser:
    login = login or f"tc{secrets.token_hex(5)}"
    return WantedUser(reference or f"2026-{login}", login, replace(PROFILE, **profile), mailed_password())


def test_s4_many_are_made_with_one_call_and_each_is_answered_for_itself(side: Side, customers: Customers) -> None:
    there, outside = customers.waiting(), customers.outside()
    first, last = wanted(), wanted(last_name="Ostatnia")
    outcomes = side.directory.create_many(
        [
            first,
            wanted(there.login, there.reference),
            wanted(there.login, "2026-other"),
            wanted(outside.login, outside.reference),
            wanted(last_name="Kos/Nowak", email="not an address"),
            wanted(customer_numbers=("4" * 41,)),
            replace(first, password=mailed_password()),
            last,
        ]
    )
    customers.made += [first.login, last.login]
    made, exists, *refused, twice, at_the_end = [
        (each.kind, each.retry, each.fields) if isinstance(each, DirectoryTrouble) else each for each in outcomes
    ]
    assert isinstance(made, Created) and isinstance(at_the_end, Created) and made.made and at_the_end.made
    assert (exists, twice) == (Created(there.user_id, made=False), Created(made.user_id, made=False))
    assert refused == [
        (Trouble.LOGIN_BELONGS_TO_ANOTHER, False, ()),
        (Trouble.LOGIN_BELONGS_TO_ANOTHER, False, ()),
        (Trouble.KEYCLOAK_REJECTED, True, ("email", "lastName")),
        (Trouble.KEYCLOAK_REJECTED, True, ("ibok_customer_numbers",)),
    ]
    assert side.stored(made.user_id) == PROFILE.row()
    assert side.log_in(first.login, first.password) == "must_change"  # that of the first mention
    assert side.log_in(last.login, last.password) == "must_change"


def test_as_many_as_the_keeper_gathers_are_made_with_one_call_in_their_order(side: Side, customers: Customers) -> None:
    many = [wanted() for _ in range(MADE_TOGETHER)]
    outcomes = side.directory.create_many(many)
    customers.made += [each.login for each in many]
    made = [each.user_id for each in outcomes if isinstance(each, Created) and each.made]
    assert [side.directory.find(each.reference, each.login) for each in many[:: MADE_TOGETHER - 1]] == [made[0], made[-1]]
    assert len(set(made)) == MADE_TOGETHER


def test_nobody_is_made_with_a_password_that_breaks_s6(side: Side) -> None:
    good, bad = wanted(), replace(wanted(), password="zażółć")
    assert trouble(lambda: side.directory.create_many([good, bad])) == (Trouble.KEYCLOAK_REJECTED, True)
    assert side.directory.find(good.reference, good.login) is None


def test_names_with_what_people_are_called_by_are_taken(side: Side, customers: Customers) -> None:
    customer = customers.waiting(first_name="Anne-Marie 2.", last_name="d'Àrc, O`Neill – Łoś_: +")
    assert side.stored(customer.user_id)["last_name"] == "d'Àrc, O`Neill – Łoś_: +"


def test_whatever_a_form_may_say_keycloak_takes_the_names_of_the_account(side: Side, customers: Customers) -> None:
    """S4: what the form takes and Keycloak would not is mapped at the approval, so that no account waits for ever."""
    everything = "".join(each for each in map(chr, range(0x20, 0x180)) if each.isprintable())
    for start in range(0, len(everything), LONGEST_NAME):
        name = account_name(everything[start : start + LONGEST_NAME])
        customer = customers.waiting(first_name=name, last_name=account_name("Kowalska / Nowak (Hanna)"))
        assert side.stored(customer.user_id)["first_name"] == name
        assert side.stored(customer.user_id)["last_name"] == "Kowalska Nowak Hanna"


def test_find_knows_the_user_of_an_application_and_no_other(directory: Directory, customers: Customers) -> None:
    customer, other = customers.waiting(), customers.waiting()
    assert directory.find(customer.reference, customer.login) == customer.user_id
    assert directory.find(customer.reference, customer.login.upper()) == customer.user_id
    assert directory.find(customer.reference, other.login) is None
    assert directory.find(customer.reference, f"{customer.login}0") is None


# -- change ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"email": "nowa@example.com"},
        {"first_name": "Zofia"},
        {"last_name": "Gęśl"},
        {"language": "en"},
        {"customer_numbers": ["3", "1", "20"]},
        {"customer_numbers": []},
        {"enabled": False},
        {"email": "obie@example.com", "last_name": "Gęśl"},
        {},
    ],
    ids=lambda change: "-".join(change) or "nothing",
)
def test_a_change_brings_what_it_names_in_line_and_leaves_the_rest(
    side: Side, customers: Customers, change: dict[str, Any]
) -> None:
    customer = customers.waiting()
    for _ in range(2):
        side.directory.change(customer.user_id, change)
        assert side.stored(customer.user_id) == PROFILE.row() | change
    assert side.directory.must_change_password(customer.user_id)


def test_s8_closing_ends_sessions_and_the_temporary_password_and_reopening_brings_back_neither(
    side: Side, customers: Customers
) -> None:
    customer = customers.active()
    temporary = customers.temporary(customer)
    assert side.sessions(customer.user_id) == 1
    side.directory.change(customer.user_id, {"enabled": False, "language": "en"})
    assert side.sessions(customer.user_id) == 0
    assert side.log_in(customer.login, OWN) == side.log_in(customer.login, temporary) == "refused"
    side.directory.change(customer.user_id, {"enabled": True})
    assert side.sessions(customer.user_id) == 0
    assert side.log_in(customer.login, temporary) == "refused"
    assert side.log_in(customer.login, OWN) == "in"


def test_a_change_that_closes_nothing_leaves_sessions_and_passwords(side: Side, customers: Customers) -> None:
    customer = customers.active()
    temporary = customers.temporary(customer)
    side.directory.change(customer.user_id, {"enabled": True, "email": "nowa@example.com"})
    assert side.sessions(customer.user_id) == 1
    assert side.log_in(customer.login, temporary) == "must_change"


# -- passwords ---------------------------------------------------------------------------------------


def test_s5_a_new_activation_password_replaces_what_was_mailed_before(side: Side, customers: Customers) -> None:
    customer = customers.waiting()
    temporary, fresh = customers.temporary(customer), mailed_password()
    for _ in range(2):
        assert side.directory.set_activation_password(customer.user_id, fresh) is True
    assert side.log_in(customer.login, customer.activation) == side.log_in(customer.login, temporary) == "refused"
    assert side.log_in(customer.login, fresh) == "must_change"
    assert side.directory.must_change_password(customer.user_id)


def test_s6_an_own_password_ends_the_mailed_ones_and_no_activation_password_replaces_it(side: Side, customers: Customers) -> None:
    customer = customers.waiting()
    temporary, fresh = customers.temporary(customer), mailed_password()
    assert side.directory.must_change_password(customer.user_id) is True
    assert side.set_own_password(customer.login, customer.activation, OWN)
    assert side.directory.must_change_password(customer.user_id) is False
    assert side.directory.set_activation_password(customer.user_id, fresh) is False
    for mailed in (customer.activation, temporary, fresh):
        assert side.log_in(customer.login, mailed) == "refused"
    assert side.log_in(customer.login, OWN) == "in"


def test_s6_where_the_own_password_is_set_the_temporary_one_is_left_alone_too(side: Side, customers: Customers) -> None:
    customer = customers.active()
    temporary = customers.temporary(customer)
    assert side.directory.set_activation_password(customer.user_id, mailed_password()) is False
    assert side.log_in(customer.login, temporary) == "must_change"


def test_s5_who_was_left_without_any_password_gets_an_activation_password_again(side: Side, customers: Customers) -> None:
    customer, fresh = customers.active(), mailed_password()
    side.directory.make_mailed_useless(customer.user_id, own_password=False)
    assert side.directory.set_activation_password(customer.user_id, fresh) is True
    assert side.log_in(customer.login, fresh) == "must_change"


def test_s7_the_newest_temporary_password_works_beside_the_own_one(side: Side, customers: Customers) -> None:
    customer = customers.active()
    before, temporary = customers.temporary(customer), customers.temporary(customer)
    assert side.log_in(customer.login, before) == "refused"
    assert side.log_in(customer.login, temporary) == "must_change"
    assert side.log_in(customer.login, OWN) == "in"  # an abandoned login with the temporary one leaves no trace
    assert side.directory.must_change_password(customer.user_id) is False
    assert side.set_own_password(customer.login, temporary, "Nowa 34 Woda 9")
    assert side.log_in(customer.login, temporary) == side.log_in(customer.login, OWN) == "refused"
    assert side.log_in(customer.login, "Nowa 34 Woda 9") == "in"


def test_s7_a_temporary_password_dies_at_its_moment(side: Side, customers: Customers) -> None:
    customer = customers.waiting()
    end = side.now() + timedelta(seconds=3)
    password = mailed_password()
    side.directory.set_temporary_password(customer.user_id, password, end)
    assert side.log_in(customer.login, password) == "must_change"
    side.wait_until(end)
    assert side.log_in(customer.login, password) == "refused"


def test_s7_no_temporary_password_is_born_dead_or_outlives_the_longest_life(side: Side, customers: Customers) -> None:
    customer = customers.waiting()
    longest = Rulebook().reset_password_life
    temporary = customers.temporary(customer, longest)
    for life in (timedelta(0), -timedelta(hours=1), longest + timedelta(hours=1)):
        assert trouble(lambda life=life: customers.temporary(customer, life)) == (Trouble.KEYCLOAK_REJECTED, True)  # type: ignore[misc]
    assert side.log_in(customer.login, temporary) == "must_change"


def test_a_voided_temporary_password_opens_nothing_and_the_own_one_goes_on(side: Side, customers: Customers) -> None:
    customer = customers.active()
    temporary = customers.temporary(customer)
    for _ in range(2):  # without one nothing happens
        side.directory.void_temporary_password(customer.user_id)
    assert side.log_in(customer.login, temporary) == "refused"
    assert side.sessions(customer.user_id) == 1
    assert side.log_in(customer.login, OWN) == "in"


def test_what_was_mailed_is_made_useless_beside_an_own_password_that_stays(side: Side, customers: Customers) -> None:
    customer = customers.active()
    temporary = customers.temporary(customer)
    for _ in range(2):
        side.directory.make_mailed_useless(customer.user_id, own_password=True)
    assert side.sessions(customer.user_id) == 0
    assert side.log_in(customer.login, temporary) == "refused"
    assert side.log_in(customer.login, OWN) == "in"


def test_what_was_mailed_is_made_useless_before_the_first_login_and_a_new_activation_password_opens_again(
    side: Side, customers: Customers
) -> None:
    customer = customers.waiting()
    temporary, fresh = customers.temporary(customer), mailed_password()
    for _ in range(2):
        side.directory.make_mailed_useless(customer.user_id, own_password=False)
    assert side.log_in(customer.login, customer.activation) == side.log_in(customer.login, temporary) == "refused"
    assert side.directory.must_change_password(customer.user_id) is True
    assert side.directory.set_activation_password(customer.user_id, fresh) is True
    assert side.log_in(customer.login, fresh) == "must_change"


def test_s6_a_mailed_password_that_breaks_the_rule_is_rejected_and_replaces_nothing(side: Side, customers: Customers) -> None:
    customer, login = customers.waiting(), f"tc{secrets.token_hex(5)}"
    later = side.now() + timedelta(hours=1)
    for weak in ("Abcde12", "abcdef12", "Zażółć12"):
        for call in (
            lambda weak=weak: side.directory.create_many([WantedUser("2026-x", login, PROFILE, weak)]),  # type: ignore[misc]
            lambda weak=weak: side.directory.set_activation_password(customer.user_id, weak),  # type: ignore[misc]
            lambda weak=weak: side.directory.set_temporary_password(customer.user_id, weak, later),  # type: ignore[misc]
        ):
            assert trouble(call) == (Trouble.KEYCLOAK_REJECTED, True)
    assert side.directory.find("2026-x", login) is None
    assert side.log_in(customer.login, customer.activation) == "must_change"


# -- delete and see ----------------------------------------------------------------------------------


def test_s8_a_deleted_user_is_gone_and_deleting_it_again_is_fine(side: Side, customers: Customers) -> None:
    customer = customers.active()
    for _ in range(2):
        side.directory.delete(customer.user_id)
        assert side.directory.see(customer.user_id) is None
        assert side.directory.find(customer.reference, customer.login) is None
    assert side.log_in(customer.login, OWN) == "refused"


def test_a_login_that_was_deleted_is_made_anew_as_another_user(side: Side, customers: Customers) -> None:
    customer = customers.active()
    side.directory.delete(customer.user_id)
    again = customers.waiting(customer.login)
    assert again.user_id != customer.user_id
    assert side.directory.must_change_password(again.user_id)
    assert side.log_in(customer.login, OWN) == "refused"


def test_see_shows_a_customer_as_keycloak_holds_it(side: Side, customers: Customers) -> None:
    customer = customers.waiting(email="Jozefa.Zak@Example.com")
    expected = SeenInKeycloak(
        user_id=customer.user_id,
        login=customer.login,
        email="jozefa.zak@example.com",  # Keycloak keeps lower case
        enabled=True,
        application=customer.reference,
        must_change_password=True,
        customer_numbers=("40118270", "40118269"),
    )
    assert side.directory.see(customer.user_id) == expected
    side.set_own_password(customer.login, customer.activation, OWN)
    side.in_the_console(customer.login, enabled=False, email="konsola@example.com")
    changed = replace(expected, email="konsola@example.com", enabled=False, must_change_password=False)
    assert side.directory.see(customer.user_id) == changed


def test_customers_come_in_pages_in_the_order_of_logins_without_who_left_the_group(
    directory: Directory, side: Side, customers: Customers
) -> None:
    mark = f"0{secrets.token_hex(4)}"  # before every login of other tests, and of another run of this one in most cases
    made = [customers.waiting(f"{mark}{letter}") for letter in "cabd"]
    ours = sorted(customer.login for customer in made)
    before = [each.login for each in directory.customers(0, 500)].index(ours[0])
    assert [each.login for each in directory.customers(before, 3)] == ours[:3]
    assert [each.login for each in directory.customers(before + 3, 1)] == ours[3:]
    side.in_the_console(ours[1], out_of_group=True)
    assert [each.login for each in directory.customers(before, 3)] == [ours[0], *ours[2:]]
    assert directory.customers(before, 1) == [directory.see(made[1].user_id)]
    assert directory.customers(100_000, 5) == []


# -- events ------------------------------------------------------------------------------------------


def test_logins_failures_and_new_passwords_are_told_oldest_first_with_the_password_that_was_used(
    side: Side, customers: Customers
) -> None:
    customer = customers.waiting()
    side.log_in(customer.login, customer.activation)  # abandoned: no login, no event
    start = side.now()
    assert side.set_own_password(customer.login, customer.activation, OWN)
    side.log_in(customer.login, "Zgadnij 12 raz")
    middle = side.now()
    side.log_in(customer.login, OWN)
    assert side.set_own_password(customer.login, customers.temporary(customer), "Nowa 34 Woda 9")
    expected = [
        *((kind, "activation") for kind in ("UPDATE_PASSWORD", "UPDATE_CREDENTIAL", "LOGIN")),
        ("LOGIN_ERROR", "own"),
        ("LOGIN", "own"),
        *((kind, "temporary") for kind in ("UPDATE_PASSWORD", "UPDATE_CREDENTIAL", "LOGIN")),
    ]
    seen = eventually(lambda: len(found := _logins(side, customer, start)) >= len(expected) and found)
    assert [(each.kind, each.password) for each in seen] == expected
    assert [each.at for each in seen] == sorted(each.at for each in seen)
    assert [each.kind for each in seen if each.error] == ["LOGIN_ERROR"]
    assert len({each.event_id for each in seen}) == len(seen)
    assert _logins(side, customer, middle) == seen[4:]
    assert side.directory.recent_password_changes().count(customer.user_id) == 1


def _logins(side: Side, customer: Customer, since: datetime) -> list[LoginEvent]:
    return [each for each in side.directory.login_events(since).events if each.user_id == customer.user_id]


def test_who_set_no_password_is_not_among_the_recent_changes(side: Side, customers: Customers) -> None:
    customer = customers.waiting()
    side.directory.set_activation_password(customer.user_id, mailed_password())
    customers.temporary(customer)
    assert customer.user_id not in side.directory.recent_password_changes()


def test_r04_clicks_in_the_console_are_told_oldest_first_and_our_own_changes_never(side: Side, customers: Customers) -> None:
    customer, other, start = customers.waiting(), customers.waiting(), side.now()
    users = {customer.user_id, other.user_id, _changed_by_ourselves(side, customers)}
    side.in_the_console(customer.login, email="konsola@example.com")
    side.in_the_console(customer.login, out_of_group=True)
    middle = side.now()
    side.in_the_console(other.login, gone=True)
    customers.made.remove(other.login)
    seen = eventually(lambda: len(found := _clicks(side, users, start)) >= 3 and found)
    assert [(each.user_id, each.operation, each.what) for each in seen] == [
        (customer.user_id, "UPDATE", ""),
        (customer.user_id, "DELETE", "groups"),
        (other.user_id, "DELETE", ""),
    ]
    assert [each.at for each in seen] == sorted(each.at for each in seen)
    assert all(each.by for each in seen)
    assert _clicks(side, users, middle) == seen[2:]
    made = side.now()
    _changed_by_ourselves(side, customers)  # no click, but what is read next begins after it
    assert eventually(
        lambda: (newest := side.directory.console_events(made).newest) is not None and newest >= made - timedelta(seconds=1)
    )


def _clicks(side: Side, users: set[str], since: datetime) -> list[ConsoleEvent]:
    return [each for each in side.directory.console_events(since).events if each.user_id in users]


def _changed_by_ourselves(side: Side, customers: Customers) -> str:
    """A user that every writing call has touched."""
    customer = customers.waiting()
    customers.temporary(customer)
    side.directory.void_temporary_password(customer.user_id)
    side.directory.set_activation_password(customer.user_id, mailed_password())
    side.directory.make_mailed_useless(customer.user_id, own_password=False)
    side.directory.change(customer.user_id, {"language": "en"})
    side.directory.change(customer.user_id, {"enabled": False})
    side.directory.delete(customer.user_id)
    customers.made.remove(customer.login)
    return customer.user_id


# -- troubles of every method ------------------------------------------------------------------------

# Method to a call of it about one user.
CALLS: dict[str, Callable[[Directory, Side, str], object]] = {
    "create_many": lambda d, s, _: d.create_many([wanted()]),
    "find": lambda d, s, _: d.find("2026-x", "tc0"),
    "change": lambda d, s, user_id: d.change(user_id, {"language": "en"}),
    "set_activation_password": lambda d, s, user_id: d.set_activation_password(user_id, mailed_password()),
    "set_temporary_password": lambda d, s, user_id: d.set_temporary_password(
        user_id, mailed_password(), s.now() + timedelta(hours=1)
    ),
    "void_temporary_password": lambda d, s, user_id: d.void_temporary_password(user_id),
    "make_mailed_useless": lambda d, s, user_id: d.make_mailed_useless(user_id, own_password=False),
    "delete": lambda d, s, user_id: d.delete(user_id),
    "must_change_password": lambda d, s, user_id: d.must_change_password(user_id),
    "recent_password_changes": lambda d, s, _: d.recent_password_changes(),
    "see": lambda d, s, user_id: d.see(user_id),
    "customers": lambda d, s, _: d.customers(0, 5),
    "login_events": lambda d, s, _: d.login_events(s.now()),
    "console_events": lambda d, s, _: d.console_events(s.now()),
}
ABOUT_A_USER = [
    "change", "set_activation_password", "set_temporary_password", "void_temporary_password", "make_mailed_useless", "delete",
    "must_change_password", "see",
]  # fmt: skip


def test_the_suite_calls_every_method_of_the_port() -> None:
    assert set(CALLS) == {name for name in vars(Directory) if not name.startswith("_")}


@pytest.mark.parametrize("method", CALLS)
def test_a_keycloak_that_does_not_answer_is_tried_again(side: Side, method: str) -> None:
    assert trouble(lambda: CALLS[method](side.unreachable(), side, str(uuid.uuid4()))) == (Trouble.KEYCLOAK_UNAVAILABLE, True)


@pytest.mark.parametrize("method", ABOUT_A_USER)
def test_a_user_that_keycloak_does_not_have(side: Side, method: str) -> None:
    call = lambda: CALLS[method](side.directory, side, str(uuid.uuid4()))  # noqa: E731
    if method in ("delete", "see"):
        assert call() is None
    elif method == "must_change_password":
        assert trouble(call) == (Trouble.KEYCLOAK_REJECTED, True)
    else:
        assert trouble(call) == (Trouble.NOT_IN_KEYCLOAK, False)


def test_closing_a_user_that_keycloak_does_not_have(directory: Directory) -> None:
    assert trouble(lambda: directory.change(str(uuid.uuid4()), {"enabled": False})) == (Trouble.NOT_IN_KEYCLOAK, False)


def test_somebody_outside_customers_is_seen_as_such_and_never_touched(side: Side, customers: Customers) -> None:
    customer = customers.outside()
    for method in ABOUT_A_USER:
        expected = (Trouble.OUTSIDE_CUSTOMERS, False) if method == "see" else (Trouble.KEYCLOAK_REFUSED, True)
        assert trouble(lambda method=method: CALLS[method](side.directory, side, customer.user_id)) == expected, method  # type: ignore[misc]
    assert trouble(lambda: side.directory.change(customer.user_id, {"enabled": False})) == (Trouble.KEYCLOAK_REFUSED, True)
    assert side.stored(customer.user_id) == PROFILE.row()
