"""Two ways to visit pages in scripts: plain HTTP with forms, and a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import html5lib
import requests
import requests.cookies

Element = ElementTree.Element


class Page:
    """One page that was fetched."""

    def __init__(self, response: requests.Response) -> None:
        self.url, self.status, self.text = response.url, response.status_code, response.text
        self.tree = html5lib.parse(response.text, namespaceHTMLElements=False)

    @property
    def title(self) -> str:
        found = self.tree.find(".//title")
        return "".join(found.itertext()).strip() if found is not None else ""

    @property
    def heading(self) -> str:
        found = self.tree.find(".//h1")
        return " ".join("".join(found.itertext()).split()) if found is not None else ""

    def errors(self) -> list[str]:
        """What the error summary says."""
        found = self.tree.findall(".//*[@class='govuk-error-summary__body']//a")
        return ["".join(each.itertext()).strip() for each in found]

    def form(self, action_ends: str = "") -> Element:
        """The first form whose action ends so; the page's own before those of its header."""
        main = self.tree.find(".//main")
        for form in [*(main.iter("form") if main is not None else ()), *self.tree.iter("form")]:
            if (form.get("action") or "").split("?")[0].endswith(action_ends) and form.get("role") != "search":
                found: Element = form
                return found
        raise LookupError(f"no form ending in {action_ends!r} on {self.url}: {self.title}")


class _LocalJar(requests.cookies.RequestsCookieJar):
    """Keycloak marks its cookies Secure even on http://localhost, where browsers send them all the same."""

    def set_cookie(self, cookie: Cookie, *arguments: Any, **named: Any) -> None:
        cookie.secure = False
        super().set_cookie(cookie, *arguments, **named)


class Visitor:
    """Keeps cookies and fills forms, as a browser without scripts does."""

    def __init__(self, language: str = "pl") -> None:
        self.session = requests.Session()
        self.session.cookies = _LocalJar()
        self.session.headers["Accept-Language"] = language

    def open(self, url: str) -> Page:
        return Page(self.session.get(url, timeout=60))

    def send(self, page: Page, values: dict[str, str], *, action_ends: str = "", files: dict[str, Any] | None = None) -> Page:
        """Fill the form and send it; what is not given keeps its value."""
        form = page.form(action_ends)
        data: dict[str, str] = {}
        for field in form.iter():
            name = field.get("name")
            if not name or field.tag not in ("input", "select", "textarea"):
                continue
            if field.get("type") in ("radio", "checkbox"):
                if field.get("checked") is not None:
                    data[name] = field.get("value", "on")
            elif field.get("type") not in ("file", "submit", "button"):
                data[name] = field.get("value") or (field.text or "" if field.tag == "textarea" else "")
        data |= values
        target = urljoin(page.url, form.get("action") or page.url)
        return Page(self.session.request((form.get("method") or "get").upper(), target, data=data, files=files, timeout=60))

    def log_in(self, url: str, username: str, password: str) -> Page:
        """Open a protected page and log in at Keycloak."""
        return self.send(self.open(url), {"username": username, "password": password})


def chromium() -> str | None:
    """The path of an installed Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser_page(language: str = "pl-PL", width: int = 1280) -> Iterator[Any]:
    """A page of a fresh headless Chromium that looks nothing up outside this machine."""
    from playwright.sync_api import sync_playwright

    arguments = (
        "--no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments.split())
        try:
            yield browser.new_context(locale=language, viewport={"width": width, "height": 900}).new_page()
        finally:
            browser.close()
