"""The keeper of an account: what was promised is done once, whatever else happens meanwhile (S4 to S8)."""

from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from provisioning.domain.account_states import AccountState, Step, Trouble
from provisioning.domain.errors import Invalid, NotPossible
from provisioning.domain.in_keycloak import ConsoleEvent, Created, EventsRead, WantedUser
from provisioning.domain.mail import Mail, MailKind, MailState
from provisioning.domain.password_reset import PasswordReset
from provisioning.metrics import numbers
from provisioning.ports.directory import DirectoryTrouble
from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused
from provisioning.ports.services import Services
from provisioning.use_cases.account import erase, misdirected, resign, suspend
from provisioning.use_cases.account.change_contact import change_language
from provisioning.use_cases.account.follow_keycloak import follow_keycloak
from provisioning.use_cases.account.keep_account import Kept, keep, sweep
from provisioning.use_cases.account.reconcile import reconcile
from provisioning.use_cases.account.request_new_password import request_new_password
from provisioning.use_cases.messages.mail_out import queue_account_mail
from provisioning.use_cases.one_by_one import LeftBehind
from tests.support.invariants import HandOvers, check_invariants
from tests.support.memory_mail import plain_letter
from tests.support.ring import REGISTRAR, Ring

LATER = MailDeferred("450 4.2.0 later")


def deferring(ring: Ring) -> None:
    ring.mail_server.answer = lambda recipient: LATER


def states(ring: Ring, login: str, kind: str) -> list[MailState]:
    return [mail.state for mail in ring.mails(login) if mail.kind == kind]


def test_s4_s5_from_approval_to_a_mail_whose_password_opens_the_account(ring: Ring) -> None:
    login = ring.approved()
    assert ring.account(login).step is Step.LOGIN_RESERVED
    account = ring.settle(login)
    (mail,) = ring.mail_server.passwords(login)
    assert ring.keycloak.try_login(login, mail.secret) == "must_change"
    assert (account.step, account.nonce, account.unsettled) == (Step.DONE, None, False)
    assert ring.history(login).count("account.created") == 1


def test_a_lost_wake_up_loses_nothing(ring: Ring) -> None:
    login = ring.approved()  # in this ring every wake-up is lost
    ring.sweep()
    assert ring.account(login).step is Step.DONE


def refusing(ring: Ring) -> None:
    ring.mail_server.answer = lambda recipient: MailRefused("550 5.1.1 no such mailbox")


@pytest.mark.parametrize("meanwhile", ["nothing", "suspended", "resigned"])
def test_s5_a_password_that_found_no_mailbox_goes_to_the_corrected_address(ring: Ring, meanwhile: str) -> None:
    """Found by random histories: the trouble went with the correction, and nobody sent a password or saw that none had come."""
    login = ring.approved()
    refusing(ring)
    ring.settle(login)
    assert ring.account(login).address_trouble is Trouble.MAIL_REFUSED
    ring.calm()
    if meanwhile == "suspended":
        suspend.suspend(ring.services, REGISTRAR, login, "powód")
    elif meanwhile == "resigned":
        resign.resign(ring.services, login)
    misdirected.correct_address(ring.services, REGISTRAR, login, "poprawiony@example.com", "pomyłka")
    if meanwhile == "suspended":
        ring.settle(login)
        assert ring.mail_server.passwords(login) == []
        suspend.resume(ring.services, REGISTRAR, login, None)
    ring.settle(login)
    (mail,) = ring.mail_server.passwords(login)
    assert mail.recipient == "poprawiony@example.com"
    assert ring.keycloak.try_login(login, mail.secret or "") == "must_change"


# -- a mail that waits while something else is decided ------------------------------------------


