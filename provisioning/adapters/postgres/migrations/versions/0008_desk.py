"""The desk: digests sent, mails that did not arrive, what came in by e-mail or as a batch of scans, originals of scans, form versions."""

from alembic import op

revision = "0008"
down_revision = "0007"

_SQL = """
ALTER TABLE applications ADD COLUMN rejected_for text;
CREATE INDEX applications_decided ON applications (decided_at) WHERE decided_at IS NOT NULL;
CREATE INDEX mails_created ON mails (created_at);

CREATE TABLE digests (
    day date NOT NULL,
    recipient text NOT NULL,
    sent_at timestamptz NOT NULL,
    PRIMARY KEY (day, recipient)
);

ALTER TABLE mails ADD COLUMN handled_at timestamptz, ADD COLUMN handled_by text;
CREATE INDEX mails_undelivered ON mails (created_at) WHERE state IN ('refused', 'bounced') AND handled_at IS NULL;

CREATE TABLE intake (
    intake_id text PRIMARY KEY,
    kind text NOT NULL,
    state text NOT NULL,
    sha256 text NOT NULL UNIQUE,
    message_id text,
    sender text NOT NULL,
    subject text NOT NULL,
    received_at timestamptz NOT NULL,
    text text NOT NULL,
    problem text,
    reference text,
    closed_at timestamptz,
    closed_by text
);
CREATE INDEX intake_state ON intake (state, received_at);
CREATE UNIQUE INDEX intake_message_id ON intake (message_id) WHERE message_id IS NOT NULL;

CREATE TABLE intake_files (
    file_id text PRIMARY KEY,
    intake_id text NOT NULL REFERENCES intake ON DELETE CASCADE,
    place integer NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    sha256 text NOT NULL,
    refused text,
    content bytea NOT NULL
);
CREATE INDEX intake_files_intake ON intake_files (intake_id, place);

CREATE TABLE originals (
    sha256 text PRIMARY KEY,
    content bytea NOT NULL
);

CREATE TABLE form_activations (
    version text PRIMARY KEY,
    valid_from date NOT NULL,
    activated_at timestamptz NOT NULL,
    activated_by text NOT NULL
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
