"""One login for both in a real browser, and the end of both; the manager's page of applications."""

import pytest

from deploy.visitor import browser_page, chromium
from tests.support.browser import Browser, log_in
from tests.support.world import World, eventually

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium: apt-get install chromium")


def test_the_tile_opens_the_invoices_without_a_second_login_and_a_suspension_closes_both(world: World) -> None:
    customer = world.active()
    with browser_page() as page:
        b = Browser(page, world)
        log_in(b, world, customer["login"], customer["own"])
        b.look("account with tiles")
        page.click(f"a[href='{world.stack['invoices']}/']")
        page.wait_for_url(f"{world.stack['invoices']}/")
        assert customer["customer_number"] in page.inner_text("main")
        b.look("invoices")
        assert world.deed(customer["login"], "suspend", reason="Podejrzenie nadużycia.").status_code == 200

        def at_the_login(url: str) -> bool:
            page.goto(url)
            return page.url.startswith(world.keycloak)

        eventually(lambda: at_the_login(f"{world.stack['invoices']}/"))
        eventually(lambda: at_the_login(f"{world.webapp}/konto"))


def test_a_logout_in_the_invoices_is_a_logout_in_the_portal(world: World) -> None:
    customer = world.active()
    with browser_page("en-GB") as page:
        b = Browser(page, world)
        log_in(b, world, customer["login"], customer["own"])
        page.goto(f"{world.stack['invoices']}/")
        page.click("header button")
        page.wait_for_url(f"{world.stack['invoices']}/bye")
        b.look("logged out of the invoices")
        page.goto(f"{world.webapp}/konto")
        assert page.url.startswith(world.keycloak)


@pytest.mark.parametrize("language", ["pl-PL", "en-GB"])
def test_a_manager_sees_who_is_told_and_sends_a_test(world: World, language: str) -> None:
    with browser_page(language) as page:
        b = Browser(page, world)
        with world.only_login_of("manager"):
            page.goto(f"{world.provisioning}/")
            page.fill("#username", "manager")
            page.fill("#password", world.password("manager"))
            page.click("#kc-login")
            page.wait_for_url(f"{world.provisioning}/**")
        page.goto(f"{world.provisioning}/aplikacje")
        b.look("applications")
        page.click("form[action='/aplikacje/app-faktury/test'] button")
        page.wait_for_url("**/aplikacje?receiver=app-faktury")
        row = "table:has(th:text-is('app-faktury')), tbody tr:has-text('app-faktury')"
        eventually(lambda: page.reload() and "204" in page.locator(row).first.inner_text())
        b.look("after a test")
