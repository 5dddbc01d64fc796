"""S8 on the real parts: suspend, resign, withdraw, delete, erase, anonymise; the customer's own page; new terms."""

import io
import json
import secrets
import time
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from stdnum.pl.pesel import calc_check_digit

from ibok_idp.tokens import Caller
from provisioning.domain.actors import Actor
from provisioning.domain.audit_chain import faults
from provisioning.domain.errors import NotPossible
from provisioning.use_cases.account.change_email import confirm_email_change
from provisioning.use_cases.account.resign import close_if_due, resign, withdraw_resignation
from provisioning.use_cases.desk.work_on_case import add_note
from provisioning.use_cases.terms.accept_terms import announce_terms
from tests.support.clocks import Later
from tests.support.next_terms import ADDED, VERSION
from tests.support.world import World, eventually, where


def token_of(world: World, found: dict[str, Any]) -> str:
    return world.person_token("ibok-portal", found["login"], found["own"])


def state(world: World, found: dict[str, Any]) -> str:
    return str(world.account(found["login"])["state"])


def move_on(world: World, found: dict[str, Any], days: int) -> None:
    """The daily job on a later day, for this account alone."""
    close_if_due(world.services(clock=Later(days)), found["login"])


def settled(world: World, found: dict[str, Any]) -> None:
    eventually(lambda: not world.account(found["login"])["keycloak_pending"])


def credentials(world: World, found: dict[str, Any]) -> list[str]:
    user = world.user(found["login"])
    assert user is not None
    return [each["type"] for each in world.admin("GET", f"/users/{user['id']}/credentials").json()]


# -- suspend ------------------------------------------------------------------------------------------


def test_s8_a_suspended_user_is_out_at_the_next_click_and_back_when_resumed(world: World) -> None:
    found = world.active()
    token = token_of(world, found)
    visitor = found["visitor"]
    assert world.deed(found["login"], "suspend").status_code == 422  # a reason is needed
    assert world.deed(found["login"], "suspend", reason="podejrzenie nadużycia").status_code == 200
    assert world.call("GET", "/me", token).json()["code"] == "account_suspended"  # a still valid token, at once
    settled(world, found)
    assert world.user(found["login"])["enabled"] is False  # type: ignore[index]
    page = visitor.open(f"{world.webapp}/konto")  # back-channel logout ended the open page's session
    assert where(page) == "login"
    page = world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["own"])
    assert "Nieprawidłowy login lub hasło" in page.text  # the same words as for a wrong password
    mail = world.mail(found["email"], "zablokowany")
    assert "podejrzenie nadużycia" in mail["text"]
    assert world.deed(found["login"], "suspend", reason="raz jeszcze").json()["code"] == "wrong_state"
    assert world.deed(found["login"], "resume").status_code == 200
    settled(world, found)
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["own"])) == "portal"
    assert world.mail(found["email"], "przywrócony")


def test_a_secret_suspension_is_not_told(world: World) -> None:
    found = world.active()
    assert world.deed(found["login"], "suspend", reason="dochodzenie", secret=True).status_code == 200
    settled(world, found)
    assert not world.mails(found["email"], "zablokowany")


@pytest.mark.parametrize("name", ["suspend", "resume", "resend", "misdirected", "correct-address", "delete", "end-contract"])
@pytest.mark.parametrize("username", ["clerk", "manager", "auditor"])
def test_s01_only_a_registrar_decides_about_accounts(world: World, name: str, username: str) -> None:
    body = {"email": "a@example.com"} if name == "correct-address" else {}
    body |= {"customer_number": "1"} if name == "end-contract" else {}
    answer = world.call("POST", f"/staff/accounts/wp00000000/{name}", world.staff_token(username), json=body)
    assert answer.status_code == 403


# -- resignation and deletion ---------------------------------------------------------------------------


