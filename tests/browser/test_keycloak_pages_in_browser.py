"""F10: what Keycloak's pages do by script they do under a policy that allows none in the page; nothing is said on the console."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.visitor import browser_page, chromium
from tests.support.world import World

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium: apt-get install chromium")


def watched(page: Any) -> list[str]:
    """What the browser complains of; a page that refuses is a 4xx and meant so."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_default_timeout(90_000)
    return said


def test_f10_a_refused_login_can_be_loaded_again_without_sending_it_again(world: World) -> None:
    with browser_page() as page:
        said = watched(page)
        page.goto(f"{world.webapp}/konto")
        page.fill("#username", "nikt-taki")
        page.fill("#password", "zle")
        page.click("#kc-login")
        page.wait_for_selector("#input-error-username")
        assert "/login-actions/authenticate" in page.url
        assert "session_code" not in page.url
        methods: list[str] = []
        page.on("request", lambda request: methods.append(request.method) if request.is_navigation_request() else None)
        page.reload()
        assert methods[0] == "GET"
        assert page.locator("#kc-form-login").is_visible()
        assert said == []


def test_f10_who_logs_in_in_another_tab_is_logged_in_in_this_one_too(world: World) -> None:
    customer = world.active()
    with browser_page() as page:
        other = page.context.new_page()
        said = watched(page) + watched(other)
        for tab in (page, other):
            tab.goto(f"{world.webapp}/konto")
            tab.wait_for_selector("#kc-form-login")
        page.fill("#username", customer["login"])
        page.fill("#password", customer["own"])
        page.click("#kc-login")
        page.wait_for_url(f"{world.webapp}/konto**")
        other.wait_for_url(f"{world.webapp}/**")  # by itself: Keycloak's script looks every two seconds
        assert said == []
