"""Files as strangers send them, made anew for each test: bombs, active parts, odd ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image


def saved(pdf: Pdf, **options: Any) -> bytes:
    output = io.BytesIO()
    pdf.save(output, **options)
    return output.getvalue()


def pdf(change: Callable[[Pdf], object] | None = None, pages: int = 1, size: tuple[float, float] = (595, 842)) -> bytes:
    document = pikepdf.new()
    for _ in range(pages):
        document.add_blank_page(page_size=size)
    if change:
        change(document)
    return saved(document)


def image(kind: str = "JPEG", size: tuple[int, int] = (40, 30), mode: str = "RGB", colour: Any = "white", **options: Any) -> bytes:
    output = io.BytesIO()
    Image.new(mode, size, colour).save(output, kind, **options)
    return output.getvalue()


def png_of(width: int, height: int) -> bytes:
    """The header of a picture of this size, with next to nothing in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def tiff(pictures: list[Image.Image], **options: object) -> bytes:
    output = io.BytesIO()
    pictures[0].save(output, "TIFF", save_all=True, append_images=pictures[1:], **options)
    return output.getvalue()


def script(marker: str = "x") -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{marker}')"))


def raw_pdf(*objects: bytes) -> bytes:
    """A file of these objects, the first of them the catalogue, as somebody would type it."""
    output = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(output))
        output += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(output)
    output += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    output += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(output + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))


def stream(body: bytes, words: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(body), words, body)


