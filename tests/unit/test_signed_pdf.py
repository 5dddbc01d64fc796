"""U07: a file of the kind `electronic` carries a signature that holds, and staff see what it says."""

import io

import pikepdf
import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from provisioning.adapters.files.uploads import harmless_document
from provisioning.domain.document import Document
from provisioning.domain.errors import Invalid
from tests.support.hostile_files import Signer, everything_active, image, one_page, pdf, saved, stream, tiff

PAGE = one_page(stream(b"50 700 100 40 re f"))


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def signed(signer: Signer) -> bytes:
    return signer.sign(PAGE)


def taken(content: bytes, kind: str = "electronic") -> Document:
    return harmless_document("r", kind, "podpisany.pdf", content)


def code(content: bytes) -> str:
    with pytest.raises(Invalid) as refusal:
        taken(content)
    return refusal.value.errors[0].code


def changed_after(content: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    page = writer.root["/Pages"]["/Kids"][0]
    page["/Rotate"] = generic.NumberObject(90)
    writer.update_container(page)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def test_u07_a_signature_is_found_and_staff_see_who_signed_and_when(signed: bytes) -> None:
    document = taken(signed)
    (found,) = document.signatures
    assert (found.signer, found.issuer) == ("Anna Nowak, Podpis na próbę",) * 2
    assert (found.intact, found.whole) == (True, True)
    assert found.signed_at is not None and found.signed_at.tzinfo is not None
    assert document.original == signed  # the evidence, byte by byte
    assert b"/ByteRange" not in document.content  # what is shown is a copy like any other


def test_u07_several_people_may_sign_one_after_the_other(signed: bytes) -> None:
    document = taken(Signer("Jan Kowalski").sign(signed, "Podpis2"))
    assert [each.signer.split(",")[0] for each in document.signatures] == ["Anna Nowak", "Jan Kowalski"]
    assert all(each.intact and each.whole for each in document.signatures)


@pytest.mark.parametrize(
    "content", [PAGE, image(), image("PNG"), one_page(stream(b"(/ByteRange) pop"))], ids=["pdf", "jpg", "png", "word"]
)
def test_u07_a_file_without_a_signature_is_refused_by_that_name(content: bytes) -> None:
    assert code(content) == "file_not_signed"


def test_u07_a_changed_file_is_refused(signed: bytes) -> None:
    place = signed.index(b"50 700 100 40 re")
    assert code(signed[:place] + b"51" + signed[place + 2 :]) == "file_signature_broken"
    assert code(changed_after(signed)) == "file_signed_in_part"
    cut = signed.index(b"/Contents <") + 40
    assert code(signed[:cut] + b"f" * 20 + signed[cut + 20 :]) == "file_signature_broken"


def test_u07_a_signed_file_with_active_parts_is_kept_for_evidence_and_shown_without_them(signer: Signer) -> None:
    active = everything_active()
    signed = signer.sign(saved(active))
    document = taken(signed)
    assert document.original == signed
    made = pikepdf.open(io.BytesIO(document.content))
    assert set(made.Root.keys()) == {"/Type", "/Pages"}


def test_a_signature_in_a_scan_is_said_too_and_refuses_nothing(signed: bytes) -> None:
    assert [each.intact for each in taken(signed, "scan").signatures] == [True]
    assert [each.whole for each in taken(changed_after(signed), "scan").signatures] == [False]
    assert taken(PAGE, "scan").signatures == ()
    bent = signed.replace(b"/ByteRange [", b"/ByteRange /", 1)
    assert taken(bent, "scan").content


def test_a_fax_is_no_signed_file() -> None:
    from PIL import Image

    assert code(tiff([Image.new("1", (8, 8)), Image.new("1", (8, 8))])) == "file_not_signed"


def test_an_empty_signature_field_is_no_signature() -> None:
    def change(document: pikepdf.Pdf) -> None:
        field = document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Sig, T=pikepdf.String("S"), Rect=[0, 0, 9, 9]
            )
        )
        document.pages[0].Annots = pikepdf.Array([field])
        document.Root.AcroForm = pikepdf.Dictionary(Fields=[field], SigFlags=3)
        document.Root.Note = pikepdf.String("/ByteRange")

    assert code(pdf(change)) == "file_not_signed"
