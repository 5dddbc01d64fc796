"""Lays a letter out as an e-mail: text and HTML, fixed Message-ID, no tracking, nothing that must be loaded."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from ibok_idp.look.company import Utility
from provisioning.adapters.pdf import resignation_confirmation
from provisioning.domain.account import Account
from provisioning.domain.application import Application
from provisioning.domain.desk import DigestLine
from provisioning.domain.mail import Mail, MailKind
from provisioning.messages.contents import letter
from provisioning.messages.digest import digest_letter
from provisioning.messages.letter import Enclosure, Letter
from provisioning.ports.services import Services
from provisioning.use_cases.tokens import confirmation_token, status_token

_TEMPLATES = Environment(
    loader=PackageLoader("provisioning", "messages"), undefined=StrictUndefined, autoescape=select_autoescape(["html"])
)
_WARSAW = ZoneInfo("Europe/Warsaw")
_POLICY = SMTP.clone(max_line_length=76, cte_type="7bit")


@lru_cache(maxsize=256)
def _header(name: str, value: str) -> Any:
    """A header that many mails have in common, parsed once; that is a fifth of what composing and writing out a mail costs."""
    return _POLICY.header_factory(name, value)


class Composer:
    """Writes mails in the name of one utility.

    Args:
        sender, reply_to: addresses from configuration.
    """

    def __init__(self, utility: Utility, sender: str, reply_to: str) -> None:
        self._utility, self._sender, self._reply_to = utility, sender, reply_to

    def __call__(
        self, services: Services, mail: Mail, application: Application, account: Account | None, secret: str | None
    ) -> EmailMessage:
        """Write one mail; `secret` is what it brings and what rests nowhere."""
        enclosure = Enclosure(
            application=application,
            account=account,
            utility=self._utility,
            webapp=services.links.webapp,
            confirmation_token=confirmation_token(services, application),
            status_token=status_token(services, application),
            confirmation_hours=int(services.rules.email_confirmation_life / timedelta(hours=1)),
            term_days=services.rules.term_days,
            secret=secret,
            about=mail.about,
            undo_days=services.rules.email_undo_life // timedelta(days=1),
            withdrawable=services.rules.closing.withdrawable,
        )
        language = "en" if enclosure.english and mail.kind is not MailKind.RESIGNATION_NOTE else "pl"
        message = self._laid_out(letter(mail.kind, enclosure), language, mail.recipient, mail.created_at, mail.message_id)
        if mail.kind is MailKind.RESIGNATION:
            self._attach_confirmation(message, enclosure, language)
        message["Content-Language"] = language  # after the content: setting that clears Content-* headers
        return message

    def digest(self, services: Services, today: date, recipient: str, lines: list[DigestLine], overdue: int) -> EmailMessage:
        """S4: the morning's warnings for the staff; the same mail again when it is sent again."""
        number = hashlib.sha256(f"{today}:{recipient}".encode()).hexdigest()[:24]
        message = self._laid_out(
            digest_letter(services, today, lines, overdue),
            "pl",
            recipient,
            datetime.combine(today, time(services.rules.digest_hour), _WARSAW),
            f"<digest.{number}@{services.mail_domain}>",
        )
        message["Content-Language"] = "pl"
        return message

    def _laid_out(self, text: Letter, language: str, recipient: str, at: datetime, message_id: str) -> EmailMessage:
        values = {
            "letter": text,
            "utility": self._utility,
            "language": language,
            "help_line": "Help line:" if language == "en" else "Infolinia BOK:",
        }
        message = EmailMessage(policy=_POLICY)
        message["From"] = _header("From", formataddr((f"iBOK {self._utility.company.short_name}", self._sender)))
        message["Reply-To"] = _header("Reply-To", self._reply_to)
        message["To"] = recipient
        message["Subject"] = _header("Subject", text.subject)
        message["Date"] = format_datetime(at)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = _header("Auto-Submitted", "auto-generated")  # RFC 3834: no automatic answers, please
        message["X-Auto-Response-Suppress"] = _header("X-Auto-Response-Suppress", "All")
        message.set_content(_TEMPLATES.get_template("layout.txt").render(values))
        message.add_alternative(
            css_inline.inline(_TEMPLATES.get_template("layout.html").render(values), load_remote_stylesheets=False), subtype="html"
        )
        return message

    def _attach_confirmation(self, message: EmailMessage, enclosure: Enclosure, language: str) -> None:
        """S8: the confirmation of a resignation as a PDF."""
        account, application = enclosure.account, enclosure.application
        assert account is not None  # a resignation is of an account
        closes_on, at = date.fromisoformat(enclosure.about["closes_on"]), datetime.fromisoformat(enclosure.about["resigned_at"])
        pdf = resignation_confirmation(account, application, closes_on, at, self._utility, language)
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"rezygnacja-{account.login}.pdf")
