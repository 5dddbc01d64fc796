"""S7 and S8 in a real browser: forgotten password, own page, new terms, resignation; axe on every page at two widths."""

import re
from typing import Any

import pytest

from deploy.visitor import browser_page, chromium
from provisioning.use_cases.account.resign import close_if_due
from tests.support.browser import Browser, log_in
from tests.support.clocks import Later
from tests.support.next_terms import VERSION
from tests.support.world import World, eventually

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium: apt-get install chromium")
LOCALES = {"pl": "pl-PL", "en": "en-GB"}
NEW = {"pl": "Nowa woda 7 Ab", "en": "Fresh water 7 Ab"}


def set_own(b: Browser, password: str) -> None:
    b.page.fill("#password-new", password)
    b.page.fill("#password-confirm", password)
    b.page.click("#kc-submit")
    b.page.wait_for_load_state()


@pytest.mark.parametrize("language", ["pl", "en"])
def test_s7_forget_ask_log_in_with_the_mailed_password_and_be_made_to_change_it(world: World, language: str) -> None:
    found = world.active(language=language)
    subject = "nowe hasło" if language == "pl" else "new temporary password"
    with browser_page(LOCALES[language]) as page:
        b = Browser(page, world)
        log_in(b, world, found["login"], "Zapomnialem 1")
        b.look("login refused")
        assert page.locator("#username").input_value() == found["login"]
        page.click("#ib-kc-forgot")
        page.wait_for_url(f"{world.webapp}/haslo*")
        assert page.locator("#login").input_value() == found["login"]  # what was typed came along
        page.goto(f"{page.url}&lang={language}")
        page.fill("#login", "")
        b.press()
        b.look("password help with an error")
        page.fill("#login", found["login"])
        page.wait_for_selector("#altcha[data-solved=yes]", state="attached", timeout=30_000)
        b.look("password help")
        b.press()
        page.wait_for_url("**/haslo/wyslane")
        b.look("sent")
        mail = world.mail(found["email"], subject)
        temporary = re.search(r"(?m)^Hasło tymczasowe: (\S+)$", mail["text"])[1]
        log_in(b, world, found["login"], temporary)
        page.wait_for_selector("#password-new")
        b.look("set an own password")
        set_own(b, temporary)
        page.wait_for_selector(".ib-msg, .ib-alert.pf-m-danger")
        b.look("the temporary one is refused")
        set_own(b, "Password1")
        page.wait_for_selector(".ib-msg, .ib-alert.pf-m-danger")
        b.look("a common one is refused")
        set_own(b, NEW[language])
        page.wait_for_url(f"{world.webapp}/konto*")
        b.look("account")
        page.click("#h-sec ~ form[action='/wyloguj'] button")
        page.wait_for_load_state()
    with browser_page(LOCALES[language]) as page:
        b = Browser(page, world)
        log_in(b, world, found["login"], NEW[language])
        page.wait_for_url(f"{world.webapp}/konto*")


def test_s7_asked_in_somebody_elses_name_nothing_happens_to_them(world: World) -> None:
    found = world.active()
    with browser_page() as owner:
        stranger = owner.context.browser.new_context(locale="pl-PL").new_page()
        log_in(Browser(owner, world), world, found["login"], found["own"])
        owner.wait_for_url(f"{world.webapp}/konto*")
        stranger.goto(f"{world.webapp}/haslo")
        stranger.fill("#login", found["login"])
        stranger.wait_for_selector("#altcha[data-solved=yes]", state="attached", timeout=30_000)
        stranger.click("main form button.govuk-button")
        stranger.wait_for_url("**/haslo/wyslane")
        world.mail(found["email"], "nowe hasło")
        owner.reload()
        assert found["login"] in owner.content()  # still in, with the own password
        owner.context.clear_cookies()
        log_in(Browser(owner, world), world, found["login"], found["own"])
        owner.wait_for_url(f"{world.webapp}/konto*")


