"""A registrar approves several applications at once, only where every check is green; each one is a decision of its own (S4)."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.domain.actors import Actor
from provisioning.domain.application import Application, Status
from provisioning.domain.desk import QueueFilter
from provisioning.domain.errors import Invalid, NotFound, NotPossible
from provisioning.domain.register_match import Agrees
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.application.decide import approve, lacks_second_person
from provisioning.use_cases.application.doubts import doubts, look_at

_LOOKED_AT = 200
_MUST_AGREE = frozenset({"number", "name", "address"})


@dataclass(frozen=True)
class Outcome:
    """What became of one of them: `approved`, or the code of why not."""

    reference: str
    code: str


def green(services: Services, actor: Actor) -> list[Application]:
    """Of the 200 applications that are due first, those in which nothing is left to look at.

    Raises:
        Forbidden.
    """
    require_permission(actor.roles, Action.APPROVE_MANY)
    with services.work() as work:
        page = work.applications.page(QueueFilter(statuses=frozenset({Status.FILED, Status.IN_REVIEW}), limit=_LOOKED_AT))
        return [each for each in page.applications if is_green(services, work, actor, each)]


def approve_together(services: Services, actor: Actor, chosen: dict[str, int]) -> list[Outcome]:
    """Approve those that are still green.

    Args:
        chosen: versions by reference, as the registrar saw them.

    Raises:
        Forbidden.
    """
    require_permission(actor.roles, Action.APPROVE_MANY)
    return [Outcome(reference, _one(services, actor, reference, version)) for reference, version in chosen.items()]


def is_green(services: Services, work: Work, actor: Actor, application: Application) -> bool:
    """S2 complete, the register agrees, nothing alike, in time, the paper is there and was compared, and nothing of it written by the same person."""
    try:
        application.require_approvable(services.forms[application.form_version].codes)
    except NotPossible:
        return False
    if lacks_second_person(services, work, actor, application):
        return False
    looked = look_at(services, work, application)
    compared = {each.what: each.agrees for each in looked.register or []}
    agrees = all(compared.get(what) is Agrees.YES for what in _MUST_AGREE) and Agrees.NO not in compared.values()
    return agrees and not doubts(services, application, looked)


def _one(services: Services, actor: Actor, reference: str, version: int) -> str:
    try:
        with services.work() as work:
            if not is_green(services, work, actor, work.applications.get(reference)):
                return "not_green"
        approve(services, actor, reference, version)
    except NotFound:
        return "not_found"
    except Invalid:
        return "not_green"
    except NotPossible as error:
        return error.code
    return "approved"
