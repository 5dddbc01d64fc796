"""What each error code means to a person: what to do, in Polish and English."""

from __future__ import annotations

from provisioning.domain.errors import FieldError

_FIELDS = {
    "first_name": ("imię", "first name"),
    "last_name": ("nazwisko", "last name"),
    "pesel": ("PESEL", "PESEL"),
    "company_name": ("nazwę", "name"),
    "tax_id": ("NIP", "tax number (NIP)"),
    "registry_number": ("REGON albo KRS", "REGON or KRS number"),
    "authority": ("podstawę umocowania", "basis of authority"),
    "customer_number": ("numer ewidencyjny klienta", "customer number"),
    "contract_number": ("numer umowy", "contract number"),
    "street": ("ulicę", "street"),
    "house": ("numer domu", "house number"),
    "flat": ("numer lokalu", "flat number"),
    "postal_code": ("kod pocztowy", "postal code"),
    "city": ("miejscowość", "town"),
    "email": ("adres e-mail", "e-mail address"),
    "phone": ("numer telefonu", "telephone number"),
    "signed_name": ("imię i nazwisko", "first and last name"),
    "channel": ("sposób złożenia", "channel"),
    "filed_on": ("datę złożenia", "filing date"),
    "signature": ("sposób podpisania", "way of signing"),
    "customer_type": ("rodzaj klienta", "kind of customer"),
}
_SPECIAL = {
    ("customer_type", "invalid_choice"): ("Wybierz rodzaj klienta", "Choose the kind of customer"),
    ("customer_type", "required"): ("Wybierz rodzaj klienta", "Choose the kind of customer"),
    ("channel", "required"): ("Wybierz, jak wniosek wpłynął", "Choose how the application came in"),
    ("channel", "invalid_choice"): ("Wybierz, jak wniosek wpłynął", "Choose how the application came in"),
    ("postal_code", "invalid_format"): ("Wpisz kod pocztowy w postaci 43-300", "Enter the postal code as 43-300"),
    ("pesel", "invalid_checksum"): (
        "Sprawdź PESEL: cyfra kontrolna się nie zgadza",
        "Check the PESEL: its check digit does not match",
    ),
    ("pesel", "invalid_format"): ("Wpisz PESEL: 11 cyfr", "Enter the PESEL: 11 digits"),
    ("tax_id", "invalid_checksum"): (
        "Sprawdź NIP: cyfra kontrolna się nie zgadza",
        "Check the NIP: its check digit does not match",
    ),
    ("tax_id", "invalid_format"): ("Wpisz NIP: 10 cyfr", "Enter the NIP: 10 digits"),
    ("registry_number", "invalid_format"): (
        "Wpisz REGON (9 albo 14 cyfr) lub KRS (10 cyfr)",
        "Enter a REGON (9 or 14 digits) or KRS (10 digits)",
    ),
    ("customer_number", "invalid_format"): (
        "Sprawdź numer ewidencyjny: to same cyfry z prawego górnego rogu faktury",
        "Check the customer number: digits only, in the upper right corner of the bill",
    ),
    ("signed_name", "name_differs"): (
        "Wpisz imię i nazwisko tak samo jak w danych wnioskodawcy",
        "Enter the name as in the applicant's data",
    ),
    ("terms_version", "terms_not_accepted"): (
        "Bez akceptacji Regulaminu iBOK konto nie może powstać",
        "Without accepting the iBOK terms no account can be opened",
    ),
}
_BY_CODE = {
    "required": ("Wpisz {pl}", "Enter the {en}"),
    "too_long": ("Skróć: {pl} ma za dużo znaków", "Shorten: the {en} has too many characters"),
    "invalid_characters": ("Usuń niedozwolone znaki: {pl}", "Remove characters that are not allowed: {en}"),
    "invalid_checksum": ("Sprawdź {pl}: cyfra kontrolna się nie zgadza", "Check the {en}: its check digit does not match"),
    "invalid_format": ("Sprawdź {pl}", "Check the {en}"),
    "invalid_email": (
        "Wpisz adres e-mail w postaci nazwa@domena.pl, bez polskich liter",
        "Enter an e-mail address like name@example.com, without Polish letters",
    ),
    "invalid_phone": ("Wpisz numer telefonu, na przykład 600 100 200", "Enter a telephone number, such as +48 600 100 200"),
    "invalid_date": ("Wpisz datę, na przykład 24.11.2026", "Enter a date, such as 2026-11-24"),
    "invalid_choice": ("Wybierz jedną z podanych możliwości", "Choose one of the options"),
    "filed_on_in_future": ("Data złożenia nie może być w przyszłości", "The filing date cannot be in the future"),
    "filed_long_ago": (
        "Wniosek złożono ponad 30 dni temu. Napisz, dlaczego wpisujesz go dopiero teraz",
        "The application was filed more than 30 days ago. Write why it is typed in only now",
    ),
    "nothing_changed": ("Niczego nie zmieniono", "Nothing was changed"),
    "confirmed_by_customer": (
        "Ten adres klient potwierdził sam. Zmienić może go tylko klient",
        "The customer has proved this address. Only the customer can change it",
    ),
    "not_correctable": ("Tego nie można poprawić: {pl}", "This cannot be corrected: {en}"),
    "unknown_colleague": ("Wybierz osobę z listy", "Choose somebody from the list"),
    "signed_on_in_future": ("Data podpisu nie może być w przyszłości", "The date of signing cannot be in the future"),
    "clause_refused": (
        "Bez akceptacji tej klauzuli konto nie może powstać",
        "Without accepting this clause no account can be opened",
    ),
    "form_outdated": (
        "Formularz zmienił się w międzyczasie. Przejdź przez klauzule jeszcze raz",
        "The form has changed meanwhile. Go through the clauses again",
    ),
    "terms_outdated": (
        "Regulamin zmienił się w międzyczasie. Przeczytaj go jeszcze raz",
        "The terms have changed meanwhile. Read them again",
    ),
    "unknown_field": ("Tego pola nie ma w formularzu", "The form has no such field"),
    "not_applicable": ("To pole nie dotyczy tego rodzaju klienta", "This field is not for this kind of customer"),
    "not_allowed": ("Ten sposób podpisania nie jest dostępny", "This way of signing is not available"),
    "same_as_before": ("To jest dotychczasowy adres. Wpisz nowy", "This is the present address. Enter a new one"),
    "wrong_type": ("Nieprawidłowy rodzaj wartości", "The value has the wrong type"),
}


