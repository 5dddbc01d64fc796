"""U01, U07: the clean copy of a PDF holds what is drawn on its pages and nothing else."""

import io

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image, ImageChops

from provisioning.adapters.files.uploads import harmless_document
from provisioning.adapters.pdf import filled_form
from provisioning.domain.errors import Invalid
from provisioning.form.catalogue import all_versions
from tests.support.hostile_files import comment, everything_active, image, one_page, pdf, saved, stream, text_field
from tests.support.letters import UTILITY, application

KEYS_OF_A_PAGE = {"/Type", "/Parent", "/MediaBox", "/CropBox", "/Rotate", "/Resources", "/Contents"}


def clean(content: bytes, kind: str = "scan") -> bytes:
    return harmless_document("r", kind, "x.pdf", content).content


def drawn(content: bytes, number: int = 0) -> Image.Image:
    return pypdfium2.PdfDocument(content)[number].render(scale=1).to_pil().convert("L")


def dark(picture: Image.Image, box: tuple[int, int, int, int]) -> int:
    return sum(picture.crop(box).histogram()[:128])


def spelled_out(content: bytes) -> bytes:
    """Every object of a PDF in clear, streams unpacked."""
    output = io.BytesIO()
    pikepdf.open(io.BytesIO(content)).save(
        output,
        object_stream_mode=pikepdf.ObjectStreamMode.disable,
        stream_decode_level=pikepdf.StreamDecodeLevel.all,
        compress_streams=False,
    )
    return output.getvalue()


@pytest.mark.parametrize("kind", ["scan", "attachment"])
def test_u07_nothing_active_is_left_in_any_place_that_can_hold_it(kind: str) -> None:
    source = saved(everything_active())
    made = spelled_out(clean(source, kind))
    before = spelled_out(source)
    words = (
        b"JavaScript app.alert Launch evil.example EmbeddedFile a.exe embedded-bytes tajne piece- OpenAction /AA /AF /PresSteps /PieceInfo"
        b" /Outlines /Names /Metadata /URI /Annots /AcroForm /Thumb /Ref /Properties /RichMedia /PS /Screen /FS /EF"
    )
    assert [word for word in words.split() if word not in before] == []
    assert [word for word in words.split() if word in made] == []


def test_u07_a_clean_copy_has_only_the_keys_of_a_plain_file() -> None:
    made = pikepdf.open(io.BytesIO(clean(saved(everything_active()))))
    assert set(made.Root.keys()) == {"/Type", "/Pages"}
    assert set(made.trailer.keys()) <= {"/Root", "/ID", "/Size", "/Length", "/Type", "/W", "/Filter", "/DecodeParms", "/Index"}
    assert len(made.pages) == 2
    for page in made.pages:
        assert set(page.obj.keys()) <= KEYS_OF_A_PAGE


def test_what_is_drawn_stays_the_same_to_the_dot() -> None:
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>"
    pattern = stream(
        b"0 0 5 5 re f", b"/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 10 10] /XStep 10 /YStep 10 /Resources << >>"
    )
    shading = b"<< /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 600 0] /Function << /FunctionType 2 /Domain [0 1] /C0 [1 0 0] /C1 [0 0 1] /N 1 >> >>"
    soft = b"<< /Type /ExtGState /ca 0.4 /BM /Multiply >>"
    form = stream(
        b"/G gs 0 0 100 100 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 90 90] /Resources << /ExtGState << /G 8 0 R >> >>"
    )
    jpeg = image(size=(60, 40), colour="green")
    picture = stream(jpeg, b"/Subtype /Image /Width 60 /Height 40 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode")
    separation = b"[/Separation /Spot /DeviceCMYK << /FunctionType 2 /Domain [0 1] /C0 [0 0 0 0] /C1 [0 1 1 0] /N 1 >>]"
    content = one_page(
        stream(
            b"BT /T 40 Tf 50 700 Td (Wniosek) Tj ET q /Pattern cs /P scn 50 500 200 100 re f Q q 1 0 0 1 0 300 cm 0 0 600 100 re W n /S sh Q"
            b" q 1 0 0 1 300 500 cm /F Do Q q 120 0 0 80 50 100 cm /I Do Q /Spot cs 0.7 scn 300 100 100 100 re f"
            b" q 90 0 0 60 450 100 cm BI /W 2 /H 2 /CS /G /BPC 8 ID \x00\xff\xff\x00 EI Q"
        ),
        b"<< /Font << /T 5 0 R >> /Pattern << /P 6 0 R >> /Shading << /S 7 0 R >> /ExtGState << /G 8 0 R >> /XObject << /F 9 0 R /I 10 0 R >>"
        b" /ColorSpace << /Spot 11 0 R >> >>",
        font,
        pattern,
        shading,
        soft,
        form,
        picture,
        separation,
    )
    before, after = drawn(content), drawn(clean(content))
    assert ImageChops.difference(before, after).getbbox() is None
    for box in (
        (50, 100, 250, 150),
        (50, 242, 250, 342),
        (0, 442, 595, 542),
        (300, 242, 390, 342),
        (50, 662, 170, 742),
        (300, 642, 400, 742),
    ):
        assert before.crop(box).getextrema()[0] < 230, box  # each of them was there to be seen


