"""One transaction, the jobs deferred in it, and the few other things that every use case needs from outside."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from provisioning.ports.account import (
    AccountEvents,
    Accounts,
    ChangeRequests,
    EmailChanges,
    Erasures,
    Incidents,
    PasswordResets,
    Retention,
)
from provisioning.ports.application import Applications, Documents, Idempotency, Register
from provisioning.ports.audit import Audit
from provisioning.ports.desk import Cases, Desk, Reports
from provisioning.ports.intake import Intake, MailsUnderWay
from provisioning.ports.messages import Digests, Mails, UnaskedMails
from provisioning.ports.terms import FormActivations, Terms


class Queue(Protocol):
    """Jobs are deferred in the same transaction as everything else."""

    def keep(self, login: str) -> None: ...
    def send_mail(self, message_id: str) -> None: ...
    def confirm_first_login(self, reference: str) -> None: ...
    def request_new_password(self, login: str) -> None: ...


class Work(Protocol):
    """One transaction: everything in it happens, or nothing."""

    @property
    def applications(self) -> Applications: ...
    @property
    def accounts(self) -> Accounts: ...
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


class Outage(Exception):
    """Something that every step needs is away, the database for instance: there is no use in going on with the next one."""


class Clock(Protocol):
    def now(self) -> datetime: ...
    def today(self) -> date: ...


class Seams(Protocol):
    """Named points at which tests stop the process; nothing in production."""

    def __call__(self, name: str) -> None: ...


class OnlyOne(Protocol):
    """A lock by name; the block learns whether it is held. Waits `patience` seconds for another holder."""

    def __call__(self, name: str, patience: float = 0) -> AbstractContextManager[bool]: ...
