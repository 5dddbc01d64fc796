"""What came in and is no application yet: messages of the mailbox, pages of a batch of scans (S1)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from provisioning.domain.document import Document, Signature


class IntakeKind(StrEnum):
    """Where something came from that is no application yet."""

    EMAIL = "email"
    SCAN = "scan"


class IntakeState(StrEnum):
    WAITING = "waiting"  # a person must look
    SET_ASIDE = "set_aside"  # automatic answers, returned mails, mail loops
    ATTACHED = "attached"
    DISMISSED = "dismissed"  # no application; its content is gone


@dataclass
class IntakeItem:
    """A message, or pages of a batch of scans, that wait for a person.

    Attributes:
        sha256: of the whole message, so that each is taken in once.
        received_at: when our mail server got it; the filing date of an application in it (S1).
        text: plain text alone.
        problem: what was wrong with it: no_attachment, too_many_files, too_large, malformed, no_reference, unknown_reference,
            decided, too_many_documents, automatic, bounce, loop, unreadable.
        content_sha256: of what a person sees of it; tells two messages with one Message-ID apart.
    """

    intake_id: str
    kind: IntakeKind
    state: IntakeState
    sha256: str
    message_id: str | None
    sender: str
    subject: str
    received_at: datetime
    text: str
    problem: str | None = None
    reference: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    content_sha256: str | None = None


@dataclass(frozen=True)
class IntakeFile:
    """One file of an intake item, made harmless; or why it was refused, with its name and hash alone.

    `original` and `signatures` are as of a `Document`, which the file becomes; only `with_originals` reads the original.
    """

    file_id: str
    intake_id: str
    place: int
    name: str
    media_type: str
    sha256: str
    refused: str | None
    content: bytes = field(repr=False)
    original: bytes | None = field(default=None, repr=False)
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def of(cls, document: Document, intake_id: str, place: int) -> IntakeFile:
        """A harmless file that waits for a person."""
        kept = {name: getattr(document, name) for name in ("name", "media_type", "sha256", "content", "original", "signatures")}
        return cls(file_id=uuid.uuid4().hex, intake_id=intake_id, place=place, refused=None, **kept)


@dataclass(frozen=True)
class Bounce:
    """A returned mail: which of ours, and what the other server said."""

    message_id: str
    answer: str


@dataclass(frozen=True)
class Incoming:
    """One message as the mailbox gave it, read as far as it can be read."""

    item: IntakeItem
    files: list[IntakeFile]
    bounces: list[Bounce] = field(default_factory=list)


@dataclass(frozen=True)
class MailPlace:
    """A message in a mailbox, for as long as it lies there (RFC 3501: UIDVALIDITY and UID).

    Attributes:
        mailbox: user, server and folder; no password.
    """

    mailbox: str
    uid_validity: int
    uid: int


@dataclass
class MailProgress:
    """How far a message has come that is still in the mailbox; gone when it is moved.

    Attributes:
        tries: how often its reading was begun, by any worker.
        folder: where it has to go; set when it is kept, and from then on it is not read again.
        copied: it lies there already, only the original could not be removed.
        moves: how often the server refused to move it, and what it answered last.
        tried_at: when it was last to be read or moved.
    """

    mailbox: str
    uid_validity: int
    uid: int
    tries: int
    tried_at: datetime
    folder: str | None = None
    copied: bool = False
    moves: int = 0
    answer: str | None = None
