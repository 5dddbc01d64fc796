"""The manager's numbers, counted by PostgreSQL; nothing of a person leaves it."""

# ruff: noqa: S608  # only constants of this file are put together

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from provisioning.domain.desk import ReportFigures

_DAY = "AT TIME ZONE 'Europe/Warsaw')::date"
_DECIDED = f"(decided_at {_DAY} BETWEEN :since AND :until"


class PostgresReports:
    """The port `Reports` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def figures(self, since: date, until: date, now: datetime) -> ReportFigures:
        """
        Args:
            since, until: first and last day of the period, in Europe/Warsaw.
            now: accounts mailed less than 14 days before it are too young for the first-login figures.
        """
        period = {"since": since, "until": until}
        filed = "FROM applications WHERE filed_on BETWEEN :since AND :until"
        days = f"((decided_at {_DAY} - filed_on)"
        decided = self._row(
            "SELECT count(*) AS decided, count(*) FILTER (WHERE "
            f"(decided_at {_DAY} <= due_on) AS in_term, "
            f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {days}) FILTER (WHERE status = 'registered') AS median, "
            f"percentile_cont(0.9) WITHIN GROUP (ORDER BY {days}) FILTER (WHERE status = 'registered') AS p90 "
            f"FROM applications WHERE {_DECIDED} AND status IN ('registered', 'approved', 'rejected')",
            **period,
        )
        logins = self._row(
            "SELECT count(*) AS mailed, count(*) FILTER (WHERE activated_at <= mail_accepted_at + interval '3 days') AS three, "
            "count(*) FILTER (WHERE activated_at <= mail_accepted_at + interval '14 days') AS fourteen FROM accounts "
            f"WHERE (mail_accepted_at {_DAY} BETWEEN :since AND :until AND mail_accepted_at <= :old",
            **period,
            old=now - timedelta(days=14),
        )
        return ReportFigures(
            weeks=self._weeks(since, until),
            by_channel=self._counts(f"SELECT channel AS name, count(*) AS n {filed} GROUP BY 1 ORDER BY 2 DESC", **period),
            by_status=self._counts(f"SELECT status AS name, count(*) AS n {filed} GROUP BY 1 ORDER BY 2 DESC", **period),
            rejected_for=self._counts(
                "SELECT coalesce(rejected_for, 'other') AS name, count(*) AS n FROM applications "
                f"WHERE status = 'rejected' AND {_DECIDED} GROUP BY 1 ORDER BY 2 DESC",
                **period,
            ),
            decided=decided.decided,
            in_term=decided.in_term,
            median_days=float(decided.median) if decided.median is not None else None,
            p90_days=float(decided.p90) if decided.p90 is not None else None,
            first_login=(logins.mailed, logins.three, logins.fourteen),
            mails=[
                (row.kind, row.sent, row.failed)
                for row in self._connection.execute(
                    text(
                        "SELECT kind, count(*) FILTER (WHERE state IN ('accepted', 'bounced', 'refused')) AS sent, "
                        "count(*) FILTER (WHERE state IN ('bounced', 'refused')) AS failed FROM mails "
                        f"WHERE (created_at {_DAY} BETWEEN :since AND :until GROUP BY 1 ORDER BY 3 DESC, 2 DESC"
                    ),
                    period,
                )
            ],
        )

    def _weeks(self, since: date, until: date) -> list[tuple[date, int, int]]:
        rows = self._connection.execute(
            text(
                "SELECT week::date AS week, "
                "(SELECT count(*) FROM applications WHERE filed_on BETWEEN greatest(week::date, :since) AND least(week::date + 6, :until)) AS filed, "
                f"(SELECT count(*) FROM applications WHERE status = 'registered' AND (decided_at {_DAY} "
                "BETWEEN greatest(week::date, :since) AND least(week::date + 6, :until)) AS registered "
                "FROM generate_series(date_trunc('week', CAST(:since AS timestamp)), CAST(:until AS timestamp), interval '7 days') AS week ORDER BY week"
            ),
            {"since": since, "until": until},
        )
        return [(row.week, row.filed, row.registered) for row in rows]

    def _counts(self, statement: str, **values: Any) -> dict[str, int]:
        return {row.name: row.n for row in self._connection.execute(text(statement), values)}

    def _row(self, statement: str, **values: Any) -> Any:
        return self._connection.execute(text(statement), values).one()
