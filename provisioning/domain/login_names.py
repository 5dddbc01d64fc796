"""Login names: lower case, unambiguous on the telephone, with a check digit that catches slips."""

from __future__ import annotations

from collections.abc import Callable


def check_digit(digits: str) -> str:
    """Luhn check digit (ISO/IEC 7812-1): catches every single wrong digit and nearly every swap."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def new_login(prefix: str, random_digits: int, random_below: Callable[[int], int]) -> str:
    """Draw a login such as `wp48120937`: prefix, random digits, check digit.

    Args:
        random_below: like `secrets.randbelow`.
    """
    digits = str(random_below(10**random_digits)).zfill(random_digits)
    return f"{prefix.lower()}{digits}{check_digit(digits)}"


def normalised(typed: str) -> str:
    """A login as typed by a person: without case, without spaces from copy and paste."""
    return "".join(typed.split()).lower()


def reference(year: int, number: int) -> str:
    """The reference of an application, such as `2026-000417-9`, with a check digit."""
    digits = f"{number:06d}"
    return f"{year}-{digits}-{check_digit(f'{year}{digits}')}"


def number_of(reference: str) -> int | None:
    """The number within a reference; None when it is none of ours."""
    year, _, rest = reference.partition("-")
    number, _, digit = rest.partition("-")
    plain = all(part.isascii() and part.isdigit() for part in (year, number, digit))
    return int(number) if plain and digit == check_digit(f"{year}{number}") else None