def test_s5_a_mail_that_waits_goes_to_the_corrected_address_and_never_to_the_old_one(ring: Ring) -> None:
    login = ring.approved()
    deferring(ring)
    keep(ring.services, login)
    assert ring.account(login).mail_trouble is Trouble.MAIL_DEFERRED
    misdirected.correct_address(ring.services, REGISTRAR, login, "poprawiony@example.com", "pomyłka w adresie")
    ring.calm()
    ring.settle(login)
    assert [mail.recipient for mail in ring.mail_server.passwords(login)] == ["poprawiony@example.com"]
    check_invariants(ring, login)


def test_s8_a_mail_that_waits_does_not_go_out_while_the_account_is_suspended_and_does_when_it_is_resumed(ring: Ring) -> None:
    login = ring.approved()
    deferring(ring)
    keep(ring.services, login)
    suspend.suspend(ring.services, REGISTRAR, login, "wyjaśniamy")
    ring.calm()
    ring.settle(login)
    assert ring.mail_server.passwords(login) == []
    suspend.resume(ring.services, REGISTRAR, login, None)
    ring.settle(login)
    assert len(ring.mail_server.passwords(login)) == 1
    check_invariants(ring, login)


def test_s5_a_resend_that_waits_dies_when_the_address_turns_out_to_be_somebody_elses(ring: Ring) -> None:
    login = ring.waiting()
    deferring(ring)
    misdirected.resend(ring.services, REGISTRAR, login)
    keep(ring.services, login)
    misdirected.mark_misdirected(ring.services, REGISTRAR, login, None)
    ring.calm()
    ring.settle(login)
    assert len(ring.mail_server.passwords(login)) == 1  # the first one, before the doubt
    assert states(ring, login, "activated") == [MailState.ACCEPTED, MailState.VOID]
    assert ring.account(login).nonce is None
    assert ring.keycloak.of_application(ring.account(login).reference)[0].password is None
    check_invariants(ring, login)


def test_s5_a_resend_that_keycloak_has_not_taken_dies_with_the_doubt_too(ring: Ring) -> None:
    login = ring.waiting()
    misdirected.resend(ring.services, REGISTRAR, login)
    misdirected.mark_misdirected(ring.services, REGISTRAR, login, None)
    ring.settle(login)
    assert ring.keycloak.of_application(ring.account(login).reference)[0].password is None
    assert len(ring.mail_server.passwords(login)) == 1


# -- deleted or closed while the user is being made ----------------------------------------------


@pytest.mark.parametrize("point", ["create_many.before", "create_many.after"])
def test_s8_deleted_while_keycloak_makes_the_user_no_user_stays_and_no_mail_goes(ring: Ring, point: str) -> None:
    login = ring.approved()

    def delete(where: str) -> None:
        if where == point:
            resign.delete_account(ring.services, REGISTRAR, login, "powód")

    ring.keycloak.meanwhile = delete
    keep(ring.services, login)
    ring.calm()
    account = ring.settle(login)
    assert ring.keycloak.of_application(account.reference) == []
    assert ring.mail_server.passwords(login) == []
    assert not account.unsettled
    check_invariants(ring, login)


def test_k02_deleted_after_the_answer_was_lost_the_user_is_found_and_goes(ring: Ring) -> None:
    login = ring.approved()
    ring.keycloak.lose_answers = 1
    assert keep(ring.services, login) is Kept.KEYCLOAK_AWAY
    resign.delete_account(ring.services, REGISTRAR, login, "powód")
    ring.settle(login)
    assert ring.keycloak.of_application(ring.account(login).reference) == []


def test_s8_closed_at_once_before_the_user_was_made_nobody_can_log_in(ring: Ring) -> None:
    login = ring.approved()
    resign.resign(ring.services, login)
    ring.clock.moment += timedelta(days=15)
    assert resign.close_if_due(ring.services, login)
    account = ring.settle(login)
    assert [user.profile["enabled"] for user in ring.keycloak.of_application(account.reference)] in ([], [False])
    assert ring.mail_server.passwords(login) == []
    check_invariants(ring, login)