def test_our_own_print_looks_the_same_to_the_dot() -> None:
    printed = filled_form(application(), all_versions()["2026-1"], UTILITY)
    made = clean(printed)
    assert len(pypdfium2.PdfDocument(made)) == len(pypdfium2.PdfDocument(printed))
    for number in range(len(pypdfium2.PdfDocument(printed))):
        assert ImageChops.difference(drawn(printed, number), drawn(made, number)).getbbox() is None


def test_a_page_keeps_its_box_its_crop_and_its_turn() -> None:
    def change(document: Pdf) -> None:
        document.Root.Pages.Rotate = 90  # inherited
        document.Root.Pages.MediaBox = Array([0, 0, 300, 200])
        del document.pages[0].obj["/MediaBox"]
        document.pages[0].obj.CropBox = Array([200, 150, 50, 50])

    made = pikepdf.open(io.BytesIO(clean(pdf(change))))
    assert [float(each) for each in made.pages[0].mediabox] == [0, 0, 300, 200]
    assert [float(each) for each in made.pages[0].cropbox] == [50, 50, 200, 150]
    assert made.pages[0].obj.Rotate == 90


def test_values_filled_into_a_form_stay_to_be_seen() -> None:
    field = (50, 102, 400, 142)
    for value in ("Kowalski", "Żółw Ćma"):
        made = clean(pdf(text_field(value)))
        assert dark(drawn(made), field) > 200, value
        with pikepdf.open(io.BytesIO(made)) as opened:
            assert "/Annots" not in opened.pages[0].obj
    assert dark(drawn(clean(pdf(text_field("Ż")))), field) != dark(drawn(clean(pdf(text_field("?")))), field)


def test_a_field_with_its_own_picture_and_a_ticked_box_stay_to_be_seen() -> None:
    def change(document: Pdf) -> None:
        pictures = []
        for words in (b"0 g 0 0 40 40 re f", b"1 g 0 0 40 40 re f"):
            one = document.make_stream(words)
            one.Type, one.Subtype, one.BBox = Name.XObject, Name.Form, Array([0, 0, 40, 40])
            pictures.append(one)
        box = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Btn, T=String("t"), F=4, Rect=Array([50, 700, 90, 740]))
        box.AP, box.AS = Dictionary(N=Dictionary(Yes=pictures[0], Off=pictures[1])), Name.Yes
        hidden = Dictionary(
            Type=Name.Annot, Subtype=Name.Stamp, F=2, Rect=Array([200, 700, 240, 740]), AP=Dictionary(N=pictures[0])
        )
        document.pages[0].Annots = Array([document.make_indirect(box), document.make_indirect(hidden)])
        document.Root.AcroForm = Dictionary(Fields=Array([document.pages[0].Annots[0]]))

    picture = drawn(clean(pdf(change)))
    assert dark(picture, (50, 102, 90, 142)) > 1500
    assert dark(picture, (200, 102, 240, 142)) == 0  # hidden before, hidden after


@pytest.mark.parametrize(
    "change",
    [
        comment("FreeText", Contents=String("Proszę o fakturę na papierze"), DA=String("/Helv 14 Tf 0 g")),
        comment("Ink", InkList=Array([Array([60, 710, 200, 735, 380, 710])]), BS=Dictionary(W=4)),
        comment("Square", BS=Dictionary(W=4)),
        comment("Highlight", QuadPoints=Array([60, 735, 380, 735, 60, 705, 380, 705])),
        comment("Underline", QuadPoints=Array([60, 735, 380, 735, 60, 705, 380, 705])),
    ],
    ids=["words", "a drawing by hand", "a frame", "a marker", "a line below"],
)
def test_what_a_person_wrote_or_drew_on_the_page_stays_to_be_seen(change: object) -> None:
    assert dark(drawn(clean(pdf(change))), (50, 102, 400, 142)) > 150


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d.Root.__setitem__("/Collection", Dictionary(Type=Name.Collection)), "file_portfolio"),
        (lambda d: d.Root.__setitem__("/AcroForm", Dictionary(Fields=Array([]), XFA=d.make_stream(b"<xdp/>"))), "file_xfa"),
        (lambda d: d.Root.__setitem__("/NeedsRendering", True), "file_xfa"),
    ],
)
def test_what_staff_would_not_see_as_the_customer_does_is_refused_by_name(change: object, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        clean(pdf(change))
    assert refusal.value.errors[0].code == code


def test_a_pdf_that_only_forbids_changes_is_taken_and_opens_freely_after() -> None:
    source = pikepdf.open(io.BytesIO(one_page(stream(b"50 700 100 40 re f"))))
    for permissions in (pikepdf.Permissions(extract=False), pikepdf.Permissions()):
        made = clean(saved(source, encryption=pikepdf.Encryption(owner="o", user="", allow=permissions)))
        assert not pikepdf.open(io.BytesIO(made)).is_encrypted
        assert dark(drawn(made), (50, 102, 150, 142)) > 3000


@pytest.mark.parametrize("before", [b"TEXTmdos 5 ", b"\r\n\r\n", b"\xef\xbb\xbf", b"x" * 1000])
def test_a_header_within_the_first_kilobyte_is_found(before: bytes) -> None:
    made = clean(before + one_page(stream(b"50 700 100 40 re f")))
    assert dark(drawn(made), (50, 102, 150, 142)) > 3000
