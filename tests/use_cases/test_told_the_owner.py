"""The owner of an account is told of each new own password (S6), and once of a pause after wrong ones."""

from __future__ import annotations

from datetime import timedelta

from provisioning.domain.mail import MailKind, MailState
from provisioning.use_cases.account import suspend
from provisioning.use_cases.messages.mail_out import queue_account_mail
from provisioning.use_cases.messages.unasked_mails import keep_within_budget
from tests.support.ring import REGISTRAR, Ring


def told(ring: Ring, login: str, kind: MailKind) -> list[MailState]:
    ring.notice(login)
    ring.send_due()
    return [mail.state for mail in ring.mails(login) if mail.kind is kind]


def test_s6_each_new_own_password_is_told_once(ring: Ring) -> None:
    login = ring.active()
    assert told(ring, login, MailKind.OWN_PASSWORD_SET) == [MailState.ACCEPTED]
    assert told(ring, login, MailKind.OWN_PASSWORD_SET) == [MailState.ACCEPTED]


def test_a_pause_is_told_once_until_keycloak_forgets_the_wrong_tries(ring: Ring) -> None:
    login = ring.active()
    for minutes in (0, 1, 15, 300):
        ring.clock.moment += timedelta(minutes=minutes)
        ring.keycloak.pause(login)
        assert told(ring, login, MailKind.LOGIN_PAUSED) == [MailState.ACCEPTED]
    ring.clock.moment += timedelta(hours=13)
    ring.keycloak.pause(login)
    assert told(ring, login, MailKind.LOGIN_PAUSED) == [MailState.ACCEPTED, MailState.ACCEPTED]


def test_f13_a_pause_is_not_told_to_a_mailbox_that_is_full_of_unasked_mails(ring: Ring) -> None:
    login = ring.active()
    account = ring.account(login)
    with ring.services.work() as work:
        for number in range(6):
            mail = queue_account_mail(ring.services, work, MailKind.NUMBER_ADDED, account, str(number))
            keep_within_budget(ring.services, work, mail)
    ring.keycloak.pause(login)
    assert told(ring, login, MailKind.LOGIN_PAUSED) == [MailState.SUPPRESSED]


def test_s8_nobody_is_told_of_an_account_that_nobody_may_use(ring: Ring) -> None:
    login = ring.active()
    suspend.suspend(ring.services, REGISTRAR, login, "przykład")
    ring.settle(login)
    ring.keycloak.pause(login)
    assert told(ring, login, MailKind.LOGIN_PAUSED) == []
