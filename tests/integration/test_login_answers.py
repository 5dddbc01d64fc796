"""O01, F09: what may come to the callback of a login, and only the right answer in the right browser is taken."""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import pytest

from deploy.visitor import Page
from tests.support.world import CheckedVisitor, World


@pytest.fixture(scope="module")
def customer(world: World) -> dict[str, Any]:
    return world.active()


def answer_of_a_login(world: World, visitor: CheckedVisitor, customer: dict[str, Any]) -> str:
    """Keycloak's answer to a right login, caught before the browser brings it to the portal."""
    page = visitor.open(f"{world.webapp}/logowanie")
    assert page.url.startswith(world.keycloak)
    data = {"username": customer["login"], "password": customer["own"]}
    answer = visitor.session.post(page.form("").get("action") or "", data=data, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, Page(answer).heading
    return str(answer.headers["Location"])


def changed(url: str, **values: str | None) -> str:
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **values}
    return urlunsplit(parts._replace(query=urlencode({name: value for name, value in query.items() if value is not None})))


def refused(page: Page) -> bool:
    return (page.status, page.heading) == (400, "Zaloguj się jeszcze raz")


def logged_in(world: World, visitor: CheckedVisitor) -> bool:
    answer = visitor.session.get(f"{world.webapp}/konto", allow_redirects=False, timeout=60)
    return answer.status_code == 200


def test_o01_an_answer_that_does_not_say_who_gave_it_is_refused(world: World, customer: dict[str, Any]) -> None:
    """RFC 9207, section 2.4: Keycloak announces that it names itself, so silence is another server's."""
    visitor = world.visitor()
    answer = answer_of_a_login(world, visitor, customer)
    assert parse_qs(urlsplit(answer).query)["iss"] == [world.issuer]
    for issuer in (None, "", "https://evil.example", f"{world.issuer}/", f"{world.keycloak}/realms/master"):
        assert refused(visitor.open(changed(answer, iss=issuer))), issuer
        assert not logged_in(world, visitor), issuer
    assert visitor.open(answer).status == 200
    assert logged_in(world, visitor)


def test_f09_an_answer_of_another_browser_logs_nobody_in(world: World, customer: dict[str, Any]) -> None:
    """Login CSRF: a stranger sends a victim the answer of the stranger's own login."""
    stranger = world.visitor()
    for begun in (False, True):
        answer = answer_of_a_login(world, stranger, customer)
        victim = world.visitor()
        if begun:
            victim.open(f"{world.webapp}/logowanie")
        assert refused(victim.open(answer))
        assert not logged_in(world, victim)
        stranger = world.visitor()


def test_o01_an_answer_is_good_once_and_for_its_own_request(world: World, customer: dict[str, Any]) -> None:
    visitor = world.visitor()
    answer = answer_of_a_login(world, visitor, customer)
    assert visitor.open(answer).status == 200
    again = visitor.open(answer)  # replayed: whoever is logged in stays so, and nobody is logged in by it
    assert (again.status, again.url) == (200, f"{world.webapp}/konto")
    visitor.session.cookies.clear()
    assert refused(visitor.open(answer))
    other = world.visitor()
    first = other.session.get(f"{world.webapp}/logowanie", allow_redirects=False, timeout=60).headers["Location"]
    second = answer_of_a_login(world, other, customer)  # another login begun in the same browser: other nonce, other PKCE secret
    assert refused(other.open(changed(second, state=parse_qs(urlsplit(first).query)["state"][0])))
    assert not logged_in(world, other)


@pytest.mark.parametrize("script", [False, True], ids=["the form is sent in both", "the script of the second sees the login"])
def test_a_second_tab_finds_the_customer_logged_in(world: World, customer: dict[str, Any], script: bool) -> None:
    """Both tabs stand at the login page; the first one is used, then the second."""
    visitor = world.visitor()
    tabs = [visitor.open(f"{world.webapp}/logowanie") for _ in range(2)]
    first, second = (tab.form("").get("action") or "" for tab in tabs)
    goes_on = urljoin(tabs[1].url, next(tabs[1].tree.iter("body")).get("data-sso-url", ""))
    data = {"username": customer["login"], "password": customer["own"]}
    assert Page(visitor.session.post(first, data=data, timeout=60)).url == f"{world.webapp}/konto"
    page = Page(visitor.session.get(goes_on, timeout=60) if script else visitor.session.post(second, data=data, timeout=60))
    assert (page.status, page.url) == (200, f"{world.webapp}/konto"), page.heading
