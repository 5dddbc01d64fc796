"""How many mails a mailbox gets that anybody can cause, without having proved that it is theirs (F13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from provisioning.domain.rulebook import Rulebook

_WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})


@dataclass(frozen=True)
class Unasked:
    """One such mail; `reset` when it answered a wish for a new password (S7)."""

    at: datetime
    reset: bool


def mailbox(local: str, domain: str) -> str:
    """The mailbox behind an address: without case, without what follows a plus, without the dots that Google ignores.

    The generated column `accounts.mailbox` says the same in SQL.

    Args:
        domain: one spelling of the domain; of an international name its A-label.
    """
    local, domain = local.lower().split("+", 1)[0] or local.lower(), domain.lower()
    if domain in _WITHOUT_DOTS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def may_mail(earlier: list[Unasked], now: datetime, rules: Rulebook, *, reset: bool, of_customer: bool) -> bool:
    """One budget over all ways. What a new password may take (S7) is kept free at a customer's mailbox.

    Without that a stranger who files ten forms a day in a customer's name would keep them from a new password.

    Args:
        earlier: of the last day.
        of_customer: whether the mailbox belongs to an account.
    """
    for length, most, resets in (
        (timedelta(hours=1), rules.unasked_mails_per_hour, rules.resets_per_hour),
        (timedelta(days=1), rules.unasked_mails_per_day, rules.resets_per_day),
    ):
        lately = [each for each in earlier if each.at > now - length]
        if len(lately) >= most:
            return False
        others = sum(not each.reset for each in lately)
        if of_customer and not reset and others >= max(1, most - resets):
            return False
    return True
