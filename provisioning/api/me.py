"""The customer's own calls: `/me` and what hangs under it, with the customer's own token. Any other id is 404."""

from __future__ import annotations

import io
import json
import time
import zipfile
from datetime import timedelta
from typing import Any

from flask import Response, request

from provisioning.adapters import pdf
from provisioning.api import present
from provisioning.api.blueprint import CUSTOMER, SUBMIT, api, call
from provisioning.api.problems import ReauthenticationNeeded, Unauthenticated
from provisioning.api.request import caller, read_action, read_json, requires
from provisioning.api.schemas import EmailAloneBody, LanguageBody, LinkBody, TermsBody
from provisioning.domain.account import Account
from provisioning.domain.actors import CUSTOMER as CUSTOMER_ACTOR
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import NotFound, NotPossible, TooSoon
from provisioning.form.bodies import contact_body
from provisioning.http import pdf_response, wired
from provisioning.ports.work import Work
from provisioning.use_cases.account import change_contact, change_email, resign
from provisioning.use_cases.account.confirm_first_login import confirmed_soon
from provisioning.use_cases.account.follow_keycloak import KINDS
from provisioning.use_cases.terms import accept_terms

_EXPORTED = AuditAction.ACCOUNT_EXPORTED


def own_account(work: Work) -> Account:
    """The caller's account, as it stands in our database: a token may outlive the account by some minutes.

    Raises:
        NotFound: the caller has no account here.
        Unauthenticated: the account is closed or deleted.
        NotPossible: `account_suspended`.
    """
    account = work.accounts.by_user_id(caller().subject)
    if account is None:
        raise NotFound(caller().subject)
    if account.must_be_gone or account.state == "closed":
        raise Unauthenticated("invalid_token", "The account is closed.")
    if not account.may_log_in:
        raise NotPossible("account_suspended", "The access to this account is suspended.")
    return account


def recent_login() -> None:
    """
    Raises:
        ReauthenticationNeeded: the login is older than a step that cannot be undone allows (RFC 9470).
    """
    life = wired().services.rules.reauthentication_life
    if time.time() - float(caller().claims.get("auth_time", 0)) > life.total_seconds():
        raise ReauthenticationNeeded(int(life.total_seconds()))


@api.get("/me")
@call("The customer's own account", raises=[NotFound, NotPossible])
@requires(CUSTOMER)
def get_me() -> dict[str, Any]:
    with wired().services.work() as work:
        account = own_account(work)
    confirmed_soon(wired().services, account)
    return _everything()


@api.post("/me/email")
@call(
    "Change the e-mail address: a link goes to the new one; the login must be recent (RFC 9470)",
    body=EmailAloneBody,
    answer=202,
    raises=[NotFound, NotPossible, TooSoon],
)
@requires(CUSTOMER)
def post_email_change() -> tuple[dict[str, Any], int]:
    body, login = read_action(EmailAloneBody), _login()
    recent_login()  # whoever finds a screen unlocked must not take the account over by its address
    change_email.ask_to_change_email(wired().services, login, body.email)
    return {}, 202


@api.post("/email-changes/confirm")
@call("The button behind the link in the mail to the new address", body=LinkBody, raises=[NotFound, NotPossible])
@requires(SUBMIT)
def post_email_confirm() -> dict[str, Any]:
    change_email.confirm_email_change(wired().services, read_action(LinkBody).token)
    return {}


@api.post("/email-changes/undo")
@call("The button behind the link in the mail to the old address", body=LinkBody, raises=[NotFound, NotPossible])
@requires(SUBMIT)
def post_email_undo() -> dict[str, Any]:
    change_email.undo_email_change(wired().services, read_action(LinkBody).token)
    return {}


@api.post("/me/contact")
@call(
    "Change telephone or correspondence address, or ask staff to where the register owns them",
    body=contact_body,
    raises=[NotFound, NotPossible],
)
@requires(CUSTOMER)
def post_contact() -> dict[str, Any]:
    changed, asked = change_contact.change_contact(wired().services, _login(), read_json())
    return {"changed": sorted(changed), "asked": sorted(asked.wanted) if asked else []}


@api.post("/me/language")
@call("The language of mails and of the login pages", body=LanguageBody, raises=[NotFound, NotPossible])
@requires(CUSTOMER)
def post_language() -> dict[str, Any]:
    change_contact.change_language(wired().services, _login(), read_action(LanguageBody).language)
    return {}


@api.get("/me/terms")
@call(
    "The Regulamin to be answered, compared with the accepted one; `pending` is null when there is none",
    raises=[NotFound, NotPossible],
)
@requires(CUSTOMER)
def get_terms() -> dict[str, Any]:
    services = wired().services
    with services.work() as work:
        account = own_account(work)
        application = work.applications.get(account.reference)
        answers = work.terms.of(account.login)
    form = accept_terms.to_be_answered(services, application, answers)
    if form is None:
        return {"pending": None}
    accepted = [answer.terms_version for answer in answers if answer.accepted]
    before = accept_terms.by_terms(services, accepted[-1] if accepted else application.terms_version)
    return {
        "pending": {
            "terms_version": form.terms_version,
            "valid_from": form.valid_from.isoformat(),
            "compared_with": before.terms_version if before else None,
            "paragraphs": {name: [vars(each) for each in accept_terms.comparison(before, form, name)] for name in form.terms},
        }
    }


