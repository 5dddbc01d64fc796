"""U01 to U03: uploaded files are hostile until made harmless."""

import io

import pikepdf
import pytest
from PIL import Image

from provisioning.adapters import uploads
from provisioning.adapters.scan_pages import page_count, page_picture
from provisioning.adapters.uploads import harmless_document
from provisioning.domain.errors import Invalid, NotFound


def pdf(change: object = None, pages: int = 1) -> bytes:
    document = pikepdf.new()
    for _ in range(pages):
        document.add_blank_page()
    if callable(change):
        change(document)
    output = io.BytesIO()
    document.save(output)
    return output.getvalue()


def image(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", size, "white").save(output, kind, **options)
    return output.getvalue()


def code(content: bytes, name: str = "skan.pdf", kind: str = "scan") -> str:
    with pytest.raises(Invalid) as refusal:
        harmless_document("2026-000001-1", kind, name, content)
    return refusal.value.errors[0].code


def active(document: pikepdf.Pdf) -> None:
    script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
    document.Root.OpenAction = script
    document.Root.Names = pikepdf.Dictionary(
        JavaScript=pikepdf.Dictionary(Names=["x", script]), EmbeddedFiles=pikepdf.Dictionary(Names=[])
    )
    link = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Link,
        Rect=[0, 0, 9, 9],
        A=pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe"),
    )
    document.pages[0].Annots = document.make_indirect([link])


@pytest.mark.parametrize("kind", ["scan", "electronic", "attachment"])
def test_u01_scripts_actions_and_embedded_files_are_taken_out(kind: str) -> None:
    clean = harmless_document("r", kind, "x.pdf", pdf(active)).content
    for word in (b"JavaScript", b"Launch", b"EmbeddedFiles", b"OpenAction"):
        assert word not in clean
    assert len(pikepdf.open(io.BytesIO(clean)).pages) == 1


def test_u01_a_harmless_signed_pdf_keeps_every_byte() -> None:
    content = pdf()
    assert harmless_document("r", "electronic", "podpisany.pdf", content).content == content


def test_u01_encrypted_broken_and_endless_pdfs_are_refused_with_the_reason() -> None:
    output = io.BytesIO()
    document = pikepdf.new()
    document.add_blank_page()
    document.save(output, encryption=pikepdf.Encryption(owner="o", user="u"))
    assert code(output.getvalue()) == "file_encrypted"
    assert code(b"%PDF-1.7\nnothing") == "file_damaged"
    assert code(pdf(pages=51)) == "too_many_pages"


def test_u02_images_are_encoded_again_without_metadata() -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (49.0, 49.0, 0.0)}
    exif[0x010E] = "tajny opis"
    found = harmless_document("r", "scan", "zdjecie.jpg", image(exif=exif) + b"<script>alert(1)</script>")
    assert found.media_type == "image/jpeg"
    assert not Image.open(io.BytesIO(found.content)).getexif()
    assert b"script" not in found.content
    assert b"tajny" not in found.content


def test_u02_bombs_and_other_types_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.pdf") == "file_type"
    assert code(b"<!DOCTYPE html><script>", "a.pdf") == "file_type"
    assert code(b"GIF89a/*alert(1)*/", "a.jpg") in ("file_type", "file_damaged")
    assert code(b"MZ\x90\x00" + b"\0" * 100, "a.pdf") == "file_type"
    monkeypatch.setattr(uploads, "MAXIMUM_PIXELS", 100)
    assert code(image("PNG")) == "image_too_large"


def test_u04_empty_and_too_large_files_are_refused() -> None:
    assert code(b"") == "file_empty"
    assert code(b"%PDF-" + b"0" * uploads.MAXIMUM_BYTES) == "file_too_large"
    assert code(image()[:300]) == "file_damaged"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\skan.pdf", "skan.pdf"),
        ("a\x00b\u202e.pdf", "ab.pdf"),
        ("x" * 300, "x" * 120),
        ("", "plik"),
    ],
)
def test_u03_a_name_is_only_text(name: str, shown: str) -> None:
    assert harmless_document("r", "scan", name, image()).name == shown


def test_a_photo_of_a_phone_in_heic_becomes_a_jpeg_without_metadata() -> None:
    made = harmless_document("r", "scan", "IMG_0001.HEIC", image("HEIF"))
    assert made.media_type == "image/jpeg"
    assert Image.open(io.BytesIO(made.content)).size == (40, 30)
    assert not Image.open(io.BytesIO(made.content)).getexif()


def test_the_viewer_turns_pages_and_knows_where_they_end() -> None:
    two = harmless_document("r", "scan", "x.pdf", pdf(pages=2))
    assert page_count(two) == 2
    upright, turned = (Image.open(io.BytesIO(page_picture(two, 2, rotation))) for rotation in (0, 90))
    assert upright.size == turned.size[::-1]
    photo = harmless_document("r", "scan", "x.jpg", image())
    assert page_count(photo) == 1
    assert Image.open(io.BytesIO(page_picture(photo, 1, 270))).size == (30, 40)
    for document, number, rotation in ((two, 3, 0), (two, 0, 0), (photo, 2, 0), (two, 1, 45)):
        with pytest.raises(NotFound):
            page_picture(document, number, rotation)
