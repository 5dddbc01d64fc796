"""The audit takes no UPDATE, DELETE or TRUNCATE from the application's role, besides the trigger that refuses them."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM CURRENT_USER, PUBLIC")
