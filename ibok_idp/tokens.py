"""Checks of access tokens (RFC 9068 in spirit, RFC 6750 errors) and of logout tokens (OIDC Back-Channel Logout 1.0)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from ibok_idp.errors import InvalidToken, KeycloakUnavailable
from ibok_idp.single_flight import SingleFlight, StillUnderWay

_ALGORITHMS = ["RS256"]
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LEEWAY_SECONDS = 10
_REFETCH_SECONDS = 60
_MAXIMUM_AGE_SECONDS = 300
_PATIENCE_SECONDS = 1  # for the answer to another thread's question
_REST_SECONDS = 2  # after a failure nobody asks; each who asked would wait for the time-out
_NO_KEYS = "Keycloak does not hand out its public keys; try again in a minute."
STAFF_MARK = "bok-staff"  # what Keycloak's flows ask for; contained in every staff role, and no right of its own
PASSWORD, SECOND_FACTOR = 1, 2  # levels of authentication


@dataclass(frozen=True)
class Caller:
    """Who a verified access token speaks for.

    Attributes:
        subject: Keycloak's user id.
        username: login, or the name of a service account.
        client: the client the token was issued to.
        roles: realm roles in the token.
        level: level of authentication of the person's login (claim `acr`): 1 password, 2 one-time code too; 0 unknown.
        service_account: whether the token is a service account's, which has no login and so no level. Keycloak writes
            the claim from a note that only the client-credentials grant sets; a token without it is a person's.
    """

    subject: str
    username: str
    name: str
    client: str
    roles: frozenset[str]
    level: int = 0
    service_account: bool = False
    claims: dict[str, Any] = field(repr=False, compare=False, default_factory=dict)

    def has(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)


def level_in(claims: Mapping[str, Any]) -> int:
    """The level of authentication that a token's `acr` names; 0 when it names none."""
    acr = str(claims.get("acr", ""))
    return int(acr) if acr.isascii() and acr.isdigit() and len(acr) < 3 else 0


def roles_in(claims: Mapping[str, Any]) -> frozenset[str]:
    """The realm roles in a token that give a right."""
    return frozenset((claims.get("realm_access") or {}).get("roles", [])) - {STAFF_MARK}