def test_s8_resign_withdraw_resign_delete_and_nothing_of_the_person_is_left(world: World) -> None:
    unique = secrets.token_hex(5)
    first, last, street = f"Zdzisława{unique}", f"Wąchocka{unique}", f"Poziomkowa{unique}"
    number, contract = str(secrets.randbelow(9 * 10**9) + 10**9), f"U/{unique}"
    phone, other_phone = (
        f"+48 60{secrets.randbelow(8)} {secrets.randbelow(900) + 100} {secrets.randbelow(900) + 100}" for _ in "ab"
    )
    birth = f"9{secrets.randbelow(10)}0{secrets.randbelow(9) + 1}1{secrets.randbelow(10)}{secrets.randbelow(10**4):04d}"
    pesel = birth + calc_check_digit(birth)
    address = {"street": street, "house": "7", "flat": None, "postal_code": "43-300", "city": f"Zakopane{unique}"}
    found = world.active(
        first_name=first,
        last_name=last,
        customer_number=number,
        contract_number=contract,
        supply_point_address=address,
        correspondence_address=address,
        phone=phone,
        pesel=pesel,
        signature={"kind": "declaration", "signed_name": f"{first} {last}"},
    )
    token = token_of(world, found)
    answer = world.call("POST", "/me/resignation", token)
    assert answer.json()["state"] == "resigning"
    mail = world.mail(found["email"], "przyjęliśmy rezygnację")
    (pdf,) = list(mail["message"].iter_attachments())
    assert pdf.get_content()[:5] == b"%PDF-"
    assert world.call("POST", "/me/resignation", token).json()["code"] == "wrong_state"
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["own"])) == "portal"  # until its day
    assert world.call("DELETE", "/me/resignation", token).json()["state"] == "active"
    assert world.mail(found["email"], "cofnięta")
    assert world.call("DELETE", "/me/resignation", token).json()["code"] == "wrong_state"
    world.deed(found["login"], "suspend", reason=f"pani {last} dzwoniła")  # words of staff that name the person
    settled(world, found)
    add_note(world.services(), Actor("clerk", frozenset({"bok-clerk"})), found["reference"], f"{first} mieszka przy {street}")
    world.deed(found["login"], "resume", reason=f"{last} wyjaśniła")
    settled(world, found)
    changed = world.call("POST", "/me/contact", token_of(world, found), json={"phone": other_phone})
    assert changed.json() == {"changed": [], "asked": ["phone"]}
    world.new_password(found["login"], found["email"])
    assert world.call("POST", "/me/resignation", token_of(world, found)).status_code == 200
    move_on(world, found, 13)
    assert state(world, found) == "resigning"
    move_on(world, found, 14)
    assert state(world, found) == "closed"
    settled(world, found)
    assert world.user(found["login"])["enabled"] is False  # type: ignore[index]
    assert world.call("GET", "/me", token).status_code == 401  # a still valid token, at once
    assert world.mail(found["email"], "dostęp do konta został wyłączony")
    move_on(world, found, 14 + 30)
    assert state(world, found) == "deleted"
    settled(world, found)
    assert world.user(found["login"]) is None
    assert world.call("GET", "/me", token).status_code == 401
    eventually(
        lambda: world.sql("SELECT count(*) FROM mails WHERE reference = %s AND state = 'queued'", found["reference"]) == [(0,)]
    )
    values = [
        first,
        last,
        street,
        number,
        contract,
        found["email"],
        phone[4:],
        other_phone[4:],
        f"Zakopane{unique}",
        pesel,
    ]
    before = stores(world, values)
    for value in (first, last, street, number, found["email"], phone[4:]):
        assert any(value in hit for hit in before), "the evidence stays for its retention"
    move_on(world, found, 14 + 30 + 2190)
    assert state(world, found) == "anonymised"
    assert stores(world, values) == []
    history = world.call("GET", f"/staff/applications/{found['reference']}", world.staff_token("auditor")).json()
    assert history["applicant"] == "– –"
    assert all(history["clauses"].values())  # the answers stay, for the statistics
    with world.services().work() as work:
        assert list(faults(work.audit.chain())) == []
    with world.services().work() as work:
        assert not work.accounts.reserve_login(found["login"], "x", datetime.now(UTC))  # burnt for ever


