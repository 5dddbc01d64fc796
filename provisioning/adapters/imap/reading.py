"""Reads one message, however broken: who wrote it, its text, its files, and what it says of mails of ours that came back (S1).

Pure: bytes in, plain data out. It runs in a child process with limits, since a stranger chose the bytes (I05).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

import lxml.etree
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from provisioning.adapters.imap.mime import (
    DEEPEST,
    LONGEST_TEXT,
    MALFORMED,
    MOST_PARTS,
    Part,
    addresses,
    as_text,
    children,
    content_of,
    embedded,
    file_name,
    header,
    parsed,
    plain,
)
from provisioning.adapters.imap.returned_mail import bounces_in, is_report
from provisioning.domain.intake import Bounce

MOST_FILES = 20
MOST_NAMED = 5 * MOST_FILES
_LONGEST_TEXT = 50_000
_LONGEST_LINE = 300
_LONGEST_HEAD = 2**20
_AUTOMATIC = ("auto-generated", "auto-replied", "auto-notified")
_BULK = ("bulk", "junk", "list", "auto_reply")
_TEXT_ENDINGS = ("txt", "text", "htm", "html", "")
_NO_APPLICATIONS = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature", "application/ics"}
)
_LARGEST_REPORT = 200_000  # bytes in which a report has said what it has to say
_LARGEST_LOGO = 50_000  # bytes; a page of paper is larger
_PLAIN = ParserConfig(css=CSS_PROFILES["strict"], display_links=False, display_images=False)


@dataclass(frozen=True)
class MailedFile:
    """One file of a message; `content` is None for those beyond the twentieth, which are only named."""

    name: str
    sha256: str
    content: bytes | None = field(repr=False)


@dataclass(frozen=True)
class ReadMail:
    """What a message says.

    Attributes:
        machine: who wrote it if no person did: `bounce`, `automatic`, `loop`.
        set_aside: nobody needs to look at it; never so when it carries a file that could be an application.
        whole: False when parts of it could not be read, or there are too many.
    """

    message_id: str | None
    sender: str
    subject: str
    text: str
    machine: str | None
    set_aside: bool
    whole: bool
    files: list[MailedFile]
    bounces: list[Bounce]


def read_mail(raw: bytes, own_address: str) -> ReadMail:
    """Take one message apart.

    Args:
        raw: RFC 5322, or its headers alone.
        own_address: a message from it is our own that came round.
    """
    message, whole = parsed(raw)
    bounces = bounces_in(message if len(raw) <= _LARGEST_REPORT else parsed(raw[:_LARGEST_REPORT])[0])
    machine = "bounce" if bounces or is_report(message) else _machine(message, own_address.lower())
    tree = _Tree(own_address.lower(), returned=machine == "bounce")
    text = _tidy(tree.text_of(message))
    whole = whole and tree.whole
    set_aside = machine is not None and whole and not tree.could_be_application
    secret = set_aside or machine in ("bounce", "loop")  # it may hold a mail of ours, and with it a temporary password
    return ReadMail(
        message_id=header(message, "Message-ID")[:_LONGEST_LINE] or None,
        sender=header(message, "From")[:_LONGEST_LINE],
        subject=header(message, "Subject")[:_LONGEST_LINE],
        text="" if secret else text,
        machine=machine,
        set_aside=set_aside,
        whole=whole,
        files=[] if set_aside else tree.files,
        bounces=bounces,
    )


def head_of(raw: bytes) -> bytes:
    """The headers of a message, as far as anybody will read them."""
    return re.split(rb"\r?\n\r?\n", raw[:_LONGEST_HEAD], maxsplit=1)[0]


def _machine(message: Part, own_address: str) -> str | None:
    """Answers of machines and our own mails that came round: never answered (RFC 3834, I02)."""
    if own_address in addresses(message, "From") or header(message, "X-Loop"):
        return "loop"
    if header(message, "Auto-Submitted").lower().split(";")[0].strip() in _AUTOMATIC or header(message, "X-Autoreply"):
        return "automatic"
    if header(message, "Precedence").lower() in _BULK or header(message, "Return-Path") == "<>":
        return "automatic"
    return None


class _Tree:
    """The walk over every leaf: text on the way, files at the side."""

    def __init__(self, own_address: str, *, returned: bool) -> None:
        self._own, self._returned, self._seen = own_address, returned, 0
        self.files: list[MailedFile] = []
        self.whole, self.could_be_application = True, False

    def text_of(self, part: Part, depth: int = 0, *, beside_html: bool = False) -> str:
        """The text of a part; its files are noted.

        Args:
            beside_html: the part belongs to a page of HTML (multipart/related).
        """
        self._seen += 1
        if depth > DEEPEST or self._seen > MOST_PARTS:
            self.whole = False
            return ""
        if (inner := embedded(part)) is not None:
            return self._forwarded(inner, depth)
        if not part.is_multipart():
            return self._leaf(part, beside_html=beside_html)
        if part.get_content_type() == "message/delivery-status":
            return ""
        related = part.get_content_subtype() == "related"
        texts = [self.text_of(each, depth + 1, beside_html=related) for each in children(part)]
        texts = [text for text in texts if text.strip()]
        return (texts or [""])[0] if part.get_content_subtype() == "alternative" else "\n\n".join(texts)

    def _forwarded(self, message: Part, depth: int) -> str:
        if self._returned and self._own in addresses(message, "From"):  # files of a mail of ours are no application
            return ""
        head = [f"{name}: {line}" for name in ("From", "Date", "Subject") if (line := header(message, name)[:_LONGEST_LINE])]
        return "\n".join(["----", *head, "", self.text_of(message, depth + 1)])

    def _leaf(self, part: Part, *, beside_html: bool) -> str:
        kind, name = part.get_content_type(), file_name(part)
        if kind.startswith("multipart/"):  # parts without the line between them that was promised
            self.whole = False
        elif kind in ("text/plain", "text/html") and not _is_file(part, name):
            return _read_text(part, kind)
        content = content_of(part)
        logo = beside_html and part.get("Content-ID") is not None and kind.startswith("image/") and len(content) < _LARGEST_LOGO
        if content and not kind.startswith("text/") and kind not in _NO_APPLICATIONS and not logo:
            self.could_be_application = True
        if len(self.files) < MOST_NAMED:
            self._note(name or plain(kind), content)
        return ""

    def _note(self, name: str, content: bytes) -> None:
        kept = content if len(self.files) < MOST_FILES else None
        self.files.append(MailedFile(name[:120], hashlib.sha256(content).hexdigest(), kept))


def _is_file(part: Part, name: str) -> bool:
    ending = name.lower().rpartition(".")[2] if "." in name else ""
    return part.get_content_disposition() == "attachment" or ending not in _TEXT_ENDINGS


def _read_text(part: Part, kind: str) -> str:
    content = as_text(content_of(part), part.get_content_charset())
    return _words_of(content) if kind == "text/html" else content


def _words_of(html: str) -> str:
    """What a person sees of a page; its breaks stay breaks."""
    try:
        return str(get_text(html[:LONGEST_TEXT], _PLAIN))
    except (lxml.etree.LxmlError, *MALFORMED):
        return re.sub(r"<[^<>]{0,1000}>", " ", html[:LONGEST_TEXT])


def _tidy(text: str) -> str:
    visible = "".join(each for each in text if each in "\n\t" or (ord(each) >= 32 and not 0xD800 <= ord(each) < 0xE000))
    return re.sub(r"\n{4,}", "\n\n\n", visible)[:_LONGEST_TEXT].strip()
