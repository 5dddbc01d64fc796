"""Staff add what was handed in on paper: scans and photos, made harmless before (S1)."""

from __future__ import annotations

from provisioning.domain.actors import Actor
from provisioning.domain.application import CLOSED, Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.document import Document
from provisioning.domain.errors import NotPossible
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work

MOST = 20


def add_scans(services: Services, actor: Actor, reference: str, documents: list[Document]) -> None:
    """Store all of them, or none.

    Raises:
        Forbidden. NotFound. NotPossible: `wrong_state` after the decision, `too_many_documents`.
    """
    require_permission(actor.roles, Action.ADD_SCAN)
    with services.work() as work:
        application = with_room_for(work, reference, len(documents))
        put(services, work, actor, application, documents)


def with_room_for(work: Work, reference: str, files: int) -> Application:
    """The application, locked, if so many files may still be added to it.

    Raises:
        NotFound. NotPossible: `wrong_state` after the decision, `too_many_documents`.
    """
    application = work.applications.get(reference, for_change=True)
    if application.status in CLOSED:
        raise NotPossible("wrong_state", "The application has been decided.")
    if len(work.documents.of(reference)) + files > MOST:
        raise NotPossible("too_many_documents", f"No more than {MOST} files can be added.")
    return application


def put(services: Services, work: Work, actor: Actor, application: Application, documents: list[Document]) -> None:
    """Store files of an application, each with a line of the audit."""
    for document in documents:
        work.documents.add(document)
        details = {"sha256": document.sha256, "type": document.media_type}
        work.audit.write(actor, AuditAction.DOCUMENT_ADDED, application.reference, details, services.clock.now())
    application.version += 1
    work.applications.save(application)
