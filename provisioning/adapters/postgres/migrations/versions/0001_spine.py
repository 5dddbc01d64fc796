"""Applications, accounts, mails, documents, audit, and the queue's own tables."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None

_TABLES = """
CREATE SEQUENCE application_numbers;

CREATE TABLE applications (
    reference text PRIMARY KEY,
    version integer NOT NULL,
    status text NOT NULL,
    channel text NOT NULL,
    form_version text NOT NULL,
    terms_version text NOT NULL,
    language text NOT NULL,
    customer_type text NOT NULL,
    data jsonb NOT NULL,
    pesel_encrypted bytea,
    clauses jsonb NOT NULL,
    terms_accepted boolean NOT NULL,
    signature jsonb,
    received_at timestamptz NOT NULL,
    filed_at timestamptz,
    filed_on date,
    completed_on date,
    due_on date,
    email_confirmed_at timestamptz,
    decided_at timestamptz,
    decided_by text,
    reason text,
    entered_by text,
    nonce bytea NOT NULL,
    confirmation_nonce bytea,
    confirmation_sent_at timestamptz,
    search text NOT NULL
);
CREATE INDEX applications_queue ON applications (coalesce(due_on, '9999-12-31'::date), reference);
CREATE INDEX applications_status ON applications (status, coalesce(due_on, '9999-12-31'::date), reference);

CREATE TABLE issued_logins (
    login text PRIMARY KEY CHECK (login = lower(login)),
    reference text NOT NULL,
    issued_at timestamptz NOT NULL
);

CREATE TABLE accounts (
    login text PRIMARY KEY REFERENCES issued_logins,
    reference text NOT NULL UNIQUE REFERENCES applications,
    state text NOT NULL,
    step text NOT NULL,
    created_at timestamptz NOT NULL,
    nonce bytea,
    user_id text UNIQUE,
    attempts integer NOT NULL,
    trouble text,
    trouble_since timestamptz,
    next_attempt_at timestamptz,
    password_expires_at timestamptz,
    mail_accepted_at timestamptz,
    activated_at timestamptz,
    looked_at timestamptz NOT NULL DEFAULT 'epoch'
);
CREATE INDEX accounts_waiting ON accounts (looked_at) WHERE state = 'awaiting_first_login';
CREATE INDEX accounts_trouble ON accounts (trouble_since) WHERE trouble IS NOT NULL;

CREATE TABLE mails (
    message_id text PRIMARY KEY,
    reference text NOT NULL REFERENCES applications,
    kind text NOT NULL,
    recipient text NOT NULL,
    created_at timestamptz NOT NULL,
    state text NOT NULL,
    answer text NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamptz,
    accepted_at timestamptz
);
CREATE INDEX mails_reference ON mails (reference);

CREATE TABLE documents (
    document_id text PRIMARY KEY,
    reference text NOT NULL REFERENCES applications,
    kind text NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    sha256 text NOT NULL,
    content bytea NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX documents_reference ON documents (reference);

CREATE TABLE idempotency_keys (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    answer jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);

CREATE TABLE audit (
    number bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    roles jsonb NOT NULL,
    address text,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL UNIQUE
);
CREATE INDEX audit_subject ON audit (subject, number);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(_TABLES)
    connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
