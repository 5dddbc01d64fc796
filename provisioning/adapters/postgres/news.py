"""News of accounts and their deliveries in PostgreSQL; and a bell that rings when there is news."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import psycopg
import structlog
from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import columns, every, first, raise_, update, with_json
from provisioning.domain.account import Account
from provisioning.domain.errors import NotFound
from provisioning.domain.news import Change, Delivery, DeliveryState, Known, News, NewsKind, Receiver, changes

_log = structlog.get_logger()
_CHANNEL = "ibok_news"
_NEWS_LOCK = 270_002


class PostgresNews:
    """The outbox of news.

    They are written at the end of the transaction under a lock that is held until it is committed, as the audit's lines are:
    so positions are in the order of commits, and whoever reads on from a position misses none.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[Account, Change]] = []

    def changed(self, before: Known | None, account: Account) -> None:
        self._waiting += [(account, change) for change in changes(before, Known.of(account))]

    def add(self, account: Account, kind: NewsKind) -> None:
        self._waiting.append((account, Change(kind)))

    def flush(self) -> None:
        if not self._waiting:
            return
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _NEWS_LOCK})
        statement = with_json(
            "INSERT INTO account_news (event_id, login, number, kind, state, customer_numbers, customer_number, at) "
            "SELECT :event_id, :login, coalesce(max(number), 0) + 1, :kind, :state, :customer_numbers, :customer_number, "
            "clock_timestamp() FROM account_news WHERE login = :login",
            "customer_numbers",
        )
        for account, change in self._waiting:
            values: dict[str, Any] = {"login": account.login, "state": account.state, "customer_numbers": account.customer_numbers}
            values |= {"kind": change.kind, "customer_number": change.customer_number, "event_id": uuid.uuid4().hex}
            self._connection.execute(statement, values)
        self._connection.execute(text(f"NOTIFY {_CHANNEL}"))
        self._waiting.clear()

    def after(self, position: int, limit: int) -> list[News]:
        condition = "account_news WHERE position > :position ORDER BY position LIMIT :limit"
        return every(self._connection, News, condition, position=position, limit=limit)

    def since(self, at: datetime) -> list[News]:
        return every(self._connection, News, "account_news WHERE at >= :at ORDER BY position", at=at)

    def standing_at(self, positions: Iterable[int]) -> dict[int, News]:
        found = every(self._connection, News, "account_news WHERE position = ANY(:positions)", positions=list(positions))
        return {news.position: news for news in found}

    def newest(self) -> int:
        return int(self._connection.execute(text("SELECT coalesce(max(position), 0) FROM account_news")).scalar_one())

    def number_of(self, login: str) -> int:
        count = text("SELECT coalesce(max(number), 0) FROM account_news WHERE login = :login")
        return int(self._connection.execute(count, {"login": login}).scalar_one())


