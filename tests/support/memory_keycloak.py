"""A Keycloak in memory that keeps the contract of the real one (tests/contract/test_directory.py runs on both).

Besides what the keeper calls, it can do what people do there: log in, set an own password, click in the console.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ibok_idp.password_policy import broken_rules
from provisioning.domain.account_states import Trouble
from provisioning.domain.in_keycloak import ConsoleEvent, Created, EventsRead, LoginEvent, SeenInKeycloak, WantedUser
from provisioning.domain.rulebook import Rulebook
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.work import Clock

# What the realm's user profile takes, in keycloak-realm.json or as Keycloak has it built in.
_NAME = re.compile(r"""[^<>&"$%!#?§;*~/\\|^=\[\]{}()\x00-\x1f\x7f]{0,255}""")
_TAKEN = {
    "firstName": ("first_name", _NAME),
    "lastName": ("last_name", _NAME),
    "email": ("email", re.compile(r"|[^@\s]{1,64}@[^@\s]{1,189}")),
}
_LONGEST_NUMBER = 40
_CLOCKS_APART = timedelta(minutes=5)

T = TypeVar("T")


@dataclass
class User:
    user_id: str
    login: str
    application: str | None
    profile: dict[str, Any]
    password: str | None
    must_change: bool = True
    temporary: tuple[str, datetime] | None = None
    in_customers: bool = True
    sessions: int = 0


