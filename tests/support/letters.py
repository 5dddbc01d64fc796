"""Mails and PDF of one invented application, for the tests that read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pypdfium2

from ibok_idp.look.company import load_utility
from provisioning.domain.account import Account
from provisioning.domain.account_states import AccountState
from provisioning.domain.application import Application, Channel, Status
from provisioning.domain.mail import Mail, MailKind
from provisioning.domain.rulebook import Rulebook
from provisioning.form.catalogue import all_versions, current_form
from provisioning.form.check import Checker
from provisioning.messages.compose import Composer
from provisioning.use_cases.account.keeper.passwords import activation_password
from tests.support.fakes import fake_services
from tests.support.world import application_body

UTILITY = load_utility(None)
PESEL = "44051401359"
_TODAY = date(2026, 11, 24)
_CHECKER = Checker(all_versions(), current_form(_TODAY), Rulebook(), _TODAY)


def application(language: str = "pl", body: dict[str, Any] | None = None, **changes: Any) -> Application:
    found = _CHECKER.web((body or application_body(pesel=PESEL, customer_number="40118270")) | {"language": language})
    base = Application(
        reference="2026-000417-9",
        status=Status.FILED,
        channel=Channel.WEB,
        form_version="2026-1",
        terms_version="2026-1",
        language=language,
        customer_type=found.customer_type,
        data=found.data,
        pesel=found.pesel,
        clauses=found.clauses,
        terms_accepted=True,
        signature=found.signature,
        received_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
        filed_on=datetime(2026, 11, 24).date(),
        due_on=datetime(2026, 12, 8).date(),
        nonce=b"n" * 32,
        confirmation_nonce=b"c" * 32,
        reason="Proszę o podpis na stronie 2.",
    )
    return replace(base, **changes)


def account() -> Account:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    return Account(
        "wp48120937",
        "2026-000417-9",
        AccountState.AWAITING_FIRST_LOGIN,
        now,
        email="jozefa@example.com",
        nonce=b"a" * 32,
        password_expires_at=datetime(2026, 12, 8, 12, tzinfo=UTC),
        delete_on=datetime(2027, 1, 8).date(),
    )


ABOUT = {
    "expires_at": "2026-11-25T12:00:00+00:00",
    "reason": "<script>alert(1)</script>",
    "closes_on": "2026-12-08",
    "resigned_at": "2026-11-24T12:00:00+00:00",
    "cause": "resignation",
    "terms_version": "2027-1",
    "valid_from": "2027-01-01",
    "outcome": "done",
    "decision": "partly",
    "ground": "art. 17 ust. 3 lit. b RODO",
    "received_on": "2026-11-20",
    "customer_number": "40118271",
    "at": "2026-11-24T12:00:00+00:00",
}
OF_THE_APPLICATION = (MailKind.CONFIRM_EMAIL, MailKind.RECEIVED, MailKind.REJECTED, MailKind.INCOMPLETE)
WITH_PASSWORD = (MailKind.ACTIVATED, MailKind.NEW_PASSWORD)


def compose(kind: MailKind, one: Application) -> Any:
    services = fake_services()
    mail = Mail(f"<{kind}.1@wpwik.com>", one.reference, kind, one.email, one.received_at, about=ABOUT)
    of = None if kind in OF_THE_APPLICATION else replace(account(), language=one.language)
    secret = activation_password(services, account()) if kind in WITH_PASSWORD else "abc.token"
    return Composer(UTILITY, "ibok@wpwik.com", "bok@wpwik.com")(services, mail, one, of, secret)


def parts(message: Any) -> tuple[str, str]:
    return message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()


def pdf_text(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    return "\n".join(page.get_textpage().get_text_range() for page in document)
