"""The filled form as a tagged PDF (PDF/UA-1), by typst: Polish glyphs embedded, data never read as markup."""

from __future__ import annotations

import io
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import segno
import typst

from ibok_idp.look.company import Utility
from ibok_idp.texts import N_, day_in, known_language, moment_in, texts_in
from provisioning.domain.account import Account
from provisioning.domain.addresses import address_line
from provisioning.domain.application import Application, SignatureKind
from provisioning.domain.clauses import FormVersion
from provisioning.domain.declared_fields import ADDRESS, declared
from provisioning.domain.fields import SECTIONS, WHO, Field, Section
from provisioning.domain.rulebook import Rulebook
from provisioning.form.check import is_required

_TEMPLATE = Path(__file__).parents[1] / "form" / "bok27.typ"
_BLANK, _PAPER = _TEMPLATE.with_name("blank27.typ"), _TEMPLATE.with_name("paper.typ")
_ACCEPTED = N_("Zapoznałam/zapoznałem się i akceptuję Regulamin iBOK, wersja %(version)s.")
_NOT_ACCEPTED = N_("BRAK akceptacji: Regulamin iBOK, wersja %(version)s.")
_LOGIN_KINDS = {
    "login": N_("zalogowano"),
    "login_failed": N_("nieudane logowanie"),
    "password_set": N_("ustawiono hasło"),
    "locked": N_("logowanie zablokowane na chwilę"),
}
_STATES = {
    "awaiting_first_login": N_("oczekuje na pierwsze logowanie"),
    "active": N_("aktywne"),
    "resigning": N_("rezygnacja w toku"),
}


def filled_form(
    application: Application,
    form: FormVersion,
    utility: Utility,
    copy: tuple[str, datetime] | None = None,
    *,
    full_pesel: bool = False,
) -> bytes:
    """The BOK-27 as filed, in the applicant's language.

    Args:
        copy: S3: who hands the customer a copy, and when; stamps it.
        full_pesel: only behind an audited reveal (S12).
    """
    language = known_language(application.language)
    _ = texts_in(language).gettext
    yes_no = (_("NIE"), _("TAK"))
    values: dict[str, Any] = {
        "language": language,
        **_titles(language),
        "labels": {
            "reference": _("Numer wniosku"),
            "received": _("Wypełniony"),
            "qr_alt": _("Kod QR z numerem wniosku"),
            "clauses": _("Oświadczenia"),
            "terms": _("Regulamin iBOK"),
            "signature": _("Podpis"),
            "place_date": _("miejscowość, data"),
            "signed": _("czytelny podpis wnioskodawcy"),
            "signed_terms": _("podpis pod Regulaminem iBOK"),
            "where": _where(utility, language),
        },
        "stamp": _stamp(application, copy, language) if copy else None,
        "utility_name": utility.company.name,
        "utility_address": utility.company.address,
        "reference": application.reference,
        "received": day_in(application.received_at, language),
        "qr": _qr(application.reference) if application.reference else "",
        "sections": _sections(application, language, full_pesel=full_pesel),
        "clauses": [
            {
                "code": clause.code,
                "text": clause.text[language],
                "answer": yes_no[bool(application.clauses.get(clause.code))],
            }
            for clause in form.clauses
        ],
        "terms": _terms(application, language),
        "signature": _signature(application, language),
        "needs_ink": (application.signature or {}).get("kind") in (None, SignatureKind.PAPER, SignatureKind.SCAN),
    }
    document: bytes = typst.compile(_TEMPLATE.read_bytes(), sys_inputs={"data": json.dumps(values)}, pdf_standards=["ua-1"])
    return document


def _titles(language: str) -> dict[str, str]:
    _ = texts_in(language).gettext
    return {"title": _("Wniosek o założenie konta iBOK"), "form_name": _("DRUK NR BOK-27")}


def _stamp(application: Application, copy: tuple[str, datetime], language: str) -> dict[str, str]:
    """S3: KOPIA, date, name of the employee, reference."""
    _ = texts_in(language).gettext
    employee, at = copy
    line = _("wniosku %(reference)s, wydana %(at)s, wydał(a): %(employee)s")
    facts = {"reference": application.reference, "at": moment_in(at, language), "employee": employee}
    return {"word": _("KOPIA"), "line": line % facts}