class RealmKeys:
    """The realm's public keys: cached, fetched again for an unknown `kid`, at most once a minute.

    They are fetched again every five minutes in any case, so that a key that was revoked stops working; while Keycloak
    does not answer, the known ones go on. One thread fetches at a time, and nobody stands behind it: who has keys goes on
    with them, who has none waits a moment and is told that Keycloak is away.
    """

    def __init__(self, url: str, timeout: float = 5, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url, self._timeout, self._monotonic = url, timeout, monotonic
        self._fetching = SingleFlight(self._fetch)
        self._keys: KeySet | None = None
        self._fetched = self._failed = float("-inf")

    def current(self) -> KeySet:
        """
        Raises:
            KeycloakUnavailable: no keys are known and Keycloak does not answer.
        """
        known = self._keys
        if known is not None and (self._younger_than(_MAXIMUM_AGE_SECONDS) or self._fetching.under_way):
            return known
        return self.refreshed()

    def refreshed(self) -> KeySet:
        """
        Raises:
            KeycloakUnavailable: as for `current`; or the keys are just being fetched, and that takes too long.
        """
        known = self._keys
        if known is not None and self._younger_than(_REFETCH_SECONDS):
            return known
        if known is None and self._monotonic() - self._failed < _REST_SECONDS:
            raise KeycloakUnavailable(_NO_KEYS)
        try:
            return self._fetching(_PATIENCE_SECONDS)
        except StillUnderWay as error:
            raise KeycloakUnavailable(_NO_KEYS) from error

    def _younger_than(self, seconds: float) -> bool:
        return self._monotonic() - self._fetched < seconds

    def _fetch(self) -> KeySet:
        try:
            answer = requests.get(self._url, timeout=self._timeout)
            answer.raise_for_status()
            keys = KeySet.import_key_set(answer.json())
        except (requests.RequestException, ValueError) as error:
            self._failed = self._monotonic()
            if self._keys is None:
                raise KeycloakUnavailable(_NO_KEYS) from error
            keys = self._keys  # known keys go on working; do not ask again at once
        self._keys, self._fetched = keys, self._monotonic()
        return keys


class TokenVerifier:
    """Verifies tokens of one realm.

    Args:
        issuer: `{keycloak}/realms/{realm}`, compared exactly with `iss`.
        keys: the realm's keys.
    """

    def __init__(self, issuer: str, keys: RealmKeys | None = None) -> None:
        self.issuer = issuer
        self._keys = keys or RealmKeys(f"{issuer}/protocol/openid-connect/certs")

    def access_token(self, token: str, audience: str) -> Caller:
        """Verify signature, issuer, audience, times and kind of an access token.

        Raises:
            InvalidToken: anything about it is wrong; the message names what, never the token.
            KeycloakUnavailable: the keys cannot be had.
        """
        claims = self._verified(token)
        if claims.get("typ") not in ("Bearer", "at+jwt"):
            raise InvalidToken("This is not an access token.")
        audiences = claims.get("aud", [])
        if audience not in (audiences if isinstance(audiences, list) else [audiences]):
            raise InvalidToken(f"The token is not meant for {audience}.")
        return self._caller(claims)

    def own_access_token(self, token: str, client_id: str) -> Caller:
        """Verify an access token that was issued to this application itself, whomever it is meant for.

        Raises:
            InvalidToken, KeycloakUnavailable: as `access_token`.
        """
        claims = self._verified(token)
        if claims.get("typ") not in ("Bearer", "at+jwt") or claims.get("azp") != client_id:
            raise InvalidToken("This is not an access token of this application.")
        return self._caller(claims)

    def _caller(self, claims: dict[str, Any]) -> Caller:
        if not claims.get("sub"):
            raise InvalidToken("The token names nobody.")
        username = str(claims.get("preferred_username") or claims.get("azp") or "")
        return Caller(
            subject=str(claims["sub"]),
            username=username,
            name=str(claims.get("name") or username),
            client=str(claims.get("azp", "")),
            roles=roles_in(claims),
            level=level_in(claims),
            service_account="ibok_service_account" in claims and claims["ibok_service_account"] == claims.get("azp"),
            claims=claims,
        )

    def logout_token(self, token: str, client_id: str) -> dict[str, Any]:
        """Verify a back-channel logout token (section 2.6 of the specification).

        Returns:
            its claims, with `sid` or `sub`, and `jti`, which the caller must not accept twice.

        Raises:
            InvalidToken, KeycloakUnavailable.
        """
        claims = self._verified(token)
        audiences = claims.get("aud", [])
        if client_id not in (audiences if isinstance(audiences, list) else [audiences]):
            raise InvalidToken("The logout token is meant for another client.", "invalid_request")
        if "nonce" in claims:
            raise InvalidToken("A logout token must not carry a nonce.", "invalid_request")
        if _LOGOUT_EVENT not in (claims.get("events") or {}):
            raise InvalidToken("The token is not a logout token.", "invalid_request")
        if not claims.get("jti") or not (claims.get("sid") or claims.get("sub")):
            raise InvalidToken("The logout token names no session.", "invalid_request")
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > 16_384:
            raise InvalidToken("The token is too long.")
        try:
            claims = self._decoded(token)
            registry = jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": self.issuer},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": False},
            )
            registry.validate(claims)
        except JoseError as error:
            raise InvalidToken(f"The token is not valid ({type(error).__name__}).") from error
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidToken("The token cannot be read.") from error
        return claims

    def _decoded(self, token: str) -> dict[str, Any]:
        for keys in (self._keys.current, self._keys.refreshed):
            try:
                return dict(jwt.decode(token, keys(), algorithms=_ALGORITHMS).claims)
            except InvalidKeyIdError as error:
                failure = error
        raise failure
