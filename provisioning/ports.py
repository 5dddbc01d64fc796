"""What the use cases need from the outside, as small Protocols. Adapters and test fakes keep the same contract."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from email.message import EmailMessage
from enum import StrEnum
from typing import Any, Protocol

from provisioning.domain.account import Account
from provisioning.domain.application import Application, Status
from provisioning.domain.clauses import FormVersion
from provisioning.domain.deadline import FreeDay
from provisioning.domain.rulebook import Rulebook


@dataclass(frozen=True)
class Actor:
    """Who does something: a member of staff, the applicant, or a part of the system."""

    name: str
    roles: frozenset[str] = frozenset()
    address: str | None = None


WORKER = Actor("ibok-provisioning worker")
APPLICANT = Actor("wnioskodawca")


class MailKind(StrEnum):
    """The five mails; only `activated` holds a password (S5)."""

    CONFIRM_EMAIL = "confirm_email"
    RECEIVED = "received"
    ACTIVATED = "activated"
    REJECTED = "rejected"
    INCOMPLETE = "incomplete"


class MailState(StrEnum):
    QUEUED = "queued"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    REPLACED = "replaced"  # the address was corrected before it went out


@dataclass
class Mail:
    """One mail and what became of it; never its text."""

    message_id: str
    reference: str
    kind: MailKind
    recipient: str
    created_at: datetime
    state: MailState = MailState.QUEUED
    answer: str = ""
    attempts: int = 0
    next_attempt_at: datetime | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True)
class Document:
    """A file that belongs to an application. `name` is text for people, never a path."""

    document_id: str
    reference: str
    kind: str
    name: str
    media_type: str
    sha256: str
    content: bytes = field(repr=False)
    created_at: datetime | None = None


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit; each carries the hash of the line before."""

    number: int
    at: datetime
    actor: str
    roles: tuple[str, ...]
    action: str
    subject: str
    details: dict[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True)
class QueueFilter:
    """What the staff queue shows."""

    statuses: frozenset[Status] | None = None
    text: str = ""
    due_before: date | None = None
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True)
class QueuePage:
    applications: list[Application]
    next_cursor: str | None
    counts: dict[Status, int]


class Applications(Protocol):
    def new_reference(self, year: int) -> str: ...
    def add(self, application: Application) -> None: ...
    def get(self, reference: str, *, for_change: bool = False) -> Application: ...
    def save(self, application: Application) -> None: ...
    def page(self, wanted: QueueFilter) -> QueuePage: ...


class Accounts(Protocol):
    def reserve_login(self, login: str, reference: str, at: datetime) -> bool: ...
    def add(self, account: Account) -> None: ...
    def get(self, login: str) -> Account: ...
    def by_reference(self, reference: str, *, for_change: bool = False) -> Account | None: ...
    def by_user_id(self, user_id: str) -> Account | None: ...
    def save(self, account: Account) -> None: ...
    def awaiting_first_login(self, limit: int, user_ids: list[str] | None = None) -> list[Account]: ...
    def waiting_too_long(self, since: datetime) -> list[Account]: ...


class Mails(Protocol):
    def add(self, mail: Mail) -> None: ...
    def get(self, message_id: str) -> Mail | None: ...
    def save(self, mail: Mail) -> None: ...
    def of(self, reference: str) -> list[Mail]: ...


class Documents(Protocol):
    def add(self, document: Document) -> None: ...
    def of(self, reference: str) -> list[Document]: ...
    def get(self, reference: str, document_id: str) -> Document: ...


class Audit(Protocol):
    def write(self, actor: Actor, action: str, subject: str, details: dict[str, Any], at: datetime) -> None: ...
    def of(self, subject: str) -> list[AuditEntry]: ...
    def page(
        self, *, subject: str | None, actor: str | None, action: str | None, before: int | None, limit: int
    ) -> list[AuditEntry]: ...


class Queue(Protocol):
    """Jobs are deferred in the same transaction as everything else."""

    def activate(self, reference: str) -> None: ...
    def send_mail(self, message_id: str) -> None: ...
    def confirm_first_login(self, reference: str) -> None: ...
    def note_password_help(self, login: str) -> None: ...


class Idempotency(Protocol):
    def seen(self, caller: str, key: str) -> tuple[bytes, dict[str, Any]] | None: ...
    def remember(self, caller: str, key: str, fingerprint: bytes, answer: dict[str, Any], at: datetime) -> None: ...


class Work(Protocol):
    """One transaction: everything in it happens, or nothing."""

    @property
    def applications(self) -> Applications: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Directory(Protocol):
    """Keycloak, as ibok_idp offers it."""

    def create(self, application: Application, login: str, temporary_password: str) -> str: ...
    def must_change_password(self, user_id: str) -> bool: ...
    def recent_password_changes(self) -> list[str]: ...


class DirectoryTrouble(Exception):
    """Keycloak could not do it. `kind` is a domain Trouble, `retry` whether trying again may help."""

    def __init__(self, kind: str, retry: bool) -> None:
        super().__init__(kind)
        self.kind, self.retry = kind, retry


class Mailer(Protocol):
    def send(self, message: EmailMessage) -> str: ...


class MailDeferred(Exception):
    """The mail server cannot be reached or answers 4xx: the same mail is sent again later."""


class MailRefused(Exception):
    """The mail server answers 5xx: it will not take this mail; a person must act."""


class Clock(Protocol):
    def now(self) -> datetime: ...
    def today(self) -> date: ...


class Seams(Protocol):
    """Named points at which tests stop the process; nothing in production."""

    def __call__(self, name: str) -> None: ...


@dataclass(frozen=True)
class Links:
    """Addresses that stand in mails and documents: from configuration alone, never from a Host header."""

    webapp: str


@dataclass(frozen=True)
class Office:
    """Everything the use cases work with; put together once, in wiring.py."""

    work: Callable[[], AbstractContextManager[Work]]
    only_one: Callable[[str], AbstractContextManager[bool]]
    directory: Directory
    mailer: Mailer
    compose: Callable[[Office, Mail, Application, Account | None], EmailMessage]
    clock: Clock
    rules: Rulebook
    forms: dict[str, FormVersion]
    current_form: Callable[[date], FormVersion]
    is_holiday: FreeDay
    links: Links
    mail_domain: str
    temporary_password_key: bytes = field(repr=False)
    seam: Seams = field(default=lambda name: None, repr=False)
