"""What the use cases need from the outside, as small Protocols. Adapters and test fakes keep the same contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from email.message import EmailMessage
from enum import StrEnum
from typing import Any, Protocol

from ibok_idp.temporary_password import KeyRing
from provisioning.domain.account import Account, AccountState, Profile, Trouble
from provisioning.domain.application import Application, Channel, Status
from provisioning.domain.audit_chain import ChainedLine
from provisioning.domain.clauses import FormVersion
from provisioning.domain.deadline import FreeDay
from provisioning.domain.email_change import EmailChange
from provisioning.domain.erasure import ErasureRequest
from provisioning.domain.mail import Mail as Mail
from provisioning.domain.mail import MailKind as MailKind
from provisioning.domain.mail import MailState as MailState
from provisioning.domain.mail_budget import Unasked
from provisioning.domain.password_reset import PasswordReset
from provisioning.domain.register_match import RegisterCustomer
from provisioning.domain.rulebook import Rulebook
from provisioning.ports_news import AccountNews, Deliveries


@dataclass(frozen=True)
class Actor:
    """Who does something: a member of staff, the applicant, or a part of the system."""

    name: str
    roles: frozenset[str] = frozenset()
    address: str | None = None


WORKER = Actor("ibok-provisioning worker")
CUSTOMER = Actor("klient")
APPLICANT = Actor("wnioskodawca")


class IntakeKind(StrEnum):
    """Where something came from that is no application yet."""

    EMAIL = "email"
    SCAN = "scan"


class IntakeState(StrEnum):
    WAITING = "waiting"  # a person must look
    SET_ASIDE = "set_aside"  # automatic answers, returned mails, mail loops
    ATTACHED = "attached"
    DISMISSED = "dismissed"  # no application; its content is gone


@dataclass
class IntakeItem:
    """A message, or pages of a batch of scans, that wait for a person.

    Attributes:
        sha256: of the whole message, so that each is taken in once.
        received_at: when our mail server got it; the filing date of an application in it (S1).
        text: plain text alone.
        problem: what was wrong with it: no_attachment, too_many_files, too_large, malformed, no_reference, unknown_reference,
            decided, too_many_documents, automatic, bounce, loop, unreadable.
        content_sha256: of what a person sees of it; tells two messages with one Message-ID apart.
    """

    intake_id: str
    kind: IntakeKind
    state: IntakeState
    sha256: str
    message_id: str | None
    sender: str
    subject: str
    received_at: datetime
    text: str
    problem: str | None = None
    reference: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    content_sha256: str | None = None


@dataclass(frozen=True)
class IntakeFile:
    """One file of an intake item, made harmless; or why it was refused, with its name and hash alone."""

    file_id: str
    intake_id: str
    place: int
    name: str
    media_type: str
    sha256: str
    refused: str | None
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Bounce:
    """A returned mail: which of ours, and what the other server said."""

    message_id: str
    answer: str


@dataclass(frozen=True)
class Incoming:
    """One message as the mailbox gave it, read as far as it can be read."""

    item: IntakeItem
    files: list[IntakeFile]
    bounces: list[Bounce] = field(default_factory=list)


@dataclass(frozen=True)
class MailPlace:
    """A message in a mailbox, for as long as it lies there (RFC 3501: UIDVALIDITY and UID).

    Attributes:
        mailbox: user, server and folder; no password.
    """

    mailbox: str
    uid_validity: int
    uid: int


@dataclass
class MailProgress:
    """How far a message has come that is still in the mailbox; gone when it is moved.

    Attributes:
        tries: how often its reading was begun, by any worker.
        folder: where it has to go; set when it is kept, and from then on it is not read again.
        copied: it lies there already, only the original could not be removed.
        moves: how often the server refused to move it, and what it answered last.
        tried_at: when it was last to be read or moved.
    """

    mailbox: str
    uid_validity: int
    uid: int
    tries: int
    tried_at: datetime
    folder: str | None = None
    copied: bool = False
    moves: int = 0
    answer: str | None = None


class MailboxLog(Protocol):
    """What the mailbox reader asks and tells; everything is written at once, so that a worker that dies has not forgotten it."""

    def under_way(self, mailbox: str, uid_validity: int, uids: list[int]) -> dict[int, MailProgress]: ...
    def begin(self, place: MailPlace) -> int: ...
    def not_its_fault(self, place: MailPlace) -> None: ...
    def kept_before(self, sha256: str) -> IntakeItem | None: ...
    def keep(self, place: MailPlace, incoming: Incoming, folder: str) -> None: ...
    def to_be_moved(self, place: MailPlace, folder: str) -> None: ...
    def move_again(self, progress: MailProgress) -> bool: ...
    def not_moved(self, place: MailPlace, answer: str, *, copied: bool) -> None: ...
    def gone(self, place: MailPlace) -> None: ...


@dataclass(frozen=True)
class FormActivation:
    """A manager's decision from which day a version of the form is offered."""

    version: str
    valid_from: date
    activated_at: datetime
    activated_by: str


