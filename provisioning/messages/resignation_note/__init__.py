"""To the utility itself: an account will be closed (S8). No personal data beyond the login."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from ibok_idp.texts import N_
from provisioning.domain.account_states import ClosingCause
from provisioning.messages.context import MailContext, Occasion

_CAUSES = {
    ClosingCause.RESIGNATION: N_("rezygnacja klienta"),
    ClosingCause.TERMS_REFUSED: N_("odmowa nowego Regulaminu"),
    ClosingCause.END_OF_CONTRACT: N_("koniec umowy"),
    ClosingCause.ERASURE: N_("żądanie usunięcia danych"),
    ClosingCause.STAFF: N_("decyzja pracownika"),
    ClosingCause.CONSOLE: N_("usunięte w konsoli Keycloak"),
}


@dataclass(frozen=True)
class Context(MailContext):
    for_the_utility: ClassVar[bool] = True
    login: str
    reference: str
    cause: str
    closes_on: date

    @classmethod
    def of(cls, occasion: Occasion) -> Context:
        return cls(
            login=occasion.account.login,
            reference=occasion.account.reference,
            cause=_CAUSES[ClosingCause(occasion.about["cause"])],
            closes_on=date.fromisoformat(occasion.about["closes_on"]),
        )