class PostgresDeliveries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receiver(self, name: str) -> Receiver:
        begin = text(
            "INSERT INTO webhook_receivers (name, position) SELECT :name, coalesce(max(position), 0) FROM account_news "
            "ON CONFLICT DO NOTHING"
        )
        self._connection.execute(begin, {"name": name})
        found = first(self._connection, Receiver, "webhook_receivers WHERE name = :name FOR UPDATE", name=name)
        assert found is not None  # made above
        return found

    def receivers(self) -> dict[str, Receiver]:
        return {each.name: each for each in every(self._connection, Receiver, "webhook_receivers")}

    def save_receiver(self, receiver: Receiver) -> None:
        update(self._connection, "webhook_receivers", "name", receiver)

    def put(self, deliveries: Iterable[Delivery]) -> None:
        names, placed = columns(Delivery)
        statement = (
            f"INSERT INTO webhook_deliveries ({names}) VALUES ({placed}) "  # noqa: S608  # constants
            "ON CONFLICT (receiver, position) DO UPDATE SET created_at = :created_at, state = :state, tries = :tries, next_at = :next_at"
        )
        if values := [vars(each) for each in deliveries]:
            self._connection.execute(text(statement), values)
            self._connection.execute(text(f"NOTIFY {_CHANNEL}"))

    def test_of(self, receiver: str, event_id: str, at: datetime) -> Delivery:
        position = self._connection.execute(text("SELECT nextval('account_news_position_seq')")).scalar_one()
        return Delivery(receiver, int(position), event_id, "", at)

    def due(self, receiver: str, now: datetime, limit: int) -> list[Delivery]:
        condition = (
            "webhook_deliveries d WHERE d.receiver = :receiver AND d.state = 'waiting' AND (d.next_at IS NULL OR d.next_at <= :now) "
            "AND NOT EXISTS (SELECT 1 FROM webhook_deliveries b WHERE b.receiver = d.receiver AND b.login = d.login "
            "AND b.state = 'waiting' AND b.position < d.position AND d.login <> '') "
            "ORDER BY d.tried_at NULLS FIRST, d.position LIMIT :limit"
        )
        return every(self._connection, Delivery, condition, receiver=receiver, now=now, limit=limit)

    def get(self, receiver: str, event_id: str) -> Delivery:
        condition = "webhook_deliveries WHERE receiver = :receiver AND event_id = :event_id"
        return first(self._connection, Delivery, condition, receiver=receiver, event_id=event_id) or raise_(NotFound(event_id))

    def save(self, deliveries: Iterable[Delivery]) -> None:
        statement = (
            "UPDATE webhook_deliveries SET state = :state, tries = :tries, tried_at = :tried_at, next_at = :next_at, answer = :answer "
            "WHERE receiver = :receiver AND position = :position"
        )
        if values := [vars(each) for each in deliveries]:
            self._connection.execute(text(statement), values)

    def hurry(self, receiver: str) -> None:
        statement = "UPDATE webhook_deliveries SET next_at = NULL WHERE receiver = :receiver AND state = 'waiting'"
        self._connection.execute(text(statement), {"receiver": receiver})

    def page(self, receiver: str | None, state: DeliveryState | None, limit: int) -> list[Delivery]:
        condition = (
            "webhook_deliveries WHERE (CAST(:receiver AS text) IS NULL OR receiver = :receiver) "
            "AND (CAST(:state AS text) IS NULL OR state = :state) ORDER BY position DESC, receiver LIMIT :limit"
        )
        return every(self._connection, Delivery, condition, receiver=receiver, state=state, limit=limit)

    def counts(self) -> dict[str, dict[DeliveryState, int]]:
        found: dict[str, dict[DeliveryState, int]] = {}
        rows = self._connection.execute(text("SELECT receiver, state, count(*) AS many FROM webhook_deliveries GROUP BY 1, 2"))
        for row in rows:
            found.setdefault(row.receiver, {})[DeliveryState(row.state)] = row.many
        return found

    def forget(self, before: datetime) -> int:
        statement = text("DELETE FROM webhook_deliveries WHERE state = 'delivered' AND tried_at < :before")
        return self._connection.execute(statement, {"before": before}).rowcount


class NewsBell:
    """Rings in this process when news is committed in any; whoever misses it looks again by time. Starts when first waited for."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._rung = threading.Condition()
        self._times = 0
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def close(self) -> None:
        self._closed.set()

    @property
    def times(self) -> int:
        """How often it has rung; to be read before one looks, so that nothing falls between looking and waiting."""
        with self._rung:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="news", daemon=True)
                self._thread.start()
            return self._times

    def wait(self, times: int, seconds: float) -> None:
        """Until it has rung more often than `times`, at most so many seconds."""
        with self._rung:
            self._rung.wait_for(lambda: self._times != times, seconds)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    self._ring()  # what came while nobody listened
                    while not self._closed.is_set():
                        for _ in connection.notifies(timeout=1):
                            self._ring()
            except psycopg.Error as error:
                if not self._closed.wait(1):
                    _log.warning("news.not_listening", why=type(error).__name__)

    def _ring(self) -> None:
        with self._rung:
            self._times += 1
            self._rung.notify_all()
