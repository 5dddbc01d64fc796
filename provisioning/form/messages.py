"""What each error code means to a person: one sentence that says what to do."""

from __future__ import annotations

from ibok_idp.texts import N_, texts_in
from provisioning.domain.declared_fields import declared
from provisioning.domain.errors import FieldError

# What stands around the form's own fields, as it is said after "Wpisz" (in the accusative).
_FIELDS = {
    "signed_name": N_("imię i nazwisko"),
    "channel": N_("sposób złożenia"),
    "filed_on": N_("datę złożenia"),
    "signature": N_("sposób podpisania"),
    "customer_type": N_("rodzaj klienta"),
    "form_version": N_("wersję druku"),
    "clauses": N_("klauzule"),
    "note": N_("notatkę"),
    "received_on": N_("datę wpływu"),
    "ground": N_("podstawę prawną"),
    "reason": N_("powód"),
    "signed_on": N_("datę podpisu"),
    "version": N_("wersję"),
}
_SPECIAL = {
    ("customer_type", "invalid_choice"): N_("Wybierz rodzaj klienta"),
    ("customer_type", "required"): N_("Wybierz rodzaj klienta"),
    ("channel", "required"): N_("Wybierz, jak wniosek wpłynął"),
    ("channel", "invalid_choice"): N_("Wybierz, jak wniosek wpłynął"),
    ("postal_code", "invalid_format"): N_("Wpisz kod pocztowy w postaci 43-300"),
    ("pesel", "invalid_checksum"): N_("Sprawdź PESEL: cyfra kontrolna się nie zgadza"),
    ("pesel", "invalid_format"): N_("Wpisz PESEL: 11 cyfr"),
    ("tax_id", "invalid_checksum"): N_("Sprawdź NIP: cyfra kontrolna się nie zgadza"),
    ("tax_id", "invalid_format"): N_("Wpisz NIP: 10 cyfr"),
    ("registry_number", "invalid_format"): N_("Wpisz REGON (9 albo 14 cyfr) lub KRS (10 cyfr)"),
    ("customer_number", "invalid_format"): N_("Sprawdź numer ewidencyjny: to same cyfry z prawego górnego rogu faktury"),
    ("signed_name", "name_differs"): N_("Wpisz imię i nazwisko tak samo jak w danych wnioskodawcy"),
    ("terms_version", "terms_not_accepted"): N_("Bez akceptacji Regulaminu iBOK konto nie może powstać"),
    ("tax_id", "required"): N_("Wpisz NIP"),
    ("registry_number", "required"): N_("Wpisz REGON albo KRS"),
}
_ANY_OTHER = N_("Sprawdź %(field)s")
_ANY_FIELD = N_("to pole")
_BY_CODE = {
    "required": N_("Wpisz %(field)s"),
    "too_long": N_("Skróć: %(field)s ma za dużo znaków"),
    "invalid_characters": N_("Usuń niedozwolone znaki: %(field)s"),
    "invalid_checksum": N_("Sprawdź %(field)s: cyfra kontrolna się nie zgadza"),
    "invalid_format": N_("Sprawdź %(field)s"),
    "invalid_email": N_("Wpisz adres e-mail w postaci nazwa@domena.pl, bez polskich liter"),
    "invalid_phone": N_("Wpisz numer telefonu, na przykład 600 100 200"),
    "invalid_date": N_("Wpisz datę, na przykład 24.11.2026"),
    "invalid_choice": N_("Wybierz jedną z podanych możliwości"),
    "filed_on_in_future": N_("Data złożenia nie może być w przyszłości"),
    "filed_long_ago": N_("Wniosek złożono ponad 30 dni temu. Napisz, dlaczego wpisujesz go dopiero teraz"),
    "nothing_changed": N_("Niczego nie zmieniono"),
    "confirmed_by_customer": N_("Ten adres klient potwierdził sam. Zmienić może go tylko klient"),
    "not_correctable": N_("Tego nie można poprawić: %(field)s"),
    "unknown_colleague": N_("Wybierz osobę z listy"),
    "signed_on_in_future": N_("Data podpisu nie może być w przyszłości"),
    "clause_refused": N_("Bez akceptacji tej klauzuli konto nie może powstać"),
    "form_outdated": N_("Formularz zmienił się w międzyczasie. Przejdź przez klauzule jeszcze raz"),
    "terms_outdated": N_("Regulamin zmienił się w międzyczasie. Przeczytaj go jeszcze raz"),
    "unknown_field": N_("Tego pola nie ma w formularzu"),
    "not_applicable": N_("To pole nie dotyczy tego rodzaju klienta"),
    "not_allowed": N_("Ten sposób podpisania nie jest dostępny"),
    "same_as_before": N_("To jest dotychczasowy adres. Wpisz nowy"),
    "wrong_type": N_("Nieprawidłowy rodzaj wartości"),
    "file_empty": N_("Wybierz plik"),
    "file_too_large": N_("Plik jest za duży: najwyżej 15 MB"),
    "file_type": N_("Dodaj plik PDF, JPG, PNG, TIFF albo HEIC"),
    "file_encrypted": N_("Plik jest zabezpieczony hasłem. Zapisz go bez hasła"),
    "too_many_files": N_("Więcej niż 20 plików w wiadomości"),
    "batch_too_large": N_("Plik jest za duży: najwyżej 60 MB"),
    "valid_from_in_past": N_("Wybierz dzisiejszy albo późniejszy dzień"),
    "no_form_left": N_("Dziś nie obowiązywałby żaden druk. Najpierw ustaw inną wersję"),
    "file_infected": N_("W pliku jest wirus. Nie przyjęto go"),
    "file_damaged": N_("Pliku nie da się odczytać. Zapisz go jeszcze raz"),
    "file_portfolio": N_("To portfolio PDF, czyli kilka plików w jednym. Zapisz je osobno i dodaj każdy z nich"),
    "file_xfa": N_("To formularz XFA, którego nie pokaże żaden inny program. Wydrukuj go do nowego PDF albo zeskanuj"),
    "file_too_demanding": N_(
        "Pliku nie da się pokazać w rozsądnym czasie. Wydrukuj go do nowego PDF albo zeskanuj w niższej rozdzielczości"
    ),
    "file_not_signed": N_(
        "W pliku nie ma podpisu elektronicznego. Dodaj PDF, który podpisano, albo wybierz inny sposób podpisania"
    ),
    "file_signature_broken": N_("Podpis w pliku się nie zgadza: plik zmieniono po podpisaniu. Podpisz go jeszcze raz"),
    "file_signed_in_part": N_("Po podpisaniu coś do pliku dopisano. Podpisz go jeszcze raz, już w całości"),
    "too_many_pages": N_("Plik ma za dużo stron: najwyżej 50"),
    "image_too_large": N_("Obraz jest za duży. Zeskanuj go w niższej rozdzielczości"),
    "idempotency_key_reused": N_("Ten formularz został już wysłany z innymi danymi"),
    "idempotency_key_missing": N_("Brakuje nagłówka Idempotency-Key"),
    "idempotency_key_invalid": N_("Nagłówek Idempotency-Key ma 1 do 200 znaków ASCII"),
}


def message(error: FieldError, language: str) -> str:
    """One sentence that says what to do."""
    texts = texts_in(language)
    _ = texts.gettext
    last = error.field.rsplit(".", 1)[-1]
    if error.field.startswith("clauses.") and error.code == "required":
        return _("%(clause)s: wybierz „Tak” albo „Nie”") % {"clause": last.split("-")[0]}
    sentence = _SPECIAL.get((last, error.code)) or _BY_CODE.get(error.code, _ANY_OTHER)
    field = declared().field(error.field)
    return _(sentence) % {"field": _((field and field.called) or _FIELDS.get(last, _ANY_FIELD))}
