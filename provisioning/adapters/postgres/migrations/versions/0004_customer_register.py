"""The utility's customer register as last imported: what applications are checked against."""

from alembic import op

revision = "0004"
down_revision = "0003"

_SQL = """
CREATE TABLE register_customers (
    customer_number text PRIMARY KEY,
    name text NOT NULL,
    customer_type text NOT NULL,
    tax_id text,
    pesel_fingerprint text,
    supply_points jsonb NOT NULL,
    contract_numbers jsonb NOT NULL,
    email text,
    imported_at timestamptz NOT NULL,
    gone_at timestamptz
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
