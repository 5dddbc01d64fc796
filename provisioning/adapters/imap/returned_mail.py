"""Which of our mails came back, and what the other server said: delivery reports of RFC 3464 and the older kinds."""

from __future__ import annotations

import re
from email.message import Message
from typing import Any

from flufl.bounce import all_failures

from provisioning.adapters.imap.mime import (
    MALFORMED,
    Part,
    addresses,
    as_text,
    children,
    content_of,
    embedded,
    header,
    parts_of,
    plain,
)
from provisioning.domain.intake import Bounce

_MAIL_SYSTEMS = ("mailer-daemon", "postmaster", "maildaemon", "mail-daemon")
_MOST = 5
_LONGEST_TEXT = 100_000
_LONGEST_ANSWER = 300
_ID = re.compile(r"<[^<>]{3,250}>")
_ID_LINE = re.compile(r"^[ \t>]{0,9}message-id:[ \t]{0,9}(<[^<>\s]{3,250}>)", re.IGNORECASE | re.MULTILINE)
_ANSWER = re.compile(r"(?<![\w.:-])5\d\d[ -].{3,300}")


def is_report(message: Message) -> bool:
    return message.get_content_type() == "multipart/report"


def bounces_in(message: Part) -> list[Bounce]:
    """The mails that did not arrive for good, by the Message-IDs this message names; none when no mail system wrote it."""
    if not _is_from_a_mail_system(message):
        return []
    legacy: Any = message
    try:
        _temporary, failed = all_failures(legacy)
    except MALFORMED:  # a report that keeps to no standard
        return []
    if not failed:
        return []
    answer = _answer(message, {address.decode("ascii", "replace").lower() for address in failed})
    return [Bounce(plain(message_id), plain(answer)) for message_id in _named(message)[:_MOST]]


def _is_from_a_mail_system(message: Message) -> bool:
    if is_report(message) or message.get("X-Failed-Recipients") or header(message, "Return-Path") == "<>":
        return True
    return any(address.split("@")[0] in _MAIL_SYSTEMS for address in addresses(message, "From"))


def _named(message: Message) -> list[str]:
    """Message-IDs of the mail that came back: from the part that holds it, from a copy in the text, from what this one answers."""
    originals = [original for part in parts_of(message) if part is not message and (original := embedded(part)) is not None]
    found = (
        [message_id for original in originals for message_id in _ids(original.get("Message-ID"))]
        or _ID_LINE.findall(_text(message))
        or [*_ids(message.get("In-Reply-To")), *reversed(_ids(message.get("References")))]
    )
    return list(dict.fromkeys(found))


def _ids(value: object) -> list[str]:
    """Message-IDs of a header; a long one may be folded in its middle."""
    return ["".join(each.split()) for each in _ID.findall(str(value or ""))]


def _answer(message: Message, failed: set[str]) -> str:
    """What the server said of the recipient that failed, never of another one in the same report."""
    blocks = [
        block for part in parts_of(message) if part.get_content_type() == "message/delivery-status" for block in children(part)
    ]
    refused = [block for block in blocks if header(block, "Action").lower().startswith(("fail", "error"))]
    recipient = [block for block in refused if any(address in header(block, "Final-Recipient").lower() for address in failed)]
    for block in recipient or refused:
        if said := header(block, "Diagnostic-Code") or header(block, "Status"):
            return said[:_LONGEST_ANSWER]
    return _answer_in_words(_text(message), failed)


def _answer_in_words(text: str, failed: set[str]) -> str:
    """The line with an answer of SMTP, else what stands below the address that failed."""
    if found := _ANSWER.search(text):
        return found[0].strip()[:_LONGEST_ANSWER]
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if any(address in line.lower() for address in failed):
            below = " ".join(" ".join(lines[number + 1 : number + 4]).split())
            return below[:_LONGEST_ANSWER] or "returned"
    return "returned"


def _text(message: Message) -> str:
    texts = [
        as_text(content_of(part)[:_LONGEST_TEXT], part.get_content_charset())
        for part in parts_of(message)
        if part.get_content_type() == "text/plain"
    ]
    return "\n".join(texts)[:_LONGEST_TEXT]
