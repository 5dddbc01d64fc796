"""A mail with a password went to a wrong address: an incident. What was mailed dies at once, then the address is mended."""

from __future__ import annotations

import uuid

from provisioning.domain.account import Account
from provisioning.domain.account_records import Incident
from provisioning.domain.account_states import Trouble
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import FieldError, Invalid, NotPossible
from provisioning.domain.free_text import LONGEST_REASON, free_text
from provisioning.domain.mail import MailKind
from provisioning.domain.password_reset import ResetOutcome
from provisioning.domain.person_names import LONGEST_NAME, NOT_IN_A_NAME
from provisioning.domain.rights import Action, require_permission
from provisioning.form.check import checked_email
from provisioning.ports.services import Services
from provisioning.use_cases.account.request_new_password import reserve
from provisioning.use_cases.account.wanted import (
    decided,
    void_open_reset,
    void_passwords_on_their_way,
    want_activation_mail,
    want_activation_mail_if_none_came,
)
from provisioning.use_cases.application.decide import required_reason

_DISCLOSED = {
    MailKind.ACTIVATED: ["login", "hasło tymczasowe", "imię i nazwisko lub nazwa", "numer ewidencyjny", "adres punktu poboru"],
    MailKind.NEW_PASSWORD: ["login", "hasło tymczasowe"],
}


def mark_misdirected(services: Services, actor: Actor, login: str, note: str | None) -> Incident:
    """Record that the last mail with a password reached somebody else, and make every mailed password useless.

    No password is mailed again until a registrar has confirmed an address.

    Raises:
        Forbidden. Invalid: the note is too long or has control characters.
        NotPossible: `nothing_mailed` when no such mail was taken by a mail server; `wrong_state`.
    """
    require_permission(actor.roles, Action.MISDIRECTED)
    words = free_text("reason", note, LONGEST_REASON)
    with services.work() as work:
        account = work.accounts.locked(login)
        if account.must_be_gone:
            raise NotPossible("wrong_state", "The account is deleted.")
        mails = [mail for mail in work.mails.of(account.reference) if mail.kind in _DISCLOSED and mail.accepted_at is not None]
        if not mails:
            raise NotPossible("nothing_mailed", "No mail with a password has been taken by a mail server.")
        newest = max(mails, key=lambda mail: mail.created_at)
        now = services.clock.now()
        incident = Incident(
            incident_id=uuid.uuid4().hex,
            login=login,
            at=now,
            address=newest.recipient,
            disclosed=_DISCLOSED[newest.kind],
            reported_by=actor.name,
            note=words,
        )
        work.incidents.add(incident)
        account.address_doubt_at = now
        void_passwords_on_their_way(services, work, account)
        account.want_mailed_passwords_useless()
        decided(work, account)
        private = {"address": incident.address, "disclosed": incident.disclosed, "reason": incident.note}
        work.audit.write(
            actor, AuditAction.ACCOUNT_MISDIRECTED, account.reference, {"incident": incident.incident_id}, now, private=private
        )
    return incident


def correct_address(services: Services, actor: Actor, login: str, email: str, reason: str | None) -> Account:
    """Write a new address down, or confirm the present one after a doubt; passwords that wait go to it.

    An activation mail that did not arrive at the old one is followed by a new one at once (S5); after an incident
    (`mark_misdirected`) a registrar sends it.

    Raises:
        Forbidden. Invalid: no reason, or not an address. NotPossible: `wrong_state`.
    """
    require_permission(actor.roles, Action.CORRECT_ADDRESS)
    words = required_reason(reason)
    address = checked_email(email)
    with services.work() as work:
        account = work.accounts.locked(login)
        if account.must_be_gone:
            raise NotPossible("wrong_state", "The account is deleted.")
        before, account.email, account.address_doubt_at = account.email, address, None
        if account.address_trouble is Trouble.MAIL_BOUNCED:
            account.mail_accepted_at = None  # a server took it, and then said that it reached nobody
        account.address_is_mended()
        want_activation_mail_if_none_came(services, work, account)
        decided(work, account)
        private = {"from": before, "to": address, "reason": words}
        work.audit.write(actor, AuditAction.ACCOUNT_ADDRESS_CORRECTED, account.reference, {}, services.clock.now(), private=private)
    return account


def correct_names(services: Services, actor: Actor, login: str, first_name: str, last_name: str, reason: str | None) -> Account:
    """Mend the names under which the account stands in Keycloak, for instance when Keycloak does not take them (S4).

    The application keeps what was filed.

    Raises:
        Forbidden. Invalid: no reason, or a name that is empty, too long or has characters Keycloak refuses.
        NotPossible: `wrong_state`.
    """
    require_permission(actor.roles, Action.CORRECT_NAMES)
    words = required_reason(reason)
    names = checked_names(first_name, last_name)
    with services.work() as work:
        account = work.accounts.locked(login)
        if account.must_be_gone:
            raise NotPossible("wrong_state", "The account is deleted.")
        before = {"first_name": account.first_name, "last_name": account.last_name}
        account.first_name, account.last_name = names
        decided(work, account)
        private = {"from": before, "to": {"first_name": names[0], "last_name": names[1]}, "reason": words}
        work.audit.write(actor, AuditAction.ACCOUNT_NAMES_CORRECTED, account.reference, {}, services.clock.now(), private=private)
    return account


def checked_names(first_name: str, last_name: str) -> tuple[str, str]:
    """
    Raises:
        Invalid: `required`, `too_long` or `invalid_characters`, for each name.
    """
    errors = []
    for name, value in (("first_name", first_name.strip()), ("last_name", last_name.strip())):
        if not value:
            errors.append(FieldError(name, "required"))
        elif len(value) > LONGEST_NAME:
            errors.append(FieldError(name, "too_long"))
        elif NOT_IN_A_NAME.search(value):
            errors.append(FieldError(name, "invalid_characters"))
    if errors:
        raise Invalid(errors)
    return first_name.strip(), last_name.strip()


def resend(services: Services, actor: Actor, login: str) -> Account:
    """Send a new temporary password now; every earlier one dies.

    Before the first login a new activation password (S5), afterwards one beside the own password (S7).

    Raises:
        Forbidden. NotPossible: `wrong_state`, `address_in_doubt`.
    """
    require_permission(actor.roles, Action.RESEND)
    with services.work() as work:
        account = work.accounts.locked(login)
        if not account.may_log_in:
            raise NotPossible("wrong_state", "This account has no access; a password would open nothing.")
        if account.address_doubt_at is not None:
            raise NotPossible("address_in_doubt", "Confirm or correct the e-mail address first.")
        if account.activated_at is None:
            void_open_reset(work, account)
            want_activation_mail(services, work, account)
            decided(work, account)
        else:
            reserve(services, work, account, ResetOutcome.ISSUED, actor)
        work.audit.write(actor, AuditAction.ACCOUNT_RESENT, account.reference, {"login": login}, services.clock.now())
    return account
