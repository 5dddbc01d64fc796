"""What /metrics of the web process counts in the database."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Engine, text

_WAITING = (
    "SELECT reason, count(*) FROM accounts, unnest(ARRAY[keycloak_trouble, mail_trouble, address_trouble]) AS troubles (reason) "
    "WHERE reason IS NOT NULL GROUP BY 1"
)


def numbers(engine: Engine) -> bytes:
    """The gauges of the moment, in the text format of Prometheus."""
    reveals = GaugeMetricFamily("ibok_pesel_reveals_last_hour", "PESEL numbers asked for by staff, by outcome", labels=["outcome"])
    applications = GaugeMetricFamily("ibok_applications", "Applications by status", labels=["status"])
    mails = GaugeMetricFamily("ibok_mails", "Mails by kind and state", labels=["kind", "state"])
    accounts = GaugeMetricFamily("ibok_accounts", "Accounts by state", labels=["state"])
    waiting = GaugeMetricFamily("ibok_accounts_waiting", "Accounts that wait, by reason", labels=["reason"])
    webhooks = GaugeMetricFamily("ibok_webhook_deliveries", "Webhooks by receiver and state", labels=["receiver", "state"])
    resets = GaugeMetricFamily("ibok_password_resets_last_hour", "Wishes for a new password by outcome (S7)", labels=["outcome"])
    with engine.connect() as connection:
        for row in connection.execute(
            text("SELECT outcome, count(*) FROM password_resets WHERE asked_at > now() - interval '1 hour' GROUP BY 1")
        ):
            resets.add_metric([row[0]], row[1])
        for row in connection.execute(
            text(
                "SELECT replace(action, 'application.pesel_', ''), count(*) FROM audit WHERE at > now() - interval '1 hour' "
                "AND action LIKE 'application.pesel_reveal%' GROUP BY 1"
            )
        ):
            reveals.add_metric([row[0]], row[1])
        for row in connection.execute(text("SELECT receiver, state, count(*) FROM webhook_deliveries GROUP BY 1, 2")):
            webhooks.add_metric([row[0], row[1]], row[2])
        for row in connection.execute(text("SELECT status, count(*) FROM applications GROUP BY 1")):
            applications.add_metric([row[0]], row[1])
        for row in connection.execute(text("SELECT kind, state, count(*) FROM mails GROUP BY 1, 2")):
            mails.add_metric([row[0], row[1]], row[2])
        for row in connection.execute(text("SELECT state, count(*) FROM accounts GROUP BY 1")):
            accounts.add_metric([row[0]], row[1])
        for row in connection.execute(text(_WAITING)):
            waiting.add_metric([row[0]], row[1])

    class Collected:
        def collect(self) -> list[GaugeMetricFamily]:
            return [applications, mails, accounts, waiting, resets, reveals, webhooks]

    registry = CollectorRegistry()
    registry.register(Collected())
    return generate_latest(registry)
