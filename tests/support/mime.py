"""Messages leaf by leaf: what programs, machines and mail systems make of them."""

from __future__ import annotations

import base64
import email.policy
import quopri
from collections.abc import Callable
from email.message import Message
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from tests.support.messages import OWN

OURS = "<activated.0123456789abcdef@wpwik.com>"
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 20


def named(root: Message, **headers: str) -> Message:
    for name, value in {"From": "Jan <jan@example.com>", "To": OWN, "Subject": "Wniosek", "Message-ID": "<a@example.com>"}.items():
        root[name] = headers.pop(name.replace("-", "_"), value)
    for name, value in headers.items():
        root[name.replace("_", "-")] = value
    return root


def pdf(name: str = "wniosek.pdf", kind: str = "pdf", disposition: str = "attachment") -> Message:
    part = MIMEApplication(PDF, kind, name=name)
    part.add_header("Content-Disposition", disposition, filename=name)
    return part


def of(kind: str, *parts: Message) -> MIMEMultipart:
    made = MIMEMultipart(kind)
    for part in parts:
        made.attach(part)
    return made


def plain(words: str) -> MIMEText:
    return MIMEText(words, "plain", "utf-8")


def html(words: str) -> MIMEText:
    return MIMEText(words, "html", "utf-8")


def forwarded(message: Message, encoding: str = "") -> Message:
    """As a part; `encoding` as some servers do it, against RFC 2046."""
    part = MIMEBase("message", "rfc822")
    if not encoding:
        part.attach(message)
        return part
    raw = message.as_bytes(policy=email.policy.SMTP)
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload((base64.encodebytes(raw) if encoding == "base64" else quopri.encodestring(raw)).decode())
    return part


def inner() -> Message:
    return named(of("mixed", plain("w środku"), pdf()), Message_ID="<inner@example.com>")


def eml() -> Message:
    part = MIMEApplication(inner().as_bytes(), "octet-stream", name="Wniosek.eml")
    part.add_header("Content-Disposition", "attachment", filename="Wniosek.eml")
    return part


MACHINES = [
    {"Precedence": "list", "List_Id": "<biuro.example.com>"},
    {"Precedence": "bulk"},
    {"Precedence": "junk"},
    {"Auto_Submitted": "auto-generated"},
    {"Auto_Submitted": "auto-replied; owner=x"},
    {"X_Autoreply": "yes"},
    {"Return_Path": "<>"},
    {"X_Loop": "1"},
    {"From": f"Skaner <{OWN}>"},
    {"From": f"{OWN.upper()}"},
]


def status(*blocks: str) -> Message:
    return email.message_from_string(
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n" + "\n\n".join(blocks) + "\n"
    )


FAILED = "Final-Recipient: rfc822; jan@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 nie ma takiego"
RELAYED = "Final-Recipient: rfc822; kopia@example.com\nAction: relayed\nStatus: 2.0.0"
OTHER = "Final-Recipient: rfc822; kopia@example.com\nAction: delayed\nStatus: 4.0.0\nDiagnostic-Code: smtp; 451 potem"


def ours() -> Message:
    return named(
        of("mixed", plain("Hasło tymczasowe: Tajne123"), pdf()), From=f"iBOK <{OWN}>", To="jan@example.com", Message_ID=OURS
    )


def headers_alone(encoding: str) -> Message:
    part = MIMEBase("text", "rfc822-headers")
    raw = b"".join(f"{name}: {value}\r\n".encode() for name, value in ours().items())
    part["Content-Transfer-Encoding"] = encoding
    encode: dict[str, Callable[[bytes], bytes]] = {
        "quoted-printable": quopri.encodestring,
        "base64": base64.encodebytes,
        "7bit": bytes,
    }
    part.set_payload(encode[encoding](raw).decode())
    return part


def report(*parts: Message, **headers: str) -> Message:
    made = of("report", plain("Nie dostarczono"), *parts)
    made.set_param("report-type", "delivery-status")
    return named(made, From="MAILER-DAEMON@mx.example.com", Message_ID="<dsn@mx.example.com>", **headers)


EXIM = f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  jan@example.com
    host mx.example.com [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<jan@example.com>:
    550 5.1.1 nie ma takiego

------ This is a copy of the message, including all the headers. ------

From: iBOK <{OWN}>
To: jan@example.com
Message-ID: {OURS}

Hasło tymczasowe: Tajne123
"""
