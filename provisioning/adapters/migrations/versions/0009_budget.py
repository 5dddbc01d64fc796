"""The queue by name in an order of its own, whatever the database's collation; a message is known by its content too."""

from alembic import op

revision = "0009"
down_revision = "0008"

_SQL = """
CREATE INDEX applications_by_name ON applications (sort_name COLLATE "C", reference);
DROP INDEX applications_sort_name;

ALTER TABLE intake ADD COLUMN content_sha256 text;
CREATE UNIQUE INDEX intake_same_message ON intake (message_id, content_sha256) WHERE message_id IS NOT NULL;
DROP INDEX intake_message_id;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
