"""Before a decision: what speaks against it, and the comparison of an application with its scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.domain.actors import Actor
from provisioning.domain.application import CORRECTABLE, Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.desk import Alike, ScanChecked
from provisioning.domain.document import Document
from provisioning.domain.doubts import Doubt, ScanCheck, checks_needed, doubts_of_file
from provisioning.domain.errors import NotPossible
from provisioning.domain.register_match import Compared
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.application.check_register import check_register, compared_with

_MOST_ALIKE = 50


@dataclass(frozen=True)
class Looked:
    """What a decision about one application is made from.

    Attributes:
        register: the register's answers; None when no register was ever imported.
        alike: other open applications and live accounts that share PESEL, NIP, customer number or e-mail.
    """

    register: list[Compared] | None
    alike: list[Alike]
    documents: list[Document]
    checks: list[ScanChecked]


def look_at(services: Services, work: Work, application: Application) -> Looked:
    """Everything a person sees before a decision, asked once."""
    return Looked(
        register=check_register(services, work, application),
        alike=work.applications.alike(application, _MOST_ALIKE),
        documents=work.documents.of(application.reference),
        checks=work.cases.scan_checks_of(application.reference),
    )


def doubts(services: Services, application: Application, looked: Looked, besides: str | None = None) -> frozenset[Doubt]:
    """Why approving needs words for the file; empty when it needs none.

    Args:
        besides: the login of the account that takes the number; being like that one is no doubt.
    """
    checked = [each.what for each in looked.checks]
    found = set(doubts_of_file(application, looked.register, has_scan=bool(looked.documents), checked=checked))
    if is_late(services, application):
        found.add(Doubt.LATE)
    if any(besides is None or each.login != besides for each in looked.alike):
        found.add(Doubt.ALIKE)
    return frozenset(found)


def doubts_in_rows(services: Services, work: Work, applications: Sequence[Application]) -> dict[str, frozenset[Doubt]]:
    """The same for the rows of the queue, with three questions for all of them; `late` and `alike` are said elsewhere or too dear."""
    undecided = [each for each in applications if each.status in CORRECTABLE]
    references = [each.reference for each in undecided]
    with_files, checked = work.documents.references_with_files(references), work.cases.scan_checks(references)
    known = work.register.many([each.data["customer_number"] for each in undecided]) if work.register.is_filled() else None
    return {
        each.reference: doubts_of_file(
            each,
            None if known is None else compared_with(services, each, known.get(each.data["customer_number"])),
            has_scan=each.reference in with_files,
            checked=checked.get(each.reference, frozenset()),
        )
        for each in undecided
    }


def is_late(services: Services, application: Application) -> bool:
    """Whether the legal term (S4) is over; the last day itself is not."""
    return bool(application.due_on and application.due_on < services.clock.today())


def check_scan(services: Services, actor: Actor, reference: str, ticked: frozenset[ScanCheck]) -> list[ScanChecked]:
    """ "Zgodność ze skanem": what this person has seen on the scan; a tick that is gone is taken back, whoever set it.

    Raises:
        Forbidden. NotFound. NotPossible: `wrong_state` after the decision, `no_scan` when there is nothing to look at.
    """
    require_permission(actor.roles, Action.CHECK_SCAN)
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        if application.status not in CORRECTABLE:
            raise NotPossible("wrong_state", "The application has been decided.")
        if not work.documents.of(reference):
            raise NotPossible("no_scan", "There is no scan to compare with.")
        before = {each.what for each in work.cases.scan_checks_of(reference)}
        after = ticked & checks_needed(application)
        now = services.clock.now()
        work.cases.drop_scan_checks(reference, before - after)
        for what in sorted(after - before):
            work.cases.add_scan_check(ScanChecked(reference, what, actor.name, now))
        if after != before:
            details = {"seen": sorted(after - before), "taken_back": sorted(before - after)}
            work.audit.write(actor, AuditAction.APPLICATION_SCAN_CHECKED, reference, details, now)
        return work.cases.scan_checks_of(reference)
