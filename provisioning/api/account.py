"""What staff do with accounts, over the API: suspend, resume, send again, mend an address, resign, delete, answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from provisioning.api import present
from provisioning.api.blueprint import STAFF, api, call
from provisioning.api.joined import application, minimal
from provisioning.api.request import actor, caller, read_action, requires
from provisioning.api.schemas import (
    AddressBody,
    ChangeAnswerBody,
    ContractBody,
    ErasureBody,
    ErasureDecisionBody,
    NamesBody,
    ReasonBody,
    SuspendBody,
)
from provisioning.domain.account import Account
from provisioning.domain.erasure import ErasureDecision, ErasureRequest
from provisioning.domain.errors import NotPossible, TooSoon
from provisioning.domain.login_names import normalised
from provisioning.domain.rights import CONTRACTS_END, Action, require_permission
from provisioning.http import wired
from provisioning.ports.services import Services
from provisioning.use_cases.account import change_contact, erase, misdirected, resign, suspend
from provisioning.use_cases.application.decide import required_reason
from provisioning.use_cases.news.look_up import require_concern
from provisioning.use_cases.terms.report import terms_report


@api.get("/staff/accounts/<login>")
@call("One account: state, mails, logins, requests")
@requires(*STAFF)
def get_account(login: str) -> dict[str, Any]:
    with wired().services.work() as work:
        account = work.accounts.get(normalised(login))
        return {
            **present.account_details(account),
            "reference": account.reference,
            "change_requests": [present.change_request(each) for each in work.change_requests.of(account.login)],
            "incidents": [
                {"id": i.incident_id, "at": i.at.isoformat(), "disclosed": i.disclosed} for i in work.incidents.of(account.login)
            ],
            "erasure_requests": [_erasure(each) for each in work.erasures.of(account.login)],
            "terms": [
                {"terms_version": a.terms_version, "accepted": a.accepted, "at": a.at.isoformat()}
                for a in work.terms.of(account.login)
            ],
        }


def _account_action(
    path: str, action: Action, body: type[BaseModel], act: Callable[[Services, str, Any], Any], summary: str, *programs: str
) -> None:
    """One route a deed; the role table is asked by the use case and, for the quick 403, here.

    Args:
        programs: roles of programs that may do it too.
    """

    @requires(*STAFF, *programs)
    def view(login: str) -> dict[str, Any]:
        require_permission(caller().roles, action)
        act(wired().services, normalised(login), read_action(body))
        with wired().services.work() as work:
            account = work.accounts.get(normalised(login))
            return present.account_details(account) if caller().has(*STAFF) else minimal(account)

    view.__name__ = f"post_account_{path.replace('-', '_')}"
    documented = call(summary, body=body, raises=[NotPossible, TooSoon])(view)
    api.post(f"/staff/accounts/<login>/{path}")(documented)


def _end_contract(services: Services, login: str, body: ContractBody) -> Account:
    if not caller().has(*STAFF):
        require_concern(services, actor(), application(), login, body.customer_number)
    return resign.end_contract(services, actor(), login, body.customer_number)


def _delete(services: Services, login: str, body: ReasonBody) -> Account:
    return resign.delete_account(services, actor(), login, required_reason(body.reason))


_account_action(
    "suspend",
    Action.SUSPEND,
    SuspendBody,
    lambda o, login, b: suspend.suspend(o, actor(), login, b.reason, secret=b.secret),
    "Suspend: sessions end, the login is closed; a reason is needed",
)
_account_action(
    "resume", Action.RESUME, ReasonBody, lambda o, login, b: suspend.resume(o, actor(), login, b.reason), "End a suspension"
)
_account_action(
    "resend",
    Action.RESEND,
    ReasonBody,
    lambda o, login, _b: misdirected.resend(o, actor(), login),
    "Send a new temporary password; every earlier one dies",
)
_account_action(
    "misdirected",
    Action.MISDIRECTED,
    ReasonBody,
    lambda o, login, b: misdirected.mark_misdirected(o, actor(), login, b.reason),
    "A mail went to a wrong address: what was mailed dies at once, an incident is written",
)
_account_action(
    "correct-address",
    Action.CORRECT_ADDRESS,
    AddressBody,
    lambda o, login, b: misdirected.correct_address(o, actor(), login, b.email, b.reason),
    "Correct or confirm the e-mail address",
)
_account_action(
    "correct-names",
    Action.CORRECT_NAMES,
    NamesBody,
    lambda o, login, b: misdirected.correct_names(o, actor(), login, b.first_name, b.last_name, b.reason),
    "Correct the names in Keycloak; the application keeps what was filed",
)
_account_action("delete", Action.DELETE, ReasonBody, _delete, "Delete now; the evidence stays for its retention (S8)")
_account_action(
    "resign",
    Action.RESIGN,
    ReasonBody,
    lambda o, login, _b: resign.resign(o, login, actor=actor()),
    "A resignation that came on paper",
)
_account_action(
    "withdraw-resignation",
    Action.RESIGN,
    ReasonBody,
    lambda o, login, _b: resign.withdraw_resignation(o, login, actor()),
    "A resignation is taken back",
)
_account_action(
    "end-contract",
    Action.END_CONTRACT,
    ContractBody,
    _end_contract,
    "A water contract ended: its number leaves the account (S8); also for a program with the role contracts.end",
    CONTRACTS_END,
)


@api.get("/staff/change-requests")
@call("Changes of contact data that wait for staff")
@requires(*STAFF)
def get_change_requests() -> dict[str, Any]:
    with wired().services.work() as work:
        return {"items": [present.change_request(each) | {"login": each.login} for each in work.change_requests.waiting(200)]}


@api.post("/staff/change-requests/<request_id>/answer")
@call("Carried out in the customer register, or refused with a reason", body=ChangeAnswerBody, raises=[NotPossible])
@requires(*STAFF)
def post_change_answer(request_id: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.ANSWER_CHANGE)
    body = read_action(ChangeAnswerBody)
    answered = change_contact.answer_change_request(wired().services, actor(), request_id, done=body.done, reason=body.reason)
    return present.change_request(answered)


@api.get("/staff/erasure-requests")
@call("The register of requests to erase data (GDPR art. 17), nearest day first")
@requires(*STAFF)
def get_erasures() -> dict[str, Any]:
    with wired().services.work() as work:
        return {"items": [_erasure(each) for each in work.erasures.page(200)]}


@api.post("/staff/accounts/<login>/erasure-requests")
@call("Enter a request to erase data; it must be answered within a month", body=ErasureBody, answer=201, raises=[NotPossible])
@requires(*STAFF)
def post_erasure(login: str) -> tuple[dict[str, Any], int]:
    require_permission(caller().roles, Action.ENTER_ERASURE)
    body = read_action(ErasureBody)
    return _erasure(erase.enter_erasure_request(wired().services, actor(), normalised(login), body.received_on, body.channel)), 201


@api.post("/staff/erasure-requests/<request_id>/decide")
@call("Decide and answer a request to erase data", body=ErasureDecisionBody, raises=[NotPossible])
@requires(*STAFF)
def post_erasure_decision(request_id: str) -> dict[str, Any]:
    require_permission(caller().roles, Action.DECIDE_ERASURE)
    body = read_action(ErasureDecisionBody)
    return _erasure(erase.decide_erasure(wired().services, actor(), request_id, ErasureDecision(body.decision), body.ground))


@api.get("/staff/terms")
@call("Who accepted which Regulamin: numbers by version, and who has not answered the newest")
@requires(*STAFF)
def get_terms_report() -> dict[str, Any]:
    require_permission(caller().roles, Action.READ_TERMS)
    return terms_report(wired().services)


def _erasure(request: ErasureRequest) -> dict[str, Any]:
    return {
        "id": request.request_id,
        "login": request.login,
        "received_on": request.received_on.isoformat(),
        "due_on": request.due_on.isoformat(),
        "channel": request.channel,
        "decision": request.decision,
        "ground": request.ground,
        "decided_by": request.decided_by,
    }
