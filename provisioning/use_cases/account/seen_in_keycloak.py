"""R04: what IT did to a user in Keycloak's console is shown, and the account follows where it must."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

from provisioning.domain.account import Account
from provisioning.domain.account_states import ClosingCause
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.email_change import EmailChange
from provisioning.domain.in_keycloak import SeenInKeycloak
from provisioning.domain.mail import MailKind
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.resign import delete_now
from provisioning.use_cases.account.wanted import void_open_reset
from provisioning.use_cases.messages.mail_out import queue_account_mail

CONSOLE = "console"


def take_over(services: Services, work: Work, account: Account, seen: SeenInKeycloak | None) -> None:
    """Compare what Keycloak holds with what it last accepted from us: the difference was made in the console.

    The state follows, except that a click in the console does not lift a registrar's suspension. What differs from what
    is wanted after this, the keeper sets right. The caller holds the account's lock and saves it.
    """
    now, actor = services.clock.now(), _who(work, account)
    if seen is None:
        delete_now(services, work, account, ClosingCause.CONSOLE, actor)
        account.gone_in_keycloak = True
        return
    before = account.in_keycloak or account.profile.row()
    email = before["email"] if seen.email.lower() == before["email"].lower() else seen.email  # Keycloak keeps lower case
    account.in_keycloak = before | {
        "enabled": seen.enabled,
        "email": email,
        "customer_numbers": list(seen.customer_numbers),
    }
    if not seen.enabled and before["enabled"] and account.may_log_in:
        account.suspend()
        void_open_reset(work, account)
        account.in_keycloak["enabled"] = True  # so that the keeper ends the sessions: Keycloak does not when it disables a user
        work.audit.write(actor, AuditAction.ACCOUNT_SUSPENDED_OUTSIDE, account.reference, {}, now)
    elif seen.enabled and not before["enabled"] and account.is_suspended and _suspended_outside(work, account):
        account.resume()
        work.audit.write(actor, AuditAction.ACCOUNT_RESUMED_OUTSIDE, account.reference, {}, now)
    if email != before["email"] and email and email.lower() != account.email.lower():
        _take_address(services, work, account, email, now)
        work.audit.write(actor, AuditAction.ACCOUNT_ADDRESS_CHANGED_OUTSIDE, account.reference, {}, now, private={"to": email})


def _who(work: Work, account: Account) -> Actor:
    newest = work.events.of(account.login, (CONSOLE,), 1)
    return Actor(f"konsola Keycloak ({newest[0].details.get('by', '?')})" if newest else "konsola Keycloak")


def _suspended_outside(work: Work, account: Account) -> bool:
    names = (AuditAction.ACCOUNT_SUSPENDED, AuditAction.ACCOUNT_SUSPENDED_OUTSIDE)
    found = [line.action for line in work.audit.of(account.reference) if line.action in names]
    return bool(found) and found[-1] == AuditAction.ACCOUNT_SUSPENDED_OUTSIDE


def _take_address(services: Services, work: Work, account: Account, address: str, now: datetime) -> None:
    """The old address is told and may undo, as when the customer changes it."""
    change = EmailChange(
        change_id=uuid.uuid4().hex,
        login=account.login,
        old_email=account.email,
        new_email=address,
        asked_at=now,
        undo_nonce=secrets.token_bytes(32),
        confirmed_at=now,
    )
    work.email_changes.add(change)
    account.email = address
    about = {"change": change.change_id}
    queue_account_mail(services, work, MailKind.EMAIL_CHANGED, account, change.change_id, about, to=change.old_email)
