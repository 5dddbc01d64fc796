"""Pages of a stored document as pictures, for the viewer beside the data. Only documents made harmless come here."""

from __future__ import annotations

import io

import pypdfium2
from PIL import Image

from provisioning.domain.errors import NotFound
from provisioning.ports import Document

_DPI = 130
ROTATIONS = (0, 90, 180, 270)


def page_count(document: Document) -> int:
    """How many pages the viewer can show."""
    if document.media_type != "application/pdf":
        return 1
    pdf = pypdfium2.PdfDocument(document.content)
    try:
        return len(pdf)
    finally:
        pdf.close()


def page_picture(document: Document, number: int, rotation: int) -> bytes:
    """One page as PNG.

    Args:
        number: from 1.
        rotation: 0, 90, 180 or 270 degrees clockwise.

    Raises:
        NotFound: there is no such page.
    """
    if rotation not in ROTATIONS or number < 1:
        raise NotFound(str(number))
    if document.media_type == "application/pdf":
        picture = _pdf_page(document.content, number)
    elif number == 1:
        picture = Image.open(io.BytesIO(document.content))
    else:
        raise NotFound(str(number))
    output = io.BytesIO()
    picture.rotate(-rotation, expand=True).save(output, "PNG")
    return output.getvalue()


def _pdf_page(content: bytes, number: int) -> Image.Image:
    pdf = pypdfium2.PdfDocument(content)
    try:
        if number > len(pdf):
            raise NotFound(str(number))
        picture: Image.Image = pdf[number - 1].render(scale=_DPI / 72).to_pil()
        return picture
    finally:
        pdf.close()
