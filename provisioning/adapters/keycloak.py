"""The customers' directory as use cases see it: ibok_idp's directory with its errors turned into troubles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from ibok_idp.customers import DirectoryUser, Made, MadeOutcome, NewCustomer, UserChange
from ibok_idp.directory import CustomerDirectory
from ibok_idp.errors import CustomerNotFound, IdpError, KeycloakRefused, KeycloakUnavailable
from provisioning.domain.account_states import Trouble
from provisioning.domain.in_keycloak import ConsoleEvent, Created, EventsRead, LoginEvent, SeenInKeycloak, WantedUser
from provisioning.ports.directory import DirectoryTrouble

_Answer = TypeVar("_Answer")
_PAGE = 200


class KeycloakDirectory:
    """Makes and looks after customers in Keycloak.

    Raises (every method):
        DirectoryTrouble: with its kind, and whether trying again may help.
    """

    def __init__(self, directory: CustomerDirectory) -> None:
        self._directory = directory

    def create_many(self, wanted: Sequence[WantedUser]) -> list[Created | DirectoryTrouble]:
        """S4: one user for one application; a repeat finds the one that is there. PESEL never goes to Keycloak."""
        customers = [(_customer(each), each.password) for each in wanted]
        return [_outcome(each) for each in _translated(lambda: self._directory.create_many(customers))]

    def find(self, reference: str, login: str) -> str | None:
        def look() -> str | None:
            user = self._directory.find_by_login(login)
            return user.user_id if user is not None and user.application == reference else None

        return _translated(look)

    def must_change_password(self, user_id: str) -> bool:
        return _translated(lambda: self._directory.get(user_id).must_change_password)

    def recent_password_changes(self) -> list[str]:
        events = _translated(lambda: self._directory.password_changes(limit=200))
        return sorted({event["userId"] for event in events if event.get("userId")})

    def see(self, user_id: str) -> SeenInKeycloak | None:
        """The user, or None when Keycloak has none; one that left /customers is a trouble of its own."""

        def look() -> SeenInKeycloak | None:
            try:
                return _seen(self._directory.get(user_id))
            except CustomerNotFound:
                return None
            except KeycloakRefused as error:  # the user is there, but not for us
                raise DirectoryTrouble(Trouble.OUTSIDE_CUSTOMERS, retry=False) from error

        return _translated(look)

    def change(self, user_id: str, changes: dict[str, Any]) -> None:
        """Sessions end before the door closes."""
        numbers = changes.get("customer_numbers")
        wanted = UserChange(**changes | {"customer_numbers": tuple(numbers) if numbers is not None else None})

        def carry_out() -> None:
            if changes.get("enabled") is not False:
                self._directory.change(user_id, wanted)
                return
            self._directory.end_sessions(user_id)  # Keycloak leaves sessions alive when it disables a user
            self._directory.change(user_id, wanted)
            self._directory.void_temporary_password(user_id)
            self._directory.end_sessions(user_id)  # one that began in between

        _translated(carry_out, not_found=Trouble.NOT_IN_KEYCLOAK)

    def delete(self, user_id: str) -> None:
        """S8: sessions first, for Keycloak sends no logout when it deletes; one that is gone already is fine."""

        def carry_out() -> None:
            try:
                self._directory.end_sessions(user_id)
            except CustomerNotFound:
                return
            self._directory.delete(user_id)

        _translated(carry_out)

    def set_temporary_password(self, user_id: str, password: str, expires_at: datetime) -> None:
        _translated(
            lambda: self._directory.set_temporary_password(user_id, password, expires_at), not_found=Trouble.NOT_IN_KEYCLOAK
        )

    def set_activation_password(self, user_id: str, password: str) -> bool:
        def carry_out() -> bool:
            taken = self._directory.set_activation_password(user_id, password)
            if taken:
                self._directory.void_temporary_password(user_id)
            return taken

        return _translated(carry_out, not_found=Trouble.NOT_IN_KEYCLOAK)

    def void_temporary_password(self, user_id: str) -> None:
        _translated(lambda: self._directory.void_temporary_password(user_id), not_found=Trouble.NOT_IN_KEYCLOAK)

    def make_mailed_useless(self, user_id: str, *, own_password: bool) -> None:
        def carry_out() -> None:
            if own_password:
                self._directory.void_temporary_password(user_id)
            else:
                self._directory.remove_passwords(user_id)
            self._directory.end_sessions(user_id)

        _translated(carry_out, not_found=Trouble.NOT_IN_KEYCLOAK)

    def customers(self, first: int, limit: int) -> list[SeenInKeycloak]:
        return _translated(lambda: [_seen(each) for each in self._directory.members(first, limit)])

    def login_events(self, since: datetime) -> EventsRead[LoginEvent]:
        """Keycloak counts `since` in whole days; what is older is left out here."""
        read = self._events(self._directory.user_events, since)
        found = [
            LoginEvent(
                event_id=event["id"],
                user_id=event["userId"],
                at=_moment(event),
                kind=event["type"],
                error=event.get("error"),
                address=event.get("ipAddress"),
                password=event.get("details", {}).get("ibok_password"),
            )
            for event in read
            if event.get("userId")
        ]
        return EventsRead(found, _newest(read))

    def console_events(self, since: datetime) -> EventsRead[ConsoleEvent]:
        """Without what our own service account did."""
        events = self._events(self._directory.admin_events, since)
        own = _translated(self._directory.own_user_id) if events else ""
        found = []
        for event in events:
            kind, _, rest = event.get("resourcePath", "").partition("/")
            by = event.get("authDetails", {}).get("userId", "")
            if by != own and kind in ("users", "ibok-temporary-passwords"):
                user_id, _, what = rest.partition("/")
                found.append(ConsoleEvent(event["id"], user_id, _moment(event), event["operationType"], what.split("/")[0], by))
        return EventsRead(found, _newest(events))

    def _events(self, read: Callable[[datetime, int, int], list[dict[str, Any]]], since: datetime) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            first = len(found)
            page = _translated(lambda: read(since, first, _PAGE))  # noqa: B023  # called at once
            found += page
            if len(page) < _PAGE or _moment(page[-1]) < since:
                return sorted((each for each in found if _moment(each) >= since), key=lambda each: int(each["time"]))


def _newest(events: list[dict[str, Any]]) -> datetime | None:
    return _moment(events[-1]) if events else None


def _customer(wanted: WantedUser) -> NewCustomer:
    profile = wanted.profile
    return NewCustomer(
        login=wanted.login,
        email=profile.email,
        first_name=profile.first_name,
        last_name=profile.last_name,
        language=profile.language,
        application=wanted.reference,
        customer_numbers=profile.customer_numbers,
        enabled=profile.enabled,
    )


def _outcome(made: Made) -> Created | DirectoryTrouble:
    if made.user_id is not None:
        return Created(made.user_id, made=made.outcome is MadeOutcome.CREATED)
    if made.outcome is MadeOutcome.TAKEN:
        return DirectoryTrouble(Trouble.LOGIN_BELONGS_TO_ANOTHER, retry=False)
    fields = tuple(sorted({each["field"] for each in made.errors if each["field"] is not None}))
    return DirectoryTrouble(Trouble.KEYCLOAK_REJECTED, retry=True, fields=fields)


def _moment(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["time"] / 1000, UTC)


def _seen(user: DirectoryUser) -> SeenInKeycloak:
    return SeenInKeycloak(
        user_id=user.user_id,
        login=user.login,
        email=user.email,
        enabled=user.enabled,
        application=user.application,
        must_change_password=user.must_change_password,
        customer_numbers=user.customer_numbers,
    )


def _translated(call: Callable[[], _Answer], not_found: Trouble = Trouble.KEYCLOAK_REJECTED) -> _Answer:
    try:
        return call()
    except KeycloakUnavailable as error:
        raise DirectoryTrouble(Trouble.KEYCLOAK_UNAVAILABLE, retry=True) from error
    except KeycloakRefused as error:  # a right is missing: IT mends it, and the account goes on by itself
        raise DirectoryTrouble(Trouble.KEYCLOAK_REFUSED, retry=True) from error
    except CustomerNotFound as error:
        raise DirectoryTrouble(not_found, retry=not_found is Trouble.KEYCLOAK_REJECTED) from error
    except IdpError as error:
        raise DirectoryTrouble(Trouble.KEYCLOAK_REJECTED, retry=True) from error
