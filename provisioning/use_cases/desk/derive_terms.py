"""The holidays or the term have changed: open cases get the due dates of the new sum (S4), after a look at what would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from provisioning.domain.actors import Actor
from provisioning.domain.application import CORRECTABLE, Action, Application, require_permission
from provisioning.ports.services import Services
from provisioning.use_cases.application.submit import set_term
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
        application.version += 1
        work.applications.save(application)
        details = {"from": str(moved.old), "to": str(moved.new)}
        work.audit.write(actor, "application.term_derived", reference, details, services.clock.now())
    return moved


def _derived(services: Services, application: Application) -> Moved | None:
    """Give an application the due date of today's rules; None when it has it already."""
    old = application.due_on
    set_term(services, application)
    return Moved(application.reference, old, application.due_on) if application.due_on != old else None
