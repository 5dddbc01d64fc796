"""The schema and its migrations."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version; two at once wait for each other."""
    config = _migrations()
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(270000)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_schema() -> str | None:
    """The migration that this version of the program needs."""
    return ScriptDirectory.from_config(_migrations()).get_current_head()


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "provisioning:adapters/postgres/migrations")
    return config


def schema_version(engine: Engine) -> str | None:
    """The migration the database stands at, None before the first."""
    with engine.connect() as connection:
        if not connection.execute(text("SELECT to_regclass('alembic_version')")).scalar():
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
