"""An application (wniosek, DRUK NR BOK-27): its statuses and what may happen to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from provisioning.domain.declared_fields import declared
from provisioning.domain.errors import NotPossible
from provisioning.domain.fields import CustomerType, Field


class Status(StrEnum):
    UNCONFIRMED = "unconfirmed"  # Złożony online, niepotwierdzony
    FILED = "filed"  # Złożony
    IN_REVIEW = "in_review"  # W weryfikacji
    INCOMPLETE = "incomplete"  # Do uzupełnienia
    APPROVED = "approved"  # Zaakceptowany
    REGISTERED = "registered"  # Konto założone
    REJECTED = "rejected"  # Odrzucony
    WITHDRAWN = "withdrawn"  # Wycofany


# The one table of transitions; everything not in it is impossible.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.UNCONFIRMED: frozenset({Status.FILED, Status.WITHDRAWN}),
    Status.FILED: frozenset({Status.IN_REVIEW, Status.INCOMPLETE, Status.APPROVED, Status.REJECTED, Status.WITHDRAWN}),
    Status.IN_REVIEW: frozenset({Status.INCOMPLETE, Status.APPROVED, Status.REJECTED, Status.WITHDRAWN}),
    Status.INCOMPLETE: frozenset({Status.IN_REVIEW, Status.REJECTED, Status.WITHDRAWN}),
    Status.APPROVED: frozenset({Status.REGISTERED}),
    Status.REGISTERED: frozenset(),
    Status.REJECTED: frozenset(),
    Status.WITHDRAWN: frozenset(),
}
OPEN = frozenset({Status.FILED, Status.IN_REVIEW, Status.INCOMPLETE, Status.APPROVED})
CORRECTABLE = frozenset({Status.FILED, Status.IN_REVIEW, Status.INCOMPLETE})
CLOSED = frozenset({Status.REGISTERED, Status.REJECTED, Status.WITHDRAWN})


class Channel(StrEnum):
    """How the application came in (S1)."""

    WEB = "web"
    OFFICE = "office"
    POST = "post"
    EMAIL = "email"


class SignatureKind(StrEnum):
    DECLARATION = "declaration"
    SCAN = "scan"
    ELECTRONIC = "electronic"
    PAPER = "paper"


class RejectedFor(StrEnum):
    """Why an application was rejected, for the manager's numbers; the words to the customer stand beside it."""

    CLAUSE_REFUSED = "clause_refused"
    DATA_WRONG = "data_wrong"
    NOT_A_CUSTOMER = "not_a_customer"
    NOT_SIGNED = "not_signed"
    DUPLICATE = "duplicate"
    OTHER = "other"


@dataclass(frozen=True)
class Correction:
    """One field that staff corrected; never a full PESEL."""

    field: str
    old: str
    new: str


@dataclass(frozen=True)
class CorrectedForm:
    """The part of an application that staff may correct."""

    data: dict[str, Any]
    pesel: str | None
    clauses: dict[str, bool]
    terms_accepted: bool
    signature: dict[str, Any] | None
    customer_type: str
    language: str
    channel: Channel
    filed_on: date | None

    def flat(self) -> dict[str, str]:
        """Every field by its dotted name, as text."""
        found: dict[str, str] = {}

        def put(name: str, value: Any) -> None:
            if isinstance(value, dict):
                for key, inner in value.items():
                    put(f"{name}.{key}" if name else str(key), inner)
            else:
                found[name] = "" if value is None else str(value)

        put("", self.data)
        put("clauses", self.clauses)
        put("signature", self.signature or {})
        filing = {"customer_type": self.customer_type, "language": self.language, "channel": self.channel.value}
        filing["filed_on"] = str(self.filed_on or "")
        return found | filing | {"pesel": self.pesel or "", "terms_accepted": str(self.terms_accepted)}


# What stands on the paper itself; the PESEL is kept apart, channel and filing day are ours.
_ON_THE_FORM = ("data", "clauses", "terms_accepted", "signature", "customer_type", "language")


def masked_pesel(pesel: str | None) -> str | None:
    """The last three digits."""
    return f"••••••••{pesel[-3:]}" if pesel else None


def _differences(old: dict[str, str], new: dict[str, str]) -> list[Correction]:
    changed = [name for name in {**old, **new} if old.get(name, "") != new.get(name, "")]
    return [
        Correction(name, *((masked_pesel(side.get(name)) if name == "pesel" else side.get(name)) or "" for side in (old, new)))
        for name in changed
    ]


