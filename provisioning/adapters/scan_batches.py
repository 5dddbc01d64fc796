"""A batch of scans is cut at the QR codes of the signed prints; each part is a file of its own."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from itertools import pairwise

import pikepdf
import pypdfium2
import zxingcpp
from PIL import Image

from provisioning.domain.errors import FieldError, Invalid
from provisioning.ports import Document
from provisioning.use_cases.take_in import ScanPart

MOST_PAGES = 300
LARGEST = 60 * 2**20
_SCALE = 150 / 72  # a QR of the print has modules of half a millimetre: three pixels at 150 dpi
_REFERENCE = re.compile(r"\b([0-9]{4}-[0-9]{6,8}-[0-9])\b")


def reference_on(picture: Image.Image) -> str | None:
    """The application number in a QR code of one page, if there is one."""
    for code in zxingcpp.read_barcodes(picture.convert("L"), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)):
        if found := _REFERENCE.search(code.text):
            return found[1]
    return None


def reference_in(document: Document) -> str | None:
    """The first application number in a QR code of a stored document, if there is one."""
    if document.media_type == "application/pdf":  # a TIFF of several pages
        return next((found for found in _references(document.content) if found), None)
    return reference_on(Image.open(io.BytesIO(document.content)))


def parts_of(name: str, content: bytes, harmless: Callable[[str, bytes], Document]) -> list[ScanPart]:
    """Cut a PDF before every page with the QR code of another application; a picture is one part.

    Args:
        harmless: makes each part harmless, or raises Invalid.

    Raises:
        Invalid: `file_damaged`, `file_encrypted`, `too_many_pages`, and what `harmless` raises.
    """
    if not content[:1024].lstrip().startswith(b"%PDF-"):
        document = harmless(name, content)
        return [ScanPart(reference_in(document), (1, 1), document)]
    references = _references(content)
    starts = [0, *(n for n, found in enumerate(references) if n and found and found != _before(references, n)), len(references)]
    return [
        ScanPart(references[start], (start + 1, end), harmless(_part_name(name, start, end), _cut(content, start, end)))
        for start, end in pairwise(starts)
    ]


def _before(references: list[str | None], page: int) -> str | None:
    return next((found for found in reversed(references[:page]) if found), None)


def _references(content: bytes) -> list[str | None]:
    try:
        pdf = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise Invalid([FieldError("file", "file_encrypted" if "password" in str(error).lower() else "file_damaged")]) from error
    try:
        if len(pdf) > MOST_PAGES:
            raise Invalid([FieldError("file", "too_many_pages")])
        return [reference_on(pdf[number].render(scale=_SCALE).to_pil()) for number in range(len(pdf))]
    finally:
        pdf.close()


def _cut(content: bytes, start: int, end: int) -> bytes:
    output = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(content)) as whole, pikepdf.new() as part:
            part.pages.extend(whole.pages[start:end])
            part.save(output)
    except pikepdf.PdfError as error:
        raise Invalid([FieldError("file", "file_damaged")]) from error
    return output.getvalue()


def _part_name(name: str, start: int, end: int) -> str:
    stem = name.removesuffix(".pdf").removesuffix(".PDF")
    return f"{stem}-{start + 1}.pdf" if end - start == 1 else f"{stem}-{start + 1}-{end}.pdf"
