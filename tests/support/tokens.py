"""Tokens of a realm that is not there, signed with a key of its own."""

from __future__ import annotations

import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER, CERTS = "https://kc.example/realms/ibok", "https://kc.example/certs"
KEY = RSAKey.generate_key(2048, {"kid": "one"})


def token(key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "ibok-provisioning",
        "sub": "u1",
        "typ": "Bearer",
        "azp": "ibok-staff",
        "iat": now,
        "exp": now + 300,
        "realm_access": {"roles": ["bok-clerk"]},
    }
    claims |= changes
    return jwt.encode(
        header or {"alg": "RS256", "kid": "one"},
        {k: v for k, v in claims.items() if v is not None},
        key,
        algorithms=["RS256", "HS256"],
    )
