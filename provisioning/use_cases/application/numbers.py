"""After a restore the database does not know which references went out since its back-up: none may be given out twice."""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.login_names import number_of
from provisioning.ports.services import Services

JUMP = 10_000
_PAGE = 1000


@dataclass(frozen=True)
class Numbers:
    """Where the numbers of applications stand.

    Attributes:
        given_out: the last number that the sequence gave out.
        known: the highest that an application here or a user in Keycloak carries.
    """

    given_out: int
    known: int

    @property
    def behind(self) -> bool:
        """Whether the next applications would get references that are somebody's already."""
        return self.known > self.given_out


def look(services: Services) -> Numbers:
    """
    Raises:
        DirectoryTrouble: Keycloak does not answer.
    """
    with services.work() as work:
        given_out, here = work.applications.numbers()
    there, first = 0, 0
    while page := services.directory.customers(first, _PAGE):
        there = max([there, *(number_of(seen.application or "") or 0 for seen in page)])
        first += len(page)
    return Numbers(given_out, max(here, there))


def jump(services: Services, actor: Actor, by: int = JUMP) -> tuple[Numbers, int]:
    """Go on well after every number that is known: those between may stand in mails and on prints that nobody here knows of.

    Run again it changes nothing, as long as no number was given out since.

    Returns:
        where the numbers stood, and the last one that counts as given out now.

    Raises:
        DirectoryTrouble: Keycloak does not answer; nothing was changed.
    """
    stood = look(services)
    target = stood.known + by
    if stood.given_out >= target:
        return stood, stood.given_out
    with services.work() as work:
        work.applications.continue_after(target)
        work.audit.write(
            actor, AuditAction.NUMBERS_JUMPED, "numbers", {"from": stood.given_out, "to": target}, services.clock.now()
        )
    return stood, target
