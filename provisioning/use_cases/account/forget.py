"""What never became an account is not kept for ever: each kind has its retention (`[retention]` of utility.toml).

Every thing goes in a transaction of its own, so one that cannot go keeps none of the others. The audit's line stays, the
words in it go with the key of their subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

import structlog

from provisioning.domain.actors import WORKER
from provisioning.domain.application import Application, Status
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.intake import IntakeState
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.messages.unasked_mails import forget_unasked_mails
from provisioning.use_cases.news.tell import forget_delivered

_log = structlog.get_logger()
_BATCH = 200


def forget_what_is_past(services: Services) -> dict[str, int]:
    """Everything below, one after the other; how much of each went. A job that fails is logged and keeps none of the rest."""
    jobs: dict[str, Callable[[Services], int]] = {
        "unconfirmed": forget_unconfirmed,
        "withdrawn": forget_withdrawn,
        "rejected": forget_rejected,
        "intake": forget_intake,
        "unknown_resets": forget_unknown_resets,
        "idempotency_keys": forget_idempotency_keys,
        "unasked_mails": forget_unasked_mails,
        "deliveries": forget_delivered,
    }
    gone = {}
    with services.only_one("forget") as alone:
        for name, job in jobs.items() if alone else ():
            try:
                gone[name] = job(services)
            except Exception:
                _log.exception("forget.failed", job=name)
    return {name: count for name, count in gone.items() if count}


def forget_unconfirmed(services: Services) -> int:
    """Web applications that nobody confirmed, or whose signed paper never came: they go altogether."""
    now, rules = services.clock.now(), services.rules.retention
    before, confirmed_before = now - rules.unconfirmed, now - rules.awaiting_paper

    def past(application: Application) -> bool:
        confirmed_at = application.email_confirmed_at
        return application.received_at < before if confirmed_at is None else confirmed_at < confirmed_before

    def go(work: Work, application: Application) -> None:
        work.retention.delete_application(application.reference)

    return _applications(services, Status.UNCONFIRMED, before, past, AuditAction.APPLICATION_EXPIRED, go, confirmed_before)


def forget_withdrawn(services: Services) -> int:
    """The person goes; kind, channel, dates and answers stay, for the statistics, as with an anonymised account (S8)."""
    before = services.clock.now() - services.rules.retention.withdrawn
    return _applications(
        services, Status.WITHDRAWN, before, lambda each: _decided_before(each, before), AuditAction.APPLICATION_ANONYMISED
    )


def forget_rejected(services: Services) -> int:
    """The same."""
    before = services.clock.now() - services.rules.retention.rejected
    return _applications(
        services, Status.REJECTED, before, lambda each: _decided_before(each, before), AuditAction.APPLICATION_ANONYMISED
    )


def forget_intake(services: Services) -> int:
    """Mails and scans that nobody has dealt with, and the memory of those that were no application."""
    now, rules, gone = services.clock.now(), services.rules.retention, 0
    for state, before in (
        (IntakeState.WAITING, now - rules.intake_waiting),
        (IntakeState.DISMISSED, now - rules.intake_dismissed),
    ):
        with services.work() as work:
            found = work.retention.intake(state, before, _BATCH)
        gone += sum(_one(services, each, partial(_intake_item, services, intake_id=each, state=state)) for each in found)
    with services.work() as work:
        work.retention.drop_shared_intake_words(now - rules.intake_dismissed)
    return gone


def forget_unknown_resets(services: Services) -> int:
    """Wishes for a new password of logins that do not exist: kept only as long as they are counted (S7)."""
    before = services.clock.now() - services.rules.retention.unknown_resets
    with services.work() as work:
        return work.retention.delete_unknown_resets(before, 50 * _BATCH)


def forget_idempotency_keys(services: Services) -> int:
    """After that the same request would be carried out again."""
    before = services.clock.now() - services.rules.retention.idempotency
    with services.work() as work:
        return work.retention.delete_idempotency_keys(before, 50 * _BATCH)


def _decided_before(application: Application, before: datetime) -> bool:
    return application.decided_at is not None and application.decided_at < before


def _applications(
    services: Services,
    status: Status,
    before: datetime,
    past: Callable[[Application], bool],
    action: AuditAction,
    go: Callable[[Work, Application], None] | None = None,
    confirmed_before: datetime | None = None,
) -> int:
    def forget(work: Work, reference: str) -> bool:
        application = work.applications.get(reference, for_change=True)
        if application.status is not status or not past(application):
            return False  # confirmed or decided while we walked
        application.anonymise()
        work.applications.save(application)  # also takes the words it was found by
        work.retention.forget_traces([reference])
        if go is not None:
            go(work, application)
        work.audit.write(WORKER, action, reference, {"status": status}, services.clock.now())
        return True

    def references() -> Iterator[str]:
        after = ""
        while True:
            with services.work() as work:
                batch = work.retention.applications(status, before, after, _BATCH, confirmed_before)
            yield from batch
            if len(batch) < _BATCH:
                return
            after = batch[-1]

    return sum(_one(services, each, partial(forget, reference=each)) for each in references())


def _intake_item(services: Services, work: Work, intake_id: str, state: IntakeState) -> bool:
    if work.intake.get(intake_id, for_change=True).state is not state:
        return False  # somebody was quicker
    work.retention.delete_intake(intake_id)
    if state is IntakeState.WAITING:
        work.audit.write(WORKER, AuditAction.INTAKE_FORGOTTEN, "intake", {"intake": intake_id}, services.clock.now())
    return True


def _one(services: Services, what: str, forget: Callable[[Work], bool]) -> bool:
    try:
        with services.work() as work:
            return forget(work)
    except Exception:
        _log.exception("forget.one_failed", what=what)
        return False
