"""Rule S7: "Nie pamiętasz hasła?" brings a new temporary password to the address registered with the login.

The person who asks is always told the same, after the same work: the wish goes into the queue as typed, and only the
worker looks whether there is such a login. The temporary password lives beside the old one, which goes on working, so
nobody can lock a customer out by asking. Handing it over is the keeper's (keep_account.py).
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from ibok_idp.temporary_password import new_nonce
from provisioning.domain.account import Account
from provisioning.domain.actors import CUSTOMER, Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.login_names import normalised
from provisioning.domain.mail import Mail, MailKind
from provisioning.domain.password_reset import PasswordReset, ResetOutcome, ResetStep, outcome_for
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.wanted import decided, still_there, void_open_reset
from provisioning.use_cases.messages.mail_out import message_id, queue_account_mail
from provisioning.use_cases.messages.unasked_mails import reset_within_budget

_LONGEST_LOGIN = 64


def ask_for_new_password(services: Services, typed: str) -> None:
    """Take the wish in: the same work, so the same time, for every login, known or not."""
    plain = "".join(character for character in normalised(typed) if character.isascii() and character.isprintable())
    with services.work() as work:
        work.queue.request_new_password(plain[:_LONGEST_LOGIN])


def request_new_password(services: Services, login: str) -> PasswordReset | None:
    """Decide one wish (in the worker); of an unknown login only the count is kept, for the alarm."""
    with services.work() as work:
        now = services.clock.now()
        account = still_there(work, login)
        if account is None:
            work.resets.add(PasswordReset(uuid.uuid4().hex, None, now, ResetOutcome.UNKNOWN, ResetStep.DONE))
            return None
        outcome = outcome_for(
            account, work.resets.answered_by_mail_since(account.login, now - timedelta(days=1)), now, services.rules
        )
        return reserve(services, work, account, reset_within_budget(services, work, account, outcome), CUSTOMER)


def reserve(services: Services, work: Work, account: Account, outcome: ResetOutcome, by: Actor) -> PasswordReset:
    """Write a wish down with what becomes of it; an issued one makes the earlier one void and wakes the keeper."""
    now = services.clock.now()
    reset = PasswordReset(reset_id=uuid.uuid4().hex, login=account.login, asked_at=now, outcome=outcome, step=ResetStep.DONE)
    if outcome is ResetOutcome.ISSUED:
        void_open_reset(work, account)
        reset.step, reset.nonce, reset.nonce_key = ResetStep.RESERVED, new_nonce(), services.keys.key_id
        reset.expires_at = now + services.rules.reset_password_life
        mail = Mail(
            message_id=message_id(services, MailKind.NEW_PASSWORD, account.reference, reset.reset_id),
            reference=account.reference,
            kind=MailKind.NEW_PASSWORD,
            recipient=account.email,
            created_at=now,
            about={"expires_at": reset.expires_at.isoformat()},
        )
        work.mails.add(mail)
        reset.message_id = mail.message_id
        account.reset_open = True
        decided(work, account)
    elif outcome is ResetOutcome.REFUSED:
        queue_account_mail(services, work, MailKind.NO_NEW_PASSWORD, account, reset.reset_id)
    work.resets.add(reset)
    work.audit.write(by, AuditAction(f"password_reset.{outcome}"), account.reference, {"login": account.login}, now)
    return reset


def flood(services: Services) -> int | None:
    """How many wishes came in the last hour over all logins, when that is an alarm (S7)."""
    with services.work() as work:
        count = work.resets.count_since(services.clock.now() - timedelta(hours=1))
    return count if count >= services.rules.reset_alarm_per_hour else None
