"""What is told to many customers is told once, also with two workers at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest

from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState
from provisioning.domain.mail import MailKind
from provisioning.ports.services import Services
from provisioning.use_cases.messages.undelivered import remind_of_first_login
from provisioning.use_cases.terms.accept_terms import announce_terms
from tests.support.database_alone import Alone

COUNT = 12


def with_accounts(alone: Alone) -> None:
    for number in range(COUNT):
        reference, login = alone.entered(), f"wp{number:08d}"
        with alone.services.work() as work:
            work.accounts.reserve_login(login, reference, alone.clock.now())
            account = Account(
                login, reference, AccountState.AWAITING_FIRST_LOGIN, alone.clock.now(), email=f"{login}@example.com",
                mail_accepted_at=alone.clock.now(), password_expires_at=alone.clock.now() + timedelta(days=2), user_id=login,
            )  # fmt: skip
            account.in_keycloak = account.profile.row()
            work.accounts.add(account)


def next_terms(services: Services) -> Services:
    newest = max(services.forms.values(), key=lambda form: form.valid_from)
    coming = replace(newest, version="2027-9", terms_version="2027-9", valid_from=date(2026, 12, 1))
    return replace(services, forms=services.forms | {"2027-9": coming}, dated_forms=None)


@pytest.mark.parametrize("kind", [MailKind.TERMS_ANNOUNCED, MailKind.ACTIVATION_REMINDER])
def test_two_workers_at_once_tell_every_customer_once(alone: Alone, kind: MailKind) -> None:
    alone.clock.moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    with_accounts(alone)
    services, barrier = next_terms(alone.services), Barrier(8)

    def worker() -> int:
        barrier.wait()
        return announce_terms(services) if kind is MailKind.TERMS_ANNOUNCED else remind_of_first_login(services)

    with ThreadPoolExecutor(8) as pool:
        told = [each.result() for each in [pool.submit(worker) for _ in range(8)]]
    rest = announce_terms(services) if kind is MailKind.TERMS_ANNOUNCED else remind_of_first_login(services)
    assert sum(told) + rest == COUNT
    assert alone.sql("SELECT count(*), count(DISTINCT reference) FROM mails WHERE kind = %s", kind.value) == [(COUNT, COUNT)]
