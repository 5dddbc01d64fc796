"""A page in a real browser that is looked at: axe at two widths, no sideways scrolling, no console errors."""

from __future__ import annotations

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.support.page_check import check_page
from tests.support.world import World

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


class Browser:
    """A page that is looked at: axe at 1280 and 320 px, no sideways scrolling, the shared page check."""

    def __init__(self, page: Any, world: World) -> None:
        self.page, self.world = page, world
        self.trouble: list[str] = []
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))

    def _console(self, kind: str, text: str) -> None:
        expected = re.search(r"status of (4\d\d)", text)  # a page with errors is 422, that is meant
        if kind == "error" and not expected:
            self.trouble.append(text)

    def look(self, name: str) -> None:
        page = self.page
        page.wait_for_load_state()
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name}: {wide} px wide at {width}"
            violations = Axe().run(page, options=RULES).response["violations"]
            assert violations == [], [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in violations]
        page.set_viewport_size({"width": 1280, "height": 900})
        if page.url.startswith(self.world.keycloak):
            check_page(page.content(), {}, name, ours=False)
        assert self.trouble == [], (name, self.trouble)

    def fill(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            field = self.page.locator(f'[name="{name}"]').first
            if field.get_attribute("type") == "radio":
                self.page.check(f'[name="{name}"][value="{value}"]')
            else:
                self.page.fill(f'[name="{name}"]', value)

    def press(self) -> None:
        self.page.click("main form button.govuk-button >> nth=-1" if "/nowy" in self.page.url else "main form button.govuk-button")


def log_in(b: Browser, world: World, login: str, password: str) -> None:
    b.page.goto(f"{world.webapp}/konto")
    if b.page.locator("#username").count():
        b.page.fill("#username", login)
    b.page.fill("#password", password)
    b.page.click("#kc-login")
    b.page.wait_for_load_state()