def stores(world: World, values: list[str]) -> list[str]:
    """Where any of the values rests: every table of every database (ours and Keycloak's), Keycloak's users, every log."""
    superuser = (world.state / "db.superuser").read_text().strip()
    host = world.secrets["IBOK_DATABASE_URL"].split("@")[1].split("/")[0]
    address = f"postgresql://postgres:{superuser}@{host}"
    with psycopg.connect(f"{address}/postgres") as connection:
        databases = [row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'ibok%'")]
    assert len(databases) >= 3, databases
    found = []
    for database in databases:
        with psycopg.connect(f"{address}/{database}") as connection:
            tables = connection.execute(
                "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
                " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            for (table,) in tables:
                for value in values:
                    if connection.execute(f"SELECT 1 FROM {table} AS t WHERE t::text ILIKE %s LIMIT 1", (f"%{value}%",)).fetchone():
                        found.append(f"{database} {table}: {value}")
    for value in values:
        for user in world.admin("GET", f"/users?search={requests.utils.quote(value)}&max=5").json():
            found.append(f"keycloak user {user['username']}: {value}")
    for log in Path(world.state / "logs").glob("*.log"):
        text = log.read_text(errors="replace")
        found += [f"{log.name}: {value}" for value in values if value in text]
    return found


def test_s8_a_resignation_needs_a_recent_login_and_says_so(world: World) -> None:
    """RFC 9470: a real token, seen by a verifier for which six minutes have passed since the password was typed."""
    found = world.active()
    token = token_of(world, found)
    app = world.provisioning_app()
    real = app.extensions["ibok_verifier"]

    class Aged:
        def access_token(self, given: str, audience: str) -> Caller:
            caller = real.access_token(given, audience)
            return replace(caller, claims=caller.claims | {"auth_time": caller.claims["auth_time"] - 360})

    app.extensions["ibok_verifier"] = Aged()
    headers = {"Authorization": f"Bearer {token}"}
    refused = app.test_client().post("/api/v1/me/resignation", headers=headers)
    assert refused.status_code == 401
    assert refused.json["code"] == "insufficient_user_authentication"
    assert 'max_age="300"' in refused.headers["WWW-Authenticate"]
    assert app.test_client().get("/api/v1/me", headers=headers).status_code == 200  # the rest goes on
    assert state(world, found) == "active"


def test_s8_the_parameters_of_the_regulamin_are_configuration(world: World) -> None:
    """At once in place of 14 days, not withdrawable, and the utility is told: utility.toml alone decides."""
    found = world.active()
    told = f"bok-{secrets.token_hex(4)}@example.com"
    rules = world.services().rules
    closing = replace(rules.closing, resignation_days=0, withdrawable=False, delete_after_days=0, tell=(told,))
    services = world.services(rules=replace(rules, closing=closing))
    account = resign(services, found["login"])
    assert account.state == "closed"
    note = world.mail(told, found["login"])
    assert "rezygnacja klienta" in note["text"]
    assert found["email"] not in note["text"]
    with pytest.raises(NotPossible, match="taken back"):
        withdraw_resignation(services, found["login"])
    close_if_due(services, found["login"])
    assert state(world, found) == "deleted"


def test_s8_staff_enter_a_paper_resignation_and_delete_at_once_with_a_reason(world: World) -> None:
    found = world.active()
    clerk = world.staff_token("clerk")
    assert world.call("POST", f"/staff/accounts/{found['login']}/resign", clerk, json={}).json()["state"] == "resigning"
    assert world.call("POST", f"/staff/accounts/{found['login']}/withdraw-resignation", clerk, json={}).json()["state"] == "active"
    assert world.deed(found["login"], "delete").status_code == 422
    assert world.deed(found["login"], "delete", reason="wyrok sądu").json()["state"] == "deleted"
    settled(world, found)
    assert world.user(found["login"]) is None
    assert world.deed(found["login"], "delete", reason="raz jeszcze").json()["code"] == "wrong_state"


def test_the_end_of_a_contract_takes_the_number_and_closes_the_account_only_after_notice(world: World) -> None:
    found = world.active()
    both = json.dumps([found["customer_number"], "40118271"])
    world.sql("UPDATE accounts SET customer_numbers = %s WHERE login = %s", both, found["login"])
    assert world.deed(found["login"], "end-contract", customer_number="99999999").json()["code"] == "no_such_number"
    assert world.deed(found["login"], "end-contract", customer_number="40118271").json()["state"] == "active"
    settled(world, found)
    assert world.user(found["login"])["attributes"]["ibok_customer_numbers"] == [found["customer_number"]]  # type: ignore[index]
    answer = world.deed(found["login"], "end-contract", customer_number=found["customer_number"]).json()
    assert (answer["state"], answer["closing_cause"]) == ("resigning", "end_of_contract")
    assert world.mail(found["email"], "konto będzie zamknięte")
    assert world.call("DELETE", "/me/resignation", token_of(world, found)).json()["code"] == "not_withdrawable"
    move_on(world, found, 14)
    assert state(world, found) == "closed"


@pytest.mark.parametrize("decision", ["erased", "partly", "refused"])
def test_art_17_is_entered_decided_with_a_ground_and_answered(world: World, decision: str) -> None:
    found = world.active()
    clerk, registrar = world.staff_token("clerk"), world.staff_token("registrar")
    body = {"received_on": date.today().isoformat(), "channel": "post"}
    entered = world.call("POST", f"/staff/accounts/{found['login']}/erasure-requests", clerk, json=body)
    assert entered.status_code == 201
    path = f"/staff/erasure-requests/{entered.json()['id']}/decide"
    assert world.call("POST", path, clerk, json={"decision": decision}).status_code == 403
    if decision != "erased":
        assert world.call("POST", path, registrar, json={"decision": decision}).json()["code"] == "ground_missing"
    decided = world.call("POST", path, registrar, json={"decision": decision, "ground": "art. 17 ust. 3 lit. b RODO"})
    assert decided.status_code == 200
    assert world.call("POST", path, registrar, json={"decision": "erased"}).json()["code"] == "already_decided"
    answer = world.mail(found["email"], "odpowiedź na żądanie")
    assert "Prezesa Urzędu Ochrony Danych Osobowych" in " ".join(answer["text"].split())
    if decision == "refused":
        assert state(world, found) == "active"
        return
    settled(world, found)
    assert world.user(found["login"]) is None
    eventually(lambda: close_if_due(world.services(), found["login"]) or state(world, found) != "deleted", 5) if (
        decision == "erased"
    ) else None
    assert state(world, found) == ("anonymised" if decision == "erased" else "deleted")


# -- the customer's own page ----------------------------------------------------------------------------


def test_a_change_of_address_is_proved_told_and_can_be_undone(world: World) -> None:
    found = world.active()
    new = f"nowy-{found['email']}"
    token = token_of(world, found)
    assert world.call("POST", "/me/email", token, json={"email": "kopeć@example.com"}).json()["code"] == "invalid_email"
    assert world.call("POST", "/me/email", token, json={"email": found["email"]}).json()["code"] == "same_as_before"
    other = world.active()
    assert world.call("POST", "/me/email", token, json={"email": other["email"]}).status_code == 202  # nothing leaks
    assert world.call("POST", "/me/email", token, json={"email": new}).status_code == 202  # replaces the wish before
    link = next(line for line in world.mail(new, "potwierdź nowy")["text"].splitlines() if "/konto/email/" in line)
    stranger = world.visitor()
    page = stranger.open(link)  # a mail scanner opens it: nothing changes
    assert world.account(found["login"])["email"] == found["email"]
    assert stranger.open(f"{link}x").status == 200  # nor does opening a wrong one tell anything
    assert stranger.send(stranger.open(f"{link}x"), {}).status == 404
    page = stranger.send(page, {})
    assert page.heading == "Nowy adres e-mail jest potwierdzony"
    assert stranger.send(stranger.open(link), {}).status == 409
    settled(world, found)
    assert world.user(found["login"])["email"] == new  # type: ignore[index]
    undo = next(line for line in world.mail(found["email"], "zmieniono adres")["text"].splitlines() if "/cofnij/" in line)
    to_the_new = world.new_password(found["login"], new)
    page = stranger.send(stranger.open(undo), {})
    assert page.heading == "Zmiana adresu jest cofnięta"
    settled(world, found)
    assert world.account(found["login"])["email"] == found["email"]
    eventually(lambda: "ibok-temporary-password" not in credentials(world, found), 5)  # it died with the change
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], to_the_new)) == "login"
    assert world.mail(found["email"], "przywrócono adres")
    with pytest.raises(Exception, match=r".*"):
        confirm_email_change(world.services(), "nonsense")


