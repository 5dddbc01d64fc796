"""Files that belong to an application, and the electronic signatures in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Signature:
    """An electronic signature inside a file, as far as it can be checked without the net.

    Attributes:
        signer, issuer: names in the certificate; whether it is trusted is not checked.
        signed_at: the moment the signer's own clock gave.
        intact: the bytes it covers are those that were signed.
        whole: nothing was added after it but other signatures and their proofs.
    """

    signer: str
    issuer: str
    signed_at: datetime | None
    intact: bool
    whole: bool


@dataclass(frozen=True)
class Document:
    """A file that belongs to an application. `name` is text for people, never a path.

    `content` was made harmless; `original` is what was handed in, kept apart under `sha256`, its own hash. `signatures` are those
    of the original: none of them holds in `content`.
    """

    document_id: str
    reference: str
    kind: str
    name: str
    media_type: str
    sha256: str
    content: bytes = field(repr=False)
    created_at: datetime | None = None
    original: bytes | None = field(default=None, repr=False)
    signatures: tuple[Signature, ...] = ()
