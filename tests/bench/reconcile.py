"""`ibok-provisioning reconcile` over many accounts: seconds, and that it finds the few that were made to differ.

`make bench` runs it with 5,000 accounts; `python -m tests.bench.reconcile 100000` with as many as are asked for.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from rich.console import Console

from provisioning.use_cases.reconcile import reconcile
from tests.support.stack import stack_for_tests
from tests.support.world import World

_BATCH = 1000
_console = Console()


def measure(world: World, count: int) -> dict[str, float]:
    """Make the accounts on both sides, let five differ, compare."""
    prefix = f"rc{secrets.token_hex(2)}"
    began = time.perf_counter()
    for first in range(0, count, _BATCH):
        _make(world, prefix, range(first, min(count, first + _BATCH)))
    made = time.perf_counter() - began
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "UPDATE accounts SET email = 'other@example.com' WHERE login = ANY(%s)", ([f"{prefix}{n:07d}" for n in range(5)],)
        )
    began = time.perf_counter()
    found = [each for each in reconcile(world.office()) if each.login.startswith(prefix)]
    seconds = time.perf_counter() - began
    assert sorted(each.login for each in found) == [f"{prefix}{n:07d}" for n in range(5)], found[:10]
    _console.print(f"reconcile: {count} accounts in {seconds:.1f} s, 5 of 5 differences found (made in {made:.0f} s)")
    return {"accounts": count, "seconds": round(seconds, 2)}


def _make(world: World, prefix: str, numbers: range) -> None:
    users = [
        {
            "username": f"{prefix}{n:07d}",
            "enabled": True,
            "email": f"{prefix}{n}@example.com",
            "groups": ["/customers"],
            "attributes": {"ibok_application": [f"{prefix}-{n}"], "ibok_customer_numbers": ["40118270"], "locale": ["pl"]},
        }
        for n in numbers
    ]
    answer = world.admin("POST", "/partialImport", json={"ifResourceExists": "FAIL", "users": users})
    answer.raise_for_status()
    ids = {each["resourceName"]: each["id"] for each in answer.json()["results"]}
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"]) as connection:
        for n in numbers:
            login, reference = f"{prefix}{n:07d}", f"{prefix}-{n}"
            connection.execute(
                "INSERT INTO applications (reference, version, status, channel, form_version, terms_version, language, customer_type, data, "
                "clauses, terms_accepted, received_at, nonce, search) VALUES (%s, 1, 'registered', 'office', '2026-1', '2026-1', 'pl', 'person', "
                """jsonb_build_object('email', %s::text, 'customer_number', '40118270', 'phone', NULL, 'correspondence_address', NULL), """
                "'{}', true, now(), '', '')",
                (reference, f"{prefix}{n}@example.com"),
            )
            connection.execute("INSERT INTO issued_logins VALUES (%s, %s, now())", (login, reference))
            connection.execute(
                "INSERT INTO accounts (login, reference, state, step, created_at, user_id, attempts, activated_at) "
                "VALUES (%s, %s, 'active', 'done', now(), %s, 0, now())",
                (login, reference, ids[login]),
            )


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ibok-bench-") as folder:
        Path(folder).chmod(0o755)
        stack = stack_for_tests(Path(folder), _console)
        stack.start()
        try:
            measure(World(stack.state / "stack.json"), int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
        finally:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
