"""The help-line card: what somebody on the telephone needs to know of an account within a minute, and nothing secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from flask import g, render_template, request

from provisioning.domain.account import Account
from provisioning.domain.account_records import AccountEvent
from provisioning.domain.application import Application
from provisioning.domain.desk import QueueFilter
from provisioning.domain.errors import NotFound
from provisioning.domain.login_names import normalised
from provisioning.domain.mail import Mail, MailKind
from provisioning.domain.rights import Action, require_permission
from provisioning.http import wired
from provisioning.ports.work import Work
from provisioning.staff_ui import words
from provisioning.staff_ui.account import DEEDS
from provisioning.staff_ui.blueprint import logged_in, may_now, staff
from provisioning.use_cases.application.submit import masked_email

_MOST = 20
_LOCK_AT_MOST = timedelta(minutes=15)  # maxFailureWaitSeconds of the realm
_RECENT = timedelta(hours=24)
_ON_THE_CARD = ("resend", "correct-address", "misdirected", "suspend", "resume")


@dataclass(frozen=True)
class Card:
    """One account for the telephone.

    Attributes:
        mail: the newest mail with a temporary password; never its text.
        answer: what the mail server said, with the address masked.
        used_at: when a temporary password from it was used; None: not used yet.
        failed: failed logins within 24 hours. locked_until: the latest moment until which Keycloak may refuse.
    """

    account: Account
    application: Application
    mail: Mail | None
    answer: str
    address: str
    used_at: datetime | None
    valid_until: datetime | None
    failed: int
    locked_until: datetime | None
    last_login: datetime | None
    trouble: str | None


@staff.get("/konta")
@logged_in
def help_line() -> str:
    """By login, number, name or telephone: one card, or the few it could be."""
    require_permission(g.user.roles, Action.HELP_LINE)
    typed = request.args.get("q", "").strip()[:200]
    cards: list[Card] = []
    more = False
    if typed:
        with wired().services.work() as work:
            accounts = _found(work, typed)
            more = len(accounts) > _MOST
            cards = [_card(work, account) for account in accounts[:_MOST]]
    deeds = {
        card.account.login: [
            name for name in _ON_THE_CARD if card.account.state in DEEDS[name].states and may_now(DEEDS[name].action)
        ]
        for card in cards
    }
    server = urlsplit(wired().settings.smtp_url.get_secret_value()).hostname
    return render_template("staff/help_line.html", typed=typed, cards=cards, more=more, deeds=deeds, server=server)


def _found(work: Work, typed: str) -> list[Account]:
    try:
        return [work.accounts.get(normalised(typed))]
    except NotFound:
        page = work.applications.page(QueueFilter(text=typed, limit=4 * _MOST))
    found: dict[str, Account] = {}
    for application in page.applications:
        account = (
            work.accounts.get(application.added_to) if application.added_to else work.accounts.by_reference(application.reference)
        )
        if account is not None:
            found.setdefault(account.login, account)
    return list(found.values())


def _card(work: Work, account: Account) -> Card:
    now = wired().services.clock.now()
    mails = [mail for mail in work.mails.of(account.reference) if mail.kind in (MailKind.ACTIVATED, MailKind.NEW_PASSWORD)]
    newest = max(mails, key=lambda mail: mail.created_at, default=None)
    reset = work.resets.newest_of(account.login)
    events = work.events.of(account.login, ("login", "login_failed", "locked", "password_set"), 200)
    logins = [event for event in events if event.kind == "login"]
    locked = next((event.at for event in events if event.kind == "locked" and now - event.at < _LOCK_AT_MOST), None)
    waits_for_reset = newest is not None and newest.kind is MailKind.NEW_PASSWORD
    return Card(
        account=account,
        application=work.applications.get(account.reference),
        mail=newest,
        answer=newest.answer.replace(newest.recipient, masked_email(newest.recipient)) if newest and newest.recipient else "",
        address=masked_email(account.email) if account.email else "–",
        used_at=_used_at(events, newest),
        valid_until=(reset.expires_at if reset else None) if waits_for_reset else account.password_expires_at,
        failed=sum(event.kind == "login_failed" and now - event.at < _RECENT for event in events),
        locked_until=locked + _LOCK_AT_MOST if locked else None,
        last_login=logins[0].at if logins else None,
        trouble=words.trouble(account, masked_email(account.email)) if account.email else None,
    )


def _used_at(events: list[AccountEvent], mail: Mail | None) -> datetime | None:
    """The first own password after the mail: that is what a temporary password is for."""
    if mail is None or mail.accepted_at is None:
        return None
    after = [event.at for event in events if event.kind == "password_set" and event.at > mail.accepted_at]
    return min(after, default=None)
