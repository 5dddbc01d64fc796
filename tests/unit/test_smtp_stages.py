"""K04: what a mail server says at each stage, told apart: of us, of the address, of the message (RFC 5321, RFC 3463)."""

import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from provisioning.adapters.smtp import SmtpMailer
from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused


class StagedServer(socketserver.ThreadingTCPServer):
    """Answers right until the named stage, where it says what it was told; None breaks the connection off there."""

    allow_reuse_address = daemon_threads = True
    stage, answer = "", None

    def said(self, stage: str, usual: str) -> str | None:
        return self.answer if stage == self.stage else usual


class _Conversation(socketserver.StreamRequestHandler):
    server: StagedServer

    def handle(self) -> None:
        if not self._say("greeting", "220 test"):
            return
        for raw in self.rfile:
            verb = raw.decode().split()[0].upper() if raw.strip() else ""
            if verb == "DATA":
                if not self._say("data", "354 go on"):
                    return
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                if not self._say("text", "250 taken"):
                    return
            elif not self._say(verb.lower(), {"EHLO": "250-test\r\n250 AUTH PLAIN", "AUTH": "235 in"}.get(verb, "250 ok")):
                return

    def _say(self, stage: str, usual: str) -> bool:
        words = self.server.said(stage, usual)
        if words is None:
            return False
        self.wfile.write(f"{words}\r\n".encode())
        return True


@pytest.fixture(scope="module")
def server() -> Iterator[StagedServer]:
    with StagedServer(("127.0.0.1", 0), _Conversation) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def send(server: StagedServer, stage: str, answer: str | None) -> str:
    server.stage, server.answer = stage, answer
    message = EmailMessage()
    message["To"], message["From"] = "klient@example.com", "ibok@wpwik.com"
    message.set_content("Dzień dobry")
    url = f"smtp://user:password@127.0.0.1:{server.server_address[1]}"
    return SmtpMailer(url, "ibok@wpwik.com", timeout=5).send(message)


def test_a_mail_that_is_taken(server: StagedServer) -> None:
    assert send(server, "", "").startswith("250")


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("greeting", "554 5.7.1 no service for you"),
        ("auth", "535 5.7.8 bad credentials"),
        ("auth", "534 5.7.9 mechanism too weak"),
        ("mail", "550 5.7.1 sender not allowed"),
        ("mail", "530 5.7.0 authentication required"),
        ("rcpt", "530 5.7.0 authentication required"),
        ("rcpt", "554 5.7.1 relay access denied"),
    ],
)
def test_k04_what_is_said_of_us_is_later_and_an_alarm_never_the_address(server: StagedServer, stage: str, answer: str) -> None:
    with pytest.raises(MailDeferred) as deferred:
        send(server, stage, answer)
    assert deferred.value.our_setup
    assert answer.split()[0] in str(deferred.value)


@pytest.mark.parametrize("stage", ["greeting", "auth", "mail", "rcpt", "data", "text"])
def test_k04_4xx_at_any_stage_is_later_and_nobodys_fault(server: StagedServer, stage: str) -> None:
    with pytest.raises(MailDeferred) as deferred:
        send(server, stage, "451 4.3.0 try later")
    assert not deferred.value.our_setup


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "auth", "mail", "rcpt", "data", "text"])
def test_k03_cut_off_at_any_stage_is_later(server: StagedServer, stage: str) -> None:
    with pytest.raises(MailDeferred):
        send(server, stage, None)


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "550 no mailbox", "552 5.2.2 mailbox full", "553 5.1.3 bad address"])
def test_only_5xx_to_rcpt_speaks_of_the_address(server: StagedServer, answer: str) -> None:
    with pytest.raises(MailRefused, match=answer.split()[0]):
        send(server, "rcpt", answer)


@pytest.mark.parametrize("stage", ["data", "text"])
def test_5xx_to_data_speaks_of_the_message(server: StagedServer, stage: str) -> None:
    with pytest.raises(MailFailed, match="554"):
        send(server, stage, "554 5.6.0 not this message")


def test_no_server_is_later() -> None:
    message = EmailMessage()
    message["To"] = "klient@example.com"
    with pytest.raises(MailDeferred) as deferred:
        SmtpMailer("smtp://127.0.0.1:1", "ibok@wpwik.com", timeout=2).send(message)
    assert not deferred.value.our_setup
