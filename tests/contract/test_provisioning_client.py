"""webapp's client against `responses` fakes and against the real API: one suite, both must keep it."""

import json
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
import responses

from tests.support.world import World, application_body, unused_address
from webapp.provisioning_client import (
    Conflict,
    LoginTooOld,
    NotThere,
    ProvisioningClient,
    ProvisioningUnavailable,
    Rejected,
    TokenRefused,
    TooSoon,
)

FAKE, FAKE_ISSUER = "http://provisioning.fake", "http://keycloak.fake/realms/ibok"


OWN_CALLS = [
    ("GET", "/me"),
    ("GET", "/me/terms"),
    ("POST", "/me/terms"),
    ("POST", "/me/resignation"),
    ("DELETE", "/me/resignation"),
    ("POST", "/me/email"),
    ("POST", "/me/contact"),
    ("POST", "/me/language"),
    ("GET", "/me/documents/application"),
    ("GET", "/me/export"),
]


class Setting(Protocol):
    client: ProvisioningClient

    def confirmation_token(self, address: str) -> str: ...


class Real:
    def __init__(self, world: World) -> None:
        self.world = world
        self.client = ProvisioningClient(world.provisioning, world.issuer, world.secrets["IBOK_WEBAPP_CLIENT_SECRET"])

    def confirmation_token(self, address: str) -> str:
        return self.world.confirmation_token(address)


class Fake:
    """The API as `responses` plays it: the same answers, word for word, that the real one gives."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.client = ProvisioningClient(FAKE, FAKE_ISSUER, "secret")
        self.filed: dict[str, dict[str, Any]] = {}
        api = f"{FAKE}/api/v1"
        mock.post(f"{FAKE_ISSUER}/protocol/openid-connect/token", json={"access_token": "t", "expires_in": 300})
        mock.get(
            f"{api}/form",
            json={
                "form_version": "2026-1",
                "terms_version": "2026-1",
                "clauses": [{"code": "K1-DANE"}],
                "customer_types": [{"code": "person", "label": {"pl": "osoba fizyczna"}, "natural": True}],
                "questions": [
                    {"name": "email", "label": {"pl": "Adres e-mail"}, "step": "kontakt", "asked_of": ["person"], "parts": []}
                ],
                "terms": {"pl": "§ 1", "en": "§ 1"},
            },
        )
        mock.add_callback(responses.POST, f"{api}/form/check", self._check)
        mock.add_callback(responses.POST, f"{api}/applications", self._submit)
        mock.add_callback(responses.POST, f"{api}/applications/2026-000001-1/email-confirmation", self._confirm)
        mock.add_callback(responses.GET, f"{api}/applications/2026-000001-1/status", self._status)
        mock.add_callback(
            responses.POST, f"{api}/applications/2026-000001-1/email", lambda r: (429, {"Retry-After": "60"}, problem("too_soon"))
        )
        mock.post(f"{api}/password-resets", json={}, status=202)
        mock.post(f"{api}/email-changes/confirm", body=problem("not_found"), status=404)
        mock.post(f"{api}/email-changes/undo", body=problem("not_found"), status=404)
        self._own(mock, api)

    def _own(self, mock: responses.RequestsMock, api: str) -> None:
        """The customer's own calls: refused without a good token."""
        for verb, path in OWN_CALLS:
            mock.add_callback(verb, f"{api}{path}", lambda request: (401, {}, problem("invalid_token")))

    def confirmation_token(self, address: str) -> str:
        return "2026-000001-1.good"

    def _check(self, request: Any) -> tuple[int, dict[str, str], str]:
        body = json.loads(request.body)
        email = body["application"].get("email") if "email" in body["only"] else None
        answer = {
            "errors": [{"field": "email", "code": "invalid_email", "message": "x"}] if email == "jan@" else [],
            "stored": {"email": email} if email == "jan@gmial.com" else {},
            "did_you_mean": {"email": "jan@gmail.com"} if email == "jan@gmial.com" else {},
        }
        return 200, {}, json.dumps(answer)

    def _submit(self, request: Any) -> tuple[int, dict[str, str], str]:
        body = json.loads(request.body)
        if body["clauses"]["K1-DANE"] is False:
            return 422, {}, problem("clause_refused", [{"field": "clauses.K1-DANE", "code": "clause_refused", "message": "x"}])
        answer = {
            "reference": "2026-000001-1",
            "status": "unconfirmed",
            "status_token": "tok",
            "filed_at": None,
            "due_on": None,
            "version": 1,
        }
        first = self.filed.setdefault(request.headers["Idempotency-Key"], body)
        if first != body:
            return (
                422,
                {},
                problem("idempotency_key_reused", [{"field": "Idempotency-Key", "code": "idempotency_key_reused", "message": "x"}]),
            )
        return 201, {}, json.dumps(answer)

    def _confirm(self, request: Any) -> tuple[int, dict[str, str], str]:
        if json.loads(request.body)["token"] != "2026-000001-1.good":
            return 404, {}, problem("not_found")
        if self.filed.pop("confirmed", None) is None and "used" in self.filed:
            return 409, {}, problem("already_confirmed")
        self.filed["used"] = {}
        return (
            200,
            {},
            json.dumps(
                {"reference": "2026-000001-1", "status": "filed", "filed_on": "2026-11-24", "due_on": "2026-12-08", "version": 2}
            ),
        )

    def _status(self, request: Any) -> tuple[int, dict[str, str], str]:
        if request.headers["X-Status-Token"] != "tok":
            return 404, {}, problem("not_found")
        return 200, {}, json.dumps({"status": "unconfirmed", "confirmation_mail": {"state": "accepted"}})


