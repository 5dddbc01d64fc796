"""A new PDF built from what is allowed of a stranger's one: pages, what is drawn on them, and nothing else (U01, U07).

Nothing is taken out, because nothing is taken over but what the tables below name. What a person filled in or wrote (form fields,
comments, drawings) becomes part of the page. Names of keys are those of ISO 32000-2. Runs in a child process.
"""

from __future__ import annotations

import io
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, Object, Stream, String

from provisioning.adapters.files.clean_pdf_allowed import ALLOWED
from provisioning.adapters.files.trial_drawing import MOST_POINTS, scale_for, try_to_draw
from provisioning.domain.errors import FieldError, Invalid

MOST_PIXELS_OF_AN_IMAGE = 110_000_000
_MOST_CONTENT = 64 * 2**20
_MOST_OBJECTS = 100_000
_MOST_ANNOTATIONS = 5_000
_DEEPEST = 60
_MOST_DRAWINGS = 20_000
_DRAWN = re.compile(rb"/([^\s/<>\[\](){}%]+)\s+Do\b")
_COMPRESSIONS = {"/FlateDecode", "/LZWDecode", "/RunLengthDecode"}
_FILTERS = _COMPRESSIONS | {"/ASCIIHexDecode", "/ASCII85Decode", "/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"}


