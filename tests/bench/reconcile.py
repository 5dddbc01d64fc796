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

from provisioning.use_cases.account.reconcile import reconcile
from tests.bench.figures import Figure, Measured
from tests.support.stack import stack_for_tests
from tests.support.world import World

_console = Console()


def measure(world: World, count: int) -> Measured:
    """Make the accounts on both sides, let five differ, compare."""
    prefix = f"rc{secrets.token_hex(2)}"
    began = time.perf_counter()
    _make(world, prefix, count)
    made = time.perf_counter() - began
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "UPDATE accounts SET email = 'other@example.com' WHERE login = ANY(%s)", ([f"{prefix}{n:07d}" for n in range(5)],)
        )
    began = time.perf_counter()
    found = [each for each in reconcile(world.services()) if each.login.startswith(prefix)]
    seconds = time.perf_counter() - began
    assert sorted(each.login for each in found) == [f"{prefix}{n:07d}" for n in range(5)], found[:10]
    _console.print(f"reconcile: {count} accounts in {seconds:.1f} s, 5 of 5 differences found (made in {made:.0f} s)")
    figure = Figure("minutes", "reconcile, reckoned for 300,000 accounts, minutes", seconds / count * 300_000 / 60, most=5)
    return Measured([figure], {"accounts": count, "seconds": round(seconds, 2)})


def _make(world: World, prefix: str, count: int) -> None:
    """Straight into both databases: Keycloak itself would take half an hour for a hundred thousand."""
    realm, group = world.admin("GET", "").json()["id"], world.admin("GET", "/group-by-path/customers").json()["id"]
    host = world.secrets["IBOK_DATABASE_URL"].split("@")[1].split("/")[0]
    keycloak = f"postgresql://ibok_keycloak:{world.secrets['IBOK_KEYCLOAK_DATABASE_PASSWORD']}@{host}/ibok_keycloak"
    numbered = (
        "SELECT %(prefix)s || lpad(n::text, 7, '0') AS login, %(prefix)s || '-' || n AS id FROM generate_series(0, %(last)s) AS n"
    )
    values = {"prefix": prefix, "last": count - 1, "realm": realm, "group": group}
    with psycopg.connect(keycloak) as connection:
        for statement in (
            "INSERT INTO user_entity (id, email, email_constraint, email_verified, enabled, realm_id, username, created_timestamp, not_before) "
            f"SELECT id, login || '@example.com', id, true, true, %(realm)s, login, 0, 0 FROM ({numbered}) AS each",
            "INSERT INTO user_group_membership (group_id, user_id, membership_type) "
            f"SELECT %(group)s, id, 'UNMANAGED' FROM ({numbered}) AS each",
            "INSERT INTO user_attribute (id, name, value, user_id) "
            f"SELECT id || name, name, CASE name WHEN 'ibok_application' THEN id WHEN 'locale' THEN 'pl' ELSE '40118270' END, id "
            f"FROM ({numbered}) AS each, unnest(ARRAY['ibok_application', 'ibok_customer_numbers', 'locale']) AS name",
        ):
            connection.execute(statement, values)
    with psycopg.connect(world.secrets["IBOK_DATABASE_URL"]) as connection:
        for statement in (
            "INSERT INTO applications (reference, version, status, channel, form_version, terms_version, language, customer_type, data, "
            "clauses, terms_accepted, received_at, nonce, search_words) SELECT id, 1, 'registered', 'office', '2026-1', '2026-1', 'pl', 'person', "
            "jsonb_build_object('email', login || '@example.com', 'customer_number', '40118270', 'phone', NULL, "
            f"'correspondence_address', NULL), '{{}}', true, now(), '', '' FROM ({numbered}) AS each",
            f"INSERT INTO issued_logins SELECT login, id, now() FROM ({numbered}) AS each",
            "INSERT INTO accounts (login, reference, state, step, created_at, user_id, attempts, activated_at) "
            f"SELECT login, id, 'active', 'done', now(), id, 0, now() FROM ({numbered}) AS each",
        ):
            connection.execute(statement, values)


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
