"""A MIME message taken apart within bounds, whatever a stranger put into it: parts, depth, number and length of headers (I01, I05).

The old, forgiving policy of the standard library is used on purpose: the newer one parses headers by recursion, and 900 opening
brackets in `From` end it.
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
import unicodedata
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.feedparser import BytesFeedParser
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import getaddresses
from typing import Any

MOST_PARTS = 1000
DEEPEST = 20
LONGEST_TEXT = 200_000
_MOST_HEADERS = 1000
_LONGEST_HEADER = 10_000
_CHUNK = 64 * 2**10
# what the standard library's parser is known to raise on malformed messages
MALFORMED = (LookupError, ValueError, AttributeError, TypeError, RecursionError, AssertionError, HeaderParseError)
# codecs of Python that no mail is written in; some take quadratic time
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})
_IN_BRACKETS = re.compile(r"<([^<>\s@]{1,250}@[^<>\s@]{1,250})>")
_MESSAGES = ("message/rfc822", "message/global")
_HEADERS_ALONE = ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers")


class _Lenient(Compat32):
    """Header values as text at once, also where somebody sent bytes that are no ASCII."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return value if value.isascii() else as_text(value.encode("utf-8", "surrogateescape"))


class _Enough(Exception):
    """More of something than any message of a person has."""


class Part(Message):
    """One part of a message, or the message itself, within the bounds."""

    depth = 0

    def set_raw(self, name: str, value: Any) -> None:
        if len(self) >= _MOST_HEADERS:
            raise _Enough
        super().set_raw(name, str(value)[:_LONGEST_HEADER])

    def attach(self, payload: Any) -> None:
        super().attach(payload)
        payload.depth = self.depth + 1
        if payload.depth > DEEPEST:  # every open part is asked for its boundary at every line
            raise _Enough


def parsed(raw: bytes) -> tuple[Part, bool]:
    """The message, and whether all of it could be taken apart; else its first parts."""
    made: list[Part] = []

    def another(policy: Any) -> Part:
        if len(made) >= MOST_PARTS:
            raise _Enough
        made.append(Part(policy=policy))
        return made[-1]

    parser = BytesFeedParser(another, policy=_Lenient())  # type: ignore[arg-type]  # typeshed knows the old kind of factory alone
    made.clear()  # the parser has tried the factory out
    try:
        for start in range(0, len(raw), _CHUNK):
            parser.feed(raw[start : start + _CHUNK])
        parser.close()
    except (_Enough, *MALFORMED):
        return (made[0] if made else Part(policy=_Lenient())), False
    return made[0], True


def embedded(part: Message) -> Part | None:
    """The message inside a part, or its headers; also when a server has encoded it, which RFC 2046 forbids."""
    kind = part.get_content_type()
    if part.is_multipart():
        payload = children(part)
        if kind not in _MESSAGES + _HEADERS_ALONE or not payload:
            return None
        encoding = header(part, "Content-Transfer-Encoding").lower()
        if encoding in ("base64", "quoted-printable") and not payload[0].is_multipart():
            return parsed(_decoded(_as_it_came(payload[0]), encoding))[0]
        return payload[0]
    if kind in _HEADERS_ALONE or kind in _MESSAGES or _is_kept_message(part):
        return parsed(content_of(part))[0]
    return None


def _is_kept_message(part: Message) -> bool:
    """A message that a mail program attached as a file of its own."""
    return part.get_content_type() == "application/octet-stream" and file_name(part).lower().endswith(".eml")


def _as_it_came(message: Part) -> bytes:
    head = "".join(f"{name}: {value}\n" for name, value in message.raw_items())
    del message["Content-Transfer-Encoding"]  # of what is encoded once more; its body is wanted as it stands
    return head.encode("utf-8", "surrogateescape") + content_of(message)


def _decoded(content: bytes, encoding: str) -> bytes:
    try:
        return binascii.a2b_base64(content) if encoding == "base64" else quopri.decodestring(content)
    except binascii.Error:
        return content


def parts_of(message: Message, depth: int = 0) -> Iterator[Message]:
    """The message and every part of it, without looking into messages that it carries."""
    yield message
    if depth < DEEPEST and message.get_content_type() not in _MESSAGES:
        for part in children(message):
            yield from parts_of(part, depth + 1)


def children(part: Message) -> list[Part]:
    """The parts of a part; none of a leaf. (Asking a leaf for its payload decodes it by any codec its sender named.)"""
    payload: Any = part.get_payload() if part.is_multipart() else []
    return [each for each in payload if isinstance(each, Part)]


def content_of(part: Message) -> bytes:
    """What a leaf holds, decoded; empty for a part that has parts, and for one at which the parser gave up."""
    try:
        content = part.get_payload(decode=True)
    except (UnboundLocalError, *MALFORMED):  # the standard library's, over a part that has no payload at all
        return b""
    return content if isinstance(content, bytes) else b""


def file_name(part: Message) -> str:
    """As RFC 2231 or, against it, RFC 2047 writes it; empty without one."""
    try:
        name = part.get_filename()
    except MALFORMED:
        return ""
    return plain(decoded_words(str(name)))[:120] if name else ""


def header(message: Message, name: str) -> str:
    """One header as a line of text; empty without it."""
    return plain(decoded_words(str(message.get(name) or "")))


def addresses(message: Message, name: str) -> list[str]:
    """The addresses in a header, in small letters, without their names."""
    value = str(message.get(name) or "")
    if found := _IN_BRACKETS.findall(value):  # a name before them may look like an address
        return [address.lower() for address in found]
    try:
        return [address.lower() for _, address in getaddresses([value]) if address]
    except MALFORMED:
        return []


def decoded_words(value: str) -> str:
    """RFC 2047; what is wrong in it stays as it stands."""
    try:
        chunks = decode_header(value)
    except MALFORMED:
        return value
    return "".join(as_text(chunk, charset) if isinstance(chunk, bytes) else chunk for chunk, charset in chunks)


def as_text(content: bytes, charset: str | None = None) -> str:
    """Text in the charset it claims, else in those that Polish mail is written in; always something, and not without end."""
    whole = len(content) <= LONGEST_TEXT
    for each in (charset, "utf-8"):
        try:
            if each and _is_charset(each):
                return codecs.getincrementaldecoder(each)().decode(content[:LONGEST_TEXT], final=whole)
        except (LookupError, ValueError):
            continue
    return content[:LONGEST_TEXT].decode("cp1250", "replace")


def _is_charset(name: str) -> bool:
    """Of Python's codecs those that turn bytes into text; zlib is one that does not.

    Raises:
        LookupError, ValueError: no such charset.
    """
    bytes(4).decode(name)
    return codecs.lookup(name).name.replace("_", "-") not in _NO_CHARSETS


def plain(value: str) -> str:
    """One line without anything invisible: controls, direction marks, halves of characters."""
    return " ".join("".join(" " if unicodedata.category(each)[0] == "C" else each for each in value).split())
