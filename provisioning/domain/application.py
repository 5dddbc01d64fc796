"""An application (wniosek, DRUK NR BOK-27): its statuses and what may happen to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from provisioning.domain.errors import Forbidden, NotPossible


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
GONE = "–"  # stands where an anonymised person's words were
OPEN = frozenset({Status.FILED, Status.IN_REVIEW, Status.INCOMPLETE, Status.APPROVED})
CLOSED = frozenset({Status.REGISTERED, Status.REJECTED, Status.WITHDRAWN})


class Channel(StrEnum):
    """How the application came in (S1)."""

    WEB = "web"
    OFFICE = "office"
    POST = "post"
    EMAIL = "email"


class CustomerType(StrEnum):
    PERSON = "person"
    BUSINESS = "business"
    HOUSING_COMMUNITY = "housing_community"
    INSTITUTION = "institution"


class SignatureKind(StrEnum):
    DECLARATION = "declaration"
    SCAN = "scan"
    ELECTRONIC = "electronic"
    PAPER = "paper"


class Role(StrEnum):
    """Realm roles of the staff."""

    CLERK = "bok-clerk"
    REGISTRAR = "bok-registrar"
    MANAGER = "bok-manager"
    AUDITOR = "bok-auditor"


class Action(StrEnum):
    """What staff may do; the values are the API's paths."""

    READ = "read"
    ENTER = "enter"
    RECORD_PAPER = "record-paper"
    COPY = "copy"
    ADD_SCAN = "add-scan"
    NOTE = "note"
    CLAIM = "claim"
    REVIEW = "review"
    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_COMPLETION = "request-completion"
    COMPLETE = "complete"
    WITHDRAW = "withdraw"
    READ_AUDIT = "read-audit"
    EVIDENCE = "evidence"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESEND = "resend"
    MISDIRECTED = "misdirected"
    CORRECT_ADDRESS = "correct-address"
    DELETE = "delete"
    RESIGN = "resign"
    END_CONTRACT = "end-contract"
    ANSWER_CHANGE = "answer-change"
    ENTER_ERASURE = "enter-erasure"
    DECIDE_ERASURE = "decide-erasure"
    READ_TERMS = "read-terms"


# Who may do what: the one table, walked by tests through the UI and the API.
PERMISSIONS: dict[Action, frozenset[Role]] = {
    Action.READ: frozenset(Role),
    Action.ENTER: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.RECORD_PAPER: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.ADD_SCAN: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.NOTE: frozenset({Role.CLERK, Role.REGISTRAR, Role.MANAGER}),
    Action.CLAIM: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.COPY: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.REVIEW: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.APPROVE: frozenset({Role.REGISTRAR}),  # S4: "an authorised employee"
    Action.REJECT: frozenset({Role.REGISTRAR}),
    Action.REQUEST_COMPLETION: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.COMPLETE: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.WITHDRAW: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.READ_AUDIT: frozenset({Role.AUDITOR, Role.MANAGER}),
    Action.EVIDENCE: frozenset({Role.REGISTRAR, Role.MANAGER, Role.AUDITOR}),
    Action.SUSPEND: frozenset({Role.REGISTRAR}),
    Action.RESUME: frozenset({Role.REGISTRAR}),
    Action.RESEND: frozenset({Role.REGISTRAR}),
    Action.MISDIRECTED: frozenset({Role.REGISTRAR}),
    Action.CORRECT_ADDRESS: frozenset({Role.REGISTRAR}),
    Action.DELETE: frozenset({Role.REGISTRAR}),
    Action.RESIGN: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.END_CONTRACT: frozenset({Role.REGISTRAR}),
    Action.ANSWER_CHANGE: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.ENTER_ERASURE: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.DECIDE_ERASURE: frozenset({Role.REGISTRAR}),
    Action.READ_TERMS: frozenset({Role.MANAGER, Role.REGISTRAR, Role.AUDITOR}),
}


def may(roles: frozenset[str], action: Action) -> bool:
    return not PERMISSIONS[action].isdisjoint(roles)


def require_permission(roles: frozenset[str], action: Action) -> None:
    """
    Raises:
        Forbidden: none of the roles allows the action.
    """
    if not may(roles, action):
        raise Forbidden(action.value)


@dataclass
class Application:
    """One filed form.

    Attributes:
        data: the fields as filed, without PESEL.
        pesel: kept apart, encrypted at rest.
        clauses: answer by clause code, as filed.
        signature: `kind`, `signed_on`, `signed_name`; None when there is none yet.
        version: raised by every change; two people cannot overwrite each other.
        filed_on: S4 counts from here (Europe/Warsaw).
    """

    reference: str
    status: Status
    channel: Channel
    form_version: str
    terms_version: str
    language: str
    customer_type: CustomerType
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

    @property
    def email(self) -> str:
        return str(self.data["email"])

    @property
    def applicant(self) -> str:
        """The name on the form: the person, or the company."""
        if self.customer_type is CustomerType.PERSON:
            return f"{self.data['first_name']} {self.data['last_name']}"
        return str(self.data["company_name"])

    @property
    def contact_person(self) -> tuple[str, str]:
        """First and last name of who will use the account."""
        source = self.data if self.customer_type is CustomerType.PERSON else self.data["representative"]
        return source["first_name"], source["last_name"]

    def move(self, to: Status, expected_version: int | None = None) -> None:
        """Change the status, or refuse.

        Raises:
            NotPossible: `stale_version` when somebody else changed it since, `wrong_state` when the table of
                transitions has no such step.
        """
        if expected_version is not None and expected_version != self.version:
            raise NotPossible("stale_version", "Somebody changed this application in the meantime; read it again.")
        if to not in TRANSITIONS[self.status]:
            raise NotPossible("wrong_state", f"An application that is {self.status} cannot become {to}.")
        self.status = to
        self.version += 1

    def anonymise(self) -> None:
        """S8: what was filed loses the person; kind, channel, dates, answers and versions stay, for the statistics."""
        gone = dict.fromkeys(self.data)
        address = dict.fromkeys(("street", "house", "flat", "postal_code", "city"), GONE)
        gone |= {name: GONE for name in ("first_name", "last_name", "company_name", "customer_number", "email") if name in gone}
        gone["supply_point_address"] = address
        if "representative" in gone:
            gone["representative"] = dict.fromkeys(("first_name", "last_name", "authority"), GONE)
        kept = {name: value for name, value in (self.signature or {}).items() if name in ("kind", "signed_on")}
        self.data, self.pesel, self.signature, self.reason = gone, None, kept or None, None
        self.nonce, self.confirmation_nonce = b"", None
        self.version += 1

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