def test_k02_an_answer_that_was_lost_makes_no_second_user_and_the_mail_follows(ring: Ring) -> None:
    login, before = ring.approved(), ring.keycloak.made
    ring.keycloak.lose_answers = 1
    ring.settle(login)
    assert ring.keycloak.made == before + 1
    check_invariants(ring, login)


# -- to the end: nothing that waits keeps a person's data ----------------------------------------


def gone(ring: Ring, login: str) -> AccountState:
    """Time passes until everything has come to its day."""
    for _ in range(4):
        ring.settle(login)
        ring.clock.moment += timedelta(days=4)
        ring.send_due()
        resign.close_due_accounts(ring.services)
    return ring.account(login).state


def test_s8_granted_erasure_ends_with_nothing_of_the_person_whatever_mail_was_waiting(ring: Ring) -> None:
    deferred = ring.approved()
    deferring(ring)
    keep(ring.services, deferred)
    ring.calm()
    resent = ring.waiting()
    deferring(ring)
    misdirected.resend(ring.services, REGISTRAR, resent)
    keep(ring.services, resent)
    ring.calm()
    asked = ring.active()
    deferring(ring)
    request_new_password(ring.services, asked)
    keep(ring.services, asked)
    ring.calm()
    never_mailed = ring.approved()
    for login in (deferred, resent, asked, never_mailed):
        request = erase.enter_erasure_request(ring.services, REGISTRAR, login, ring.services.clock.today(), "office")
        erase.decide_erasure(ring.services, REGISTRAR, request.request_id, erase.ErasureDecision.ERASED, None)
        assert gone(ring, login) is AccountState.ANONYMISED, login
        account = ring.account(login)
        assert (account.email, account.first_name, account.in_keycloak) == ("", "", None)
        assert ring.keycloak.of_application(account.reference) == []


def test_s7_a_wish_that_could_not_be_mailed_in_its_life_is_given_up_and_leaves_nothing_waiting(ring: Ring) -> None:
    login = ring.active()
    deferring(ring)
    request_new_password(ring.services, login)
    keep(ring.services, login)
    ring.clock.moment += ring.services.rules.reset_password_life
    keep(ring.services, login)
    assert states(ring, login, "new_password") == [MailState.VOID]
    assert not ring.account(login).unsettled
    ring.calm()
    ring.settle(login)
    assert [mail for mail in ring.mail_server.passwords(login) if mail.kind == "new_password"] == []


def test_s7_a_wish_that_a_newer_one_replaces_just_before_its_mail_goes_out_is_never_mailed(ring: Ring) -> None:
    login = ring.active()
    first = request_new_password(ring.services, login)
    newer: list[PasswordReset | None] = []

    def composed(services: Services, mail: Mail, *about: Any) -> EmailMessage:
        if not newer:  # the mail is written; in a moment the connection to the mail server is opened
            newer.append(request_new_password(ring.services, login))
        return plain_letter(services, mail, *about)

    watch = ring.mail_server.at_hand_over = HandOvers(ring)
    keep(replace(ring.services, compose=composed), login)
    assert watch.wrong == []
    assert first is not None and newer[0] is not None
    mailed = [mail for mail in ring.mail_server.passwords(login) if mail.kind == "new_password"]
    assert [mail.message_id for mail in mailed] == [newer[0].message_id]
    assert states(ring, login, "new_password") == [MailState.VOID, MailState.ACCEPTED]
    assert ring.keycloak.try_login(login, mailed[0].secret or "") == "must_change"


# -- everything wanted is compared, and what waits waits apart -----------------------------------


