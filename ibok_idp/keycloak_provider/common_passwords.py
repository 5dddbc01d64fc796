"""The deny-list of common passwords in the jar of our provider, which compares without case (S6).

Made from the list of the package zxcvbn. Only what could keep rule S6 otherwise is worth listing: people make a
common word fit the rule by adding digits to it, so the commonest words stand here with the usual endings too.
"""

from __future__ import annotations

from ibok_idp.password_policy import MINIMUM_LENGTH

COMMON_PASSWORDS = "ibok-common-passwords.txt"  # a file name, in the jar

_ENDINGS = ("1", "12", "123", "1234")
_COMMONEST = 5000


def common_passwords() -> list[str]:
    """Lower-case, sorted; every one of them would keep S6 with the right capitals."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    listed = list(FREQUENCY_LISTS["passwords"])
    grown = [word + ending for word in listed[:_COMMONEST] for ending in _ENDINGS]
    return sorted({word.lower() for word in [*listed, *grown] if _could_keep_s6(word)})


def as_file() -> bytes:
    """One word a line."""
    return ("\n".join(common_passwords()) + "\n").encode("ascii")


def _could_keep_s6(word: str) -> bool:
    letters = sum(character.isalpha() for character in word)
    return len(word) >= MINIMUM_LENGTH and word.isascii() and letters >= 2 and any(c.isdigit() for c in word)