@dataclass(frozen=True)
class TermsAnswer:
    """A customer's answer to one version of the Regulamin; evidence, never changed."""

    login: str
    terms_version: str
    accepted: bool
    at: datetime
    terms_sha256: str


@dataclass
class ChangeRequest:
    """A wish to change what the customer register owns: staff carry it out there and answer."""

    request_id: str
    login: str
    wanted: dict[str, Any]
    asked_at: datetime
    outcome: str | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None


@dataclass(frozen=True)
class Incident:
    """A mail that went to a wrong address: what it disclosed, for the data protection officer."""

    incident_id: str
    login: str
    at: datetime
    address: str
    disclosed: list[str]
    reported_by: str
    note: str | None


@dataclass(frozen=True)
class CaseNote:
    """What a member of staff wrote about an application, for colleagues."""

    note_id: str
    reference: str
    at: datetime
    author: str
    text: str


@dataclass(frozen=True)
class CaseClaim:
    """Who works on an application, until when."""

    reference: str
    username: str
    until: datetime


@dataclass(frozen=True)
class AccountEvent:
    """What Keycloak reported of one account: a login, a failure, a change in its console."""

    event_id: str
    login: str
    at: datetime
    kind: str
    address: str | None
    details: dict[str, Any]


@dataclass(frozen=True)
class Signature:
    """An electronic signature inside a file, as far as it can be checked without the net.

    Attributes:
        signer, issuer: names in the certificate; whether it is trusted is not checked.
        signed_at: the moment the signer's own clock gave.
        intact: the bytes it covers are those that were signed.
        whole: nothing was added after it but other signatures and their proofs.
    """

    signer: str
    issuer: str
    signed_at: datetime | None
    intact: bool
    whole: bool


@dataclass(frozen=True)
class Document:
    """A file that belongs to an application. `name` is text for people, never a path.

    `content` was made harmless; `original` is what was handed in, kept apart under `sha256`, its own hash. `signatures` are those
    of the original: none of them holds in `content`.
    """

    document_id: str
    reference: str
    kind: str
    name: str
    media_type: str
    sha256: str
    content: bytes = field(repr=False)
    created_at: datetime | None = None
    original: bytes | None = field(default=None, repr=False)
    signatures: tuple[Signature, ...] = ()


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


class QueueSort(StrEnum):
    """What the queue may be ordered by."""

    DUE = "due"
    FILED = "filed"
    NAME = "name"
    NUMBER = "number"


@dataclass(frozen=True)
class QueueFilter:
    """What the staff queue shows.

    Attributes:
        assignee, now: only what this person works on at this moment.
        unassigned: only what nobody works on.
    """

    statuses: frozenset[Status] | None = None
    text: str = ""
    due_before: date | None = None
    channel: Channel | None = None
    assignee: str | None = None
    unassigned: bool = False
    now: datetime | None = None
    sort: QueueSort = QueueSort.DUE
    descending: bool = False
    cursor: str | None = None
    limit: int = 50


COUNTED_AT_MOST = 1000  # "1000" in the queue's numbers means 1000 or more


@dataclass(frozen=True)
class QueuePage:
    """One page of the queue.

    Attributes:
        counts: of each status under the same filter, counted to COUNTED_AT_MOST.
        instead: words nobody has, and the names like them that were searched in their place.
    """

    applications: list[Application]
    next_cursor: str | None
    counts: dict[Status, int]
    instead: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class QueueTiles:
    """The numbers above the queue, counted to COUNTED_AT_MOST: new, due within two days, overdue, mine."""

    new: int
    soon: int
    late: int
    mine: int


@dataclass(frozen=True)
class SavedView:
    """A filter of the queue that somebody gave a name."""

    username: str
    name: str
    query: str


@dataclass(frozen=True)
class StaffMember:
    """Somebody who has been in the staff UI, for handing cases over to them."""

    username: str
    name: str
    roles: list[str]
    seen_at: datetime


