"""What the worker's periodic duties came to: read by the task page, by `doctor`, by other workers."""

from alembic import op

revision = "0009"
down_revision = "0008"

_SQL = """
CREATE TABLE duties (
    name text PRIMARY KEY,
    tried_at timestamptz NOT NULL,
    succeeded_at timestamptz,
    failing_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    error text,
    next_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
