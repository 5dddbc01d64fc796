"""Numbers as people type them, in the one form in which they are stored: equal numbers are equal, whatever dash was used.

What is stored is what the validator returns. A number that does not pass keeps no form: `ValidationError` says only why.
"""

from __future__ import annotations

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum.exceptions import ValidationError
from stdnum.pl import nip, pesel, regon
from stdnum.util import clean

_SEPARATORS = " -"  # after `clean` has made every space, dash and digit of another alphabet the plain one
_EXTENSION = re.compile(r"[\s,;]*\b(?:wewn?(?:ętrzny)?|w|ext)\.?\s*([0-9]{1,6})$", re.IGNORECASE)
_OLD_TRUNK = re.compile(r"^(\+48|0048)?[\s(-]*0(?=[\s()-]*[1-9])")  # dialled before numbers within Poland until 2009


def pesel_number(typed: str) -> str:
    """Eleven ASCII digits.

    Raises:
        ValidationError: `InvalidChecksum`, or of another form.
    """
    return str(pesel.validate(typed))


def tax_number(typed: str) -> str:
    """NIP: ten ASCII digits, without the country's prefix. Raises as `pesel_number`."""
    return str(nip.validate(typed))


def registry_number(typed: str) -> str:
    """REGON (9 or 14 digits) or KRS (10, which has no check digit). Raises as `pesel_number`."""
    digits = plain_digits(typed)
    return digits if re.fullmatch(r"[0-9]{10}", digits) else str(regon.validate(digits))


def plain_digits(typed: str) -> str:
    """A number without spaces and dashes, whatever else stands in it; not checked."""
    return str(clean(typed, _SEPARATORS)).strip()


def customer_number(typed: str, pattern: str) -> str | None:
    """A number of the utility's own without spaces, None when it does not look like one; its digits are ASCII ones."""
    compact = str(clean(typed, " ")).strip()
    return compact if re.fullmatch(pattern, compact, re.ASCII) else None


def postal_code(typed: str) -> str | None:
    """NN-NNN, from 43300, 43 300 or 43–300 too."""
    found = re.fullmatch(r"([0-9]{2})([0-9]{3})", plain_digits(typed))
    return f"{found[1]}-{found[2]}" if found else None


def phone_number(typed: str) -> str | None:
    """+48 33 812 34 56, with an extension `… wew. 12`; the old trunk 0 goes. None when it is no number."""
    extension = _EXTENSION.search(typed)
    subscriber = _OLD_TRUNK.sub(r"\1", typed[: extension.start()] if extension else typed)
    try:
        number = phonenumbers.parse(subscriber, "PL")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    inner = extension[1] if extension else number.extension
    number.extension = None
    written = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
    return f"{written} wew. {inner}" if inner else written


def email_address(typed: str) -> str | None:
    """An address that every mail server on its way understands: a domain in A-labels stays so, other letters are refused."""
    if not typed.isascii():  # on purpose: Keycloak and many mail servers only half support them
        return None
    try:
        found = validate_email(typed, allow_smtputf8=False, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.ascii_email


__all__ = [
    "ValidationError",
    "customer_number",
    "email_address",
    "pesel_number",
    "phone_number",
    "plain_digits",
    "postal_code",
    "registry_number",
    "tax_number",
]
