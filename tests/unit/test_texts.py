"""Texts: one catalogue a language, complete in English; no language in the code; a third language is switched on."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po
from flask import Flask

import ibok_idp
from ibok_idp import texts
from ibok_idp.look.assets import compile_catalogue
from ibok_idp.look.flask_look import install_look
from provisioning.adapters.pdf import filled_form
from provisioning.domain.errors import FieldError
from provisioning.domain.mail import Mail, MailKind
from provisioning.form.catalogue import all_versions
from provisioning.form.messages import message
from provisioning.messages.compose import Composer
from provisioning.messages.context import CannotBeWritten
from provisioning.staff_ui.badges import day_badge
from tests.support import letters
from tests.support.fakes import fake_services

PROJECT = Path(ibok_idp.__file__).parents[1]
PACKAGES = ("ibok_idp", "provisioning", "webapp")
MAILS = PROJECT / "provisioning" / "messages"
Key = tuple[str, str | None]


def catalogue(language: str) -> Catalog:
    with (texts.CATALOGUES / language / "LC_MESSAGES" / "messages.po").open("rb") as handle:
        return read_po(handle, locale=language)


def key(message: Message) -> Key:
    return (message.id if isinstance(message.id, str) else message.id[0], message.context)


@cache
def texts_of_the_code() -> dict[Key, bool]:
    """Every text that gettext is asked for, and whether it has plural forms: found as `pybabel extract` finds it."""
    lines = [line for line in (PROJECT / "babel.cfg").read_text().splitlines() if line]
    methods = [tuple(reversed(line.strip("[]").split(": "))) for line in lines]
    found = Catalog()
    for package in PACKAGES:
        for _file, _line, text, _comments, context in extract_from_dir(
            PROJECT / package, [(f"{pattern}", method) for pattern, method in methods], keywords=DEFAULT_KEYWORDS
        ):
            found.add(text, context=context)
    return {key(each): bool(each.pluralizable) for each in found if each.id}


def test_every_text_of_the_code_is_in_english_and_nothing_else_is() -> None:
    english = {key(each) for each in catalogue("en") if each.id and all(each.string if each.pluralizable else [each.string])}
    assert len(texts_of_the_code()) > 1000
    assert set(texts_of_the_code()) - english == set()
    assert english - set(texts_of_the_code()) == set()


def test_every_text_with_a_number_has_the_three_forms_of_polish() -> None:
    with_number = {each for each, plural in texts_of_the_code().items() if plural}
    polish = {key(each) for each in catalogue("pl") if each.pluralizable and all(each.string) and len(each.string) == 3}
    assert with_number == polish


def python_files() -> Iterator[Path]:
    for package in (*PACKAGES, "deploy"):
        yield from (path for path in sorted((PROJECT / package).rglob("*.py")) if "migrations" not in path.parts)


def languages_in(source: str) -> list[int]:
    """The lines of a module that name a language where the list or the catalogue should speak."""
    found = []
    for node in ast.walk(ast.parse(source)):
        named = [each.value for each in ast.iter_child_nodes(node) if isinstance(each, ast.Constant)]
        if isinstance(node, ast.Compare | ast.Dict | ast.Tuple | ast.List | ast.Set | ast.IfExp | ast.MatchValue):
            found += [node.lineno for value in named if value in texts.LANGUAGES]
    return found


def test_no_code_chooses_its_words_by_language() -> None:
    for trap in (
        'x = 1 if language == "en" else 2',
        '{"pl": "a", "en": "b"}',
        'for l in ("pl", "en"): pass',
        'x = "en" if y else z',
    ):
        assert languages_in(trap), trap
    found = {
        f"{path.relative_to(PROJECT)}:{line}"
        for path in python_files()
        if path != Path(texts.__file__)
        for line in languages_in(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_no_template_chooses_its_words_by_language() -> None:
    named = re.compile(r"""["'](en|pl)["']\s*(?:[:\]),]|==|!=)|[=!]=\s*["'](en|pl)["']""")
    assert named.search("{{ 'a' if language() == 'en' else 'b' }}") and named.search("{'pl': 'polski'}[a.language]")
    folders = [PROJECT / package for package in PACKAGES]
    templates = [path for folder in folders for end in ("html", "txt") for path in folder.rglob(f"*.{end}")]
    assert len(templates) > 100
    assert [str(path) for path in templates if "static" not in path.parts and named.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("kind", [*MailKind, "digest"])
def test_text_and_html_of_a_mail_say_the_same(kind: str) -> None:
    said = re.compile(r'\b(?:_|ngettext)\("([^"]+)"')
    folder = MAILS / kind
    text, html = ((folder / name).read_text(encoding="utf-8") for name in ("body.txt", "body.html"))
    unsaid = {"Login"} if "secret(" in html else set()  # the line with the login is the same in every language
    assert set(said.findall(html)) - unsaid == set(said.findall(text))
    assert said.findall((folder / "subject.txt").read_text(encoding="utf-8"))


def test_every_folder_of_a_mail_is_a_kind() -> None:
    assert {path.parent.name for path in MAILS.glob("*/subject.txt")} == {*MailKind, "digest"}


def test_a_mail_that_was_queued_without_its_secret_is_not_written() -> None:
    one, compose = letters.application(), Composer(letters.UTILITY, "ibok@wpwik.com", "bok@wpwik.com")
    mail = Mail("<1@wpwik.com>", one.reference, MailKind.NEW_PASSWORD, one.email, one.received_at, about=letters.ABOUT)
    for account, secret in ((letters.account(), None), (None, "a-secret")):
        with pytest.raises(CannotBeWritten):
            compose(fake_services(), mail, one, account, secret)


def test_a_reason_is_named_once() -> None:
    for kind in (MailKind.REJECTED, MailKind.SUSPENDED, MailKind.CHANGE_ANSWERED):
        text, _html = letters.parts(letters.compose(kind, letters.application()))
        assert text.count("Powód") == 1


def test_a_text_in_languages_needs_polish_and_falls_back_to_it() -> None:
    assert texts.InLanguages({"pl": "tak", "en": "yes"})["uk"] == "tak"
    with pytest.raises(KeyError):
        texts.InLanguages({"en": "yes"})


@pytest.fixture
def ukrainian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third language as docs/how-to/add-a-language.md says: one catalogue, and one entry in the list."""
    catalogues = tmp_path / "translations"
    shutil.copytree(texts.CATALOGUES, catalogues)
    source = catalogues / "uk" / "LC_MESSAGES" / "messages.po"
    source.parent.mkdir(parents=True)
    shutil.copy(PROJECT / "tests" / "support" / "half_ukrainian.po", source)
    for each in catalogues.glob("*/LC_MESSAGES/messages.po"):
        compile_catalogue(each)
    monkeypatch.setattr(texts, "CATALOGUES", catalogues)
    monkeypatch.setitem(texts.LANGUAGES, "uk", "Українська")


@pytest.mark.usefixtures("ukrainian")
def test_a_third_language_on_a_page() -> None:
    app = Flask("third")
    app.secret_key = "x"
    install_look(app, letters.UTILITY, keycloak_origin="http://localhost", secure=False)
    page = app.test_client().get("/missing?lang=uk").text
    assert 'lang="uk"' in page
    assert '<h1 class="govuk-heading-l">Немає такої сторінки</h1>' in page
    assert "Sprawdź, czy adres jest przepisany w całości." in page  # Polish, where a text lacks
    assert '<a class="govuk-link" href="?lang=pl" lang="pl" hreflang="pl">Polski</a>' in page
    assert letters.UTILITY.phones("pl") in page


@pytest.mark.usefixtures("ukrainian")
@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (1, "Залишився 1 день"),
        (3, "Залишилося 3 дні"),
        (11, "Залишилося 11 днів"),
        (-1, "1 dzień po terminie"),
        (-5, "5 dni po terminie"),
    ],
)
def test_a_third_language_counts_by_its_own_rule_and_where_it_lacks_by_the_polish_one(days: int, expected: str) -> None:
    app = Flask("third")
    app.secret_key = "x"
    install_look(app, letters.UTILITY, keycloak_origin="http://localhost", secure=False)
    today = date(2026, 11, 24)
    with app.test_request_context("/?lang=uk"):
        assert day_badge(today + timedelta(days=days), today, closed=False)["words"] == expected


@pytest.mark.usefixtures("ukrainian")
def test_a_third_language_in_messages_of_the_form() -> None:
    assert message(FieldError("first_name", "required"), "uk") == "Введіть ім'я"
    assert message(FieldError("last_name", "required"), "uk") == "Введіть nazwisko"
    assert message(FieldError("pesel", "invalid_format"), "uk") == "Wpisz PESEL: 11 cyfr"


@pytest.mark.usefixtures("ukrainian")
def test_a_third_language_in_a_mail() -> None:
    mail = letters.compose(MailKind.RECEIVED, letters.application("uk"))
    text, html = letters.parts(mail)
    assert mail["Content-Language"] == "uk"
    assert mail["Subject"] == "iBOK: ми отримали заяву 2026-000417-9"
    for part in (text, html):
        assert "przyjęliśmy Twój wniosek BOK-27" in part
        assert "24 листопада 2026" in part
    assert "Дата подання: 24 листопада 2026" in text


@pytest.mark.usefixtures("ukrainian")
def test_a_third_language_in_a_pdf() -> None:
    one = letters.application("uk")
    document = letters.pdf_text(filled_form(one, all_versions()["2026-1"], letters.UTILITY))
    assert "Заява про створення облікового запису iBOK" in " ".join(document.split())
    assert "24 листопада 2026" in document
    assert "Imię" in document
    assert "Oświadczam, że dane podane we wniosku są prawdziwe i kompletne." in " ".join(document.split())  # a clause