def test_contact_data_that_the_register_owns_go_to_staff_who_answer(world: World) -> None:
    found = world.active()
    token = token_of(world, found)
    bad = world.call("POST", "/me/contact", token, json={"phone": "12"})
    assert bad.json()["code"] == "invalid_phone"
    wanted = {
        "phone": "601 202 303",
        "correspondence_address": {"street": "Długa", "house": "1", "flat": None, "postal_code": "43-300", "city": "Bielsko-Biała"},
    }
    assert world.call("POST", "/me/contact", token, json=wanted).json()["asked"] == ["correspondence_address", "phone"]
    clerk = world.staff_token("clerk")
    (mine,) = [r for r in world.call("GET", "/staff/change-requests", clerk).json()["items"] if r["login"] == found["login"]]
    page = world.staff("clerk").open(f"{world.provisioning}/zadania")
    for words in (found["login"], "+48 601 202 303", "Długa 1, 43-300 Bielsko-Biała"):
        assert words in page.text
    path = f"/staff/change-requests/{mine['id']}/answer"
    assert world.call("POST", path, world.staff_token("auditor"), json={"done": True}).status_code == 403
    assert world.call("POST", path, clerk, json={"done": False}).status_code == 422  # a refusal needs a reason
    assert world.call("POST", path, clerk, json={"done": True}).json()["outcome"] == "done"
    assert world.call("POST", path, clerk, json={"done": True}).json()["code"] == "already_decided"
    assert world.mail(found["email"], "dane kontaktowe")
    me = world.call("GET", "/me", token).json()
    assert me["phone"] == "+48 601 202 303"
    assert me["correspondence_address"]["street"] == "Długa"


