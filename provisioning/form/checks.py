"""The checks that a field of the form may name: what they refuse, and the form in which a value is stored.

What numbers and addresses are made of stands in `identifiers`. A check gets text in NFC without surrounding or doubled
spaces, never empty; what it returns is what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from provisioning.domain.errors import DomainError
from provisioning.domain.fields import Field
from provisioning.domain.person_names import account_name
from provisioning.domain.rulebook import Rulebook
from provisioning.form import identifiers

ANY_TEXT_CODES = ("required", "too_long", "invalid_characters")  # of every field, whatever its check


class Refused(DomainError):
    """The value is not accepted; `code` is one of its check's."""

    status = 422

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Check:
    """What is demanded of a value.

    Attributes:
        normalised: gives the stored form, or raises `Refused`.
        codes: with which codes it refuses.
    """

    normalised: Callable[[str, Field, Rulebook], str]
    codes: tuple[str, ...] = ()


def _text(typed: str, field: Field, rules: Rulebook) -> str:
    return typed


def _pattern(typed: str, field: Field, rules: Rulebook) -> str:
    return _known(identifiers.customer_number(typed, field.pattern), "invalid_format")


def _name(typed: str, field: Field, rules: Rulebook) -> str:
    """Of the person who will use the account: something must be left of it in Keycloak."""
    return _known(typed if account_name(typed) else None, "invalid_characters")


def _customer_number(typed: str, field: Field, rules: Rulebook) -> str:
    return _known(identifiers.customer_number(typed, rules.customer_number_pattern), "invalid_format")


def _postal_code(typed: str, field: Field, rules: Rulebook) -> str:
    return _known(identifiers.postal_code(typed), "invalid_format")


def _email(typed: str, field: Field, rules: Rulebook) -> str:
    return _known(identifiers.email_address(typed), "invalid_email")


def _phone(typed: str, field: Field, rules: Rulebook) -> str:
    return _known(identifiers.phone_number(typed), "invalid_phone")


def _known(value: str | None, code: str) -> str:
    if value is None:
        raise Refused(code)
    return value


def _pesel(typed: str, field: Field, rules: Rulebook) -> str:
    return _with_check_digit(identifiers.pesel_number, typed, r"[0-9]{11}")


def _tax_id(typed: str, field: Field, rules: Rulebook) -> str:
    return _with_check_digit(identifiers.tax_number, typed, r"(?:PL)?[0-9]{10}")


def _registry_number(typed: str, field: Field, rules: Rulebook) -> str:
    return _with_check_digit(identifiers.registry_number, typed, r"[0-9]{9}|[0-9]{14}")


def _with_check_digit(validated: Callable[[str], str], typed: str, shape: str) -> str:
    """A number of the right shape that does not pass has a wrong check digit."""
    try:
        return validated(typed)
    except identifiers.ValidationError as error:
        right = re.fullmatch(shape, identifiers.plain_digits(typed.upper()))
        raise Refused("invalid_checksum" if right else "invalid_format") from error


CHECKS = {
    "text": Check(_text),
    "name": Check(_name, ("invalid_characters",)),
    "pattern": Check(_pattern, ("invalid_format",)),
    "customer_number": Check(_customer_number, ("invalid_format",)),
    "postal_code": Check(_postal_code, ("invalid_format",)),
    "pesel": Check(_pesel, ("invalid_format", "invalid_checksum")),
    "tax_id": Check(_tax_id, ("invalid_format", "invalid_checksum")),
    "registry_number": Check(_registry_number, ("invalid_format", "invalid_checksum")),
    "email": Check(_email, ("invalid_email",)),
    "phone": Check(_phone, ("invalid_phone",)),
}
