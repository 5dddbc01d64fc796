"""What is asked again while a node of Keycloak or a process of ours stops, and what never."""

from __future__ import annotations

import pytest
import requests
import responses

from ibok_idp import patient
from tests.support.free_ports import free_ports
from webapp.provisioning_client import ProvisioningClient, ProvisioningUnavailable

URL = "https://logowanie.example.com/token"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "_PAUSE_SECONDS", 0)


@responses.activate
@pytest.mark.parametrize(
    ("first", "repeatable", "asked"),
    [(503, False, 2), (503, True, 2), (502, False, 1), (502, True, 2), (400, True, 1), (500, True, 1), (200, False, 1)],
)
def test_a_node_that_stops_is_asked_no_more_and_another_one_is(first: int, repeatable: bool, asked: int) -> None:
    responses.post(URL, status=first)
    responses.post(URL, status=200)
    answer = patient.post(URL, {}, timeout=1, repeatable=repeatable)
    assert len(responses.calls) == asked
    assert answer.status_code == (200 if asked == 2 else first)


@responses.activate
def test_a_rotating_token_is_not_sent_again_when_its_answer_was_lost() -> None:
    responses.post(URL, body=requests.ConnectionError(ConnectionResetError("cut")))
    responses.post(URL, status=200)
    with pytest.raises(requests.ConnectionError):
        patient.post(URL, {}, timeout=1, repeatable=False)
    assert len(responses.calls) == 1


def test_a_refused_connection_was_seen_by_nobody() -> None:
    (port,) = free_ports(1)
    with pytest.raises(requests.ConnectionError) as told:
        requests.post(f"http://127.0.0.1:{port}", timeout=1)
    assert patient.never_sent(told.value)


def client() -> ProvisioningClient:
    responses.post("https://k/realms/ibok/protocol/openid-connect/token", json={"access_token": "t", "expires_in": 60})
    return ProvisioningClient("https://bok", "https://k/realms/ibok", "s")


@responses.activate
def test_reading_and_filing_are_sent_again_when_the_connection_was_cut() -> None:
    provisioning = client()
    responses.get("https://bok/api/v1/form", body=requests.ConnectionError(ConnectionResetError("cut")))
    responses.get("https://bok/api/v1/form", json={"form_version": "2026-1", "clauses": [], "customer_types": [], "questions": []})
    assert provisioning.form() == {"form_version": "2026-1", "clauses": [], "customer_types": [], "questions": []}
    responses.post("https://bok/api/v1/applications", body=requests.ConnectionError(ConnectionResetError("cut")))
    responses.post("https://bok/api/v1/applications", json={"reference": "r"}, status=201)
    assert provisioning.submit({}, "key-of-this-form", "pl") == {"reference": "r"}
    keys = [each.request.headers["Idempotency-Key"] for each in responses.calls if each.request.url.endswith("/applications")]
    assert keys == ["key-of-this-form"] * 2


@responses.activate
def test_what_might_be_done_twice_is_not_sent_again() -> None:
    provisioning = client()
    responses.post("https://bok/api/v1/password-resets", body=requests.ConnectionError(ConnectionResetError("cut")))
    responses.post("https://bok/api/v1/password-resets", json={}, status=202)
    with pytest.raises(ProvisioningUnavailable):
        provisioning.ask_for_new_password("wp20512893")