def test_the_export_holds_everything_as_json_and_pdf_and_is_rate_limited(world: World) -> None:
    found = world.active()
    token = token_of(world, found)
    bundle = world.call("GET", "/me/export", token, headers={"Accept": "application/zip"})
    names = zipfile.ZipFile(io.BytesIO(bundle.content)).namelist()
    assert names == [f"ibok-{found['login']}.json", f"ibok-{found['login']}.pdf"]
    content = json.loads(zipfile.ZipFile(io.BytesIO(bundle.content)).read(names[0]))
    assert content["application"]["pesel"] == f"••••••••{found['pesel'][-3:]}"  # S12: masked at this door too
    assert content["application"]["clauses"]["K1-DANE"] is True
    assert content["mails"]
    assert "Hasło" not in json.dumps(content)
    for _ in range(4):
        assert world.call("GET", "/me/export", token).status_code == 200
    refused = world.call("GET", "/me/export", token)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 3000


def test_s02_own_documents_open_and_any_other_id_is_404(world: World) -> None:
    found = world.active()
    token = token_of(world, found)
    for name in ("application", "terms-2026-1"):
        assert world.call("GET", f"/me/documents/{name}", token).content[:5] == b"%PDF-"
    for name in (f"terms-{VERSION}", "terms-", "2026-000001-1", "..%2f..%2fetc"):
        assert world.call("GET", f"/me/documents/{name}", token).status_code == 404


