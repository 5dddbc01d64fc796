"""U07: a signed PDF that comes by mail or in a batch keeps its original and what its signatures say, as an uploaded one does."""

from __future__ import annotations

import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from provisioning.adapters.imap.connection import Fetched
from provisioning.adapters.imap.mailbox import ImapMailbox
from provisioning.domain.errors import NotPossible
from provisioning.domain.intake import IntakeState
from provisioning.use_cases.intake.take_in import ScanPart, attach, dismiss, match_scans, take_in
from tests.support.database_alone import CLERK, Alone
from tests.support.hostile_files import Signer, one_page, stream


@pytest.fixture(scope="module")
def signed() -> bytes:
    return Signer().sign(one_page(stream(b"0 0 50 50 re f")))


def mailed(alone: Alone, content: bytes) -> str:
    """The item of a mail with this file."""
    message = EmailMessage()
    message["From"], message["Subject"] = "Jan <jan@example.com>", "Wniosek"
    message.set_content("W załączniku podpisany wniosek.")
    message.add_attachment(content, "application", "pdf", filename="wniosek.pdf")
    raw = message.as_bytes(policy=email.policy.SMTP)
    mailbox = ImapMailbox("imap://nobody@localhost", "ibok@wpwik.com", alone.wired.harmless)
    incoming = mailbox.incoming(Fetched(raw, datetime(2026, 11, 24, 9, tzinfo=UTC), len(raw), whole=True))
    assert take_in(alone.services, incoming)
    return incoming.item.intake_id


def of_application(alone: Alone, reference: str) -> tuple[bytes | None, list[str]]:
    with alone.services.work() as work:
        (document,) = work.documents.of(reference)
        return work.documents.original(document), [each.signer for each in document.signatures]


def test_a_signed_file_of_a_mail_is_shown_with_its_signature_and_goes_to_the_application_with_its_original(
    alone: Alone, signed: bytes
) -> None:
    intake_id, reference = mailed(alone, signed), alone.entered()
    with alone.services.work() as work:
        (waiting,) = work.intake.files_of(intake_id)
        assert len(waiting.signatures) == 1
        assert waiting.original is None  # a page of the intake needs no second copy of everything
        assert work.intake.file(intake_id, waiting.file_id).signatures == waiting.signatures
    attach(alone.services, CLERK, intake_id, reference)
    original, signers = of_application(alone, reference)
    assert original == signed
    assert signers == [waiting.signatures[0].signer]
    assert alone.sql("SELECT count(*) FROM intake_files") == [(0,)]


def test_what_is_dismissed_leaves_no_original(alone: Alone, signed: bytes) -> None:
    intake_id = mailed(alone, signed)
    dismiss(alone.services, CLERK, intake_id, "pomyłka")
    assert alone.sql("SELECT (SELECT count(*) FROM intake_files), (SELECT count(*) FROM originals)") == [(0, 0)]
    with pytest.raises(NotPossible):
        attach(alone.services, CLERK, intake_id, alone.entered())


def test_a_part_of_a_batch_that_waits_for_a_person_keeps_its_original_too(alone: Alone, signed: bytes) -> None:
    reference = alone.entered()
    part = ScanPart(None, (1, 1), alone.wired.harmless("skan.pdf", signed))
    (matched,) = match_scans(alone.services, CLERK, [part])
    assert matched.intake_id is not None
    item = attach(alone.services, CLERK, matched.intake_id, reference)
    assert item.state is IntakeState.ATTACHED
    original, signers = of_application(alone, reference)
    assert original == signed
    assert len(signers) == 1
