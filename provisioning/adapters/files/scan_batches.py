"""A batch of scans is cut at the QR codes of the signed prints; each part is a file of its own. All of it in child processes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pikepdf
import pypdfium2
import zxingcpp
from PIL import Image

from provisioning.adapters.files.clean_pdf import opened, refuse_what_only_some_programs_show
from provisioning.adapters.files.clean_picture import clean_picture
from provisioning.adapters.files.contained import Limits
from provisioning.adapters.files.scan_pages import scale_within
from provisioning.adapters.files.uploads import MAXIMUM_BYTES, read_foreign, type_by_content
from provisioning.domain.document import Document
from provisioning.domain.errors import FieldError, Invalid
from provisioning.use_cases.intake.take_in import ScanPart

MOST_PAGES = 300
LARGEST = 60 * 2**20
_DPI = 150  # a QR of the print has modules of half a millimetre: three pixels
_MOST_PIXELS = 6_000_000
_MOST_PIXELS_OF_A_BATCH = 3_000_000_000
_REFERENCE = re.compile(r"\b([0-9]{4}-[0-9]{6,8}-[0-9])\b")
_LIMITS_OF_A_BATCH = Limits(memory=1536 * 2**20, cpu=120, wall=240, output=192 * 2**20, wait=20)
_LIMITS = Limits(cpu=20, wall=40, wait=10)


@dataclass(frozen=True)
class CutPart:
    """Pages `start` to `end` (from 0, without `end`) of a batch as a PDF of their own; what need not be cut is as it came."""

    reference: str | None
    start: int
    end: int
    content: bytes


def reference_in(document: Document) -> str | None:
    """The first application number in a QR code of a stored document, if there is one.

    Raises:
        Invalid: it cannot be read within the limits. ContainedFailure: `busy`.
    """
    return read_foreign(find_reference, document.content, document.media_type, limits=_LIMITS)


def parts_of(name: str, content: bytes, harmless: Callable[[str, bytes], Document]) -> list[ScanPart]:
    """Cut a PDF or a TIFF before every page with the QR code of another application; another picture is one part.

    Args:
        harmless: makes each part harmless, or raises Invalid.

    Raises:
        Invalid: `file_damaged`, `file_encrypted`, `file_portfolio`, `file_xfa`, `file_too_demanding`, `too_many_pages`,
            `image_too_large`, and what `harmless` raises. ContainedFailure: `busy`.
    """
    cut = read_foreign(cut_at_codes, content, limits=_LIMITS_OF_A_BATCH)
    return [
        ScanPart(part.reference, (part.start + 1, part.end), harmless(_part_name(name, part, len(cut)), part.content))
        for part in cut
    ]


def find_reference(content: bytes, media_type: str) -> str | None:
    """In the child: as `reference_in`."""
    if media_type == "application/pdf":
        return next((found for found in _references(content) if found), None)
    return _reference_on(Image.open(io.BytesIO(content)))


def cut_at_codes(content: bytes) -> list[CutPart]:
    """In the child: as `parts_of`."""
    media_type = type_by_content(content)
    if media_type == "image/tiff":
        clean, media_type = clean_picture(content, media_type, MOST_PAGES, _MOST_PIXELS_OF_A_BATCH)
        content = clean if media_type == "application/pdf" else content
    if media_type != "application/pdf":
        return [CutPart(_reference_in_picture(content, media_type), 0, 1, content)]
    with opened(content) as whole:
        refuse_what_only_some_programs_show(whole)
        plain = io.BytesIO()
        whole.save(plain)  # without an owner's password, and with a header where PDFium looks for it
        references = _references(plain.getvalue())
        starts = [0, *(n for n, found in enumerate(references) if n and found and found != _before(references, n)), len(references)]
        if len(starts) == 2 and len(content) <= MAXIMUM_BYTES:
            return [CutPart(references[0], 0, len(references), content)]  # a signature in it holds for these bytes alone
        return [CutPart(references[start], start, end, _cut(whole, start, end)) for start, end in pairwise(starts)]


def _reference_in_picture(content: bytes, media_type: str) -> str | None:
    """A picture is looked at only when it will be taken; what it is refused for, `harmless` says."""
    try:
        clean, clean_type = clean_picture(content, media_type, 1)
    except (Invalid, KeyError):
        return None
    return find_reference(clean, clean_type)


def _reference_on(picture: Image.Image) -> str | None:
    for code in zxingcpp.read_barcodes(picture.convert("L"), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)):
        if found := _REFERENCE.search(code.text):
            return found[1]
    return None


def _before(references: list[str | None], page: int) -> str | None:
    return next((found for found in reversed(references[:page]) if found), None)


def _references(content: bytes) -> list[str | None]:
    pdf = pypdfium2.PdfDocument(content)
    try:
        if not 1 <= len(pdf) <= MOST_PAGES:
            raise Invalid([FieldError("file", "too_many_pages")])
        return [_reference_on(_drawn(pdf[number])) for number in range(len(pdf))]
    finally:
        pdf.close()


def _drawn(page: pypdfium2.PdfPage) -> Image.Image:
    picture: Image.Image = page.render(scale=scale_within(page, _DPI, _MOST_PIXELS)).to_pil()
    page.close()
    return picture


def _cut(whole: pikepdf.Pdf, start: int, end: int) -> bytes:
    output = io.BytesIO()
    with pikepdf.new() as part:
        part.pages.extend(whole.pages[start:end])
        part.save(output)
    return output.getvalue()


def _part_name(name: str, part: CutPart, parts: int) -> str:
    stem, _, ending = name.rpartition(".")
    if ending.lower() not in ("pdf", "tif", "tiff") or (parts == 1 and ending.lower() != "pdf"):
        return name
    return f"{stem}-{part.start + 1}.pdf" if part.end - part.start == 1 else f"{stem}-{part.start + 1}-{part.end}.pdf"
