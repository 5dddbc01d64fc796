"""The binding API against the running app, real Keycloak and PostgreSQL."""

import html
import itertools
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.world import CLAUSES, World, application_body, company_body, eventually, paper_body, unused_address

KEY = "Idempotency-Key"


def post(world: World, body: Any, key: str | None = None, token: str | None = None, **options: Any) -> Any:
    headers = {KEY: key or secrets.token_hex(16)}
    return world.call("POST", "/applications", token or world.service_token(), json=body, headers=headers, **options)


def is_problem(answer: Any, status: int, code: str | None = None) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert "Traceback" not in answer.text
    if code:
        assert body["code"] == code, body
    return body


def test_s1_an_application_is_filed_and_the_answer_is_as_agreed(world: World) -> None:
    answer = post(world, application_body())
    assert answer.status_code == 201
    body = answer.json()
    assert body.keys() == {"reference", "status", "status_token", "filed_at", "due_on", "version"}
    assert (body["status"], body["filed_at"], body["due_on"], body["version"]) == ("unconfirmed", None, None, 1)
    assert len(body["status_token"]) >= 22  # 128 bits


@pytest.mark.parametrize("code", CLAUSES)
def test_s2_a_refused_clause_is_422_and_nothing_is_stored(world: World, code: str) -> None:
    address = unused_address()
    answer = post(world, application_body(email=address, clauses=dict.fromkeys(CLAUSES, True) | {code: False}))
    body = is_problem(answer, 422, "clause_refused")
    assert body["errors"] == [{"field": f"clauses.{code}", "code": "clause_refused", "message": body["errors"][0]["message"]}]
    assert world.call("GET", "/staff/applications", world.staff_token("auditor"), params={"q": address}).json()["items"] == []


def test_errors_speak_the_callers_language(world: World) -> None:
    def first(language: str) -> str:
        headers = {KEY: secrets.token_hex(16), "Accept-Language": language}
        return world.call("POST", "/applications", world.service_token(), json={}, headers=headers).json()["errors"][0]["message"]

    assert first("pl") != first("en")


def test_s05_f04_the_same_key_files_once_and_another_form_under_it_is_refused(world: World) -> None:
    body, key = application_body(), secrets.token_hex(16)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(world, body, key), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    is_problem(post(world, application_body(), key), 422, "idempotency_key_reused")
    missing = world.call("POST", "/applications", world.service_token(), json=body)
    is_problem(missing, 422, "idempotency_key_missing")
    is_problem(post(world, body, "x" * 1000), 422, "idempotency_key_invalid")


def test_f06_the_confirmation_files_once_and_other_tokens_never(world: World) -> None:
    found, other = world.submit(), world.submit()
    path = f"/applications/{found['reference']}/email-confirmation"
    token = world.confirmation_token(found["email"])
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), world.confirmation_token(other["email"]), "", "x", "ż"):
        is_problem(world.call("POST", path, world.service_token(), json={"token": wrong}), 404)
    done = world.call("POST", path, world.service_token(), json={"token": token})
    assert done.status_code == 200
    assert done.json()["status"] == "filed"
    assert done.json()["filed_on"]
    assert done.json()["due_on"] > done.json()["filed_on"]
    is_problem(world.call("POST", path, world.service_token(), json={"token": token}), 409, "already_confirmed")


def test_f07_status_pdf_and_resend_need_the_status_token(world: World) -> None:
    found, other = world.submit(), world.submit()
    base = f"/applications/{found['reference']}"
    for verb, path in (("GET", "/status"), ("GET", "/form.pdf"), ("POST", "/email"), ("POST", "/documents")):
        for token in ("", "x", other["status_token"]):
            options = {"json": {}} if path == "/email" else {}
            is_problem(world.call(verb, base + path, world.service_token(), headers={"X-Status-Token": token}, **options), 404)
    status = world.call("GET", base + "/status", world.service_token(), headers={"X-Status-Token": found["status_token"]})
    assert status.status_code == 200
    assert found["email"] not in status.text
    assert "Źdźbło" not in status.text
    pdf = world.call("GET", base + "/form.pdf", world.service_token(), headers={"X-Status-Token": found["status_token"]})
    assert pdf.content.startswith(b"%PDF-")


def test_the_confirmation_can_be_sent_again_after_a_minute_only(world: World) -> None:
    found = world.submit()
    headers = {"X-Status-Token": found["status_token"]}
    answer = world.call("POST", f"/applications/{found['reference']}/email", world.service_token(), json={}, headers=headers)
    is_problem(answer, 429, "too_soon")
    assert 0 < int(answer.headers["Retry-After"]) <= 60


