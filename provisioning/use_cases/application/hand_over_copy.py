"""S3: in the office the customer gets a copy of the application; the original stays with the utility."""

from __future__ import annotations

from datetime import datetime

from provisioning.domain.actors import Actor
from provisioning.domain.application import Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services


def hand_over_copy(services: Services, actor: Actor, reference: str) -> tuple[Application, datetime]:
    """Allow a copy to be printed and write it into the audit.

    Returns:
        the application, and the moment that stands on the stamp.

    Raises:
        Forbidden. NotFound. NotPossible: `copy_not_made_for_mailed`.
    """
    require_permission(actor.roles, Action.COPY)
    with services.work() as work:
        application = work.applications.get(reference)
        application.require_copy_allowed()
        now = services.clock.now()
        work.audit.write(actor, AuditAction.APPLICATION_COPY_PRINTED, reference, {}, now)
    return application, now
