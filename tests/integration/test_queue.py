"""The queue on the real parts: searching, mistyped names, orders, filters in the address, saved views, handing over, many at once."""

import itertools
import re
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from provisioning.domain.actors import Actor
from provisioning.domain.application import Channel, Status
from provisioning.domain.desk import QueueFilter, QueueSort
from provisioning.ports.services import Services
from provisioning.use_cases.application.approve_together import approve_together, green
from tests.support.desk import entered, history
from tests.support.files import picture
from tests.support.own_database import own_database
from tests.support.world import World

COUNT = 1500


@pytest.fixture(scope="module")
def services(world: World) -> Iterator[Services]:
    """An Office on a database of its own with invented applications."""
    with own_database(world, COUNT) as own:
        yield own.services


def pages(services: Services, **wanted: Any) -> list[Any]:
    """Every application of a filter, page by page."""
    found, cursor = [], None
    while True:
        with services.work() as work:
            page = work.applications.page(QueueFilter(**wanted, cursor=cursor, limit=200))
        found += page.applications
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_every_order_shows_every_application_once(services: Services) -> None:
    keys: dict[QueueSort, Any] = {
        QueueSort.DUE: lambda a: str(a.due_on or "9999-12-31"),
        QueueSort.FILED: lambda a: str(a.filed_on or "9999-12-31"),
        QueueSort.NUMBER: lambda a: a.reference,
    }
    for sort, descending in itertools.product(QueueSort, (False, True)):
        found = pages(services, sort=sort, descending=descending)
        assert len({each.reference for each in found}) == len(found) == COUNT
        if sort in keys:
            assert [keys[sort](each) for each in found] == sorted((keys[sort](each) for each in found), reverse=descending)


def test_a_filter_shows_exactly_what_it_says(services: Services) -> None:
    everything = pages(services)
    for statuses, channel, text in [
        (None, Channel.EMAIL, ""),
        (frozenset({Status.REJECTED, Status.WITHDRAWN}), None, ""),
        (frozenset({Status.REGISTERED}), Channel.OFFICE, "anna"),
        (None, None, "anna"),
    ]:
        expected = {
            each.reference
            for each in everything
            if (statuses is None or each.status in statuses)
            and (channel is None or each.channel is channel)
            and (
                not text
                or any(word.lower().startswith(text) for word in (*re.split(r"[ -]", each.applicant), each.contact_person[0]))
            )
        }
        for sort in QueueSort:
            assert {
                each.reference for each in pages(services, statuses=statuses, channel=channel, text=text, sort=sort)
            } == expected


@pytest.mark.parametrize("misspelt", ["mistake", "swap", "missing"])
def test_a_mistyped_name_is_found_and_said_to_be_another(services: Services, misspelt: str) -> None:
    name = {"mistake": "wisniewzki", "swap": "kowalcyzk", "missing": "lewandoski"}[misspelt]
    right = {"mistake": "wisniewski", "swap": "kowalczyk", "missing": "lewandowski"}[misspelt]
    with services.work() as work:
        wrong = work.applications.page(QueueFilter(text=name, limit=200))
        exact = work.applications.page(QueueFilter(text=right, limit=200))
    assert wrong.instead == {name: (right,)}
    assert exact.instead == {}
    assert [each.reference for each in wrong.applications] == [each.reference for each in exact.applications] != []


def test_everything_staff_remember_finds_the_application(services: Services) -> None:
    one = pages(services)[700]
    asked = [
        one.reference,
        one.data["customer_number"],
        f"{one.data['customer_number'][:4]} {one.data['customer_number'][4:]}",
        one.data["email"],
        one.data["phone"],
        one.data["phone"].removeprefix("+48 "),
        " ".join(reversed(one.contact_person)).upper(),
    ]
    for text in asked:
        assert one.reference in {each.reference for each in pages(services, text=text)}, text
    assert pages(services, text="nikt taki xqxqxq") == []


def test_a_login_finds_its_application_and_the_address_holds_the_view(world: World) -> None:
    found = world.registered()
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/?{urlencode({'q': found['login'].upper(), 'status': 'all'})}")
    assert found["reference"] in page.text
    assert "Znaleziono 1 wniosek" in page.text
    query = {"q": found["reference"], "status": "registered", "channel": "web", "sort": "filed", "order": "desc"}
    page = clerk.open(f"{world.provisioning}/?{urlencode(query)}")
    assert found["reference"] in page.text
    assert 'aria-sort="descending"' in page.text
    name = f"moje {secrets.token_hex(3)}"
    page = clerk.send(page, {"name": name}, action_ends="/widoki")
    assert "Widok zapisany" in page.text
    link = re.search(rf'href="([^"]+)">{name}</a>', page.text)
    assert link is not None
    assert found["reference"] in clerk.open(world.provisioning + link[1].replace("&amp;", "&")).text
    assert name not in world.staff("registrar").open(f"{world.provisioning}/").text  # a view is one's own
    gone = next(form for form in page.tree.iter("form") if any(each.get("value") == name for each in form.iter("input")))
    csrf = next(each.get("value") for each in gone.iter("input") if each.get("name") == "csrf_token")
    clerk.session.post(f"{world.provisioning}/widoki/usun", data={"csrf_token": csrf, "name": name}, timeout=60)
    assert name not in clerk.open(f"{world.provisioning}/").text


