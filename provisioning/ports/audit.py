"""The append-only audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.audit_chain import AuditEntry, ChainedLine


class Audit(Protocol):
    def write(
        self,
        actor: Actor,
        action: AuditAction,
        subject: str,
        details: dict[str, Any],
        at: datetime,
        private: dict[str, Any] | None = None,
    ) -> None: ...
    def of(self, subject: str) -> list[AuditEntry]: ...
    def actors(self, subject: str, actions: tuple[AuditAction, ...]) -> set[str]: ...
    def page(
        self,
        *,
        subject: str | None,
        actor: str | None,
        action: str | None,
        before: int | None,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[AuditEntry]: ...
    def reveals(self, actor: str, since: datetime) -> list[datetime]:
        """When somebody revealed a PESEL, refusals left out; oldest first."""
        ...

    def chain(self) -> Iterator[ChainedLine]: ...
