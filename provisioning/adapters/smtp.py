"""Mail out: connections that take several mails, and a clear word on what became of each."""

from __future__ import annotations

import smtplib
import ssl
import threading
import time
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused

_MAILS_A_CONNECTION = 50  # many servers end a conversation after a hundred
_IDLE_SECONDS = 10


@dataclass
class _Open:
    """A connection between two mails."""

    server: smtplib.SMTP
    mails: int = 0
    since: float = 0

    def answers(self) -> bool:
        """Whether the next mail may go this way; the server may have ended it meanwhile."""
        try:
            return time.monotonic() - self.since < _IDLE_SECONDS and self.server.rset()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False


class SmtpMailer:
    """Hands mails to one mail server. May be shared by threads.

    A connection takes up to 50 mails, and none after ten idle seconds. Before it is used again the server has to answer RSET
    (RFC 5321 section 4.1.1.5); one that does not is given up for a new one, which no mail notices.

    Args:
        url: `smtp://host:port` (local only), `smtp+starttls://user:password@host:port` or `smtps://…`.
        timeout: seconds for connect and for each answer.
    """

    def __init__(self, url: str, envelope_sender: str, timeout: float = 20) -> None:
        self._url, self._envelope_sender, self._timeout = urlsplit(url), envelope_sender, timeout
        self._idle: list[_Open] = []
        self._lock = threading.Lock()

    def send(self, message: EmailMessage) -> str:
        """Send one mail; return the server's answer to DATA.

        Only an answer to RCPT speaks of the address and only one to DATA of the message; whatever comes before speaks of
        the server or of our own set-up, and passes (RFC 5321 section 4.2.1, RFC 3463 for the enhanced codes).

        Raises:
            MailDeferred: no connection, cut off, a 4xx answer, or turned away before the address was named.
            MailRefused: the address is not taken.
            MailFailed: the message is not taken.
        """
        connection = self._reused() or self._opened()
        try:
            code, answer = self._deliver(connection.server, message)
        except (OSError, smtplib.SMTPException) as error:
            connection.server.close()
            raise _broken_off(error) from error
        except (MailDeferred, MailRefused, MailFailed):
            self._keep(connection)
            raise
        self._keep(connection)
        return f"{code} {_text(answer)}"

    def _opened(self) -> _Open:
        try:
            return _Open(self._connect())
        except smtplib.SMTPResponseException as error:  # greeting, EHLO, STARTTLS, AUTH
            words = f"{error.smtp_code} {_text(error.smtp_error)}"
            raise MailDeferred(words, our_setup=error.smtp_code >= 500, unreached=True) from error
        except ssl.SSLError as error:
            words = f"{type(error).__name__}: TLS with the mail server failed"
            raise MailDeferred(words, our_setup=True, unreached=True) from error
        except smtplib.SMTPNotSupportedError as error:
            raise MailDeferred("the mail server offers no such login or TLS", our_setup=True, unreached=True) from error
        except (OSError, smtplib.SMTPException) as error:
            raise _broken_off(error, unreached=True) from error

    def _reused(self) -> _Open | None:
        """A connection that is open and answers."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()  # the one used last
            if connection.answers():
                return connection
            connection.server.close()

    def _keep(self, connection: _Open) -> None:
        connection.mails += 1
        connection.since = time.monotonic()
        if connection.mails >= _MAILS_A_CONNECTION or connection.server.sock is None:
            connection.server.close()  # no QUIT: once DATA is answered, nothing may turn the outcome into an unknown one
            return
        with self._lock:
            self._idle.append(connection)

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


def _broken_off(error: Exception, *, unreached: bool = False) -> MailDeferred:
    return MailDeferred(f"{type(error).__name__}: the mail server cannot be reached or broke off", unreached=unreached)


def _text(answer: bytes | str) -> str:
    return (answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer)[:300]
