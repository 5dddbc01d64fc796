"""Every call of the API, generated from its own document, each under five tokens."""

from __future__ import annotations

import json
import random  # noqa: TID251  # repeatable
import time
from collections.abc import Callable
from dataclasses import dataclass

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.judge import SECONDS_FOR_AN_ANSWER, Judge, Until, come_from
from tests.support.world import World

_KNOWN_EVERYWHERE = (400, 404, 405)
_TOKEN_SECONDS = 150  # they live for five minutes


@schemathesis.serializer("application/x-ndjson")
def one_object_a_line(_context: schemathesis.SerializationContext, row: object) -> dict[str, bytes]:
    """The document describes one row of a stream: it is sent three times, and whatever is not an object as it is."""
    line = row if isinstance(row, bytes) else json.dumps(row).encode()
    return {"data": b"\n".join([line] * 3)}


@dataclass
class Things:
    """What paths may name, so that calls get past "not found".

    Attributes:
        status_token: of the application's applicant.
        customer: login and password of somebody whom no call of staff names.
    """

    reference: str
    status_token: str
    login: str
    customer: tuple[str, str]


class Callers:
    """The five who call; tokens are renewed as they grow old."""

    def __init__(self, world: World, customer: tuple[str, str]) -> None:
        self._world, self._customer = world, customer
        self._mine: tuple[str, float] = ("", 0.0)

    def tokens(self) -> dict[str, Callable[[], str | None]]:
        return {
            "nobody": lambda: None,
            "webapp": self._world.service_token,
            "customer": self._customers,
            "clerk": lambda: self._world.staff_token("clerk"),
            "registrar": lambda: self._world.staff_token("registrar"),
            "auditor": lambda: self._world.staff_token("auditor"),
        }

    def _customers(self) -> str:
        if self._mine[1] < time.monotonic():
            token = self._world.person_token("ibok-portal", *self._customer)
            self._mine = (token, time.monotonic() + _TOKEN_SECONDS)
        return self._mine[0]


def run(judge: Judge, things: Things, seed: int, examples: int, until: Until) -> None:
    """So many cases of every operation; each is sent by everybody, and by registrar and auditor in turn."""
    world, chance = judge.world, random.Random(f"calls:{seed}")
    schema = schemathesis.openapi.from_url(f"{world.api}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    chance.shuffle(operations)  # a short time does not leave the same ones out each time
    callers = Callers(world, things.customer).tokens()
    session = come_from(requests.Session(), judge.address)

    def sent(operation: schemathesis.APIOperation) -> None:
        declared = {int(code) for code in operation.definition.raw["responses"] if code.isdigit()}

        @hypothesis.seed(seed)
        @settings(
            max_examples=examples, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
        )
        @given(case=operation.as_strategy())
        def check(case: schemathesis.Case) -> None:
            if until.over:
                return
            _name_real_things(case, things, chance)
            last = chance.choice(("registrar", "auditor"))
            for name in ("nobody", "webapp", "customer", "clerk", last):
                _send(judge, session, case, name, callers[name], declared)

        check()

    for operation in operations:
        if not until.over:
            sent(operation)


def _send(
    judge: Judge, session: requests.Session, case: schemathesis.Case, name: str, token: Callable[[], str | None], declared: set[int]
) -> None:
    def send() -> requests.Response:
        known = token()
        headers = {"Authorization": f"Bearer {known}"} if known else {}
        session.cookies.clear()
        return case.call(  # type: ignore[return-value]
            base_url=judge.world.provisioning, headers=headers, session=session, timeout=SECONDS_FOR_AN_ANSWER
        )

    what = f"{name}: {case.method} {case.formatted_path} query={case.query!r} headers={case.headers!r} body={case.body!r}"[:900]
    answer = judge.hold(what, send)
    if answer is not None and answer.status_code < 500 and answer.status_code not in declared | set(_KNOWN_EVERYWHERE):
        judge.part.broken.append(f"{what}: {answer.status_code} is not in the document: {answer.text[:200]}")


def _name_real_things(case: schemathesis.Case, things: Things, chance: random.Random) -> None:
    real = {"reference": things.reference, "login": things.login}
    for name in real.keys() & (case.path_parameters or {}).keys():
        if chance.random() < 0.6:
            case.path_parameters[name] = real[name]
    if case.headers is not None and "X-Status-Token" in case.headers and chance.random() < 0.6:
        case.headers["X-Status-Token"] = things.status_token