def test_open_sessions_are_listed_by_device_and_can_be_ended(world: World) -> None:
    found = world.active()
    phone = world.visitor()
    phone.session.headers["User-Agent"] = (
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
    )
    assert where(phone.log_in(f"{world.webapp}/konto", found["login"], found["own"])) == "portal"
    desk = world.visitor()
    page = desk.log_in(f"{world.webapp}/konto", found["login"], found["own"])
    assert "Chrome Mobile, Android" in page.text
    assert "to urządzenie" in page.text
    form = next(form for form in page.tree.iter("form") if "/konto/sesje/" in (form.get("action") or ""))
    stranger = world.active()["visitor"]
    own = stranger.open(f"{world.webapp}/konto").form("/wyloguj")
    csrf = next(field.get("value") for field in own.iter("input") if field.get("name") == "csrf_token")
    refused = stranger.session.post(world.webapp + str(form.get("action")), data={"csrf_token": csrf}, timeout=30)
    assert refused.status_code == 404  # somebody else's session is not there
    for _ in range(5):  # every session listed but this one
        forms = [form.get("action") for form in page.tree.iter("form") if "/konto/sesje/" in (form.get("action") or "")]
        if not forms:
            break
        page = desk.send(page, {}, action_ends=str(forms[0]))
    assert "Urządzenie zostało wylogowane" in page.text
    assert where(phone.open(f"{world.webapp}/konto")) == "login"  # there and at Keycloak
    assert where(desk.open(f"{world.webapp}/konto")) == "portal"


def test_recent_logins_show_also_the_failed_ones(world: World) -> None:
    found = world.active()
    world.visitor().log_in(f"{world.webapp}/konto", found["login"], "Nie To Haslo 1")
    page = eventually(lambda: "nieudane logowanie" in (p := found["visitor"].open(f"{world.webapp}/konto")).text and p)
    assert "127.0.0.1" in page.text


def test_the_language_of_mails_and_login_pages_is_the_customers_choice(world: World) -> None:
    found = world.active()
    assert world.call("POST", "/me/language", token_of(world, found), json={"language": "de"}).status_code == 422
    assert world.call("POST", "/me/language", token_of(world, found), json={"language": "en"}).status_code == 200
    settled(world, found)
    assert world.user(found["login"])["attributes"]["locale"] == ["en"]  # type: ignore[index]
    world.deed(found["login"], "suspend", reason="test")
    assert world.mail(found["email"], "suspended")


# -- new terms -------------------------------------------------------------------------------------------


def test_new_terms_are_announced_compared_and_accepted_as_evidence(world: World) -> None:
    found = world.active()
    eventually(lambda: announce_terms(world.services(**next_terms(world))) == 0, 60)
    assert VERSION in world.mail(found["email"], "nowy Regulamin")["text"]
    assert len(world.mails(found["email"], "nowy Regulamin")) == 1
    token = token_of(world, found)
    pending = world.call("GET", "/me/terms", token).json()["pending"]
    assert (pending["terms_version"], pending["compared_with"]) == (VERSION, "2026-1")
    assert {"kind": "added", "text": ADDED} in pending["paragraphs"]["pl"]
    assert world.call("POST", "/me/terms", token, json={"terms_version": "2026-1", "accept": True}).status_code == 422
    assert (
        world.call("POST", "/me/terms", token, json={"terms_version": VERSION, "accept": True}).json()["terms"]["accepted"]
        == VERSION
    )
    assert (
        world.call("POST", "/me/terms", token, json={"terms_version": VERSION, "accept": False}).json()["code"]
        == "already_answered"
    )
    assert world.call("GET", f"/me/documents/terms-{VERSION}", token).content[:5] == b"%PDF-"
    (kept,) = world.sql("SELECT accepted, length(terms_sha256) FROM terms_acceptances WHERE login = %s", found["login"])
    assert kept == (True, 64)


