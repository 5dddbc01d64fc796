"""The checks that a field of the form may name: what they refuse, and the form in which a value is stored.

Identifiers are checked by python-stdnum, telephone numbers by phonenumbers, addresses by email-validator. A check gets
text in NFC without surrounding or doubled spaces, never empty; what it returns is what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum.pl import nip, pesel, regon

from provisioning.domain.fields import Field
from provisioning.domain.rulebook import Rulebook

ANY_TEXT_CODES = ("required", "too_long", "invalid_characters")  # of every field, whatever its check


class Refused(Exception):
    """The value is not accepted; `code` is one of its check's."""

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
    return _matching(re.sub(r"\s", "", typed), field.pattern)


def _customer_number(typed: str, field: Field, rules: Rulebook) -> str:
    return _matching(re.sub(r"\s", "", typed), rules.customer_number_pattern)


def _postal_code(typed: str, field: Field, rules: Rulebook) -> str:
    return _matching(typed, r"[0-9]{2}-[0-9]{3}")


def _matching(value: str, pattern: str) -> str:
    if not re.fullmatch(pattern, value):
        raise Refused("invalid_format")
    return value


def _pesel(typed: str, field: Field, rules: Rulebook) -> str:
    return _with_check_digit(_digits(typed), r"[0-9]{11}", pesel.is_valid)


def _tax_id(typed: str, field: Field, rules: Rulebook) -> str:
    return _with_check_digit(_digits(typed.upper().removeprefix("PL")), r"[0-9]{10}", nip.is_valid)


def _registry_number(typed: str, field: Field, rules: Rulebook) -> str:
    digits = _digits(typed)
    if re.fullmatch(r"[0-9]{10}", digits):
        return digits  # KRS has no check digit
    return _with_check_digit(digits, r"[0-9]{9}|[0-9]{14}", regon.is_valid)


def _digits(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed)


def _with_check_digit(digits: str, shape: str, is_valid: Callable[[str], bool]) -> str:
    if not is_valid(digits):
        raise Refused("invalid_checksum" if re.fullmatch(shape, digits) else "invalid_format")
    return digits


def _email(typed: str, field: Field, rules: Rulebook) -> str:
    # Non-ASCII addresses are refused on purpose: Keycloak and many mail servers only half support them.
    if not typed.isascii():
        raise Refused("invalid_email")
    try:
        return validate_email(typed, allow_smtputf8=False, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Refused("invalid_email") from error


def _phone(typed: str, field: Field, rules: Rulebook) -> str:
    try:
        number = phonenumbers.parse(typed, "PL")
    except phonenumbers.NumberParseException as error:
        raise Refused("invalid_phone") from error
    if not phonenumbers.is_valid_number(number):
        raise Refused("invalid_phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


CHECKS = {
    "text": Check(_text),
    "pattern": Check(_pattern, ("invalid_format",)),
    "customer_number": Check(_customer_number, ("invalid_format",)),
    "postal_code": Check(_postal_code, ("invalid_format",)),
    "pesel": Check(_pesel, ("invalid_format", "invalid_checksum")),
    "tax_id": Check(_tax_id, ("invalid_format", "invalid_checksum")),
    "registry_number": Check(_registry_number, ("invalid_format", "invalid_checksum")),
    "email": Check(_email, ("invalid_email",)),
    "phone": Check(_phone, ("invalid_phone",)),
}
