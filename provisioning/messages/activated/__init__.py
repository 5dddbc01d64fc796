"""The account is ready (S5): login, temporary password, its life, the customer's basic data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from provisioning.domain.addresses import address_line
from provisioning.messages.context import MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    password: str = field(repr=False)
    until: datetime | None
    name: str
    customer_number: str
    supply_point: str

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        account, application = occasion.account, occasion.application
        return cls(
            login=account.login,
            password=occasion.token,
            until=account.password_expires_at,
            name=application.applicant,
            customer_number=application.data["customer_number"],
            supply_point=address_line(application.data["supply_point_address"]),
        )
