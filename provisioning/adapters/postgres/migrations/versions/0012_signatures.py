"""What the electronic signatures of an uploaded PDF say, read when it came."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE documents ADD COLUMN signatures jsonb")
