"""What comes by e-mail or as a batch of scans becomes an application's, or an item for a person; nothing is lost (S1)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from hashlib import sha256

from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.document import Document
from provisioning.domain.errors import NotFound, NotPossible
from provisioning.domain.intake import Incoming, IntakeFile, IntakeItem, IntakeKind, IntakeState
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.application.add_scans import put, with_room_for
from provisioning.use_cases.application.decide import required_reason
from provisioning.use_cases.messages.undelivered import note_bounce


@dataclass(frozen=True)
class ScanPart:
    """Pages of a batch that belong together: those from one QR code to the next.

    Attributes:
        reference: what the QR code says; None for pages before the first one.
        pages: as in the batch, from 1.
    """

    reference: str | None
    pages: tuple[int, int]
    document: Document


@dataclass(frozen=True)
class Matched:
    """Where one part of a batch went: to an application, or to a person (`problem` says why)."""

    part: ScanPart
    problem: str | None
    intake_id: str | None = None


def take_in(services: Services, incoming: Incoming) -> bool:
    """Keep one message; False when it was here before."""
    with services.work() as work:
        return put_in(services, work, incoming)


def put_in(services: Services, work: Work, incoming: Incoming) -> bool:
    """Keep one message in a transaction that does more; False when it was here before. A returned mail marks what it speaks of."""
    item = incoming.item
    if item.problem == "loop" and item.message_id and work.mails.get(item.message_id) is not None:
        item.state = IntakeState.SET_ASIDE  # really a mail of ours that came round: what it carries, we made
    item.content_sha256 = _content_hash(incoming)
    if not work.intake.add(item, [] if item.state is IntakeState.SET_ASIDE else incoming.files):
        return False
    for bounce in incoming.bounces:
        note_bounce(services, work, bounce)
    return True


def _content_hash(incoming: Incoming) -> str:
    """Of what a person sees: the same mail that came by two ways differs in its headers alone, two scans of one machine do not."""
    item = incoming.item
    seen = [item.sender, item.subject, item.text, *(each.sha256 for each in incoming.files), *map(str, incoming.bounces)]
    return sha256("\0".join(seen).encode()).hexdigest()


def attach(services: Services, actor: Actor, intake_id: str, reference: str) -> IntakeItem:
    """The good files of an item go to an application.

    Raises:
        Forbidden. NotFound: no such item or application. NotPossible: `wrong_state` after the decision, `already_decided`,
            `too_many_documents`.
    """
    require_permission(actor.roles, Action.INTAKE)
    with services.work() as work:
        item = _waiting(work, intake_id)
        files = [each for each in work.intake.files_of(intake_id, with_originals=True) if each.refused is None]
        application = with_room_for(work, reference, len(files))
        put(services, work, actor, application, [_document(each, reference) for each in files])
        work.intake.drop_files(intake_id)
        _close(services, work, actor, item, IntakeState.ATTACHED, reference)
        work.audit.write(
            actor, AuditAction.INTAKE_ATTACHED, reference, {"intake": intake_id, "files": len(files)}, services.clock.now()
        )
    return item


def dismiss(services: Services, actor: Actor, intake_id: str, reason: str | None) -> IntakeItem:
    """No application: the content goes, what remains is that something came and who decided.

    Raises:
        Forbidden. NotFound. Invalid: no reason. NotPossible: `already_decided`.
    """
    require_permission(actor.roles, Action.INTAKE)
    words = required_reason(reason)
    with services.work() as work:
        item = _waiting(work, intake_id)
        work.intake.drop_files(intake_id)
        item.sender = item.subject = item.text = ""
        _close(services, work, actor, item, IntakeState.DISMISSED, None)
        subject = f"intake:{intake_id}"  # words of its own, which can be forgotten alone
        work.audit.write(
            actor, AuditAction.INTAKE_DISMISSED, subject, {"intake": intake_id}, services.clock.now(), private={"reason": words}
        )
    return item


def forget_set_aside(services: Services) -> int:
    """What machines wrote need not be kept: sender, subject and text go after a while; return how many."""
    before = services.clock.now() - services.rules.set_aside_life
    with services.work() as work:
        return work.intake.forget_set_aside(before)


def match_scans(services: Services, actor: Actor, parts: list[ScanPart]) -> list[Matched]:
    """Parts of a batch go to the applications their QR codes name; what cannot be matched waits for a person.

    Raises:
        Forbidden.
    """
    require_permission(actor.roles, Action.ADD_SCAN)
    found = []
    with services.work() as work:
        for part in parts:
            problem = _put_part(services, work, actor, part)
            intake_id = _for_a_person(services, work, part, problem) if problem else None
            found.append(Matched(part, problem, intake_id))
    return found


def _for_a_person(services: Services, work: Work, part: ScanPart, problem: str) -> str:
    item = IntakeItem(
        intake_id=uuid.uuid4().hex,
        kind=IntakeKind.SCAN,
        state=IntakeState.WAITING,
        sha256=sha256(part.document.content + uuid.uuid4().bytes).hexdigest(),
        message_id=None,
        sender="",
        subject=part.document.name,
        received_at=services.clock.now(),
        text="",
        problem=problem,
    )
    work.intake.add(item, [IntakeFile.of(part.document, item.intake_id, 0)])
    return item.intake_id


def _put_part(services: Services, work: Work, actor: Actor, part: ScanPart) -> str | None:
    """Add one part to the application it names; else why a person must look."""
    if part.reference is None:
        return "no_reference"
    try:
        application = with_room_for(work, part.reference, 1)
    except NotFound:
        return "unknown_reference"
    except NotPossible as error:
        return "decided" if error.code == "wrong_state" else error.code
    put(services, work, actor, application, [replace(part.document, reference=part.reference)])
    return None


def _document(file: IntakeFile, reference: str) -> Document:
    return Document(
        uuid.uuid4().hex,
        reference,
        "scan",
        file.name,
        file.media_type,
        file.sha256,
        file.content,
        original=file.original,
        signatures=file.signatures,
    )


def _waiting(work: Work, intake_id: str) -> IntakeItem:
    item = work.intake.get(intake_id, for_change=True)
    if item.state not in (IntakeState.WAITING, IntakeState.SET_ASIDE):
        raise NotPossible("already_decided", "Somebody has dealt with it already.")
    return item


def _close(services: Services, work: Work, actor: Actor, item: IntakeItem, state: IntakeState, reference: str | None) -> None:
    item.state, item.reference, item.closed_at, item.closed_by = state, reference, services.clock.now(), actor.name
    work.intake.save(item)