def test_a_signed_scan_is_needed_before_a_scan_application_counts_as_filed(world: World) -> None:
    from tests.support.hostile_files import image

    found = world.submit(signature={"kind": "scan", "signed_on": "2026-11-20"})
    token = world.confirmation_token(found["email"])
    path = f"/applications/{found['reference']}/email-confirmation"
    is_problem(world.call("POST", path, world.service_token(), json={"token": token}), 409, "document_missing")
    documents = f"/applications/{found['reference']}/documents"
    headers = {"X-Status-Token": found["status_token"]}
    bad = world.call("POST", documents, world.service_token(), headers=headers, files={"file": ("x.pdf", b"<html>")})
    is_problem(bad, 422, "file_type")
    good = world.call(
        "POST", documents, world.service_token(), headers=headers, files={"file": ("skan.jpg", image())}, data={"kind": "scan"}
    )
    assert good.status_code == 201
    assert world.call("POST", path, world.service_token(), json={"token": token}).json()["status"] == "filed"


def test_tokens_roles_and_unknown_paths_get_their_proper_answers(world: World) -> None:
    is_problem(world.call("GET", "/form"), 401, "token_missing")
    answer = world.call("GET", "/form", "not.a.token")
    is_problem(answer, 401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    is_problem(world.call("GET", "/form", world.service_token("ibok-provisioning")), 401)  # no audience
    answer = world.call("GET", "/form", world.staff_token("registrar"))
    is_problem(answer, 403, "insufficient_scope")
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]
    is_problem(world.call("GET", "/nothing", world.service_token()), 404)
    answer = world.call("DELETE", "/form", world.service_token())
    is_problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_o03_each_kind_of_token_only_on_its_own_calls(world: World) -> None:
    customer = world.active()
    token = world.person_token("ibok-portal", customer["login"], customer["own"])
    assert world.call("GET", "/me", token).json()["login"] == customer["login"]
    is_problem(world.call("GET", "/staff/applications", token), 403)
    is_problem(world.call("GET", "/form", token), 403)
    is_problem(world.call("GET", "/me", world.staff_token("registrar")), 403)
    is_problem(world.call("GET", "/me", world.service_token()), 403)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b'{"login": "a", "login": "b"}', "duplicate_key"),
        (b'{"login": NaN}', "invalid_number"),
        (b'{"login": 1e400}', "invalid_number"),
        (b"[" * 10_000 + b"]" * 10_000, "too_deep"),
        (b'{"login": 5}', "wrong_type"),
        (b'{"login": "a", "x": 1}', "unknown_field"),
        (b"\xff\xfe", "invalid_json"),
        (b"", "invalid_json"),
        (b"null", "wrong_type"),
    ],
)
def test_s06_json_that_means_nothing_is_422_never_500(world: World, body: bytes, code: str) -> None:
    answer = world.call("POST", "/password-resets", world.service_token(), data=body, headers={"Content-Type": "application/json"})
    is_problem(answer, 422, code)


def test_bodies_over_the_limits_are_413(world: World) -> None:
    is_problem(post(world, {"first_name": "x" * 2**20}), 413)
    found = world.submit()
    headers = {"X-Status-Token": found["status_token"]}
    files = {"file": ("x.pdf", b"%PDF-" + b"0" * (15 * 2**20 + 100_000))}
    is_problem(
        world.call("POST", f"/applications/{found['reference']}/documents", world.service_token(), headers=headers, files=files),
        413,
    )


def test_password_resets_are_202_for_every_login(world: World) -> None:
    answers = [
        world.call("POST", "/password-resets", world.service_token(), json={"login": login})
        for login in ("wp00000000", "nobody", "' OR 1=1")
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, "{}\n")} or {
        answer.status_code for answer in answers
    } == {202}


def test_staff_see_everything_but_pesel_is_masked(world: World) -> None:
    found = world.filed()
    answer = world.call("GET", f"/staff/applications/{found['reference']}", world.staff_token("clerk"))
    assert answer.json()["pesel"] == f"••••••••{found['pesel'][-3:]}"
    assert found["pesel"] not in answer.text
    is_problem(world.call("GET", "/staff/applications/2026-999999-9", world.staff_token("clerk")), 404)


def test_s1_a_clerk_types_in_paper_and_s4_counts_from_its_filing_day(world: World) -> None:
    token = world.staff_token("clerk")
    answer = world.call("POST", "/staff/applications", token, json=paper_body(filed_on="2026-11-23"))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["status"], answer.json()["due_on"]) == ("filed", "2026-12-07")
    is_problem(world.call("POST", "/staff/applications", token, json=paper_body(filed_on="2099-01-01")), 422, "filed_on_in_future")