@dataclass
class MemoryKeycloak:
    """Hooks: `meanwhile(point)` runs before and after the effect of each writing call, named `create_many.before` and so on.

    Attributes:
        away: every call fails as when nothing answers. lose_answers: the effect comes about, the answer does not arrive.
    """

    clock: Clock
    meanwhile: Callable[[str], None] = lambda point: None
    away: bool = False
    lose_answers: int = 0
    users: dict[str, User] = field(default_factory=dict)
    events: list[LoginEvent] = field(default_factory=list)
    console: list[ConsoleEvent] = field(default_factory=list)
    own_writes: list[datetime] = field(default_factory=list)
    made: int = 0

    # -- the contract ----------------------------------------------------------------------------

    def create_many(self, wanted: Sequence[WantedUser]) -> list[Created | DirectoryTrouble]:
        for each in wanted:
            _keeps_s6(each.password)
        made: list[Created | DirectoryTrouble] = self._writing("create_many", lambda: [self._create(each) for each in wanted])
        return made

    def _create(self, wanted: WantedUser) -> Created | DirectoryTrouble:
        found = self._by_login(wanted.login)
        if found is not None:
            if found.application != wanted.reference or not found.in_customers:
                return DirectoryTrouble(Trouble.LOGIN_BELONGS_TO_ANOTHER, retry=False)
            return Created(found.user_id, made=False)
        try:
            _acceptable(wanted.profile.row())
        except DirectoryTrouble as trouble:
            return trouble
        user = User(secrets.token_hex(8), wanted.login.lower(), wanted.reference, wanted.profile.row(), wanted.password)
        self.users[user.user_id] = user
        self.made += 1
        return Created(user.user_id, made=True)

    def find(self, reference: str, login: str) -> str | None:
        self._reachable()
        found = self._by_login(login)
        return found.user_id if found is not None and found.application == reference and found.in_customers else None

    def change(self, user_id: str, changes: dict[str, Any]) -> None:
        def effect() -> None:
            user = self._one(user_id)
            _acceptable(changes)
            user.profile = user.profile | changes
            if changes.get("enabled") is False:
                user.sessions, user.temporary = 0, None

        self._writing("change", effect)

    def set_activation_password(self, user_id: str, password: str) -> bool:
        def effect() -> bool:
            user = self._one(user_id)
            if not user.must_change and user.password is not None:
                return False
            _keeps_s6(password)
            user.password, user.temporary, user.must_change = password, None, True
            return True

        return self._writing("set_activation_password", effect)

    def set_temporary_password(self, user_id: str, password: str, expires_at: datetime) -> None:
        def effect() -> None:
            user, now = self._one(user_id), self.clock.now()
            _keeps_s6(password)
            if not now < expires_at <= now + Rulebook().reset_password_life + _CLOCKS_APART:
                raise _rejected()
            user.temporary = (password, expires_at)

        self._writing("set_temporary_password", effect)

    def void_temporary_password(self, user_id: str) -> None:
        def effect() -> None:
            self._one(user_id).temporary = None

        self._writing("void_temporary_password", effect)

    def make_mailed_useless(self, user_id: str, *, own_password: bool) -> None:
        def effect() -> None:
            user = self._one(user_id)
            user.temporary, user.sessions = None, 0
            if not own_password:
                user.password = None

        self._writing("make_mailed_useless", effect)

    def delete(self, user_id: str) -> None:
        def effect() -> None:
            if user_id in self.users:
                del self.users[self._one(user_id).user_id]

        self._writing("delete", effect)

    def must_change_password(self, user_id: str) -> bool:
        self._reachable()
        return self._one(user_id, Trouble.KEYCLOAK_REJECTED).must_change

    def recent_password_changes(self) -> list[str]:
        self._reachable()
        return sorted({event.user_id for event in self.events if event.kind == "UPDATE_PASSWORD"})

    def see(self, user_id: str) -> SeenInKeycloak | None:
        self._reachable()
        self.meanwhile("see.before")
        user = self.users.get(user_id)
        if user is not None and not user.in_customers:
            raise DirectoryTrouble(Trouble.OUTSIDE_CUSTOMERS, retry=False)
        seen = _seen(user) if user else None
        self.meanwhile("see.after")
        return seen

    def customers(self, first: int, limit: int) -> list[SeenInKeycloak]:
        self._reachable()
        members = sorted((each for each in self.users.values() if each.in_customers), key=lambda each: each.login)
        return [_seen(each) for each in members[first : first + limit]]

    def login_events(self, since: datetime) -> EventsRead[LoginEvent]:
        self._reachable()
        found = [each for each in self.events if each.at >= since]
        return EventsRead(found, max((each.at for each in found), default=None))

    def console_events(self, since: datetime) -> EventsRead[ConsoleEvent]:
        self._reachable()
        found = [each for each in self.console if each.at >= since]
        moments = [each.at for each in found] + [at for at in self.own_writes if at >= since]
        return EventsRead(found, max(moments, default=None))

    # -- people ----------------------------------------------------------------------------------

    def try_login(self, login: str, password: str) -> str:
        """`in`, `must_change` or `refused`."""
        user = self._by_login(login)
        if user is None:
            return "refused"
        used = self._used(user, password)
        if used is None:
            self._tell(user, "LOGIN_ERROR", "own", "invalid_user_credentials" if user.profile["enabled"] else "user_disabled")
            return "refused"
        if used != "own":
            return "must_change"
        user.sessions += 1
        self._tell(user, "LOGIN", used)
        return "in"

    def set_own_password(self, login: str, mailed: str, own: str) -> bool:
        """S6: what the page after a login with a mailed password does."""
        user = self._by_login(login)
        used = None if user is None else self._used(user, mailed)
        if user is None or used in (None, "own"):
            return False
        user.password, user.must_change, user.temporary = own, False, None
        user.sessions = 1
        for kind in ("UPDATE_PASSWORD", "UPDATE_CREDENTIAL", "LOGIN"):
            self._tell(user, kind, used)
        return True

    def pause(self, login: str) -> None:
        """Somebody typed wrong passwords until logging in was paused."""
        user = self._by_login(login)
        if user is not None:
            self._tell(user, "USER_DISABLED_BY_TEMPORARY_LOCKOUT", None)

    def _used(self, user: User, password: str) -> str | None:
        """Which of the user's passwords this is: own, activation (S5) or temporary (S7); None when it opens nothing."""
        if not user.profile["enabled"]:
            return None
        if user.temporary and user.temporary[0] == password and user.temporary[1] > self.clock.now():
            return "temporary"
        if user.password != password:
            return None
        return "activation" if user.must_change else "own"

    def _tell(self, user: User, kind: str, password: str | None, error: str | None = None) -> None:
        self.events.append(LoginEvent(secrets.token_hex(6), user.user_id, self.clock.now(), kind, error, None, password))

    def in_the_console(self, login: str, **changes: Any) -> None:
        """Somebody of IT clicks; `gone=True` deletes the user, `out_of_group=True` takes it out of /customers."""
        user = self._by_login(login)
        if user is None:
            return
        gone, out_of_group = changes.pop("gone", False), changes.pop("out_of_group", False)
        if gone:
            del self.users[user.user_id]
        if out_of_group:
            user.in_customers = False
        user.profile = user.profile | changes
        operation, what = "DELETE" if gone or out_of_group else "UPDATE", "groups" if out_of_group else ""
        self.console.append(ConsoleEvent(secrets.token_hex(6), user.user_id, self.clock.now(), operation, what, "it"))

    def of_application(self, reference: str) -> list[User]:
        return [user for user in self.users.values() if user.application == reference]

    # -- inside ----------------------------------------------------------------------------------

    def _writing(self, name: str, effect: Callable[[], T]) -> T:
        self._reachable()
        self.meanwhile(f"{name}.before")
        outcome = effect()
        self.own_writes = [self.clock.now()]  # only the newest matters
        self.meanwhile(f"{name}.after")
        if self.lose_answers:
            self.lose_answers -= 1
            raise DirectoryTrouble(Trouble.KEYCLOAK_UNAVAILABLE, retry=True)
        return outcome

    def _reachable(self) -> None:
        if self.away:
            raise DirectoryTrouble(Trouble.KEYCLOAK_UNAVAILABLE, retry=True)

    def _by_login(self, login: str) -> User | None:
        return next((user for user in self.users.values() if user.login == login.lower()), None)

    def _one(self, user_id: str, missing: Trouble = Trouble.NOT_IN_KEYCLOAK) -> User:
        user = self.users.get(user_id)
        if user is None:
            raise DirectoryTrouble(missing, retry=missing is Trouble.KEYCLOAK_REJECTED)
        if not user.in_customers:
            raise DirectoryTrouble(Trouble.KEYCLOAK_REFUSED, retry=True)
        return user


def _rejected(*fields: str) -> DirectoryTrouble:
    return DirectoryTrouble(Trouble.KEYCLOAK_REJECTED, retry=True, fields=fields)


def _keeps_s6(password: str) -> None:
    if broken_rules(password):
        raise _rejected()


def _acceptable(profile: dict[str, Any]) -> None:
    refused = [field for field, (name, pattern) in _TAKEN.items() if not pattern.fullmatch(profile.get(name) or "")]
    if any(len(number) > _LONGEST_NUMBER for number in profile.get("customer_numbers") or ()):
        refused.append("ibok_customer_numbers")
    if refused:
        raise _rejected(*sorted(refused))


def _seen(user: User) -> SeenInKeycloak:
    return SeenInKeycloak(
        user_id=user.user_id,
        login=user.login,
        email=user.profile["email"].lower(),
        enabled=user.profile["enabled"],
        application=user.application,
        must_change_password=user.must_change,
        customer_numbers=tuple(user.profile["customer_numbers"]),
    )