def message(error: FieldError, language: str) -> str:
    """One sentence that says what to do."""
    english = language == "en"
    last = error.field.rsplit(".", 1)[-1]
    if error.field.startswith("clauses.") and error.code == "required":
        clause = last.split("-")[0]
        return f"{clause}: choose “Yes” or “No”" if english else f"{clause}: wybierz „Tak” albo „Nie”"
    pair = _SPECIAL.get((last, error.code)) or _BY_CODE.get(error.code, ("Sprawdź {pl}", "Check the {en}"))
    pl, en = _FIELDS.get(last, ("to pole", "field"))
    return pair[english].format(pl=pl, en=en)


_BY_CODE.update(
    {
        "file_empty": ("Wybierz plik", "Choose a file"),
        "file_too_large": ("Plik jest za duży: najwyżej 15 MB", "The file is too large: at most 15 MB"),
        "file_type": ("Dodaj plik PDF, JPG, PNG, TIFF albo HEIC", "Add a PDF, JPG, PNG, TIFF or HEIC file"),
        "file_encrypted": (
            "Plik jest zabezpieczony hasłem. Zapisz go bez hasła",
            "The file is protected by a password. Save it without one",
        ),
        "too_many_files": ("Więcej niż 20 plików w wiadomości", "More than 20 files in the message"),
        "batch_too_large": ("Plik jest za duży: najwyżej 60 MB", "The file is too large: at most 60 MB"),
        "valid_from_in_past": ("Wybierz dzisiejszy albo późniejszy dzień", "Choose today or a later day"),
        "no_form_left": (
            "Dziś nie obowiązywałby żaden druk. Najpierw ustaw inną wersję",
            "No form would be valid today. Set another version first",
        ),
        "file_infected": ("W pliku jest wirus. Nie przyjęto go", "There is a virus in the file. It was not taken"),
        "file_damaged": ("Pliku nie da się odczytać. Zapisz go jeszcze raz", "The file cannot be read. Save it again"),
        "file_portfolio": (
            "To portfolio PDF, czyli kilka plików w jednym. Zapisz je osobno i dodaj każdy z nich",
            "This is a PDF portfolio, several files in one. Save them apart and add each of them",
        ),
        "file_xfa": (
            "To formularz XFA, którego nie pokaże żaden inny program. Wydrukuj go do nowego PDF albo zeskanuj",
            "This is an XFA form, which no other program can show. Print it to a new PDF or scan it",
        ),
        "file_too_demanding": (
            "Pliku nie da się pokazać w rozsądnym czasie. Wydrukuj go do nowego PDF albo zeskanuj w niższej rozdzielczości",
            "The file cannot be shown within a reasonable time. Print it to a new PDF or scan it at a lower resolution",
        ),
        "file_not_signed": (
            "W pliku nie ma podpisu elektronicznego. Dodaj PDF, który podpisano, albo wybierz inny sposób podpisania",
            "There is no electronic signature in the file. Add the PDF that was signed, or choose another way of signing",
        ),
        "file_signature_broken": (
            "Podpis w pliku się nie zgadza: plik zmieniono po podpisaniu. Podpisz go jeszcze raz",
            "The signature in the file does not hold: the file was changed after signing. Sign it again",
        ),
        "file_signed_in_part": (
            "Po podpisaniu coś do pliku dopisano. Podpisz go jeszcze raz, już w całości",
            "Something was added to the file after signing. Sign the whole of it again",
        ),
        "too_many_pages": ("Plik ma za dużo stron: najwyżej 50", "The file has too many pages: at most 50"),
        "image_too_large": (
            "Obraz jest za duży. Zeskanuj go w niższej rozdzielczości",
            "The image is too large. Scan it at a lower resolution",
        ),
        "idempotency_key_reused": ("Ten formularz został już wysłany z innymi danymi", "This form was sent before with other data"),
        "idempotency_key_missing": ("Brakuje nagłówka Idempotency-Key", "The header Idempotency-Key is missing"),
        "idempotency_key_invalid": (
            "Nagłówek Idempotency-Key ma 1 do 200 znaków ASCII",
            "The header Idempotency-Key has 1 to 200 ASCII characters",
        ),
    }
)
_FIELDS.update({"form_version": ("wersję druku", "version of the form"), "clauses": ("klauzule", "clauses")})
_FIELDS.update({"note": ("notatkę", "note")})
_FIELDS.update({"received_on": ("datę wpływu", "date of receipt"), "ground": ("podstawę prawną", "legal ground")})
_FIELDS.update({"reason": ("powód", "reason"), "signed_on": ("datę podpisu", "date of signing"), "version": ("wersję", "version")})
