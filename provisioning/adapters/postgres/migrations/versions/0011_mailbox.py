"""Mail that comes in: how far each message has come; two messages with one Message-ID are two unless they say the same."""

from alembic import op

revision = "0011"
down_revision = "0010"

_SQL = """
CREATE TABLE mails_under_way (
    mailbox text NOT NULL,
    uid_validity bigint NOT NULL,
    uid bigint NOT NULL,
    tries integer NOT NULL,
    tried_at timestamptz NOT NULL,
    folder text,
    copied boolean NOT NULL,
    moves integer NOT NULL,
    answer text,
    PRIMARY KEY (mailbox, uid_validity, uid)
);

ALTER TABLE intake ADD COLUMN content_sha256 text;
DROP INDEX intake_message_id;
CREATE UNIQUE INDEX intake_message_id ON intake (message_id, content_sha256) WHERE message_id IS NOT NULL;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
