"""O06: a Keycloak that takes connections and never answers holds one thread, not all of them."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import responses
from joserfc.jwk import RSAKey

from ibok_idp.errors import InvalidToken, KeycloakUnavailable
from ibok_idp.single_flight import SingleFlight, StillUnderWay
from ibok_idp.tokens import RealmKeys, TokenVerifier
from tests.support.tokens import CERTS, ISSUER, KEY, token
from webapp.provisioning_client import ProvisioningClient, ProvisioningUnavailable

THREADS = 40


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address where the connection is made and nothing comes back."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(256)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def in_every_thread(do: Callable[[], Any]) -> tuple[Counter[str], float]:
    """What came of it in 40 threads at once, and how many seconds the last one took."""

    def outcome(_: int) -> str:
        try:
            return str(do())
        except Exception as error:
            return type(error).__name__

    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(outcome, range(THREADS))), time.monotonic() - began


def keys_known(url: str, age: float) -> RealmKeys:
    """Keys that were fetched some seconds ago, when Keycloak still answered."""
    clock = [0.0]
    keys = RealmKeys(CERTS, timeout=2, monotonic=lambda: clock[0] or time.monotonic())
    with responses.RequestsMock() as answers:
        answers.get(CERTS, json={"keys": [{**KEY.as_dict(private=False), "use": "sig", "alg": "RS256"}]})
        clock[0] = time.monotonic() - age
        keys.current()
    clock[0] = 0.0
    keys._url = url
    return keys


def test_o06_tokens_are_checked_with_the_old_keys_while_one_thread_asks_for_new_ones(black_hole: str) -> None:
    verifier = TokenVerifier(ISSUER, keys_known(black_hole, age=301))
    told, seconds = in_every_thread(lambda: verifier.access_token(token(), "ibok-provisioning").subject)
    assert told == {"u1": THREADS}
    assert seconds < 4  # the one that asked waits for its time-out of two seconds; the others do not


def test_o06_an_unknown_key_keeps_nobody_longer_than_a_moment(black_hole: str) -> None:
    verifier = TokenVerifier(ISSUER, keys_known(black_hole, age=120))
    stranger = token(RSAKey.generate_key(2048, {"kid": "two"}), {"alg": "RS256", "kid": "two"})
    told, seconds = in_every_thread(lambda: verifier.access_token(stranger, "ibok-provisioning"))
    assert set(told) <= {InvalidToken.__name__, KeycloakUnavailable.__name__}
    assert seconds < 4
    assert verifier.access_token(token(), "ibok-provisioning").subject == "u1"


def test_o06_without_any_key_everybody_is_told_soon_and_nobody_asks_again_at_once(black_hole: str) -> None:
    keys = RealmKeys(black_hole, timeout=2)
    told, seconds = in_every_thread(keys.current)
    assert told == {KeycloakUnavailable.__name__: THREADS}
    assert seconds < 4
    told, seconds = in_every_thread(keys.current)
    assert told == {KeycloakUnavailable.__name__: THREADS}
    assert seconds < 1


def test_o06_webapp_without_a_service_token_fails_soon_in_every_thread(black_hole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.provisioning_client._TOKEN_TIMEOUT_SECONDS", 2)
    client = ProvisioningClient("http://127.0.0.1:9", black_hole, "secret")
    told, seconds = in_every_thread(lambda: client.status("2026-000001-1", "token"))
    assert told == {ProvisioningUnavailable.__name__: THREADS}
    assert seconds < 4


def test_o06_webapp_goes_on_with_a_token_that_ends_soon_while_one_thread_asks_for_the_next(
    black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.provisioning_client._TOKEN_TIMEOUT_SECONDS", 2)
    client = ProvisioningClient("http://127.0.0.1:9", ISSUER, "secret")
    with responses.RequestsMock() as answers:
        answers.post(f"{ISSUER}/protocol/openid-connect/token", json={"access_token": "good", "expires_in": 20})
        assert client._service_token(None) == "good"
    client._token_url = black_hole
    told, seconds = in_every_thread(lambda: client._service_token(None))
    assert told == {"good": THREADS - 1, ProvisioningUnavailable.__name__: 1}
    assert seconds < 4


def test_o06_the_form_is_read_as_last_known_while_one_thread_asks_for_it(black_hole: str) -> None:
    client = ProvisioningClient(black_hole, ISSUER, "secret", timeout=2)
    client._form = (time.monotonic() - 1, {"form_version": "2026-1"})
    client._service_token = lambda refused: "good"  # type: ignore[method-assign]
    told, seconds = in_every_thread(lambda: client.form()["form_version"])
    assert told == {"2026-1": THREADS - 1, ProvisioningUnavailable.__name__: 1}
    assert seconds < 4


@responses.activate
def test_a_token_that_is_refused_is_replaced_once_for_all_threads() -> None:
    answers = [{"access_token": f"t{number}", "expires_in": 300} for number in range(THREADS)]
    given = iter(answers)
    responses.add_callback(
        responses.POST,
        f"{ISSUER}/protocol/openid-connect/token",
        lambda _request: (200, {}, __import__("json").dumps(next(given))),
    )
    client = ProvisioningClient("http://127.0.0.1:9", ISSUER, "secret")
    assert client._service_token(None) == "t0"
    assert client._service_token("t0") == "t1"
    assert [client._service_token("t0") for _ in range(5)] == ["t1"] * 5


def test_everybody_who_waited_gets_the_one_answer_and_the_next_one_asks_anew() -> None:
    asked: list[int] = []

    def fetch() -> int:
        asked.append(1)
        time.sleep(0.3)
        return len(asked)

    flight = SingleFlight(fetch)
    told, _ = in_every_thread(lambda: flight(5))
    assert told == {"1": THREADS}
    assert flight(5) == 2
    told, _ = in_every_thread(lambda: flight(0.01))
    assert told == {"3": 1, StillUnderWay.__name__: THREADS - 1}
