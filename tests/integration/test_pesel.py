"""S08, S12: the full PESEL stands behind one audited and limited reveal; every other document and page masks it."""

from __future__ import annotations

import io
import re
import secrets
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest
import requests
from flask import Flask

from ibok_idp.realm.server import RealmServer
from provisioning import web  # noqa: F401  # whoever imports it has every route in `api` and `staff`
from provisioning.api.blueprint import api
from provisioning.domain.actors import Actor
from provisioning.domain.errors import TooSoon
from provisioning.domain.rights import Role
from provisioning.staff_ui.blueprint import staff
from provisioning.use_cases.desk.reveal_pesel import reveal_pesel
from tests.support.desk import USERNAMES
from tests.support.world import World

ZIPS_AND_PDFS = ("application/json", "application/pdf", "application/zip")


def words_in(content: bytes) -> str:
    """Everything a reader can find in an answer: also inside PDF pages and the files of a ZIP; spaces taken out."""
    if content.startswith(b"PK"):
        bundle = zipfile.ZipFile(io.BytesIO(content))
        return "\n".join(words_in(bundle.read(name)) for name in bundle.namelist())
    text = content.decode("utf-8", "replace")
    if content.startswith(b"%PDF"):
        text += "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content))
    return re.sub(r"\s|-", "", text)


@pytest.fixture(scope="module")
def customer(world: World) -> dict[str, Any]:
    """An application with an account, and everything that knows its PESEL."""
    return world.registered()


def every_path(found: dict[str, Any], verb: str) -> list[str]:
    """The paths of all routes of a kind whose parts we can name."""
    app = Flask("routes")
    app.register_blueprint(staff)
    app.register_blueprint(api)
    known = {"reference": found["reference"], "login": found["login"], "document_id": "application", "kind": "csv"}
    paths = []
    for rule in app.url_map.iter_rules():
        if verb in (rule.methods or ()) and rule.endpoint != "static" and rule.arguments <= known.keys():
            built = rule.build({name: known[name] for name in rule.arguments}, append_unknown=False)
            paths.append(built[1] if built else "")
    return paths


@pytest.mark.parametrize("role", Role)
def test_s12_no_page_and_no_call_that_is_read_holds_a_full_pesel(world: World, customer: dict[str, Any], role: Role) -> None:
    visitor, token, leaks, asked = world.staff(USERNAMES[role]), world.staff_token(USERNAMES[role]), [], 0
    for path in every_path(customer, "GET"):
        if path.startswith("/api/"):
            for accept in ZIPS_AND_PDFS:
                headers = {"Accept": accept, "X-Status-Token": customer["status_token"]}
                answer = world.call("GET", path.removeprefix("/api/v1"), token, headers=headers)
                leaks += [path] if customer["pesel"] in words_in(answer.content) else []
        else:
            answer = visitor.session.get(world.provisioning + path, timeout=60)
            leaks += [path] if customer["pesel"] in words_in(answer.content) else []
        asked += answer.status_code == 200
    assert leaks == []
    assert asked >= 15


@pytest.mark.parametrize("role", Role)
def test_s12_no_document_for_staff_holds_a_full_pesel(world: World, customer: dict[str, Any], role: Role) -> None:
    visitor, token = world.staff(USERNAMES[role]), world.staff_token(USERNAMES[role])
    form = visitor.open(f"{world.provisioning}/").form("/wyloguj")
    csrf = {"csrf_token": next(each.get("value") for each in form.iter("input") if each.get("name") == "csrf_token")}
    reference = customer["reference"]
    pages = [
        f"/wniosek/{reference}/kopia",
        f"/wniosek/{reference}/dowody",
        "/dziennik/eksport/csv",
        "/dziennik/eksport/json",
        "/raporty/csv",
    ]
    answers = [visitor.session.post(world.provisioning + path, data=csrf | {"subject": reference}, timeout=60) for path in pages]
    answers += [world.call("POST", f"/staff/applications/{reference}/{name}", token) for name in ("copy", "evidence")]
    assert [each.url for each in answers if customer["pesel"] in words_in(each.content)] == []


def test_s12_the_copy_handed_over_in_the_office_masks_it_too(world: World) -> None:
    from tests.support.desk import entered
    from tests.support.world import application_body

    pesel = application_body()["pesel"]
    found = entered(world, channel="office", pesel=pesel)
    answer = world.call("POST", f"/staff/applications/{found['reference']}/copy", world.staff_token("clerk"))
    assert answer.content.startswith(b"%PDF")
    assert pesel not in words_in(answer.content)
    assert pesel[-3:] in words_in(answer.content)


def test_s12_whoever_has_the_status_link_reads_no_full_pesel(world: World, customer: dict[str, Any]) -> None:
    link = f"{world.webapp}/wniosek/status/{customer['reference']}/{customer['status_token']}"
    for url in (link, f"{link}/druk.pdf"):
        answer = requests.get(url, timeout=60)
        assert answer.status_code == 200
        assert customer["pesel"] not in words_in(answer.content)


