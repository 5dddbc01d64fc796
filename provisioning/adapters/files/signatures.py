"""What the electronic signatures inside a PDF say, checked as far as it can be without the net (PAdES, U07).

Checked are the bytes each signature covers, the mathematics of it and what was changed after it. Whether its certificate is one
the state trusts, or was withdrawn, is not: that needs the net, and staff see who issued it. Runs in a child process.
"""

from __future__ import annotations

import io
import logging

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from provisioning.domain.document import Signature
from provisioning.domain.errors import FieldError, Invalid

_MOST_SIGNATURES = 20
_LONGEST_NAME = 200

for _noisy in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_noisy).setLevel(logging.CRITICAL)  # each untrusted certificate would be a stack trace


def may_be_signed(content: bytes) -> bool:
    """Whether it is worth looking: every signature names the bytes it covers."""
    return b"/ByteRange" in content


def signatures_in(content: bytes) -> tuple[Signature, ...]:
    """Every signature of a PDF, the oldest first; time stamps of the document alone are none.

    Raises:
        whatever the reader raises over a broken file.
    """
    reader = PdfFileReader(io.BytesIO(content), strict=False)
    if reader.encrypted:
        reader.decrypt("")
    found = reader.embedded_regular_signatures[: _MOST_SIGNATURES + 1]
    if len(found) > _MOST_SIGNATURES:
        raise ValueError("too many signatures")
    return tuple(_read(each, last=each is found[-1]) for each in found)


def require_signature(signatures: tuple[Signature, ...]) -> None:
    """
    Raises:
        Invalid: `file_not_signed`; `file_signature_broken`: the file is not what was signed; `file_signed_in_part`: something was
            added that no signature covers.
    """
    if not signatures:
        raise Invalid([FieldError("file", "file_not_signed")])
    if not all(each.intact for each in signatures):
        raise Invalid([FieldError("file", "file_signature_broken")])
    if not all(each.whole for each in signatures):
        raise Invalid([FieldError("file", "file_signed_in_part")])


def _read(found: EmbeddedPdfSignature, *, last: bool) -> Signature:
    status = validate_pdf_signature(found, ValidationContext(trust_roots=[], allow_fetching=False))
    certificate = status.signing_cert
    return Signature(
        signer=_named(certificate.subject.native),
        issuer=_named(certificate.issuer.native),
        signed_at=status.signer_reported_dt,
        intact=bool(status.intact and status.valid),
        whole=_covers_the_file(status, last=last),
    )


def _covers_the_file(status: PdfSignatureStatus, *, last: bool) -> bool:
    """What follows may be other signatures, and after the last one the proofs that keep it checkable for years."""
    if status.coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return True
    if status.coverage is not SignatureCoverageLevel.ENTIRE_REVISION or status.modification_level is None:
        return False
    most = ModificationLevel.LTA_UPDATES if last else ModificationLevel.FORM_FILLING
    return bool(status.modification_level <= most and status.docmdp_ok)


def _named(parts: dict[str, object]) -> str:
    """The name of a person or an office in a certificate, and the organisation beside it."""
    words = [parts.get(each) for each in ("common_name", "organization_name")]
    plain = [" ".join(str(each).split()) for each in words if each]
    kept = ", ".join(dict.fromkeys(plain)) or "?"
    return "".join(character for character in kept if character.isprintable())[:_LONGEST_NAME]
