"""The customer's way in a real browser: axe on every page at two widths and in both languages, keyboard, no console errors."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.demo import applicant
from deploy.visitor import browser_page, chromium
from tests.support.browser import Browser
from tests.support.world import World, unused_address

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium: apt-get install chromium")
WORDS = {
    "pl": {"confirm": "potwierdź", "ready": "konto jest gotowe", "logout": "Wyloguj", "change": "Zmień hasło"},
    "en": {"confirm": "confirm", "ready": "account is ready", "logout": "Log out", "change": "Change password"},
}


@pytest.fixture
def browser(world: World, request: pytest.FixtureRequest) -> Iterator[Browser]:
    with browser_page(getattr(request, "param", "pl-PL")) as page:
        yield Browser(page, world)


@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_whole_way_of_a_customer(world: World, language: str) -> None:
    address, words = unused_address(), WORDS[language]
    with browser_page("en-GB" if language == "en" else "pl-PL") as page:
        b = Browser(page, world)
        for path in ("/", "/haslo", "/regulamin", "/rodo", "/deklaracja-dostepnosci", "/nie-ma"):
            page.goto(f"{world.webapp}{path}?lang={language}")
            b.look(path)
        page.goto(f"{world.webapp}/wniosek")
        b.look("start")
        b.press()
        for name, values in applicant(address).items():
            assert page.url.endswith(f"/wniosek/{name}"), page.url
            if name != "sprawdz":
                b.press()
                b.look(f"{name} with errors")
                assert page.locator(".govuk-error-summary").evaluate("e => e === document.activeElement")
            b.fill(values)
            if name == "podpis":
                page.wait_for_selector("#altcha[data-solved=yes]", state="attached", timeout=30_000)
            b.look(name)
            b.press()
        b.look("filed")
        page.click("main a[href*=status]")
        b.look("status")
        mail = world.mail(address, words["confirm"])
        page.goto(re.search(r"http\S+/wniosek/potwierdzenie/\S+", mail["text"])[0])
        b.look("confirm")
        b.press()
        b.look("confirmed")
        _approve_in_browser(page.context.browser, world, address, language)
        mail = world.mail(address, words["ready"])
        login = re.search(r"(?m)^Login: (\S+)$", mail["text"])[1]
        temporary = re.search(r"(?m)^Hasło tymczasowe: (\S+)$", mail["text"])[1]
        _first_login(b, login, temporary, words)


def _approve_in_browser(browser: Any, world: World, address: str, language: str) -> None:
    context = browser.new_context(locale=language, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    b = Browser(page, world)
    page.goto(f"{world.provisioning}/?lang={language}")
    page.fill("#username", f"nobody{secrets.token_hex(4)}")
    page.fill("#password", "wrong")
    page.click("#kc-login")
    b.look("login refused")
    page.fill("#username", "registrar")
    page.fill("#password", world.password("registrar"))
    with world.only_login_of("registrar"):
        page.click("#kc-login")
        page.wait_for_url(f"{world.provisioning}/**")
    b.look("queue")
    page.fill("#q", address)
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    page.click("tbody a")
    b.look("application")
    url = page.url
    for action in ("reject", "request-completion", "withdraw"):
        page.goto(f"{url}/{action}")
        if action != "withdraw":
            b.press()
        b.look(action)
    page.goto(f"{world.provisioning}/nowy")
    b.press()
    b.look("type in, with errors")
    page.goto(f"{world.provisioning}/dziennik")
    b.look("not allowed")
    page.goto(url)
    page.click(".ib-actions form[action$=approve] button")
    if page.url.endswith("/approve-with-reason"):  # another test has filled the register meanwhile, and this number is not in it
        page.fill("[name=reason]", "numer sprawdzony z umową")
        page.click("main form button.govuk-button")
    b.look("approved")
    assert page.url == url
    context.close()


def _first_login(b: Browser, login: str, temporary: str, words: dict[str, str]) -> None:
    page, world = b.page, b.world
    page.goto(f"{world.webapp}/konto")
    b.look("login")
    page.fill("#username", f" {login.upper()} ".strip())
    page.fill("#password", temporary)
    page.click("#kc-login")
    page.wait_for_selector("#password-new")
    b.look("set your own password")
    for refused in ("haslo123", "Zażółć12", "ABCDEFG1"):
        page.fill("#password-new", refused)
        page.fill("#password-confirm", refused)
        page.click("#kc-submit")
        page.wait_for_selector(".ib-alert.pf-m-danger")
        b.look(f"{refused} refused")
    page.fill("#password-new", "żó")  # every broken rule is named at once
    page.fill("#password-confirm", "żó")
    page.click("#kc-submit")
    page.wait_for_selector(".ib-alert.pf-m-danger")
    alert = page.inner_text(".ib-alert.pf-m-danger")
    rules = page.locator("#ib-rules li").all_inner_texts()
    assert all(rule.split(",")[0].split("(")[0].strip() in alert for rule in rules), (alert, rules)
    own = f"Woda {secrets.token_hex(4)} Zdroj 7"
    page.fill("#password-new", own)
    assert page.locator("#ib-rules li[data-state=ok]").count() == 5
    page.fill("#password-confirm", own)
    page.click("#kc-submit")
    page.wait_for_url(f"{world.webapp}/konto*")
    b.look("account")
    assert login in page.content()
    page.click(f"main >> text={words['change']}")
    page.wait_for_selector("#kc-cancel")
    b.look("change password")
    page.click("#kc-cancel")
    page.wait_for_url(f"{world.webapp}/konto*")
    b.look("change cancelled")
    page.locator("main form[action='/wyloguj'] button", has_text=words["logout"]).click()
    page.wait_for_url(f"{world.webapp}/wylogowano")
    b.look("logged out")
    page.goto(f"{world.webapp}/konto")
    assert page.url.startswith(world.keycloak)


def test_the_form_works_without_javascript(world: World) -> None:
    """The same pages with scripts switched off; only the proof of work is missing, and a tighter limit stands in."""
    from playwright.sync_api import sync_playwright

    address = unused_address()
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"])
        page = chrome.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800}).new_page()
        page.goto(f"{world.webapp}/wniosek")
        page.click("main form button")
        for name, values in applicant(address).items():
            assert page.url.endswith(f"/wniosek/{name}"), page.url
            for field, value in values.items():
                if page.locator(f'[name="{field}"]').first.get_attribute("type") == "radio":
                    page.check(f'[name="{field}"][value="{value}"]')
                else:
                    page.fill(f'[name="{field}"]', value)
            page.click("main form button")
        assert page.url.endswith("/wniosek/zlozony")
        page.go_back()
        chrome.close()
    assert world.confirmation_token(address)


def test_the_keyboard_alone_reaches_everything_in_a_sensible_order(browser: Browser, world: World) -> None:
    page = browser.page
    page.goto(f"{world.webapp}/")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))
        focused = "document.activeElement === document.body || (s => s.outlineStyle !== 'none' || s.boxShadow !== 'none')"
        assert page.evaluate(f"{focused}(getComputedStyle(document.activeElement))"), seen[-1]
    assert seen[0] == "Przejdź do treści"
    assert seen.index("Zaloguj się") < seen.index("Wypełnij wniosek") < seen.index("Deklaracja dostępności")
    page.goto(f"{world.webapp}/konto")
    assert page.evaluate("document.activeElement.id") == "username"
    order = []
    for _ in range(3):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id"))
    assert order[0] == "password"
    assert "kc-login" in order


def test_the_auditors_page(world: World) -> None:
    with browser_page() as page:
        b = Browser(page, world)
        page.goto(f"{world.provisioning}/dziennik")
        page.fill("#username", "auditor")
        page.fill("#password", world.password("auditor"))
        with world.only_login_of("auditor"):
            page.click("#kc-login")
            page.wait_for_url(f"{world.provisioning}/**")
        b.look("audit log")
        assert page.locator("tbody tr").count() > 0
