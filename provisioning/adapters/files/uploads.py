"""Uploaded files are hostile until made harmless: type by content, a clean copy built anew, in a child process with limits."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from provisioning.adapters.files.clean_pdf import clean_pdf
from provisioning.adapters.files.clean_picture import FORMATS, clean_picture
from provisioning.adapters.files.contained import ContainedFailure, Limits, contained
from provisioning.domain.document import Document, Signature
from provisioning.domain.errors import FieldError, Invalid

MAXIMUM_BYTES = 15 * 2**20
MAXIMUM_PAGES = 50
_HEADER_WITHIN = 1024  # where readers of PDF look for it (ISO 32000-2, annex I)
_BEGINNINGS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}
_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")
_LIMITS = Limits(memory=1024 * 2**20, cpu=10, wall=16, output=96 * 2**20, wait=3)  # the web form waits 20 seconds

T = TypeVar("T")


@dataclass(frozen=True)
class CleanCopy:
    """What may be kept and shown of a file, and what the signatures of the file itself say."""

    content: bytes
    media_type: str
    signatures: tuple[Signature, ...] = ()


def harmless_document(reference: str, kind: str, name: str, content: bytes) -> Document:
    """Turn an upload into a document that can be stored and shown; what was handed in stays beside it, byte by byte.

    Args:
        kind: `scan`, `attachment`, or `electronic`: a PDF that carries its signature.

    Raises:
        Invalid: `file_empty`, `file_too_large`, `file_type`, `file_encrypted`, `file_damaged`, `file_portfolio`, `file_xfa`,
            `file_too_demanding`, `too_many_pages`, `image_too_large`, `file_not_signed`, `file_signature_broken`,
            `file_signed_in_part`.
        ContainedFailure: `busy`: too many files at the same time.
    """
    if not content:
        raise _refused("file_empty")
    if len(content) > MAXIMUM_BYTES:
        raise _refused("file_too_large")
    copy = read_foreign(clean_copy, kind, content, limits=_LIMITS)
    return Document(
        document_id=uuid.uuid4().hex,
        reference=reference,
        kind=kind,
        name=_name_for_people(name),
        media_type=copy.media_type,
        sha256=hashlib.sha256(content).hexdigest(),
        content=copy.content,
        original=content,
        signatures=copy.signatures,
    )


def read_foreign(function: Callable[..., T], *arguments: Any, limits: Limits) -> T:
    """Call a function over a foreign file in a child process; a file that breaks it or asks too much of it is refused.

    Raises:
        Invalid: as the function raised it, `file_damaged` or `file_too_demanding`. NotFound: as the function raised it.
        ContainedFailure: `busy`.
    """
    try:
        return contained(function, *arguments, limits=limits)
    except ContainedFailure as failure:
        if failure.reason == "busy":
            raise
        raise _refused("file_damaged" if failure.reason == "crash" else "file_too_demanding") from failure


def clean_copy(kind: str, content: bytes) -> CleanCopy:
    """In the child: the clean copy of a file, whatever its type. Arguments and refusals as of `harmless_document`."""
    media_type = type_by_content(content)
    try:
        if media_type == "application/pdf":
            return CleanCopy(clean_pdf(content, MAXIMUM_PAGES), media_type, _signatures(kind, content))
        if media_type not in FORMATS:
            raise _refused("file_type")
        if kind == "electronic":
            raise _refused("file_not_signed")
        clean, clean_type = clean_picture(content, media_type, MAXIMUM_PAGES)
        return CleanCopy(clean, clean_type)
    except (Invalid, MemoryError):
        raise
    except Exception as error:  # readers raise anything over a broken file: TypeError, KeyError, EOFError, struct.error …
        raise _refused("file_damaged") from error


def _signatures(kind: str, content: bytes) -> tuple[Signature, ...]:
    from provisioning.adapters.files import signatures  # pyhanko takes a second to load, and few files are signed

    if kind != "electronic":
        try:
            return signatures.signatures_in(content) if signatures.may_be_signed(content) else ()
        except Exception:  # a scan is taken for what it shows, whatever a broken signature in it says
            return ()
    try:
        found = signatures.signatures_in(content) if signatures.may_be_signed(content) else ()
    except Exception as error:
        raise _refused("file_signature_broken") from error
    signatures.require_signature(found)
    return found


def type_by_content(content: bytes) -> str:
    """The media type by what stands in the file; empty for what is no type that we take."""
    if content[4:12] in _HEIC:
        return "image/heic"
    for beginning, media_type in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    return "application/pdf" if b"%PDF-" in content[:_HEADER_WITHIN] else ""


def _name_for_people(name: str) -> str:
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(character for character in unicodedata.normalize("NFC", last) if unicodedata.category(character)[0] != "C")
    return plain[:120] or "plik"


def _refused(code: str) -> Invalid:
    return Invalid([FieldError("file", code)])
