"""The proof of one application in one file: as filed, clauses and terms of its version, files, decisions, mails, audit, hashes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from provisioning.domain.actors import Actor
from provisioning.domain.application import Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.audit_chain import AuditEntry
from provisioning.domain.clauses import FormVersion
from provisioning.domain.document import Document
from provisioning.domain.mail import Mail
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.services import Services
from provisioning.ports.work import Work


class FormPrinter(Protocol):
    """Makes the PDF of the form as filed."""

    def __call__(self, application: Application, form: FormVersion) -> bytes: ...


@dataclass(frozen=True)
class Evidence:
    """Everything that proves one application."""

    application: Application
    form: FormVersion
    mails: list[Mail]
    documents: list[Document]
    history: list[AuditEntry]
    made_at: datetime


def evidence_pack(services: Services, actor: Actor, reference: str, printer: FormPrinter) -> bytes:
    """A ZIP with a manifest of sha256 sums; making one is an entry of the audit.

    Raises:
        Forbidden. NotFound.
    """
    require_permission(actor.roles, Action.EVIDENCE)
    with services.work() as work:
        application = work.applications.get(reference)
        now = services.clock.now()
        work.audit.write(actor, AuditAction.APPLICATION_EVIDENCE_EXPORTED, reference, {}, now)
    with services.work() as work:  # the entry above is part of the proof
        documents = [_with_its_signatures(work, work.documents.get(reference, d.document_id)) for d in work.documents.of(reference)]
        evidence = Evidence(
            application=application,
            form=services.forms[application.form_version],
            mails=work.mails.of(reference),
            documents=documents,
            history=work.audit.of(reference),
            made_at=now,
        )
    return _zip(evidence, printer)


def _with_its_signatures(work: Work, document: Document) -> Document:
    """A signature holds in the file as it came, not in the copy that is shown."""
    return replace(document, original=work.documents.original(document)) if document.signatures else document


def _zip(evidence: Evidence, printer: FormPrinter) -> bytes:
    application, form = evidence.application, evidence.form
    language = application.language
    clauses = [f"{c.code}: {'TAK' if application.clauses.get(c.code) else 'NIE'}\n{c.text[language]}" for c in form.clauses]
    files: dict[str, bytes] = {
        "wniosek.pdf": printer(application.filed_form(), form),
        "klauzule.txt": "\n\n".join(clauses).encode(),
        f"regulamin-{form.terms_version}.txt": form.terms[language].encode(),
        "dane.json": _json(_filed(application)),
        **({"wniosek-po-poprawkach.pdf": printer(application, form)} if application.as_filed else {}),
        "wiadomosci.json": _json([_mail(mail) for mail in evidence.mails]),
        "dziennik.json": _json([_line(line) for line in evidence.history]),
    }
    extensions = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
    for number, document in enumerate(evidence.documents, 1):
        files[f"plik-{number}.{extensions[document.media_type]}"] = document.content
        if document.original is not None:
            files[f"plik-{number}-podpisany-oryginal.pdf"] = document.original
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in {**files, "SHA256SUMS": sums.encode()}.items():
            bundle.writestr(f"{application.reference}/{name}", content)
    return output.getvalue()


def _filed(application: Application) -> dict[str, Any]:
    """What was filed and decided; PESEL is in the form itself alone."""
    names = (
        "reference",
        "status",
        "channel",
        "form_version",
        "terms_version",
        "language",
        "customer_type",
        "data",
        "clauses",
        "terms_accepted",
        "signature",
        "received_at",
        "filed_at",
        "filed_on",
        "completed_on",
        "due_on",
        "email_confirmed_at",
        "decided_at",
        "decided_by",
        "reason",
        "entered_by",
        "as_filed",
        "added_to",
    )
    return {name: getattr(application, name) for name in names}


def _mail(mail: Mail) -> dict[str, Any]:
    return {
        "message_id": mail.message_id,
        "kind": mail.kind,
        "to": mail.recipient,
        "state": mail.state,
        "answer": mail.answer,
        "created_at": mail.created_at,
        "accepted_at": mail.accepted_at,
    }


def _line(line: AuditEntry) -> dict[str, Any]:
    return {**vars(line), "roles": list(line.roles)}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str).encode()
