"""S7 and S6 on the real Keycloak: the mailed temporary password beside the old one, with everything that may go wrong."""

import re
import secrets
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from deploy.demo import ask_for_new_password
from ibok_idp.customers import NewCustomer
from ibok_idp.directory import CustomerDirectory
from ibok_idp.errors import KeycloakRefused
from ibok_idp.temporary_password import derive, new_nonce
from provisioning.use_cases.account.request_new_password import request_new_password
from tests.support.customer import OWN, Customer, clear_user_cache, kolmogorov_smirnov, temporary, with_keycloaks_database
from tests.support.portal import app
from tests.support.world import World, eventually, where


@pytest.fixture
def customer(world: World) -> Customer:
    return Customer(world)


def test_s7_the_whole_way_from_the_page_to_an_own_password(world: World) -> None:
    found = world.active()
    temporary_one = world.new_password(found["login"].upper() + " ", found["email"])
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["own"])) == "portal"  # the old one works
    visitor = world.visitor()
    page = visitor.log_in(f"{world.webapp}/konto", found["login"], f" {temporary_one} ")  # pasted with spaces
    assert where(page) == "new password"
    page = visitor.send(page, {"password-new": OWN, "password-confirm": OWN})
    assert where(page) == "portal"
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["own"])) == "login"
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], temporary_one)) == "login"
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], OWN)) == "portal"
    seen = eventually(lambda: [line for line in _logins(world, found["login"]) if line[1] == "temporary"])
    assert ("password_set", "temporary") in seen  # the event log tells which of the two was used
    assert world.user(found["login"])["requiredActions"] == []  # type: ignore[index]
    assert world.sql("SELECT count(*) FROM password_resets WHERE nonce IS NOT NULL AND login = %s", found["login"]) == [(0,)]


def _logins(world: World, login: str) -> list[tuple[str, str | None]]:
    rows = world.sql("SELECT kind, details->>'password' FROM account_events WHERE login = %s", login)
    return [(row[0], row[1]) for row in rows]


def test_p04_two_browsers_at_once_one_wins_and_the_other_is_told(customer: Customer, world: World) -> None:
    password = customer.gets()
    (one, first), (other, second) = customer.at_login(password), customer.at_login(password)
    assert where(first) == where(second) == "new password"
    same = one.send(first, {"password-new": password, "password-confirm": password})
    assert "To jest hasło tymczasowe z wiadomości" in same.text  # the new one must differ
    weak = one.send(same, {"password-new": "Password1", "password-confirm": "Password1"})
    assert "publicznej liście haseł" in weak.text  # S6, and the temporary password is not used up by it
    done = one.send(weak, {"password-new": "Nowa 7 zdroj Ab", "password-confirm": "Nowa 7 zdroj Ab"})
    assert done.url.startswith(world.webapp)
    told = other.send(second, {"password-new": "Inna 7 zdroj Ab", "password-confirm": "Inna 7 zdroj Ab"})
    assert told.status == 409
    assert told.heading == "Hasło jest już ustawione"
    for dead in (password, OWN, "Inna 7 zdroj Ab"):
        assert customer.tries(dead) == "login"
    assert customer.tries("Nowa 7 zdroj Ab") != "login"
    visitor, page = customer.at_login(customer.gets())
    for used in (OWN, "Nowa 7 zdroj Ab"):  # S6: not one of the last three
        page = visitor.send(page, {"password-new": used, "password-confirm": used})
        assert "To hasło było już używane" in page.text
    customer.directory.void_temporary_password(customer.user_id)
    assert "ibok-temporary-password" not in customer.credentials()


def test_p04_expired_void_replaced_of_another_and_in_other_letters_is_refused(customer: Customer, world: World) -> None:
    expired = customer.gets()
    past = (
        "UPDATE credential SET credential_data = regexp_replace(credential_data, '\"expiresAt\":..[0-9]+', %s) WHERE user_id = %s"
    )
    with_keycloaks_database(world, past, f'"expiresAt":["{int(time.time() * 1000) - 1}', customer.user_id)
    clear_user_cache(world)
    assert customer.tries(expired) == "login"
    first, second = customer.gets(), customer.gets()
    assert customer.tries(first) == "login"  # asking again makes the earlier one void
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in second)
    assert customer.tries(wide) == "login"
    assert customer.tries(second.lower() if second.lower() != second else second.upper()) == "login"
    stranger = Customer(world)
    assert stranger.tries(second) == "login"
    customer.directory.void_temporary_password(customer.user_id)
    assert customer.tries(second) == "login"
    customer.unlock()
    assert customer.tries(OWN, login=f" {customer.login.upper()} ") != "login"  # the own password never noticed any of it


