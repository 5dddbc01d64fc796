"""A mail server in memory: answers as told, remembers what it took, lets something happen while it takes a mail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage

from provisioning.domain.account import Account
from provisioning.domain.application import Application
from provisioning.domain.mail import Mail
from provisioning.ports.services import Services
from provisioning.ports.work import Clock


@dataclass(frozen=True)
class Taken:
    """One mail that was handed over."""

    recipient: str
    kind: str
    message_id: str
    login: str
    secret: str | None
    at: datetime


@dataclass
class MemoryMailServer:
    """Attributes:
    answer: what every mail is answered with, an error of the port or None for yes.
    meanwhile: runs before (`mail.before`) and after (`mail.after`) the server has taken a mail.
    lose_answers: so many mails are taken, and the connection breaks before the answer.
    at_hand_over: called with each mail at the very moment it is handed over.
    """

    clock: Clock
    answer: Callable[[str], Exception | None] = lambda recipient: None
    meanwhile: Callable[[str], None] = lambda point: None
    at_hand_over: Callable[[Taken], None] = lambda taken: None
    lose_answers: int = 0
    taken: list[Taken] = field(default_factory=list)

    def send(self, message: EmailMessage) -> str:
        from provisioning.ports.messages import MailDeferred

        mail = Taken(
            str(message["To"]),
            str(message["X-Kind"]),
            str(message["Message-ID"]),
            str(message["X-Login"]),
            _secret(message),
            self.clock.now(),
        )
        self.at_hand_over(mail)
        self.meanwhile("mail.before")
        if error := self.answer(mail.recipient):
            raise error
        self.taken.append(mail)
        self.meanwhile("mail.after")
        if self.lose_answers:
            self.lose_answers -= 1
            raise MailDeferred("SMTPServerDisconnected: the mail server broke off")
        return "250 taken"

    def passwords(self, login: str) -> list[Taken]:
        return [mail for mail in self.taken if mail.login == login and mail.kind in ("activated", "new_password")]


def plain_letter(
    services: Services, mail: Mail, application: Application, account: Account | None, secret: str | None
) -> EmailMessage:
    """What a mail says in this ring: only what a test asks for."""
    message = EmailMessage()
    message["To"], message["Message-ID"] = mail.recipient, mail.message_id
    message["X-Kind"], message["X-Login"], message["X-Secret"] = mail.kind.value, account.login if account else "", secret or ""
    return message


def _secret(message: EmailMessage) -> str | None:
    return str(message["X-Secret"]) or None
