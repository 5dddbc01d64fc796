"""The deny-list of common passwords for Keycloak's own `passwordBlacklist` policy, which compares without case.

Made from the list of the package zxcvbn. Only what could keep rule S6 otherwise is worth listing: people make a
common word fit the rule by adding digits to it, so the commonest words stand here with the usual endings too.
"""

from __future__ import annotations

from pathlib import Path

from ibok_idp.password_policy import COMMON_PASSWORDS, MINIMUM_LENGTH

_ENDINGS = ("1", "12", "123", "1234")
_COMMONEST = 5000


def common_passwords() -> list[str]:
    """Lower-case, sorted; every one of them would keep S6 with the right capitals."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    listed = list(FREQUENCY_LISTS["passwords"])
    grown = [word + ending for word in listed[:_COMMONEST] for ending in _ENDINGS]
    return sorted({word.lower() for word in [*listed, *grown] if _could_keep_s6(word)})


def write_common_passwords(folder: Path) -> Path:
    """Write the file that Keycloak reads from `data/password-blacklists/`."""
    target = folder / COMMON_PASSWORDS
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text("\n".join(common_passwords()) + "\n", encoding="ascii")
    partial.replace(target)
    return target


def _could_keep_s6(word: str) -> bool:
    letters = sum(character.isalpha() for character in word)
    return len(word) >= MINIMUM_LENGTH and word.isascii() and letters >= 2 and any(c.isdigit() for c in word)