def test_s7_an_abandoned_login_leaves_no_trace_and_staff_may_void_it_in_the_console(customer: Customer, world: World) -> None:
    password = customer.gets()
    assert customer.tries(password) == "new password"
    assert world.user(customer.login)["requiredActions"] == []  # type: ignore[index]
    assert customer.tries(OWN) != "login"
    assert customer.tries(password) == "new password"  # not used up: the page was only left
    (mine,) = [
        each
        for each in world.admin("GET", f"/users/{customer.user_id}/credentials").json()
        if each["type"] == "ibok-temporary-password"
    ]
    assert mine["userLabel"] == "tymczasowe / temporary"
    assert world.admin("DELETE", f"/users/{customer.user_id}/credentials/{mine['id']}").status_code == 204
    assert customer.tries(password) == "login"


def test_p05_guessing_trips_at_its_number_and_the_right_temporary_password_lifts_the_lock(customer: Customer, world: World) -> None:
    password = customer.gets()
    failures = world.admin("GET", "").json()["failureFactor"]
    for _ in range(failures):
        assert customer.tries("Zgaduje haslo 1") == "login"  # guesses at the own one never use up the temporary one
    locked = customer.directory.lockout(customer.user_id)
    assert locked.locked
    assert customer.tries(OWN) == "login"
    customer.gets(timedelta(hours=1))
    again = customer.gets()  # asking neither lifts nor lengthens the lock
    assert customer.directory.lockout(customer.user_id).locked
    assert customer.directory.lockout(customer.user_id).failures == locked.failures
    assert customer.tries(password) == "login"  # replaced
    assert customer.tries(again) == "new password"
    assert not customer.directory.lockout(customer.user_id).locked
    assert customer.sets_own("Nowa 8 zdroj Ab", after=again) == "portal"


def test_p05_a_few_wrong_guesses_at_the_temporary_password_void_it(customer: Customer) -> None:
    password = customer.gets()
    for _ in range(5):
        assert customer.tries(temporary()) == "login"
    customer.unlock()
    assert "ibok-temporary-password" not in customer.credentials()
    assert customer.tries(password) == "login"
    assert customer.tries(OWN) != "login"


