"""The one-time code of a member of staff: set up by IT, never by the password alone (S09, S11).

A secret is made here, shown once to the phone of the employee who stands beside, and stored in Keycloak only after the
phone has answered with a right code. So there is no window and no link in which somebody who knows the password, and
nothing else, could set up a code of their own.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

_DIGITS, _PERIOD_SECONDS, _KEY_BYTES = 6, 30, 20


@dataclass(frozen=True)
class OneTimeCode:
    """A secret for codes by time (RFC 6238) with what every authenticator app takes: SHA-1, 6 digits, 30 seconds."""

    key: bytes

    @classmethod
    def new(cls) -> OneTimeCode:
        return cls(secrets.token_bytes(_KEY_BYTES))

    @property
    def typed(self) -> str:
        """The secret as somebody types it who cannot scan."""
        return base64.b32encode(self.key).decode()

    def address(self, username: str, issuer: str) -> str:
        """The `otpauth://` address that the app reads from the QR code."""
        return self._totp().get_provisioning_uri(quote(username), quote(issuer))

    def is_right(self, code: str, now: float) -> bool:
        """Whether this is the code of this moment, the one before or the one after (`now` in seconds since the epoch)."""
        for moment in (now - _PERIOD_SECONDS, now, now + _PERIOD_SECONDS):
            try:
                self._totp().verify(code.strip().encode(), int(moment))
            except InvalidToken:
                continue
            return True
        return False

    def at(self, now: float) -> str:
        """The code of a moment."""
        return self._totp().generate(int(now)).decode()

    def credential(self, label: str) -> dict[str, Any]:
        """As Keycloak stores it."""
        data = {
            "subType": "totp",
            "digits": _DIGITS,
            "counter": 0,
            "period": _PERIOD_SECONDS,
            "algorithm": "HmacSHA1",
            "secretEncoding": "BASE32",
        }
        return {
            "type": "otp",
            "userLabel": label,
            "credentialData": json.dumps(data),
            "secretData": json.dumps({"value": self.typed}),
        }

    def _totp(self) -> TOTP:
        return TOTP(self.key, _DIGITS, SHA1(), _PERIOD_SECONDS)  # noqa: S303  # what the apps know; a MAC, no signature


def proved(code: OneTimeCode, ask: Callable[[], str], now: Callable[[], float], tries: int = 3) -> bool:
    """Whether the phone answers with a right code within so many tries."""
    return any(code.is_right(ask(), now()) for _ in range(tries))
