"""Working on a case together: notes that stay after the decision, and a claim that lapses by itself."""

from __future__ import annotations

import uuid
from datetime import timedelta

from provisioning.domain.actors import Actor
from provisioning.domain.application import CLOSED
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.desk import CaseClaim, CaseNote, StaffMember
from provisioning.domain.errors import FieldError, Invalid, NotPossible
from provisioning.domain.free_text import free_text
from provisioning.domain.rights import Action, may, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work

CLAIM_LIFE = timedelta(hours=4)
_LONGEST_NOTE = 4000


def add_note(services: Services, actor: Actor, reference: str, text: str) -> CaseNote:
    """Write a note; also after the decision. It goes with the person when they are anonymised.

    Raises:
        Forbidden. NotFound. Invalid: empty, more than 4000 characters, or control characters among them.
    """
    require_permission(actor.roles, Action.NOTE)
    words = free_text("note", text, _LONGEST_NOTE)
    if words is None:
        raise Invalid([FieldError("note", "required")])
    with services.work() as work:
        work.applications.get(reference)
        note = CaseNote(uuid.uuid4().hex, reference, services.clock.now(), actor.name, words)
        work.cases.add_note(note)
        work.audit.write(actor, AuditAction.CASE_NOTED, reference, {}, note.at)
    return note


def claim(services: Services, actor: Actor, reference: str) -> CaseClaim:
    """Take a case, for four hours; another's claim that has not lapsed is not taken away.

    Raises:
        Forbidden. NotFound. NotPossible: `claimed_by_another`, `wrong_state` after the decision.
    """
    require_permission(actor.roles, Action.CLAIM)
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        if application.status in CLOSED:
            raise NotPossible("wrong_state", "The application has been decided.")
        now = services.clock.now()
        present = work.cases.claim_of(reference)
        if present is not None and present.until > now and present.username != actor.name:
            raise NotPossible("claimed_by_another", f"{present.username} is working on this application.")
        mine = CaseClaim(reference, actor.name, now + CLAIM_LIFE)
        work.cases.put_claim(mine)
        if present is None or present.username != actor.name:
            work.audit.write(actor, AuditAction.CASE_CLAIMED, reference, {}, now)
    return mine


def assign(services: Services, actor: Actor, reference: str, to: str) -> CaseClaim:
    """Hand a case to a colleague, for four hours; also away from somebody who has it.

    Raises:
        Forbidden. NotFound. Invalid: `unknown_colleague`, nobody of that name may work on cases.
            NotPossible: `wrong_state` after the decision.
    """
    require_permission(actor.roles, Action.ASSIGN)
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        if application.status in CLOSED:
            raise NotPossible("wrong_state", "The application has been decided.")
        now = services.clock.now()
        if to not in {member.username for member in colleagues(services, work)}:
            raise Invalid([FieldError("colleague", "unknown_colleague")])
        given = CaseClaim(reference, to, now + CLAIM_LIFE)
        work.cases.put_claim(given)
        work.audit.write(actor, AuditAction.CASE_ASSIGNED, reference, {"to": to}, now)
    return given


def colleagues(services: Services, work: Work) -> list[StaffMember]:
    """Who may work on cases and was in the staff UI within the last 90 days."""
    found = work.desk.members(services.clock.now() - timedelta(days=90))
    return [member for member in found if may(frozenset(member.roles), Action.CLAIM)]


def release(services: Services, actor: Actor, reference: str) -> None:
    """Give a case back before its claim lapses; somebody else's claim stays.

    Raises:
        Forbidden. NotFound.
    """
    require_permission(actor.roles, Action.CLAIM)
    with services.work() as work:
        work.applications.get(reference, for_change=True)
        present = work.cases.claim_of(reference)
        if present is not None and present.username == actor.name:
            work.cases.drop_claim(reference)
            work.audit.write(actor, AuditAction.CASE_RELEASED, reference, {}, services.clock.now())