@dataclass(frozen=True)
class Alike:
    """An open application or a live account that shares something with another application.

    Attributes:
        shared: of `pesel`, `tax_id`, `number` (customer number), `email`, in this order.
    """

    reference: str
    status: Status
    login: str | None
    account_state: AccountState | None
    shared: tuple[str, ...]


class Applications(Protocol):
    def new_reference(self, year: int) -> str: ...
    def numbers(self) -> tuple[int, int]: ...
    def continue_after(self, number: int) -> None: ...
    def add(self, application: Application) -> None: ...
    def get(self, reference: str, *, for_change: bool = False) -> Application: ...
    def save(self, application: Application) -> None: ...
    def page(self, wanted: QueueFilter) -> QueuePage: ...
    def tiles(self, username: str, today: date, now: datetime) -> QueueTiles: ...
    def open_after(self, reference: str, limit: int) -> list[Application]: ...
    def alike(self, application: Application, limit: int) -> list[Alike]: ...
    def added_to(self, login: str) -> list[str]: ...


class Accounts(Protocol):
    def reserve_login(self, login: str, reference: str, at: datetime) -> bool: ...
    def add(self, account: Account) -> None: ...
    def get(self, login: str) -> Account: ...
    def by_reference(self, reference: str, *, for_change: bool = False) -> Account | None: ...
    def by_user_id(self, user_id: str) -> Account | None: ...
    def locked(self, login: str) -> Account: ...
    def save(self, account: Account) -> None: ...
    def with_customer_number(self, customer_number: str) -> list[Account]: ...
    def due(self, today: date, limit: int) -> list[str]: ...
    def to_be_kept(self, now: datetime, limit: int) -> list[str]: ...
    def to_be_made(self, limit: int) -> list[str]: ...
    def look_again(self, login: str, at: datetime) -> None: ...
    def outstanding_keys(self) -> dict[str, int]: ...
    def after(self, login: str, limit: int) -> list[Account]: ...
    def without_terms_notice(self, terms_version: str, limit: int) -> list[Account]: ...
    def forget(self, login: str, references: list[str]) -> None: ...
    def awaiting_first_login(self, limit: int, user_ids: list[str] | None = None) -> list[Account]: ...
    def waiting_too_long(self, since: datetime) -> list[Account]: ...
    def to_be_reminded(self, now: datetime, until: datetime, limit: int) -> list[Account]: ...
    def never_logged_in(self, mailed_before: datetime, limit: int) -> list[Account]: ...


class PasswordResets(Protocol):
    def add(self, reset: PasswordReset) -> None: ...
    def get(self, reset_id: str) -> PasswordReset | None: ...
    def save(self, reset: PasswordReset) -> None: ...
    def mailed_since(self, login: str, since: datetime) -> list[datetime]: ...
    def open_of(self, login: str) -> PasswordReset | None: ...
    def newest_of(self, login: str) -> PasswordReset | None: ...
    def count_since(self, since: datetime) -> int: ...


class EmailChanges(Protocol):
    def add(self, change: EmailChange) -> None: ...
    def get(self, change_id: str) -> EmailChange | None: ...
    def locked(self, change_id: str) -> EmailChange: ...
    def save(self, change: EmailChange) -> None: ...
    def of(self, login: str) -> list[EmailChange]: ...


class ChangeRequests(Protocol):
    def add(self, request: ChangeRequest) -> None: ...
    def locked(self, request_id: str) -> ChangeRequest: ...
    def save(self, request: ChangeRequest) -> None: ...
    def of(self, login: str) -> list[ChangeRequest]: ...
    def waiting(self, limit: int) -> list[ChangeRequest]: ...


class Terms(Protocol):
    def answer(self, answer: TermsAnswer) -> bool: ...
    def of(self, login: str) -> list[TermsAnswer]: ...
    def counts(self, terms_version: str) -> dict[str, int]: ...
    def answers(self, terms_version: str, after: str, limit: int) -> list[tuple[str, bool, datetime]]: ...
    def unanswered(self, terms_version: str, limit: int) -> list[Account]: ...


class Erasures(Protocol):
    def add(self, request: ErasureRequest) -> None: ...
    def locked(self, request_id: str) -> ErasureRequest: ...
    def save(self, request: ErasureRequest) -> None: ...
    def page(self, limit: int) -> list[ErasureRequest]: ...
    def of(self, login: str) -> list[ErasureRequest]: ...


class Incidents(Protocol):
    def add(self, incident: Incident) -> None: ...
    def of(self, login: str) -> list[Incident]: ...