def test_a_customer_number_that_was_added_while_keycloak_was_away_reaches_keycloak(ring: Ring) -> None:
    login = ring.approved()
    ring.keycloak.away = True
    keep(ring.services, login)
    with ring.services.work() as work:
        account = work.accounts.locked(login)
        account.customer_numbers = [*account.customer_numbers, "40118271"]
        work.accounts.save(account)
    ring.calm()
    ring.settle(login)
    (user,) = ring.keycloak.of_application(ring.account(login).reference)
    assert user.profile["customer_numbers"] == ring.account(login).customer_numbers
    assert len(user.profile["customer_numbers"]) == 2


def test_trouble_of_one_kind_never_wipes_another(ring: Ring) -> None:
    login = ring.approved()
    ring.mail_server.answer = lambda recipient: MailRefused("550 5.1.1 no such user")
    ring.settle(login)
    assert ring.account(login).address_trouble is Trouble.MAIL_REFUSED
    suspend.suspend(ring.services, REGISTRAR, login, "wyjaśniamy")
    ring.settle(login)
    suspend.resume(ring.services, REGISTRAR, login, None)
    account = ring.settle(login)
    assert (account.address_trouble, account.trouble) == (Trouble.MAIL_REFUSED, Trouble.MAIL_REFUSED)
    ring.keycloak.away = True
    change_language(ring.services, login, "en")
    keep(ring.services, login)
    account = ring.account(login)
    assert (account.keycloak_trouble, account.address_trouble) == (Trouble.KEYCLOAK_UNAVAILABLE, Trouble.MAIL_REFUSED)


def test_a_refused_address_is_mended_and_the_password_sent_again(ring: Ring) -> None:
    login = ring.approved()
    ring.mail_server.answer = lambda recipient: MailRefused("550 5.1.1 no such user")
    ring.settle(login)
    ring.calm()
    misdirected.correct_address(ring.services, REGISTRAR, login, "dobry@example.com", "pomyłka")
    misdirected.resend(ring.services, REGISTRAR, login)
    account = ring.settle(login)
    assert (account.trouble, account.mail_accepted_at is not None) == (None, True)
    check_invariants(ring, login)


def test_our_own_set_up_is_never_taken_for_a_wrong_address(ring: Ring) -> None:
    login = ring.approved()
    ring.mail_server.answer = lambda recipient: MailDeferred("535 5.7.8 bad credentials", our_setup=True)
    keep(ring.services, login)
    account = ring.account(login)
    assert (account.mail_trouble, account.address_trouble) == (Trouble.MAIL_SETUP, None)
    assert b'ibok_accounts_waiting{reason="mail_setup"}' in numbers(ring.engine)
    assert states(ring, login, "activated") == [MailState.DEFERRED]
    ring.calm()
    assert ring.settle(login).mail_accepted_at is not None


def test_a_message_that_is_not_taken_is_told_apart_from_an_address(ring: Ring) -> None:
    login = ring.approved()
    ring.mail_server.answer = lambda recipient: MailFailed("554 5.6.0 not this message")
    ring.settle(login)
    account = ring.account(login)
    assert (account.mail_trouble, account.address_trouble, account.nonce) == (Trouble.MAIL_FAILED, None, None)
    assert states(ring, login, "activated") == [MailState.FAILED]


def test_a_second_mail_of_one_occasion_is_an_error_and_never_dropped_without_a_word(ring: Ring) -> None:
    account = ring.account(ring.waiting())
    with pytest.raises(IntegrityError), ring.services.work() as work:
        queue_account_mail(ring.services, work, MailKind.SUSPENDED, account, "today", {"reason": "pierwszy"})
        queue_account_mail(ring.services, work, MailKind.SUSPENDED, account, "today", {"reason": "drugi"})
    assert states(ring, account.login, "suspended") == []


def test_mails_are_tried_again_after_growing_pauses(ring: Ring) -> None:
    login = ring.approved()
    deferring(ring)
    pauses = []
    for _ in range(4):
        keep(ring.services, login)
        at = ring.account(login).mail_next_at
        assert at is not None
        pauses.append(round((at - ring.clock.moment).total_seconds()))
        ring.clock.moment = at
    assert pauses == [5, 10, 20, 40]


