"""The judge of `make fuzz` is seen to fire: each promise broken on purpose, and what is nobody's fault let pass."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from flask import Flask

from ibok_idp.look.company import load_utility
from ibok_idp.look.flask_look import install_look
from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState
from provisioning.domain.actors import Actor
from tests.fuzz.forms import Form, _Walk
from tests.fuzz.judge import Judge, Part, Until
from tests.support.database_alone import Alone

ADDRESS = "127.9.9.9"


@pytest.fixture
def judge(alone: Alone) -> Iterator[Judge]:
    world: Any = SimpleNamespace(secrets={"IBOK_DATABASE_URL": alone.url}, webapp="http://w", provisioning="http://p")
    judge = Judge(world, Part("forms"), ADDRESS, settled_after=0.01)
    yield judge
    judge.close()


def answered(status: int, page: str = "", **headers: str) -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer._content, answer.url = status, page.encode(), "http://p/x"
    answer.headers.update(headers)
    answer.request = requests.Request("POST", answer.url).prepare()
    return answer


def audit(alone: Alone, address: str | None, action: str = "application.noted") -> None:
    with alone.services.work() as work:
        work.audit.write(Actor("clerk", address=address), action, "2026-000001-1", {}, alone.clock.now())


def account(alone: Alone) -> None:
    login, reference = f"wp{secrets.randbelow(10**8):08d}", alone.entered()
    with alone.services.work() as work:
        work.accounts.reserve_login(login, reference, alone.clock.now())
        work.accounts.add(Account(login, reference, AccountState.ACTIVE, alone.clock.now(), email="a@example.com"))


def sends(status: int, deed: Callable[[], Any] = lambda: None) -> Callable[[], requests.Response]:
    def send() -> requests.Response:
        deed()
        return answered(status)

    return send


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429])
def test_a_refusal_that_changes_something_each_time_is_broken(alone: Alone, judge: Judge, status: int) -> None:
    alone.entered()
    judge.hold("POST /x", sends(status, lambda: alone.sql("UPDATE applications SET version = version + 1")))
    assert judge.part.broken == [f"refused with {status}, and something changed, 3 times of as many: POST /x"]


def test_whatever_a_refusal_changes_is_seen(alone: Alone, judge: Judge) -> None:
    alone.entered()

    deeds: dict[str, Callable[[], Any]] = {
        "an application's data": lambda: alone.sql("UPDATE applications SET data = data || jsonb_build_object('x', random())"),
        "a new application": alone.entered,
        "a new account": lambda: account(alone),
        "an account's state": lambda: alone.sql("UPDATE accounts SET state = 'x' || random()"),
        "an account's address": lambda: alone.sql("UPDATE accounts SET email = random()::text"),
        "a line of the audit": lambda: audit(alone, None),
    }
    for name, deed in deeds.items():
        judge.hold(name, sends(422, deed))
    assert [each.rsplit(": ", 1)[1] for each in judge.part.broken] == list(deeds)


def test_a_line_of_the_audit_from_the_campaigns_own_address_is_broken_at_once(alone: Alone, judge: Judge) -> None:
    judge.hold("POST /x", sends(403, lambda: audit(alone, ADDRESS)))
    assert judge.part.broken == ["refused with 403, and the audit has a line of it: POST /x"]


def test_a_refusal_that_is_written_down_on_purpose_is_not(alone: Alone, judge: Judge) -> None:
    judge.hold("POST /x", sends(429, lambda: audit(alone, ADDRESS, "application.pesel_reveal_refused")))
    assert judge.part.broken == []


def test_what_the_worker_or_another_visitor_changed_beside_a_refusal_is_not_its_fault(alone: Alone, judge: Judge) -> None:
    alone.entered()
    once = iter([lambda: alone.sql("UPDATE applications SET version = version + 1")])
    judge.hold("POST /x", sends(422, lambda: next(once, lambda: None)()))
    assert (judge.part.broken, judge.part.unclear) == ([], 0)


def test_what_is_accepted_may_change_things(alone: Alone, judge: Judge) -> None:
    alone.entered()
    judge.hold("POST /x", sends(200, lambda: alone.sql("UPDATE applications SET version = version + 1")))
    assert judge.part.broken == []


def test_a_refusal_on_a_stack_that_never_is_quiet_is_unclear_and_not_clean(
    alone: Alone, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone.entered()
    monkeypatch.setattr("tests.fuzz.judge.time.sleep", lambda _: alone.sql("UPDATE applications SET version = version + 1"))
    judge.hold("POST /x", sends(422, lambda: alone.sql("UPDATE applications SET version = version + 1")))
    assert (judge.part.broken, judge.part.unclear) == ([], 1)


def test_a_server_error_is_broken_and_a_503_that_says_when_to_come_again_is_not(judge: Judge) -> None:
    judge.hold("POST /x", lambda: answered(500, "oh"))
    judge.hold("POST /y", lambda: answered(503))
    judge.hold("POST /z", lambda: answered(503, **{"Retry-After": "5"}))
    assert judge.part.broken == ["500 'oh': POST /x", "503 '': POST /y"]
    assert judge.part.answers == {"500": 1, "503": 2}


def test_no_answer_in_time_and_none_at_all_are_broken(judge: Judge) -> None:
    def raising(error: Exception) -> Callable[[], requests.Response]:
        def send() -> requests.Response:
            raise error

        return send

    assert judge.hold("POST /x", raising(requests.ReadTimeout())) is None
    assert judge.hold("POST /y", raising(requests.ConnectionError("reset"))) is None
    assert judge.part.broken == ["POST /x: no answer within 30 s", "POST /y: ConnectionError: reset"]


def test_a_page_that_is_not_well_formed_is_broken(judge: Judge) -> None:
    judge.hold("POST /x", lambda: answered(200, "<p>no title", **{"Content-Type": "text/html"}))
    assert len(judge.part.broken) == 1
    assert "faulty page" in judge.part.broken[0]


def test_a_form_that_is_stopped_by_the_check_of_csrf_tokens_is_broken(judge: Judge) -> None:
    """The page is the real one, from an app with the look: otherwise nobody would notice that its words changed."""
    app = Flask("look")
    app.secret_key = "x"
    install_look(app, load_utility(None), keycloak_origin="http://kc", secure=False)
    app.post("/x")(lambda: "never")
    page = app.test_client().post("/x").text
    visitor: Any = SimpleNamespace(session=SimpleNamespace(post=lambda *_, **__: answered(400, page)))
    _Walk(judge, 1, 1, Until(60))._post(visitor, Form("http://p/x", multipart=False, fields=()), [("a", "b")], "clerk")
    assert any("CSRF" in each for each in judge.part.broken)