def test_an_address_that_was_altered_is_a_404_or_the_first_page_never_an_error(world: World) -> None:
    clerk = world.staff("clerk")
    for query in ("status=x", "channel=x", "sort=x", "order=x", "term=x"):
        assert clerk.open(f"{world.provisioning}/?{query}").status == 404
    assert clerk.open(f"{world.provisioning}/?cursor=nonsense").status == 200
    for name in ("channel", "sort", "order"):
        assert world.call("GET", f"/staff/applications?{name}=x", world.staff_token("clerk")).status_code == 422


def test_a_case_is_handed_to_a_colleague_also_away_from_somebody(world: World) -> None:
    found = entered(world)
    path = f"{world.provisioning}/wniosek/{found['reference']}"
    clerk, registrar = world.staff("clerk"), world.staff("registrar")
    clerk.send(clerk.open(path), {}, action_ends="/przypisz")
    page = registrar.send(registrar.open(path), {"colleague": "registrar"}, action_ends="/przekaz")
    assert "Wniosek przekazany" in page.text
    assert "Oddaję ten wniosek" in page.text
    assert found["reference"] in registrar.open(f"{world.provisioning}/?who=me").text
    assert found["reference"] not in clerk.open(f"{world.provisioning}/?who=me").text
    link, nobody = f"/wniosek/{found['reference']}", f"{world.provisioning}/?who=nobody&q={found['reference']}"
    assert link not in clerk.open(nobody).text
    registrar.send(page, {}, action_ends="/oddaj")
    assert link in clerk.open(nobody).text
    (line,) = [each for each in history(world, found["reference"]) if each["action"] == "case.assigned"]
    assert (line["actor"], line["details"]["to"]) == ("registrar", "registrar")
    for body, status in (({"colleague": "nikt"}, 422), ({"colleague": "auditor"}, 422)):
        answer = world.call("POST", f"/staff/applications/{found['reference']}/assign", world.staff_token("registrar"), json=body)
        assert answer.status_code == status
    assert world.call("POST", f"/staff/applications/{found['reference']}/assign", world.staff_token("clerk"), json={"colleague": "clerk"}).status_code == 403  # fmt: skip


def test_s4_several_are_approved_at_once_only_where_every_check_is_green(world: World) -> None:
    registrar = Actor("registrar", frozenset({"bok-registrar"}))
    good, unscanned, unknown = entered(world), entered(world), entered(world)
    scan = {"file": ("skan.png", picture())}
    for each in (good, unknown):
        answer = world.call("POST", f"/staff/applications/{each['reference']}/documents", world.staff_token("clerk"), files=scan)
        assert answer.status_code == 201, answer.text
        path, all_seen = f"/staff/applications/{each['reference']}/check-scan", {"seen": ["data", "clauses", "signature"]}
        assert world.call("POST", path, world.staff_token("clerk"), json=all_seen).status_code == 200
    details = {each["reference"]: world.call("GET", f"/staff/applications/{each['reference']}", world.staff_token("clerk")).json() for each in (good, unscanned, unknown)}  # fmt: skip
    with world.in_register(*(details[each["reference"]]["customer_number"] for each in (good, unscanned))):
        services = world.services()
        seen = {each.reference for each in green(services, registrar)}
        assert good["reference"] in seen
        assert seen.isdisjoint({unscanned["reference"], unknown["reference"]})
        chosen = {reference: detail["version"] for reference, detail in details.items()} | {"2026-999999-1": 1}
        outcomes = {each.reference: each.code for each in approve_together(services, registrar, chosen)}
        assert outcomes == {
            good["reference"]: "approved",
            unscanned["reference"]: "not_green",
            unknown["reference"]: "not_green",
            "2026-999999-1": "not_found",
        }
        lines = [line["action"] for line in history(world, good["reference"])]
        assert lines.count("application.approved") == 1
        page = world.staff("registrar").open(f"{world.provisioning}/zatwierdz-razem")
        assert page.status == 200
        assert good["reference"] not in page.text
        assert world.staff("clerk").open(f"{world.provisioning}/zatwierdz-razem").status == 403


def test_f08_a_view_is_named_without_control_characters(world: World) -> None:
    visitor = world.staff("manager")  # every page is checked for well-formed HTML
    name = f"moje {secrets.token_hex(4)}"
    page = visitor.send(visitor.open(f"{world.provisioning}/"), {"name": name.replace(" ", " \x15\u202e")}, action_ends="/widoki")
    assert name in page.text
    page = visitor.send(page, {"name": name}, action_ends="/widoki/usun")
    assert name not in page.tree.find(".//*[@class='ib-views']").itertext()