def one_page(content: bytes, resources: bytes = b"<< >>", *more: bytes, box: bytes = b"[0 0 595 842]") -> bytes:
    """A page with this content; `more` are objects 5 and on."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Contents 4 0 R /Resources %s >>" % (box, resources)
    return raw_pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, content, *more)


def packed_twice(size: int) -> bytes:
    """A picture of zeros, packed again after packing: a thousandth of a thousandth of what it becomes."""
    squeezed = zlib.compress(zlib.compress(bytes(size), 9), 9)
    words = b"/Type /XObject /Subtype /Image /Width 10000 /Height 10000 /ColorSpace /DeviceRGB /BitsPerComponent 8"
    return one_page(
        stream(b"q 500 0 0 500 0 0 cm /I Do Q"),
        b"<< /XObject << /I 5 0 R >> >>",
        stream(squeezed, words + b" /Filter [/FlateDecode /FlateDecode]"),
    )


def content_of(megabytes: int) -> bytes:
    """A page whose content unpacks to so much."""
    return one_page(stream(zlib.compress(b" " * (megabytes * 2**20), 9), b"/Filter /FlateDecode"))


def forms_in_forms(levels: int, times: int) -> bytes:
    """Each form draws the next one so many times: times ** levels drawings."""
    objects = []
    for level in range(levels):
        draws = b"/F Do " * times if level < levels - 1 else b"0 0 1 1 re f "
        inner = b"/Resources << /XObject << /F %d 0 R >> >>" % (6 + level) if level < levels - 1 else b""
        objects.append(stream(draws, b"/Type /XObject /Subtype /Form /BBox [0 0 600 900] " + inner))
    return one_page(stream(b"/F Do"), b"<< /XObject << /F 5 0 R >> >>", *objects)


def form_in_itself() -> bytes:
    form = stream(b"/F Do /F Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F 5 0 R >> >>")
    return one_page(stream(b"/F Do"), b"<< /XObject << /F 5 0 R >> >>", form)


def huge_page() -> bytes:
    return one_page(stream(b"0 0 14400 14400 re f"), box=b"[0 0 14400 14400]")


def everything_active() -> Pdf:
    """A PDF with an active part in every place that can hold one, each with a name of its own."""
    document = pikepdf.new()
    page = document.add_blank_page()
    document.add_blank_page()
    root = document.Root
    spec = document.make_indirect(
        Dictionary(Type=Name.Filespec, F="a.exe", UF="a.exe", EF=Dictionary(F=document.make_stream(b"MZ embedded-bytes")))
    )
    item = document.make_indirect(Dictionary(Title=String("item"), A=script("outline"), Dest=Array([page.obj, Name.Fit])))
    root.Outlines = document.make_indirect(Dictionary(First=item, Last=item, Count=1))
    root.OpenAction, root.AF, root.URI = script("open"), Array([spec]), Dictionary(Base=String("http://evil.example"))
    root.AA = Dictionary(WC=script("will-close"))
    root.Names = Dictionary(
        JavaScript=Dictionary(Names=Array([String("x"), script("names")])),
        EmbeddedFiles=Dictionary(Names=Array([String("a"), spec])),
        Renditions=Dictionary(Names=Array([])),
    )
    page.obj.Metadata = document.make_stream(b"<x:xmpmeta>tajne</x:xmpmeta>")
    root.PieceInfo = Dictionary(App=Dictionary(Private=String("piece-root")))
    root.Pages.AA = Dictionary(O=script("tree"))
    page.obj.AA = Dictionary(O=script("page"))
    page.obj.AF = Array([spec])
    page.obj.PieceInfo = Dictionary(App=Dictionary(Private=String("piece-page")))
    page.obj.PresSteps = Dictionary(Type=Name.NavNode, NA=script("steps"))
    page.obj.Thumb = document.make_stream(b"thumb")
    form = document.make_stream(b"0 0 10 10 re f")
    form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 100, 100])
    form.AF, form.AA, form.PieceInfo = Array([spec]), Dictionary(O=script("xobject")), Dictionary(App=String("piece-form"))
    form.Ref = Dictionary(F=spec, Page=0)
    postscript = document.make_stream(b"(x) print")
    postscript.Type, postscript.Subtype = Name.XObject, Name.PS
    page.obj.Resources = Dictionary(
        XObject=Dictionary(F=form, P=postscript),
        Properties=Dictionary(M=Dictionary(AF=Array([spec]), A=script("properties"))),
        Font=Dictionary(
            A=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, CIDSystemInfo=Dictionary(AA=script("font")))
        ),
    )
    page.obj.Contents = document.make_stream(b"q 1 0 0 1 10 10 cm /F Do Q /Span /M BDC EMC")
    appearance = document.make_stream(b"1 0 0 rg 0 0 20 20 re f")
    appearance.Type, appearance.Subtype, appearance.BBox = Name.XObject, Name.Form, Array([0, 0, 20, 20])
    annotations = [
        Dictionary(Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=Dictionary(S=Name.Launch, F="calc.exe")),
        Dictionary(Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=Dictionary(S=Name.URI, URI=String("http://evil.example"))),
        Dictionary(
            Subtype=Name.Widget,
            FT=Name.Btn,
            T=String("b"),
            Rect=Array([50, 50, 70, 70]),
            A=script("button"),
            AP=Dictionary(N=appearance),
        ),
        Dictionary(Subtype=Name.FileAttachment, Rect=Array([80, 80, 90, 90]), FS=spec),
        Dictionary(Subtype=Name.Screen, Rect=Array([0, 0, 9, 9]), AA=Dictionary(PO=script("screen"))),
        Dictionary(
            Subtype=Name.RichMedia, Rect=Array([0, 0, 9, 9]), RichMediaContent=Dictionary(Assets=Dictionary(Names=Array([])))
        ),
    ]
    for each in annotations:
        each.Type, each.F = Name.Annot, 4
    page.obj.Annots = Array([document.make_indirect(each) for each in annotations])
    root.AcroForm = Dictionary(Fields=Array([page.obj.Annots[2]]), CO=Array([page.obj.Annots[2]]), AA=script("acroform"))
    return document


def text_field(value: str, **words: object) -> Callable[[Pdf], None]:
    """A filled field without a picture of its value, as programs write that leave the drawing to the reader."""

    def change(document: Pdf) -> None:
        font = document.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        field = Dictionary(
            Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("n"), V=String(value), F=4, Rect=Array([50, 700, 400, 740])
        )
        field.DA = String("/Helv 24 Tf 0 g")
        for name, word in words.items():
            field["/" + name] = word
        found = document.make_indirect(field)
        document.pages[0].Annots = Array([found])
        document.Root.AcroForm = Dictionary(
            Fields=Array([found]), DR=Dictionary(Font=Dictionary(Helv=font)), DA=String("/Helv 24 Tf 0 g"), NeedAppearances=True
        )

    return change


def comment(subtype: str, **words: object) -> Callable[[Pdf], None]:
    """A comment or drawing without a picture of itself."""

    def change(document: Pdf) -> None:
        found = Dictionary(Type=Name.Annot, Subtype=Name("/" + subtype), F=4, Rect=Array([50, 700, 400, 740]), C=Array([0, 0, 0]))
        for name, word in words.items():
            found["/" + name] = word
        document.pages[0].Annots = Array([document.make_indirect(found)])

    return change


class Signer:
    """Signs PDFs with a certificate made for the test."""

    def __init__(self, name: str = "Anna Nowak", organisation: str = "Podpis na próbę") -> None:
        from asn1crypto import keys, x509
        from cryptography import x509 as made
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
        from pyhanko.sign import signers
        from pyhanko_certvalidator.registry import SimpleCertificateStore

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = made.Name(
            [
                made.NameAttribute(made.NameOID.COMMON_NAME, name),
                made.NameAttribute(made.NameOID.ORGANIZATION_NAME, organisation),
            ]
        )
        now = datetime.now(UTC)
        usage = made.KeyUsage(True, True, False, False, False, False, False, False, False)
        certificate = (
            made.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(made.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self._signer = signers.SimpleSigner(
            signing_cert=x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER)),
            signing_key=keys.PrivateKeyInfo.load(private),
            cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
        )

    def sign(self, content: bytes, field: str = "Podpis1") -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign import signers

        writer = IncrementalPdfFileWriter(io.BytesIO(content))
        output = signers.sign_pdf(writer, signers.PdfSignatureMetadata(field_name=field), signer=self._signer)
        return bytes(output.getvalue())
