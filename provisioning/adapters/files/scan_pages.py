"""Pages of a stored document as pictures, for the viewer beside the data, drawn in a child process with limits (U06)."""

from __future__ import annotations

import io
import math

import pypdfium2
import structlog
from PIL import Image

from provisioning.adapters.files.contained import ContainedFailure, Limits
from provisioning.adapters.files.uploads import read_foreign
from provisioning.domain.document import Document
from provisioning.domain.errors import Invalid, NotFound

_DPI = 260
_QUALITY = 80
_SCREEN_PIXELS = 2_000_000  # A4, some 1,200 dots wide: half a screen on a display of double density
_MOST_PIXELS = 8_000_000  # A3 at 200 dpi; a larger page is drawn smaller
_LIMITS = Limits(memory=768 * 2**20, cpu=10, wall=20, wait=10)
ROTATIONS = (0, 90, 180, 270)
_log = structlog.get_logger()


def page_count(document: Document) -> int:
    """How many pages the viewer can show; 1 when they cannot be counted now, so that the case itself can be opened."""
    if document.media_type != "application/pdf":
        return 1
    try:
        return read_foreign(count_pages, document.content, limits=_LIMITS)
    except (Invalid, ContainedFailure) as error:
        _log.warning("viewer.not_counted", sha256=document.sha256, why=str(error))
        return 1


def page_picture(document: Document, number: int, rotation: int, *, large: bool = False) -> bytes:
    """One page as JPEG, as large as a screen shows it.

    Args:
        number: from 1.
        rotation: 0, 90, 180 or 270 degrees clockwise.
        large: with all its detail, for looking closely.

    Raises:
        NotFound: there is no such page. Invalid: it cannot be drawn within the limits. ContainedFailure: `busy`.
    """
    if rotation not in ROTATIONS or number < 1:
        raise NotFound(str(number))
    pixels = _MOST_PIXELS if large else _SCREEN_PIXELS
    return read_foreign(draw_page, document.content, document.media_type, number, rotation, pixels, limits=_LIMITS)


def count_pages(content: bytes) -> int:
    """In the child: pages of a PDF."""
    pdf = pypdfium2.PdfDocument(content)
    try:
        return len(pdf)
    finally:
        pdf.close()


def draw_page(content: bytes, media_type: str, number: int, rotation: int, pixels: int) -> bytes:
    """In the child: arguments and refusals as of `page_picture`."""
    if media_type == "application/pdf":
        picture = _pdf_page(content, number, pixels)
    elif number == 1:
        picture = Image.open(io.BytesIO(content))
        picture.draft(None, _fitting(picture.width, picture.height, pixels))
        picture.thumbnail(_fitting(picture.width, picture.height, pixels))
    else:
        raise NotFound(str(number))
    output = io.BytesIO()
    upright = picture.rotate(-rotation, expand=True) if rotation else picture
    upright.convert("RGB").save(output, "JPEG", quality=_QUALITY)
    return output.getvalue()


def scale_within(page: pypdfium2.PdfPage, dpi: float, most_pixels: int) -> float:
    """The scale for drawing a page at so many dots an inch, or at fewer when it would have too many pixels."""
    width, height = page.get_size()
    return min(dpi / 72, math.sqrt(most_pixels / max(1.0, width * height)))


def _pdf_page(content: bytes, number: int, pixels: int) -> Image.Image:
    pdf = pypdfium2.PdfDocument(content)
    try:
        if number > len(pdf):
            raise NotFound(str(number))
        page = pdf[number - 1]
        picture: Image.Image = page.render(scale=scale_within(page, _DPI, pixels)).to_pil()
        return picture
    finally:
        pdf.close()


def _fitting(width: int, height: int, pixels: int) -> tuple[int, int]:
    scale = min(1.0, math.sqrt(pixels / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))
