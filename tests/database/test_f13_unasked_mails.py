"""F13: a budget of unasked mails for each mailbox, over all ways; the same answer when it is spent."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState
from provisioning.domain.email_change import EmailChange
from provisioning.domain.mail import MailKind, MailState
from provisioning.use_cases.account.change_email import ask_to_change_email, confirm_email_change
from provisioning.use_cases.account.request_new_password import request_new_password
from provisioning.use_cases.application.decide import reject
from provisioning.use_cases.application.submit import confirm_email, send_confirmation_again, status_of
from provisioning.use_cases.messages.mail_out import send_mail
from provisioning.use_cases.messages.unasked_mails import forget_unasked_mails, mailboxes
from provisioning.use_cases.tokens import confirmation_token, email_change_token
from tests.support.database_alone import REGISTRAR, Alone

VICTIM = "Jan.Kowalski@gmail.com"
SPELLINGS = [
    VICTIM,
    "jankowalski@gmail.com",
    "jan.kowalski+a@gmail.com",
    "j.a.n.kowalski@GOOGLEMAIL.com",
    "JANKOWALSKI+b@googlemail.com",
]


def account(alone: Alone, email: str, login: str | None = None) -> str:
    """The login of an active account."""
    login = login or f"wp{secrets.randbelow(10**8):08d}"
    reference = alone.entered(email=email)
    with alone.services.work() as work:
        work.accounts.reserve_login(login, reference, alone.clock.now())
        work.accounts.add(
            Account(
                login,
                reference,
                AccountState.ACTIVE,
                alone.clock.now(),
                email=email,
                user_id=login,
                customer_numbers=["1"],
            )
        )
    return login


def mails(alone: Alone, *kinds: MailKind) -> list[tuple[str, str]]:
    rows = alone.sql("SELECT kind, state FROM mails ORDER BY created_at")
    return [(kind, state) for kind, state in rows if not kinds or kind in kinds]


def going(alone: Alone, *kinds: MailKind) -> int:
    return sum(state != MailState.SUPPRESSED for _kind, state in mails(alone, *kinds))


UNASKED = (MailKind.CONFIRM_EMAIL, MailKind.EMAIL_CHANGE, MailKind.NEW_PASSWORD, MailKind.NO_NEW_PASSWORD)


def by_form(alone: Alone, number: int) -> None:
    alone.submitted(email=SPELLINGS[number % len(SPELLINGS)])


def by_correction(alone: Alone, number: int) -> None:
    answer = alone.submitted()
    alone.clock.forward(seconds=61)
    send_confirmation_again(alone.services, answer["reference"], answer["status_token"], SPELLINGS[number % len(SPELLINGS)])


def by_change(alone: Alone, number: int) -> None:
    ask_to_change_email(alone.services, account(alone, f"{secrets.token_hex(4)}@example.com"), SPELLINGS[number % len(SPELLINGS)])


@pytest.mark.parametrize("way", [by_form, by_correction, by_change])
def test_f13_any_way_brings_five_an_hour_and_ten_a_day_to_one_mailbox(alone: Alone, way: Callable[[Alone, int], None]) -> None:
    def to_victim() -> int:
        rows = alone.sql("SELECT recipient FROM mails WHERE state = 'queued' AND kind IN ('confirm_email', 'email_change')")
        return sum(mailboxes(recipient) == mailboxes(VICTIM) for (recipient,) in rows)

    for number in range(8):
        way(alone, number)
    assert to_victim() == 5
    for _ in range(5):
        alone.clock.forward(hours=1, minutes=1)
        for number in range(8):
            way(alone, number)
    assert to_victim() == 10
    alone.clock.forward(days=1)
    way(alone, 0)
    assert to_victim() == 11


def test_f13_all_ways_together_share_the_budget_of_a_customer_and_leave_room_for_a_new_password(alone: Alone) -> None:
    login = account(alone, VICTIM)
    for number in range(6):
        by_form(alone, number)
        by_change(alone, number)
    assert going(alone, *UNASKED) == 2
    for _ in range(5):
        request_new_password(alone.services, login)
    assert going(alone, MailKind.NEW_PASSWORD) == 3  # S7 as ever
    assert going(alone, *UNASKED) == 5
    by_form(alone, 0)
    assert going(alone, *UNASKED) == 5


def test_f13_two_accounts_at_one_mailbox_do_not_double_its_budget(alone: Alone) -> None:
    logins = [account(alone, spelling) for spelling in SPELLINGS[:3]]
    outcomes = [request_new_password(alone.services, login) for login in logins for _ in range(3)]
    assert [each.outcome for each in outcomes if each].count("issued") == 5
    assert going(alone, MailKind.NEW_PASSWORD) == 5


def test_f13_twenty_at_the_same_moment_get_at_most_five(alone: Alone) -> None:
    barrier = Barrier(20)

    def ask(number: int) -> None:
        barrier.wait()
        by_form(alone, number)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(ask, range(20)))
    assert going(alone, MailKind.CONFIRM_EMAIL) == 5
    assert len(mails(alone, MailKind.CONFIRM_EMAIL)) == 20


def test_f13_who_asks_is_told_the_same_and_staff_see_what_was_not_sent(alone: Alone) -> None:
    answers = [alone.submitted(email=VICTIM) for _ in range(6)]
    assert {frozenset(each) for each in answers} == {frozenset(answers[0])}
    with alone.services.work() as work:
        sent, spent = (work.mails.of(each["reference"])[0] for each in (answers[0], answers[5]))
        actions = {line.action for line in work.audit.of(answers[5]["reference"])}
        assert actions == {"application.submitted", "mail.suppressed"}
        sent.state, sent.accepted_at = MailState.ACCEPTED, sent.created_at
        work.mails.save(sent)
    assert spent.state is MailState.SUPPRESSED
    assert send_mail(alone.services, spent.message_id) is MailState.SUPPRESSED  # its job finds nothing to do
    assert alone.mailer.sent == []
    seen = [status_of(alone.services, each["reference"], each["status_token"])[1] for each in (answers[0], answers[5])]
    assert seen[0] == seen[1]


def test_f13_a_link_in_the_hands_of_its_owner_stays_good_when_the_next_one_is_not_sent(alone: Alone) -> None:
    answer = alone.submitted(email=VICTIM)
    for _ in range(6):
        alone.clock.forward(seconds=61)
        with alone.services.work() as work:
            link = confirmation_token(alone.services, work.applications.get(answer["reference"]))
        send_confirmation_again(alone.services, answer["reference"], answer["status_token"], None)
    assert link is not None
    assert confirm_email(alone.services, answer["reference"], link).status == "filed"


def test_f13_what_staff_or_a_known_customer_cause_goes_also_when_the_budget_is_spent(alone: Alone) -> None:
    login, reference = account(alone, VICTIM), alone.entered(email=VICTIM)
    change = ask_to_change_email(alone.services, login, "new@example.com")
    for number in range(12):
        by_form(alone, number)
    assert ("confirm_email", "suppressed") in mails(alone)
    reject(alone.services, REGISTRAR, reference, 1, "Nie ten adres.")
    confirm_email_change(alone.services, str(email_change_token(alone.services, _again(alone, change))))
    wanted = [MailKind.RECEIVED, MailKind.REJECTED, MailKind.EMAIL_CHANGED]
    assert {state for _kind, state in mails(alone, *wanted)} == {"queued"}
    assert {kind for kind, _state in mails(alone, *wanted)} == set(wanted)


def _again(alone: Alone, change: EmailChange) -> EmailChange:
    with alone.services.work() as work:
        return work.email_changes.locked(change.change_id)


def test_f13_only_a_keyed_fingerprint_is_kept_and_that_for_a_day(alone: Alone) -> None:
    by_form(alone, 0)
    ((kept,),) = alone.sql("SELECT mailbox FROM unasked_mails")
    assert kept == alone.services.fingerprint("mailbox:jankowalski@gmail.com")
    alone.clock.forward(hours=23)
    assert forget_unasked_mails(alone.services) == 0
    alone.clock.moment += timedelta(hours=2)
    assert forget_unasked_mails(alone.services) == 1
    assert alone.sql("SELECT count(*) FROM unasked_mails") == [(0,)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a@example.com", "A@EXAMPLE.com", True),
        ("a+b@example.com", "a@example.com", True),
        ("a.b@example.com", "ab@example.com", False),  # only Google ignores them
        ("a.b@gmail.com", "ab@googlemail.com", True),
        ("a@żółw.pl", "a@xn--w-uga1v8h.pl", True),
        ("+a@example.com", "+b@example.com", False),
        ("a@example.com", "b@example.com", False),
        ("a@example.com", "a@example.org", False),
    ],
)
def test_f13_one_mailbox_whatever_its_spelling(one: str, other: str, same: bool) -> None:
    assert (mailboxes(one) == mailboxes(other)) == same


@pytest.mark.parametrize("address", [*SPELLINGS, "A.b+c+d@Example.com", "+x@example.com", "a.b@gmail.com", "a@xn--w-uga1v8h.pl"])
def test_f13_the_database_folds_the_address_of_an_account_in_the_same_way(alone: Alone, address: str) -> None:
    login = account(alone, "plain@example.com")
    alone.sql("UPDATE accounts SET email = %s WHERE login = %s", address, login)
    with alone.services.work() as work:
        assert work.unasked_mails.of_customer(mailboxes(address))
        assert not work.unasked_mails.of_customer(mailboxes("somebody@else.example"))
