"""The utility's name and contacts, from one file (`IBOK_UTILITY_FILE`)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, EmailStr, Field, ValidationError, model_validator

from ibok_idp.errors import SettingsError
from ibok_idp.texts import LANGUAGES, InLanguages, in_languages


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _gathered(raw: Any, name: str) -> Any:
    """`phones` is Polish, `phones_en` and so on stand beside it in the file: one text in languages."""
    if not isinstance(raw, dict) or name not in raw:
        return raw  # for pydantic to refuse
    keys = {name, *(f"{name}_{code}" for code in LANGUAGES)}
    return {key: value for key, value in raw.items() if key not in keys} | {name: in_languages(raw, name)}


class CompanyFacts(_Strict):
    short_name: str
    name: str
    address: str
    office_hours: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _hours(cls, raw: Any) -> Any:
        return _gathered(raw, "office_hours")


class ContactFacts(_Strict):
    phones: dict[str, str]
    email: str
    data_protection_email: str

    @model_validator(mode="before")
    @classmethod
    def _phones(cls, raw: Any) -> Any:
        return _gathered(raw, "phones")


class ClosingFacts(_Strict):
    """§ 10 ust. 5 of the Regulamin (rule S8): resignation, deletion, retention. Days are calendar days."""

    resignation_days: int = Field(14, ge=0, le=365)
    withdrawable: bool = True
    contract_notice_days: int = Field(14, ge=0, le=365)
    delete_after_days: int = Field(30, ge=0, le=3650)
    retention_days: int = Field(2190, ge=0, le=36500)
    tell: tuple[EmailStr, ...] = ()


class TermsFacts(_Strict):
    """New versions of the Regulamin are announced so many days before they are valid."""

    notice_days: int = Field(30, ge=0, le=365)


class RegisterFacts(_Strict):
    """What the customer register owns: customers ask for a change of it, staff carry it out there."""

    owns: tuple[Literal["phone", "correspondence_address"], ...] = ("phone", "correspondence_address")


class TermFacts(_Strict):
    """S4: the legal term; an `IBOK_TERM_…` or `IBOK_REMINDER_DAYS` variable goes before what stands here."""

    days: int | None = Field(None, ge=1, le=365)
    unit: Literal["calendar_days", "working_days"] | None = None
    start: Literal["filed", "complete"] | None = None
    reminder_days: tuple[int, ...] | None = None


class FormFacts(_Strict):
    """The utility's own versions of form and Regulamin: a folder, seen from where the file lies."""

    versions: str | None = None


class UnaskedMailsFacts(_Strict):
    """So many mails that anybody can cause one mailbox gets: confirmations, links to a new address, new passwords."""

    per_hour: int = Field(5, ge=1, le=1000)
    per_day: int = Field(10, ge=1, le=1000)


class RetentionFacts(_Strict):
    """How long what never became an account is kept, in calendar days."""

    unconfirmed_days: int = Field(7, ge=3, le=365)
    awaiting_paper_days: int = Field(60, ge=7, le=3650)
    withdrawn_days: int = Field(90, ge=1, le=36500)
    rejected_days: int = Field(365, ge=1, le=36500)
    intake_waiting_days: int = Field(365, ge=30, le=36500)
    intake_dismissed_days: int = Field(365, ge=1, le=36500)
    unknown_resets_days: int = Field(2, ge=1, le=3650)
    idempotency_days: int = Field(90, ge=1, le=3650)


class ApprovalFacts(_Strict):
    """Over these doubts nobody may approve an application; over all others a registrar may, with a written reason."""

    forbidden: tuple[Literal["late", "alike", "not_in_register", "register_differs", "no_scan", "not_checked"], ...] = ()


class Utility(_Strict):
    """What differs from one utility to the next."""

    company: CompanyFacts
    contact: ContactFacts
    account_closing: ClosingFacts = ClosingFacts()
    terms: TermsFacts = TermsFacts()
    customer_register: RegisterFacts = RegisterFacts()
    term: TermFacts = TermFacts()
    form: FormFacts = FormFacts()
    unasked_mails: UnaskedMailsFacts = UnaskedMailsFacts()
    retention: RetentionFacts = RetentionFacts()
    approval: ApprovalFacts = ApprovalFacts()

    def form_versions_dir(self, file: Path | None) -> Path | None:
        """The folder of `[form] versions`, beside the utility's file; None when none is named."""
        return file.parent / self.form.versions if file and self.form.versions else None

    def phones(self, language: str) -> str:
        return InLanguages(self.contact.phones)[language]

    def office_hours(self, language: str) -> str:
        return InLanguages(self.company.office_hours)[language]


def load_utility(path: Path | None) -> Utility:
    """Read the facts of the utility.

    Raises:
        SettingsError: the file is missing, not TOML, or a key is missing or unknown; says which.
    """
    file = path or Path(__file__).parent / "utility.toml"
    try:
        return Utility.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"IBOK_UTILITY_FILE: cannot read {file}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"IBOK_UTILITY_FILE: {file} is not valid TOML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise SettingsError(f"IBOK_UTILITY_FILE: {file}: {problems}") from error