def problem(code: str, errors: list[dict[str, str]] | None = None) -> str:
    return json.dumps({"type": f"urn:ibok:problem:{code}", "code": code, "errors": errors or []})


@pytest.fixture(params=["fake", "real"])
def setting(request: pytest.FixtureRequest) -> Iterator[Setting]:
    if request.param == "real":
        yield Real(request.getfixturevalue("world"))
        return
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Fake(mock)


def test_the_form_comes_with_its_versions_clauses_and_terms(setting: Setting) -> None:
    form = setting.client.form()
    assert (form["form_version"], form["terms_version"]) == ("2026-1", "2026-1")
    assert form["clauses"][0]["code"] == "K1-DANE"
    assert set(form["terms"]) == {"pl", "en"}


def test_the_form_says_what_it_asks_of_whom_and_on_which_page(setting: Setting) -> None:
    form = setting.client.form()
    assert "osoba fizyczna" in [each["label"]["pl"] for each in form["customer_types"] if each["natural"]]
    email = next(question for question in form["questions"] if question["name"] == "email")
    assert (email["label"]["pl"], email["step"], email["parts"]) == ("Adres e-mail", "kontakt", [])
    assert "person" in email["asked_of"]


def test_a_page_of_the_form_is_checked_alone(setting: Setting) -> None:
    assert [e.code for e in setting.client.check({"email": "jan@"}, ["email"], "pl").errors] == ["invalid_email"]
    assert setting.client.check({"customer_type": "person", "email": "jan@"}, ["phone"], "pl").errors == []
    slip = setting.client.check({"customer_type": "person", "email": "jan@gmial.com"}, ["email"], "pl")
    assert (slip.errors, slip.stored, slip.did_you_mean) == ([], {"email": "jan@gmial.com"}, {"email": "jan@gmail.com"})


def test_filing_twice_with_one_key_is_one_application_and_another_form_is_rejected(setting: Setting) -> None:
    body, key = application_body(), f"key-{unused_address()}"
    first = setting.client.submit(body, key, "pl")
    assert setting.client.submit(body, key, "pl") == first
    assert (first["status"], first["version"]) == ("unconfirmed", 1)
    with pytest.raises(Rejected) as rejected:
        setting.client.submit(application_body(), key, "pl")
    assert rejected.value.errors[0].code == "idempotency_key_reused"


