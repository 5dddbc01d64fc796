"""A document is drawn once, small, before it is taken: what cannot be drawn cannot be read by staff."""

from __future__ import annotations

import math

import pypdfium2

MOST_POINTS = 14_400  # ISO 32000-2, annex C: 200 inches
_PIXELS_OF_A_TRIAL = 250_000


def try_to_draw(content: bytes) -> None:
    """Forms in forms, patterns and fonts that never end are found here, by the limits of the child."""
    pdf = pypdfium2.PdfDocument(content)
    try:
        for number in range(len(pdf)):
            page = pdf[number]
            page.render(scale=scale_for(page, _PIXELS_OF_A_TRIAL))
            page.close()
    finally:
        pdf.close()


def scale_for(page: pypdfium2.PdfPage, pixels: int) -> float:
    width, height = page.get_size()
    return min(1.0, math.sqrt(pixels / max(1.0, width * height)))
