"""The queue by name whatever the collation, the budget of unasked mails (F13), retention."""

from alembic import op

revision = "0013"
down_revision = "0012"

_SQL = """
CREATE INDEX applications_by_name ON applications (sort_name COLLATE "C", reference);
DROP INDEX applications_sort_name;

CREATE TABLE unasked_mails (
    mailbox text NOT NULL,
    at timestamptz NOT NULL,
    reset boolean NOT NULL
);
CREATE INDEX unasked_mails_mailbox ON unasked_mails (mailbox, at);
CREATE INDEX unasked_mails_at ON unasked_mails (at);
ALTER TABLE accounts ADD COLUMN mailbox text GENERATED ALWAYS AS (
    CASE WHEN lower(split_part(email, '@', 2)) IN ('gmail.com', 'googlemail.com')
    THEN replace(coalesce(nullif(split_part(split_part(lower(email), '@', 1), '+', 1), ''), split_part(lower(email), '@', 1)), '.', '')
        || '@gmail.com'
    ELSE coalesce(nullif(split_part(split_part(lower(email), '@', 1), '+', 1), ''), split_part(lower(email), '@', 1))
        || '@' || lower(split_part(email, '@', 2)) END
) STORED;
CREATE INDEX accounts_mailbox ON accounts (mailbox);

CREATE INDEX applications_unconfirmed ON applications (reference) WHERE status = 'unconfirmed';
CREATE INDEX applications_to_forget ON applications (reference) WHERE status IN ('rejected', 'withdrawn') AND nonce <> '';
CREATE INDEX password_resets_unknown ON password_resets (asked_at) WHERE login IS NULL;
CREATE INDEX documents_sha256 ON documents (sha256);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_reference ON idempotency_keys ((answer->>'reference'));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
