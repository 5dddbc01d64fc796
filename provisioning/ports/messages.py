"""The outbox, the budget of unasked mails, and the mail server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from email.message import EmailMessage
from typing import Protocol

from provisioning.domain.errors import DomainError, Unavailable
from provisioning.domain.mail import Mail
from provisioning.domain.mail_budget import Unasked


class Mails(Protocol):
    def add(self, mail: Mail) -> None: ...
    def get(self, message_id: str, *, for_change: bool = False) -> Mail | None: ...
    def many(self, message_ids: Sequence[str]) -> dict[str, Mail]: ...
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


class Digests(Protocol):
    def sent_on(self, day: date) -> set[str]: ...
    def last_day_before(self, day: date, recipient: str) -> date | None: ...
    def sent(self, day: date, recipient: str, at: datetime) -> None: ...


class Mailer(Protocol):
    def send(self, message: EmailMessage) -> str: ...


class MailDeferred(Unavailable):
    """The mail server cannot be reached, breaks off or answers 4xx: the same mail is sent again later.

    Attributes:
        our_setup: it turned us away before it heard of an address or a message (greeting, AUTH, MAIL FROM): IT must look.
        unreached: no conversation came about, so it would be the same with any other mail.
    """

    code = "mail_deferred"

    def __init__(self, answer: str, *, our_setup: bool = False, unreached: bool = False) -> None:
        super().__init__(answer)
        self.our_setup, self.unreached = our_setup, unreached


class MailRefused(DomainError):
    """5xx to the recipient: this address does not take mail; a person must find the right one."""

    code, status = "mail_refused", 409


class MailFailed(DomainError):
    """5xx to the message itself: sending the same again is no use."""

    code, status = "mail_failed", 409
