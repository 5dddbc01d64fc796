"""A picture decoded and encoded again: metadata (EXIF, GPS) and what hides behind the picture are gone (U02, U06).

Runs in a child process.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator

import pikepdf
import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from provisioning.domain.errors import FieldError, Invalid

MOST_PIXELS = 110_000_000  # of one picture; a phone's largest photo has 108 million
MOST_PIXELS_OF_ALL_FRAMES = 300_000_000
KEPT_PIXELS = 25_000_000  # A4 at 500 dpi; what is larger is halved, or divided by three
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/tiff": "PNG", "image/heic": "JPEG"}
_READERS = ("JPEG", "PNG", "TIFF", "HEIF")
_FAX_DPI = (204, 196)
_PLAUSIBLE_DPI = (30, 2400)
_TURNS = dict(
    zip(
        range(2, 9),
        (
            Image.Transpose.FLIP_LEFT_RIGHT,
            Image.Transpose.ROTATE_180,
            Image.Transpose.FLIP_TOP_BOTTOM,
            Image.Transpose.TRANSPOSE,
            Image.Transpose.ROTATE_270,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
        ),
        strict=True,
    )
)

Image.MAX_IMAGE_PIXELS = None  # counted here, over all frames
pillow_heif.register_heif_opener(thumbnails=False)


def clean_picture(
    content: bytes, media_type: str, most_pages: int, most_pixels: int = MOST_PIXELS_OF_ALL_FRAMES
) -> tuple[bytes, str]:
    """Return the new picture and its type: a TIFF of several pages becomes a PDF.

    Raises:
        Invalid: `image_too_large`, `too_many_pages`, `file_damaged`. Whatever else a broken file makes Pillow raise: the file
            is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _reencoded(content, FORMATS[media_type], most_pages, most_pixels)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise _refused("file_damaged") from error


def _reencoded(content: bytes, target: str, most_pages: int, most_pixels: int) -> tuple[bytes, str]:
    with Image.open(io.BytesIO(content), formats=_READERS) as image:
        frames = _counted(image, most_pages, most_pixels)
        if frames > 1:
            return _as_pdf(_page(image, number) for number in range(frames)), "application/pdf"
        output = io.BytesIO()
        _upright(image).save(output, target, **({"quality": 85} if target == "JPEG" else {}))
    return output.getvalue(), f"image/{target.lower()}"


def _counted(image: Image.Image, most_pages: int, most_pixels: int) -> int:
    """How many frames there are, their sizes read from the headers alone: nothing is decoded before all are known."""
    frames, pixels = 0, 0
    while True:
        size = image.width * image.height
        pixels += size
        if size > MOST_PIXELS or pixels > most_pixels:
            raise _refused("image_too_large")
        frames += 1
        if frames > most_pages:
            raise _refused("too_many_pages")
        if image.format != "TIFF":
            return frames
        try:
            image.seek(frames)
        except EOFError:
            image.seek(0)
            return frames


def _page(image: Image.Image, number: int) -> bytes:
    """One frame as a PDF of one page, at the size it was scanned; a fax has other dots across than along."""
    image.seek(number)
    across, along = _dpi(image)
    before = image.size
    page = _upright(image)
    scale = min(1.0, max(page.size) / max(before))
    output = io.BytesIO()
    page.save(output, "PDF", dpi=(across * scale, along * scale), **({} if page.mode == "1" else {"quality": 85}))
    return output.getvalue()


def _dpi(image: Image.Image) -> tuple[float, float]:
    try:
        across, along = (float(each) for each in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return _FAX_DPI if image.width == 1728 and image.height < 1300 else (150, 150)
    least, most = _PLAUSIBLE_DPI
    return (across, along) if least <= across <= most and least <= along <= most else (150, 150)


def _as_pdf(pages: Iterator[bytes]) -> bytes:
    with pikepdf.new() as whole:
        for content in pages:
            with pikepdf.open(io.BytesIO(content)) as page:
                whole.pages.extend(page.pages)
        output = io.BytesIO()
        whole.save(output)
    return output.getvalue()


def _upright(image: Image.Image) -> Image.Image:
    """Decoded, scaled down, turned as the camera was held, without transparency and in colours that everything shows."""
    turn = _turn(image)
    image = _shrunk(image)
    return _on_white(image.transpose(turn) if turn is not None else image)


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # bent EXIF raises anything, and the picture itself may be good
        return None


def _shrunk(image: Image.Image) -> Image.Image:
    """Scaled by a whole number, which is quick and keeps thin strokes; a JPEG is decoded at a fraction of its size at once."""
    factor = math.ceil(math.sqrt(image.width * image.height / KEPT_PIXELS))
    wanted = image.width // factor
    if factor > 1:
        image.draft(None, (wanted, image.height // factor))
    image.load()
    image = _eight_bits(image)
    left = image.width // wanted  # what the decoder has not done
    if left < 2:
        return image
    return image.convert({"1": "L", "P": "RGBA", "PA": "RGBA"}.get(image.mode, image.mode)).reduce(left)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits a colour cut to eight: Pillow's own conversion would turn all of it white."""
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    wide = image.convert("F")
    brightest = float(wide.getextrema()[1])  # type: ignore[arg-type]  # one band
    most = 65535.0 if image.mode != "F" and 255 < brightest <= 65535 else max(brightest, 1.0)
    return wide.point(lambda value: value * (255 / most)).convert("L")


def _on_white(image: Image.Image) -> Image.Image:
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        ink = image.convert("RGBA")
        paper = Image.new("RGBA", ink.size, "white")
        paper.alpha_composite(ink)
        return paper.convert("RGB")
    return image if image.mode in ("1", "L", "RGB") else image.convert("RGB")


def _refused(code: str) -> Invalid:
    return Invalid([FieldError("file", code)])
