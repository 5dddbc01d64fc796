"""Uploaded files are hostile until made harmless: type by content, images re-encoded, PDFs without active parts."""

from __future__ import annotations

import hashlib
import io
import unicodedata
import uuid

import pikepdf
import pillow_heif
import puremagic
from PIL import Image, ImageOps, UnidentifiedImageError

from provisioning.domain.errors import FieldError, Invalid
from provisioning.ports import Document

MAXIMUM_BYTES = 15 * 2**20
MAXIMUM_PAGES = 50
MAXIMUM_PIXELS = 40_000_000
_IMAGES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/tiff": "PNG", "image/heic": "JPEG"}
_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")
_ACTIVE_CATALOGUE_KEYS = ("/OpenAction", "/AA", "/AcroForm", "/Names", "/Collection", "/URI")

Image.MAX_IMAGE_PIXELS = MAXIMUM_PIXELS
pillow_heif.register_heif_opener()


def harmless_document(reference: str, kind: str, name: str, content: bytes) -> Document:
    """Turn an upload into a document that can be stored and shown.

    A signed PDF is kept byte by byte (rewriting it would break the signature) but only when it carries nothing
    active; every other PDF is rewritten without scripts, embedded files, forms and links.

    Raises:
        Invalid: `file_empty`, `file_too_large`, `file_type`, `file_encrypted`, `file_damaged`, `too_many_pages`,
            `image_too_large`.
    """
    if not content:
        raise _refused("file_empty")
    if len(content) > MAXIMUM_BYTES:
        raise _refused("file_too_large")
    media_type = _type_by_content(content)
    if media_type == "application/pdf":
        clean = content if kind == "electronic" and not _is_active(content) else _rewritten(content)
    elif media_type in _IMAGES:
        clean, media_type = _reencoded(content, _IMAGES[media_type])
    else:
        raise _refused("file_type")
    return Document(
        document_id=uuid.uuid4().hex,
        reference=reference,
        kind=kind,
        name=_name_for_people(name),
        media_type=media_type,
        sha256=hashlib.sha256(content).hexdigest(),
        content=clean,
        original=content,
    )


def _type_by_content(content: bytes) -> str:
    if content[:1024].lstrip().startswith(b"%PDF-"):
        return "application/pdf"
    if content[4:12] in _HEIC:
        return "image/heic"
    try:
        return str(puremagic.from_string(content[:8192], mime=True))
    except (puremagic.PureError, ValueError):
        return ""


def _is_active(content: bytes) -> bool:
    with _opened(content) as pdf:
        if any(key in pdf.Root for key in ("/OpenAction", "/AA")) or _names(pdf):
            return True
        return any("/AA" in page or _has_actions(page) for page in pdf.pages)


def _rewritten(content: bytes) -> bytes:
    with _opened(content) as pdf:
        for key in _ACTIVE_CATALOGUE_KEYS:
            if key in pdf.Root:
                del pdf.Root[key]
        for page in pdf.pages:
            for key in ("/AA", "/Annots"):
                if key in page:
                    del page[key]
        output = io.BytesIO()
        pdf.remove_unreferenced_resources()
        pdf.save(output)
    return output.getvalue()


def _opened(content: bytes) -> pikepdf.Pdf:
    try:
        pdf = pikepdf.open(io.BytesIO(content))
    except pikepdf.PasswordError as error:
        raise _refused("file_encrypted") from error
    except (pikepdf.PdfError, ValueError) as error:
        raise _refused("file_damaged") from error
    if pdf.is_encrypted:
        raise _refused("file_encrypted")
    if not 1 <= len(pdf.pages) <= MAXIMUM_PAGES:
        raise _refused("too_many_pages")
    return pdf


def _names(pdf: pikepdf.Pdf) -> bool:
    names = pdf.Root.get("/Names")
    return names is not None and any(key in names for key in ("/JavaScript", "/EmbeddedFiles"))


def _has_actions(page: pikepdf.Page) -> bool:
    annotations = page.get("/Annots")
    return annotations is not None and any("/A" in each or "/AA" in each for each in annotations)


def _reencoded(content: bytes, target: str) -> tuple[bytes, str]:
    """Decode and encode again: metadata (EXIF, GPS) and anything hidden behind the picture are gone."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAXIMUM_PIXELS:
                raise _refused("image_too_large")
            frames = getattr(image, "n_frames", 1)
            if frames > MAXIMUM_PAGES:
                raise _refused("too_many_pages")
            pages = [_upright(image, number) for number in range(frames if image.format == "TIFF" else 1)]
            output = io.BytesIO()
            if len(pages) > 1:  # a fax or a scanner's batch: every page is kept
                pages[0].save(output, "PDF", save_all=True, append_images=pages[1:], resolution=150)
                return output.getvalue(), "application/pdf"
            pages[0].save(output, target, **({"quality": 85} if target == "JPEG" else {}))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refused("image_too_large") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise _refused("file_damaged") from error
    return output.getvalue(), f"image/{target.lower()}"


def _upright(image: Image.Image, number: int) -> Image.Image:
    image.seek(number)
    if image.width * image.height > MAXIMUM_PIXELS:
        raise _refused("image_too_large")
    return ImageOps.exif_transpose(image).convert("RGB")


def _name_for_people(name: str) -> str:
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(character for character in unicodedata.normalize("NFC", last) if unicodedata.category(character)[0] != "C")
    return plain[:120] or "plik"


def _refused(code: str) -> Invalid:
    return Invalid([FieldError("file", code)])