@dataclass
class Application:
    """One filed form.

    Attributes:
        data: the fields as filed, without PESEL.
        pesel: kept apart, encrypted at rest.
        customer_type: the code of a declared kind of customer.
        clauses: answer by clause code, as filed.
        signature: `kind`, `signed_on`, `signed_name`; None when there is none yet.
        version: raised by every change; two people cannot overwrite each other.
        as_filed, pesel_as_filed: what was filed, once staff corrected it; the evidence shows the form from it.
        added_to: the login of an account that took the customer number, in place of an account of its own.
        filed_on: S4 counts from here (Europe/Warsaw).
    """

    reference: str
    status: Status
    channel: Channel
    form_version: str
    terms_version: str
    language: str
    customer_type: str
    data: dict[str, Any]
    pesel: str | None
    clauses: dict[str, bool]
    terms_accepted: bool
    signature: dict[str, Any] | None
    received_at: datetime
    version: int = 1
    filed_at: datetime | None = None
    filed_on: date | None = None
    completed_on: date | None = None
    due_on: date | None = None
    email_confirmed_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None
    entered_by: str | None = None
    nonce: bytes = field(default=b"", repr=False)
    confirmation_nonce: bytes | None = field(default=None, repr=False)
    confirmation_sent_at: datetime | None = None
    as_filed: dict[str, Any] | None = None
    pesel_as_filed: str | None = None
    added_to: str | None = None
    rejected_for: RejectedFor | None = None

    @property
    def email(self) -> str:
        return str(self.data["email"])

    @property
    def kind(self) -> CustomerType:
        """The kind of customer, as it is declared."""
        return declared().type(self.customer_type)

    @property
    def applicant(self) -> str:
        """The name on the form: the person, or the company."""
        return self.kind.name_in(self.data)

    @property
    def contact_person(self) -> tuple[str, str]:
        """First and last name of who will use the account."""
        first, last = self.kind.signer_in(self.data)
        return first or "", last or ""

    def answers(self, *, full_pesel: bool = False) -> list[tuple[Field, str]]:
        """Every field asked of this kind of customer with its answer in one line, empty where there is none; PESEL masked."""
        pesel = (self.pesel if full_pesel else masked_pesel(self.pesel)) or ""
        asked = declared().asked_of(self.customer_type)
        return [(field, pesel if field.apart else field.said(self.data.get(field.name))) for field in asked]

    def move(self, to: Status, expected_version: int | None = None) -> None:
        """Change the status, or refuse.

        Raises:
            NotPossible: `stale_version` when somebody else changed it since, `wrong_state` when the table of
                transitions has no such step.
        """
        self._require_version(expected_version)
        if to not in TRANSITIONS[self.status]:
            raise NotPossible("wrong_state", f"An application that is {self.status} cannot become {to}.")
        self.status = to
        self.version += 1

    def _require_version(self, expected: int | None) -> None:
        if expected is not None and expected != self.version:
            raise NotPossible("stale_version", "Somebody changed this application in the meantime; read it again.")

    def anonymise(self) -> None:
        """S8: what was filed loses the person; kind, channel, dates, answers and versions stay, for the statistics."""
        known = {field.name: field for field in declared().fields}
        gone = {name: known[name].anonymised(value) if name in known else None for name, value in self.data.items()}
        kept = {name: value for name, value in (self.signature or {}).items() if name in ("kind", "signed_on")}
        self.data, self.pesel, self.signature, self.reason = gone, None, kept or None, None
        self.as_filed = self.pesel_as_filed = None
        self.nonce, self.confirmation_nonce = b"", None
        self.version += 1

    def correct(self, expected_version: int, form: CorrectedForm) -> list[Correction]:
        """Mend what was typed or filed wrongly; what was filed stays beside it. Returns what changed, field by field.

        Raises:
            NotPossible: `stale_version`, or `wrong_state` before filing and after the decision.
        """
        self.require_correctable(expected_version)
        before = self.form()
        changes = _differences(before.flat(), form.flat())
        if not changes:
            return []
        if self.as_filed is None:
            self.as_filed = {name: getattr(before, name) for name in _ON_THE_FORM}
            self.pesel_as_filed = self.pesel
        self.pesel, self.channel = form.pesel, form.channel
        for name in _ON_THE_FORM:
            setattr(self, name, getattr(form, name))
        self._count_from(form.filed_on)
        self.version += 1
        return changes

    def require_correctable(self, expected_version: int) -> None:
        """
        Raises:
            NotPossible: `stale_version`, or `wrong_state` before filing and after the decision.
        """
        self._require_version(expected_version)
        if self.status not in CORRECTABLE:
            raise NotPossible("wrong_state", "Only an application that waits for its decision can be corrected.")

    def _count_from(self, filed_on: date | None) -> None:
        """Another filing day; what was complete when it was filed stays so, and nothing is complete before it is filed."""
        if self.completed_on is not None and filed_on is not None:
            self.completed_on = filed_on if self.completed_on == self.filed_on else max(self.completed_on, filed_on)
        self.filed_on = filed_on

    def filed_form(self) -> Application:
        """The application as it was filed, before any correction."""
        if not self.as_filed:
            return self
        return replace(self, **self.as_filed, pesel=self.pesel_as_filed)

    def form(self) -> CorrectedForm:
        """The part that staff may correct."""
        return CorrectedForm(
            self.data,
            self.pesel,
            self.clauses,
            self.terms_accepted,
            self.signature,
            self.customer_type,
            self.language,
            self.channel,
            self.filed_on,
        )

    def require_copy_allowed(self) -> None:
        """S3: a copy is handed over in the office; for what came by post or e-mail none is made.

        Raises:
            NotPossible: `copy_not_made_for_mailed`.
        """
        if self.channel is not Channel.OFFICE:
            raise NotPossible("copy_not_made_for_mailed", "No copy is made of an application that came by post, e-mail or online.")

    def require_approvable(self, clause_codes: tuple[str, ...]) -> None:
        """S2: every clause and the terms accepted, and a signature; else no account is ever made.

        Raises:
            NotPossible: `clauses_not_accepted`, `terms_not_accepted` or `signature_missing`.
        """
        refused = [code for code in clause_codes if self.clauses.get(code) is not True]
        if refused:
            raise NotPossible("clauses_not_accepted", f"Not accepted: {', '.join(refused)}.")
        if not self.terms_accepted:
            raise NotPossible("terms_not_accepted", "The Regulamin iBOK is not accepted.")
        if not self.signature:
            raise NotPossible("signature_missing", "The application is not signed.")
