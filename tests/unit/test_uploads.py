"""U01 to U04, U06: uploaded files are hostile until made harmless."""

import io
import time

import pikepdf
import pytest
from PIL import Image, ImageDraw

from provisioning.adapters.files import clean_picture as pictures
from provisioning.adapters.files import uploads
from provisioning.adapters.files.contained import ContainedFailure
from provisioning.adapters.files.scan_pages import page_count, page_picture
from provisioning.adapters.files.uploads import harmless_document
from provisioning.domain.errors import Invalid, NotFound
from tests.support.hostile_files import (
    content_of,
    form_in_itself,
    forms_in_forms,
    huge_page,
    image,
    one_page,
    packed_twice,
    pdf,
    png_of,
    raw_pdf,
    saved,
    stream,
    tiff,
)


def code(content: bytes, name: str = "skan.pdf", kind: str = "scan") -> str:
    with pytest.raises(Invalid) as refusal:
        harmless_document("2026-000001-1", kind, name, content)
    return refusal.value.errors[0].code


def kept(content: bytes, kind: str = "scan") -> bytes:
    return harmless_document("r", kind, "x", content).content


def pixel(content: bytes, place: tuple[int, int] = (0, 0)) -> object:
    return Image.open(io.BytesIO(content)).convert("RGB").getpixel(place)


def test_u01_locked_broken_and_endless_pdfs_are_refused_with_the_reason() -> None:
    locked = pikepdf.open(io.BytesIO(pdf()))
    assert code(saved(locked, encryption=pikepdf.Encryption(owner="o", user="u"))) == "file_encrypted"
    assert code(b"%PDF-1.7\nnothing") == "file_damaged"
    assert code(pdf(pages=51)) == "too_many_pages"
    assert code(raw_pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>")) == "too_many_pages"


def test_u02_images_are_encoded_again_without_metadata() -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (49.0, 49.0, 0.0)}
    exif[0x010E] = "tajny opis"
    found = harmless_document("r", "scan", "zdjecie.jpg", image(exif=exif) + b"<script>alert(1)</script>")
    assert found.media_type == "image/jpeg"
    assert not Image.open(io.BytesIO(found.content)).getexif()
    assert b"script" not in found.content
    assert b"tajny" not in found.content


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!DOCTYPE html><script>",
        b"GIF89a/*alert(1)*/",
        b"MZ\x90\x00" + b"\0" * 100,
        b"PK\x03\x04" + b"\0" * 100,
        b" " * 1100 + b"%PDF-1.7",
    ],
)
def test_u02_other_types_are_refused_whatever_their_name(content: bytes) -> None:
    assert code(content, "a.pdf") == "file_type"


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, (0, 0)), (3, (39, 29)), (6, (29, 0)), (8, (0, 39)), (2, (39, 0)), (4, (0, 29)), (5, (0, 0)), (7, (29, 39))],
)
def test_a_photo_is_turned_as_the_camera_was_held(orientation: int, corner: tuple[int, int]) -> None:
    picture = Image.new("RGB", (40, 30), "white")
    ImageDraw.Draw(picture).rectangle((0, 0, 7, 7), fill="black")
    exif = Image.Exif()
    exif[0x0112] = orientation
    output = io.BytesIO()
    picture.save(output, "PNG", exif=exif)
    assert pixel(kept(output.getvalue()), corner) == (0, 0, 0)


def test_a_photo_with_bent_exif_is_read_as_it_is() -> None:
    for exif in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03", b"Exif\0\0junk"):
        bent = image(exif=exif)
        assert Image.open(io.BytesIO(kept(bent))).size == (40, 30)


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (image("PNG", mode="RGBA", colour=(0, 0, 0, 0)), (255, 255, 255)),
        (image("PNG", mode="LA", colour=(0, 0)), (255, 255, 255)),
        (image("PNG", mode="P", colour=0, transparency=0), (255, 255, 255)),
        (image("TIFF", mode="RGBA", colour=(0, 0, 0, 0)), (255, 255, 255)),
        (image("PNG", mode="I;16", colour=32768), (128, 128, 128)),
        (image("TIFF", mode="I;16", colour=65535), (255, 255, 255)),
        (image("TIFF", mode="I;16", colour=0), (0, 0, 0)),
        (image("TIFF", mode="1", colour=1), (255, 255, 255)),
        (image("JPEG", mode="CMYK", colour=(0, 0, 0, 0)), (255, 255, 255)),
        (image("TIFF", mode="CMYK", colour=(0, 0, 0, 255)), (0, 0, 0)),
    ],
)
def test_whatever_its_colours_are_made_of_paper_stays_white_and_ink_dark(content: bytes, colour: tuple[int, int, int]) -> None:
    found = pixel(kept(content))
    assert all(abs(one - other) <= 2 for one, other in zip(found, colour, strict=True))


def test_the_largest_photos_of_phones_are_scaled_not_refused() -> None:
    made = kept(image(size=(8064, 6048)))
    assert Image.open(io.BytesIO(made)).size == (4032, 3024)


def test_u02_pixels_are_counted_from_the_headers_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code(png_of(50_000, 50_000)) == "image_too_large"
    assert code(png_of(1_000, 1_000)) == "file_damaged"
    decoded = []
    monkeypatch.setattr(pictures, "_upright", decoded.append)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 1500)
    for kind in ("PNG", "JPEG", "TIFF", "HEIF"):
        with pytest.raises(Invalid, match="image_too_large"):
            uploads.clean_copy("scan", image(kind, (40, 40)))
    assert not decoded


