"""The keeper of an account: what Keycloak was last seen to have, three kinds of waiting apart, keys of nonces by name.

Columns are only added and get defaults; the ones that are not written any more (step, attempts, trouble, keycloak_pending)
stay until no older process runs. Processes of the version before go on working, except its worker, which must be stopped first.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

_SQL = """
ALTER TABLE accounts
    ALTER COLUMN step DROP NOT NULL,
    ALTER COLUMN attempts SET DEFAULT 0,
    ADD COLUMN first_name text,
    ADD COLUMN last_name text,
    ADD COLUMN nonce_key text,
    ADD COLUMN useless_wanted integer NOT NULL DEFAULT 0,
    ADD COLUMN useless_done integer NOT NULL DEFAULT 0,
    ADD COLUMN console_changes integer NOT NULL DEFAULT 0,
    ADD COLUMN console_seen integer NOT NULL DEFAULT 0,
    ADD COLUMN reset_open boolean NOT NULL DEFAULT false,
    ADD COLUMN in_keycloak jsonb,
    ADD COLUMN gone_in_keycloak boolean NOT NULL DEFAULT false,
    ADD COLUMN activation_in_keycloak integer NOT NULL DEFAULT 0,
    ADD COLUMN temporary_in_keycloak text,
    ADD COLUMN temporary_is_void boolean NOT NULL DEFAULT false,
    ADD COLUMN keycloak_trouble text,
    ADD COLUMN keycloak_trouble_since timestamptz,
    ADD COLUMN keycloak_tries integer NOT NULL DEFAULT 0,
    ADD COLUMN keycloak_next_at timestamptz,
    ADD COLUMN keycloak_blocked boolean NOT NULL DEFAULT false,
    ADD COLUMN mail_trouble text,
    ADD COLUMN mail_trouble_since timestamptz,
    ADD COLUMN mail_next_at timestamptz,
    ADD COLUMN address_trouble text,
    ADD COLUMN address_trouble_since timestamptz,
    ADD COLUMN look_at timestamptz,
    ADD COLUMN unsettled boolean NOT NULL DEFAULT true;

CREATE OR REPLACE FUNCTION accounts_take_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT coalesce(NEW.email, a.data->>'email'), coalesce(NEW.language, a.language), coalesce(NEW.phone, a.data->>'phone'),
           coalesce(NEW.correspondence_address, nullif(a.data->'correspondence_address', 'null'::jsonb)),
           coalesce(NEW.customer_numbers, jsonb_build_array(a.data->>'customer_number')),
           coalesce(NEW.first_name, a.data->>'first_name', a.data#>>'{representative,first_name}', ''),
           coalesce(NEW.last_name, a.data->>'last_name', a.data#>>'{representative,last_name}', '')
      INTO NEW.email, NEW.language, NEW.phone, NEW.correspondence_address, NEW.customer_numbers, NEW.first_name, NEW.last_name
      FROM applications a WHERE a.reference = NEW.reference;
    RETURN NEW;
END $$;

UPDATE accounts SET
    first_name = CASE WHEN accounts.state = 'anonymised' THEN ''
        ELSE coalesce(a.data->>'first_name', a.data#>>'{representative,first_name}', '') END,
    last_name = CASE WHEN accounts.state = 'anonymised' THEN ''
        ELSE coalesce(a.data->>'last_name', a.data#>>'{representative,last_name}', '') END,
    email = coalesce(accounts.email, ''), language = coalesce(accounts.language, 'pl'),
    gone_in_keycloak = accounts.state IN ('deleted', 'anonymised') AND NOT accounts.keycloak_pending,
    activation_in_keycloak = CASE WHEN accounts.user_id IS NOT NULL AND accounts.step <> 'password_renewed'
        THEN accounts.activation ELSE 0 END,
    reset_open = EXISTS (SELECT 1 FROM password_resets r WHERE r.login = accounts.login AND r.step IN ('reserved', 'set')),
    keycloak_trouble = CASE WHEN accounts.trouble NOT LIKE 'mail%%' THEN accounts.trouble END,
    keycloak_trouble_since = CASE WHEN accounts.trouble NOT LIKE 'mail%%' THEN accounts.trouble_since END,
    keycloak_blocked = coalesce(accounts.trouble IN ('login_belongs_to_another', 'not_in_keycloak', 'outside_customers'), false),
    mail_trouble = CASE WHEN accounts.trouble = 'mail_deferred' THEN accounts.trouble END,
    mail_trouble_since = CASE WHEN accounts.trouble = 'mail_deferred' THEN accounts.trouble_since END,
    address_trouble = CASE WHEN accounts.trouble IN ('mail_refused', 'mail_bounced') THEN accounts.trouble END,
    address_trouble_since = CASE WHEN accounts.trouble IN ('mail_refused', 'mail_bounced') THEN accounts.trouble_since END,
    nonce = CASE WHEN accounts.trouble = 'mail_refused' OR accounts.state IN ('closed', 'deleted', 'anonymised')
        THEN NULL ELSE accounts.nonce END
  FROM applications a WHERE a.reference = accounts.reference;
UPDATE accounts SET in_keycloak = jsonb_build_object(
        'enabled', state IN ('awaiting_first_login', 'active')
            OR (state = 'resigning' AND state_before IN ('awaiting_first_login', 'active')),
        'email', email, 'first_name', first_name, 'last_name', last_name, 'language', language,
        'customer_numbers', coalesce(customer_numbers, '[]'::jsonb))
 WHERE user_id IS NOT NULL AND NOT keycloak_pending AND state NOT IN ('deleted', 'anonymised');
UPDATE accounts SET unsettled = reset_open OR nonce IS NOT NULL
    OR (state IN ('deleted', 'anonymised') AND NOT gone_in_keycloak)
    OR (user_id IS NOT NULL AND in_keycloak IS NULL AND state NOT IN ('deleted', 'anonymised'))
    OR (user_id IS NULL AND state = 'closed');
DROP INDEX accounts_waiting;
CREATE INDEX accounts_waiting ON accounts (looked_at)
    WHERE state IN ('awaiting_first_login', 'resigning') AND activated_at IS NULL AND user_id IS NOT NULL;
CREATE INDEX accounts_unsettled ON accounts (created_at) WHERE unsettled;

ALTER TABLE password_resets ALTER COLUMN attempts SET DEFAULT 0, ADD COLUMN nonce_key text;

ALTER TABLE mails ADD COLUMN fixed_recipient boolean NOT NULL DEFAULT false;
UPDATE mails SET state = 'void' WHERE state = 'replaced';
UPDATE mails SET fixed_recipient = true WHERE kind IN ('email_change', 'email_changed', 'resignation_note');
CREATE INDEX mails_waiting ON mails (created_at) WHERE state IN ('queued', 'deferred');
DROP INDEX mails_undelivered;
CREATE INDEX mails_undelivered ON mails (created_at) WHERE state IN ('refused', 'failed', 'bounced') AND handled_at IS NULL;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
