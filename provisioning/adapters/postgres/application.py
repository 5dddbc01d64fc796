"""Applications in PostgreSQL: rows, the queue with its orders and search, applications alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Connection, Row, text

from provisioning.adapters.postgres.rows import with_json
from provisioning.adapters.postgres.search import drop_names, fold, phone_words, query_for, store_names, words_of
from provisioning.domain.account_states import GONE, AccountState
from provisioning.domain.application import OPEN, Application, Channel, RejectedFor, Status
from provisioning.domain.declared_fields import declared
from provisioning.domain.desk import COUNTED_AT_MOST, Alike, QueueFilter, QueuePage, QueueSort, QueueTiles
from provisioning.domain.errors import NotFound
from provisioning.domain.fields import Searched
from provisioning.domain.login_names import normalised
from provisioning.domain.login_names import reference as make_reference

_DOCUMENTS = ("data", "clauses", "signature", "as_filed")
_SORTED_AT_MOST = 10_000
_COLUMNS = (
    "reference",
    "version",
    "status",
    "channel",
    "form_version",
    "terms_version",
    "language",
    "customer_type",
    "data",
    "pesel_encrypted",
    "clauses",
    "terms_accepted",
    "signature",
    "received_at",
    "filed_at",
    "filed_on",
    "completed_on",
    "due_on",
    "email_confirmed_at",
    "decided_at",
    "decided_by",
    "reason",
    "entered_by",
    "nonce",
    "confirmation_nonce",
    "confirmation_sent_at",
    "pesel_fingerprint",
    "sort_name",
    "as_filed",
    "pesel_as_filed_encrypted",
    "added_to",
    "rejected_for",
)
_DERIVED = ("pesel_encrypted", "pesel_as_filed_encrypted", "pesel_fingerprint", "sort_name")
# What the queue may be ordered by: the expression its index is built on, and its type.
_ORDERS = {
    QueueSort.DUE: ("coalesce(due_on, '9999-12-31'::date)", "date"),
    QueueSort.FILED: ("coalesce(filed_on, '9999-12-31'::date)", "date"),
    QueueSort.NAME: ('sort_name COLLATE "C"', "text"),  # names are folded: one order, whatever the database's collation
    QueueSort.NUMBER: ("reference", "text"),
}


class PostgresApplications:
    """The port `Applications` over one connection, within its transaction."""

    def __init__(self, connection: Connection, fernet: Fernet, fingerprint: Callable[[str], str]) -> None:
        self._connection, self._fernet, self._fingerprint = connection, fernet, fingerprint

    @property
    def driver_connection(self) -> Any:
        return self._connection.connection.driver_connection

    def new_reference(self, year: int) -> str:
        number = self._connection.execute(text("SELECT nextval('application_numbers')")).scalar_one()
        return make_reference(year, number)

    def numbers(self) -> tuple[int, int]:
        """The last number given out, and the highest that a reference here carries, be it in the audit alone."""
        row = self._connection.execute(
            text(
                "SELECT (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM application_numbers) AS given_out,"
                " (SELECT coalesce(max(split_part(reference, '-', 2)::bigint), 0) FROM ("
                "SELECT reference FROM applications UNION ALL SELECT reference FROM issued_logins"
                " UNION ALL SELECT subject FROM audit WHERE action = 'application.submitted') AS every(reference)"
                " WHERE reference ~ '^[0-9]{4}-[0-9]{1,18}-[0-9]$') AS known"
            )
        ).one()
        return row.given_out, row.known

    def continue_after(self, number: int) -> None:
        """The next reference is the one after this number; never back."""
        self._connection.execute(
            text("SELECT setval('application_numbers', greatest(:n, (SELECT last_value FROM application_numbers)))"), {"n": number}
        )

    def add(self, application: Application) -> None:
        names, values = ", ".join(_COLUMNS), ", ".join(f":{name}" for name in _COLUMNS)
        words = search_words(application)
        statement = f"INSERT INTO applications ({names}, search_words) VALUES ({values}, array_to_tsvector(:words))"  # noqa: S608
        self._connection.execute(with_json(statement, *_DOCUMENTS), self.row(application) | {"words": sorted(words)})
        store_names(self._connection, words)

    def get(self, reference: str, *, for_change: bool = False) -> Application:
        suffix = " FOR UPDATE" if for_change else ""
        row = self._connection.execute(text(f"SELECT * FROM applications WHERE reference = :r{suffix}"), {"r": reference}).first()  # noqa: S608
        if row is None:
            raise NotFound(reference)
        return self._application(row)

    def many(self, references: Sequence[str], *, for_change: bool = False) -> dict[str, Application]:
        """Those of them that are there, locked in the order of references."""
        suffix = " FOR UPDATE" if for_change else ""
        statement = f"SELECT * FROM applications WHERE reference = ANY(:references) ORDER BY reference{suffix}"  # noqa: S608
        rows = self._connection.execute(text(statement), {"references": list(references)})
        return {row.reference: self._application(row) for row in rows}

    def save(self, application: Application) -> None:
        words = search_words(application)
        before = self._connection.execute(
            text("SELECT tsvector_to_array(search_words) FROM applications WHERE reference = :r"), {"r": application.reference}
        ).scalar()
        sets = ", ".join(f"{name} = :{name}" for name in _COLUMNS if name != "reference")
        statement = f"UPDATE applications SET {sets}, search_words = array_to_tsvector(:words) WHERE reference = :reference"  # noqa: S608
        self._connection.execute(with_json(statement, *_DOCUMENTS), self.row(application) | {"words": sorted(words)})
        if new := words - set(before or ()):
            store_names(self._connection, new)
        if gone := set(before or ()) - words:
            drop_names(self._connection, gone)

    def page(self, wanted: QueueFilter) -> QueuePage:
        self._connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))  # plans differ by what is asked
        where, values, instead = self._conditions(wanted)
        if where is None:
            return QueuePage([], None, {}, {})
        expression, kind = _ORDERS[wanted.sort]
        way, beyond = ("DESC", "<") if wanted.descending else ("ASC", ">")
        values |= {"limit": wanted.limit + 1}
        beginning = "TRUE"
        if (after := _read_cursor(wanted.cursor, kind)) is not None:
            beginning = f"({{key}}, reference) {beyond} (CAST(:after_key AS {kind}), :after_reference)"
            values |= {"after_key": after[0], "after_reference": after[1]}
        order = f"{{key}} {way}, reference {way}"
        chosen = f"SELECT reference, status, {expression} AS sort_key FROM applications WHERE {' AND '.join(where)}"  # noqa: S608
        if "query" in values and self._estimated(chosen, values) <= _SORTED_AT_MOST:
            rows, counts = self._few(chosen, wanted.statuses, beginning.format(key="sort_key"), order, values)
        else:
            counts = self._counts(where, values, unfiltered=where == ["TRUE"])
            rows = self._many(chosen, wanted.statuses, beginning.format(key=expression), order, expression, values)
        found = [self._application(row) for row in rows[: wanted.limit]]
        last = rows[wanted.limit - 1] if len(rows) > wanted.limit else None
        return QueuePage(found, f"{last.sort_key}~{last.reference}" if last else None, counts, instead)

    def _few(
        self, hits: str, statuses: frozenset[Status] | None, beginning: str, order: str, values: dict[str, Any]
    ) -> tuple[list[Row[Any]], dict[Status, int]]:
        """Few hits: all of them are taken from the index of words once, counted, and sorted."""
        wanted = _any_of(statuses) if statuses else "TRUE"
        rows = self._connection.execute(
            text(
                f"WITH hits AS MATERIALIZED ({hits}), counted AS (SELECT status, count(*) AS n FROM hits GROUP BY status), "  # noqa: S608
                f"chosen AS (SELECT reference, sort_key FROM hits WHERE {wanted} AND {beginning} "
                f"ORDER BY {order.format(key='sort_key')} LIMIT :limit) "
                "SELECT (SELECT jsonb_object_agg(status, n) FROM counted) AS counts, chosen.sort_key, applications.* "
                "FROM (VALUES (1)) AS once LEFT JOIN chosen ON true LEFT JOIN applications USING (reference) "
                f"ORDER BY {order.format(key='chosen.sort_key')}"
            ),
            values,
        ).all()
        counts = {Status(status): min(n, COUNTED_AT_MOST) for status, n in (rows[0].counts or {}).items()}
        return [row for row in rows if row.reference is not None], counts

    def _many(
        self, hits: str, statuses: frozenset[Status] | None, beginning: str, order: str, key: str, values: dict[str, Any]
    ) -> list[Row[Any]]:
        """Many hits: walking the index of the order comes to a full page soon."""
        if statuses and "query" in values:
            values = values | {"query": f"{values['query']} & ({' | '.join(_tag(status) for status in sorted(statuses))})"}
        wanted = _any_of(statuses) if statuses else "TRUE"
        chosen = f"{hits} AND {wanted} AND {beginning} ORDER BY {order.format(key=key)} LIMIT :limit"
        rows = self._connection.execute(
            text(
                f"SELECT chosen.sort_key, applications.* FROM ({chosen}) AS chosen JOIN applications USING (reference) "  # noqa: S608
                f"ORDER BY {order.format(key='chosen.sort_key')}"
            ),
            values,
        ).all()
        return list(rows)

    def _estimated(self, statement: str, values: dict[str, Any]) -> int:
        """How many rows PostgreSQL expects, from its statistics of words; counting them would take longer than showing them."""
        plan = self._connection.execute(text(f"EXPLAIN (FORMAT JSON) {statement}"), values).scalar_one()
        return int(plan[0]["Plan"]["Plan Rows"])

    def tiles(self, username: str, today: date, now: datetime) -> QueueTiles:
        """The four numbers above the queue, each counted to 1000 at the most."""
        opened = f"{_any_of(OPEN)} AND coalesce(due_on, '9999-12-31'::date)"

        def counted(condition: str, **values: Any) -> int:
            statement = f"SELECT count(*) FROM (SELECT 1 FROM {condition} LIMIT {COUNTED_AT_MOST}) AS counted"  # noqa: S608
            return int(self._connection.execute(text(statement), values).scalar_one())

        return QueueTiles(
            new=counted("applications WHERE status = 'filed'"),
            soon=counted(f"applications WHERE {opened} BETWEEN :today AND :soon", today=today, soon=today + timedelta(days=2)),
            late=counted(f"applications WHERE {opened} < :today", today=today),
            mine=counted(
                f"case_claims JOIN applications USING (reference) WHERE username = :me AND until > :now AND {_any_of(OPEN)}",
                me=username,
                now=now,
            ),
        )

    def open_after(self, reference: str, limit: int) -> list[Application]:
        """Open applications in the order of their numbers, for what walks through all of them."""
        rows = self._connection.execute(
            text(f"SELECT * FROM applications WHERE {_any_of(OPEN)} AND reference > :after ORDER BY reference LIMIT :limit"),  # noqa: S608
            {"after": reference, "limit": limit},
        )
        return [self._application(row) for row in rows]

    def added_to(self, login: str) -> list[str]:
        """The references of applications whose customer number went to this account."""
        found = self._connection.execute(
            text("SELECT reference FROM applications WHERE added_to = :l ORDER BY reference"), {"l": login}
        )
        return list(found.scalars())

    def alike(self, application: Application, limit: int) -> list[Alike]:
        asked = {
            "pesel": self._fingerprint(application.pesel) if application.pesel else None,
            "tax_id": application.data.get("tax_id"),
            "number": application.data["customer_number"],
            "email": application.data["email"].lower() if application.data["email"] else None,
        }
        rows = self._connection.execute(
            text(
                "WITH alike AS (SELECT reference FROM applications WHERE pesel_fingerprint = :pesel OR data->>'tax_id' = :tax_id"
                " OR data->>'customer_number' = :number OR lower(data->>'email') = :email"
                " UNION SELECT reference FROM accounts WHERE lower(email) = :email)"
                " SELECT a.*, c.login, c.state, c.email AS account_email FROM alike JOIN applications a USING (reference)"
                " LEFT JOIN LATERAL (SELECT * FROM accounts WHERE reference = a.reference"
                " UNION ALL SELECT * FROM accounts WHERE login = a.added_to LIMIT 1) c ON true"
                " WHERE a.reference <> :itself AND (a.status = ANY(:open) OR c.state <> ALL(:gone))"
                " ORDER BY a.received_at DESC, a.reference LIMIT :limit"
            ),
            asked
            | {"itself": application.reference, "open": [s.value for s in OPEN], "gone": [s.value for s in GONE], "limit": limit},
        ).all()
        return [
            Alike(row.reference, Status(row.status), row.login, AccountState(row.state) if row.state else None, _shared(asked, row))
            for row in rows
        ]

    def row(self, application: Application) -> dict[str, Any]:
        """The columns of one application, with what is derived from it."""
        row = {name: getattr(application, name) for name in _COLUMNS if name not in _DERIVED}
        row["pesel_encrypted"] = self._sealed(application.pesel)
        row["pesel_as_filed_encrypted"] = self._sealed(application.pesel_as_filed)
        row["pesel_fingerprint"] = self._fingerprint(application.pesel) if application.pesel else None
        row["sort_name"] = fold(application.kind.sort_name_in(application.data))
        return row

    def _conditions(self, wanted: QueueFilter) -> tuple[list[str] | None, dict[str, Any], dict[str, tuple[str, ...]]]:
        """All of the filter but the statuses; None when the text can match nothing."""
        where, values = ["TRUE"], dict[str, Any]()
        instead: dict[str, tuple[str, ...]] = {}
        if wanted.text.strip():
            if (reference := self._of_login(wanted.text)) is not None:
                where, values = [*where, "reference = :of_login"], {"of_login": reference}
            else:
                query, instead = query_for(self._connection, wanted.text)
                if query is None:
                    return None, {}, {}
                where.append("search_words @@ CAST(:query AS tsquery)")
                values["query"] = query
        if wanted.due_before is not None:
            where.append("coalesce(due_on, '9999-12-31'::date) < :due_before")
            values["due_before"] = wanted.due_before
        if wanted.channel is not None and "query" in values:
            values["query"] += f" & {_tag(wanted.channel)}"
        elif wanted.channel is not None:
            where.append("channel = :channel")
            values["channel"] = wanted.channel.value
        if wanted.assignee is not None:
            where.append("reference IN (SELECT reference FROM case_claims WHERE username = :assignee AND until > :now)")
            values |= {"assignee": wanted.assignee, "now": wanted.now}
        if wanted.unassigned:
            where.append("NOT EXISTS (SELECT 1 FROM case_claims c WHERE c.reference = applications.reference AND c.until > :now)")
            values["now"] = wanted.now
        return where, values, instead

    def _of_login(self, typed: str) -> str | None:
        return self._connection.execute(
            text("SELECT reference FROM accounts WHERE login = :login"), {"login": normalised(fold(typed))[:64]}
        ).scalar()

    def _counts(self, where: list[str], values: dict[str, Any], *, unfiltered: bool) -> dict[Status, int]:
        """How many of each status, counted to 1000 at the most: a million need not be counted to be read."""
        if unfiltered:
            each = " UNION ALL ".join(
                f"SELECT '{status.value}' AS status, count(*) AS n FROM (SELECT 1 FROM applications WHERE status = '{status.value}' "  # noqa: S608
                f"LIMIT {COUNTED_AT_MOST}) AS counted"
                for status in Status
            )
            rows = self._connection.execute(text(each)).all()
        else:
            self._connection.execute(text("SET LOCAL enable_seqscan = off"))  # the index of words, also for words of many
            rows = self._connection.execute(
                text(
                    f"SELECT status, count(*) AS n FROM (SELECT status FROM applications WHERE {' AND '.join(where)} "  # noqa: S608
                    f"LIMIT {COUNTED_AT_MOST}) AS counted GROUP BY status"
                ),
                values,
            ).all()
            self._connection.execute(text("SET LOCAL enable_seqscan = on"))
        return {Status(row.status): row.n for row in rows if row.n}

    def _application(self, row: Row[Any]) -> Application:
        values = {name: getattr(row, name) for name in _COLUMNS if name not in _DERIVED}
        values["pesel"], values["pesel_as_filed"] = self._opened(row.pesel_encrypted), self._opened(row.pesel_as_filed_encrypted)
        values["status"], values["channel"] = Status(row.status), Channel(row.channel)
        values["rejected_for"] = RejectedFor(row.rejected_for) if row.rejected_for else None
        values["nonce"] = bytes(row.nonce)
        values["confirmation_nonce"] = bytes(row.confirmation_nonce) if row.confirmation_nonce else None
        return Application(**values)

    def _sealed(self, pesel: str | None) -> bytes | None:
        return self._fernet.encrypt(pesel.encode()) if pesel else None

    def _opened(self, encrypted: bytes | None) -> str | None:
        return self._fernet.decrypt(bytes(encrypted)).decode() if encrypted else None


def search_words(application: Application) -> set[str]:
    """What an application is found by: its reference, and every field that is declared as searched; never the PESEL.

    Status and channel stand among the words, so that the one index answers a search within them.
    """
    texts = [
        phone_words(value) if part.searched is Searched.PHONE else value
        for field in declared().fields
        for part, value in field.texts(application.data.get(field.name))
        if part.searched
    ]
    return {f"#{application.status.value}", f"#{application.channel.value}"} | words_of(application.reference, *texts)


def _tag(code: Status | Channel) -> str:
    return f"'#{code.value}'"


def _any_of(statuses: frozenset[Status]) -> str:
    """Written out, so that the planner sees the condition of the partial index."""
    return "status IN (" + ", ".join(f"'{status}'" for status in sorted(status.value for status in statuses)) + ")"


def _shared(asked: dict[str, str | None], row: Row[Any]) -> tuple[str, ...]:
    """What a row found by `alike` has in common with what was asked; an account's address may have changed since filing."""
    theirs = {
        "pesel": {row.pesel_fingerprint},
        "tax_id": {row.data.get("tax_id")},
        "number": {row.data["customer_number"]},
        "email": {address.lower() for address in (row.account_email, row.data["email"]) if address},
    }
    return tuple(what for what, values in theirs.items() if asked[what] and asked[what] in values)


def _read_cursor(cursor: str | None, kind: str) -> tuple[date | str, str] | None:
    """Where the page before ended; an altered cursor starts from the beginning."""
    if cursor is None or "~" not in cursor:
        return None
    key, reference = cursor.rsplit("~", 1)
    if kind == "text":
        return key[:1000], reference
    try:
        return date.fromisoformat(key), reference
    except ValueError:
        return None
