"""What came in keeps its files as they came, and what their electronic signatures say, until it is an application's or dismissed."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("ALTER TABLE intake_files ADD COLUMN original bytea, ADD COLUMN signatures jsonb")
