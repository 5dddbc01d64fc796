"""Mail out: one SMTP connection a mail, and a clear word on what became of it."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused


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

        Only an answer to RCPT speaks of the address and only one to DATA of the message; whatever comes before speaks of
        the server or of our own set-up, and passes (RFC 5321 section 4.2.1, RFC 3463 for the enhanced codes).

        Raises:
            MailDeferred: no connection, cut off, a 4xx answer, or turned away before the address was named.
            MailRefused: the address is not taken.
            MailFailed: the message is not taken.
        """
        try:
            server = self._connect()
        except smtplib.SMTPResponseException as error:  # greeting, EHLO, STARTTLS, AUTH
            raise MailDeferred(f"{error.smtp_code} {_text(error.smtp_error)}", our_setup=error.smtp_code >= 500) from error
        except ssl.SSLError as error:
            raise MailDeferred(f"{type(error).__name__}: TLS with the mail server failed", our_setup=True) from error
        except smtplib.SMTPNotSupportedError as error:
            raise MailDeferred("the mail server offers no such login or TLS", our_setup=True) from error
        except (OSError, smtplib.SMTPException) as error:
            raise _broken_off(error) from error
        try:
            code, answer = self._deliver(server, message)
        except (OSError, smtplib.SMTPException) as error:
            raise _broken_off(error) from error
        finally:
            server.close()  # no QUIT: once DATA is answered, nothing may turn the outcome into an unknown one
        return f"{code} {_text(answer)}"

    def check(self) -> str:
        """Connect and greet, for `doctor`; returns the server's greeting.

        Raises:
            OSError, smtplib.SMTPException.
        """
        with self._connect() as server:
            return _text(server.noop()[1])

    def _deliver(self, server: smtplib.SMTP, message: EmailMessage) -> tuple[int, bytes]:
        code, answer = server.mail(self._envelope_sender)
        if code != 250:
            raise MailDeferred(f"{code} {_text(answer)}", our_setup=code >= 500)
        code, answer = server.rcpt(str(message["To"]))
        if code not in (250, 251):
            raise _of_the_recipient(code, _text(answer))
        try:
            code, answer = server.data(message.as_bytes())
        except smtplib.SMTPDataError as error:  # the answer to DATA itself, before the text
            code, answer = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
        if code != 250:
            words = f"{code} {_text(answer)}"
            raise MailFailed(words) if code >= 500 else MailDeferred(words)
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


def _of_the_recipient(code: int, answer: str) -> Exception:
    """5xx to RCPT means the address, except where it says that the server will have nothing from us (530, 5.7.x)."""
    words = f"{code} {answer}"
    if code < 500:
        return MailDeferred(words)
    if code in (530, 534, 535, 538) or answer.startswith("5.7."):
        return MailDeferred(words, our_setup=True)
    return MailRefused(words)


def _broken_off(error: Exception) -> MailDeferred:
    return MailDeferred(f"{type(error).__name__}: the mail server cannot be reached or broke off")


def _text(answer: bytes | str) -> str:
    return (answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)[:300]