class Cases(Protocol):
    def add_note(self, note: CaseNote) -> None: ...
    def notes_of(self, reference: str) -> list[CaseNote]: ...
    def claim_of(self, reference: str) -> CaseClaim | None: ...
    def put_claim(self, claim: CaseClaim) -> None: ...
    def drop_claim(self, reference: str) -> None: ...
    def claims(self, references: list[str], now: datetime) -> dict[str, str]: ...


class Desk(Protocol):
    def save_view(self, view: SavedView) -> None: ...
    def drop_view(self, username: str, name: str) -> None: ...
    def views_of(self, username: str) -> list[SavedView]: ...
    def seen(self, member: StaffMember) -> None: ...
    def members(self, since: datetime) -> list[StaffMember]: ...


class Register(Protocol):
    def get(self, customer_number: str) -> RegisterCustomer | None: ...
    def is_filled(self) -> bool: ...


class AccountEvents(Protocol):
    def add(self, event: AccountEvent) -> bool: ...
    def known(self, event_ids: list[str]) -> set[str]: ...
    def of(self, login: str, kinds: tuple[str, ...], limit: int) -> list[AccountEvent]: ...
    def cursor(self, name: str) -> datetime | None: ...
    def move_cursor(self, name: str, at: datetime) -> None: ...


class Mails(Protocol):
    def add(self, mail: Mail) -> None: ...
    def get(self, message_id: str, *, for_change: bool = False) -> Mail | None: ...
    def save(self, mail: Mail) -> None: ...
    def of(self, reference: str) -> list[Mail]: ...
    def to_be_sent(self, now: datetime, limit: int) -> list[str]: ...
    def undelivered(self, limit: int) -> list[Mail]: ...


class UnaskedMails(Protocol):
    """When unasked mails went to a mailbox, under its keyed fingerprint alone (F13)."""

    def locked(self, mailbox: str, since: datetime) -> list[Unasked]: ...
    def add(self, mailbox: str, at: datetime, *, reset: bool) -> None: ...
    def of_customer(self, mailboxes: tuple[str, ...]) -> bool: ...
    def forget(self, before: datetime) -> int: ...


class Retention(Protocol):
    """What is past its retention and never became an account."""

    def applications(
        self, status: Status, before: datetime, after: str, limit: int, confirmed_before: datetime | None = None
    ) -> list[str]: ...
    def forget_traces(self, references: list[str]) -> None: ...
    def delete_application(self, reference: str) -> None: ...
    def intake(self, state: IntakeState, before: datetime, limit: int) -> list[str]: ...
    def delete_intake(self, intake_id: str) -> None: ...
    def drop_shared_intake_words(self, before: datetime) -> None: ...
    def delete_unknown_resets(self, before: datetime, limit: int) -> int: ...
    def delete_idempotency_keys(self, before: datetime, limit: int) -> int: ...


class Intake(Protocol):
    def add(self, item: IntakeItem, files: list[IntakeFile]) -> bool: ...
    def get(self, intake_id: str, *, for_change: bool = False) -> IntakeItem: ...
    def save(self, item: IntakeItem) -> None: ...
    def files_of(self, intake_id: str) -> list[IntakeFile]: ...
    def file(self, intake_id: str, file_id: str) -> IntakeFile: ...
    def drop_files(self, intake_id: str) -> None: ...
    def in_state(self, state: IntakeState, limit: int) -> list[IntakeItem]: ...
    def forget_set_aside(self, before: datetime) -> int: ...
    def by_hash(self, sha256: str) -> IntakeItem | None: ...


class MailsUnderWay(Protocol):
    """Messages that still lie in the mailbox although their reading was begun."""

    def get(self, place: MailPlace) -> MailProgress | None: ...
    def put(self, progress: MailProgress) -> None: ...
    def drop(self, place: MailPlace) -> None: ...
    def of(self, mailbox: str, uid_validity: int) -> list[MailProgress]: ...
    def forget_others(self, mailbox: str, uid_validity: int, uids: list[int]) -> None: ...
    def stuck(self, mailbox: str) -> list[MailProgress]: ...


class Digests(Protocol):
    def sent_on(self, day: date) -> set[str]: ...
    def last_day_before(self, day: date, recipient: str) -> date | None: ...
    def sent(self, day: date, recipient: str, at: datetime) -> None: ...


class FormActivations(Protocol):
    def every(self) -> list[FormActivation]: ...
    def put(self, activation: FormActivation) -> None: ...


