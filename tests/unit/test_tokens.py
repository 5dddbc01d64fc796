"""O02, O04: tokens that must not be trusted."""

from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from ibok_idp.errors import InvalidToken, KeycloakUnavailable
from ibok_idp.oidc_login import own_path
from ibok_idp.tokens import RealmKeys, TokenVerifier
from tests.support.tokens import CERTS, ISSUER, KEY, token

OTHER = RSAKey.generate_key(2048, {"kid": "one"})
EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}


def verifier() -> TokenVerifier:
    responses.get(CERTS, json={"keys": [{**KEY.as_dict(private=False), "use": "sig", "alg": "RS256"}]})
    return TokenVerifier(ISSUER, RealmKeys(CERTS))


@responses.activate
def test_a_good_token_names_its_caller() -> None:
    caller = verifier().access_token(token(), "ibok-provisioning")
    assert (caller.subject, caller.client, caller.roles) == ("u1", "ibok-staff", {"bok-clerk"})


@responses.activate
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "account"},
        {"aud": None},
        {"iss": "https://kc.example/realms/master"},
        {"exp": 1},
        {"exp": None},
        {"nbf": 99999999999},
        {"typ": "ID"},
        {"typ": "Refresh"},
    ],
)
def test_o02_wrong_claims_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        verifier().access_token(token(**changes), "ibok-provisioning")


@responses.activate
def test_o02_another_key_no_algorithm_and_the_public_key_as_secret_are_refused() -> None:
    import hashlib
    import hmac

    header, payload, _ = token().split(".")
    import base64

    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    confused = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    mac = hmac.new(KEY.as_pem(private=False), f"{confused}.{payload}".encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    forged = [
        token(OTHER),
        f"{confused}.{payload}.{signature}",
        f"{none}.{payload}.",
        f"{header}.{payload}.AAAA",
        "a.b.c",
        "",
        "x" * 20_000,
    ]
    for each in forged:
        with pytest.raises(InvalidToken):
            verifier().access_token(each, "ibok-provisioning")


@responses.activate
def test_o02_unknown_keys_make_one_request_a_minute_at_most() -> None:
    now = [0.0]
    responses.get(CERTS, json={"keys": [KEY.as_dict(private=False)]})
    checked = TokenVerifier(ISSUER, RealmKeys(CERTS, monotonic=lambda: now[0]))
    for _ in range(50):
        with pytest.raises(InvalidToken):
            checked.access_token(token(OTHER, {"alg": "RS256", "kid": "unknown"}), "ibok-provisioning")
    assert len(responses.calls) == 1
    now[0] = 61
    with pytest.raises(InvalidToken):
        checked.access_token(token(OTHER, {"alg": "RS256", "kid": "unknown"}), "ibok-provisioning")
    assert len(responses.calls) == 2


@responses.activate
def test_o02_a_revoked_key_stops_working_within_five_minutes_and_an_outage_changes_nothing() -> None:
    now = [0.0]
    responses.get(CERTS, json={"keys": [{**KEY.as_dict(private=False), "use": "sig", "alg": "RS256"}]})
    checked = TokenVerifier(ISSUER, RealmKeys(CERTS, monotonic=lambda: now[0]))
    assert checked.access_token(token(), "ibok-provisioning").subject == "u1"
    responses.replace(responses.GET, CERTS, status=503)
    now[0] = 301
    assert checked.access_token(token(), "ibok-provisioning").subject == "u1"  # Keycloak is away: the known keys go on
    newer = RSAKey.generate_key(2048, {"kid": "two"})
    responses.replace(responses.GET, CERTS, json={"keys": [{**newer.as_dict(private=False), "use": "sig", "alg": "RS256"}]})
    now[0] = 602
    with pytest.raises(InvalidToken):
        checked.access_token(token(), "ibok-provisioning")


@responses.activate
def test_o06_keys_that_cannot_be_had_are_an_outage_not_a_refusal() -> None:
    responses.get(CERTS, status=503)
    with pytest.raises(KeycloakUnavailable):
        TokenVerifier(ISSUER, RealmKeys(CERTS)).access_token(token(), "ibok-provisioning")


@responses.activate
def test_o04_a_logout_token_is_checked_as_the_specification_says() -> None:
    good: dict[str, Any] = {"aud": "ibok-portal", "events": EVENTS, "sid": "s1", "jti": "j1", "typ": "Logout"}
    assert verifier().logout_token(token(**good), "ibok-portal")["sid"] == "s1"
    for bad in (
        {"nonce": "n"},
        {"aud": "ibok-staff"},
        {"events": {}},
        {"events": None},
        {"jti": None},
        {"sid": None, "sub": None},
        {"iss": "x"},
    ):
        with pytest.raises(InvalidToken):
            verifier().logout_token(token(**good | bad), "ibok-portal")


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil", "/a\nb", "javascript:x", "", None, "\\\\evil", "/%0d%0a\r\n"]
)
def test_f12_next_leads_only_to_own_paths(path: str | None) -> None:
    assert own_path(path, "/konto") == "/konto"
    assert own_path("/konto?x=1", "/") == "/konto?x=1"


@given(st.text(max_size=30))
def test_f12_whatever_is_asked_for_the_target_stays_on_this_site(path: str) -> None:
    target = own_path(path, "/")
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))


@responses.activate
def test_o06_while_keycloak_is_slow_keys_are_asked_for_once_and_known_ones_go_on() -> None:
    """No lock is held during the question: who needs no answer does not wait, who does waits for the one that is under way."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    now, asked, answer_now = [0.0], Event(), Event()

    def slowly(_request: Any) -> tuple[int, dict[str, str], str]:
        asked.set()
        assert answer_now.wait(10)
        return 200, {}, __import__("json").dumps({"keys": [KEY.as_dict(private=False)]})

    responses.get(CERTS, json={"keys": [KEY.as_dict(private=False)]})
    keys = RealmKeys(CERTS, monotonic=lambda: now[0])
    keys.current()
    responses.remove(responses.GET, CERTS)
    responses.add_callback(responses.GET, CERTS, callback=slowly)
    now[0] = 301
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(keys.refreshed)
        assert asked.wait(10)
        assert keys.current() is not None  # at once
        others = [pool.submit(keys.refreshed) for _ in range(4)]
        answer_now.set()
        assert all(each.result(10) for each in [first, *others])
    assert len(responses.calls) == 2


@responses.activate
@pytest.mark.parametrize(
    ("changes", "level", "service_account"),
    [
        ({}, 0, False),
        ({"acr": "1"}, 1, False),
        ({"acr": "2"}, 2, False),
        ({"acr": "gold"}, 0, False),
        ({"acr": "-1"}, 0, False),
        ({"acr": "٢"}, 0, False),
        ({"acr": "1", "ibok_service_account": "ibok-staff"}, 1, True),
        ({"acr": "1", "ibok_service_account": "another-client"}, 1, False),
    ],
)
def test_s09_a_token_says_the_level_of_its_login(changes: dict[str, str], level: int, service_account: bool) -> None:
    found = verifier().access_token(token(**changes), "ibok-provisioning")
    assert (found.level, found.service_account) == (level, service_account)


@responses.activate
def test_o02_a_token_that_names_nobody_is_refused() -> None:
    with pytest.raises(InvalidToken):
        verifier().access_token(token(sub=None), "ibok-provisioning")
