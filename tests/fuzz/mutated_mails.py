"""Mails of every kind, bent: whatever comes of one, it is an item for a person or set aside, and it can be stored (I01, I05).

    python -m tests.fuzz.mutated_mails --count 20000 --seed 1

Each mail depends on the seed and its own number alone. Prints a table of what became of them; ends with 1 when one broke a promise.
"""

from __future__ import annotations

import argparse
import base64
import email.policy
import io
import random  # noqa: TID251  # a campaign must be repeatable
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message

import pikepdf
from PIL import Image

from provisioning.adapters.files.contained import CHILDREN, ContainedFailure
from provisioning.adapters.files.uploads import harmless_document
from provisioning.adapters.imap.connection import Fetched
from provisioning.adapters.imap.mailbox import ImapMailbox, unreadable
from provisioning.domain.document import Document
from provisioning.domain.intake import Incoming, IntakeState
from tests.fuzz.mutated_files import when_not_busy
from tests.support import mime as made

_LARGEST = 400_000  # bytes of one mutated mail
_SLOW = 300  # seconds after which a reading counts as a stop; its limits end it before
_ARRIVED = datetime(2026, 11, 24, 9, tzinfo=UTC)
_HEADERS = (b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Content-Type", b"Content-Transfer-Encoding", b"Content-Disposition", b"Precedence", b"Auto-Submitted", b"In-Reply-To", b"References", b"Return-Path", b"X-Failed-Recipients", b"MIME-Version")  # fmt: skip
_TOKENS = (
    b"(", b"(" * 900, b'"', b"<", b">", b"=", b"==", b"\0", b"\xff", b"\xed\xa0\x80", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b";", b",", b"--", b"\t",
    b"=?utf-8?b?", b"=?utf-8?q?=FF?=", b"=?klingon?q?a?=", b"?=", b"''", b"*0*=", b"%FF", b"<style ", b"<!--", b"<table><tr><td>", b"&#x110000;", b"<br>",
    b"charset=punycode", b"charset=zlib", b"charset=utf-16", b"charset=utf-7", b"multipart/mixed", b"multipart/report", b"multipart/alternative",
    b"message/rfc822", b"message/delivery-status", b"message/partial", b"text/html", b"text/rfc822-headers", b"application/ms-tnef", b"image/png",
    b"base64", b"quoted-printable", b"x-uuencode", b"8bit", b"begin 644 a\r\n", b"Action: failed\r\n", b"<ibok@wpwik.com>", b"boundary=",
)  # fmt: skip


def kinds() -> dict[str, bytes]:
    """One good mail of every kind that comes; the same ones each time, boundaries too, which the standard library draws."""
    state = random.getstate()
    random.seed(1)
    try:
        found = _bodies(_scan()) | {f"page, {name}": message for name, message in _bodies(_page()).items()} | _reports()
        return {name: message.as_bytes(policy=email.policy.SMTP) for name, message in found.items()}
    finally:
        random.setstate(state)


def _bodies(file: Message) -> dict[str, Message]:
    named, of, plain = made.named, made.of, made.plain
    inner = named(of("mixed", plain("w środku"), file), Message_ID="<inner@example.com>")
    found = {
        "text alone": named(plain("sama treść")),
        "a page alone": named(made.html("<style>p{}</style><p>Numer<br>12</p><table><tr><td>a</td><td>b</td></tr></table>")),
        "a file": named(of("mixed", plain("treść"), file)),
        "several files": named(of("mixed", plain("treść"), file, made.pdf(), made.pdf(kind="octet-stream", disposition="inline"))),
        "beside a page": named(of("alternative", plain("a"), of("related", made.html("<p>b</p>"), file))),
        "with a footer": named(of("mixed", of("mixed", plain("a"), file), plain("stopka"))),
        "a digest": named(of("digest", made.forwarded(inner), made.forwarded(inner))),
        "a message as a file": named(of("mixed", plain("treść"), made.eml())),
    }
    for how in ("", "base64", "quoted-printable"):
        found[f"forwarded {how}"] = named(of("mixed", made.forwarded(inner, how)))
    for number, headers in enumerate(made.MACHINES):
        found[f"machine {number}"] = named(of("mixed", plain("skan"), file), **headers)
    return found


def _reports() -> dict[str, Message]:
    return {
        "returned": made.report(made.status(made.FAILED), made.forwarded(made.ours())),
        "returned, encoded": made.report(made.status(made.RELAYED, made.FAILED), made.forwarded(made.ours(), "base64")),
        "late": made.report(made.status(made.OTHER), made.headers_alone("quoted-printable")),
        "returned without the original": made.report(made.status(made.FAILED), In_Reply_To=made.OURS),
        "returned by Exim": made.named(
            made.plain(made.EXIM), From="Mailer-Daemon@mx.example.com", X_Failed_Recipients="jan@example.com"
        ),
    }


def _scan() -> Message:
    output = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(output, "PNG")
    return _attached(output.getvalue(), "image/png", "skan.png")


def _page() -> Message:
    output = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(output, deterministic_id=True)
    return _attached(output.getvalue(), "application/pdf", "wniosek.pdf")


def _attached(content: bytes, kind: str, name: str) -> Message:
    part = made.MIMEBase(*kind.split("/"))
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(content).decode())
    part.add_header("Content-Disposition", "attachment", filename=name)
    return part


