"""The customer register, as it was last imported."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from provisioning.adapters.postgres.rows import every, first
from provisioning.domain.register_match import RegisterCustomer


class PostgresRegister:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, customer_number: str) -> RegisterCustomer | None:
        return first(
            self._connection,
            RegisterCustomer,
            "register_customers WHERE customer_number = :n AND gone_at IS NULL",
            n=customer_number,
        )

    def many(self, customer_numbers: Sequence[str]) -> dict[str, RegisterCustomer]:
        condition = "register_customers WHERE customer_number = ANY(:n) AND gone_at IS NULL"
        found = every(self._connection, RegisterCustomer, condition, n=list(customer_numbers))
        return {each.customer_number: each for each in found}

    def is_filled(self) -> bool:
        return bool(self._connection.execute(text("SELECT EXISTS (SELECT 1 FROM register_customers)")).scalar_one())