def test_s2_a_refused_clause_is_rejected_by_its_field(setting: Setting) -> None:
    body = application_body()
    body["clauses"] = {**body["clauses"], "K1-DANE": False}
    with pytest.raises(Rejected) as rejected:
        setting.client.submit(body, f"key-{unused_address()}", "pl")
    assert [(e.field, e.code) for e in rejected.value.errors] == [("clauses.K1-DANE", "clause_refused")]


def test_confirming_works_once_and_a_wrong_token_is_nothing(setting: Setting) -> None:
    body = application_body()
    filed = setting.client.submit(body, f"key-{unused_address()}", "pl")
    with pytest.raises(NotThere):
        setting.client.confirm_email(filed["reference"], "wrong")
    token = setting.confirmation_token(body["email"])
    assert setting.client.confirm_email(filed["reference"], token)["status"] == "filed"
    with pytest.raises(Conflict) as conflict:
        setting.client.confirm_email(filed["reference"], token)
    assert conflict.value.code == "already_confirmed"


def test_status_needs_its_token_and_resending_its_pause(setting: Setting) -> None:
    filed = setting.client.submit(application_body(), f"key-{unused_address()}", "pl")
    assert setting.client.status(filed["reference"], filed["status_token"])["status"] == "unconfirmed"
    with pytest.raises(NotThere):
        setting.client.status(filed["reference"], "wrong")
    with pytest.raises(TooSoon) as wait:
        setting.client.send_confirmation_again(filed["reference"], filed["status_token"], None, "pl")
    assert 0 < wait.value.seconds <= 60


def test_asking_for_password_help_is_always_taken(setting: Setting) -> None:
    setting.client.ask_for_new_password("wp00000000")


@pytest.mark.parametrize("token", ["", "x" * 32 + ".nonsense", "00.00"])
def test_a_link_that_is_not_ours_is_nothing(setting: Setting, token: str) -> None:
    for call in (setting.client.confirm_email_change, setting.client.undo_email_change):
        with pytest.raises(NotThere):
            call(token)


def test_the_customers_own_calls_need_a_good_token(setting: Setting) -> None:
    client, bad = setting.client, "not.a.token"
    calls = [
        lambda: client.me(bad),
        lambda: client.terms(bad),
        lambda: client.answer_terms(bad, "2099-1", accept=True),
        lambda: client.resign(bad),
        lambda: client.withdraw_resignation(bad),
        lambda: client.change_email(bad, "a@example.com", "pl"),
        lambda: client.change_contact(bad, {"phone": "600100200"}, "pl"),
        lambda: client.change_language(bad, "en"),
        lambda: client.own_document(bad, "application"),
        lambda: client.export(bad),
    ]
    assert len(calls) == len(OWN_CALLS)
    for call in calls:
        with pytest.raises(TokenRefused):
            call()


def test_a_login_that_is_too_old_is_told_apart_from_a_bad_token() -> None:
    with responses.RequestsMock() as mock:
        mock.post(f"{FAKE}/api/v1/me/resignation", body=problem("insufficient_user_authentication"), status=401)
        with pytest.raises(LoginTooOld):
            ProvisioningClient(FAKE, FAKE_ISSUER, "x").resign("token")


def test_an_outage_is_told_apart_from_a_refusal() -> None:
    with pytest.raises(ProvisioningUnavailable):
        ProvisioningClient("http://localhost:1", FAKE_ISSUER, "x", timeout=1).form()
    with responses.RequestsMock() as mock:
        mock.post(f"{FAKE_ISSUER}/protocol/openid-connect/token", json={"access_token": "t", "expires_in": 300})
        mock.get(f"{FAKE}/api/v1/form", status=503)
        with pytest.raises(ProvisioningUnavailable):
            ProvisioningClient(FAKE, FAKE_ISSUER, "x").form()
