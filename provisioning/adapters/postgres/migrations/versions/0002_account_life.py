"""The life of an account: new passwords, changes of address, terms, resignation, deletion, Keycloak's events.

Columns have defaults and may be empty, so that older processes go on working while this runs (K08).
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = """
ALTER TABLE accounts
    ADD COLUMN email text,
    ADD COLUMN language text,
    ADD COLUMN phone text,
    ADD COLUMN correspondence_address jsonb,
    ADD COLUMN customer_numbers jsonb,
    ADD COLUMN activation integer NOT NULL DEFAULT 1,
    ADD COLUMN state_before text,
    ADD COLUMN closing_cause text,
    ADD COLUMN resigned_at timestamptz,
    ADD COLUMN closes_on date,
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN delete_on date,
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN anonymise_on date,
    ADD COLUMN keycloak_pending boolean NOT NULL DEFAULT false,
    ADD COLUMN address_doubt_at timestamptz;
CREATE INDEX accounts_closing ON accounts (state, closes_on, delete_on, anonymise_on)
    WHERE state IN ('resigning', 'closed', 'deleted');
CREATE INDEX accounts_pending ON accounts (login) WHERE keycloak_pending;

-- What the application filed is evidence; what the account uses now is its own.
CREATE FUNCTION accounts_take_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT coalesce(NEW.email, a.data->>'email'), coalesce(NEW.language, a.language), coalesce(NEW.phone, a.data->>'phone'),
           coalesce(NEW.correspondence_address, nullif(a.data->'correspondence_address', 'null'::jsonb)),
           coalesce(NEW.customer_numbers, jsonb_build_array(a.data->>'customer_number'))
      INTO NEW.email, NEW.language, NEW.phone, NEW.correspondence_address, NEW.customer_numbers
      FROM applications a WHERE a.reference = NEW.reference;
    RETURN NEW;
END $$;
CREATE TRIGGER accounts_take_contact BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION accounts_take_contact();
UPDATE accounts SET email = a.data->>'email', language = a.language, phone = a.data->>'phone',
    correspondence_address = nullif(a.data->'correspondence_address', 'null'::jsonb),
    customer_numbers = jsonb_build_array(a.data->>'customer_number')
  FROM applications a WHERE a.reference = accounts.reference;

ALTER TABLE mails ADD COLUMN about jsonb NOT NULL DEFAULT '{}';

CREATE TABLE password_resets (
    reset_id text PRIMARY KEY,
    login text REFERENCES accounts,
    asked_at timestamptz NOT NULL,
    outcome text NOT NULL,
    step text NOT NULL,
    message_id text,
    expires_at timestamptz,
    nonce bytea,
    attempts integer NOT NULL
);
CREATE INDEX password_resets_login ON password_resets (login, asked_at);
CREATE INDEX password_resets_asked ON password_resets (asked_at);

CREATE TABLE email_changes (
    change_id text PRIMARY KEY,
    login text NOT NULL REFERENCES accounts,
    old_email text NOT NULL,
    new_email text NOT NULL,
    asked_at timestamptz NOT NULL,
    nonce bytea,
    undo_nonce bytea,
    confirmed_at timestamptz,
    undone_at timestamptz
);
CREATE INDEX email_changes_login ON email_changes (login, asked_at);

CREATE TABLE change_requests (
    request_id text PRIMARY KEY,
    login text NOT NULL REFERENCES accounts,
    wanted jsonb NOT NULL,
    asked_at timestamptz NOT NULL,
    outcome text,
    answered_at timestamptz,
    answered_by text
);
CREATE INDEX change_requests_open ON change_requests (asked_at) WHERE outcome IS NULL;
CREATE INDEX change_requests_login ON change_requests (login);

CREATE TABLE terms_acceptances (
    login text NOT NULL REFERENCES accounts,
    terms_version text NOT NULL,
    accepted boolean NOT NULL,
    at timestamptz NOT NULL,
    terms_sha256 text NOT NULL,
    PRIMARY KEY (login, terms_version)
);

CREATE TABLE erasure_requests (
    request_id text PRIMARY KEY,
    login text NOT NULL REFERENCES accounts,
    received_on date NOT NULL,
    due_on date NOT NULL,
    channel text NOT NULL,
    entered_by text NOT NULL,
    created_at timestamptz NOT NULL,
    decision text,
    ground text,
    decided_at timestamptz,
    decided_by text
);

CREATE TABLE incidents (
    incident_id text PRIMARY KEY,
    login text NOT NULL REFERENCES accounts,
    at timestamptz NOT NULL,
    address text NOT NULL,
    disclosed jsonb NOT NULL,
    reported_by text NOT NULL,
    note text
);

-- What Keycloak reported of customers' logins and of changes in its console.
CREATE TABLE account_events (
    event_id text PRIMARY KEY,
    login text NOT NULL REFERENCES accounts,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    address text,
    details jsonb NOT NULL
);
CREATE INDEX account_events_login ON account_events (login, at DESC);
CREATE TABLE cursors (name text PRIMARY KEY, at timestamptz NOT NULL);

-- Words in the audit that may name a person are kept apart, under a key that goes with the person.
CREATE TABLE audit_keys (subject text PRIMARY KEY, key bytea NOT NULL);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
