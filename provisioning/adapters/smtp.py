"""Mail out: one SMTP connection a mail, and a clear word on what became of it."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from provisioning.ports import MailDeferred, MailRefused


class SmtpMailer:
    """Hands mails to one mail server.

    Args:
        url: `smtp://host:port` (local only), `smtp+starttls://user:password@host:port` or `smtps://…`.
        timeout: seconds for connect and for each answer.
    """

    def __init__(self, url: str, envelope_sender: str, timeout: float = 20) -> None:
        self._url, self._envelope_sender, self._timeout = urlsplit(url), envelope_sender, timeout

    def send(self, message: EmailMessage) -> str:
        """Send one mail; return the server's answer to DATA.

        Raises:
            MailDeferred: no connection, cut off, or a 4xx answer: the same mail may be sent again.
            MailRefused: a 5xx answer: the address or the mail will not be taken.
        """
        try:
            server = self._connect()
            try:
                code, answer = self._deliver(server, message)
            finally:
                server.close()  # no QUIT: once DATA is answered, nothing may turn the outcome into an unknown one
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, _text(error.smtp_error)) from error
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise _refused(code, _text(words)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailDeferred(f"{type(error).__name__}: the mail server cannot be reached or broke off") from error
        return f"{code} {_text(answer)}"

    def check(self) -> str:
        """Connect and greet, for `doctor`; returns the server's greeting.

        Raises:
            OSError, smtplib.SMTPException.
        """
        with self._connect() as server:
            return _text(server.noop()[1])

    def _deliver(self, server: smtplib.SMTP, message: EmailMessage) -> tuple[int, bytes]:
        recipient = str(message["To"])
        code, answer = server.mail(self._envelope_sender)
        if code != 250:
            raise smtplib.SMTPResponseException(code, answer)
        code, answer = server.rcpt(recipient)
        if code not in (250, 251):
            raise smtplib.SMTPResponseException(code, answer)
        code, answer = server.data(message.as_bytes())
        if code != 250:
            raise smtplib.SMTPResponseException(code, answer)
        return code, answer

    def _connect(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "localhost", self._url.port
        server: smtplib.SMTP
        if self._url.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port or 465, timeout=self._timeout, context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(host, port or 25, timeout=self._timeout)
            if self._url.scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
        server.ehlo_or_helo_if_needed()
        if self._url.username:
            server.login(unquote(self._url.username), unquote(self._url.password or ""))
        return server


def _refused(code: int, answer: str) -> Exception:
    return MailRefused(f"{code} {answer}") if code >= 500 else MailDeferred(f"{code} {answer}")


def _text(answer: bytes | str) -> str:
    return (answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)[:300]
