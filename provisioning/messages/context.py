"""What a mail is written from, and what every mail's own context has in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple, Self

from ibok_idp.look.company import Utility
from provisioning.domain.account import Account
from provisioning.domain.application import Application
from provisioning.domain.mail import Mail
from provisioning.ports.services import Services
from provisioning.use_cases.tokens import confirmation_token, status_token


class CannotBeWritten(Exception):
    """A mail was queued without what it speaks of: its account, or the secret it brings."""


class Attachment(NamedTuple):
    """A PDF that goes along."""

    filename: str
    content: bytes


@dataclass(frozen=True)
class Occasion:
    """All there is to write one mail from.

    Attributes:
        owned: the application's account; None as long as it has none.
        secret: the temporary password or the token of a link that the mail brings; rests nowhere.
    """

    services: Services
    mail: Mail
    application: Application
    owned: Account | None
    secret: str | None = field(repr=False)

    @property
    def account(self) -> Account:
        """The account that the mail speaks of.

        Raises:
            CannotBeWritten: there is none.
        """
        if self.owned is None:
            raise CannotBeWritten(f"{self.mail.kind} of {self.application.reference}: there is no account")
        return self.owned

    @property
    def token(self) -> str:
        """The password or the token that the mail brings.

        Raises:
            CannotBeWritten: none was given.
        """
        if self.secret is None:
            raise CannotBeWritten(f"{self.mail.kind} of {self.application.reference}: nothing secret was given")
        return self.secret

    @property
    def about(self) -> dict[str, Any]:
        """What the occasion adds, as it was queued."""
        return self.mail.about

    @property
    def language(self) -> str:
        """The reader's."""
        return (self.owned or self.application).language

    @property
    def webapp(self) -> str:
        return self.services.links.webapp

    @property
    def confirmation_token(self) -> str | None:
        return confirmation_token(self.services, self.application)

    @property
    def status_url(self) -> str:
        token = status_token(self.services, self.application)
        return f"{self.webapp}/wniosek/status/{self.application.reference}/{token}"

    @property
    def confirmation_hours(self) -> int:
        return int(self.services.rules.email_confirmation_life / timedelta(hours=1))


@dataclass(frozen=True)
class MailContext:
    """What the templates of one mail may speak of, besides what `compose.py` gives to all; the folder of each kind has its own.

    Attributes:
        for_the_utility: it goes to the utility itself, which reads Polish, whatever the customer's language is.
    """

    for_the_utility: ClassVar[bool] = False

    @classmethod
    def of(cls, occasion: Occasion) -> Self:
        """Pick what the mail speaks of.

        Raises:
            CannotBeWritten: the occasion lacks it. KeyError, ValueError: the mail was queued without it.
        """
        raise NotImplementedError

    def attachments(self, utility: Utility, language: str) -> Iterable[Attachment]:
        """What goes along; most mails bring nothing."""
        return ()
