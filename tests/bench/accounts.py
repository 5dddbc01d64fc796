"""How fast accounts are made, against plain scripts that only make users.

(a) 200 approvals until 200 users exist and 200 mails are taken, against the same 200 users by a good plain script
    (python-keycloak, one `create_user` with a temporary password each, four threads, no mail, no database) and by
    the usual script (create, set password, update, one thread). Their users get the same attributes and the same group.
(b) One at a time: click "approve" to mail taken, p95, against one plain `POST /users` with a password.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psutil
import psycopg
from keycloak import KeycloakAdmin

from ibok_idp.temporary_password import derive, new_nonce
from tests.bench.figures import Figure, Measured, interleaved, percentile
from tests.support.world import World, paper_body

USERS, ROUNDS, SINGLE = 200, 3, 40


def measure(world: World) -> Measured:
    for warm in (lambda: ours(world, 40), lambda: plain(world, 40), lambda: usual(world, 10)):
        warm()
    ways = {"ours": ours, "plain": plain, "usual": usual}
    seconds = interleaved({name: lambda way=way: way(world, USERS) for name, way in ways.items()}, ROUNDS)  # type: ignore[misc]
    spent = {name: _cpu(world, lambda way=way: way(world, USERS)) for name, way in list(ways.items())[:2]}  # type: ignore[misc]
    single = interleaved({"click": lambda: one_click(world), "post": lambda: one_post(world)}, SINGLE)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    p95 = {name: percentile(values, 95) for name, values in single.items()}
    return Measured(
        [
            Figure(
                "a1", "200 accounts with mail, times a plain script with 4 threads", median["plain"] / median["ours"], least=2.5
            ),
            Figure("a2", "the same, times the usual script with 1 thread", median["usual"] / median["ours"], least=6),
            Figure("b", "click to mail taken, p95, in plain POSTs with a password", p95["click"] / p95["post"], most=1.5),
        ],
        {
            "seconds": seconds,
            "a second": {name: USERS / value for name, value in median.items()},
            "single, seconds": single,
            "CPU of all processes, ms an account": spent,
        },
    )


def ours(world: World, count: int) -> float:
    """Seconds from the first click on "approve" until every mail is taken."""
    token, clerk = world.staff_token("registrar"), world.staff_token("clerk")

    def enter(_: int) -> str:
        answer = world.call("POST", "/staff/applications", clerk, json=paper_body())
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    def approve(reference: str) -> int:
        return world.call(
            "POST", f"/staff/applications/{reference}/approve", token, json={"version": 1, "reason": "bench"}
        ).status_code

    with ThreadPoolExecutor(4) as pool:
        references = list(pool.map(enter, range(count)))
        _queue_is_empty(world)
        began = time.perf_counter()
        assert set(pool.map(approve, references)) == {200}
        with psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
            query = (
                "SELECT count(*) FROM accounts WHERE reference = ANY(%s) AND mail_accepted_at IS NOT NULL AND user_id IS NOT NULL"
            )
            while connection.execute(query, (references,)).fetchone() != (count,):
                time.sleep(0.02)
        return time.perf_counter() - began


def plain(world: World, count: int) -> float:
    """The good plain script: one call a user, four threads."""
    admins = [_admin(world) for _ in range(4)]
    for each in admins:
        each.users_count()
    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: admins[n % 4].create_user(_user(_password())), range(count)))
    return time.perf_counter() - began


def usual(world: World, count: int) -> float:
    """The usual script: create, set the password, update; one thread."""
    one = _admin(world)
    began = time.perf_counter()
    for _ in range(count):
        body = _user(None)
        identifier = one.create_user(body)
        one.set_user_password(identifier, _password(), temporary=True)
        one.update_user(identifier, {**body, "emailVerified": True})
    return time.perf_counter() - began


def one_click(world: World) -> float:
    """Seconds from the click on "approve" to the mail server's 250, both on this machine's clock."""
    answer = world.call("POST", "/staff/applications", world.staff_token("clerk"), json=paper_body())
    reference = answer.json()["reference"]
    token = world.staff_token("registrar")
    _queue_is_empty(world)
    clicked = datetime.now(UTC)
    assert (
        world.call("POST", f"/staff/applications/{reference}/approve", token, json={"version": 1, "reason": "bench"}).status_code
        == 200
    )
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
        while True:
            row = connection.execute("SELECT mail_accepted_at FROM accounts WHERE reference = %s", (reference,)).fetchone()
            if row and row[0]:
                return float((row[0] - clicked).total_seconds())
            time.sleep(0.01)


def one_post(world: World) -> float:
    one = _admin(world)
    one.users_count()
    began = time.perf_counter()
    one.create_user(_user(_password()))
    return time.perf_counter() - began


def _queue_is_empty(world: World) -> None:
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queue_name = 'default'"
        while connection.execute(query).fetchone() != (0,):
            time.sleep(0.05)


def _cpu(world: World, do: Callable[[], Any]) -> dict[str, float]:
    """CPU time that each part of the stack spends on one account, in milliseconds: it hardly depends on what else the machine does."""
    before = _spent(world)
    do()
    time.sleep(1)  # what is written down a moment later belongs to it
    return {name: round((spent - before.get(name, 0)) / USERS * 1000, 1) for name, spent in _spent(world).items()}


def _spent(world: World) -> dict[str, float]:
    """CPU seconds by part, up to now. PostgreSQL's servers come and go, so it is counted by its parent with all that ended."""
    found = {}
    for name, pid in world.stack["pids"].items():
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        found[name] = sum(sum(each.cpu_times()) for each in family if each.is_running())
    postgres = psutil.Process(int((world.state / "db" / "postmaster.pid").read_text().split()[0]))
    found["postgres"] = sum(sum(each.cpu_times()[:2]) for each in postgres.children()) + sum(postgres.cpu_times())
    found["measuring"] = sum(psutil.Process().cpu_times()[:2])
    return found


def _admin(world: World) -> KeycloakAdmin:
    return KeycloakAdmin(
        server_url=world.keycloak,
        realm_name="ibok",
        client_id="ibok-provisioning",
        client_secret_key=world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"],
    )


def _user(password: str | None) -> dict[str, Any]:
    login = f"bench{secrets.token_hex(6)}"
    body: dict[str, Any] = {
        "username": login, "enabled": True, "email": f"{login}@example.com", "emailVerified": True, "firstName": "Józefa", "lastName": "Źdźbło-Żak",
        "groups": ["/customers"], "requiredActions": ["UPDATE_PASSWORD"],
        "attributes": {"ibok_application": [f"2026-{login}"], "ibok_customer_numbers": ["40118270"], "locale": ["pl"]},
    }  # fmt: skip
    if password:
        body["credentials"] = [{"type": "password", "value": password, "temporary": True}]
    return body


def _password() -> str:
    """One of ours, which is on no list of common passwords."""
    return derive(secrets.token_bytes(32), new_nonce(), "bench")