@api.post("/me/terms")
@call("Accept a new Regulamin, or refuse it, which is a resignation", body=TermsBody, raises=[NotFound, NotPossible])
@requires(CUSTOMER)
def post_terms() -> dict[str, Any]:
    body = read_action(TermsBody)
    accept_terms.answer_terms(wired().services, _login(), body.terms_version, accept=body.accept)
    return _everything()


@api.post("/me/resignation")
@call("Resign from iBOK (S8); the login must be recent (RFC 9470)", raises=[NotFound, NotPossible])
@requires(CUSTOMER)
def post_resignation() -> dict[str, Any]:
    login = _login()
    recent_login()
    account = resign.resign(wired().services, login)
    return {"state": account.state, "closes_on": account.closes_on.isoformat() if account.closes_on else None}


@api.delete("/me/resignation")
@call("Take a resignation back", raises=[NotFound, NotPossible])
@requires(CUSTOMER)
def delete_resignation() -> dict[str, Any]:
    account = resign.withdraw_resignation(wired().services, _login())
    return {"state": account.state, "closes_on": None}


@api.get("/me/documents/<document_id>")
@call("One of the own documents: the application, an accepted Regulamin", raises=[NotPossible])
@requires(CUSTOMER)
def get_own_document(document_id: str) -> Response:
    services = wired().services
    with services.work() as work:
        account = own_account(work)
        application = work.applications.get(account.reference)
        answers = work.terms.of(account.login)
    if document_id == "application":
        return pdf_response(application)
    versions = {application.terms_version, *(answer.terms_version for answer in answers)}
    if document_id.removeprefix("terms-") in versions:
        form = accept_terms.by_terms(services, document_id.removeprefix("terms-"))
        if form is not None:
            text = pdf.regulamin(form, wired().utility, account.language)
            return _attachment(text, "application/pdf", f"regulamin-ibok-{form.terms_version}.pdf")
    raise NotFound(document_id)


@api.get("/me/export")
@call("All own data: JSON, or by Accept: application/pdf, or both as application/zip", raises=[NotFound, NotPossible])
@requires(CUSTOMER)
def get_export() -> Response:
    services = wired().services
    with services.work() as work:
        account = own_account(work)
        now = services.clock.now()
        earlier = [line.at for line in work.audit.of(account.reference) if line.action == _EXPORTED]
        if sum(at > now - timedelta(hours=1) for at in earlier) >= services.rules.exports_per_hour:
            raise TooSoon(
                int((min(at for at in earlier if at > now - timedelta(hours=1)) + timedelta(hours=1) - now).total_seconds())
            )
        work.audit.write(CUSTOMER_ACTOR, _EXPORTED, account.reference, {}, now)
    content = _everything(export=True)
    text = json.dumps(content, ensure_ascii=False, indent=2).encode()
    wanted = request.accept_mimetypes.best_match(["application/json", "application/pdf", "application/zip"], "application/json")
    name = f"ibok-{account.login}"
    if wanted == "application/json":
        return _attachment(text, "application/json", f"{name}.json")
    with services.work() as work:
        application = work.applications.get(account.reference)
    form = services.forms[application.form_version]
    readable = pdf.own_data(content, application, form, wired().utility, account.language)
    if wanted == "application/pdf":
        return _attachment(readable, "application/pdf", f"{name}.pdf")
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(f"{name}.json", text)
        bundle.writestr(f"{name}.pdf", readable)
    return _attachment(output.getvalue(), "application/zip", f"{name}.zip")


def _login() -> str:
    with wired().services.work() as work:
        return own_account(work).login


def _everything(*, export: bool = False) -> dict[str, Any]:
    services = wired().services
    with services.work() as work:
        account = own_account(work)
        application = work.applications.get(account.reference)
        answers = work.terms.of(account.login)
        pending = accept_terms.to_be_answered(services, application, answers)
        found = present.own_account(account, application)
        found["documents"] = ["application", *dict.fromkeys(f"terms-{v}" for v in present.terms_versions(application, answers))]
        found["terms"] = present.own_terms(application, answers, pending)
        found["resignation"] = present.own_resignation(account, services.rules.closing)
        found["email_change"] = present.own_email_change(work.email_changes.of(account.login), services.rules, services.clock.now())
        found["change_requests"] = [present.change_request(each) for each in work.change_requests.of(account.login)[:10]]
        kinds = tuple(KINDS.values())
        found["logins"] = [present.login_event(each) for each in work.events.of(account.login, kinds, 500 if export else 10)]
        if export:
            found["application"] |= present.filed(application)
            found["mails"] = [present.own_mail(mail) for mail in work.mails.of(account.reference)]
            found["documents_filed"] = [{"name": d.name, "sha256": d.sha256} for d in work.documents.of(account.reference)]
            found["history"] = [{"at": line.at.isoformat(), "action": line.action} for line in work.audit.of(account.reference)]
    return found


def _attachment(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, mimetype=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
