"""The one check of form BOK-27, used by the API, the staff UI and (through the API) the web form.

What the form asks is declared in `provisioning/domain/fields.py`. Structure is checked by pydantic with models made from
the declaration, meaning here and in `checks.py`; every error of a form is reported at once, each with a stable code.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import BaseModel, ValidationError

from ibok_idp.texts import SOURCE
from provisioning.domain.application import Channel, SignatureKind
from provisioning.domain.clauses import FormVersion
from provisioning.domain.declared_fields import declared
from provisioning.domain.errors import FieldError, Invalid
from provisioning.domain.fields import Field
from provisioning.domain.folding import folded_words
from provisioning.domain.person_names import account_name
from provisioning.domain.rulebook import Rulebook
from provisioning.form.bodies import application_body, contact_body, corrected_application_body, paper_application_body
from provisioning.form.checks import CHECKS, Refused
from provisioning.form.email_typos import did_you_mean

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


@dataclass(frozen=True)
class Submission:
    """A form that passed every check, normalised (NFC, digits only where digits are meant)."""

    form: FormVersion
    language: str
    customer_type: str
    channel: Channel
    data: dict[str, Any]
    pesel: str | None
    clauses: dict[str, bool]
    terms_accepted: bool
    signature: dict[str, Any] | None
    filed_on: date | None
    entry_reason: str | None = None


@dataclass(frozen=True)
class CheckedPage:
    """What the web form needs to know of some fields of an unfinished form.

    Attributes:
        stored: the fields without an error, as they would be stored.
        did_you_mean: an address that was probably meant in place of the typed one, by its field.
    """

    errors: list[FieldError]
    stored: dict[str, Any]
    did_you_mean: dict[str, str]


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
        return self._check(body, application_body(), paper=False)

    def paper(self, body: Any) -> Submission:
        """Check what a clerk typed from paper; a refused clause is recorded as such and bars approval later (S2).

        Raises:
            Invalid: every error found.
        """
        return self._check(body, paper_application_body(), paper=True)

    def correction(self, body: Any) -> Submission:
        """Check a corrected form; why its filing day moves is said with the correction, not here.

        Raises:
            Invalid: every error found.
        """
        rules = replace(self.rules, filed_long_ago_days=_ANY_AGE)
        return replace(self, rules=rules)._check(body, corrected_application_body(), paper=True)

    def page(self, body: Any, only: list[str]) -> CheckedPage:
        """Some fields alone, for a form that is filled page by page."""
        found, answers, _submission = self._examine(body, application_body(), paper=False)
        errors = [e for e in found.errors if any(e.field == name or e.field.startswith(f"{name}.") for name in only)]
        wrong = {error.field.partition(".")[0] for error in errors}
        stored = {name: value for name, value in answers.items() if name in only and name not in wrong}
        meant = did_you_mean(stored.get("email"))
        return CheckedPage(errors, stored, {"email": meant} if meant else {})

    def draft(self, body: Any) -> Submission:
        """A web application that lacks nothing but its signature, so that there is something to sign.

        Raises:
            Invalid: anything else is wrong.
        """
        signed = {"kind": "paper"}
        return self.web({**body, "signature": signed} if isinstance(body, dict) else body)

    def _check(self, body: Any, model: type[BaseModel], *, paper: bool) -> Submission:
        found, _answers, submission = self._examine(body, model, paper=paper)
        if submission is None:
            raise Invalid(found.errors)
        return submission

    def _examine(self, body: Any, model: type[BaseModel], *, paper: bool) -> tuple[_Findings, dict[str, Any], Submission | None]:
        """What is wrong, every field asked in its stored form, and the form itself when nothing is wrong."""
        found = _Findings()
        for error in structure_errors(model, body):
            found.add(error.field, error.code)
        if not isinstance(body, dict):
            return found, {}, None
        read = _Reader(body, found)
        form = self._form(read, found, paper=paper)
        kind = read.raw("customer_type")
        customer_type = kind if declared().has_type(kind) else None
        answers = self._fields(read, found, customer_type)
        data = {name: value for name, value in answers.items() if name != "pesel"}  # which is kept apart
        clauses = self._clauses(read, found, form, paper=paper)
        filed_on = self._filed_on(read, found) if paper else None
        signer = declared().type(customer_type).signer_in(data) if customer_type else (None, None)
        signature = self._signature(read, found, signer, paper=paper, filed_on=filed_on)
        if found.errors or customer_type is None:
            return found, answers, None
        submission = Submission(
            form=form,
            language=read.raw("language") or SOURCE,
            customer_type=customer_type,
            channel=Channel(read.raw("channel")) if paper else Channel.WEB,
            data=data,
            pesel=answers.get("pesel"),
            clauses=clauses,
            terms_accepted=read.raw("terms_version") == form.terms_version,
            signature=signature,
            filed_on=filed_on,
            entry_reason=read.text("entry_reason") if paper else None,
        )
        return found, answers, submission

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

    def _fields(self, read: _Reader, found: _Findings, customer_type: str | None) -> dict[str, Any]:
        """Every field asked of this kind of customer, in its stored form."""
        asked, values = declared().asked_of(customer_type), dict[str, Any]()
        for field in declared().fields:
            if field in asked:
                values[field.name] = checked_value(read, found, field, self.rules)
            elif customer_type is not None:
                read.not_applicable(field.name)
        return values

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
        self, read: _Reader, found: _Findings, signer: tuple[str | None, str | None], *, paper: bool, filed_on: date | None
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
            if signed_name is None:
                found.add("signature.signed_name", "required")
            elif all(signer) and not same_name(signed_name, f"{signer[0]} {signer[1]}"):
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


def checked_value(read: _Reader, found: _Findings, field: Field, rules: Rulebook, path: str = "") -> Any:
    """A field in its stored form: text, the parts of a group by name, or None when it was not given or is wrong."""
    path = path or field.name
    required = is_required(field, rules)
    if field.group:
        if read.raw(path) is None and not required:
            return None
        return {part.name: checked_value(read, found, part, rules, f"{path}.{part.name}") for part in field.parts}
    typed = read.required(path) if required else read.text(path)
    if typed is None:
        return None
    try:
        return CHECKS[field.check].normalised(typed, field, rules)
    except Refused as refused:
        found.add(path, refused.code)
        return None


def is_required(field: Field, rules: Rulebook) -> bool:
    """Whether a field must be given; for some a switch of the rulebook says it."""
    return bool(getattr(rules, field.required)) if isinstance(field.required, str) else field.required


def checked_email(typed: str) -> str:
    """An e-mail address on its own, in its normal form.

    Raises:
        Invalid: not an address, or one with non-ASCII characters.
    """
    return str(_alone({"email": typed})["email"])


def checked_contact(wanted: dict[str, Any]) -> dict[str, Any]:
    """What is given of `phone` and `correspondence_address`, checked as on the form.

    Raises:
        Invalid: every error found.
    """
    errors = structure_errors(contact_body(), wanted)
    if errors:
        raise Invalid(errors)
    given = {name: value for name, value in wanted.items() if value is not None}
    checked = {name: value for name, value in _alone(given).items() if value is not None}
    if not checked:
        raise Invalid([FieldError("phone", "required")])
    return checked


def _alone(given: dict[str, Any]) -> dict[str, Any]:
    """Some fields without the rest of the form.

    Raises:
        Invalid: every error found.
    """
    found = _Findings()
    read = _Reader(given, found)
    checked = {field.name: checked_value(read, found, field, Rulebook()) for field in declared().fields if field.name in given}
    if found.errors:
        raise Invalid(found.errors)
    return checked
