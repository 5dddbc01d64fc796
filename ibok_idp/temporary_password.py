"""Temporary passwords: derived from a key and a nonce, so that a retry yields the same one and nothing is stored.

The nonce comes from `secrets` and rests in the account's row only until the mail server has taken the mail;
once it is wiped nothing can yield the password again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from ibok_idp.password_policy import broken_rules

# No 0 O 1 l I (and no o, i): readable from a small screen and over the telephone.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
LENGTH = 12
NONCE_BYTES = 32
MINIMUM_KEY_BYTES = 32
# What a typed temporary password looks like: Keycloak counts only such input as a guess at it.
SHAPE = f"[{ALPHABET}]{{{LENGTH}}}"


def new_nonce() -> bytes:
    """A fresh random nonce."""
    return secrets.token_bytes(NONCE_BYTES)


class KeyMissing(Exception):
    """A nonce was drawn for a key that this process does not have: its password cannot be derived any more."""


@dataclass(frozen=True)
class KeyRing:
    """The key that new nonces are drawn for, and earlier ones for what is still outstanding.

    Args:
        current: `IBOK_TEMPORARY_PASSWORD_KEY`, at least 32 bytes.
        earlier: keys that were rotated out; each may go once nothing outstanding names it.
    """

    current: bytes = field(repr=False)
    earlier: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def key_id(self) -> str:
        """The name of the current key, which rests beside each nonce; tells nothing of the key itself."""
        return _key_id(self.current)

    @property
    def every(self) -> tuple[bytes, ...]:
        return self.current, *self.earlier

    @property
    def key_ids(self) -> frozenset[str]:
        return frozenset(_key_id(key) for key in self.every)

    def knows(self, key_id: str | None) -> bool:
        """Whether what was drawn for this key can still be derived; None is from before keys had names."""
        return key_id is None or key_id in self.key_ids

    def derive(self, nonce: bytes, purpose: str, key_id: str | None) -> str:
        """
        Raises:
            KeyMissing: the nonce belongs to a key that is not here; never falls back to another.
        """
        for key in self.every:
            if key_id is None or _key_id(key) == key_id:
                return derive(key, nonce, purpose)
        raise KeyMissing(f"The key {key_id} of temporary passwords is not set.")


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"ibok temporary password key id:" + key).hexdigest()[:12]


def derive(key: bytes, nonce: bytes, purpose: str) -> str:
    """Derive the temporary password of one account and one purpose.

    Args:
        key: `IBOK_TEMPORARY_PASSWORD_KEY`, at least 32 bytes.
        nonce: from `new_nonce`, 32 bytes.
        purpose: what the password is for, for instance `activation:wp12345678`; keeps passwords apart.

    Returns:
        12 characters of `ALPHABET` (about 69 bits) that always meet S6.

    Raises:
        ValueError: the key or the nonce is too short.
    """
    if len(key) < MINIMUM_KEY_BYTES or len(nonce) < NONCE_BYTES:
        raise ValueError("A temporary password needs a key and a nonce of at least 32 bytes each.")
    seed = hmac.new(key, nonce + purpose.encode(), hashlib.sha256).digest()
    letters = _unbiased_letters(seed)
    while True:  # about four of five candidates meet S6; the stream never ends, so neither does the search fail
        candidate = "".join(next(letters) for _ in range(LENGTH))
        if not broken_rules(candidate):
            return candidate


def _unbiased_letters(seed: bytes) -> Iterator[str]:
    limit = 256 - 256 % len(ALPHABET)  # bytes above it would make some letters likelier
    counter = 0
    while True:
        for byte in hmac.new(seed, counter.to_bytes(8, "big"), hashlib.sha256).digest():
            if byte < limit:
                yield ALPHABET[byte % len(ALPHABET)]
        counter += 1
