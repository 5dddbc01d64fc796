"""K04: what a mail server says at each stage, told apart: of us, of the address, of the message (RFC 5321, RFC 3463)."""

import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from provisioning.adapters import smtp
from provisioning.adapters.smtp import SmtpMailer
from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused


class StagedServer(socketserver.ThreadingTCPServer):
    """Answers right until the named stage, where it says what it was told; None breaks the connection off there.

    Attributes:
        verbs: what was said to it in each conversation.
    """

    allow_reuse_address = daemon_threads = True
    stage, answer = "", None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.verbs: list[list[str]] = []

    def said(self, stage: str, usual: str) -> str | None:
        return self.answer if stage == self.stage else usual


class _Conversation(socketserver.StreamRequestHandler):
    server: StagedServer

    def handle(self) -> None:
        heard: list[str] = []
        self.server.verbs.append(heard)
        if not self._say("greeting", "220 test"):
            return
        for raw in self.rfile:
            verb = raw.decode().split()[0].upper() if raw.strip() else ""
            heard.append(verb)
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
    return mailer(server).send(letter())


def mailer(server: StagedServer) -> SmtpMailer:
    return SmtpMailer(f"smtp://user:password@127.0.0.1:{server.server_address[1]}", "ibok@wpwik.com", timeout=5)


def letter() -> EmailMessage:
    message = EmailMessage()
    message["To"], message["From"] = "klient@example.com", "ibok@wpwik.com"
    message.set_content("Dzień dobry")
    return message


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


# -- a connection that takes several mails ------------------------------------------------------------------------------

LOGIN, MAIL = ["EHLO", "AUTH"], ["MAIL", "RCPT", "DATA"]


def test_mails_one_after_the_other_go_over_one_connection_which_is_asked_before_each(server: StagedServer) -> None:
    server.stage, server.verbs, one = "", [], mailer(server)
    for _ in range(3):
        assert one.send(letter()).startswith("250")
    assert server.verbs == [[*LOGIN, *MAIL, "RSET", *MAIL, "RSET", *MAIL]]


def test_mails_at_the_same_moment_have_a_connection_each(server: StagedServer) -> None:
    server.stage, server.verbs, one = "", [], mailer(server)
    first = one._opened()
    one.send(letter())
    one._keep(first)
    one.send(letter())
    assert sorted(server.verbs) == sorted([[*LOGIN, "RSET", *MAIL], [*LOGIN, *MAIL]])


@pytest.mark.parametrize("answer", ["421 4.3.2 going down", "502 5.5.1 what", None])
def test_k03_a_connection_that_does_not_answer_any_more_is_given_up_before_a_mail_is_risked(
    server: StagedServer, answer: str | None
) -> None:
    server.stage, server.verbs, one = "", [], mailer(server)
    one.send(letter())
    server.stage, server.answer = "rset", answer
    assert one.send(letter()).startswith("250")
    assert server.verbs == [[*LOGIN, *MAIL, "RSET"], [*LOGIN, *MAIL]]


@pytest.mark.parametrize(("stage", "error"), [("rcpt", MailRefused), ("text", MailFailed)])
def test_an_address_or_a_message_that_is_not_taken_leaves_the_connection_for_the_next_mail(
    server: StagedServer, stage: str, error: type[Exception]
) -> None:
    server.verbs, one = [], mailer(server)
    server.stage, server.answer = stage, "550 5.1.1 no"
    with pytest.raises(error):
        one.send(letter())
    server.stage = ""
    assert one.send(letter()).startswith("250")
    assert len(server.verbs) == 1


def test_k03_a_connection_that_broke_off_in_a_mail_is_never_used_again(server: StagedServer) -> None:
    server.verbs, one = [], mailer(server)
    server.stage, server.answer = "text", None
    with pytest.raises(MailDeferred) as cut:
        one.send(letter())
    assert not cut.value.unreached  # the mail may have been taken
    server.stage = ""
    assert one.send(letter()).startswith("250")
    assert server.verbs == [[*LOGIN, *MAIL], [*LOGIN, *MAIL]]


@pytest.mark.parametrize(("name", "value"), [("_MAILS_A_CONNECTION", 1), ("_IDLE_SECONDS", 0)])
def test_no_connection_is_kept_for_too_many_mails_or_too_long(
    server: StagedServer, monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    monkeypatch.setattr(smtp, name, value)
    server.stage, server.verbs, one = "", [], mailer(server)
    for _ in range(2):
        one.send(letter())
    assert server.verbs == [[*LOGIN, *MAIL]] * 2


def test_a_server_that_cannot_be_reached_is_told_apart_from_one_that_breaks_off(server: StagedServer) -> None:
    server.stage, server.answer = "greeting", "554 5.7.1 no service for you"
    with pytest.raises(MailDeferred) as turned_away:
        mailer(server).send(letter())
    assert turned_away.value.unreached and turned_away.value.our_setup
