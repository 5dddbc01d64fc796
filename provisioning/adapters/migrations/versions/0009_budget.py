"""The queue by name in an order of its own: the database's collation may be any, and may change with its libraries."""

from alembic import op

revision = "0009"
down_revision = "0008"

_SQL = """
CREATE INDEX applications_by_name ON applications (sort_name COLLATE "C", reference);
DROP INDEX applications_sort_name;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