@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_customers_own_page_and_everything_that_hangs_under_it(world: World, language: str) -> None:
    found = world.active(language=language)
    words = {"pl": ("potwierdź nowy", "zmieniono adres"), "en": ("confirm your new", "address was changed")}[language]
    new = f"nowy-{found['email']}"
    with browser_page(LOCALES[language]) as page:
        b = Browser(page, world)
        log_in(b, world, found["login"], found["own"])
        page.goto(f"{world.webapp}/konto?lang={language}")
        b.look("account")
        for path, errors in (("/konto/email", {"email": "zły"}), ("/konto/dane", {"phone": "12"}), ("/konto/regulamin", {})):
            page.goto(f"{world.webapp}{path}")
            b.look(path)
            b.fill(errors)
            b.press()
            page.wait_for_selector(".govuk-error-summary")
            b.look(f"{path} with errors")
            assert page.locator(".govuk-error-summary").evaluate("e => e === document.activeElement")
        page.goto(f"{world.webapp}/konto/email")
        b.fill({"email": new, "email_again": new})
        b.press()
        b.look("link sent")
        page.goto(re.search(r"http\S+/konto/email/\S+", world.mail(new, words[0])["text"])[0])
        b.look("confirm the new address")
        b.press()
        b.look("new address confirmed")
        page.goto(re.search(r"http\S+/konto/email/cofnij/\S+", world.mail(found["email"], words[1])["text"])[0])
        b.look("take the change back")
        page.goto(f"{world.webapp}/konto/regulamin")
        b.fill({"answer": "accept"})
        b.press()
        b.look("terms accepted")
        assert VERSION in page.content()
        with page.expect_download() as download:
            page.click("form[action='/konto/eksport'] button")
        assert download.value.suggested_filename == f"ibok-{found['login']}.zip"
        _resign_withdraw_resign(b, world, found)
    close_if_due(world.services(clock=Later(14)), found["login"])
    eventually(lambda: not world.account(found["login"])["keycloak_pending"])
    with browser_page(LOCALES[language]) as page:
        b = Browser(page, world)
        log_in(b, world, found["login"], found["own"])
        assert page.locator("#kc-login").count() == 1  # the access has ended
    close_if_due(world.services(clock=Later(44)), found["login"])
    eventually(lambda: world.user(found["login"]) is None)


def _resign_withdraw_resign(b: Browser, world: World, found: dict[str, Any]) -> None:
    page = b.page
    for time_round in (1, 2):
        page.goto(f"{world.webapp}/konto/rezygnacja")
        b.look("resignation")
        b.press()
        page.wait_for_selector(".govuk-error-summary")
        b.look("resignation with an error")
        page.check("#sure")
        b.press()
        page.wait_for_url(f"{world.webapp}/konto")
        b.look("resigning")
        assert world.account(found["login"])["state"] == "resigning"
        if time_round == 1:
            page.click("form[action='/konto/rezygnacja/cofnij'] button")
            page.wait_for_load_state()
            assert world.account(found["login"])["state"] == "active"


def test_s8_a_resignation_asks_for_the_password_again(world: World) -> None:
    """`prompt=login`: the portal's session goes on, but this step wants to see the password."""
    found = world.active()
    with browser_page() as page:
        b = Browser(page, world)
        log_in(b, world, found["login"], found["own"])
        page.goto(f"{world.webapp}/konto")
        with_old_login(world, found)
        page.goto(f"{world.webapp}/konto/rezygnacja")
        page.wait_for_selector("#password")
        b.look("asked again")
        page.fill("#password", found["own"])
        page.click("#kc-login")
        page.wait_for_url(f"{world.webapp}/konto/rezygnacja")
        assert page.locator("#sure").count() == 1


def with_old_login(world: World, found: dict[str, Any]) -> None:
    """Make the portal's session believe that the password was typed an hour ago."""
    from datetime import timedelta

    from sqlalchemy import create_engine

    from ibok_idp.web_session import SessionStore

    address = world.secrets["IBOK_WEBAPP_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    store = SessionStore(
        create_engine(address), world.secrets["IBOK_SESSION_KEY"], timedelta(hours=2), secure=False, name="ibok_portal"
    )
    user = world.user(found["login"])
    assert user is not None
    with store._engine.begin() as connection:
        from sqlalchemy import text

        rows = connection.execute(text("SELECT id_hash, data FROM web_sessions WHERE subject = :s"), {"s": user["id"]}).all()
        assert rows
        for row in rows:
            data = store._decrypt(row.data)
            assert data is not None
            data["login"]["auth_time"] -= 3600
            import json

            connection.execute(
                text("UPDATE web_sessions SET data = :d WHERE id_hash = :i"),
                {"d": store._fernet.encrypt(json.dumps(data).encode()), "i": row.id_hash},
            )


@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_staff_pages_of_an_account(world: World, language: str) -> None:
    found = world.active()
    with browser_page(LOCALES[language]) as page:
        b = Browser(page, world)
        page.goto(f"{world.provisioning}/konto/{found['login']}")
        page.fill("#username", "registrar")
        page.fill("#password", world.password("registrar"))
        with world.only_login_of("registrar"):
            page.click("#kc-login")
            page.wait_for_url(f"{world.provisioning}/**")
        page.goto(f"{world.provisioning}/konto/{found['login']}?lang={language}")
        b.look("account of a customer")
        for name in ("suspend", "correct-address", "end-contract", "enter-erasure", "delete"):
            page.goto(f"{world.provisioning}/konto/{found['login']}/{name}")
            b.look(name)
            b.press()
            page.wait_for_selector(".govuk-error-summary, .govuk-notification-banner")
            b.look(f"{name} with errors")
        page.goto(f"{world.provisioning}/zadania")
        b.look("tasks")
        page.goto(f"{world.provisioning}/zadania")
        page.locator("a[href*='/zadania/rodo/']").first.click() if page.locator("a[href*='/zadania/rodo/']").count() else None
        b.look("erasure")
        page.goto(f"{world.provisioning}/regulamin")
        b.look("terms")