def clean_pdf(content: bytes, most_pages: int) -> bytes:
    """Build the clean copy, and draw each page of it once: what was taken can be shown.

    Raises:
        Invalid: `file_encrypted`, `file_portfolio`, `file_xfa`, `too_many_pages`, `image_too_large`, `file_too_demanding`,
            `file_damaged`. Whatever else a broken file makes the libraries raise: the file is damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with opened(content) as source:
            refuse_what_only_some_programs_show(source)
            if not 1 <= len(source.pages) <= most_pages:
                raise _refused("too_many_pages")
            with _with_appearances(source) as drawn, pikepdf.new() as clean:
                drawn.flatten_annotations("screen")
                copier = _Copier(clean)
                for page in drawn.pages:
                    clean.pages.append(pikepdf.Page(copier.page(page)))
                _Drawings().count(clean)
                output = io.BytesIO()
                clean.save(output, compress_streams=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    try_to_draw(output.getvalue())
    return output.getvalue()


def opened(content: bytes) -> pikepdf.Pdf:
    """Open it, also when an owner's password only forbids changes.

    Raises:
        Invalid: `file_encrypted`, `file_damaged`.
    """
    try:
        return pikepdf.open(io.BytesIO(content))
    except pikepdf.PasswordError as error:
        raise _refused("file_encrypted") from error
    except (pikepdf.PdfError, ValueError, RuntimeError) as error:
        raise _refused("file_damaged") from error


def refuse_what_only_some_programs_show(pdf: pikepdf.Pdf) -> None:
    """
    Raises:
        Invalid: `file_portfolio` or `file_xfa`: staff would see a cover or "please wait" in place of what the customer sees.
    """
    if "/Collection" in pdf.Root:
        raise _refused("file_portfolio")
    form = pdf.Root.get("/AcroForm")
    if _is_true(pdf.Root.get("/NeedsRendering")) or (isinstance(form, Dictionary) and "/XFA" in form):
        raise _refused("file_xfa")


def annotations_of(page: pikepdf.Page) -> Iterator[Dictionary]:
    """The annotations that are dictionaries at all.

    Raises:
        Invalid: `file_too_demanding`.
    """
    found = page.obj.get("/Annots")
    if not isinstance(found, Array):
        return
    if len(found) > _MOST_ANNOTATIONS:
        raise _refused("file_too_demanding")
    for each in found:
        if isinstance(each, Dictionary):
            yield each


def _with_appearances(source: pikepdf.Pdf) -> pikepdf.Pdf:
    """Values and drawings that came without a picture of themselves get one from PDFium, which knows Polish letters."""
    missing = False
    form = source.Root.get("/AcroForm")
    stale = isinstance(form, Dictionary) and _is_true(form.get("/NeedAppearances"))
    for page in source.pages:
        for annotation in annotations_of(page):
            if stale and _value(annotation) is not None and annotation.get("/Subtype") == Name.Widget and "/AS" not in annotation:
                _forget(annotation, "/AP")
            if annotation.get("/Subtype") in (Name.Link, Name.Popup) or "/AP" in annotation:
                continue
            missing = True
            if annotation.get("/Subtype") == Name.FreeText:
                _as_text_field(source, annotation)
    if not missing:
        return source
    plain = io.BytesIO()
    source.save(plain)
    pdf = pypdfium2.PdfDocument(plain.getvalue())
    try:
        pdf.init_forms()
        pages = [pdf[number] for number in range(len(pdf))]
        for page in pages:
            page.render(scale=scale_for(page, 10_000))  # drawing a page is what makes PDFium make the pictures
        output = io.BytesIO()
        pdf.save(output)
    finally:
        pdf.close()
    drawn = pikepdf.open(output)
    if isinstance(form := drawn.Root.get("/AcroForm"), Dictionary):
        _forget(form, "/NeedAppearances")
    return drawn


def _is_true(value: Any) -> bool:
    return value is True


def _forget(annotation: Dictionary, key: str) -> None:
    if key in annotation:
        del annotation[key]


def _value(annotation: Dictionary) -> Object | None:
    parent = annotation.get("/Parent")
    return annotation.get("/V") or (parent.get("/V") if isinstance(parent, Dictionary) else None)


def _as_text_field(source: pikepdf.Pdf, annotation: Dictionary) -> None:
    words = annotation.get("/Contents")
    if not isinstance(words, String) or not annotation.is_indirect:
        return
    number = annotation.objgen[0]
    style = annotation.get("/DA")
    annotation.Subtype, annotation.FT, annotation.Ff = Name.Widget, Name.Tx, 1 << 12  # multiline
    annotation.T, annotation.V = String(f"comment {number}"), words
    annotation.DA = style if isinstance(style, String) and b" Tf" in bytes(style) else String("/Helv 11 Tf 0 g")
    form = source.Root.get("/AcroForm")
    if not isinstance(form, Dictionary):
        source.Root.AcroForm = form = source.make_indirect(Dictionary())
    if not isinstance(form.get("/Fields"), Array):
        form.Fields = Array()
    form.Fields.append(annotation)


class _Copier:
    """Copies what the tables allow into a new document; each object once, so that loops stay loops."""

    def __init__(self, target: pikepdf.Pdf) -> None:
        self._target = target
        self._copies: dict[tuple[int, str], Object] = {}
        self._content_left = _MOST_CONTENT
        self._objects_left = _MOST_OBJECTS

    def page(self, page: pikepdf.Page) -> Dictionary:
        media = _box(_inherited(page.obj, "/MediaBox")) or _A4
        if max(media[2] - media[0], media[3] - media[1]) > MOST_POINTS:
            raise _refused("file_too_demanding")
        copy = Dictionary(Type=Name.Page, MediaBox=Array(media), Resources=self._resources(page))
        if crop := _box(_inherited(page.obj, "/CropBox")):
            copy.CropBox = Array(crop)
        turn = _inherited(page.obj, "/Rotate")
        copy.Rotate = int(turn) % 360 if isinstance(turn, int) and turn % 90 == 0 else 0
        copy.Contents = self._target.make_stream(self._page_content(page))
        return copy

    def _resources(self, page: pikepdf.Page) -> Object:
        found = _inherited(page.obj, "/Resources")
        return self.copy(found, "resources") if isinstance(found, Dictionary) else Dictionary()

    def _page_content(self, page: pikepdf.Page) -> bytes:
        contents = page.obj.get("/Contents")
        streams = [contents] if isinstance(contents, Stream) else list(contents) if isinstance(contents, Array) else []
        return b"\n".join(self._decoded(each) for each in streams if isinstance(each, Stream))

    def copy(self, value: Any, kind: str, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise _refused("file_too_demanding")
        if not isinstance(value, Object):
            return value
        if isinstance(value, Stream) and (kind == "plain" or (kind == "xobject" and value.get("/Subtype") not in _XOBJECTS)):
            return None
        if isinstance(value, (Stream, Dictionary, Array)) and value.is_indirect:
            return self._once(value, kind, depth)
        return self._fresh(value, kind, depth)

    def _once(self, value: Object, kind: str, depth: int) -> Any:
        key = (value.objgen[0], kind)
        if key not in self._copies:
            blank: Object = Array() if isinstance(value, Array) else Dictionary()
            self._copies[key] = self._target.make_stream(b"") if isinstance(value, Stream) else self._target.make_indirect(blank)
            self._fill(self._copies[key], value, kind, depth)
        return self._copies[key]

    def _fresh(self, value: Object, kind: str, depth: int) -> Any:
        if isinstance(value, Array):
            copy: Object = Array()
        elif isinstance(value, Dictionary):
            copy = Dictionary()
        elif isinstance(value, Stream):
            return self._once(value, kind, depth)
        else:
            return value if isinstance(value, (Name, String)) else None
        self._fill(copy, value, kind, depth)
        return copy

    def _fill(self, copy: Object, value: Object, kind: str, depth: int) -> None:
        self._objects_left -= 1
        if self._objects_left < 0:
            raise _refused("file_too_demanding")
        if isinstance(value, Array):
            for each in value:
                copy.append(self.copy(each, kind, depth + 1))
            return
        if isinstance(value, Stream):
            self._fill_stream(copy, value, kind)
        for key, inner in value.items():
            inner_kind = self._kind_of(key, inner, kind)
            if inner_kind:
                copied = self.copy(inner, inner_kind, depth + 1)
                if copied is not None:
                    copy[key] = copied

    @staticmethod
    def _kind_of(key: str, inner: Any, kind: str) -> str | None:
        """What the value under a key may be; None: nothing, it stays behind."""
        if kind.endswith("*"):
            return kind[:-1]
        return ALLOWED[kind].get(key)

    def _fill_stream(self, copy: Any, value: Stream, kind: str) -> None:
        if kind == "xobject" and value.get("/Subtype") == Name.Image:
            self._take_image(copy, value)
        else:
            copy.write(self._decoded(value))

    def _take_image(self, copy: Any, value: Stream) -> None:
        """Pictures keep their own compression, which may lose; what they unpack to is bounded by their size."""
        width, height = value.get("/Width"), value.get("/Height")
        if not isinstance(width, int) or not isinstance(height, int) or width < 1 or height < 1:
            raise _refused("file_damaged")
        if width * height > MOST_PIXELS_OF_AN_IMAGE:
            raise _refused("image_too_large")
        filters = _filters(value)
        copy.write(
            value.read_raw_bytes(),
            filter=Array([Name(each) for each in filters]) if filters else None,
            decode_parms=self._decoding(value.get("/DecodeParms"), len(filters)),
        )

    def _decoding(self, found: Any, count: int) -> Any:
        if isinstance(found, Dictionary):
            return self.copy(found, "decoding")
        if not isinstance(found, Array) or not count:
            return None
        steps = [self.copy(each, "decoding") if isinstance(each, Dictionary) else Dictionary() for each in found]
        return Array(steps[:count])

    def _decoded(self, stream: Stream) -> bytes:
        """Content, fonts and the like, unpacked: no further than a page can need."""
        if _filters(stream) == ["/FlateDecode"] and _unpacks_beyond(stream.read_raw_bytes(), self._content_left):
            raise _refused("file_too_demanding")
        content = stream.read_bytes()  # other compressions are bounded by the memory of the child
        self._content_left -= len(content)
        if self._content_left < 0:
            raise _refused("file_too_demanding")
        return content


class _Drawings:
    """How often forms are drawn on all pages: each may draw others, so a few lines can ask for more than will ever end."""

    def __init__(self) -> None:
        self._of_form: dict[int, int | None] = {}  # None: being counted

    def count(self, pdf: pikepdf.Pdf) -> None:
        """
        Raises:
            Invalid: `file_too_demanding`: too many, or a form that draws itself.
        """
        if sum(self._of(page.obj.Contents, page.obj.Resources) for page in pdf.pages) > _MOST_DRAWINGS:
            raise _refused("file_too_demanding")

    def _of(self, content: Object, resources: Any) -> int:
        forms = resources.get("/XObject") if isinstance(resources, Dictionary) else None
        if not isinstance(forms, Dictionary) or not isinstance(content, Stream):
            return 0
        drawn = Counter(_DRAWN.findall(content.read_bytes()))
        found = ((forms.get("/" + name.decode("latin-1")), times) for name, times in drawn.items())
        return sum(times * (1 + self._of_one(form)) for form, times in found if isinstance(form, Stream))

    def _of_one(self, form: Stream) -> int:
        if form.get("/Subtype") != Name.Form:
            return 0
        number = form.objgen[0]
        if number not in self._of_form:
            self._of_form[number] = None
            self._of_form[number] = min(self._of(form, form.get("/Resources")), 10 * _MOST_DRAWINGS)
        known = self._of_form[number]
        if known is None:
            raise _refused("file_too_demanding")
        return known


_A4 = [0, 0, 595, 842]


_XOBJECTS = (Name.Image, Name.Form)


def _unpacks_beyond(raw: bytes, limit: int) -> bool:
    unpacker, size = zlib.decompressobj(), 0
    while raw and not unpacker.eof:
        try:
            size += len(unpacker.decompress(raw, 2**20))
        except zlib.error:  # qpdf reads what can be read of it
            return False
        if size > limit:
            return True
        raw = unpacker.unconsumed_tail
    return False


def _filters(stream: Stream) -> list[str]:
    found = stream.get("/Filter")
    names = [found] if isinstance(found, Name) else list(found) if isinstance(found, Array) else []
    filters = [str(each) for each in names]
    if not set(filters) <= _FILTERS:
        raise _refused("file_damaged")
    if len(filters) > 2 or len(_COMPRESSIONS & set(filters)) > 1 or len(set(filters)) < len(filters):
        raise _refused("file_too_demanding")  # packed twice: only bombs are
    return filters


def _inherited(page: Object, key: str) -> Any:
    node: Any = page
    for _ in range(_DEEPEST):
        if not isinstance(node, Dictionary):
            return None
        if key in node:
            return node[key]
        node = node.get("/Parent")
    return None


def _box(found: Any) -> list[Decimal] | None:
    if found is None:
        return None
    if not isinstance(found, Array) or len(found) != 4:
        raise _refused("file_damaged")
    if not all(isinstance(each, (int, Decimal)) and abs(each) < 10**6 for each in found):
        raise _refused("file_damaged")
    numbers = [Decimal(str(each)) for each in found]
    left, right = sorted((numbers[0], numbers[2]))
    bottom, top = sorted((numbers[1], numbers[3]))
    return [left, bottom, right, top] if right - left >= 1 and top - bottom >= 1 else None


def _refused(code: str) -> Invalid:
    return Invalid([FieldError("file", code)])
