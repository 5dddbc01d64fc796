"""What the keeper does in Keycloak: each act, and how its outcome is written down on the freshly locked row."""

from __future__ import annotations

from collections.abc import Sequence

from provisioning.domain.account import Account
from provisioning.domain.actors import WORKER
from provisioning.domain.application import Status
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import NotPossible
from provisioning.domain.in_keycloak import Created, SeenInKeycloak, WantedUser
from provisioning.domain.password_reset import ResetStep
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.keeper.look import Look
from provisioning.use_cases.account.keeper.passwords import activation_password, reset_password
from provisioning.use_cases.account.seen_in_keycloak import take_over
from provisioning.use_cases.account.wanted import void_activation_mail


def seek_user(services: Services, look: Look) -> str | None:
    return services.directory.find(look.account.reference, look.account.login)


def user_sought(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    account.user_id = str(outcome) if outcome else None
    account.gone_in_keycloak = outcome is None


def delete_user(services: Services, look: Look) -> None:
    services.directory.delete(_user_id(look))


def user_deleted(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    account.gone_in_keycloak = True
    account.temporary_is_void = False


def see_user(services: Services, look: Look) -> SeenInKeycloak | None:
    return services.directory.see(_user_id(look))


def user_seen(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    """R04: what IT did in the console. Whatever is being decided here meanwhile, no act of ours is under way."""
    account.console_seen = max(account.console_seen, look.account.console_changes)
    if not account.must_be_gone:
        assert outcome is None or isinstance(outcome, SeenInKeycloak)
        take_over(services, work, account, outcome)


def make_mailed_useless(services: Services, look: Look) -> None:
    services.directory.make_mailed_useless(_user_id(look), own_password=look.account.activated_at is not None)


def mailed_made_useless(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    account.useless_done = max(account.useless_done, look.account.useless_wanted)
    account.temporary_in_keycloak, account.temporary_is_void = None, False
    if look.account.activated_at is None:
        account.activation_in_keycloak = 0


def make_users(services: Services, looks: Sequence[Look]) -> list[object]:
    """S4: a user that an earlier try made is found, another owner is an alarm, never an overwrite.

    When the call fails in a way that nobody foresaw, each half is tried by itself.
    """
    try:
        wanted = [
            WantedUser(
                each.account.reference, each.account.login, each.account.profile, activation_password(services, each.account)
            )
            for each in looks
        ]
        return list(services.directory.create_many(wanted))
    except DirectoryTrouble as trouble:
        return [trouble] * len(looks)
    except Exception as error:
        if len(looks) == 1:
            return [error]
    half = len(looks) // 2
    return make_users(services, looks[:half]) + make_users(services, looks[half:])


def user_made(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    """`look.application` is the application as it is now, locked."""
    assert isinstance(outcome, Created)
    now = services.clock.now()
    account.user_id = outcome.user_id
    if outcome.made:
        account.useless_done = account.useless_wanted  # a fresh user holds nothing that was mailed before
        account.in_keycloak, account.activation_in_keycloak = look.account.profile.row(), look.account.activation
    account.password_expires_at = now + services.rules.activation_password_life
    if look.application.status is Status.APPROVED:
        look.application.move(Status.REGISTERED)
        work.applications.save(look.application)
    work.audit.write(WORKER, AuditAction.ACCOUNT_CREATED, account.reference, {"login": account.login}, now)


def change_user(services: Services, look: Look) -> None:
    services.directory.change(_user_id(look), look.account.profile.unlike(look.account.in_keycloak))


def user_changed(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    account.in_keycloak = look.account.profile.row()
    if not look.account.may_log_in:
        account.temporary_in_keycloak, account.temporary_is_void = None, False


def set_activation_password(services: Services, look: Look) -> bool:
    return services.directory.set_activation_password(_user_id(look), activation_password(services, look.account))


def activation_password_set(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    now = services.clock.now()
    if not outcome:  # S6: the customer was quicker and has an own password
        void_activation_mail(services, work, account)
        try:
            account.activate(now)
        except NotPossible:  # closed meanwhile
            return
        work.audit.write(WORKER, AuditAction.ACCOUNT_ACTIVE, account.reference, {"login": account.login}, now)
        return
    account.activation_in_keycloak = look.account.activation
    account.password_expires_at = now + services.rules.activation_password_life


def void_temporary_password(services: Services, look: Look) -> None:
    services.directory.void_temporary_password(_user_id(look))


def temporary_password_voided(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    if account.temporary_in_keycloak == look.account.temporary_in_keycloak:
        account.temporary_in_keycloak, account.temporary_is_void = None, False


def set_temporary_password(services: Services, look: Look) -> None:
    """S7: beside the own password, which goes on working."""
    assert look.reset is not None and look.reset.expires_at is not None
    services.directory.set_temporary_password(_user_id(look), reset_password(services, look.reset), look.reset.expires_at)


def temporary_password_set(services: Services, work: Work, account: Account, look: Look, outcome: object) -> None:
    assert look.reset is not None
    current = work.resets.get(look.reset.reset_id)
    account.temporary_in_keycloak = look.reset.reset_id
    account.temporary_is_void = current is None or not current.is_open
    if current is not None and current.is_open:
        current.step = ResetStep.SET
        work.resets.save(current)


def _user_id(look: Look) -> str:
    assert look.account.user_id is not None  # the act is chosen only for users that are made
    return look.account.user_id