def test_s5_an_activation_password_ends_with_its_life_and_the_page_says_how_to_get_a_new_one(world: World) -> None:
    directory = CustomerDirectory(world.keycloak, "ibok-provisioning", world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"])
    login, password = f"tt{secrets.randbelow(10**8):08d}", temporary()
    user_id = directory.create(NewCustomer(login, "a@example.com", "A", "B", "pl", f"2026-S5-{login}", ("1",)), password).user_id
    aged = int((time.time() - 15 * 86400) * 1000)
    with_keycloaks_database(world, "UPDATE credential SET created_date = %s WHERE user_id = %s", aged, user_id)
    clear_user_cache(world)
    page = world.visitor().log_in(f"{world.webapp}/konto", login, password)
    assert where(page) == "login"
    assert "straciło ważność" in page.text
    assert "Nie pamiętasz hasła?" in page.text
    assert not directory.lockout(user_id).failures  # it was the right one, only too late
    fresh = temporary()
    directory.set_temporary_password(user_id, fresh, datetime.now(UTC) + timedelta(hours=24))
    visitor = world.visitor()
    page = visitor.log_in(f"{world.webapp}/konto", login, fresh)
    page = visitor.send(page, {"password-new": OWN, "password-confirm": OWN})
    assert where(world.visitor().log_in(f"{world.webapp}/konto", login, OWN)) != "login"


def test_r06_the_endpoint_needs_the_right_to_reset_that_very_password(customer: Customer, world: World) -> None:
    registrar = world.user("registrar")
    assert registrar is not None
    with pytest.raises(KeycloakRefused):
        customer.directory.set_temporary_password(registrar["id"], temporary(), datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(KeycloakRefused):
        customer.directory.void_temporary_password(registrar["id"])
    url = f"{world.keycloak}/admin/realms/ibok/ibok-temporary-passwords/{customer.user_id}"
    assert requests.put(url, json={}, timeout=30).status_code == 401
    for token in (world.service_token("ibok-webapp"), world.staff_token("registrar")):
        assert requests.put(url, json={}, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code in (401, 403)
    own = {"Authorization": f"Bearer {world.service_token('ibok-provisioning')}"}
    for bad in ({}, {"credentialData": "x", "secretData": "y"}, {"credentialData": '{"algorithm":"md5"}', "secretData": "{}"}):
        assert requests.put(url, json=bad, headers=own, timeout=30).status_code == 400, bad
    master = f"{world.keycloak}/admin/realms/master/ibok-temporary-passwords/{customer.user_id}"
    assert requests.put(master, json={}, headers=own, timeout=30).status_code in (401, 403, 404)
    assert "ibok-temporary-password" not in customer.credentials()


def test_s6_the_page_left_open_too_long_leads_back_to_the_login_with_a_sentence(customer: Customer, world: World) -> None:
    life = world.admin("GET", "").json()["accessCodeLifespanUserAction"]
    password = customer.gets()
    visitor, page = customer.at_login(password)
    try:
        world.admin("PUT", "", json={"accessCodeLifespanUserAction": 1})
        time.sleep(2)
        late = visitor.send(page, {"password-new": "Nowa 9 zdroj Ab", "password-confirm": "Nowa 9 zdroj Ab"})
    finally:
        world.admin("PUT", "", json={"accessCodeLifespanUserAction": life})
    assert "Strona była otwarta zbyt długo" in late.text
    assert where(late) == "login"
    assert customer.tries(password) == "new password"  # nothing was used up


def test_p03_a_thousand_wishes_for_somebody_else_hurt_nobody(world: World) -> None:
    found = world.active()
    for _ in range(1000):
        request_new_password(world.services(), found["login"])
    sent = eventually(lambda: (m := world.mails(found["email"], "nowe hasło")) and len(m) >= 1 and m)
    time.sleep(3)
    assert len(world.mails(found["email"], "nowe hasło")) <= 3 >= len(sent)  # three in an hour, and no more
    outcomes = Counter(row[0] for row in world.sql("SELECT outcome FROM password_resets WHERE login = %s", found["login"]))
    assert outcomes == {"issued": 3, "limited": 997}
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["own"])) == "portal"


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_s7_a_closed_door_gets_no_password_but_a_mail_that_says_whom_to_ask(world: World, state: str) -> None:
    found = world.active()
    if state == "suspended":
        assert world.deed(found["login"], "suspend", reason="próba").status_code == 200
    else:
        world.sql("UPDATE accounts SET state = 'closed', delete_on = '2099-01-01' WHERE login = %s", found["login"])
    page = ask_for_new_password(world.visitor(), world.webapp, found["login"])
    assert "Jeżeli konto o podanym loginie istnieje" in page.text
    mail = world.mail(found["email"], "nie wysłaliśmy nowego hasła")
    assert "662 277 045" in mail["text"]
    assert "Hasło tymczasowe:" not in mail["text"]
    assert not world.mails(found["email"], "nowe hasło tymczasowe")


def test_s7_who_never_logged_in_gets_a_new_one_too_and_becomes_active(world: World) -> None:
    found = world.registered()
    password = world.new_password(found["login"], found["email"])
    visitor = world.visitor()
    page = visitor.log_in(f"{world.webapp}/konto", found["login"], password)
    assert where(page) == "new password"
    page = visitor.send(page, {"password-new": OWN, "password-confirm": OWN})
    assert "aktywne" in page.text
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["temporary"])) == "login"


def test_p07_a_misdirected_mail_is_useless_within_two_seconds(world: World) -> None:
    found = world.registered()
    eventually(lambda: world.account(found["login"])["mail_accepted_at"])
    began = time.monotonic()
    answer = world.deed(found["login"], "misdirected", reason="pomylony adres")
    assert answer.status_code == 200
    assert answer.json()["address_in_doubt"]
    user_id = world.user(found["login"])["id"]  # type: ignore[index]
    eventually(lambda: world.admin("GET", f"/users/{user_id}/credentials").json() == [], 5)
    assert time.monotonic() - began < 2
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["temporary"])) == "login"
    (incident,) = world.account(found["login"])["incidents"]
    assert "hasło tymczasowe" in incident["disclosed"]
    assert world.deed(found["login"], "resend").json()["code"] == "address_in_doubt"
    request_new_password(world.services(), found["login"])  # nor does a wish send one to the doubtful address
    assert world.sql("SELECT outcome FROM password_resets WHERE login = %s", found["login"]) == [("not_now",)]
    right = f"right-{found['email']}"
    assert world.deed(found["login"], "correct-address", email=right, reason="przez telefon").status_code == 200
    assert world.deed(found["login"], "resend").status_code == 200
    fresh = world.access_data(right)
    assert fresh["login"] == found["login"]
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], fresh["temporary"])) == "new password"


