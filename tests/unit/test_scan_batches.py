"""S1: a batch of scans is cut at the QR codes of the signed prints."""

import io
from typing import Any

import pikepdf
import pypdfium2
import pytest
import segno
from PIL import Image

from provisioning.adapters.pdf import filled_form
from provisioning.adapters.scan_batches import parts_of
from provisioning.adapters.uploads import harmless_document
from provisioning.domain.errors import Invalid
from provisioning.form.catalogue import all_versions
from provisioning.ports import Document
from tests.unit.test_mails_and_pdf import UTILITY, application

BLANK = Image.new("L", (1240, 1754), 255)


def harmless(name: str, content: bytes) -> Document:
    return harmless_document("", "scan", name, content)


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


def seen(content: bytes) -> list[tuple[str | None, tuple[int, int], int]]:
    parts = parts_of("paczka.pdf", content, harmless)
    return [(part.reference, part.pages, len(pypdfium2.PdfDocument(part.document.content))) for part in parts]


ONE, TWO = "2026-000417-9", "2026-000418-7"


def test_each_part_goes_from_one_code_to_the_next() -> None:
    assert seen(pdf_of(ONE, None, TWO)) == [(ONE, (1, 2), 2), (TWO, (3, 3), 1)]


def test_the_same_code_on_several_pages_is_one_part() -> None:
    assert seen(pdf_of(ONE, ONE, None, TWO, TWO)) == [(ONE, (1, 3), 3), (TWO, (4, 5), 2)]


def test_pages_before_the_first_code_are_for_a_person() -> None:
    assert seen(pdf_of(None, ONE)) == [(None, (1, 1), 1), (ONE, (2, 2), 1)]


def test_a_code_that_is_no_application_number_is_none() -> None:
    assert seen(pdf_of("https://example.com/2026")) == [(None, (1, 1), 1)]


def test_the_code_of_our_own_print_is_found_on_a_turned_and_grey_photo() -> None:
    one: Any = application()
    printed = pypdfium2.PdfDocument(filled_form(one, all_versions()["2026-1"], UTILITY))
    photo = printed[0].render(scale=2).to_pil().convert("L").rotate(7, expand=True, fillcolor=120)
    output = io.BytesIO()
    photo.save(output, "JPEG", quality=60)
    (part,) = parts_of("foto.jpg", output.getvalue(), harmless)
    assert part.reference == one.reference


@pytest.mark.parametrize(("content", "code"), [(b"%PDF-1.7 nonsense", "file_damaged"), (b"hello", "file_type")])
def test_what_cannot_be_read_is_refused_by_name(content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parts_of("x.pdf", content, harmless)
    assert refusal.value.errors[0].code == code


def test_an_encrypted_batch_is_refused_by_name() -> None:
    output = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(ONE))) as pdf:
        pdf.save(output, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(Invalid) as refusal:
        parts_of("x.pdf", output.getvalue(), harmless)
    assert refusal.value.errors[0].code == "file_encrypted"


def test_every_page_of_a_tiff_is_kept() -> None:
    output = io.BytesIO()
    page_with(ONE).save(output, "TIFF", save_all=True, append_images=[page_with(None), page_with(None)])
    document = harmless("fax.tiff", output.getvalue())
    assert document.media_type == "application/pdf"
    assert len(pypdfium2.PdfDocument(document.content)) == 3
    (part,) = parts_of("fax.tiff", output.getvalue(), harmless)
    assert part.reference == ONE