def blank_form(form: FormVersion, utility: Utility, language: str, *, pesel_required: bool = False) -> bytes:
    """The empty BOK-27 to be filled in by hand (S1), with every clause and the signature line of the Regulamin (S2)."""
    language = known_language(language)
    _ = texts_in(language).gettext
    rules = Rulebook(pesel_required=pesel_required)

    def lines(section: Section) -> list[dict[str, Any]]:
        kinds = [_(each.label) for each in declared().types]
        found: list[dict[str, Any]] = [{"label": _("Rodzaj klienta"), "choices": kinds}] if section is WHO else []
        for field in (each for each in declared().fields if each.section is section):
            found.append({"label": _blank_label(field, rules, language), "choices": []})
            if field.name == "email":
                found.append({"label": _("Adres e-mail jeszcze raz"), "choices": []})
        return found

    values = {
        "language": language,
        **_titles(language),
        "version": _("wersja %(version)s") % {"version": form.version},
        "utility_name": utility.company.name,
        "utility_address": utility.company.address,
        "sections": [{"title": _(section.title), "fields": lines(section)} for section in SECTIONS],
        "clauses_title": _("Oświadczenia"),
        "clauses_hint": _("Każde oświadczenie jest obowiązkowe: bez akceptacji choćby jednego konto nie powstanie."),
        "clauses": [{"code": clause.code, "text": clause.text[language]} for clause in form.clauses],
        "yes": _("TAK"),
        "no": _("NIE"),
        "terms_title": _("Regulamin iBOK"),
        "terms": _(_ACCEPTED) % {"version": form.terms_version},
        "signed_terms": _("podpis pod Regulaminem"),
        "signature_title": _("Podpis"),
        "place_date": _("miejscowość, data"),
        "signed": _("czytelny podpis wnioskodawcy"),
        "where": _where(utility, language),
    }
    made: bytes = typst.compile(_BLANK.read_bytes(), sys_inputs={"data": json.dumps(values)}, pdf_standards=["ua-1"])
    return made


def _blank_label(field: Field, rules: Rulebook, language: str) -> str:
    """With what is to be written of a person, and whether it may stay empty."""
    _ = texts_in(language).gettext
    parts = [_(part.label).lower() for part in field.parts] if field.group is not ADDRESS else []
    optional = [] if is_required(field, rules) or not field.optional else [_(field.optional)]
    aside = ", ".join(parts + optional)
    return f"{_(field.in_short)} ({aside})" if aside else str(_(field.in_short))


def paper(
    title: str,
    paragraphs: list[str],
    sections: list[tuple[str, list[tuple[str, Any]]]],
    footer: str,
    utility: Utility,
    language: str,
) -> bytes:
    """A plain tagged paper (PDF/UA-1): paragraphs, then sections of label and value; empty values are left out."""
    values = {
        "language": known_language(language),
        "title": title,
        "footer": footer,
        "utility_name": utility.company.name,
        "utility_address": utility.company.address,
        "paragraphs": paragraphs,
        "sections": [
            {"title": name, "rows": [{"label": label, "value": str(value)} for label, value in rows if value not in (None, "")]}
            for name, rows in sections
        ],
    }
    made: bytes = typst.compile(_PAPER.read_bytes(), sys_inputs={"data": json.dumps(values)}, pdf_standards=["ua-1"])
    return made


def resignation_confirmation(
    account: Account, application: Application, closes_on: date, at: datetime, utility: Utility, language: str
) -> bytes:
    """S8: what the customer resigned from, when, and when the access ends."""
    _ = texts_in(language).gettext
    rows: list[tuple[str, Any]] = [
        (_("Imię i nazwisko lub nazwa"), application.applicant),
        (_("Login"), account.login),
        (_("Numery ewidencyjne"), ", ".join(account.customer_numbers)),
        (_("Rezygnację przyjęto"), moment_in(at, language)),
        (_("Dostęp wyłączymy"), day_in(closes_on, language)),
    ]
    text = _("Potwierdzamy przyjęcie rezygnacji z internetowego Biura Obsługi Klienta iBOK (§ 10 ust. 5 Regulaminu iBOK).")
    sections = [(_("Rezygnacja"), rows)]
    return paper(_("Potwierdzenie rezygnacji z iBOK"), [text], sections, f"iBOK, {account.login}", utility, language)


def regulamin(form: FormVersion, utility: Utility, language: str) -> bytes:
    """One version of the Regulamin."""
    title = texts_in(language).gettext("Regulamin iBOK")
    return paper(title, form.terms[language].split("\n\n"), [], f"{title}, {form.terms_version}", utility, language)


