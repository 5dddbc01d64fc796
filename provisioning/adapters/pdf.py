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
from provisioning.domain.account import Account
from provisioning.domain.addresses import address_line
from provisioning.domain.application import Application, SignatureKind
from provisioning.domain.clauses import FormVersion
from provisioning.domain.fields import ADDRESS, SECTIONS, WHO, Field, Section, declared
from provisioning.domain.rulebook import Rulebook
from provisioning.form.check import is_required
from provisioning.form.texts import said
from provisioning.messages.letter import day, moment

_TEMPLATE = Path(__file__).parents[1] / "form" / "bok27.typ"
_BLANK, _PAPER = _TEMPLATE.with_name("blank27.typ"), _TEMPLATE.with_name("paper.typ")
_LABELS = {
    "pl": {
        "title": "Wniosek o założenie konta iBOK",
        "form_name": "DRUK NR BOK-27",
        "reference": "Numer wniosku",
        "received": "Wypełniony",
        "qr_alt": "Kod QR z numerem wniosku",
        "clauses": "Oświadczenia",
        "terms": "Regulamin iBOK",
        "signature": "Podpis",
        "place_date": "miejscowość, data",
        "signed": "czytelny podpis wnioskodawcy",
        "kind": "Rodzaj klienta",
        "yes": "TAK",
        "no": "NIE",
    },
    "en": {
        "title": "Application for an iBOK account",
        "form_name": "FORM BOK-27",
        "reference": "Application number",
        "received": "Filled in on",
        "qr_alt": "QR code with the application number",
        "clauses": "Declarations",
        "terms": "Terms of iBOK",
        "signature": "Signature",
        "place_date": "place, date",
        "signed": "legible signature of the applicant",
        "kind": "Kind of customer",
        "yes": "YES",
        "no": "NO",
    },
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
    language = application.language
    labels = _LABELS[language]
    values: dict[str, Any] = {
        "language": language,
        "title": labels["title"],
        "form_name": labels["form_name"],
        "labels": {**labels, "where": _where(utility, language)},
        "stamp": _stamp(application, copy, language) if copy else None,
        "utility_name": utility.company.name,
        "utility_address": utility.company.address,
        "reference": application.reference,
        "received": day(application.received_at, language),
        "qr": _qr(application.reference),
        "sections": _sections(application, language, full_pesel=full_pesel),
        "clauses": [
            {
                "code": clause.code,
                "text": clause.text[language],
                "answer": labels["yes"] if application.clauses.get(clause.code) else labels["no"],
            }
            for clause in form.clauses
        ],
        "terms": _terms(application, language),
        "signature": _signature(application, language),
        "needs_ink": (application.signature or {}).get("kind") in (None, SignatureKind.PAPER, SignatureKind.SCAN),
    }
    document: bytes = typst.compile(_TEMPLATE.read_bytes(), sys_inputs={"data": json.dumps(values)}, pdf_standards=["ua-1"])
    return document


def _stamp(application: Application, copy: tuple[str, datetime], language: str) -> dict[str, str]:
    """S3: KOPIA, date, name of the employee, reference."""
    employee, at = copy
    if language == "en":
        return {"word": "COPY", "line": f"of application {application.reference}, handed over {moment(at, 'en')} by {employee}"}
    return {"word": "KOPIA", "line": f"wniosku {application.reference}, wydana {moment(at, 'pl')}, wydał(a): {employee}"}


def blank_form(form: FormVersion, utility: Utility, language: str, *, pesel_required: bool = False) -> bytes:
    """The empty BOK-27 to be filled in by hand (S1), with every clause and the signature line of the Regulamin (S2)."""
    pl, labels = language != "en", _LABELS[language]
    rules = Rulebook(pesel_required=pesel_required)
    email_again = "Adres e-mail jeszcze raz" if pl else "E-mail address again"

    def lines(section: Section) -> list[dict[str, Any]]:
        kinds = [said(each.label, language) for each in declared().types]
        found: list[dict[str, Any]] = [{"label": labels["kind"], "choices": kinds}] if section is WHO else []
        for field in (each for each in declared().fields if each.section is section):
            found.append({"label": _blank_label(field, rules, language), "choices": []})
            if field.name == "email":
                found.append({"label": email_again, "choices": []})
        return found

    values = {
        "language": language,
        "title": labels["title"],
        "form_name": labels["form_name"],
        "version": f"{'wersja' if pl else 'version'} {form.version}",
        "utility_name": utility.company.name,
        "utility_address": utility.company.address,
        "sections": [{"title": said(section.title, language), "fields": lines(section)} for section in SECTIONS],
        "clauses_title": labels["clauses"],
        "clauses_hint": (
            "Każde oświadczenie jest obowiązkowe: bez akceptacji choćby jednego konto nie powstanie."
            if pl
            else "Every declaration is mandatory: without accepting each of them no account can be opened."
        ),
        "clauses": [{"code": clause.code, "text": clause.text[language]} for clause in form.clauses],
        "yes": labels["yes"],
        "no": labels["no"],
        "terms_title": labels["terms"],
        "terms": (
            f"Zapoznałam/zapoznałem się i akceptuję Regulamin iBOK, wersja {form.terms_version}."
            if pl
            else f"I have read and accept the iBOK terms (Regulamin iBOK), version {form.terms_version}."
        ),
        "signed_terms": "podpis pod Regulaminem" if pl else "signature under the terms",
        "signature_title": labels["signature"],
        "place_date": labels["place_date"],
        "signed": labels["signed"],
        "where": _where(utility, language),
    }
    made: bytes = typst.compile(_BLANK.read_bytes(), sys_inputs={"data": json.dumps(values)}, pdf_standards=["ua-1"])
    return made


def _blank_label(field: Field, rules: Rulebook, language: str) -> str:
    """With what is to be written of a person, and whether it may stay empty."""
    parts = [said(part.label, language).lower() for part in field.parts] if field.group is not ADDRESS else []
    optional = [] if is_required(field, rules) or not field.optional else [said(field.optional, language)]
    aside = ", ".join(parts + optional)
    return f"{said(field.in_short, language)} ({aside})" if aside else said(field.in_short, language)


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
        "language": language,
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
    english = language == "en"
    rows: list[tuple[str, Any]] = [
        ("Name" if english else "Imię i nazwisko lub nazwa", application.applicant),
        ("Login", account.login),
        ("Customer numbers" if english else "Numery ewidencyjne", ", ".join(account.customer_numbers)),
        ("Resignation received" if english else "Rezygnację przyjęto", moment(at, language)),
        ("Access ends on" if english else "Dostęp wyłączymy", day(closes_on, language)),
    ]
    text = (
        "We confirm that we have received the resignation from iBOK, the electronic customer office (rule S8, § 10(5) of the terms)."
        if english
        else "Potwierdzamy przyjęcie rezygnacji z internetowego Biura Obsługi Klienta iBOK (§ 10 ust. 5 Regulaminu iBOK)."
    )
    title = "Confirmation of resignation from iBOK" if english else "Potwierdzenie rezygnacji z iBOK"
    return paper(title, [text], [("Resignation" if english else "Rezygnacja", rows)], f"iBOK, {account.login}", utility, language)


def regulamin(form: FormVersion, utility: Utility, language: str) -> bytes:
    """One version of the Regulamin."""
    title = "Terms of iBOK" if language == "en" else "Regulamin iBOK"
    return paper(title, form.terms[language].split("\n\n"), [], f"{title}, {form.terms_version}", utility, language)


def own_data(content: dict[str, Any], application: Application, form: FormVersion, utility: Utility, language: str) -> bytes:
    """Everything we hold of one customer, to be read; the JSON beside it holds the same.

    Args:
        content: what `GET /me/export` gives as JSON.
    """
    english = language == "en"

    def said(pl: str, en: str) -> str:
        return en if english else pl

    address, yes_no = content["correspondence_address"], (said("TAK", "YES"), said("NIE", "NO"))
    account = [
        ("Login", content["login"]),
        (said("Stan konta", "State"), _STATES[language][content["state"]]),
        (said("Imię i nazwisko lub nazwa", "Name"), content["name"]),
        ("E-mail", content["email"]),
        (said("Telefon", "Telephone"), content["phone"]),
        (said("Adres do korespondencji", "Correspondence address"), address_line(address) if address else None),
        (
            said("Numery ewidencyjne", "Customer numbers"),
            ", ".join(each["customer_number"] for each in content["customer_numbers"]),
        ),
        (said("Język wiadomości", "Language of mails"), content["language"]),
        (said("Konto założone", "Opened"), _when(content["created_at"], language)),
        (said("Pierwsze logowanie", "First login"), _when(content["activated_at"], language)),
        (said("Koniec dostępu", "End of access"), content["resignation"]["closes_on"]),
    ]
    filed = [(said("Numer wniosku", "Application number"), application.reference)]
    filed += [(row["label"], row["value"]) for section in _sections(application, language) for row in section["rows"]]
    clauses = [(f"{c.code}: {yes_no[not application.clauses.get(c.code)]}", c.text[language]) for c in form.clauses]
    terms = [
        (said("Z wnioskiem", "With the application"), f"{application.terms_version}: {yes_no[not application.terms_accepted]}")
    ]
    terms += [(_when(a["at"], language), f"{a['terms_version']}: {yes_no[not a['accepted']]}") for a in content["terms"]["answers"]]
    kinds = _LOGIN_KINDS[language]
    sections: list[tuple[str, list[tuple[str, Any]]]] = [
        (said("Konto", "Account"), account),
        (said("Wniosek BOK-27, jak złożony", "Application BOK-27 as filed"), filed),
        (said("Oświadczenia", "Declarations"), clauses),
        (said("Regulamin iBOK", "Terms of iBOK"), terms),
        (said("Pliki", "Files"), [(each["name"], f"sha256 {each['sha256']}") for each in content["documents_filed"]]),
        (
            said("Logowania", "Logins"),
            [(_when(e["at"], language), f"{kinds[e['kind']]}, {e['address'] or ''}") for e in content["logins"]],
        ),
        (
            said("Wiadomości od nas", "Mails from us"),
            [(_when(m["created_at"], language), m["to"]) for m in content["mails"]],
        ),
    ]
    title = said("Twoje dane w iBOK", "Your data in iBOK")
    return paper(title, [], [each for each in sections if each[1]], f"iBOK, {content['login']}", utility, language)


_LOGIN_KINDS = {
    "pl": {
        "login": "zalogowano",
        "login_failed": "nieudane logowanie",
        "password_set": "ustawiono hasło",
        "locked": "logowanie zablokowane na chwilę",
    },
    "en": {
        "login": "logged in",
        "login_failed": "failed login",
        "password_set": "password set",
        "locked": "login locked for a while",
    },
}


_STATES = {
    "pl": {"awaiting_first_login": "oczekuje na pierwsze logowanie", "active": "aktywne", "resigning": "rezygnacja w toku"},
    "en": {"awaiting_first_login": "awaiting the first login", "active": "active", "resigning": "being closed"},
}


def _when(value: str | None, language: str) -> str:
    return moment(datetime.fromisoformat(value), language) if value else ""


def _qr(reference: str) -> str:
    output = io.BytesIO()
    segno.make(reference, error="m").save(output, kind="svg", scale=4, xmldecl=False)
    return output.getvalue().decode()


def _sections(application: Application, language: str, *, full_pesel: bool = False) -> list[dict[str, Any]]:
    kind = (_LABELS[language]["kind"], said(application.kind.label, language))
    answers = application.answers(full_pesel=full_pesel)
    rows = {
        section: [(said(f.in_short, language), answer) for f, answer in answers if f.section is section] for section in SECTIONS
    }
    rows[WHO].insert(0, kind)
    return [
        {
            "title": said(section.title, language),
            "rows": [{"label": label, "value": value} for label, value in rows[section] if value],
        }
        for section in SECTIONS
    ]


def _terms(application: Application, language: str) -> str:
    if language == "en":
        verb = "I have read and accept" if application.terms_accepted else "NOT accepted:"
        return f"{verb} the iBOK terms (Regulamin iBOK), version {application.terms_version}."
    verb = "Zapoznałam/zapoznałem się i akceptuję" if application.terms_accepted else "BRAK akceptacji:"
    return f"{verb} Regulamin iBOK, wersja {application.terms_version}."


def _signature(application: Application, language: str) -> list[str]:
    signature, pl = application.signature or {}, language != "en"
    kind = signature.get("kind")
    if kind == SignatureKind.DECLARATION:
        name, day = signature.get("signed_name"), signature.get("signed_on")
        if pl:
            return [f"Oświadczenie złożone elektronicznie: {name}, {day}.", "Adres e-mail potwierdza link wysłany do wnioskodawcy."]
        return [
            f"Declaration made electronically: {name}, {day}.",
            "The e-mail address is confirmed through a link sent to the applicant.",
        ]
    if kind == SignatureKind.ELECTRONIC:
        return ["Podpis elektroniczny w załączonym pliku." if pl else "Electronic signature in the attached file."]
    return []


def _where(utility: Utility, language: str) -> str:
    if language == "en":
        return (
            f"Bring the signed form to the office ({utility.company.address}, {utility.office_hours(language)}), post it there, "
            f"or e-mail a scan to {utility.contact.email}."
        )
    return (
        f"Podpisany druk przynieś do biura BOK ({utility.company.address}, {utility.office_hours(language)}), wyślij tam pocztą "
        f"albo prześlij skan na adres {utility.contact.email}."
    )