def test_s04_s2_a_refused_clause_or_a_missing_signature_bars_approval(world: World) -> None:
    token = world.staff_token("clerk")
    refused = paper_body(clauses=dict.fromkeys(CLAUSES, True) | {"K7-USLUGA": False})
    for body, code in (
        (refused, "clauses_not_accepted"),
        (paper_body(terms_version=None), "terms_not_accepted"),
        (paper_body(signature=None), "signature_missing"),
    ):
        reference = world.call("POST", "/staff/applications", token, json=body).json()["reference"]
        is_problem(world.approve(reference), 409, code)
        detail = world.call("GET", f"/staff/applications/{reference}", token).json()
        assert (detail["status"], detail["account"]) == ("filed", None)


def test_s03_twenty_decisions_at_once_are_one_decision(world: World) -> None:
    found = world.filed()
    token, path = world.staff_token("registrar"), f"/staff/applications/{found['reference']}"

    def decide(number: int) -> int:
        action = "approve" if number % 2 else "reject"
        return world.call("POST", f"{path}/{action}", token, json={"version": found["version"], "reason": "x"}).status_code

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(decide, range(20)))
    assert sorted(codes) == [200] + [409] * 19
    detail = world.call("GET", path, token).json()
    decisions = [line for line in detail["history"] if line["action"] in ("application.approved", "application.rejected")]
    assert len(decisions) == 1


