"""Keeps robots away without any third party: a proof of work (altcha) and a field that people never see."""

from __future__ import annotations

import base64
import binascii
import datetime
import json

import altcha.v1 as altcha

HONEYPOT = "strona_www"  # sounds tempting to a robot; hidden from people and from screen readers
_MAXIMUM_NUMBER = 60_000
_LIFE = datetime.timedelta(minutes=30)


def new_challenge(key: str) -> dict[str, str | int]:
    """A puzzle for the browser's worker; bound to this visit by its salt."""
    options = altcha.ChallengeOptions(hmac_key=key, max_number=_MAXIMUM_NUMBER, expires=datetime.datetime.now(datetime.UTC) + _LIFE)
    challenge = altcha.create_challenge(options)
    return {
        "algorithm": challenge.algorithm,
        "challenge": challenge.challenge,
        "salt": challenge.salt,
        "signature": challenge.signature,
        "max": _MAXIMUM_NUMBER,
    }


def solved(payload: str, key: str, salt: str | None) -> bool:
    """Whether the browser solved the puzzle that this very visit was given."""
    if not payload or len(payload) > 4000 or salt is None:
        return False
    try:
        given = json.loads(base64.b64decode(payload, validate=True))
    except (ValueError, binascii.Error):
        return False
    if not isinstance(given, dict) or given.get("salt") != salt:
        return False
    verified, _error = altcha.verify_solution(payload, key, check_expires=True)
    return bool(verified)