@dataclass(frozen=True)
class ReportFigures:
    """The manager's numbers of a period; counts alone, nothing of a person.

    Attributes:
        weeks: first day of each week, applications filed, accounts registered.
        decided, in_term: decisions of the period, and those made by the due date (S4).
        median_days, p90_days: from filing to registration; None without any.
        first_login: of the accounts whose mail was taken at least 14 days ago: how many, logged in within 3 and 14 days.
        mails: handed over to the mail server, and of these not delivered, by kind.
    """

    weeks: list[tuple[date, int, int]]
    by_channel: dict[str, int]
    by_status: dict[str, int]
    rejected_for: dict[str, int]
    decided: int
    in_term: int
    median_days: float | None
    p90_days: float | None
    first_login: tuple[int, int, int]
    mails: list[tuple[str, int, int]]


class Reports(Protocol):
    def figures(self, since: date, until: date, now: datetime) -> ReportFigures: ...


class Documents(Protocol):
    def add(self, document: Document) -> None: ...
    def of(self, reference: str) -> list[Document]: ...
    def get(self, reference: str, document_id: str) -> Document: ...
    def original(self, document: Document) -> bytes | None: ...


class Audit(Protocol):
    def write(
        self,
        actor: Actor,
        action: str,
        subject: str,
        details: dict[str, Any],
        at: datetime,
        private: dict[str, Any] | None = None,
    ) -> None: ...
    def of(self, subject: str) -> list[AuditEntry]: ...
    def actors(self, subject: str, actions: tuple[str, ...]) -> set[str]: ...
    def page(
        self,
        *,
        subject: str | None,
        actor: str | None,
        action: str | None,
        before: int | None,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[AuditEntry]: ...
    def reveals(self, actor: str, since: datetime) -> list[datetime]:
        """When somebody revealed a PESEL, refusals left out; oldest first."""
        ...

    def chain(self) -> Iterator[ChainedLine]: ...


class Queue(Protocol):
    """Jobs are deferred in the same transaction as everything else."""

    def keep(self, login: str) -> None: ...
    def send_mail(self, message_id: str) -> None: ...
    def confirm_first_login(self, reference: str) -> None: ...
    def request_new_password(self, login: str) -> None: ...


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
    def news(self) -> AccountNews: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def resets(self) -> PasswordResets: ...
    @property
    def email_changes(self) -> EmailChanges: ...
    @property
    def change_requests(self) -> ChangeRequests: ...
    @property
    def terms(self) -> Terms: ...
    @property
    def erasures(self) -> Erasures: ...
    @property
    def incidents(self) -> Incidents: ...
    @property
    def events(self) -> AccountEvents: ...
    @property
    def register(self) -> Register: ...
    @property
    def cases(self) -> Cases: ...
    @property
    def desk(self) -> Desk: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def unasked_mails(self) -> UnaskedMails: ...
    @property
    def retention(self) -> Retention: ...
    @property
    def intake(self) -> Intake: ...
    @property
    def mails_under_way(self) -> MailsUnderWay: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def digests(self) -> Digests: ...
    @property
    def form_activations(self) -> FormActivations: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def idempotency(self) -> Idempotency: ...


@dataclass(frozen=True)
class Created:
    """What became of making a user. `made` is False when an earlier try had made it: its profile and password are not known."""

    user_id: str
    made: bool


class Directory(Protocol):
    """Keycloak, as ibok_idp offers it. Every writing call may be repeated; the keeper of an account alone makes them.

    Raises (every method):
        DirectoryTrouble: with its kind, and whether trying again may help.
    """

    def create(self, reference: str, login: str, profile: Profile, password: str) -> Created:
        """S4: one user for one application, with an activation password that must be changed.

        Raises:
            DirectoryTrouble: LOGIN_BELONGS_TO_ANOTHER: the login is another application's; nothing was overwritten.
        """
        ...

    def find(self, reference: str, login: str) -> str | None:
        """The user that an earlier try made for this application; None when there is none of it."""
        ...

    def change(self, user_id: str, changes: dict[str, Any]) -> None:
        """Bring these parts of the profile in line. Closing the login ends every session and the temporary password."""
        ...

    def set_activation_password(self, user_id: str, password: str) -> bool:
        """Replace the activation password; False when the customer has set an own one already: it is left alone."""
        ...

    def set_temporary_password(self, user_id: str, password: str, expires_at: datetime) -> None: ...
    def void_temporary_password(self, user_id: str) -> None: ...
    def make_mailed_useless(self, user_id: str, *, own_password: bool) -> None:
        """What was mailed opens nothing any more and every session is over; an own password stays, it was in no mail."""
        ...

    def delete(self, user_id: str) -> None:
        """Sessions first; a user that is gone already is fine."""
        ...

    def must_change_password(self, user_id: str) -> bool: ...
    def recent_password_changes(self) -> list[str]: ...
    def see(self, user_id: str) -> SeenInKeycloak | None: ...
    def customers(self, first: int, limit: int) -> list[SeenInKeycloak]: ...
    def login_events(self, since: datetime) -> list[LoginEvent]: ...
    def console_events(self, since: datetime) -> list[ConsoleEvent]: ...


@dataclass(frozen=True)
class SeenInKeycloak:
    """One customer as Keycloak holds them."""

    user_id: str
    login: str
    email: str
    enabled: bool
    application: str | None
    must_change_password: bool
    customer_numbers: tuple[str, ...]


@dataclass(frozen=True)
class LoginEvent:
    """A login, a failed one, or a change of password, as Keycloak logged it.

    Attributes:
        password: which of the passwords was used: own, temporary (S7) or activation (S5).
    """

    event_id: str
    user_id: str
    at: datetime
    kind: str
    error: str | None
    address: str | None
    password: str | None


@dataclass(frozen=True)
class ConsoleEvent:
    """What a person did to a user in Keycloak's console or through its API; never our own service account."""

    event_id: str
    user_id: str
    at: datetime
    operation: str
    what: str
    by: str


class DirectoryTrouble(Exception):
    """Keycloak could not do it. `kind` is a domain Trouble, `retry` whether trying again may help."""

    def __init__(self, kind: Trouble, retry: bool) -> None:
        super().__init__(kind)
        self.kind, self.retry = kind, retry


class Outage(Exception):
    """Something that every step needs is away, the database for instance: there is no use in going on with the next one."""


class Mailer(Protocol):
    def send(self, message: EmailMessage) -> str: ...


class MailDeferred(Exception):
    """The mail server cannot be reached, breaks off or answers 4xx: the same mail is sent again later.

    Attributes:
        our_setup: it turned us away before it heard of an address or a message (greeting, AUTH, MAIL FROM): IT must look.
    """

    def __init__(self, answer: str, *, our_setup: bool = False) -> None:
        super().__init__(answer)
        self.our_setup = our_setup


class MailRefused(Exception):
    """5xx to the recipient: this address does not take mail; a person must find the right one."""


class MailFailed(Exception):
    """5xx to the message itself: sending the same again is no use."""


class Clock(Protocol):
    def now(self) -> datetime: ...
    def today(self) -> date: ...


class Seams(Protocol):
    """Named points at which tests stop the process; nothing in production."""

    def __call__(self, name: str) -> None: ...


class OnlyOne(Protocol):
    """A lock by name; the block learns whether it is held. Waits `patience` seconds for another holder."""

    def __call__(self, name: str, patience: float = 0) -> AbstractContextManager[bool]: ...


@dataclass(frozen=True)
class Links:
    """Addresses that stand in mails and documents: from configuration alone, never from a Host header."""

    webapp: str
    staff: str = ""


@dataclass(frozen=True)
class DigestLine:
    """One application of the morning's warnings (S4); no personal data."""

    reference: str
    status: Status
    due_on: date
    day: int


@dataclass(frozen=True)
class Office:
    """Everything the use cases work with; put together once, in wiring.py."""

    work: Callable[[], AbstractContextManager[Work]]
    only_one: OnlyOne
    directory: Directory
    mailer: Mailer
    compose: Callable[[Office, Mail, Application, Account | None, str | None], EmailMessage]
    clock: Clock
    rules: Rulebook
    forms: dict[str, FormVersion]
    current_form: Callable[[date], FormVersion]
    is_holiday: FreeDay
    links: Links
    mail_domain: str
    keys: KeyRing
    dated_forms: Callable[[], dict[str, FormVersion]] | None = None
    compose_digest: Callable[[Office, date, str, list[DigestLine], int], EmailMessage] | None = None
    digest_to: tuple[str, ...] = ()
    digest_manager_to: tuple[str, ...] = ()
    fingerprint: Callable[[str], str] = field(default=lambda value: value, repr=False)
    seam: Seams = field(default=lambda name: None, repr=False)

    @property
    def versions(self) -> list[FormVersion]:
        """Every version of the form, with the day from which it is offered as a manager has decided."""
        return list((self.dated_forms() if self.dated_forms else self.forms).values())
