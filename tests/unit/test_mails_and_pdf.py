"""S5 and the other mails; the filled form as PDF/UA."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ibok_idp.temporary_password import new_nonce
from provisioning.adapters.pdf import filled_form, own_data
from provisioning.domain.mail import Mail, MailKind
from provisioning.form.catalogue import all_versions, current_form
from provisioning.messages.compose import Composer
from provisioning.use_cases.account.keeper.passwords import activation_password
from tests.support.fakes import fake_services
from tests.support.letters import (
    ABOUT,
    OF_THE_APPLICATION,
    PESEL,
    UTILITY,
    WITH_PASSWORD,
    account,
    application,
    compose,
    parts,
    pdf_text,
)
from tests.support.world import application_body, company_body


@pytest.mark.parametrize("language", ["pl", "en"])
def test_s5_the_activation_mail_brings_login_temporary_password_and_basic_data(language: str) -> None:
    text, html = parts(compose(MailKind.ACTIVATED, application(language)))
    password = activation_password(fake_services(), account())
    lines = text.replace("\r\n", "\n").split("\n")
    assert "Login: wp48120937" in lines
    assert f"Hasło tymczasowe: {password}" in lines
    assert password in html
    for words in ("Józefa Źdźbło-Żak", "40118270", "Źródlana 7/3, 43-300 Bielsko-Biała", "http://localhost:8000/logowanie"):
        assert words in text
        assert words in html
    assert "13:00" in text  # the end of its life, in Europe/Warsaw


@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize("language", ["pl", "en"])
def test_no_mail_holds_pesel_and_only_those_of_s5_and_s7_a_password(kind: MailKind, language: str) -> None:
    message = compose(kind, application(language))
    text, html = parts(message)
    assert PESEL not in text + html + message["Subject"]
    assert (activation_password(fake_services(), account()) in text) == (kind in WITH_PASSWORD)
    assert "<script>" not in html
    assert message["Message-ID"] == f"<{kind}.1@wpwik.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] == "bok@wpwik.com"
    own_staff = kind is MailKind.RESIGNATION_NOTE  # to the utility itself, which speaks Polish
    language = "pl" if own_staff else language
    assert message["Content-Language"] == language
    assert not re.search(r"<img|<link|<script|@import|url\(", html)
    assert UTILITY.phones(language) in text


@pytest.mark.parametrize("kind", MailKind)
def test_every_link_of_a_mail_opens_the_page_in_the_mails_language(kind: MailKind) -> None:
    message = compose(kind, application("en"))
    english = message["Content-Language"] == "en"  # what goes to the utility itself is Polish
    for part in parts(message):
        for link in re.findall(r"http://localhost:8000/[^\s\"<>]*", part):
            assert link.endswith("?lang=en") == english, link
    assert "?lang=" not in "".join(parts(compose(kind, application("pl"))))


def test_s7_the_mail_brings_login_password_its_life_and_what_to_do_if_it_was_not_you() -> None:
    text, _ = parts(compose(MailKind.NEW_PASSWORD, application()))
    lines = text.replace("\r\n", "\n").split("\n")
    assert "Login: wp48120937" in lines
    assert f"Hasło tymczasowe: {activation_password(fake_services(), account())}" in lines
    flowing = " ".join(text.split())
    for words in ("25 listopada 2026, 13:00", "http://localhost:8000/logowanie", "To nie Ty?", "Dotychczasowe hasło działa"):
        assert words in flowing


@pytest.mark.parametrize("language", ["pl", "en"])
def test_s8_the_confirmation_of_a_resignation_is_a_tagged_pdf(language: str) -> None:
    message = compose(MailKind.RESIGNATION, application(language))
    (attached,) = list(message.iter_attachments())
    assert attached.get_content_type() == "application/pdf"
    text = pdf_text(attached.get_content())
    for words in ("wp48120937", "Józefa Źdźbło-Żak", "8 grudnia 2026" if language == "pl" else "8 December 2026"):
        assert words in text
    assert b"/MarkInfo" in attached.get_content()


def test_the_same_mail_twice_is_the_same_mail() -> None:
    first, second = (compose(MailKind.ACTIVATED, application()) for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"]
    assert parts(first) == parts(second)


def test_f01_f02_what_an_applicant_types_stays_text_in_mails() -> None:
    nasty = "<b>x</b>{{7*7}}&amp;"
    one = application(
        body=application_body(first_name=nasty, customer_number="40118270", signature={"kind": "scan"}),
        reason="<script>alert(1)</script>",
    )
    for kind in (MailKind.ACTIVATED, MailKind.REJECTED):
        _, html = parts(compose(kind, one))
        assert "<script>" not in html
        assert "<b>x</b>" not in html
        assert "49" not in html.replace("449", "")


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("body", [application_body(), company_body()])
def test_s1_the_filled_form_is_a_tagged_pdf_with_polish_glyphs(language: str, body: dict[str, Any]) -> None:
    one = application(language, body)
    content = filled_form(one, current_form(datetime(2026, 11, 24).date()), UTILITY)
    assert b"pdfuaid" in content
    assert b"/StructTreeRoot" in content
    text = pdf_text(content)
    assert one.reference in text
    assert one.applicant in text
    assert all(code in text for code in one.clauses)
    assert ("osoba fizyczna" in text) == (language == "pl" and one.customer_type == "person")


def test_f01_typst_markup_in_a_field_is_only_text() -> None:
    nasty = '#read("/etc/passwd") *bold* $x$ \\ "'
    one = application(body=application_body(last_name=nasty, signature={"kind": "scan"}))
    assert '#read("/etc/passwd") *bold* $x$' in pdf_text(filled_form(one, all_versions()["2026-1"], UTILITY)).replace(
        "\r\n", " "
    ).replace("\n", " ")


AFTER_MIDNIGHT = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # 00:30 on the 25th in Warsaw
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")  # for programs; paper says days in words
YESTERDAY = re.compile(r"24 (listopada|November)|24\.11\.2026|2026-11-24")


@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize("language", ["pl", "en"])
def test_every_date_that_a_mail_says_is_the_day_in_warsaw_also_after_midnight(kind: MailKind, language: str) -> None:
    one = application(language, received_at=AFTER_MIDNIGHT, decided_at=AFTER_MIDNIGHT, filed_on=date(2026, 11, 25))
    moments = {
        name: AFTER_MIDNIGHT for name, value in vars(account()).items() if name.endswith("_at") or isinstance(value, datetime)
    }
    of = replace(account(), **moments, language=language)
    about = ABOUT | dict.fromkeys(("expires_at", "resigned_at", "at"), AFTER_MIDNIGHT.isoformat())
    mail = Mail(f"<{kind}.1@wpwik.com>", one.reference, kind, one.email, AFTER_MIDNIGHT, about=about)
    services = fake_services()
    secret = "a-secret" if kind in WITH_PASSWORD else "abc.token"
    message = Composer(UTILITY, "ibok@wpwik.com", "bok@wpwik.com")(
        services, mail, one, None if kind in OF_THE_APPLICATION else of, secret
    )
    said = [*parts(message), *(pdf_text(each.get_content()) for each in message.iter_attachments())]
    assert [YESTERDAY.findall(" ".join(text.split())) for text in said] == [[]] * len(said)
    if kind in (MailKind.ACTIVATION_REMINDER, MailKind.NEW_PASSWORD, MailKind.ACTIVATED, MailKind.RESIGNATION, MailKind.RECEIVED):
        assert re.search(r"25 (listopada|November) 2026", " ".join(" ".join(said).split()))


@pytest.mark.parametrize("language", ["pl", "en"])
def test_every_date_of_a_pdf_is_the_day_in_warsaw_also_after_midnight(language: str) -> None:
    signature = {"kind": "declaration", "signed_on": "2026-11-25", "signed_name": "J"}
    one = application(language, received_at=AFTER_MIDNIGHT, signature=signature)
    form, stamp = all_versions()["2026-1"], ("Anna Ćwik", AFTER_MIDNIGHT)
    text = " ".join(pdf_text(filled_form(one, form, UTILITY, stamp)).split())
    assert not YESTERDAY.search(text)
    assert len(re.findall(r"25 (?:listopada|November) 2026", text)) == 3  # filled in, signed, and the copy's stamp
    assert not ISO_DAY.search(text)
    at = AFTER_MIDNIGHT.isoformat()
    content: dict[str, Any] = {
        "login": "wp48120937", "state": "active", "name": "J", "email": "j@example.com", "phone": None, "correspondence_address": None,
        "customer_numbers": [], "language": language, "created_at": at, "activated_at": at, "resignation": {"closes_on": "2026-11-25"},
        "terms": {"answers": [{"at": at, "terms_version": "2026-1", "accepted": True}]}, "documents_filed": [],
        "logins": [{"at": at, "kind": "login", "address": None}], "mails": [{"created_at": at, "to": "j@example.com"}],
    }  # fmt: skip
    text = " ".join(pdf_text(own_data(content, one, form, UTILITY, language)).split())
    assert not YESTERDAY.search(text)
    assert len(re.findall(r"25 (?:listopada|November) 2026", text)) == 6
    assert not ISO_DAY.search(text)


def test_nonces_are_random() -> None:
    assert new_nonce() != new_nonce()
