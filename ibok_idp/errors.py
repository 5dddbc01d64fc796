"""One error tree; every message says what happened and what to do."""

from __future__ import annotations


class IdpError(Exception):
    """Base of everything ibok_idp raises on purpose."""


class LocalStackError(IdpError):
    """Something on this machine keeps the local stack from starting."""


class SettingsError(IdpError):
    """A setting is missing or wrong; the message names its variable."""


class KeycloakUnavailable(IdpError):
    """Keycloak does not answer, or answers 5xx: worth trying again later."""


class KeycloakRefused(IdpError):
    """Keycloak answers 401 or 403: the service account lacks a right. IT must act (`ibok-idp doctor`)."""


class KeycloakRejected(IdpError):
    """Keycloak answers another 4xx: the request itself is wrong; trying again does not help."""


class LoginBelongsToAnother(IdpError):
    """The login exists in Keycloak and belongs to another application. An alarm, never an overwrite."""


class CustomerNotFound(IdpError):
    """No such user among the members of /customers."""


class NotStaff(IdpError):
    """Not a member of staff, so there is nothing that a second factor would protect."""


class PolicyViolation(IdpError):
    """A password that breaks rule S6 was about to be used."""


class InvalidToken(IdpError):
    """An access token or logout token that must not be trusted. `code` is the RFC 6750 error code."""

    def __init__(self, message: str, code: str = "invalid_token") -> None:
        super().__init__(message)
        self.code = code


class ProviderMissing(IdpError):
    """The server lacks our Keycloak provider, or has another version of it: nobody could log in with our flow."""


class ClientOfAnother(IdpError):
    """A client that an application would have is there already and is not ours. Nothing was changed."""


class RealmDrift(IdpError):
    """The server's realm differs in a way `apply` cannot carry out."""
