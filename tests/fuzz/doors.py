"""Damaged files through the doors of HTTP: the API of staff, the staff page, and the page of an application's applicant."""

from __future__ import annotations

import random  # noqa: TID251  # repeatable
from collections.abc import Callable
from urllib.parse import urljoin

import requests

from deploy.visitor import Visitor
from tests.fuzz.judge import SECONDS_FOR_AN_ANSWER, Judge, Until, come_from
from tests.fuzz.mutated_files import damaged, valid_files

_NAMES = ("a.pdf", "../../x", "a\0b.png", "ą" * 300, "\u202egpj.exe", "x.html", "", " ", '"; filename="y')


def run(judge: Judge, reference: str, status_token: str, seed: int, count: int, until: Until) -> None:
    """So many damaged files, to one door after the other."""
    kinds = valid_files()
    every = [content for contents in kinds.values() for content in contents]
    doors = _doors(judge, reference, status_token)
    for number in range(count):
        if until.over:
            return
        chance = random.Random(f"doors:{seed}:{number}")
        kind = chance.choice(list(kinds))
        content, name = damaged(chance.choice(kinds[kind]), chance, every), chance.choice(_NAMES)
        door, send = list(doors.items())[number % len(doors)]
        judge.hold(f"upload {number} ({kind}, {name!r}) at {door}", lambda send=send: send(name, content))  # type: ignore[misc]


def _doors(judge: Judge, reference: str, status_token: str) -> dict[str, Callable[[str, bytes], requests.Response]]:
    world = judge.world
    session = come_from(requests.Session(), judge.address)
    clerk, visitor = world.staff("clerk"), Visitor()
    for each in (clerk, visitor):
        come_from(each.session, judge.address)

    def api(name: str, content: bytes) -> requests.Response:
        headers = {"Authorization": f"Bearer {world.staff_token('clerk')}"}
        url = f"{world.api}/staff/applications/{reference}/documents"
        return session.post(url, files={"file": (name or "x", content)}, headers=headers, timeout=SECONDS_FOR_AN_ANSWER)

    def page(who: Visitor, url: str, action_ends: str) -> Callable[[str, bytes], requests.Response]:
        opened = who.open(url)
        form = opened.form(action_ends)
        token = next(each.get("value") or "" for each in form.iter("input") if each.get("name") == "csrf_token")
        target = urljoin(opened.url, form.get("action") or "")

        def send(name: str, content: bytes) -> requests.Response:
            files = {"file": (name or "x", content)}
            return who.session.post(
                target, data={"csrf_token": token}, files=files, allow_redirects=False, timeout=SECONDS_FOR_AN_ANSWER
            )

        return send

    return {
        "the API of staff": api,
        "the staff page": page(clerk, f"{world.provisioning}/wniosek/{reference}", "/pliki"),
        "the intake": page(clerk, f"{world.provisioning}/wplyw", "/wplyw/skany"),
        "the applicant's page": page(visitor, f"{world.webapp}/wniosek/status/{reference}/{status_token}", "/plik"),
    }
