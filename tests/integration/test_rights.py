"""The one table of rights, walked whole: every role at every action, through the staff UI and through the API."""

import json
from typing import Any

import pytest

from provisioning.domain.rights import PERMISSIONS, Action, Role, may
from tests.support.desk import USERNAMES, entered
from tests.support.files import picture
from tests.support.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"
PAPER = {"version": 999, "signed_on": "2026-11-20", "filed_on": "2026-11-20"}
STALE = {"version": 999, "reason": "x"}

# Every action at its doors. Whoever may is stopped by something else (a version long past, a thing that is not there, an
# empty form), so that nothing is changed; whoever may not gets a 403 before that.
PAGES: dict[Action, list[tuple[str, str, dict[str, str]]]] = {
    Action.READ: [("GET", "/", {}), ("GET", "/wniosek/{reference}", {}), ("GET", "/zadania", {}), ("GET", "/konto/{login}", {})],
    Action.ENTER: [("GET", "/nowy", {}), ("POST", "/nowy", {})],
    Action.REVEAL_PESEL: [("POST", "/wniosek/{reference}/pesel", {}), ("POST", "/wniosek/{reference}/druk-z-peselem", {})],
    Action.RECORD_PAPER: [
        ("POST", "/wniosek/{reference}/record-paper", {"version": "999", "signed_on": "2026-11-20", "filed_on": "2026-11-20"})
    ],
    Action.COPY: [("POST", "/wniosek/{reference}/kopia", {})],
    Action.ADD_SCAN: [("POST", "/wniosek/{reference}/pliki", {}), ("POST", "/wplyw/skany", {})],
    Action.CHECK_SCAN: [("POST", "/wniosek/{reference}/skan", {})],
    Action.NOTE: [("POST", "/wniosek/{reference}/notatka", {"note": ""})],
    Action.CLAIM: [("POST", "/wniosek/{decided}/przypisz", {}), ("POST", "/wniosek/{reference}/oddaj", {})],
    Action.ASSIGN: [("POST", "/wniosek/{reference}/przekaz", {"colleague": "nobody"})],
    Action.CORRECT: [("GET", "/wniosek/{reference}/popraw", {}), ("POST", "/wniosek/{reference}/popraw", {})],
    Action.APPROVE_MANY: [("GET", "/zatwierdz-razem", {}), ("POST", "/zatwierdz-razem", {})],
    Action.ADD_TO_ACCOUNT: [("POST", "/wniosek/{reference}/dopisz/{login}", {"version": "999"})],
    Action.REVIEW: [("POST", "/wniosek/{reference}/review", {"version": "999"})],
    Action.APPROVE: [
        ("POST", "/wniosek/{reference}/approve", {"version": "999"}),
        ("POST", "/wniosek/{reference}/approve-with-reason", {"version": "999", "reason": "x"}),
    ],
    Action.REJECT: [("POST", "/wniosek/{reference}/reject", {"version": "999", "reason": "x"})],
    Action.REQUEST_COMPLETION: [("POST", "/wniosek/{reference}/request-completion", {"version": "999", "reason": "x"})],
    Action.COMPLETE: [("POST", "/wniosek/{reference}/complete", {"version": "999"})],
    Action.WITHDRAW: [("POST", "/wniosek/{reference}/withdraw", {"version": "999"})],
    Action.READ_AUDIT: [("GET", "/dziennik", {}), ("POST", "/dziennik/eksport/csv", {"subject": "-"})],
    Action.EVIDENCE: [("POST", "/wniosek/{reference}/dowody", {})],
    Action.SUSPEND: [("POST", "/konto/{login}/suspend", {})],
    Action.RESUME: [("POST", "/konto/{login}/resume", {})],
    Action.RESEND: [("GET", "/konto/{login}/resend", {})],
    Action.MISDIRECTED: [("GET", "/konto/{login}/misdirected", {})],
    Action.CORRECT_ADDRESS: [("POST", "/konto/{login}/correct-address", {})],
    Action.CORRECT_NAMES: [("POST", "/konto/{login}/correct-names", {})],
    Action.DELETE: [("POST", "/konto/{login}/delete", {})],
    Action.RESIGN: [("GET", "/konto/{login}/resign", {}), ("POST", "/konto/{login}/withdraw-resignation", {})],
    Action.END_CONTRACT: [("POST", "/konto/{login}/end-contract", {})],
    Action.ANSWER_CHANGE: [("POST", f"/zadania/zmiana/{NOBODY}", {"outcome": "done"})],
    Action.ENTER_ERASURE: [("POST", "/konto/{login}/enter-erasure", {})],
    Action.DECIDE_ERASURE: [("GET", f"/zadania/rodo/{NOBODY}", {})],
    Action.READ_TERMS: [("GET", "/regulamin", {}), ("GET", "/regulamin/2026-1", {})],
    Action.INTAKE: [("GET", "/wplyw", {}), ("GET", f"/wplyw/{NOBODY}", {}), ("POST", f"/wplyw/{NOBODY}/odloz", {"reason": "x"})],
    Action.HANDLE_MAIL: [("POST", "/zadania/mail", {"message_id": "<none>"})],
    Action.HELP_LINE: [("GET", "/konta?q=x", {})],
    Action.DERIVE_TERMS: [("GET", "/terminy", {})],
    Action.READ_REPORTS: [("GET", "/raporty", {}), ("GET", "/raporty/kanaly.svg", {}), ("POST", "/raporty/csv", {})],
    Action.FORM_VERSIONS: [("GET", "/druki", {}), ("POST", "/druki/2026-1", {"valid_from": "x"})],
    Action.OPEN_ORIGINAL: [("POST", "/wniosek/{reference}/oryginal/{document}", {})],
    Action.READ_WEBHOOKS: [("GET", "/aplikacje", {})],
    Action.MANAGE_WEBHOOKS: [
        ("POST", "/aplikacje/app-none/test", {}),
        ("POST", "/aplikacje/app-none/wlacz", {}),
        ("POST", f"/aplikacje/app-faktury/{NOBODY}", {}),
    ],
}
CALLS: dict[Action, list[tuple[str, str, dict[str, Any]]]] = {
    Action.READ: [
        ("GET", "/staff/applications", {}),
        ("GET", "/staff/applications/{reference}", {}),
        ("GET", "/staff/accounts/{login}", {}),
    ],
    Action.ENTER: [("POST", "/staff/applications", {})],
    Action.RECORD_PAPER: [("POST", "/staff/applications/{reference}/record-paper", PAPER)],
    Action.COPY: [("POST", "/staff/applications/{reference}/copy", {})],
    Action.ADD_SCAN: [("POST", "/staff/applications/{reference}/documents", {})],
    Action.CHECK_SCAN: [("POST", "/staff/applications/{reference}/check-scan", {"seen": []})],
    Action.ASSIGN: [("POST", "/staff/applications/{reference}/assign", {"colleague": "nobody"})],
    Action.CORRECT: [("POST", "/staff/applications/{reference}/correct", {"version": 999, "application": {}})],
    Action.APPROVE_MANY: [("POST", "/staff/applications/approve-many", {"applications": {}})],
    Action.ADD_TO_ACCOUNT: [("POST", "/staff/applications/{reference}/add-to-account", {"version": 999, "login": "x"})],
    Action.REVIEW: [("POST", "/staff/applications/{reference}/review", STALE)],
    Action.APPROVE: [("POST", "/staff/applications/{reference}/approve", STALE)],
    Action.REJECT: [("POST", "/staff/applications/{reference}/reject", STALE)],
    Action.REQUEST_COMPLETION: [("POST", "/staff/applications/{reference}/request-completion", STALE)],
    Action.COMPLETE: [("POST", "/staff/applications/{reference}/complete", STALE)],
    Action.WITHDRAW: [("POST", "/staff/applications/{reference}/withdraw", STALE)],
    Action.READ_AUDIT: [("GET", "/staff/audit", {})],
    Action.EVIDENCE: [("POST", "/staff/applications/{reference}/evidence", {})],
    Action.SUSPEND: [("POST", "/staff/accounts/{login}/suspend", {})],
    Action.RESUME: [("POST", "/staff/accounts/{login}/resume", {})],
    Action.RESEND: [("POST", "/staff/accounts/wp0/resend", {})],
    Action.MISDIRECTED: [("POST", "/staff/accounts/wp0/misdirected", {})],
    Action.CORRECT_ADDRESS: [("POST", "/staff/accounts/{login}/correct-address", {"email": "x"})],
    Action.CORRECT_NAMES: [("POST", "/staff/accounts/{login}/correct-names", {"first_name": "A", "last_name": ""})],
    Action.DELETE: [("POST", "/staff/accounts/{login}/delete", {})],
    Action.RESIGN: [("POST", "/staff/accounts/wp0/resign", {}), ("POST", "/staff/accounts/{login}/withdraw-resignation", {})],
    Action.END_CONTRACT: [("POST", "/staff/accounts/{login}/end-contract", {"customer_number": "0"})],
    Action.ANSWER_CHANGE: [("POST", f"/staff/change-requests/{NOBODY}/answer", {"done": True})],
    Action.ENTER_ERASURE: [("POST", "/staff/accounts/{login}/erasure-requests", {})],
    Action.DECIDE_ERASURE: [("POST", f"/staff/erasure-requests/{NOBODY}/decide", {"decision": "refused"})],
    Action.READ_TERMS: [("GET", "/staff/terms", {})],
}
# Pages for people alone: a program has no call for them.
PAGES_ALONE = {
    Action.REVEAL_PESEL,
    Action.NOTE,
    Action.CLAIM,
    Action.INTAKE,
    Action.HANDLE_MAIL,
    Action.HELP_LINE,
    Action.DERIVE_TERMS,
    Action.READ_REPORTS,
    Action.FORM_VERSIONS,
    Action.OPEN_ORIGINAL,
    Action.READ_WEBHOOKS,
    Action.MANAGE_WEBHOOKS,
}