# -- keys (P06, P11) -----------------------------------------------------------------------------


def test_p11_a_key_that_was_rotated_with_a_mail_outstanding_is_used_to_the_end(ring: Ring) -> None:
    login = ring.approved()
    deferring(ring)
    keep(ring.services, login)
    ring.calm()
    ring.clock.moment += timedelta(minutes=1)
    keep(ring.with_keys(b"n" * 32, b"k" * 32), login)
    (mail,) = ring.mail_server.passwords(login)
    assert ring.keycloak.try_login(login, mail.secret) == "must_change"


@pytest.mark.parametrize("kind", ["activation", "reset"])
def test_p11_without_the_key_of_a_nonce_a_new_password_is_issued_and_never_a_dead_one_mailed(ring: Ring, kind: str) -> None:
    if kind == "activation":
        login = ring.approved()
    else:
        login = ring.active()
        request_new_password(ring.services, login)
    deferring(ring)
    keep(ring.services, login)
    ring.calm()
    ring.clock.moment += timedelta(minutes=1)
    keep(ring.with_keys(b"n" * 32), login)
    mail = ring.mail_server.passwords(login)[-1]
    assert mail.kind == ("activated" if kind == "activation" else "new_password")
    assert ring.keycloak.try_login(login, mail.secret) == "must_change"


def test_p11_which_keys_outstanding_passwords_need_can_be_asked(ring: Ring) -> None:
    login = ring.approved()
    with ring.services.work() as work:
        assert work.accounts.outstanding_keys() == {ring.services.keys.key_id: 1}
    ring.settle(login)
    with ring.services.work() as work:
        assert work.accounts.outstanding_keys() == {}


def test_s5_an_activation_password_whose_life_ended_in_the_queue_is_replaced_before_it_goes_out(ring: Ring) -> None:
    login = ring.approved()
    deferring(ring)
    keep(ring.services, login)
    ring.calm()
    ring.clock.moment += ring.services.rules.activation_password_life
    account = ring.settle(login)
    assert account.password_expires_at is not None and account.password_expires_at > ring.clock.moment
    assert states(ring, login, "activated") == [MailState.VOID, MailState.ACCEPTED]
    check_invariants(ring, login)


def test_a_reset_whose_mail_fails_too_hides_no_password_that_never_came(ring: Ring) -> None:
    login = ring.approved()
    ring.mail_server.answer = lambda recipient: MailFailed("554 not this message")
    keep(ring.services, login)
    assert ring.account(login).trouble is Trouble.MAIL_FAILED
    request_new_password(ring.services, login)
    keep(ring.services, login)
    assert ring.account(login).trouble is Trouble.MAIL_FAILED
    ring.calm()
    request_new_password(ring.services, login)
    ring.settle(login)
    assert ring.account(login).trouble is None
    assert ring.keycloak.try_login(login, ring.mail_server.passwords(login)[-1].secret or "") == "must_change"


# -- an account that Keycloak does not take ------------------------------------------------------


def test_an_account_that_has_to_wait_is_left_alone_until_then_however_often_it_was_woken(ring: Ring) -> None:
    rejected, deferred, suspended = ring.approved(), ring.approved(), ring.approved()
    ring.sql("UPDATE accounts SET last_name = 'Kos/Nowak' WHERE login = :login", login=rejected)
    ring.mail_server.answer = lambda recipient: MailDeferred("450 later")
    keep(ring.services, rejected), keep(ring.services, deferred)
    suspend.suspend(ring.services, REGISTRAR, suspended, "powód")
    keep(ring.services, suspended)
    waiting = (rejected, deferred, suspended)
    for woken in (False, True):
        for login in waiting if woken else ():
            ring.sql("UPDATE accounts SET look_at = NULL, unsettled = true WHERE login = :login", login=login)
        sweep(ring.services)
        assert sweep(ring.services) == 0, woken
        for login in waiting:
            look_at = ring.account(login).look_at
            assert look_at is not None and look_at > ring.clock.moment
    ring.calm()
    ring.sql("UPDATE accounts SET last_name = 'Kos' WHERE login = :login", login=rejected)
    suspend.resume(ring.services, REGISTRAR, suspended, None)
    for login in waiting:
        ring.settle(login)
        assert not ring.account(login).unsettled
    ring.sql("UPDATE accounts SET look_at = NULL, unsettled = true WHERE login = :login", login=deferred)  # by an older version
    sweep(ring.services)
    assert sweep(ring.services) == 0
    assert not ring.account(deferred).unsettled


