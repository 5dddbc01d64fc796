"""What became of accounts, for other applications: written with the change itself, numbered without holes for each account."""

from alembic import op

revision = "0016"
down_revision = "0015"

_SQL = """
CREATE TABLE account_news (
    position bigserial PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    login text NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    customer_numbers jsonb NOT NULL,
    customer_number text,
    at timestamptz NOT NULL,
    UNIQUE (login, number)
);

CREATE TABLE webhook_receivers (
    name text PRIMARY KEY,
    position bigint NOT NULL,
    off_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    answer text,
    answered_at timestamptz
);

CREATE TABLE webhook_deliveries (
    receiver text NOT NULL,
    position bigint NOT NULL,
    event_id text NOT NULL,
    login text NOT NULL,
    created_at timestamptz NOT NULL,
    state text NOT NULL,
    tries integer NOT NULL,
    tried_at timestamptz,
    next_at timestamptz,
    answer text,
    PRIMARY KEY (receiver, position)
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (receiver, login, position) WHERE state = 'waiting';


CREATE INDEX accounts_customer_numbers ON accounts USING gin (customer_numbers);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