def test_resent_activation_kills_the_earlier_password(world: World) -> None:
    found = world.registered()
    eventually(lambda: world.account(found["login"])["mail_accepted_at"])
    assert world.deed(found["login"], "resend").status_code == 200
    eventually(lambda: len(world.mails(found["email"], "konto jest gotowe")) == 2)
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["temporary"])) == "login"
    fresh = world.access_data(found["email"])["temporary"]
    assert fresh != found["temporary"]
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], fresh)) == "new password"


def test_p02_known_unknown_suspended_and_waiting_logins_are_answered_alike_and_as_fast(world: World) -> None:
    known, waiting, suspended = world.active(), world.registered(), world.active()
    assert world.deed(suspended["login"], "suspend", reason="próba", secret=True).status_code == 200
    logins = [known["login"], waiting["login"], suspended["login"], "wp00000000"]
    token, times = world.service_token(), {login: [] for login in logins}  # type: ignore[var-annotated]
    answers = set()
    session = requests.Session()
    for _ in range(500):
        for login in logins:
            began = time.perf_counter()
            answer = session.post(
                f"{world.api}/password-resets", json={"login": login}, headers={"Authorization": f"Bearer {token}"}, timeout=30
            )
            times[login].append(time.perf_counter() - began)
            names = {name for name in answer.headers if name not in ("Date", "Server")}
            answers.add((answer.status_code, answer.text, tuple(sorted(names))))
    assert len(answers) == 1
    unknown = times["wp00000000"]
    for login in logins[:-1]:
        # Kolmogorov-Smirnov: 0.17 keeps a false alarm under one in a million for two samples of 500
        assert kolmogorov_smirnov(times[login], unknown) < 0.17, login


def test_s7_mail_server_down_the_answer_is_the_same_and_the_mail_comes_later(world: World) -> None:
    found = world.active()
    behaviour = f"{world.mailbox}/api/v1/behaviour"
    services = world.services(mailer=_Down())
    request_new_password(services, found["login"])
    time.sleep(0.1)
    assert requests.get(behaviour, timeout=10).json()["mode"] in ("accept", "reject_4xx")
    mail = world.mail(found["email"], "nowe hasło")  # the worker's own mailer is up: the job goes on
    assert "Hasło tymczasowe:" in mail["text"]


class _Down:
    def send(self, message: Any) -> str:
        raise AssertionError("the mail is never sent inside the request")


def test_p06_another_key_yields_no_old_password_and_a_wrong_one_stops_the_start(world: World) -> None:
    nonce = new_nonce()
    assert derive(b"a" * 32, nonce, "x") != derive(b"b" * 32, nonce, "x")
    with pytest.raises(ValueError, match="at least 32 bytes"):
        derive(b"short", nonce, "x")


class Counting:
    """Provisioning as webapp's client sees it, counting wishes."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask_for_new_password(self, login: str) -> None:
        self.asked.append(login)


def test_s7_over_the_limit_of_an_address_and_for_robots_the_answer_is_the_same_and_nothing_is_asked(world: World) -> None:
    counting = Counting()
    client = app(world, counting, password_asks_per_hour_without_script=2)

    def ask(**more: str) -> tuple[int, str]:
        form = client.get("/haslo").text
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', form)[1]  # type: ignore[index]
        answer = client.post("/haslo", data={"csrf_token": csrf, "login": "wp1", **more}, follow_redirects=True)
        return answer.status_code, re.search(r"<main.*</main>", answer.text, re.DOTALL)[0]  # type: ignore[index]

    answers = {ask() for _ in range(5)} | {ask(strona_www="http://spam.example")}
    assert len(answers) == 1
    assert counting.asked == ["wp1", "wp1"]