def test_s4_a_name_that_keycloak_does_not_take_can_be_mended_by_staff_and_the_account_goes_on(ring: Ring) -> None:
    login = ring.approved()
    ring.sql(
        "UPDATE accounts SET last_name = 'Kos/Nowak' WHERE login = :login", login=login
    )  # as one from before names were cleaned
    ring.settle(login, rounds=3)
    assert ring.account(login).trouble is Trouble.KEYCLOAK_REJECTED
    misdirected.correct_names(ring.services, REGISTRAR, login, "Anna", "Kos-Nowak", "Keycloak nie przyjmuje ukośników")
    account = ring.settle(login)
    assert (account.trouble, account.step) == (None, Step.DONE)
    assert ring.keycloak.of_application(account.reference)[0].profile["last_name"] == "Kos-Nowak"
    assert "account.names_corrected" in ring.history(login)
    check_invariants(ring, login)


@pytest.mark.parametrize("name", ["", "a" * 101, "Kos/Nowak", "Kos (Nowak)", "Kos\x00", "Kos <b>"])
def test_s4_names_that_keycloak_would_not_take_are_refused_at_the_door(ring: Ring, name: str) -> None:
    login = ring.waiting()
    with pytest.raises(Invalid):
        misdirected.correct_names(ring.services, REGISTRAR, login, "Anna", name, "powód")


def test_s4_a_login_of_another_application_is_an_alarm_and_waits_for_a_person(ring: Ring) -> None:
    login = ring.approved()
    ring.keycloak.create_many([WantedUser("2020-000001-1", login, ring.account(login).profile, "Mailed-2026")])
    ring.settle(login)
    account = ring.account(login)
    assert (account.trouble, account.keycloak_blocked, account.user_id) == (Trouble.LOGIN_BELONGS_TO_ANOTHER, True, None)
    assert ring.mail_server.passwords(login) == []


# -- suspension and resignation ------------------------------------------------------------------


def test_s8_a_resigning_account_can_be_suspended_and_the_resignation_goes_on(ring: Ring) -> None:
    login = ring.active()
    resign.resign(ring.services, login)
    suspend.suspend(ring.services, REGISTRAR, login, "nadużycie")
    account = ring.settle(login)
    assert (account.state, account.may_log_in, account.closes_on is not None) == (AccountState.RESIGNING, False, True)
    assert not ring.keycloak.of_application(account.reference)[0].profile["enabled"]
    suspend.resume(ring.services, REGISTRAR, login, None)
    account = ring.settle(login)
    assert (account.state, account.may_log_in) == (AccountState.RESIGNING, True)
    resign.withdraw_resignation(ring.services, login)
    assert ring.settle(login).state is AccountState.ACTIVE


def test_s8_an_account_can_be_suspended_before_it_is_made(ring: Ring) -> None:
    login = ring.approved()
    suspend.suspend(ring.services, REGISTRAR, login, "wyjaśniamy")
    ring.settle(login)
    assert ring.mail_server.passwords(login) == []
    suspend.resume(ring.services, REGISTRAR, login, None)
    ring.settle(login)
    check_invariants(ring, login)
    assert len(ring.mail_server.passwords(login)) == 1


