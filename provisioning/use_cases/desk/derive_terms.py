"""The holidays or the term have changed: open cases get the due dates of the new sum (S4), after a look at what would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from provisioning.domain.actors import Actor
from provisioning.domain.application import CORRECTABLE, Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.use_cases.application.submit import derived_term
from provisioning.use_cases.desk.undecided import undecided


@dataclass(frozen=True)
class Moved:
    """One open application whose due date is not what today's rules say."""

    reference: str
    old: date | None
    new: date | None


def preview(services: Services) -> list[Moved]:
    """What would change, in the order of the numbers."""
    return [moved for application in undecided(services) if (moved := _derived(services, application))]


def derive_terms(services: Services, actor: Actor) -> list[Moved]:
    """Carry it out, each application in a transaction of its own.

    Raises:
        Forbidden: not a manager.
    """
    require_permission(actor.roles, Action.DERIVE_TERMS)
    return [done for each in preview(services) if (done := _one(services, actor, each.reference))]


def _one(services: Services, actor: Actor, reference: str) -> Moved | None:
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        moved = _derived(services, application) if application.status in CORRECTABLE else None
        if moved is None:  # decided meanwhile, or somebody was quicker
            return None
        application.due_on = moved.new
        application.version += 1
        work.applications.save(application)
        details = {"from": str(moved.old), "to": str(moved.new)}
        work.audit.write(actor, AuditAction.APPLICATION_TERM_DERIVED, reference, details, services.clock.now())
    return moved


def _derived(services: Services, application: Application) -> Moved | None:
    """The due date of today's rules, where it is another one."""
    new = derived_term(services, application)
    return Moved(application.reference, application.due_on, new) if new != application.due_on else None
