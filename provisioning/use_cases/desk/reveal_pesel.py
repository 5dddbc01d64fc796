"""The full PESEL, for those who may see it: one at a time, each an entry of the audit, so many an hour (S08, S12)."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from provisioning.domain.actors import Actor
from provisioning.domain.application import Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import TooSoon
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services

_log = structlog.get_logger()
_HOUR = timedelta(hours=1)
_WAIT_SECONDS = 5
_REVEALED, _REFUSED = AuditAction.APPLICATION_PESEL_REVEALED, AuditAction.APPLICATION_PESEL_REVEAL_REFUSED


def reveal_pesel(services: Services, actor: Actor, reference: str, *, on: str) -> Application:
    """The application with its PESEL, which everything else shows masked.

    Args:
        on: where it will be read, for the audit: `page` or `form`.

    Raises:
        Forbidden. NotFound. TooSoon: this person has revealed as many as one may in an hour; an alarm.
    """
    require_permission(actor.roles, Action.REVEAL_PESEL)
    with services.only_one(f"reveal:{actor.name}", patience=_WAIT_SECONDS) as alone:
        if not alone:
            raise TooSoon(1)
        now, limit = services.clock.now(), services.rules.pesel_reveals_per_hour
        with services.work() as work:
            application = work.applications.get(reference)
            wait = _wait(work.audit.reveals(actor.name, now - _HOUR), limit, now)
            work.audit.write(actor, _REFUSED if wait else _REVEALED, reference, {"on": on}, now)
    if wait:
        _log.error("pesel.reveal_limit", actor=actor.name, limit=limit)
        raise TooSoon(wait)
    return application


def _wait(earlier: list[datetime], limit: int, now: datetime) -> int:
    """Seconds until the oldest of the last hour no longer counts; 0 when there is room."""
    return max(1, int((min(earlier) + _HOUR - now).total_seconds())) if len(earlier) >= limit else 0
