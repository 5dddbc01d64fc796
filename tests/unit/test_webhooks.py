"""Webhooks as they travel: signed as Standard Webhooks says, and unimpressed by what a receiver does."""

import base64
import http.server
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks import WebhookVerificationError

from ibok_idp.applications.file import Application, Webhook, Words
from ibok_idp.applications.secrets import Secrets
from ibok_idp.errors import SettingsError
from provisioning.adapters import webhooks
from provisioning.adapters.webhooks import HttpReceivers
from provisioning.domain.news import Answer

NEW, OLD = (f"whsec_{base64.b64encode(bytes([byte]) * 32).decode()}" for byte in (1, 2))
PAYLOAD = {"type": "account.suspended", "data": {"login": "wp1", "name": "Źdźbło"}}
WORDS = Words(pl="Faktury", en="Invoices")


class Receiver(http.server.ThreadingHTTPServer):
    """Answers as it is told and keeps what it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.headers, self.answer, self.pause = 204, {}, b"", 0.0  # type: ignore[var-annotated]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        time.sleep(self.server.pause)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.shutdown()
    server.server_close()


def told(url: str, secrets: str = NEW, at: datetime | None = None) -> Answer:
    application = Application(client_id="app-faktury", name=WORDS, sentence=WORDS, webhook=Webhook(url=url))
    known = Secrets(None, {"IBOK_APP_FAKTURY_WEBHOOK_SECRETS": secrets})
    return HttpReceivers((application,), known).send("app-faktury", "e1", PAYLOAD, at or datetime.now(UTC))


def at(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.server_port}/webhooks"


def test_a_receiver_verifies_it_with_the_new_and_with_the_old_secret(receiver: Receiver) -> None:
    assert told(at(receiver), f"{NEW},{OLD}") == Answer(204, "204 No Content")
    ((path, headers, body),) = receiver.got
    assert (path, headers["webhook-id"]) == ("/webhooks", "e1")
    for secret in (NEW, OLD):
        assert StandardWebhook(secret).verify(body, headers) == PAYLOAD
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(NEW).verify(body.replace(b"suspended", b"resumed"), headers)
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(base64.b64encode(b"3" * 32).decode()).verify(body, headers)


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24 * 30])
def test_what_comes_a_month_late_or_from_a_clock_that_is_wrong_does_not_verify(receiver: Receiver, minutes: int) -> None:
    told(at(receiver), at=datetime.now(UTC) + timedelta(minutes=minutes))
    ((_, headers, body),) = receiver.got
    with pytest.raises(WebhookVerificationError, match=r"too (old|new)"):
        StandardWebhook(NEW).verify(body, headers)


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": f"{at(receiver)}/elsewhere"}
    answer = told(at(receiver))
    assert (answer.status, answer.taken, len(receiver.got)) == (307, False, 1)


def test_ten_megabytes_of_answer_are_not_read_and_never_shown(receiver: Receiver) -> None:
    receiver.status, receiver.answer = 500, b"PESEL 44051401359 " * 600_000
    began = time.monotonic()
    answer = told(at(receiver))
    assert answer == Answer(500, "500 Internal Server Error")
    assert time.monotonic() - began < 5


def test_a_receiver_that_takes_a_minute_is_not_waited_for(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_ANSWER_SECONDS", 0.3)
    receiver.pause = 3
    assert told(at(receiver)) == Answer(None, "no answer within 0.3 s")


def test_nobody_there_is_said_without_the_address() -> None:
    answer = told("http://127.0.0.1:9/secret-path")
    assert answer.status is None
    assert "secret-path" not in answer.words


def test_a_certificate_that_nobody_vouches_for_is_refused(receiver: Receiver, tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    answer = told(f"https://localhost:{receiver.server_port}/")
    assert answer == Answer(None, "TLS: the certificate does not hold")
    assert receiver.got == []


@pytest.mark.parametrize("secrets", ["", "whsec_c2hvcnQ=", f"{NEW},{OLD},{NEW}", NEW.removeprefix("whsec_"), "whsec_!!!"])
def test_without_a_proper_secret_nothing_is_sent(receiver: Receiver, secrets: str) -> None:
    with pytest.raises(SettingsError, match="IBOK_APP_FAKTURY_WEBHOOK_SECRETS"):
        told(at(receiver), secrets)
    assert receiver.got == []


def test_a_secret_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    application = Application(client_id="app-faktury", name=WORDS, sentence=WORDS, webhook=Webhook(url="http://localhost/"))
    secrets = Secrets(tmp_path, {})
    path = secrets.make_webhook_secret(application)
    assert path is not None
    assert secrets.webhook_secrets(application)[0] == path.read_text().strip()
    assert secrets.make_webhook_secret(application) is None
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        secrets.webhook_secrets(application)
