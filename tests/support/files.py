"""Files that people send, and what is in them."""

from __future__ import annotations

import io

import pypdfium2
import segno
from PIL import Image


def text_of(pdf: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))


def picture() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(output, "PNG")
    return output.getvalue()


BLANK = Image.new("L", (1240, 1754), 255)


def page_with(code: str | None) -> Image.Image:
    page = BLANK.copy()
    if code:
        output = io.BytesIO()
        segno.make(code, error="m").save(output, kind="png", scale=5)
        page.paste(Image.open(output), (900, 80))
    return page


def pdf_of(*codes: str | None) -> bytes:
    output = io.BytesIO()
    pages = [page_with(code) for code in codes]
    pages[0].save(output, "PDF", save_all=True, append_images=pages[1:], resolution=150)
    return output.getvalue()
