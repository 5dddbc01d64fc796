"""What a campaign left behind, read once: tables, Keycloak, mailbox, journal."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import requests

from faults import reading
from faults.case import Case
from faults.ground import Ground
from faults.journal import Deed, Journal
from faults.mailroom import Mailroom, Received
from faults.reading import Account, Line, Mail

# A mail whose hand-over had begun when a deed was answered may still arrive. Between a worker's last look at the account
# and the mail server's answer lie one composed mail and four answers of the mail server: far under this on an idle machine.
HAND_OVER_SECONDS = 5.0
_WITH_PASSWORD = ("activated", "new_password")
_ENDS_PASSWORDS = ("misdirected", "suspend", "delete", "erase", "end_contract", "own_password", "resend")


@dataclass(frozen=True)
class Breach:
    """One invariant that does not hold.

    Attributes:
        kind: the invariant, in a few words that are the same for all its breaches.
        subject: login, reference or file.
    """

    kind: str
    subject: str
    words: str
    case: int | None = None


@dataclass
class Evidence:
    """Everything that was read, once."""

    ground: Ground
    journal: Journal
    cases: list[Case]
    accounts: list[Account]
    mails: list[Mail]
    audit: list[Line]
    issued: dict[str, str]
    applications: dict[str, dict[str, Any]]
    users: list[dict[str, Any]]
    credentials: dict[str, list[reading.Credential]]
    received: list[Received]
    refusals: list[dict[str, Any]]
    ours: re.Pattern[str]
    figures: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, ground: Ground, journal: Journal, cases: list[Case], mailroom: Mailroom, seed: str) -> Evidence:
        refusals = requests.get(f"{ground.mailbox_url}/api/v1/refusals", timeout=60).json()["refusals"]
        return cls(
            ground=ground,
            journal=journal,
            cases=cases,
            accounts=reading.accounts(ground),
            mails=reading.mails(ground),
            audit=reading.audit(ground),
            issued=reading.issued_logins(ground),
            applications=reading.applications(ground),
            users=reading.users(ground),
            credentials=reading.credentials(ground),
            received=mailroom.everything(),
            refusals=refusals,
            ours=re.compile(rf"k{re.escape(seed)}-\d+(-\d+)?@example\.com", re.IGNORECASE),
        )

    def __post_init__(self) -> None:
        self.case_of = {case.reference: case for case in self.cases if case.reference}
        self.by_reference = {account.reference: account for account in self.accounts}
        self.deeds: dict[int, list[Deed]] = defaultdict(list)
        for deed in self.journal.deeds:
            self.deeds[deed.case].append(deed)
        self.with_password: dict[str, list[Received]] = defaultdict(list)
        for mail in self.received:
            if mail.password and mail.login:
                self.with_password[mail.login].append(mail)
        self.holding = _joined([(f.began, f.ended or f.began) for f in self.journal.faults if f.holds_up])

    def number(self, reference: str) -> int | None:
        case = self.case_of.get(reference)
        return case.number if case else None

    def account_deeds(self, account: Account, *names: str) -> list[Deed]:
        number = self.number(account.reference)
        return [deed for deed in self.deeds.get(number, []) if deed.name in names] if number is not None else []

    def idle_between(self, begin: float, end: float) -> float:
        """Seconds from begin to end in which no fault could hold a worker up."""
        held = sum(max(0.0, min(end, b) - max(begin, a)) for a, b in self.holding)
        return end - begin - held


def alive(evidence: Evidence, account: Account) -> list[Received]:
    """The newest mailed password of each kind that should work now: none of these deeds came near or after its mail."""
    if not account.may_log_in:
        return []
    ends = evidence.account_deeds(account, *_ENDS_PASSWORDS)
    found = []
    for kind in _WITH_PASSWORD:
        mails = [mail for mail in evidence.with_password.get(account.login, []) if mail.kind == kind]
        if not mails:
            continue
        newest = max(mails, key=lambda mail: mail.at)
        rows = [row for row in evidence.mails if row.reference == account.reference and row.kind == kind]
        row = next((row for row in rows if row.message_id == newest.message_id), None)
        newer = [
            r for r in rows if row is not None and r.created_at > row.created_at and r.state in ("refused", "failed", "bounced")
        ]
        if newer:  # a later one replaced it, and its own mail was refused for good
            continue
        if newest.to != account.email:  # its address was corrected afterwards: it is nobody's any more
            continue
        if any(_too_near(evidence, deed, newest) for deed in ends if _matters(deed, kind)):
            continue
        if kind == "activated" and account.activated:
            continue
        found.append(newest)
    return found


def _too_near(evidence: Evidence, deed: Deed, mail: Received) -> bool:
    """Whether a deed may have been carried out after this mail was handed over."""
    if deed.answered_at is None:
        return deed.asked_at + 60 > mail.at
    return deed.answered_at > mail.at or evidence.idle_between(deed.answered_at, mail.at) < HAND_OVER_SECONDS


def _matters(deed: Deed, kind: str) -> bool:
    if deed.status is not None and not deed.done:
        return False
    if kind == "activated":
        return deed.name in ("misdirected", "delete", "erase", "end_contract", "own_password")
    return deed.name in ("misdirected", "suspend", "delete", "erase", "end_contract", "own_password", "resend")


def _joined(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