def own_data(content: dict[str, Any], application: Application, form: FormVersion, utility: Utility, language: str) -> bytes:
    """Everything we hold of one customer, to be read; the JSON beside it holds the same.

    Args:
        content: what `GET /me/export` gives as JSON.
    """
    _ = texts_in(language).gettext
    address, yes_no = content["correspondence_address"], (_("TAK"), _("NIE"))
    state = _STATES[content["state"]]
    account = [
        ("Login", content["login"]),
        (_("Stan konta"), _(state)),
        (_("Imię i nazwisko lub nazwa"), content["name"]),
        ("E-mail", content["email"]),
        (_("Telefon"), content["phone"]),
        (_("Adres do korespondencji"), address_line(address) if address else None),
        (
            _("Numery ewidencyjne"),
            ", ".join(each["customer_number"] for each in content["customer_numbers"]),
        ),
        (_("Język wiadomości"), content["language"]),
        (_("Konto założone"), _when(content["created_at"], language)),
        (_("Pierwsze logowanie"), _when(content["activated_at"], language)),
        (_("Koniec dostępu"), _day(content["resignation"]["closes_on"], language)),
    ]
    filed = [(_("Numer wniosku"), application.reference)]
    filed += [(row["label"], row["value"]) for section in _sections(application, language) for row in section["rows"]]
    clauses = [(f"{c.code}: {yes_no[not application.clauses.get(c.code)]}", c.text[language]) for c in form.clauses]
    terms = [(_("Z wnioskiem"), f"{application.terms_version}: {yes_no[not application.terms_accepted]}")]
    terms += [(_when(a["at"], language), f"{a['terms_version']}: {yes_no[not a['accepted']]}") for a in content["terms"]["answers"]]
    sections: list[tuple[str, list[tuple[str, Any]]]] = [
        (_("Konto"), account),
        (_("Wniosek BOK-27, jak złożony"), filed),
        (_("Oświadczenia"), clauses),
        (_("Regulamin iBOK"), terms),
        (_("Pliki"), [(each["name"], f"sha256 {each['sha256']}") for each in content["documents_filed"]]),
        (
            _("Logowania"),
            [(_when(e["at"], language), f"{_(_LOGIN_KINDS[e['kind']])}, {e['address'] or ''}") for e in content["logins"]],
        ),
        (
            _("Wiadomości od nas"),
            [(_when(m["created_at"], language), m["to"]) for m in content["mails"]],
        ),
    ]
    title = _("Twoje dane w iBOK")
    return paper(title, [], [each for each in sections if each[1]], f"iBOK, {content['login']}", utility, language)


_ACCEPTED = N_("Zapoznałam/zapoznałem się i akceptuję Regulamin iBOK, wersja %(version)s.")
_NOT_ACCEPTED = N_("BRAK akceptacji: Regulamin iBOK, wersja %(version)s.")


def _day(value: str | None, language: str) -> str:
    return day_in(date.fromisoformat(value), language) if value else ""


def _when(value: str | None, language: str) -> str:
    return moment_in(datetime.fromisoformat(value), language) if value else ""


def _qr(reference: str) -> str:
    output = io.BytesIO()
    segno.make(reference, error="m").save(output, kind="svg", scale=4, xmldecl=False)
    return output.getvalue().decode()


def _sections(application: Application, language: str, *, full_pesel: bool = False) -> list[dict[str, Any]]:
    _ = texts_in(language).gettext
    answers = application.answers(full_pesel=full_pesel)
    rows = {section: [(_(f.in_short), answer) for f, answer in answers if f.section is section] for section in SECTIONS}
    rows[WHO].insert(0, (_("Rodzaj klienta"), _(application.kind.label)))
    return [
        {"title": _(section.title), "rows": [{"label": label, "value": value} for label, value in rows[section] if value]}
        for section in SECTIONS
    ]


def _terms(application: Application, language: str) -> str:
    said = texts_in(language).gettext(_ACCEPTED if application.terms_accepted else _NOT_ACCEPTED)
    return said % {"version": application.terms_version}


def _signature(application: Application, language: str) -> list[str]:
    _ = texts_in(language).gettext
    signature = application.signature or {}
    kind = signature.get("kind")
    if kind == SignatureKind.DECLARATION:
        signed = {"name": signature.get("signed_name"), "day": _day(signature.get("signed_on"), language)}
        return [
            _("Oświadczenie złożone elektronicznie: %(name)s, %(day)s.") % signed,
            _("Adres e-mail potwierdza link wysłany do wnioskodawcy."),
        ]
    if kind == SignatureKind.ELECTRONIC:
        return [_("Podpis elektroniczny w załączonym pliku.")]
    return []


def _where(utility: Utility, language: str) -> str:
    facts = {"address": utility.company.address, "hours": utility.office_hours(language), "email": utility.contact.email}
    said = texts_in(language).gettext(
        "Podpisany druk przynieś do biura BOK (%(address)s, %(hours)s), wyślij tam pocztą albo prześlij skan na adres %(email)s."
    )
    return said % facts
