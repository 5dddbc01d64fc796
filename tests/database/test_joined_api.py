"""What joined applications ask of the API: their own customers and no others, every read audited; and the register from billing."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from ibok_idp.applications.file import Application, Words
from ibok_idp.errors import InvalidToken
from ibok_idp.tokens import Caller
from provisioning.domain.account_states import AccountState
from provisioning.use_cases.account import suspend
from provisioning.use_cases.application.decide import approve
from provisioning.web import create_app
from tests.support.database_alone import REGISTRAR, Alone

WORDS = Words(pl="Program", en="Program")
READER = Application(client_id="app-reader", name=WORDS, sentence=WORDS, roles=("accounts.read",))
NARROW = Application(
    client_id="app-narrow", name=WORDS, sentence=WORDS, roles=("accounts.read", "contracts.end"), customers="9[0-9]+"
)
BILLING = Application(client_id="app-billing", name=WORDS, sentence=WORDS, roles=("register.write", "contracts.end"))
KNOWN = {each.client_id: each for each in (READER, NARROW, BILLING)}


class TokensByName:
    """A token is the client's name: its roles are those of its application, a stranger's are all."""

    def access_token(self, token: str, _audience: str) -> Caller:
        if token == "staff":
            return Caller("s", "registrar", "", "ibok-staff", frozenset({"bok-registrar"}), level=2)
        application = KNOWN.get(token)
        if application is None and token != "app-stranger":
            raise InvalidToken("unknown")
        roles = application.roles if application else ("accounts.read", "register.write", "contracts.end")
        return Caller("s", f"service-account-{token}", "", token, frozenset(roles), service_account=True)


@pytest.fixture
def api(alone: Alone) -> Iterator[FlaskClient]:
    settings = alone.wired.settings.model_copy(
        update={"session_key": SecretStr("s" * 40), "staff_client_secret": SecretStr("c" * 40)}
    )
    wired = replace(alone.wired, settings=settings, services=alone.services, applications=KNOWN)
    app = create_app(settings, wired)
    app.extensions["ibok_verifier"] = TokensByName()
    yield app.test_client()
    wired.bell.close()


def call(api: FlaskClient, client: str, path: str, verb: str = "GET", **options: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {client}", **options.pop("headers", {})}
    return api.open(f"/api/v1{path}", method=verb, headers=headers, **options)


def account(alone: Alone, **changes: Any) -> str:
    """The login of an account that waits to be made in Keycloak."""
    reference = alone.entered(**changes)
    with alone.services.work() as work:
        version = work.applications.get(reference).version
    approve(alone.services, REGISTRAR, reference, version, "bez skanu")
    with alone.services.work() as work:
        found = work.accounts.by_reference(reference)
    assert found is not None
    return found.login


def audited(alone: Alone, action: str) -> list[tuple[str, str]]:
    return [tuple(row) for row in alone.sql("SELECT actor, subject FROM audit WHERE action = %s ORDER BY number", action)]


# -- looking up ----------------------------------------------------------------------------------------


def test_an_account_is_found_by_number_and_by_login_with_nothing_of_the_person(alone: Alone, api: FlaskClient) -> None:
    login = account(alone, customer_number="4011223344", email="jan@example.com")
    for path in ("/accounts?customer_number=4011223344", f"/accounts?login={login.upper()}", f"/accounts/{login}"):
        answer = call(api, "app-reader", path)
        assert answer.status_code == 200, answer.text
        found = answer.json["items"][0] if "items" in answer.json else answer.json
        assert found["customer_numbers"] == ["4011223344"]
        assert (found["login"], found["state"], found["number"]) == (login, AccountState.AWAITING_FIRST_LOGIN, 1)
        assert set(found) == {"login", "state", "customer_numbers", "created_at", "activated_at", "number"}
    assert [actor for actor, _ in audited(alone, "account.read")] == ["service-account-app-reader"] * 3


def test_an_etag_spares_what_is_known_and_still_counts_as_a_read(alone: Alone, api: FlaskClient) -> None:
    login = account(alone)
    tag = call(api, "app-reader", f"/accounts/{login}").headers["ETag"]
    known = call(api, "app-reader", f"/accounts/{login}", headers={"If-None-Match": tag})
    assert (known.status_code, known.data) == (304, b"")
    suspend.suspend(alone.services, REGISTRAR, login, "powód")
    assert call(api, "app-reader", f"/accounts/{login}", headers={"If-None-Match": tag}).status_code == 200
    assert len(audited(alone, "account.read")) == 3


def test_another_applications_customer_is_refused_and_that_is_audited(alone: Alone, api: FlaskClient) -> None:
    login = account(alone, customer_number="4011223344")
    for path in (f"/accounts/{login}", f"/accounts?login={login}", "/accounts?customer_number=4011223344"):
        assert call(api, "app-narrow", path).status_code == 403
    body = {"customer_number": "4011223344"}
    assert call(api, "app-narrow", f"/staff/accounts/{login}/end-contract", "POST", json=body).status_code == 403
    assert [actor for actor, _ in audited(alone, "account.read_refused")] == ["service-account-app-narrow"] * 4
    assert call(api, "app-narrow", "/events").json["items"] == []


@pytest.mark.parametrize(
    ("client", "path", "status"),
    [
        ("app-reader", "/accounts/wp00000000", 404),
        ("app-reader", "/accounts?customer_number=999", 200),
        ("app-reader", "/accounts", 422),
        ("app-reader", "/accounts?login=a&customer_number=1", 422),
        ("app-billing", "/accounts?login=a", 403),
        ("app-billing", "/events", 403),
        ("app-stranger", "/accounts?login=a", 403),
        ("app-stranger", "/events", 403),
        ("nobody", "/events", 401),
        ("staff", "/events", 403),
        ("app-reader", "/events?after=-1", 422),
        ("app-reader", "/events?wait=21", 422),
        ("app-reader", "/events?after=99999999999999999999", 422),
    ],
)
def test_whoever_may_not_ask_or_asks_wrongly_is_told_so(api: FlaskClient, client: str, path: str, status: int) -> None:
    assert call(api, client, path).status_code == status


# -- the feed ------------------------------------------------------------------------------------------


def test_the_feed_goes_on_from_a_position(alone: Alone, api: FlaskClient) -> None:
    login = account(alone)
    first = call(api, "app-reader", "/events").json
    assert [(each["type"], each["data"]["login"], each["data"]["number"]) for each in first["items"]] == [
        ("account.created", login, 1)
    ]
    suspend.suspend(alone.services, REGISTRAR, login, "powód")
    second = call(api, "app-reader", f"/events?after={first['next_after']}").json
    assert [each["type"] for each in second["items"]] == ["account.suspended"]
    assert call(api, "app-reader", f"/events?after={second['next_after']}").json == {
        "items": [],
        "next_after": second["next_after"],
    }
    assert len(audited(alone, "events.read")) == 2  # an empty answer tells nothing of anybody


def test_who_waits_is_answered_when_it_happens_and_who_waits_in_vain_when_the_time_is_over(alone: Alone, api: FlaskClient) -> None:
    login = account(alone)
    after = call(api, "app-reader", "/events").json["next_after"]
    began = time.monotonic()
    assert call(api, "app-reader", f"/events?after={after}&wait=1").json["items"] == []
    assert 0.9 < time.monotonic() - began < 8
    later = threading.Timer(0.5, lambda: suspend.suspend(alone.services, REGISTRAR, login, "powód"))
    later.start()
    began = time.monotonic()
    found = call(api, "app-reader", f"/events?after={after}&wait=20").json
    assert [each["type"] for each in found["items"]] == ["account.suspended"]
    assert time.monotonic() - began < 10
    later.join()


def test_those_who_wait_take_no_more_than_a_quarter_of_the_threads(alone: Alone, api: FlaskClient) -> None:
    app: Any = api.application
    assert app.extensions["ibok_waiting"]._value == 2
    for _ in range(2):
        app.extensions["ibok_waiting"].acquire()
    began = time.monotonic()
    assert call(api, "app-reader", "/events?wait=20").json["items"] == []
    assert time.monotonic() - began < 5


# -- end of contract -----------------------------------------------------------------------------------


def test_s8_billing_ends_a_contract_and_the_account_follows(alone: Alone, api: FlaskClient) -> None:
    login = account(alone, customer_number="4011223344", email="jan@example.com")
    answer = call(api, "app-billing", f"/staff/accounts/{login}/end-contract", "POST", json={"customer_number": "4011223344"})
    assert answer.status_code == 200, answer.text
    assert (answer.json["state"], answer.json["customer_numbers"]) == ("resigning", [])
    assert "jan@example.com" not in answer.text
    with alone.services.work() as work:
        kinds = [news.kind for news in work.news.after(0, 10)]
    assert kinds == ["account.created", "account.customer_number_removed", "account.resigning"]
    other = call(api, "app-reader", f"/staff/accounts/{login}/suspend", "POST", json={"reason": "x"})
    assert other.status_code == 403
    assert call(api, "app-billing", f"/staff/accounts/{login}", "GET").status_code == 403


# -- the register --------------------------------------------------------------------------------------


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"customer_number": f"40{number:06d}", "name": f"Klient {number}", "type": "person", **changes}


def send(
    api: FlaskClient, rows: list[dict[str, Any]], batch: str, query: str = "mode=whole", client: str = "app-billing"
) -> TestResponse:
    body = "\n".join(json.dumps(each, ensure_ascii=False) for each in rows)
    headers = {"Idempotency-Key": batch}
    return call(
        api, client, f"/register/imports?{query}", "POST", data=body.encode(), headers=headers, content_type="application/x-ndjson"
    )


def names(alone: Alone) -> dict[str, str]:
    return dict(alone.sql("SELECT customer_number, name FROM register_customers WHERE gone_at IS NULL"))


def test_a_customer_is_written_and_written_again(alone: Alone, api: FlaskClient) -> None:
    body = {
        "name": "Jan Kowalski",
        "type": "person",
        "pesel": "44051401359",
        "supply_points": ["Źródlana 7"],
        "email": "jan@example.com",
    }
    answers = [call(api, "app-billing", "/register/customers/40000001", "PUT", json=body).json for _ in range(2)]
    assert [(each["added"], each["changed"]) for each in answers] == [(True, False), (False, False)]
    body["name"] = "Jan Nowak"
    assert call(api, "app-billing", "/register/customers/40000001", "PUT", json=body).json["changed"]
    assert names(alone) == {"40000001": "Jan Nowak"}
    assert "44051401359" not in str(alone.sql("SELECT * FROM register_customers") + alone.sql("SELECT details FROM audit"))


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        ("x", {}),
        ("40000001", {"pesel": "44051401358"}),
        ("40000001", {"type": "cat"}),
        ("40000001", {"more": 1}),
        ("40000001", {"name": ""}),
    ],
)
def test_a_wrong_customer_changes_nothing(alone: Alone, api: FlaskClient, number: str, changes: dict[str, Any]) -> None:
    body = {"name": "Jan", "type": "person"} | changes
    assert call(api, "app-billing", f"/register/customers/{number}", "PUT", json=body).status_code == 422
    assert names(alone) == {}


def test_an_import_of_the_whole_register_takes_away_who_is_not_in_it(alone: Alone, api: FlaskClient) -> None:
    assert send(api, [row(n) for n in range(20)], "b1").json == {
        "rows": 20, "added": 20, "changed": 0, "gone": 0, "dry_run": False,
    }  # fmt: skip
    answer = send(api, [row(n, name="Nowa nazwa") for n in range(15)], "b2").json
    assert (answer["added"], answer["changed"], answer["gone"]) == (0, 15, 5)
    assert len(names(alone)) == 15
    part = send(api, [row(30)], "b3", "mode=changes").json
    assert (part["added"], part["gone"]) == (1, 0)
    assert len(names(alone)) == 16


def test_a_batch_counts_once_and_its_id_stands_for_its_content(alone: Alone, api: FlaskClient) -> None:
    first = send(api, [row(n) for n in range(3)], "b1").json
    alone.sql("DELETE FROM register_customers")
    assert send(api, [row(n) for n in range(3)], "b1").json == first
    assert names(alone) == {}  # it was not carried out again
    assert send(api, [row(n) for n in range(4)], "b1").status_code == 422


def test_a_dry_run_changes_nothing_and_uses_up_no_batch(alone: Alone, api: FlaskClient) -> None:
    assert send(api, [row(1)], "b1", "mode=whole&dry_run=true").json["added"] == 1
    assert names(alone) == {}
    assert send(api, [row(1)], "b1").json["added"] == 1


def test_a_cut_off_import_does_not_empty_the_register(alone: Alone, api: FlaskClient) -> None:
    send(api, [row(n) for n in range(400)], "b1")
    answer = send(api, [row(n) for n in range(100)], "b2")
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_gone")
    assert send(api, [], "b3").status_code == 409
    assert len(names(alone)) == 400
    assert send(api, [row(n) for n in range(100)], "b4", "mode=whole&gone_at_most=300").json["gone"] == 300


@pytest.mark.parametrize(
    "bad", [b'{"customer_number": "40000009"', b'{"customer_number": "40000009", "name": "x", "type": "cat"}', b"[1]", b"\xff"]
)
def test_one_bad_row_refuses_the_whole_batch_and_is_named_by_its_line(alone: Alone, api: FlaskClient, bad: bytes) -> None:
    body = json.dumps(row(1)).encode() + b"\n\n" + bad
    headers = {"Idempotency-Key": "b1"}
    answer = call(
        api, "app-billing", "/register/imports?mode=whole", "POST", data=body, headers=headers, content_type="application/x-ndjson"
    )
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"].startswith("line 3")
    assert names(alone) == {}


def test_five_thousand_rows_are_taken_in(alone: Alone, api: FlaskClient) -> None:
    began = time.monotonic()
    answer = send(api, [row(n, supply_points=[f"Ulica {n}"]) for n in range(5_000)], "b1")
    assert answer.json["added"] == 5_000
    assert time.monotonic() - began < 120


def test_only_an_application_of_the_file_with_the_role_writes_the_register(alone: Alone, api: FlaskClient) -> None:
    for client in ("app-reader", "app-stranger", "staff"):
        assert send(api, [row(1)], "b1", client=client).status_code == 403
        assert call(api, client, "/register/customers/40000001", "PUT", json={"name": "x", "type": "person"}).status_code == 403
    assert names(alone) == {}
