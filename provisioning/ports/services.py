"""Everything the use cases work with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage
from threading import BoundedSemaphore

from ibok_idp.temporary_password import KeyRing
from provisioning.domain.account import Account
from provisioning.domain.application import Application
from provisioning.domain.clauses import FormVersion
from provisioning.domain.deadline import FreeDay
from provisioning.domain.desk import DigestLine
from provisioning.domain.mail import Mail
from provisioning.domain.rulebook import Rulebook
from provisioning.ports.directory import Directory
from provisioning.ports.messages import Mailer
from provisioning.ports.work import Clock, OnlyOne, Seams, TheseFree, Work


@dataclass(frozen=True)
class Links:
    """Addresses that stand in mails and documents: from configuration alone, never from a Host header."""

    webapp: str
    staff: str = ""


@dataclass(frozen=True)
class Services:
    """Everything the use cases work with; put together once, in wiring.py."""

    work: Callable[[], AbstractContextManager[Work]]
    only_one: OnlyOne
    these_free: TheseFree
    directory: Directory
    mailer: Mailer
    compose: Callable[[Services, Mail, Application, Account | None, str | None], EmailMessage]
    clock: Clock
    rules: Rulebook
    forms: dict[str, FormVersion]
    current_form: Callable[[date], FormVersion]
    is_holiday: FreeDay
    links: Links
    mail_domain: str
    keys: KeyRing
    link_keys: tuple[bytes, ...] = field(repr=False)
    dated_forms: Callable[[], dict[str, FormVersion]] | None = None
    compose_digest: Callable[[Services, date, str, list[DigestLine], int], EmailMessage] | None = None
    digest_to: tuple[str, ...] = ()
    digest_manager_to: tuple[str, ...] = ()
    fingerprint: Callable[[str], str] = field(default=lambda value: value, repr=False)
    seam: Seams = field(default=lambda name: None, repr=False)
    makers: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(2), repr=False)

    @property
    def versions(self) -> list[FormVersion]:
        """Every version of the form, with the day from which it is offered as a manager has decided."""
        return list((self.dated_forms() if self.dated_forms else self.forms).values())
