"""The customers' directory as use cases see it: ibok_idp's directory with its errors turned into troubles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ibok_idp.directory import CustomerDirectory, NewCustomer
from ibok_idp.errors import IdpError, KeycloakRefused, KeycloakUnavailable, LoginBelongsToAnother
from provisioning.domain.account import Trouble
from provisioning.domain.application import Application
from provisioning.ports import DirectoryTrouble

_Answer = TypeVar("_Answer")


class KeycloakDirectory:
    """Makes and looks after customers in Keycloak."""

    def __init__(self, directory: CustomerDirectory) -> None:
        self._directory = directory

    def create(self, application: Application, login: str, temporary_password: str) -> str:
        """S4: one user for one application; a repeat finds the one that is there. PESEL never goes to Keycloak."""
        first_name, last_name = application.contact_person
        customer = NewCustomer(
            login=login,
            email=application.email,
            first_name=first_name,
            last_name=last_name,
            language=application.language,
            application=application.reference,
            customer_numbers=(application.data["customer_number"],),
        )
        return _translated(lambda: self._directory.create(customer, temporary_password).user_id)

    def must_change_password(self, user_id: str) -> bool:
        return _translated(lambda: self._directory.get(user_id).must_change_password)

    def recent_password_changes(self) -> list[str]:
        events = _translated(lambda: self._directory.password_changes(limit=200))
        return sorted({event["userId"] for event in events if event.get("userId")})


def _translated(call: Callable[[], _Answer]) -> _Answer:
    try:
        return call()
    except KeycloakUnavailable as error:
        raise DirectoryTrouble(Trouble.KEYCLOAK_UNAVAILABLE, retry=True) from error
    except KeycloakRefused as error:  # a right is missing: IT mends it, and the account goes on by itself
        raise DirectoryTrouble(Trouble.KEYCLOAK_REFUSED, retry=True) from error
    except LoginBelongsToAnother as error:
        raise DirectoryTrouble(Trouble.LOGIN_BELONGS_TO_ANOTHER, retry=False) from error
    except IdpError as error:
        raise DirectoryTrouble(Trouble.KEYCLOAK_REJECTED, retry=True) from error
