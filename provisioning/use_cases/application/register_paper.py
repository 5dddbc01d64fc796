"""A clerk types a paper or e-mailed form in (S1), or records the signed paper of a web application."""

from __future__ import annotations

from datetime import date

from provisioning.domain.actors import Actor
from provisioning.domain.application import Application, SignatureKind, Status
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import FieldError, Invalid, NotPossible
from provisioning.domain.mail import MailKind
from provisioning.domain.rights import Action, require_permission
from provisioning.form.check import Submission
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.application.submit import file_on, new_application
from provisioning.use_cases.messages.mail_out import queue_mail

_ONCE = "register-paper"


def register_paper(services: Services, actor: Actor, submission: Submission) -> Application:
    """Store a typed-in application; it is filed on the day it reached the office, by post or by e-mail.

    Raises:
        Forbidden: the role may not enter applications.
    """
    require_permission(actor.roles, Action.ENTER)
    with services.work() as work:
        return _entered(services, work, actor, submission)


def register_once(services: Services, actor: Actor, submission: Submission, key: str) -> tuple[str, bool]:
    """The same, once for a key: the row of a batch that was broken off, or the second half of a double click, is not a second one.

    Returns:
        the reference, and whether the application is new.

    Raises:
        Forbidden: the role may not enter applications.
    """
    require_permission(actor.roles, Action.ENTER)
    with services.work() as work:
        if (seen := work.idempotency.seen(_ONCE, key)) is not None:
            return str(seen[1]["reference"]), False
        application = _entered(services, work, actor, submission)
        work.idempotency.remember(_ONCE, key, b"", {"reference": application.reference}, services.clock.now())
    return application.reference, True


def _entered(services: Services, work: Work, actor: Actor, submission: Submission) -> Application:
    assert submission.filed_on is not None  # the check demands it on paper
    application = new_application(services, work, submission)
    application.entered_by = actor.name
    file_on(services, application, submission.filed_on)
    work.applications.add(application)
    queue_mail(services, work, MailKind.RECEIVED, application, "filed")
    work.audit.write(
        actor,
        AuditAction.APPLICATION_ENTERED,
        application.reference,
        {"channel": application.channel, "filed_on": submission.filed_on.isoformat()},
        services.clock.now(),
        private={"reason": submission.entry_reason} if submission.entry_reason else None,
    )
    return application


def record_paper(services: Services, actor: Actor, reference: str, version: int, *, signed_on: date, filed_on: date) -> Application:
    """The signed print of a web application has arrived: from its filing day S4 runs.

    Raises:
        Forbidden. Invalid: a date in the future. NotPossible: `stale_version`, `wrong_state`.
    """
    require_permission(actor.roles, Action.RECORD_PAPER)
    today = services.clock.today()
    wrong = [
        FieldError(name, f"{name}_in_future") for name, day in (("signed_on", signed_on), ("filed_on", filed_on)) if day > today
    ]
    if wrong:
        raise Invalid(wrong)
    with services.work() as work:
        application = work.applications.get(reference, for_change=True)
        if application.status is not Status.UNCONFIRMED:
            raise NotPossible("wrong_state", "Only an unconfirmed application waits for its paper.")
        application.move(Status.FILED, version)
        signature = application.signature or {}
        application.signature = {**signature, "kind": SignatureKind.PAPER.value, "signed_on": signed_on.isoformat()}
        application.confirmation_nonce = None
        file_on(services, application, filed_on)
        work.applications.save(application)
        queue_mail(services, work, MailKind.RECEIVED, application, "filed")
        work.audit.write(
            actor,
            AuditAction.APPLICATION_PAPER_RECORDED,
            reference,
            {"signed_on": signed_on.isoformat(), "filed_on": filed_on.isoformat()},
            services.clock.now(),
        )
    return application
