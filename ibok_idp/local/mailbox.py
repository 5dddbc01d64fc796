"""A mail server for this machine: takes every mail, shows it on a web page, and can be told to misbehave.

Speaks two paths of Mailpit's API, so that its clients work: `GET /api/v1/messages` and
`GET /api/v1/message/{ID}/raw`; `PUT /api/v1/behaviour` sets how it answers the next mails, and at which stage of the
conversation it refuses; `GET /api/v1/refusals` tells whom it refused.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import itertools
import re
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import typer
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask, Response, abort, render_template_string, request
from werkzeug.serving import make_server

MODES = ("accept", "reject_4xx", "reject_5xx", "drop_after_data", "slow")
STAGES = ("mail", "rcpt", "data")
_SLOW_SECONDS = 10


class Mailbox:
    """Keeps mails as files, newest first, and the present behaviour."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.mode, self.stage = "accept", "data"
        self.refusals: list[dict[str, Any]] = []
        self._summaries: dict[str, dict[str, Any]] = {}
        self._counter = itertools.count()

    def keep(self, content: bytes) -> str:
        identifier = f"{time.time_ns()}-{next(self._counter)}"
        partial = self._folder / f"{identifier}.partial"  # a mail is seen whole or not at all
        partial.touch(mode=0o600)
        partial.write_bytes(content.replace(b"\r\n", b"\n"))  # line ends of files here, not of the wire
        partial.replace(self._folder / f"{identifier}.eml")
        return identifier

    def refusal(self, stage: str, recipient: str) -> str | None:
        """What to answer at a stage in place of yes; None when it was not told to refuse there."""
        if self.stage != stage or self.mode not in ("reject_4xx", "reject_5xx"):
            return None
        moment = datetime.now(UTC).isoformat()
        self.refusals.append({"at": moment, "stage": stage, "mode": self.mode, "recipient": recipient})
        if self.mode == "reject_4xx":
            return f"451 4.3.0 Try again later (mailbox told to {self.mode} at {stage})"
        return f"550 5.1.1 No such mailbox (mailbox told to {self.mode} at {stage})"

    def identifiers(self) -> list[str]:
        return sorted((path.stem for path in self._folder.glob("*.eml")), reverse=True)

    def raw(self, identifier: str) -> bytes | None:
        if not re.fullmatch(r"[0-9]+-[0-9]+", identifier):
            return None
        path = self._folder / f"{identifier}.eml"
        return path.read_bytes() if path.is_file() else None

    def summaries(self, limit: int) -> list[dict[str, Any]]:
        """Newest first; each mail is parsed once."""
        wanted = self.identifiers()[:limit]
        for identifier in wanted:
            if identifier not in self._summaries:
                self._summaries[identifier] = _summary(self.raw(identifier) or b"", identifier)
        return [self._summaries[identifier] for identifier in wanted]

    def clear(self) -> None:
        for path in self._folder.glob("*.eml"):
            path.unlink()


class _Handler:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if refusal := self._mailbox.refusal("mail", ""):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if refusal := self._mailbox.refusal("rcpt", address):
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        if refusal := self._mailbox.refusal("data", ", ".join(envelope.rcpt_tos)):
            return refusal
        match self._mailbox.mode:
            case "drop_after_data":
                self._mailbox.keep(content)
                assert isinstance(server.transport, asyncio.Transport)
                server.transport.abort()
                return "421 4.3.2 gone"
            case "slow":
                await asyncio.sleep(_SLOW_SECONDS)
        return f"250 2.0.0 Taken as {self._mailbox.keep(content)}"


