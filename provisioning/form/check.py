"""The one check of form BOK-27, used by the API, the staff UI and (through the API) the web form.

Structure is checked by pydantic, meaning here; every error of a form is reported at once, each with a stable
code. What numbers and addresses are made of stands in `identifiers`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from ibok_idp.texts import LANGUAGES, SOURCE
from provisioning.domain.application import Channel, CustomerType, SignatureKind
from provisioning.domain.clauses import FormVersion
from provisioning.domain.errors import FieldError, Invalid
from provisioning.domain.folding import folded_words
from provisioning.domain.person_names import account_name
from provisioning.domain.rulebook import Rulebook
from provisioning.form import identifiers

_ANY_AGE = 10**6  # days
_STRUCTURE_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "string_unicode": "invalid_characters",
    "literal_error": "invalid_choice",
    "date_from_datetime_parsing": "invalid_date",
    "date_parsing": "invalid_date",
    "date_type": "invalid_date",
}


class _Body(BaseModel):
    # a space at an end is nobody's meaning, and no reason to be too long
    model_config = ConfigDict(extra="forbid", strict=True, regex_engine="python-re", str_strip_whitespace=True)


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise PydanticCustomError("literal_error", "not one of the languages of the product")
    return language


Language = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(LANGUAGES)})]


class Address(_Body):
    """An address in Poland."""

    street: str | None = Field(None, max_length=100, description="empty in villages without street names")
    house: str | None = Field(None, max_length=40, description="or the number of a plot: dz. nr 1234/56")
    flat: str | None = Field(None, max_length=12)
    postal_code: str | None = Field(None, max_length=20, description="NN-NNN; 43300 is understood")
    city: str | None = Field(None, max_length=60)


class Representative(_Body):
    """Who signs for a company, community or institution."""

    first_name: str | None = Field(None, max_length=100)
    last_name: str | None = Field(None, max_length=100)
    authority: str | None = Field(None, max_length=200, description="podstawa umocowania")


class Signature(_Body):
    """How the form is signed."""

    kind: Literal["declaration", "scan", "electronic", "paper"]
    signed_on: date | None = Field(None, strict=False)
    signed_name: str | None = Field(None, max_length=200)


class ApplicationBody(_Body):
    """Body of `POST /applications`: form BOK-27."""

    form_version: str = Field(max_length=20)
    terms_version: str | None = Field(None, max_length=20)
    language: Language = SOURCE
    customer_type: Literal["person", "business", "housing_community", "institution"]
    first_name: str | None = Field(None, max_length=100)
    last_name: str | None = Field(None, max_length=100)
    pesel: str | None = Field(None, max_length=20)
    company_name: str | None = Field(None, max_length=200)
    tax_id: str | None = Field(None, max_length=20, description="NIP")
    registry_number: str | None = Field(None, max_length=20, description="REGON (9 or 14 digits) or KRS (10 digits)")
    representative: Representative | None = None
    customer_number: str | None = Field(None, max_length=40, description="numer ewidencyjny klienta")
    contract_number: str | None = Field(None, max_length=40)
    supply_point_address: Address | None = None
    correspondence_address: Address | None = None
    email: str | None = Field(None, max_length=254)
    phone: str | None = Field(None, max_length=40)
    clauses: dict[str, bool] = Field(default_factory=dict, max_length=50)
    signature: Signature | None = None


class PaperApplicationBody(ApplicationBody):
    """Body of `POST /staff/applications`: the same form, typed from paper or an e-mail."""

    channel: Literal["office", "post", "email"]
    filed_on: date = Field(strict=False)
    entry_reason: str | None = Field(None, max_length=500, description="why it is typed in long after its filing")


class CorrectedApplicationBody(PaperApplicationBody):
    """The form in `POST …/correct`: as typed from paper, and of a web application `channel` says so."""

    channel: Literal["office", "post", "email", "web"]  # type: ignore[assignment]  # one more than on paper


@dataclass(frozen=True)
class Submission:
    """A form that passed every check, normalised (NFC, digits only where digits are meant)."""

    form: FormVersion
    language: str
    customer_type: CustomerType
    channel: Channel
    data: dict[str, Any]
    pesel: str | None
    clauses: dict[str, bool]
    terms_accepted: bool
    signature: dict[str, Any] | None
    filed_on: date | None
    entry_reason: str | None = None


@dataclass(frozen=True)
class Checker:
    """What a check depends on besides the form itself."""

    forms: dict[str, FormVersion]
    current: FormVersion
    rules: Rulebook
    today: date

    def web(self, body: Any) -> Submission:
        """Check a web application.

        Raises:
            Invalid: every error found; a refused clause among them is `clause_refused` (S2).
        """
        return self._check(body, ApplicationBody, paper=False)

    def paper(self, body: Any) -> Submission:
        """Check what a clerk typed from paper; a refused clause is recorded as such and bars approval later (S2).

        Raises:
            Invalid: every error found.
        """
        return self._check(body, PaperApplicationBody, paper=True)

    def correction(self, body: Any) -> Submission:
        """Check a corrected form; why its filing day moves is said with the correction, not here.

        Raises:
            Invalid: every error found.
        """
        rules = replace(self.rules, filed_long_ago_days=_ANY_AGE)
        return replace(self, rules=rules)._check(body, CorrectedApplicationBody, paper=True)

    def errors(self, body: Any, only: list[str]) -> list[FieldError]:
        """The errors of some fields alone, for a form that is filled page by page."""
        try:
            self.web(body)
        except Invalid as invalid:
            return [e for e in invalid.errors if any(e.field == name or e.field.startswith(f"{name}.") for name in only)]
        return []

    def _check(self, body: Any, model: type[ApplicationBody], *, paper: bool) -> Submission:
        found = _Findings()
        for error in structure_errors(model, body):
            found.add(error.field, error.code)
        if not isinstance(body, dict):
            raise Invalid(found.errors)
        return self._meaning(_Reader(body, found), found, paper=paper)

    def _meaning(self, read: _Reader, found: _Findings, *, paper: bool) -> Submission:
        form = self._form(read, found, paper=paper)
        kind = read.raw("customer_type")
        customer_type = CustomerType(kind) if kind in list(CustomerType) else None
        data: dict[str, Any] = {}
        number = None
        if customer_type is CustomerType.PERSON:
            data |= {"first_name": read.name("first_name"), "last_name": read.name("last_name")}
            number = self._pesel(read, found)
            read.not_applicable("company_name", "tax_id", "registry_number", "representative")
        elif customer_type is not None:
            data |= {"company_name": read.required("company_name"), "tax_id": _tax_id(read, found)}
            data["registry_number"] = _registry_number(read, found)
            data["representative"] = {key: read.name(f"representative.{key}") for key in ("first_name", "last_name")}
            data["representative"]["authority"] = read.required("representative.authority")
            read.not_applicable("first_name", "last_name", "pesel")
        data["customer_number"] = self._customer_number(read, found)
        data["contract_number"] = read.text("contract_number")
        data["supply_point_address"] = _address(read, found, "supply_point_address")
        has_other = read.raw("correspondence_address") is not None
        data["correspondence_address"] = _address(read, found, "correspondence_address") if has_other else None
        data["email"] = _email(read, found)
        data["phone"] = _phone(read, found)
        clauses = self._clauses(read, found, form, paper=paper)
        filed_on = self._filed_on(read, found) if paper else None
        signature = self._signature(read, found, data, paper=paper, filed_on=filed_on)
        if found.errors or customer_type is None:
            raise Invalid(found.errors)
        return Submission(
            form=form,
            language=read.raw("language") or SOURCE,
            customer_type=customer_type,
            channel=Channel(read.raw("channel")) if paper else Channel.WEB,
            data=data,
            pesel=number,
            clauses=clauses,
            terms_accepted=read.raw("terms_version") == form.terms_version,
            signature=signature,
            filed_on=filed_on,
            entry_reason=read.text("entry_reason") if paper else None,
        )

    def _form(self, read: _Reader, found: _Findings, *, paper: bool) -> FormVersion:
        version = read.raw("form_version")
        form = self.forms.get(version) if isinstance(version, str) else None
        if isinstance(version, str) and (form is None or (form.version != self.current.version and not paper)):
            found.add("form_version", "form_outdated")
        form = form or self.current
        terms = read.raw("terms_version")
        if not paper and not terms:
            found.add("terms_version", "terms_not_accepted")  # S2
        elif terms and terms != form.terms_version:
            found.add("terms_version", "terms_outdated")
        return form

    def _pesel(self, read: _Reader, found: _Findings) -> str | None:
        typed = read.text("pesel")
        if typed is None:
            if self.rules.pesel_required:
                found.add("pesel", "required")
            return None
        try:
            return identifiers.pesel_number(typed)
        except identifiers.ValidationError:
            found.add("pesel", _why_not(typed, r"[0-9]{11}"))
            return None

    def _customer_number(self, read: _Reader, found: _Findings) -> str | None:
        typed = read.required("customer_number")
        if typed is None:
            return None
        number = identifiers.customer_number(typed, self.rules.customer_number_pattern)
        if number is None:
            found.add("customer_number", "invalid_format")
        return number

    def _clauses(self, read: _Reader, found: _Findings, form: FormVersion, *, paper: bool) -> dict[str, bool]:
        answers = read.raw("clauses") if isinstance(read.raw("clauses"), dict) else {}
        for code in form.codes:
            answer = answers.get(code)
            if answer is None:
                found.add(f"clauses.{code}", "required")
            elif answer is False and not paper:
                found.add(f"clauses.{code}", "clause_refused")  # S2
        for code in answers:
            if code not in form.codes:
                found.add(f"clauses.{str(code)[:40]}", "unknown_field")
        return {code: answers.get(code) is True for code in form.codes}

    def _filed_on(self, read: _Reader, found: _Findings) -> date | None:
        filed_on = read.date("filed_on")
        if filed_on and filed_on > self.today:
            found.add("filed_on", "filed_on_in_future")
        long_ago = filed_on is not None and (self.today - filed_on).days > self.rules.filed_long_ago_days
        if long_ago and read.text("entry_reason") is None:
            found.add("entry_reason", "filed_long_ago")
        return filed_on

    def _signature(
        self, read: _Reader, found: _Findings, data: dict[str, Any], *, paper: bool, filed_on: date | None
    ) -> dict[str, Any] | None:
        if read.raw("signature") is None:
            if not paper:
                found.add("signature", "required")
            return None
        kind = read.raw("signature.kind")
        signed_on = read.date("signature.signed_on")
        if signed_on and signed_on > self.today:
            found.add("signature.signed_on", "signed_on_in_future")
        signed_name = read.text("signature.signed_name")
        if kind == SignatureKind.DECLARATION:
            if paper or not self.rules.online_declaration:
                found.add("signature.kind", "not_allowed")
            signer = data if "first_name" in data else data.get("representative") or {}
            if signed_name is None:
                found.add("signature.signed_name", "required")
            elif all(signer.get(key) for key in ("first_name", "last_name")) and not same_name(
                signed_name, f"{signer['first_name']} {signer['last_name']}"
            ):
                found.add("signature.signed_name", "name_differs")
        # A paper signature typed in by a clerk without a date counts as signed on the day of filing.
        day = signed_on or (filed_on if paper else (self.today if kind == SignatureKind.DECLARATION else None))
        return {"kind": kind, "signed_on": day.isoformat() if day else None, "signed_name": signed_name}


def structure_errors(model: type[BaseModel], body: Any) -> list[FieldError]:
    """What is wrong with the shape of a body: missing and unknown fields, wrong types, lengths."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        return [
            FieldError(
                ".".join(str(part)[:60] for part in problem["loc"]) or "body", _STRUCTURE_CODES.get(problem["type"], "wrong_type")
            )
            for problem in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    return []


