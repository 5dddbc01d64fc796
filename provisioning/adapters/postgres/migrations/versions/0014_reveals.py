"""How many PESEL numbers somebody has revealed within the hour is counted at each reveal and by the metrics."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("CREATE INDEX audit_reveals ON audit (at, actor) WHERE action LIKE 'application.pesel_reveal%'")


def downgrade() -> None:
    op.execute("DROP INDEX audit_reveals")