def test_refused_terms_are_a_resignation_that_can_be_taken_back(world: World) -> None:
    found = world.active()
    token = token_of(world, found)
    answer = world.call("POST", "/me/terms", token, json={"terms_version": VERSION, "accept": False}).json()
    assert answer["resignation"]["cause"] == "terms_refused"
    closes = date.fromisoformat(answer["resignation"]["closes_on"])
    assert closes >= date.today() + timedelta(days=20)  # not before the new terms are valid
    report = world.call("GET", "/staff/terms", world.staff_token("manager")).json()
    newest = next(each for each in report["versions"] if each["terms_version"] == VERSION)
    assert newest["refused"] >= 1
    assert world.call("GET", "/staff/terms", world.staff_token("clerk")).status_code == 403
    silent = world.active()
    unanswered = world.call("GET", "/staff/terms", world.staff_token("auditor")).json()["unanswered"]
    assert silent["login"] in {each["login"] for each in unanswered}
    assert found["login"] not in {each["login"] for each in unanswered}


def next_terms(world: World) -> dict[str, Any]:
    """The forms as the stack's own processes see them."""
    from provisioning.form.catalogue import all_versions

    return {"forms": all_versions(world.state.parent / "terms")}


def test_pages_of_the_account_are_well_made_with_and_without_errors(world: World) -> None:
    found = world.active()
    visitor = found["visitor"]
    for path in ("/konto", "/konto/email", "/konto/dane", "/konto/regulamin", "/konto/rezygnacja"):
        for language in ("pl", "en"):
            assert visitor.open(f"{world.webapp}{path}?lang={language}").status == 200, path
    visitor.open(f"{world.webapp}/konto?lang=pl")
    for path in ("/konto/email", "/konto/dane", "/konto/regulamin", "/konto/rezygnacja"):
        page = visitor.open(f"{world.webapp}{path}")
        values = {"email": "zły", "email_again": "zły", "phone": "12"} if path in ("/konto/email", "/konto/dane") else {}
        page = visitor.send(page, values)
        assert page.status == 422, path
        assert page.errors(), path
        assert page.title.startswith("Błąd:"), path
    registrar = world.staff("registrar")
    names = ("resend", "correct-address", "misdirected", "suspend", "resume", "resign", "withdraw-resignation", "end-contract",
             "enter-erasure", "delete")  # fmt: skip
    for language in ("pl", "en"):
        for path in (f"/konto/{found['login']}", *(f"/konto/{found['login']}/{name}" for name in names), "/zadania", "/regulamin"):
            assert registrar.open(f"{world.provisioning}{path}?lang={language}").status == 200, path
    registrar.open(f"{world.provisioning}/?lang=pl")
    page = registrar.send(registrar.open(f"{world.provisioning}/konto/{found['login']}/suspend"), {}, action_ends="")
    assert page.errors() == ["Wpisz powód"]
    page = registrar.send(page, {"reason": "próba"})
    assert "Konto zablokowane." in page.text
    assert "próba" in page.text
    assert registrar.open(f"{world.provisioning}/konto/{found['login']}/nonsense").status == 404
    assert registrar.open(f"{world.provisioning}/konto/wp99999999").status == 404


def test_f09_nothing_of_the_account_changes_without_its_token(world: World) -> None:
    found = world.active()
    for path in ("/konto/rezygnacja", "/konto/rezygnacja/cofnij", "/konto/email", "/konto/dane", "/konto/jezyk", "/konto/regulamin",
                 "/konto/eksport", "/konto/haslo"):  # fmt: skip
        answer = found["visitor"].session.post(
            world.webapp + path, data={"sure": "yes", "email": "a@example.com", "language": "en"}, timeout=30
        )
        assert answer.status_code == 400, path
    assert state(world, found) == "active"
    time.sleep(0.1)
    assert world.account(found["login"])["language"] == "pl"
