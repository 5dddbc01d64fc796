"""Staff correct what was typed or filed wrongly: the old value stays in the audit, the form as filed in the evidence."""

from __future__ import annotations

from dataclasses import asdict

from provisioning.domain.application import Action, Application, Channel, CorrectedForm, require_permission
from provisioning.domain.errors import FieldError, Invalid
from provisioning.form.check import Submission
from provisioning.ports import Actor, Office


def correct(office: Office, actor: Actor, reference: str, version: int, submission: Submission) -> Application:
    """Take the corrected form over. Of a web application only the data: its answers, signature and proved address are the customer's.

    Raises:
        Forbidden. NotFound. NotPossible: `stale_version`, `wrong_state`. Invalid: `nothing_changed`, `confirmed_by_customer`.
    """
    require_permission(actor.roles, Action.CORRECT)
    with office.work() as work:
        application = work.applications.get(reference, for_change=True)
        changes = application.correct(version, _corrected(application, submission))
        if not changes:
            raise Invalid([FieldError("body", "nothing_changed")])
        work.applications.save(application)
        work.audit.write(
            actor,
            "application.corrected",
            reference,
            {"fields": [change.field for change in changes]},
            office.clock.now(),
            private={"changes": [asdict(change) for change in changes]},
        )
    return application


def _corrected(application: Application, submission: Submission) -> CorrectedForm:
    if application.channel is not Channel.WEB:
        return CorrectedForm(submission.data, submission.pesel, submission.clauses, submission.terms_accepted, submission.signature)
    if submission.data["email"] != application.data["email"]:
        raise Invalid([FieldError("email", "confirmed_by_customer")])
    return CorrectedForm(submission.data, submission.pesel, application.clauses, application.terms_accepted, application.signature)
