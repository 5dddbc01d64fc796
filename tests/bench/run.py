"""`make bench`: how fast accounts are made, as ratios within one run on one machine.

(a) 200 approvals until 200 users exist and 200 mails are taken, against the same 200 users by a good plain script
    (python-keycloak, one `create_user` with a temporary password each, four threads, no mail, no database) and by
    the usual script (create, set password, update, one thread).
(b) One at a time: click "approve" to mail taken, p95, against one plain `POST /users` with a password.
Three rounds, interleaved; median and spread; written to bench/results/.
"""

from __future__ import annotations

import json
import platform
import secrets
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from keycloak import KeycloakAdmin
from rich.console import Console
from rich.table import Table

from ibok_idp.local.stack import Stack
from tests.bench.queue import measure as measure_queue
from tests.bench.reconcile import measure as measure_reconcile
from tests.support.free_ports import local_settings
from tests.support.world import World, paper_body

USERS, ROUNDS, SINGLE, QUEUE = 200, 3, 40, 1_000_000
RESULTS = Path(__file__).parents[2] / "bench" / "results"
_console = Console()


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ibok-bench-") as folder:
        Path(folder).chmod(0o755)
        stack = Stack(local_settings(Path(folder)), _console)
        stack.start()
        try:
            return measure(World(stack.state / "stack.json"))
        finally:
            stack.stop()


def measure(world: World) -> int:
    for warm in (lambda: ours(world, 20), lambda: plain(world, 20), lambda: usual(world, 5)):
        warm()
    rounds: dict[str, list[float]] = {"ours": [], "plain": [], "usual": []}
    for number in range(ROUNDS):
        _console.print(f"round {number + 1} of {ROUNDS}")
        rounds["ours"].append(ours(world, USERS))
        rounds["plain"].append(plain(world, USERS))
        rounds["usual"].append(usual(world, USERS))
    click, post = [], []
    for _ in range(SINGLE):
        click.append(one_click(world))
        post.append(one_post(world))
    median = {name: statistics.median(values) for name, values in rounds.items()}
    p95 = {"click": percentile(click, 95), "post": percentile(post, 95)}
    figures = [
        ("a1", "200 accounts with mail, against a plain script with 4 threads", median["plain"] / median["ours"], 2.0, "at least"),
        ("a2", "the same, against the usual script with 1 thread", median["usual"] / median["ours"], 5.0, "at least"),
        ("b", "click to mail taken, p95, against one POST with a password, p95", p95["click"] / p95["post"], 1.5, "at most"),
    ]
    table = Table("figure", "what", "ratio", "goal", "met")
    for key, what, ratio, goal, kind in figures:
        met = ratio >= goal if kind == "at least" else ratio <= goal
        table.add_row(key, what, f"{ratio:.2f}", f"{kind} {goal}", "yes" if met else "NO")
    _console.print(table)
    detail = Table("way", "median", "spread", "a second")
    for name, values in rounds.items():
        detail.add_row(name, f"{median[name]:.2f} s", f"{min(values):.2f} to {max(values):.2f} s", f"{USERS / median[name]:.1f}")
    detail.add_row("click", f"{statistics.median(click) * 1000:.0f} ms", f"p95 {p95['click'] * 1000:.0f} ms", "")
    detail.add_row("POST", f"{statistics.median(post) * 1000:.0f} ms", f"p95 {p95['post'] * 1000:.0f} ms", "")
    _console.print(detail)
    compared = measure_reconcile(world, 5000)
    queue = measure_queue(world, (1000, QUEUE))
    write(
        {
            "reconcile": compared,
            "queue": queue,
            "rounds": rounds,
            "click": click,
            "post": post,
            "figures": [(k, w, round(r, 3), g, kind) for k, w, r, g, kind in figures],
        }
    )
    return 0


def ours(world: World, count: int) -> float:
    """Seconds from the first click on "approve" until every mail is taken."""
    token, clerk = world.staff_token("registrar"), world.staff_token("clerk")

    def enter(_: int) -> str:
        answer = world.call("POST", "/staff/applications", clerk, json=paper_body())
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    with ThreadPoolExecutor(4) as pool:
        references = list(pool.map(enter, range(count)))
        _queue_is_empty(world)
        began = time.perf_counter()
        for status in pool.map(
            lambda r: world.call("POST", f"/staff/applications/{r}/approve", token, json={"version": 1}).status_code, references
        ):
            assert status == 200
        with psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
            query = (
                "SELECT count(*) FROM accounts WHERE reference = ANY(%s) AND mail_accepted_at IS NOT NULL AND user_id IS NOT NULL"
            )
            while connection.execute(query, (references,)).fetchone() != (count,):
                time.sleep(0.02)
        return time.perf_counter() - began


def _queue_is_empty(world: World) -> None:
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queue_name = 'default'"
        while connection.execute(query).fetchone() != (0,):
            time.sleep(0.05)


def admin(world: World) -> KeycloakAdmin:
    return KeycloakAdmin(
        server_url=world.keycloak,
        realm_name="ibok",
        client_id="ibok-provisioning",
        client_secret_key=world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"],
    )


def user(password: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "username": f"bench{secrets.token_hex(6)}", "enabled": True, "email": "bench@example.com", "firstName": "Józefa", "lastName": "Źdźbło-Żak",
        "groups": ["/customers"], "requiredActions": ["UPDATE_PASSWORD"], "attributes": {"ibok_application": ["2026-000001-1"], "ibok_customer_numbers": ["40118270"]},
    }  # fmt: skip
    if password:
        body["credentials"] = [{"type": "password", "value": password, "temporary": True}]
    return body


def password() -> str:
    return f"Aa1{secrets.token_urlsafe(12)}"


def plain(world: World, count: int) -> float:
    """The good plain script: one call a user, four threads."""
    admins = [admin(world) for _ in range(4)]
    for each in admins:
        each.users_count()
    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: admins[n % 4].create_user(user(password())), range(count)))
    return time.perf_counter() - began


def usual(world: World, count: int) -> float:
    """The usual script: create, set the password, update; one thread."""
    one = admin(world)
    began = time.perf_counter()
    for _ in range(count):
        body = user(None)
        identifier = one.create_user(body)
        one.set_user_password(identifier, password(), temporary=True)
        one.update_user(identifier, {**body, "emailVerified": True})
    return time.perf_counter() - began


def one_click(world: World) -> float:
    """Seconds from the click on "approve" to the mail server's 250, both on this machine's clock."""
    answer = world.call("POST", "/staff/applications", world.staff_token("clerk"), json=paper_body())
    reference = answer.json()["reference"]
    token = world.staff_token("registrar")
    _queue_is_empty(world)
    clicked = datetime.now(UTC)
    assert world.call("POST", f"/staff/applications/{reference}/approve", token, json={"version": 1}).status_code == 200
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
        while True:
            row = connection.execute("SELECT mail_accepted_at FROM accounts WHERE reference = %s", (reference,)).fetchone()
            if row and row[0]:
                return float((row[0] - clicked).total_seconds())
            time.sleep(0.01)


def one_post(world: World) -> float:
    one = admin(world)
    one.users_count()
    began = time.perf_counter()
    one.create_user(user(password()))
    return time.perf_counter() - began


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def write(result: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    target = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    target.write_text(json.dumps({"machine": platform.platform(), "users": USERS, **result}, indent=2))
    _console.print(f"Written to {target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target}.")


if __name__ == "__main__":
    sys.exit(main())