class _Findings:
    """Errors in the order found, one a field."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, field: str, code: str) -> None:
        if not self.has(field):
            self.errors.append(FieldError(field, code))

    def has(self, field: str) -> bool:
        return any(error.field == field for error in self.errors)


class _Reader:
    """Reads raw values by path; text comes out in NFC, without surrounding or doubled spaces."""

    def __init__(self, body: dict[str, Any], found: _Findings) -> None:
        self._body, self._found = body, found

    def raw(self, path: str) -> Any:
        value: Any = self._body
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def text(self, path: str) -> str | None:
        value = self.raw(path)
        if not isinstance(value, str):
            return None
        if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") for character in value):
            self._found.add(path, "invalid_characters")
            return None
        return " ".join(unicodedata.normalize("NFC", value).split()) or None

    def required(self, path: str) -> str | None:
        value = self.text(path)
        if value is None:
            self._found.add(path, "required")
        return value

    def name(self, path: str) -> str | None:
        """Of the person who will use the account: something must be left of it in Keycloak."""
        value = self.required(path)
        if value is not None and not account_name(value):
            self._found.add(path, "invalid_characters")
        return value

    def date(self, path: str) -> date | None:
        value = self.raw(path)
        try:
            return date.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            return None  # pydantic has reported it as invalid_date

    def not_applicable(self, *paths: str) -> None:
        for path in paths:
            if self.raw(path) is not None:
                self._found.add(path, "not_applicable")


def same_name(one: str, other: str) -> bool:
    """Names agree without case, diacritics, punctuation and order of words."""
    return folded_words(one) == folded_words(other)


def _tax_id(read: _Reader, found: _Findings) -> str | None:
    typed = read.required("tax_id")
    if typed is None:
        return None
    try:
        return identifiers.tax_number(typed)
    except identifiers.ValidationError:
        found.add("tax_id", _why_not(typed.upper().removeprefix("PL"), r"[0-9]{10}"))
        return None


def _registry_number(read: _Reader, found: _Findings) -> str | None:
    typed = read.text("registry_number")
    if typed is None:
        return None
    try:
        return identifiers.registry_number(typed)
    except identifiers.ValidationError:
        found.add("registry_number", _why_not(typed, r"[0-9]{9}|[0-9]{14}"))
        return None


def _why_not(typed: str, right: str) -> str:
    """A number of the right form has a wrong check digit."""
    return "invalid_checksum" if re.fullmatch(right, identifiers.plain_digits(typed)) else "invalid_format"


def _address(read: _Reader, found: _Findings, path: str) -> dict[str, str | None]:
    if read.raw(path) is None:
        for key in ("house", "postal_code", "city"):
            found.add(f"{path}.{key}", "required")
        return {}
    typed = read.required(f"{path}.postal_code")
    postal_code = identifiers.postal_code(typed) if typed else None
    if typed and postal_code is None:
        found.add(f"{path}.postal_code", "invalid_format")
    return {
        "street": read.text(f"{path}.street"),
        "house": read.required(f"{path}.house"),
        "flat": read.text(f"{path}.flat"),
        "postal_code": postal_code,
        "city": read.required(f"{path}.city"),
    }


def _email(read: _Reader, found: _Findings) -> str | None:
    typed = read.required("email")
    if typed is None:
        return None
    address = identifiers.email_address(typed)
    if address is None:
        found.add("email", "invalid_email")
    return address


def checked_email(typed: str) -> str:
    """An e-mail address on its own, in its normal form.

    Raises:
        Invalid: not an address, or one with non-ASCII characters.
    """
    found = _Findings()
    address = _email(_Reader({"email": typed}, found), found)
    if address is None or found.errors:
        raise Invalid(found.errors)
    return address


class ContactBody(_Body):
    """Telephone and correspondence address on their own."""

    phone: str | None = Field(None, max_length=40)
    correspondence_address: Address | None = None


def checked_contact(wanted: dict[str, Any]) -> dict[str, Any]:
    """What is given of `phone` and `correspondence_address`, checked as on the form.

    Raises:
        Invalid: every error found.
    """
    errors = structure_errors(ContactBody, wanted)
    if errors:
        raise Invalid(errors)
    found = _Findings()
    read = _Reader(wanted, found)
    checked: dict[str, Any] = {}
    if read.text("phone"):
        checked["phone"] = _phone(read, found)
    if wanted.get("correspondence_address") is not None:
        checked["correspondence_address"] = _address(read, found, "correspondence_address")
    if not checked and not found.errors:
        found.add("phone", "required")
    if found.errors:
        raise Invalid(found.errors)
    return checked


def _phone(read: _Reader, found: _Findings) -> str | None:
    typed = read.text("phone")
    if typed is None:
        return None
    number = identifiers.phone_number(typed)
    if number is None:
        found.add("phone", "invalid_phone")
    return number
