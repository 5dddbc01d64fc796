"""The schema and its migrations."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version that this program knows; two at once wait for each other.

    One that a newer version made is left as it is: schemas only grow from one version to the next (docs/how-to/roll-back.md).
    """
    config = _migrations()
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(270000)"))
        if _made_by_a_newer_version(_version(connection)):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def made_by_a_newer_version(engine: Engine) -> bool:
    """Whether the database stands at a migration that this program does not know: it was rolled back, or is an old process."""
    return _made_by_a_newer_version(schema_version(engine))


def _made_by_a_newer_version(version: str | None) -> bool:
    known = {each.revision for each in ScriptDirectory.from_config(_migrations()).walk_revisions()}
    return version is not None and version not in known


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
        return _version(connection)


def _version(connection: Connection) -> str | None:
    if not connection.execute(text("SELECT to_regclass('alembic_version')")).scalar():
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
