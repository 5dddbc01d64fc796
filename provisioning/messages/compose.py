"""Composes every mail from the folder of its kind: text and HTML, fixed Message-ID, no tracking, nothing that must be loaded."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from functools import lru_cache
from importlib import import_module
from typing import Any, cast

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context as Rendering

from ibok_idp.look.company import Utility
from ibok_idp.texts import SOURCE, WARSAW, day_in, known_language, moment_in, texts_in
from provisioning.domain.account import Account
from provisioning.domain.application import Application
from provisioning.domain.desk import DigestLine
from provisioning.domain.mail import Mail, MailKind
from provisioning.messages.context import MailContext, Occasion
from provisioning.messages.digest import DIGEST
from provisioning.messages.digest import Context as Digest
from provisioning.ports.services import Services

_POLICY = SMTP.clone(max_line_length=76, cte_type="7bit")


def context_of(kind: MailKind) -> type[MailContext]:
    """The context in the folder of a kind."""
    return cast(type[MailContext], import_module(f"provisioning.messages.{kind}").Context)


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
        """Write one mail; `secret` is what it brings and what rests nowhere.

        Raises:
            CannotBeWritten: the mail was queued without what it speaks of.
        """
        occasion = Occasion(services, mail, application, account, secret)
        context = context_of(mail.kind).of(occasion)
        language = SOURCE if context.for_the_utility else known_language(occasion.language)
        message = self._headed(mail.recipient, mail.created_at, mail.message_id)
        return self._written(message, mail.kind, context, language, services.links.webapp)

    def digest(self, services: Services, today: date, recipient: str, lines: list[DigestLine], overdue: int) -> EmailMessage:
        """S4: the morning's warnings for the staff; the same mail again when it is sent again."""
        number = hashlib.sha256(f"{today}:{recipient}".encode()).hexdigest()[:24]
        at = datetime.combine(today, time(services.rules.digest_hour), WARSAW)
        message = self._headed(recipient, at, f"<{DIGEST}.{number}@{services.mail_domain}>")
        context = Digest.morning(today, lines, overdue, f"{services.links.staff}/?term=7")
        return self._written(message, DIGEST, context, SOURCE, services.links.webapp)

    def _headed(self, recipient: str, at: datetime, message_id: str) -> EmailMessage:
        message = EmailMessage(policy=_POLICY)
        message["From"] = _header("From", formataddr((f"iBOK {self._utility.company.short_name}", self._sender)))
        message["Reply-To"] = _header("Reply-To", self._reply_to)
        message["To"] = recipient
        message["Date"] = format_datetime(at)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = _header("Auto-Submitted", "auto-generated")  # RFC 3834: no automatic answers, please
        message["X-Auto-Response-Suppress"] = _header("X-Auto-Response-Suppress", "All")
        return message

    def _written(self, message: EmailMessage, folder: str, context: MailContext, language: str, webapp: str) -> EmailMessage:
        values = {
            **vars(context),
            "language": language,
            "utility": self._utility,
            "phones": self._utility.phones(language),
            "office_hours": self._utility.office_hours(language),
            "webapp": webapp,
        }
        subject = _TEMPLATES.get_template(f"{folder}/subject.txt").render(values).strip()
        message["Subject"] = _header("Subject", subject)
        message.set_content(_TEMPLATES.get_template(f"{folder}/body.txt").render(values))
        html = _TEMPLATES.get_template(f"{folder}/body.html").render(values, subject=subject)
        message.add_alternative(css_inline.inline(html, load_remote_stylesheets=False), subtype="html")
        for attachment in context.attachments(self._utility, language):
            message.add_attachment(attachment.content, maintype="application", subtype="pdf", filename=attachment.filename)
        message["Content-Language"] = language  # after the content: setting that clears Content-* headers
        return message


# A template says in `language` what it is given: the texts, dates and moments.


@pass_context
def _gettext(rendering: Rendering, text: str) -> str:
    return texts_in(rendering["language"]).gettext(text)


@pass_context
def _ngettext(rendering: Rendering, one: str, many: str, number: int) -> str:
    return texts_in(rendering["language"]).ngettext(one, many, number)


@pass_context
def _pgettext(rendering: Rendering, where: str, text: str) -> str:
    return str(texts_in(rendering["language"]).pgettext(where, text))


@pass_context
def _day(rendering: Rendering, value: date | datetime | None) -> str:
    return day_in(value, rendering["language"])


@pass_context
def _moment(rendering: Rendering, value: datetime | None) -> str:
    return moment_in(value, rendering["language"])


@pass_context
def _in_language(rendering: Rendering, link: str) -> str:
    """The address of a page that opens in the mail's language; Polish is what a page speaks unasked."""
    language = rendering["language"]
    return link if language == SOURCE else f"{link}?lang={language}"


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("provisioning", "messages"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True, pgettext=_pgettext)  # type: ignore[attr-defined]
    environment.filters.update(day=_day, moment=_moment, in_language=_in_language)
    return environment


_TEMPLATES = _templates()
