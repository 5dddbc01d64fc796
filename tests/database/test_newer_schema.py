"""K08: the processes of the version before go on working on a schema that a newer version made, and may be gone back to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from provisioning.adapters.postgres.schema import made_by_a_newer_version, migrate, schema_version
from provisioning.cli import app
from provisioning.use_cases.application.decide import approve
from tests.support.database_alone import REGISTRAR, Alone


@pytest.fixture
def newer(alone: Alone) -> Iterator[Alone]:
    """What a newer version may have added: columns to every table of ours, a table, a revision that we do not know."""
    tables = alone.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
        "AND table_name NOT LIKE 'procrastinate%%' AND table_name <> 'alembic_version'"
    )
    assert len(tables) > 15
    for (table,) in tables:
        alone.sql(f"ALTER TABLE {table} ADD COLUMN of_a_newer_version text, ADD COLUMN number_of_it int NOT NULL DEFAULT 7")
    alone.sql("CREATE TABLE of_a_newer_version (note text NOT NULL)")
    (revision,) = alone.sql("SELECT version_num FROM alembic_version")[0]
    alone.sql("UPDATE alembic_version SET version_num = '9999'")
    yield alone
    alone.sql("UPDATE alembic_version SET version_num = %s", revision)


def test_k08_an_application_is_filed_entered_and_decided_on_a_newer_schema(newer: Alone) -> None:
    assert newer.submitted()["reference"]
    reference = newer.entered()
    (version,) = newer.sql("SELECT version FROM applications WHERE reference = %s", reference)[0]
    approve(newer.services, REGISTRAR, reference, version, reason="paper came late")
    assert newer.sql("SELECT status FROM applications WHERE reference = %s", reference)[0][0] in ("approved", "registered")
    assert newer.sql("SELECT count(*) FROM audit WHERE subject = %s", reference)[0][0] >= 2


def test_migrate_of_the_older_version_leaves_a_newer_schema_as_it_is_and_says_so(
    newer: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = newer.wired.engine
    migrate(engine)
    assert schema_version(engine) == "9999"
    assert made_by_a_newer_version(engine)
    for name, value in {
        "DATABASE_URL": newer.url,
        "KEYCLOAK_URL": "http://k",
        "WEBAPP_URL": "http://w",
        "PROVISIONING_URL": "http://p",
    }.items():
        monkeypatch.setenv(f"IBOK_{name}", value)
    monkeypatch.setenv("IBOK_TEMPORARY_PASSWORD_KEY", "k" * 32)
    monkeypatch.setenv("IBOK_PERSONAL_DATA_KEY", "p" * 32)
    told = CliRunner().invoke(app, ["migrate"])
    assert told.exit_code == 0, told.output
    assert "A newer version brought the schema to 9999" in " ".join(told.output.split())


def test_an_older_schema_is_brought_to_ours(alone: Alone) -> None:
    with alone.wired.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
    assert not made_by_a_newer_version(alone.wired.engine)
