"""The mailbox that applications come to by e-mail (S1), over IMAP, and the reading of one message, however broken.

Every message ends in the folder Processed or Problem of the mailbox and none is deleted. What is kept of it is plain text and
files made harmless.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import imaplib
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit

from flufl.bounce import all_failures
from imap_tools import BaseMailBox, MailBox, MailboxFolderCreateError, MailBoxUnencrypted
from markupsafe import Markup

from provisioning.domain.errors import Invalid
from provisioning.ports import Bounce, Document, Incoming, IntakeFile, IntakeItem, IntakeKind, IntakeState

PROCESSED, PROBLEM = "Processed", "Problem"
LARGEST = 40 * 2**20
_MOST_FILES = 20
_LONGEST_TEXT = 50_000
_TIMEOUT = 60
_AUTOMATIC = ("auto-generated", "auto-replied", "auto-notified")
_UNSEEN_BY_PEOPLE = re.compile(r"<(style|script|head)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
Harmless = Callable[[str, bytes], Document]


class MailboxGone(Exception):
    """The mailbox cannot be reached or refuses the login; nothing was taken, nothing is lost."""


class ImapMailbox:
    """One IMAP mailbox.

    Args:
        url: `imaps://user:password@host:993/INBOX`; `imap://` only for a server on this machine.
        own_address: mails from it to itself are a loop.
        harmless: makes a file harmless, or raises Invalid.
    """

    def __init__(self, url: str, own_address: str, harmless: Harmless) -> None:
        self._url, self._own, self._harmless = urlsplit(url), own_address, harmless

    def take(self, keep: Callable[[Incoming], object], limit: int = 50) -> int:
        """Hand every message of the folder over, then move it; a message that was kept already is only moved.

        Raises:
            MailboxGone.
        """
        count = 0
        try:
            with self._open() as box:
                for uid, size in self._waiting(box, limit):
                    raw = _fetched(box, uid, headers_only=size > LARGEST)
                    incoming = read_message(raw, _arrived(box, uid), self._own, self._harmless, whole=size <= LARGEST)
                    keep(incoming)
                    box.move([uid], PROBLEM if incoming.item.problem else PROCESSED)
                    count += 1
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxGone(f"{type(error).__name__}: {str(error)[:200]}") from error
        return count

    def waiting(self) -> int:
        """How many messages wait, for `doctor`.

        Raises:
            MailboxGone.
        """
        try:
            with self._open() as box:
                return len(box.uids())
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxGone(f"{type(error).__name__}: {str(error)[:200]}") from error

    @contextmanager
    def _open(self) -> Iterator[BaseMailBox]:
        host, port = self._url.hostname or "localhost", self._url.port
        box: BaseMailBox
        if self._url.scheme == "imaps":
            box = MailBox(host, port or 993, timeout=_TIMEOUT)
        else:
            box = MailBoxUnencrypted(host, port or 143, timeout=_TIMEOUT)
        folder = self._url.path.strip("/") or "INBOX"
        with box.login(unquote(self._url.username or ""), unquote(self._url.password or ""), folder):
            for name in (PROCESSED, PROBLEM):
                if not box.folder.exists(name):
                    try:
                        box.folder.create(name)
                    except MailboxFolderCreateError:  # another worker was quicker
                        continue
            yield box

    def _waiting(self, box: BaseMailBox, limit: int) -> list[tuple[str, int]]:
        found = box.fetch(limit=limit, mark_seen=False, headers_only=True)
        return [(message.uid, message.size_rfc822) for message in found if message.uid]


def _fetched(box: BaseMailBox, uid: str, *, headers_only: bool) -> bytes:
    _, data = box.client.uid("fetch", uid, "(BODY.PEEK[HEADER])" if headers_only else "(BODY.PEEK[])")
    return next((bytes(part[1]) for part in data if isinstance(part, tuple)), b"")


def _arrived(box: BaseMailBox, uid: str) -> datetime:
    """When the server got it (INTERNALDATE): what the sender writes into Date proves nothing."""
    _, data = box.client.uid("fetch", uid, "(INTERNALDATE)")
    line = next((part for part in data if isinstance(part, bytes)), b"")
    moment = imaplib.Internaldate2tuple(line)
    return datetime(*moment[:6]).astimezone(UTC) if moment else datetime.now(UTC)


def read_message(raw: bytes, arrived: datetime, own_address: str, harmless: Harmless, *, whole: bool = True) -> Incoming:
    """One message as an item and its files. Nothing in it makes this fail: what cannot be read is said in `problem`.

    Args:
        raw: the message (RFC 5322), or its headers alone when it is too large (`whole` is False).
        arrived: when our server got it; an application in it is filed on this day (S1).
    """
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    item = IntakeItem(
        intake_id=uuid.uuid4().hex,
        kind=IntakeKind.EMAIL,
        state=IntakeState.WAITING,
        sha256=hashlib.sha256(raw).hexdigest(),
        message_id=_header(message, "Message-ID")[:300] or None,
        sender=_header(message, "From")[:300],
        subject=_header(message, "Subject")[:300],
        received_at=arrived,
        text="",
    )
    if not whole:
        item.problem = "too_large"
        return Incoming(item, [])
    bounces = _bounces(message, raw)
    item.problem = "bounce" if bounces or _is_report(message) else _automatic(message, own_address)
    if item.problem:
        item.state = IntakeState.SET_ASIDE
        return Incoming(item, [], bounces)
    try:
        item.text = _text(message)
        files = _files(message, item.intake_id, harmless)
    except (LookupError, ValueError, AttributeError, KeyError, TypeError, RecursionError, AssertionError):
        # the standard library's parser raises all of these on malformed MIME
        item.problem = "malformed"
        return Incoming(item, [])
    if not any(file.refused is None for file in files):
        item.problem = "no_attachment"
    elif len(files) > _MOST_FILES:
        item.problem = "too_many_files"
    return Incoming(item, files)


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = str(message.get(name) or "")
    except (LookupError, ValueError, AttributeError, TypeError, IndexError):  # malformed headers raise all of these
        value = str(dict(message.raw_items()).get(name, ""))
    return "".join(" " if ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 else character for character in value).strip()


def _automatic(message: EmailMessage, own_address: str) -> str | None:
    """Answers of machines and our own mails that came round: never answered, never an application (RFC 3834)."""
    if own_address.lower() in _header(message, "From").lower() or _header(message, "X-Loop"):
        return "loop"
    if _header(message, "Auto-Submitted").lower().split(";")[0].strip() in _AUTOMATIC or _header(message, "X-Autoreply"):
        return "automatic"
    if _header(message, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply") or _header(message, "Return-Path") == "<>":
        return "automatic"
    return None


def _is_report(message: EmailMessage) -> bool:
    return message.get_content_type() == "multipart/report"


def _bounces(message: EmailMessage, raw: bytes) -> list[Bounce]:
    """Which of our mails a delivery report (RFC 3464) says did not arrive for good, and what it says."""
    legacy: Any = email.message_from_bytes(raw)
    try:
        _temporary, permanent = all_failures(legacy)
    except (LookupError, ValueError, AttributeError, TypeError):  # a report that keeps to no standard
        return []
    if not permanent:
        return []
    said, ours = "", ""
    for part in legacy.walk():
        said = said or str(part.get("Diagnostic-Code") or part.get("Status") or "")
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            payload = part.get_payload()
            original = payload[0] if isinstance(payload, list) else email.message_from_string(str(payload))
            ours = str(original.get("Message-ID") or "").strip()
    return [Bounce(ours, " ".join(said.split())[:300] or "returned")] if ours else []


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    content = str(part.get_content())
    if part.get_content_subtype() == "html":
        content = Markup(_UNSEEN_BY_PEOPLE.sub(" ", content)).striptags()  # noqa: S704  # to strip it; it is shown escaped
    plain = "".join(character for character in content if character in "\n\t" or ord(character) >= 32)
    return plain.encode("utf-8", "replace").decode()[:_LONGEST_TEXT]


def _files(message: EmailMessage, intake_id: str, harmless: Harmless) -> list[IntakeFile]:
    files = []
    for place, part in enumerate(islice(message.iter_attachments(), 5 * _MOST_FILES)):
        name = " ".join((part.get_filename() or part.get_content_type()).split())[:120]
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        files.append(_file(intake_id, place, name, content, harmless))
    return files


def _file(intake_id: str, place: int, name: str, content: bytes, harmless: Harmless) -> IntakeFile:
    digest, file_id = hashlib.sha256(content).hexdigest(), uuid.uuid4().hex
    if place >= _MOST_FILES:
        return IntakeFile(file_id, intake_id, place, name, "", digest, "too_many_files", b"")
    try:
        document = harmless(name, content)
    except Invalid as invalid:
        return IntakeFile(file_id, intake_id, place, name, "", digest, invalid.errors[0].code, b"")
    return IntakeFile(file_id, intake_id, place, document.name, document.media_type, digest, None, document.content)
