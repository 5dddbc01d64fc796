"""The holidays or the term have changed: open cases get the due dates of the new sum (S4), after a look at what would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from provisioning.domain.application import Action, Application, Status, require_permission
from provisioning.ports import Actor, Office
from provisioning.use_cases.submit import set_term

_BATCH = 500


@dataclass(frozen=True)
class Moved:
    """One open application whose due date is not what today's rules say."""

    reference: str
    old: date | None
    new: date | None


def preview(office: Office) -> list[Moved]:
    """What would change, in the order of the numbers."""
    found, after = [], ""
    while True:
        with office.work() as work:
            batch = work.applications.open_after(after, _BATCH)
        for application in batch:
            old = application.due_on
            if _derived(office, application) != old:
                found.append(Moved(application.reference, old, application.due_on))
        if len(batch) < _BATCH:
            return found
        after = batch[-1].reference


def derive_terms(office: Office, actor: Actor) -> list[Moved]:
    """Carry it out, each application in a transaction of its own.

    Raises:
        Forbidden: not a manager.
    """
    require_permission(actor.roles, Action.DERIVE_TERMS)
    return [done for each in preview(office) if (done := _one(office, actor, each.reference))]


def _one(office: Office, actor: Actor, reference: str) -> Moved | None:
    with office.work() as work:
        application = work.applications.get(reference, for_change=True)
        old = application.due_on
        if application.status in (Status.APPROVED, Status.REGISTERED) or _derived(office, application) == old:
            return None
        application.version += 1
        work.applications.save(application)
        details = {"from": str(old), "to": str(application.due_on)}
        work.audit.write(actor, "application.term_derived", reference, details, office.clock.now())
    return Moved(reference, old, application.due_on)


def _derived(office: Office, application: Application) -> date | None:
    if application.status is not Status.APPROVED:
        set_term(office, application)
    return application.due_on
