"""Answers to the Regulamin and decisions about form versions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import columns, every, read
from provisioning.domain.account import Account
from provisioning.domain.terms import FormActivation, TermsAnswer


class PostgresTerms:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def answer(self, answer: TermsAnswer) -> bool:
        """False when this version was answered before: the first answer stands."""
        names, values = columns(TermsAnswer)
        statement = text(f"INSERT INTO terms_acceptances ({names}) VALUES ({values}) ON CONFLICT DO NOTHING")  # noqa: S608
        return self._connection.execute(statement, vars(answer)).rowcount == 1

    def of(self, login: str) -> list[TermsAnswer]:
        return every(self._connection, TermsAnswer, "terms_acceptances WHERE login = :l ORDER BY at", l=login)

    def counts(self, terms_version: str) -> dict[str, int]:
        row = self._connection.execute(
            text(
                f"SELECT count(*) FILTER (WHERE t.accepted OR p.terms_version = :v) AS accepted, "
                f"count(*) FILTER (WHERE NOT t.accepted) AS refused, "
                f"count(*) FILTER (WHERE t.accepted IS NULL AND p.terms_version <> :v) AS unanswered {_ANSWERS}"
            ),
            {"v": terms_version},
        ).one()
        return {"accepted": row.accepted, "refused": row.refused, "unanswered": row.unanswered}

    def answers(self, terms_version: str, after: str, limit: int) -> list[tuple[str, bool, datetime]]:
        """Who answered one version and how, in the order of logins; an acceptance with the application counts too."""
        rows = self._connection.execute(
            text(
                "SELECT login, accepted, at FROM (SELECT login, accepted, at FROM terms_acceptances WHERE terms_version = :v "
                "UNION ALL SELECT accounts.login, true, p.received_at FROM accounts JOIN applications p USING (reference) "
                "WHERE p.terms_version = :v AND p.terms_accepted) AS answers WHERE login > :after ORDER BY login LIMIT :limit"
            ),
            {"v": terms_version, "after": after, "limit": limit},
        )
        return [(row.login, row.accepted, row.at) for row in rows]

    def unanswered(self, terms_version: str, limit: int) -> list[Account]:
        rows = self._connection.execute(
            text(
                f"SELECT accounts.* {_ANSWERS} AND t.accepted IS NULL AND p.terms_version <> :v "
                "ORDER BY accounts.login LIMIT :limit"
            ),
            {"v": terms_version, "limit": limit},
        )
        return [read(Account, row) for row in rows]


_ANSWERS = (
    "FROM accounts JOIN applications p USING (reference) "
    "LEFT JOIN terms_acceptances t ON t.login = accounts.login AND t.terms_version = :v "
    "WHERE accounts.state NOT IN ('closed', 'deleted', 'anonymised')"
)


class PostgresFormActivations:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def every(self) -> list[FormActivation]:
        return every(self._connection, FormActivation, "form_activations ORDER BY version")

    def put(self, activation: FormActivation) -> None:
        statement = text(
            "INSERT INTO form_activations VALUES (:version, :valid_from, :activated_at, :activated_by) ON CONFLICT (version) "
            "DO UPDATE SET valid_from = :valid_from, activated_at = :activated_at, activated_by = :activated_by"
        )
        self._connection.execute(statement, vars(activation))
