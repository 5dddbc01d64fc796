"""Notes of staff on a case, which stay after the decision, and who works on it."""

from alembic import op

revision = "0005"
down_revision = "0004"

_SQL = """
CREATE TABLE case_notes (
    note_id text PRIMARY KEY,
    reference text NOT NULL REFERENCES applications,
    at timestamptz NOT NULL,
    author text NOT NULL,
    text text NOT NULL
);
CREATE INDEX case_notes_reference ON case_notes (reference, at);
CREATE TABLE case_claims (
    reference text PRIMARY KEY REFERENCES applications,
    username text NOT NULL,
    until timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