def test_s12_the_customers_own_documents_mask_it_the_same(world: World) -> None:
    found = world.active()
    visitor = found["visitor"]
    answers = [visitor.session.get(f"{world.webapp}{path}", timeout=60) for path in ("/konto", "/konto/dokumenty/application")]
    page = visitor.open(f"{world.webapp}/konto")
    csrf = next(each.get("value") for each in page.form("/konto/eksport").iter("input") if each.get("name") == "csrf_token")
    answers.append(visitor.session.post(f"{world.webapp}/konto/eksport", data={"csrf_token": csrf}, timeout=60))
    token = world.person_token("ibok-portal", found["login"], found["own"])
    for accept in ZIPS_AND_PDFS:
        answers.append(world.call("GET", "/me/export", token, headers={"Accept": accept}))
    answers.append(world.call("GET", "/me", token))
    assert {each.status_code for each in answers} == {200}
    assert [each.url for each in answers if found["pesel"] in words_in(each.content)] == []
    assert all(found["pesel"][-3:] in words_in(each.content) for each in answers)


def test_s12_the_form_with_the_full_pesel_is_an_audited_post_for_those_who_may(world: World, customer: dict[str, Any]) -> None:
    person = clerk_of_our_own(world)
    path = f"{world.provisioning}/wniosek/{customer['reference']}"
    page = person.open(path)
    form = page.form("/druk-z-peselem")
    csrf = {"csrf_token": next(each.get("value") for each in form.iter("input") if each.get("name") == "csrf_token")}
    answer = person.session.post(f"{path}/druk-z-peselem", data=csrf, timeout=60)
    assert customer["pesel"] in words_in(answer.content)
    assert person.session.get(f"{path}/druk-z-peselem", timeout=60).status_code == 405
    history = world.call("GET", f"/staff/applications/{customer['reference']}", world.staff_token("auditor")).json()["history"]
    assert history[-1]["action"] == "application.pesel_revealed"
    assert history[-1]["details"] == {"on": "form"}
    for username in ("manager", "auditor"):
        other = world.staff(username)
        assert "druk-z-peselem" not in other.open(path).text
        token = next(e.get("value") for e in other.open(path).form("/wyloguj").iter("input") if e.get("name") == "csrf_token")
        for name in ("druk-z-peselem", "pesel"):
            refused = other.session.post(f"{path}/{name}", data={"csrf_token": token}, timeout=60)
            assert refused.status_code == 403
            assert customer["pesel"] not in words_in(refused.content)


def test_s08_the_thirty_first_reveal_of_an_hour_is_refused_and_said(world: World, customer: dict[str, Any]) -> None:
    person = clerk_of_our_own(world)
    path = f"{world.provisioning}/wniosek/{customer['reference']}"
    form = person.open(path).form("/pesel")
    csrf = {"csrf_token": next(each.get("value") for each in form.iter("input") if each.get("name") == "csrf_token")}
    for number in range(30):
        name = "pesel" if number % 2 else "druk-z-peselem"  # both doors, one count
        assert person.session.post(f"{path}/{name}", data=csrf, timeout=60).status_code == 200
    for name in ("pesel", "druk-z-peselem"):
        refused = person.session.post(f"{path}/{name}", data=csrf, timeout=60)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 3000
        assert customer["pesel"] not in words_in(refused.content)
    assert (
        'ibok_pesel_reveals_last_hour{outcome="reveal_refused"}' in requests.get(f"{world.provisioning}/metrics", timeout=10).text
    )
    assert "pesel.reveal_limit" in (world.state / "logs" / "provisioning.log").read_text()


def test_s08_sixty_reveals_at_once_are_thirty_and_each_is_an_entry(world: World, customer: dict[str, Any]) -> None:
    services, name = world.services(), f"clerk-{secrets.token_hex(4)}"
    actor = Actor(name, frozenset({Role.CLERK.value}))

    def ask(_number: int) -> bool:
        try:
            return reveal_pesel(services, actor, customer["reference"], on="page").pesel == customer["pesel"]
        except TooSoon:
            return False

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(ask, range(60))) == 30
    with services.work() as work:
        assert len(work.audit.reveals(name, services.clock.now() - timedelta(hours=1))) == 30
        assert work.audit.reveals(name, services.clock.now() + timedelta(seconds=1)) == []  # an hour on, none counts


def clerk_of_our_own(world: World) -> Any:
    """A clerk whom no other test reveals with."""
    username, password = f"clerk-{secrets.token_hex(4)}", f"Woda {secrets.token_hex(6)} 7"
    server = RealmServer(
        world.keycloak, world.secrets["IBOK_KEYCLOAK_ADMIN_USERNAME"], world.secrets["IBOK_KEYCLOAK_ADMIN_PASSWORD"]
    )
    server.ensure_demo_user(username, password, "Ewa", "Nowa", [Role.CLERK.value])
    visitor = world.visitor()
    page = visitor.log_in(f"{world.provisioning}/", username, password)
    assert page.url.startswith(world.provisioning), page.heading
    return visitor
