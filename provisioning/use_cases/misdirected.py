"""A mail with a password went to a wrong address: an incident. What was mailed dies at once, then the address is mended."""

from __future__ import annotations

import uuid
from datetime import timedelta

from provisioning.domain.account import Account, AccountState
from provisioning.domain.application import Action, require_permission
from provisioning.domain.errors import NotPossible
from provisioning.domain.password_reset import ResetOutcome
from provisioning.domain.rulebook import retry_pause
from provisioning.form.check import checked_email
from provisioning.ports import Actor, DirectoryTrouble, Incident, MailKind, Office
from provisioning.use_cases.activate import resend_activation
from provisioning.use_cases.carry_out import decided
from provisioning.use_cases.decide import required_reason
from provisioning.use_cases.request_new_password import reserve, void_open_resets

_DISCLOSED = {
    MailKind.ACTIVATED: ["login", "hasło tymczasowe", "imię i nazwisko lub nazwa", "numer ewidencyjny", "adres punktu poboru"],
    MailKind.NEW_PASSWORD: ["login", "hasło tymczasowe"],
}


def mark_misdirected(office: Office, actor: Actor, login: str, note: str | None) -> Incident:
    """Record that the last mail with a password reached somebody else, and make every mailed password useless.

    No password is mailed again until a registrar has confirmed an address.

    Raises:
        Forbidden. NotPossible: `nothing_mailed` when no such mail was taken by a mail server; `wrong_state`.
    """
    require_permission(actor.roles, Action.MISDIRECTED)
    with office.work() as work:
        account = work.accounts.locked(login)
        if account.must_be_gone:
            raise NotPossible("wrong_state", "The account is deleted.")
        mails = [mail for mail in work.mails.of(account.reference) if mail.kind in _DISCLOSED and mail.accepted_at is not None]
        if not mails:
            raise NotPossible("nothing_mailed", "No mail with a password has been taken by a mail server.")
        newest = max(mails, key=lambda mail: mail.created_at)
        now = office.clock.now()
        incident = Incident(
            incident_id=uuid.uuid4().hex,
            login=login,
            at=now,
            address=newest.recipient,
            disclosed=_DISCLOSED[newest.kind],
            reported_by=actor.name,
            note=(note or "").strip() or None,
        )
        work.incidents.add(incident)
        account.address_doubt_at = now
        void_open_resets(work, account)
        work.accounts.save(account)
        work.queue.make_mailed_passwords_useless(login)
        private = {"address": incident.address, "disclosed": incident.disclosed, "reason": incident.note}
        work.audit.write(actor, "account.misdirected", account.reference, {"incident": incident.incident_id}, now, private=private)
    return incident


def make_mailed_passwords_useless(office: Office, login: str) -> timedelta | None:
    """In Keycloak: what was mailed opens nothing any more, and every session is over.

    An own password stays: it was in no mail.

    Returns:
        None when done, or how long to wait before the next try.
    """
    with office.only_one(f"passwords:{login}", patience=5) as alone:  # soon, for the password is in wrong hands
        if not alone:
            return timedelta(seconds=1)
        with office.work() as work:
            account = work.accounts.get(login)
        if account.user_id is None:
            return None
        try:
            if account.state is AccountState.AWAITING_FIRST_LOGIN or account.activated_at is None:
                office.directory.remove_passwords(account.user_id)
            else:
                office.directory.void_temporary_password(account.user_id)
            office.directory.end_sessions(account.user_id)
        except DirectoryTrouble as trouble:
            return retry_pause(1) if trouble.retry else None
        return None


def correct_address(office: Office, actor: Actor, login: str, email: str, reason: str | None) -> Account:
    """Write a new address down, or confirm the present one after a doubt; mails with passwords go out again.

    Raises:
        Forbidden. Invalid: no reason, or not an address. NotPossible: `wrong_state`.
    """
    require_permission(actor.roles, Action.CORRECT_ADDRESS)
    words = required_reason(reason)
    address = checked_email(email)
    with office.work() as work:
        account = work.accounts.locked(login)
        if account.must_be_gone:
            raise NotPossible("wrong_state", "The account is deleted.")
        before, account.email, account.address_doubt_at = account.email, address, None
        account.address_is_mended()
        void_open_resets(work, account)
        decided(work, account)
        private = {"from": before, "to": address, "reason": words}
        work.audit.write(actor, "account.address_corrected", account.reference, {}, office.clock.now(), private=private)
    return account


def resend(office: Office, actor: Actor, login: str) -> Account:
    """Send a new temporary password now; every earlier one dies.

    Before the first login a new activation password (S5), afterwards one beside the own password (S7).

    Raises:
        Forbidden. NotPossible: `not_ready`, `wrong_state`, `address_in_doubt`.
    """
    require_permission(actor.roles, Action.RESEND)
    with office.work() as work:
        account = work.accounts.locked(login)
        if not account.may_log_in:
            raise NotPossible("wrong_state", "This account has no access; a password would open nothing.")
        if account.address_doubt_at is not None:
            raise NotPossible("address_in_doubt", "Confirm or correct the e-mail address first.")
        if account.activated_at is None:
            void_open_resets(work, account)
            resend_activation(office, work, account)
            work.accounts.save(account)
        else:
            reserve(office, work, account, ResetOutcome.ISSUED, actor)
        work.audit.write(actor, "account.resent", account.reference, {"login": login}, office.clock.now())
    return account