def test_an_application_goes_back_and_forth_and_every_step_is_in_the_chained_audit(world: World) -> None:
    from provisioning.domain.audit_chain import chained_hash

    found = world.filed()
    token, path = world.staff_token("registrar"), f"/staff/applications/{found['reference']}"

    def step(action: str, **more: Any) -> dict[str, Any]:
        version = world.call("GET", path, token).json()["version"]
        answer = world.call("POST", f"{path}/{action}", token, json={"version": version, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert step("review")["status"] == "in_review"
    assert step("request-completion", reason="Proszę o numer umowy.")["status"] == "incomplete"
    assert "Proszę o numer umowy." in world.mail(found["email"], "uzupełnienia")["text"]
    assert step("complete")["status"] == "in_review"
    is_problem(world.call("POST", f"{path}/reject", token, json={"version": 999}), 422)
    assert step("reject", reason="Numer nie istnieje.")["status"] == "rejected"
    assert "Numer nie istnieje." in world.mail(found["email"], "odrzucony")["text"]
    lines = world.call("GET", "/staff/audit", world.staff_token("auditor"), params={"limit": 500}).json()["items"]
    for later, earlier in itertools.pairwise(lines):
        assert later["previous_hash"] == earlier["hash"]
        assert later["number"] == earlier["number"] + 1
    assert chained_hash("0" * 64, {"a": 1}) != chained_hash("1" * 64, {"a": 1})


def test_the_queue_pages_filters_and_searches_without_diacritics(world: World) -> None:
    token = world.staff_token("clerk")
    word = f"Gżegżół{secrets.token_hex(3)}"
    for _ in range(3):
        body = paper_body(last_name=word, signature={"kind": "paper", "signed_on": "2026-11-18"})
        assert world.call("POST", "/staff/applications", token, json=body).status_code == 201
    plain = word.replace("ż", "z").replace("ó", "o").replace("ł", "l").upper()
    first = world.call("GET", "/staff/applications", token, params={"q": plain, "limit": 2}).json()
    assert len(first["items"]) == 2
    second = world.call("GET", "/staff/applications", token, params={"q": plain, "limit": 2, "cursor": first["next_cursor"]}).json()
    assert len(second["items"]) == 1
    assert second["next_cursor"] is None
    assert first["counts"] == {"filed": 3}
    assert world.call("GET", "/staff/applications", token, params={"q": plain, "status": "rejected"}).json()["items"] == []
    empty = world.call("GET", "/staff/applications?status=&q=&due_before=&cursor=&limit=", token)
    assert empty.status_code == 200
    assert empty.json()["items"]
    is_problem(world.call("GET", "/staff/applications", token, params={"status": "x"}), 422)
    is_problem(world.call("GET", "/staff/applications", token, params={"limit": "0"}), 422)


@pytest.mark.parametrize(
    "search",
    ["%", "_", "'; DROP TABLE applications; --", '"', "\\", "x" * 6000, "a " * 3000, "' | !(" * 300, "\0"],
    ids=lambda typed: typed[:8],
)
def test_s10_a_search_means_exactly_what_is_typed(world: World, search: str) -> None:
    token, began = world.staff_token("clerk"), time.monotonic()
    answer = world.call("GET", "/staff/applications", token, params={"q": search})
    assert time.monotonic() - began < 10  # on a machine that does much else; 20 ms on a quiet one
    assert answer.status_code == 200
    if search in ("%", "_", "\\", "x" * 6000):
        assert answer.json()["items"] == []


def test_s10_a_search_of_a_hundred_kilobytes_is_refused_before_it_is_one(world: World) -> None:
    answer = world.call("GET", "/staff/applications", world.staff_token("clerk"), params={"q": "x" * 100_000})
    assert answer.status_code in (400, 414, 431)


def test_f01_what_is_typed_stays_text_in_every_field_wherever_staff_see_it(world: World) -> None:
    nasty, short = "<b>x</b>{{7*7}}", "<i>{{7*7}}"
    address = {"street": nasty, "house": short, "flat": short, "postal_code": "43-300", "city": nasty}
    body = company_body(
        company_name=f"{nasty}' OR 1=1",
        representative={"first_name": f"Anna {nasty}", "last_name": f"Ćwik {nasty}", "authority": nasty},
        contract_number=nasty,
        supply_point_address=address,
        correspondence_address=address,
        signature={"kind": "declaration", "signed_name": f"Anna {nasty} Ćwik {nasty}"},
    )
    answer = post(world, body)
    assert answer.status_code == 201, answer.text
    reference, staff = answer.json()["reference"], world.staff("manager")
    page = staff.open(f"{world.provisioning}/wniosek/{reference}").text
    assert page.count(html.escape(nasty)) >= 8  # name, both names, authority, contract, two streets, two towns
    queue = staff.open(f"{world.provisioning}/?q={reference}&status=unconfirmed").text
    assert html.escape(nasty) in queue
    for shown in (page, queue, staff.open(f"{world.provisioning}/dziennik?subject={reference}").text):
        assert "<b>x</b>" not in shown
        assert "<i>{" not in shown
        assert "49}}" not in shown
        assert "x</b>49" not in shown


def test_a_company_gets_its_account_in_the_representatives_name(world: World) -> None:
    body = company_body()
    found = post(world, body).json()
    token = world.confirmation_token(body["email"])
    world.call("POST", f"/applications/{found['reference']}/email-confirmation", world.service_token(), json={"token": token})
    assert world.approve(found["reference"]).status_code == 200
    login = world.access_data(body["email"])["login"]
    user = world.admin("GET", f"/users?exact=true&username={login}").json()[0]
    assert (user["firstName"], user["lastName"]) == ("Anna", "Ćwik")


def test_health_readiness_and_metrics_answer(world: World) -> None:
    import requests

    for base in (world.webapp, world.provisioning):
        for path in ("/healthz", "/readyz"):
            assert requests.get(base + path, timeout=10).status_code == 200
    eventually(lambda: "ibok_applications" in requests.get(f"{world.provisioning}/metrics", timeout=10).text)


@pytest.mark.parametrize("nasty", ["%00", "x%00y", "%F0%9F%92%A7", "%ED%A0%80"])
def test_f08_characters_that_no_database_can_hold_are_refused_never_500(world: World, nasty: str) -> None:
    import requests

    clerk, auditor = world.staff_token("clerk"), world.staff_token("auditor")
    for path, token in (
        (f"/staff/applications/{nasty}", clerk),
        (f"/staff/audit?subject={nasty}&actor={nasty}", auditor),
        (f"/staff/applications?q={nasty}&cursor={nasty}", clerk),
    ):
        assert world.call("GET", path, token).status_code in (200, 404, 422), path
    headers = {"X-Status-Token": "x"}
    assert world.call("GET", f"/applications/{nasty}/status", world.service_token(), headers=headers).status_code in (404, 422)
    assert world.call("POST", "/password-resets", world.service_token(), json={"login": "a\x00b"}).status_code == 202
    found = world.filed()
    token = world.staff_token("registrar")
    answer = world.call(
        "POST", f"/staff/applications/{found['reference']}/reject", token, json={"version": found["version"], "reason": "a\x00b"}
    )
    is_problem(answer, 422)
    assert world.call("GET", f"/staff/applications/{found['reference']}", token).json()["status"] == "filed"
    assert requests.get(f"{world.webapp}/wniosek/status/{nasty}/{nasty}", timeout=30).status_code == 404
    assert world.staff("clerk").open(f"{world.provisioning}/wniosek/{nasty}").status in (404, 422)
