"""Keycloak, as the use cases see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from provisioning.domain.account_states import Trouble
from provisioning.domain.errors import DomainError
from provisioning.domain.in_keycloak import ConsoleEvent, Created, EventsRead, LoginEvent, SeenInKeycloak, WantedUser


class Directory(Protocol):
    """Keycloak, as ibok_idp offers it. Every writing call may be repeated; the keeper of an account alone makes them.

    Raises (every method):
        DirectoryTrouble: with its kind, and whether trying again may help.
    """

    def create_many(self, wanted: Sequence[WantedUser]) -> list[Created | DirectoryTrouble]:
        """S4: with one call, one user for each application, with an activation password that must be changed.

        Args:
            wanted: at most `MADE_TOGETHER`.

        Returns:
            what became of each, in the same order; the trouble of one costs the others nothing. LOGIN_BELONGS_TO_ANOTHER: the
            login is another application's; nothing was overwritten. KEYCLOAK_REJECTED: it does not take `fields`.
        """
        ...

    def find(self, reference: str, login: str) -> str | None:
        """The user that an earlier try made for this application; None when there is none of it."""
        ...

    def change(self, user_id: str, changes: dict[str, Any]) -> None:
        """Bring these parts of the profile in line. Closing the login ends every session and the temporary password."""
        ...

    def set_activation_password(self, user_id: str, password: str) -> bool:
        """Replace the activation password; False when the customer has set an own one already: it is left alone."""
        ...

    def set_temporary_password(self, user_id: str, password: str, expires_at: datetime) -> None: ...
    def void_temporary_password(self, user_id: str) -> None: ...
    def make_mailed_useless(self, user_id: str, *, own_password: bool) -> None:
        """What was mailed opens nothing any more and every session is over; an own password stays, it was in no mail."""
        ...

    def delete(self, user_id: str) -> None:
        """Sessions first; a user that is gone already is fine."""
        ...

    def must_change_password(self, user_id: str) -> bool: ...
    def recent_password_changes(self) -> list[str]: ...
    def see(self, user_id: str) -> SeenInKeycloak | None: ...
    def customers(self, first: int, limit: int) -> list[SeenInKeycloak]: ...
    def login_events(self, since: datetime) -> EventsRead[LoginEvent]: ...
    def console_events(self, since: datetime) -> EventsRead[ConsoleEvent]: ...


class DirectoryTrouble(DomainError):
    """Keycloak could not do it. `kind` is a domain Trouble, `retry` whether trying again may help, `fields` what it does not take."""

    status = 503
    public = "Keycloak does not do this now."

    def __init__(self, kind: Trouble, retry: bool, fields: tuple[str, ...] = ()) -> None:
        super().__init__(kind)
        self.kind, self.retry, self.fields, self.code = kind, retry, fields, kind
        self.retry_after = 30 if retry else None
