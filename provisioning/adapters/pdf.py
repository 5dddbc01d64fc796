"""The filled form as a tagged PDF (PDF/UA-1), by typst: Polish glyphs embedded, data never read as markup."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import segno
import typst

from ibok_idp.look.company import Utility
from provisioning.domain.application import Application, CustomerType, SignatureKind
from provisioning.domain.clauses import FormVersion
from provisioning.mails.contents import address_line

_TEMPLATE = Path(__file__).parents[1] / "form" / "bok27.typ"
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
        "who": "Wnioskodawca",
        "contract": "Umowa",
        "contact": "Kontakt",
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
        "who": "Applicant",
        "contract": "Contract",
        "contact": "Contact",
        "yes": "YES",
        "no": "NO",
    },
}
_KINDS = {
    "pl": {
        "person": "osoba fizyczna",
        "business": "przedsiębiorca",
        "housing_community": "wspólnota lub spółdzielnia",
        "institution": "instytucja",
    },
    "en": {
        "person": "natural person",
        "business": "business",
        "housing_community": "housing community or cooperative",
        "institution": "institution",
    },
}


def filled_form(application: Application, form: FormVersion, utility: Utility) -> bytes:
    """The BOK-27 as filed, in the applicant's language; PESEL in full, for it is the applicant's own document."""
    language = application.language
    labels = _LABELS[language]
    values: dict[str, Any] = {
        "language": language,
        "title": labels["title"],
        "form_name": labels["form_name"],
        "labels": {**labels, "where": _where(utility, language)},
        "utility_name": utility.company.name,
        "utility_address": utility.company.address,
        "reference": application.reference,
        "received": application.received_at.strftime("%d.%m.%Y"),
        "qr": _qr(application.reference),
        "sections": _sections(application, language),
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


def _qr(reference: str) -> str:
    output = io.BytesIO()
    segno.make(reference, error="m").save(output, kind="svg", scale=4, xmldecl=False)
    return output.getvalue().decode()


def _sections(application: Application, language: str) -> list[dict[str, Any]]:
    data, pl = application.data, language != "en"
    who: list[tuple[str, Any]] = [("Rodzaj klienta" if pl else "Kind of customer", _KINDS[language][application.customer_type])]
    if application.customer_type is CustomerType.PERSON:
        who += [
            ("Imię" if pl else "First name", data["first_name"]),
            ("Nazwisko" if pl else "Last name", data["last_name"]),
            ("PESEL", application.pesel),
        ]
    else:
        person = data["representative"]
        who += [
            ("Nazwa" if pl else "Name", data["company_name"]),
            ("NIP", data["tax_id"]),
            ("REGON / KRS", data["registry_number"]),
            ("Osoba reprezentująca" if pl else "Representative", f"{person['first_name']} {person['last_name']}"),
            ("Podstawa umocowania" if pl else "Basis of authority", person["authority"]),
        ]
    contract = [
        ("Numer ewidencyjny klienta" if pl else "Customer number", data["customer_number"]),
        ("Numer umowy" if pl else "Contract number", data["contract_number"]),
        ("Adres punktu poboru" if pl else "Supply point", address_line(data["supply_point_address"])),
    ]
    contact = [
        ("Adres e-mail" if pl else "E-mail address", data["email"]),
        ("Telefon" if pl else "Telephone", data["phone"]),
        (
            "Adres korespondencyjny" if pl else "Correspondence address",
            address_line(data["correspondence_address"]) if data["correspondence_address"] else None,
        ),
    ]
    labels = _LABELS[language]
    return [
        {"title": labels[name], "rows": [{"label": label, "value": str(value)} for label, value in rows if value]}
        for name, rows in (("who", who), ("contract", contract), ("contact", contact))
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