def test_u06_the_pixels_of_all_frames_are_counted_together() -> None:
    frames = [Image.new("1", (7000, 5700), 1) for _ in range(10)]
    bomb = tiff(frames, compression="group4")
    assert len(bomb) < 40_000
    started = time.monotonic()
    assert code(bomb, "fax.tif") == "image_too_large"
    assert time.monotonic() - started < 10
    assert code(tiff([Image.new("1", (8, 8)) for _ in range(51)]), "fax.tif") == "too_many_pages"


def test_every_page_of_a_fax_is_kept_in_its_proportions() -> None:
    pages = [Image.new("1", (1728, 1143), 1), Image.new("L", (1654, 2339), 255)]
    made = harmless_document("r", "scan", "fax.tif", tiff(pages, dpi=(204, 98)))
    assert (made.media_type, page_count(made)) == ("application/pdf", 2)
    fax = Image.open(io.BytesIO(page_picture(made, 1, 0)))
    assert fax.height / fax.width == pytest.approx((1143 / 98) / (1728 / 204), rel=0.02)


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


def test_u06_a_page_of_five_metres_is_drawn_within_bounds() -> None:
    made = harmless_document("r", "scan", "plakat.pdf", huge_page())
    picture = Image.open(io.BytesIO(page_picture(made, 1, 0)))
    assert picture.width * picture.height <= 8_100_000


@pytest.mark.parametrize(
    "bomb",
    [
        packed_twice(300_000_000),
        content_of(400),
        forms_in_forms(30, 30),
        form_in_itself(),
        one_page(stream(b" "), box=b"[0 0 900000 900000]"),
    ],
    ids=["packed twice", "content without end", "forms in forms", "a form in itself", "a page of 350 metres"],
)
def test_u06_files_that_blow_up_are_refused_in_time_and_the_next_one_is_taken(bomb: bytes) -> None:
    started = time.monotonic()
    assert code(bomb) == "file_too_demanding"
    assert time.monotonic() - started < 20  # so long the web form waits
    assert kept(pdf())


def test_forms_that_share_their_resources_with_the_page_are_no_loop() -> None:
    form = stream(b"0 0 9 9 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources 6 0 R")
    assert kept(one_page(stream(b"/F Do /F Do"), b"6 0 R", form, b"<< /XObject << /F 5 0 R >> >>"))


def test_u06_tiles_in_tiles_are_stopped_by_the_clock_of_the_child() -> None:
    tiles = [
        stream(
            b"/Pattern cs /P scn 0 0 600 900 re f",
            b"/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 2 2] /XStep 1 /YStep 1"
            b" /Resources << /Pattern << /P %d 0 R >> >>" % (6 + level if level < 7 else 5),
        )
        for level in range(8)
    ]
    try:
        kept(one_page(stream(b"/Pattern cs /P scn 0 0 600 900 re f"), b"<< /Pattern << /P 5 0 R >> >>", *tiles))
    except Invalid as refusal:
        assert refusal.errors[0].code in ("file_too_demanding", "file_damaged")


ODD = {
    "box of a number": one_page(stream(b" "), box=b"7"),
    "box of names": one_page(stream(b" "), box=b"[/A /B /C /D]"),
    "box without end": one_page(stream(b" "), box=b"[0 0 1e400 10]"),
    "annotations of a number": pdf(lambda d: d.pages[0].obj.__setitem__("/Annots", 5)),
    "annotations of nulls": pdf(lambda d: d.pages[0].obj.__setitem__("/Annots", pikepdf.Array([None, 3, pikepdf.Name.X]))),
    "resources of a number": one_page(stream(b" "), b"9"),
    "fonts of a number": one_page(stream(b" "), b"<< /Font 7 /XObject [1 2] >>"),
    "content of a name": one_page(b"/Content"),
    "unknown compression": one_page(stream(b"x", b"/Filter /Own")),
    "compression of a number": one_page(stream(b"x", b"/Filter 3")),
    "picture without size": one_page(
        stream(b"/I Do"), b"<< /XObject << /I 5 0 R >> >>", stream(b"x", b"/Subtype /Image /Width /A /Height [1]")
    ),
    "kids of a number": raw_pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids 3 /Count 1 >>"),
    "kids in a loop": raw_pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
    "catalogue of a number": raw_pdf(b"7"),
    "count too high": raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 99999999 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
    ),
    "form of a number": pdf(lambda d: d.Root.__setitem__("/AcroForm", 4)),
    "fields of a number": pdf(lambda d: d.Root.__setitem__("/AcroForm", pikepdf.Dictionary(Fields=4, NeedAppearances=True))),
    "parents in a loop": raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 /Parent 3 0 R >>",
        b"<< /Type /Page /Parent 2 0 R >>",
    ),
    "tiff without size": b"II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\x01\0\0\0\x05\0\0\0\0\0\0\0",
    "tiff in a loop": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "png cut": image("PNG")[:40],
    "heic with bent boxes": image("HEIF")[:100] + b"\xff" * 200,
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_an_odd_file_is_taken_or_refused_and_never_an_error(content: bytes) -> None:
    try:
        assert kept(content)
    except Invalid as refusal:
        assert refusal.errors[0].code in ("file_damaged", "too_many_pages", "file_too_demanding", "file_type")


def test_u06_when_all_children_are_busy_the_door_says_so_and_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_arguments: object, **_limits: object) -> None:
        raise ContainedFailure("busy")

    monkeypatch.setattr(uploads, "contained", busy)
    with pytest.raises(ContainedFailure):
        harmless_document("r", "scan", "x.pdf", pdf())


def test_u06_busy_is_503_at_the_api_and_says_when_to_try_again() -> None:
    from flask import Flask

    from provisioning.api.problems import api_error

    with Flask("x").test_request_context():
        answer = api_error(ContainedFailure("busy"))
    assert (answer.status_code, answer.get_json()["code"], answer.headers["Retry-After"]) == (503, "busy", "5")
