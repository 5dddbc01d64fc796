"""Messages as they come to the office's mailbox."""

from __future__ import annotations

import email.policy
from email.message import EmailMessage

OWN = "ibok@wpwik.com"


def message(body: str = "Proszę o konto.\n", *, html: bool = False, **headers: str) -> EmailMessage:
    made = EmailMessage(policy=email.policy.SMTP)
    for name, value in {
        "From": "Józefa Źdźbło <jozefa@example.com>",
        "To": OWN,
        "Subject": "Wniosek o konto – żółw",
        "Message-ID": "<one@example.com>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }.items():
        made[name] = value
    made.set_content(body, subtype="html" if html else "plain")
    return made


DSN = b"""From: MAILER-DAEMON@example.com
To: ibok@wpwik.com
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce@example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your mail did not arrive.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; nikt@example.com
Action: %s
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user here

--b
Content-Type: text/rfc822-headers

From: ibok@wpwik.com
To: nikt@example.com
Message-ID: <activated.abc@wpwik.com>
Subject: iBOK
--b--
"""