Chance = random.Random


def _flip(chance: Chance, raw: bytes, other: bytes) -> bytes:
    bent = bytearray(raw)
    for _ in range(chance.randint(1, 30)):
        bent[chance.randrange(len(bent))] = chance.randrange(256)
    return bytes(bent)


def _cut(chance: Chance, raw: bytes, other: bytes) -> bytes:
    return raw[: chance.randrange(len(raw))]


def _without(chance: Chance, raw: bytes, other: bytes) -> bytes:
    start = chance.randrange(len(raw))
    return raw[:start] + raw[start + chance.randint(1, 200) :]


def _again(chance: Chance, raw: bytes, other: bytes) -> bytes:
    start = chance.randrange(len(raw))
    piece = raw[start : start + chance.randint(1, 300)]
    return raw[:start] + piece * chance.choice((2, 3, 50, 1000)) + raw[start:]


def _token(chance: Chance, raw: bytes, other: bytes) -> bytes:
    start = chance.randrange(len(raw))
    return raw[:start] + chance.choice(_TOKENS) * chance.choice((1, 1, 1, 2, 100)) + raw[start:]


def _lines(chance: Chance, raw: bytes, other: bytes) -> bytes:
    lines = raw.split(b"\r\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    if chance.random() < 0.5:
        del lines[chance.randrange(len(lines))]
    return chance.choice((b"\r\n", b"\n", b"\r", b"\r\n", b"\r\n")).join(lines)


def _header(chance: Chance, raw: bytes, other: bytes) -> bytes:
    value = b"".join(chance.choice(_TOKENS) for _ in range(chance.randint(0, 6)))
    line = chance.choice(_HEADERS) + b": " + value + b"\r\n"
    lines = raw.split(b"\r\n")
    lines.insert(chance.randrange(len(lines)), line.rstrip())
    return line + raw if chance.random() < 0.5 else b"\r\n".join(lines)


def _nested(chance: Chance, raw: bytes, other: bytes) -> bytes:
    for number in range(chance.choice((1, 2, 5, 19, 21, 60))):
        if chance.random() < 0.5:
            raw = b"Content-Type: message/rfc822\r\n\r\n" + raw
        else:
            raw = b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n%s\r\n--n%d--" % (number, number, raw, number)
    return b"From: jan@example.com\r\nSubject: w\r\n" + raw


def _spliced(chance: Chance, raw: bytes, other: bytes) -> bytes:
    return raw[: chance.randrange(len(raw))] + other[chance.randrange(len(other)) :]


_WAYS: tuple[Callable[[Chance, bytes, bytes], bytes], ...] = (
    _flip,
    _cut,
    _without,
    _again,
    _token,
    _lines,
    _header,
    _nested,
    _spliced,
)


def mutated(chance: Chance, good: list[bytes]) -> bytes:
    """One mail, bent in one to six ways."""
    raw = chance.choice(good)
    for _ in range(chance.randint(1, 6)):
        raw = chance.choice(_WAYS)(chance, raw, chance.choice(good))[:_LARGEST] or b"\r\n"
    return raw


@dataclass
class Campaign:
    """What became of the mails.

    Attributes:
        broken: promises that were not kept, with the number of the mail.
        slowest: seconds.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    slowest: float = 0.0


def harmless(name: str, content: bytes) -> Document:
    return harmless_document("", "scan", name, content)


def taken_as_it_is(name: str, content: bytes) -> Document:
    """Instead of making a file harmless; bent files have a campaign of their own."""
    return Document("", "", "scan", name, "", "", content)


def run(
    count: int,
    seed: int,
    cleaned: Callable[[str, bytes], Document] = harmless,
    told: Callable[[int], None] = lambda done: None,
    threads: int = CHILDREN,
    *,
    minutes: float = float("inf"),
) -> Campaign:
    """Read so many mutated mails as the worker reads them; each depends on the seed and its own number alone.

    Args:
        minutes: an end by the clock.
    """
    good, campaign, lock = list(kinds().values()), Campaign(), threading.Lock()
    end = time.monotonic() + minutes * 60
    mailbox = ImapMailbox("imap://nobody@localhost", made.OWN, cleaned)

    def one(number: int) -> None:
        if time.monotonic() > end:
            return
        raw = mutated(random.Random(f"{seed}:{number}"), good)
        message = Fetched(raw, _ARRIVED, len(raw), whole=True)
        start = time.monotonic()
        try:
            incoming = when_not_busy(lambda: mailbox.incoming(message))
            outcome = f"{incoming.item.state}, {incoming.item.problem or 'a good file'}"
        except ContainedFailure as failure:
            incoming, outcome = unreadable(message), f"set apart: {failure.reason}"
        took = time.monotonic() - start
        with lock:
            campaign.slowest = max(campaign.slowest, took)
            campaign.outcomes[outcome] += 1
            if why := broken(incoming) or ("a stop" if took > _SLOW else None):
                campaign.broken.append(f"mail {number}: {why}")
            done = campaign.outcomes.total()
        told(done)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(one, range(count)):
            pass
    return campaign


def broken(incoming: Incoming) -> str | None:
    """The promise that an item does not keep, if any."""
    item = incoming.item
    if item.state not in (IntakeState.WAITING, IntakeState.SET_ASIDE):
        return "neither for a person nor set aside"
    if item.state is IntakeState.SET_ASIDE and (incoming.files or item.problem not in ("bounce", "automatic", "loop")):
        return "set aside although a person must look"
    bounced = [words for bounce in incoming.bounces for words in (bounce.message_id, bounce.answer)]
    for words in (item.sender, item.subject, item.text, item.message_id or "", *(each.name for each in incoming.files), *bounced):
        if "\0" in words or any(0xD800 <= ord(each) < 0xE000 for each in words) or len(words) > 50_000:
            return "words that PostgreSQL does not take"
    return None


def table(campaign: Campaign) -> str:
    rows = [f"{count:8}  {outcome}" for outcome, count in sorted(campaign.outcomes.items())]
    rows.append(f"{campaign.outcomes.total():8}  mails")
    return "\n".join(
        [
            *rows,
            f"{campaign.slowest:8.2f}  seconds the slowest took",
            f"{len(campaign.broken):8}  promises broken",
            *campaign.broken[:20],
        ]
    )


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments.add_argument(
        "--without-files", action="store_true", help="files are found but not made harmless: several times faster"
    )
    arguments.add_argument("--minutes", type=float, default=float("inf"), help="an end by the clock")
    asked = arguments.parse_args()
    print(f"seed {asked.seed}, {asked.count} mails", flush=True)
    cleaned = taken_as_it_is if asked.without_files else harmless
    campaign = run(
        asked.count,
        asked.seed,
        cleaned,
        lambda done: print(f"… {done}", flush=True) if done % 1000 == 0 else None,
        minutes=asked.minutes,
    )
    print(table(campaign))
    return 1 if campaign.broken else 0


if __name__ == "__main__":
    sys.exit(main())
