"""S1: a batch of scans is cut at the QR codes of the signed prints."""

import io
from dataclasses import replace
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from provisioning.adapters.files import scan_batches
from provisioning.adapters.files.scan_batches import parts_of
from provisioning.adapters.files.uploads import harmless_document
from provisioning.adapters.pdf import filled_form
from provisioning.domain.document import Document
from provisioning.domain.errors import Invalid
from provisioning.form.catalogue import all_versions
from tests.support.files import page_with, pdf_of
from tests.support.hostile_files import Signer, forms_in_forms, one_page, pdf, saved, stream, tiff
from tests.support.letters import UTILITY, application


def harmless(name: str, content: bytes) -> Document:
    return harmless_document("", "scan", name, content)


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
    with pikepdf.open(io.BytesIO(pdf_of(ONE))) as whole:
        whole.save(output, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(Invalid) as refusal:
        parts_of("x.pdf", output.getvalue(), harmless)
    assert refusal.value.errors[0].code == "file_encrypted"


def tiff_of(*codes: str | None, **options: object) -> bytes:
    pages = [page_with(code).convert("1") for code in codes]
    return tiff(pages, dpi=(150, 150), **options)


def test_every_page_of_a_tiff_is_kept() -> None:
    document = harmless("fax.tiff", tiff_of(ONE, None, None))
    assert document.media_type == "application/pdf"
    assert len(pypdfium2.PdfDocument(document.content)) == 3


@pytest.mark.parametrize("compression", [None, "group4", "tiff_lzw"])
def test_a_batch_as_tiff_is_cut_like_one_as_pdf(compression: str | None) -> None:
    options = {"compression": compression} if compression else {}
    parts = parts_of("paczka.tif", tiff_of(ONE, None, TWO, **options), harmless)
    assert [(part.reference, part.pages, part.document.name) for part in parts] == [
        (ONE, (1, 2), "paczka-1-2.pdf"),
        (TWO, (3, 3), "paczka-3.pdf"),
    ]
    assert [len(pypdfium2.PdfDocument(part.document.content)) for part in parts] == [2, 1]
    (single,) = parts_of("jedna.tif", tiff_of(ONE), harmless)
    assert (single.reference, single.document.media_type) == (ONE, "image/png")


def test_a_batch_that_only_forbids_changes_or_has_junk_before_it_is_cut() -> None:
    with pikepdf.open(io.BytesIO(pdf_of(ONE, TWO))) as whole:
        locked = saved(whole, encryption=pikepdf.Encryption(owner="a", user=""))
    for content in (locked, b"TEXTmdos 5 " + pdf_of(ONE, TWO)):
        assert seen(content) == [(ONE, (1, 1), 1), (TWO, (2, 2), 1)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (forms_in_forms(30, 30), "file_too_demanding"),
        (tiff([Image.new("1", (8, 8)) for _ in range(301)]), "too_many_pages"),
        (pdf(lambda d: d.Root.__setitem__("/Collection", pikepdf.Dictionary())), "file_portfolio"),
    ],
    ids=["forms in forms", "301 pages", "portfolio"],
)
def test_u06_a_batch_that_blows_up_is_refused(content: bytes, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_batches, "_LIMITS_OF_A_BATCH", replace(scan_batches._LIMITS_OF_A_BATCH, cpu=3))
    with pytest.raises(Invalid) as refusal:
        parts_of("x", content, harmless)
    assert refusal.value.errors[0].code == code


def test_a_batch_that_is_one_part_stays_as_it_came_and_so_does_its_signature() -> None:
    signed = Signer().sign(one_page(stream(b"0 0 50 50 re f")))
    (part,) = parts_of("podpisany.pdf", signed, harmless)
    assert part.document.original == signed
    assert [each.intact for each in part.document.signatures] == [True]