# -- one hand ------------------------------------------------------------------------------------


def test_s6_an_own_password_is_never_overwritten_by_a_resend_that_came_too_late(ring: Ring) -> None:
    login = ring.waiting()
    mailed = ring.mail_server.passwords(login)[-1].secret
    misdirected.resend(ring.services, REGISTRAR, login)
    assert ring.keycloak.set_own_password(login, mailed, "Woda-Zdroj-2026")
    account = ring.settle(login)
    assert ring.keycloak.try_login(login, "Woda-Zdroj-2026") == "in"
    assert account.state is AccountState.ACTIVE
    assert states(ring, login, "activated") == [MailState.ACCEPTED, MailState.VOID]


def test_k06_while_one_keeper_holds_an_account_a_second_one_leaves_it_alone(ring: Ring) -> None:
    login = ring.approved()
    with ring.services.only_one(f"account:{login}") as alone:
        assert alone
        assert keep(ring.services, login, patience=0) is Kept.BUSY
    assert ring.account(login).step is Step.LOGIN_RESERVED


def test_one_account_that_nobody_foresaw_stops_no_other(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = ring.approved(), ring.approved()
    create_many = ring.keycloak.create_many

    def broken(wanted: list[WantedUser]) -> object:
        if bad in {each.login for each in wanted}:
            raise ZeroDivisionError
        return create_many(wanted)

    monkeypatch.setattr(ring.keycloak, "create_many", broken)
    sweep(ring.services)
    assert ring.account(good).step is Step.DONE
    look_at = ring.account(bad).look_at
    assert look_at is not None and look_at > ring.clock.moment
    monkeypatch.undo()
    ring.settle(bad)


def test_k02_while_keycloak_is_away_the_sweep_asks_once_and_then_makes_all_in_filing_order(ring: Ring) -> None:
    logins = []
    for _ in range(5):
        logins.append(ring.approved())
        ring.clock.moment += timedelta(seconds=1)
    ring.keycloak.away = True
    asked: list[str] = []
    reachable = ring.keycloak._reachable

    def counted() -> None:
        asked.append("once")
        reachable()

    ring.keycloak._reachable = counted  # type: ignore[method-assign]
    sweep(ring.services)
    assert len(asked) == 1
    assert ring.account(logins[0]).trouble is Trouble.KEYCLOAK_UNAVAILABLE
    ring.keycloak._reachable = reachable  # type: ignore[method-assign]
    ring.calm()
    sweep(ring.services, threads=1)
    made = [user.login for user in ring.keycloak.users.values() if user.login in logins]
    assert made == logins


def test_s8_an_account_that_cannot_be_moved_on_stops_no_other(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = sorted((ring.active(), ring.active()))
    for login in (first, second):
        resign.resign(ring.services, login)
    ring.clock.moment += timedelta(days=15)
    close = resign.close_if_due

    def broken(services: object, login: str) -> bool:
        if login == first:
            raise ZeroDivisionError
        return close(services, login)  # type: ignore[arg-type]

    monkeypatch.setattr(resign, "close_if_due", broken)
    with pytest.raises(LeftBehind):
        resign.close_due_accounts(ring.services)
    assert ring.account(second).state is AccountState.CLOSED


# -- after a restore -----------------------------------------------------------------------------


def kinds(ring: Ring, login: str) -> set[str]:
    return {each.kind for each in reconcile(ring.services) if each.login == login}


def test_k09_repair_never_opens_an_account_by_itself(ring: Ring) -> None:
    suspended, deleted = ring.active(), ring.active()
    for login in (suspended, deleted):
        user = ring.keycloak.of_application(ring.account(login).reference)[0]
        if login == suspended:
            user.profile["enabled"] = False  # a registrar suspended it after the back-up that our table is from
        else:
            del ring.keycloak.users[user.user_id]
    assert (kinds(ring, suspended), kinds(ring, deleted)) == ({"disabled"}, {"missing"})
    list(reconcile(ring.services, repair=True))
    ring.sweep()
    assert not ring.keycloak.of_application(ring.account(suspended).reference)[0].profile["enabled"]
    assert ring.keycloak.of_application(ring.account(deleted).reference) == []
    list(reconcile(ring.services, repair=True, reopen=frozenset({suspended, deleted})))
    ring.settle(suspended)
    ring.settle(deleted)
    assert (kinds(ring, suspended), kinds(ring, deleted)) == (set(), set())


def test_a_user_that_was_made_again_waits_for_its_first_login_and_a_doubt_kills_what_was_mailed(ring: Ring) -> None:
    login = ring.active()
    del ring.keycloak.users[ring.account(login).user_id]
    list(reconcile(ring.services, reopen=frozenset({login})))
    account = ring.settle(login)
    assert account.state is AccountState.AWAITING_FIRST_LOGIN
    secret = ring.mail_server.passwords(login)[-1].secret
    assert ring.keycloak.try_login(login, secret) == "must_change"
    misdirected.mark_misdirected(ring.services, REGISTRAR, login, None)
    ring.settle(login)
    assert ring.keycloak.try_login(login, secret) == "refused"


def test_a_restored_row_finds_the_user_that_is_there_and_leaves_an_own_password_alone(ring: Ring) -> None:
    login = ring.approved()
    account = ring.account(login)
    (made,) = ring.keycloak.create_many([WantedUser(account.reference, login, account.profile, "Mailed-2026")])
    assert isinstance(made, Created)
    ring.keycloak.set_own_password(login, "Mailed-2026", "Woda-Zdroj-2026")
    account = ring.settle(login)
    assert (account.user_id, account.state) == (made.user_id, AccountState.ACTIVE)
    assert ring.keycloak.try_login(login, "Woda-Zdroj-2026") == "in"
    assert ring.mail_server.passwords(login) == []


def test_wrong_states_are_told(ring: Ring) -> None:
    login = ring.waiting()
    resign.delete_account(ring.services, REGISTRAR, login, "powód")
    for deed in (
        lambda: suspend.suspend(ring.services, REGISTRAR, login, "powód"),
        lambda: misdirected.resend(ring.services, REGISTRAR, login),
        lambda: misdirected.correct_names(ring.services, REGISTRAR, login, "A", "B", "powód"),
    ):
        with pytest.raises(NotPossible):
            deed()


def test_trouble_is_of_the_port(ring: Ring) -> None:
    with pytest.raises(DirectoryTrouble):
        ring.keycloak.void_temporary_password("nobody")


def test_r04_a_click_of_it_while_keycloak_did_not_answer_for_days_is_seen_afterwards(ring: Ring) -> None:
    login = ring.active()
    follow_keycloak(ring.services)  # nobody has ever clicked anything
    ring.clock.moment += timedelta(hours=1)
    ring.keycloak.in_the_console(login, enabled=False)
    ring.clock.moment += timedelta(days=3)
    follow_keycloak(ring.services)
    ring.settle(login)
    assert ring.account(login).state is AccountState.SUSPENDED


def test_what_our_own_account_does_in_keycloak_is_read_once(ring: Ring) -> None:
    """However long nobody has clicked: a stock of 300,000 users made today must not be read again every three seconds."""
    asked: list[datetime] = []
    console_events = ring.keycloak.console_events

    def noted(since: datetime) -> EventsRead[ConsoleEvent]:
        asked.append(since)
        return console_events(since)

    ring.keycloak.console_events = noted  # type: ignore[method-assign]
    for _ in range(2):
        ring.waiting()
        made = ring.clock.now()
        ring.clock.moment += timedelta(hours=1)
        follow_keycloak(ring.services)
        follow_keycloak(ring.services)
        assert asked[-1] >= made - timedelta(minutes=5)