@pytest.fixture(scope="module")
def things(world: World) -> dict[str, str]:
    """What the paths name: an open application with a scan, a decided one, an account."""
    open_one, account = entered(world), world.registered()
    answer = world.call(
        "POST",
        f"/staff/applications/{open_one['reference']}/documents",
        world.staff_token("clerk"),
        files={"file": ("a.png", picture())},
    )
    return {
        "reference": open_one["reference"],
        "document": answer.json()["items"][0]["id"],
        "decided": account["reference"],
        "login": account["login"],
    }


def test_every_action_has_its_doors_in_this_walk() -> None:
    assert set(PAGES) == set(Action) == set(PERMISSIONS)
    assert set(CALLS) == set(Action) - PAGES_ALONE


@pytest.mark.parametrize("role", Role)
def test_s01_through_the_api_each_role_may_what_the_table_says(world: World, things: dict[str, str], role: Role) -> None:
    token, wrong = world.staff_token(USERNAMES[role]), []
    for action, calls in CALLS.items():
        for verb, path, body in calls:
            json = body if verb == "POST" else None
            answer = world.call(verb, path.format(**things), token, json=json)
            if (answer.status_code != 403) != may(frozenset({role.value}), action) or answer.status_code >= 500:
                wrong.append((action, path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", Role)
def test_s01_through_the_staff_ui_each_role_may_what_the_table_says(world: World, things: dict[str, str], role: Role) -> None:
    visitor, wrong = world.staff(USERNAMES[role]), []
    form = visitor.open(f"{world.provisioning}/").form("/wyloguj")
    csrf = next(each.get("value") for each in form.iter("input") if each.get("name") == "csrf_token")
    for action, doors in PAGES.items():
        for verb, path, values in doors:
            data = values | {"csrf_token": csrf} if verb == "POST" else None
            answer = visitor.session.request(verb, world.provisioning + path.format(**things), data=data, timeout=60)
            if (answer.status_code != 403) != may(frozenset({role.value}), action) or answer.status_code >= 500:
                wrong.append((action, path, answer.status_code))
    assert wrong == []


def test_without_the_token_of_the_session_no_form_is_taken(world: World, things: dict[str, str]) -> None:
    visitor = world.staff("registrar")
    for action, doors in PAGES.items():
        for verb, path, values in doors:
            if verb == "POST":
                answer = visitor.session.post(world.provisioning + path.format(**things), data=values, timeout=60)
                assert answer.status_code == 400, (action, path)


def test_every_refusal_is_in_the_log_with_the_person_and_the_route(world: World, things: dict[str, str]) -> None:
    """ASVS 16.3.2, through the API, at the staff UI and at the portal; the log is the one of the running processes."""
    customer = world.active()
    token = world.person_token("ibok-portal", customer["login"], customer["own"])
    assert world.call("GET", f"/staff/applications/{things['reference']}", token).status_code == 403
    assert refusals(world, "provisioning", customer["login"]) == ["/api/v1/staff/applications/<reference>"]
    assert world.staff("auditor").open(f"{world.provisioning}/nowy").status == 403
    assert "/nowy" in refusals(world, "provisioning", "auditor")
    user = world.user(customer["login"])
    assert user is not None
    group = world.admin("GET", "/groups?search=customers&exact=true").json()[0]
    assert world.admin("DELETE", f"/users/{user['id']}/groups/{group['id']}").status_code == 204  # and with it the role
    page = world.visitor().log_in(f"{world.webapp}/konto", customer["login"], customer["own"])
    assert page.status == 403, page.heading
    assert refusals(world, "webapp", customer["login"]) == ["/konto"]


def refusals(world: World, process: str, who: str) -> list[str]:
    """The routes at which somebody was refused, as the log of a process has them."""
    lines = (world.state / "logs" / f"{process}.log").read_text().splitlines()
    found = [json.loads(line) for line in lines if '"access.refused"' in line]
    return [each["route"] for each in found if each["who"] == who]