def web(mailbox: Mailbox) -> Flask:
    """The mailbox's page and API."""
    app = Flask("mailbox")

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault(
            "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'self'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.get("/api/v1/messages")
    def messages() -> dict[str, Any]:
        limit = int(request.args.get("limit", "1000"))
        return {"messages": mailbox.summaries(limit)}

    @app.delete("/api/v1/messages")
    def clear() -> tuple[str, int]:
        mailbox.clear()
        return "", 204

    @app.get("/api/v1/message/<identifier>/raw")
    def raw(identifier: str) -> Response:
        return Response(mailbox.raw(identifier) or abort(404), mimetype="text/plain")

    @app.route("/api/v1/behaviour", methods=["GET", "PUT"])
    def behaviour() -> Any:
        if request.method == "PUT":
            wanted = request.get_json(silent=True) or {}
            mode, stage = wanted.get("mode"), wanted.get("stage", "data")
            if mode not in MODES or stage not in STAGES:
                return {"error": f"mode is one of {', '.join(MODES)}, stage one of {', '.join(STAGES)}"}, 422
            mailbox.mode, mailbox.stage = mode, stage
        return {"mode": mailbox.mode, "stage": mailbox.stage}

    @app.get("/api/v1/refusals")
    def refusals() -> dict[str, Any]:
        return {"refusals": mailbox.refusals}

    @app.get("/")
    def index() -> str:
        return render_template_string(_INDEX, messages=mailbox.summaries(200))

    @app.get("/message/<identifier>")
    def message(identifier: str) -> str:
        parsed = _parsed(mailbox.raw(identifier) or abort(404))
        text = parsed.get_body(("plain",))
        return render_template_string(
            _MESSAGE, identifier=identifier, headers=parsed.items(), text=text.get_content() if text else ""
        )

    @app.get("/message/<identifier>/html")
    def html(identifier: str) -> Response:
        body = _parsed(mailbox.raw(identifier) or abort(404)).get_body(("html",))
        response = Response(body.get_content() if body else "", mimetype="text/html")
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups; frame-ancestors 'self'"
        )
        return response

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def serve(http_port: int, smtp_port: int, folder: Path) -> None:
    """Serve SMTP and the page on 127.0.0.1 until SIGTERM."""
    mailbox = Mailbox(folder)
    controller = Controller(_Handler(mailbox), hostname="127.0.0.1", port=smtp_port, data_size_limit=30 * 2**20)
    controller.start()
    try:
        make_server("127.0.0.1", http_port, web(mailbox), threaded=True).serve_forever()
    finally:
        controller.stop()


def _summary(raw: bytes, identifier: str) -> dict[str, Any]:
    parsed = _parsed(raw)
    moment = datetime.fromtimestamp(int(identifier.split("-")[0]) / 1e9, UTC)
    recipients = parsed["To"].addresses if parsed["To"] else ()
    return {
        "ID": identifier,
        "MessageID": str(parsed["Message-ID"] or "").strip("<>"),
        "To": [{"Name": each.display_name, "Address": each.addr_spec} for each in recipients],
        "Subject": str(parsed["Subject"] or ""),
        "Created": moment.isoformat().replace("+00:00", "Z"),
    }


def _parsed(raw: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


_STYLE = """<style>body { font: 16px/1.5 system-ui, sans-serif; margin: 24px auto; max-width: 900px; padding: 0 16px; color: #14262e; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: 8px; border-bottom: 1px solid #c7d5dc; }
pre { white-space: pre-wrap; background: #f3f7f9; padding: 16px; } iframe { width: 100%; height: 900px; border: 1px solid #c7d5dc; }</style>"""
_INDEX = (
    "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>Mailbox</title>"
    + _STYLE
    + "</head><body><h1>Mailbox</h1>{% if not messages %}<p>No mail yet.</p>{% endif %}<table>"
    "<tr><th scope='col'>When</th><th scope='col'>To</th><th scope='col'>Subject</th></tr>"
    "{% for m in messages %}<tr><td>{{ m.Created[:19] }}</td><td>{{ m.To[0].Address if m.To }}</td><td><a href='/message/{{ m.ID }}'>{{ m.Subject }}</a></td></tr>{% endfor %}"
    "</table></body></html>"
)
_MESSAGE = (
    "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>Mail</title>"
    + _STYLE
    + "</head><body><p><a href='/'>Mailbox</a></p><h1>Mail</h1><table>{% for k, v in headers %}<tr><th scope='row'>{{ k }}</th><td>{{ v }}</td></tr>{% endfor %}</table>"
    "<h2>Text</h2><pre>{{ text }}</pre><h2>HTML</h2><iframe title='HTML part' src='/message/{{ identifier }}/html'></iframe></body></html>"
)

if __name__ == "__main__":
    typer.run(serve)
