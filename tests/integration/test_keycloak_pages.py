"""Keycloak's pages when something is wrong: our look, the help line and a way back, in both languages, never a raw error."""

import pytest
import requests

from tests.support.page_check import check_page
from tests.support.world import World

ERROR_ROUTES = {
    "bookmarked login page": "login-actions/authenticate?session_code=x&execution=y&client_id=ibok-portal&tab_id=z",
    "bookmarked login page of nobody": "login-actions/authenticate",
    "bookmarked page of a required action": "login-actions/required-action?execution=UPDATE_PASSWORD&client_id=ibok-portal&tab_id=z",
    "restarted login": "login-actions/restart?client_id=ibok-portal&tab_id=z",
    "finished login": "login-actions/detached-info",
    "reset of a password, which is off": "login-actions/reset-credentials?client_id=ibok-portal&tab_id=z",
    "registration, which is off": "login-actions/registration?client_id=ibok-portal&tab_id=z",
    "damaged action link": "login-actions/action-token?key=damaged&client_id=ibok-portal&tab_id=z",
    "action link of another client": "login-actions/action-token?key=eyJhbGciOiJIUzUxMiJ9.e30.AAAA",
    "action link without a key": "login-actions/action-token",
    "unknown client": "protocol/openid-connect/auth?client_id=nobody&response_type=code",
    "no parameters": "protocol/openid-connect/auth",
    "foreign redirect": "protocol/openid-connect/auth?client_id=ibok-portal&response_type=code&redirect_uri=https://evil.example/",
    "no redirect": "protocol/openid-connect/auth?client_id=ibok-nothing&scope=openid",
    "client that logs nobody in": "protocol/openid-connect/auth?client_id=ibok-webapp&response_type=code",
    "bearer-only client": "protocol/openid-connect/auth?client_id=broker&response_type=code",
    "bad client of a logout": "protocol/openid-connect/logout?client_id=nobody&post_logout_redirect_uri=https://evil.example/",
    "damaged hint of a logout": "protocol/openid-connect/logout?id_token_hint=damaged",
    "unknown identity provider": "broker/nobody/login",
    "answer of an unknown identity provider": "broker/nobody/endpoint",
    "unknown path": "nothing/here",
    "unknown path under the protocol": "protocol/openid-connect/nothing",
    "unknown protocol": "protocol/nothing",
    "device page": "device?user_code=AAAA",
}


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("route", ERROR_ROUTES.values(), ids=ERROR_ROUTES.keys())
def test_an_error_page_has_our_look_the_help_line_and_a_way_back(world: World, route: str, language: str) -> None:
    headers = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": language}
    answer = requests.get(f"{world.issuer}/{route}", headers=headers, timeout=30)
    assert 200 <= answer.status_code < 500, answer.text[:300]
    assert answer.headers["Content-Type"].startswith("text/html"), answer.text[:300]
    check_page(answer.text, answer.headers, route, ours=False)
    assert f'lang="{language}"' in answer.text.split("<head>")[0]
    assert "css/login.css" in answer.text
    assert "662 277 045" in answer.text
    assert f'href="{world.webapp}/"' in answer.text
    assert ("Wróć do strony iBOK" if language == "pl" else "Back to iBOK") in answer.text
    for leftover in ("${", "FreeMarker", "Exception", "kcSanitize", "??"):
        assert leftover not in answer.text.split("<body")[1], leftover
