"""Words on the staff pages: Polish plurals, and every code of the domain has a name in both languages."""

from datetime import date, timedelta

import pytest
from flask import Flask

from ibok_idp.look.company import load_utility
from ibok_idp.look.flask_look import install_look
from provisioning.domain.account_states import AccountState, ClosingCause
from provisioning.domain.application import Channel, RejectedFor, Status
from provisioning.domain.erasure import ErasureDecision
from provisioning.domain.mail import MailKind, MailState
from provisioning.domain.news import DeliveryState, NewsKind
from provisioning.domain.rights import Action, Role
from provisioning.staff_ui import words
from provisioning.staff_ui.account import DEEDS
from provisioning.staff_ui.badges import due_badge
from provisioning.staff_ui.words import mail_reason
from tests.support.records import application

TODAY = date(2026, 11, 24)


@pytest.fixture
def app() -> Flask:
    app = Flask("words")
    app.secret_key = "x"
    install_look(app, load_utility(None), keycloak_origin="http://localhost", secure=False)
    return app


@pytest.mark.parametrize(
    ("days", "polish", "english"),
    [
        (1, "Został 1 dzień", "1 day left"),
        (2, "Zostały 2 dni", "2 days left"),
        (5, "Zostało 5 dni", "5 days left"),
        (10, "Zostało 10 dni", "10 days left"),
        (22, "Zostały 22 dni", "22 days left"),
        (0, "Dziś ostatni dzień", "Today is the last day"),
        (-1, "1 dzień po terminie", "1 day overdue"),
        (-3, "3 dni po terminie", "3 days overdue"),
    ],
)
def test_s4_days_left_are_said_in_proper_words(app: Flask, days: int, polish: str, english: str) -> None:
    one = application(due_on=TODAY + timedelta(days=days))
    for language, expected in (("pl", polish), ("en", english)):
        with app.test_request_context(f"/?lang={language}"):
            assert due_badge(one, TODAY)["words"] == expected


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("smtp; 550 5.1.1 No such user here", "nie ma takiego adresu"),
        ("550 no mailbox", "nie ma takiego adresu"),
        ("552 5.2.2 mailbox full", "skrzynka jest pełna"),
        ("554 5.7.1 blocked", "serwer odbiorcy odrzuca naszą pocztę, powiadom dział IT"),
        ("421 try later", ""),
    ],
)
def test_why_a_mail_did_not_arrive_is_said_in_words(app: Flask, answer: str, words: str) -> None:
    with app.test_request_context():
        assert mail_reason(answer) == words


def test_every_code_of_the_domain_has_a_name(app: Flask) -> None:
    tables = (
        (words.STATUS, Status),
        (words.STATUS_COLOUR, Status),
        (words.CHANNEL, Channel),
        (words.ROLE, Role),
        (words.ACCOUNT_STATE, AccountState),
        (words.ACCOUNT_COLOUR, AccountState),
        (words.CLOSING_CAUSE, ClosingCause),
        (words.ERASURE, ErasureDecision),
        (words.MAIL_KIND, MailKind),
        (words.MAIL_STATE, MailState),
        (words.REJECTED_FOR, RejectedFor),
        (words.NEWS, NewsKind),
        (words.DELIVERY_STATE, DeliveryState),
    )
    for table, codes in tables:
        assert set(table) == set(codes)
    of_accounts = {deed.action for deed in DEEDS.values()} | {Action.ANSWER_CHANGE, Action.DECIDE_ERASURE, Action.READ_TERMS}
    of_pages = {Action.READ, Action.ENTER, Action.READ_AUDIT, Action.EVIDENCE, Action.NOTE, Action.CLAIM, Action.INTAKE}
    of_pages |= {Action.HANDLE_MAIL, Action.HELP_LINE, Action.DERIVE_TERMS, Action.READ_REPORTS, Action.FORM_VERSIONS}
    of_pages |= {Action.OPEN_ORIGINAL, Action.REVEAL_PESEL, Action.READ_WEBHOOKS, Action.MANAGE_WEBHOOKS}
    assert set(words.ACTION) == set(Action) - of_pages - of_accounts
    assert set(words.DEED) == set(DEEDS)
