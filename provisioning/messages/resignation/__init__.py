"""A resignation has arrived (S8); its confirmation is attached as a PDF."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from ibok_idp.look.company import Utility
from provisioning.adapters.pdf import resignation_confirmation
from provisioning.domain.account import Account
from provisioning.domain.application import Application
from provisioning.messages.context import Attachment, MailContext, Occasion


@dataclass(frozen=True)
class Context(MailContext):
    login: str
    closes_on: date
    withdrawable: bool
    account: Account = field(repr=False)
    application: Application = field(repr=False)
    resigned_at: datetime

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(
            login=occasion.account.login,
            closes_on=date.fromisoformat(occasion.about["closes_on"]),
            withdrawable=occasion.services.rules.closing.withdrawable,
            account=occasion.account,
            application=occasion.application,
            resigned_at=datetime.fromisoformat(occasion.about["resigned_at"]),
        )

    def attachments(self, utility: Utility, language: str) -> tuple[Attachment, ...]:
        pdf = resignation_confirmation(self.account, self.application, self.closes_on, self.resigned_at, utility, language)
        return (Attachment(f"rezygnacja-{self.login}.pdf", pdf),)
