"""Who has seen what on the scan of an application."""

from alembic import op

revision = "0017"
down_revision = "0016"

_SQL = """
CREATE TABLE scan_checks (
    reference text NOT NULL REFERENCES applications ON DELETE CASCADE,
    what text NOT NULL,
    checked_by text NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (reference, what)
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
