"""What is past its retention, in PostgreSQL: found in portions, and taken out of every table that holds it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from provisioning.domain.application import Status
from provisioning.domain.intake import IntakeState

# By the status and the day that counts; an anonymised application has no nonce any more.
_PAST = {
    Status.UNCONFIRMED: "status = 'unconfirmed' AND CASE WHEN email_confirmed_at IS NULL THEN received_at < :before "
    "ELSE email_confirmed_at < :confirmed_before END",
    Status.WITHDRAWN: "status = 'withdrawn' AND nonce <> '' AND decided_at < :before",
    Status.REJECTED: "status = 'rejected' AND nonce <> '' AND decided_at < :before",
}


class PostgresRetention:
    """The port `Retention` over one connection, within its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def applications(
        self, status: Status, before: datetime, after: str, limit: int, confirmed_before: datetime | None = None
    ) -> list[str]:
        """References in their order, those after one of them."""
        statement = (
            f"SELECT reference FROM applications WHERE {_PAST[status]} AND reference > :after ORDER BY reference LIMIT :limit"  # noqa: S608
        )
        values = {"before": before, "confirmed_before": confirmed_before, "after": after, "limit": limit}
        return list(self._connection.execute(text(statement), values).scalars())

    def forget_traces(self, references: list[str]) -> None:
        forget_traces(self._connection, references)

    def delete_application(self, reference: str) -> None:
        """The row itself with its mails; after `forget_traces`, and only of what never became anything."""
        for statement in ("DELETE FROM mails WHERE reference = :r", "DELETE FROM applications WHERE reference = :r"):
            self._connection.execute(text(statement), {"r": reference})

    def intake(self, state: IntakeState, before: datetime, limit: int) -> list[str]:
        statement = text("SELECT intake_id FROM intake WHERE state = :s AND received_at < :b ORDER BY received_at LIMIT :limit")
        return list(self._connection.execute(statement, {"s": state.value, "b": before, "limit": limit}).scalars())

    def delete_intake(self, intake_id: str) -> None:
        """With its files, and with what was said of it."""
        for statement in ("DELETE FROM intake WHERE intake_id = :i", "DELETE FROM audit_keys WHERE subject = 'intake:' || :i"):
            self._connection.execute(text(statement), {"i": intake_id})

    def drop_shared_intake_words(self, before: datetime) -> None:
        """Words about dismissed mails once shared one key; it goes when the last of them is old enough."""
        self._connection.execute(
            text(
                "DELETE FROM audit_keys WHERE subject = 'intake'"
                " AND NOT EXISTS (SELECT 1 FROM audit WHERE subject = 'intake' AND action = 'intake.dismissed' AND at >= :b)"
            ),
            {"b": before},
        )

    def delete_unknown_resets(self, before: datetime, limit: int) -> int:
        statement = (
            "DELETE FROM password_resets WHERE reset_id IN "
            "(SELECT reset_id FROM password_resets WHERE login IS NULL AND asked_at < :b LIMIT :limit)"
        )
        return self._connection.execute(text(statement), {"b": before, "limit": limit}).rowcount

    def delete_idempotency_keys(self, before: datetime, limit: int) -> int:
        statement = (
            "DELETE FROM idempotency_keys WHERE (caller, key) IN "
            "(SELECT caller, key FROM idempotency_keys WHERE created_at < :b LIMIT :limit)"
        )
        return self._connection.execute(text(statement), {"b": before, "limit": limit}).rowcount


def forget_traces(connection: Connection, references: list[str]) -> None:
    """Everything of a person that hangs on applications: files, mails, notes, what came in, and the key of the audit's words."""
    for statement in (
        "UPDATE mails SET recipient = '', answer = '', about = '{}' WHERE reference = ANY(:references)",
        "DELETE FROM originals WHERE sha256 IN (SELECT sha256 FROM documents WHERE reference = ANY(:references)) "
        "AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.sha256 = originals.sha256 AND NOT d.reference = ANY(:references))",
        "DELETE FROM documents WHERE reference = ANY(:references)",
        "DELETE FROM intake WHERE reference = ANY(:references)",
        "DELETE FROM case_notes WHERE reference = ANY(:references)",
        "DELETE FROM case_claims WHERE reference = ANY(:references)",
        "DELETE FROM idempotency_keys WHERE answer->>'reference' = ANY(:references)",
        "DELETE FROM audit_keys WHERE subject = ANY(:references)",
    ):
        connection.execute(text(statement), {"references": references})
