"""Pages for what can go wrong in the staff UI: each says what happened, what to do, and that nothing is lost."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask, redirect, request, url_for
from flask_babel import gettext

from ibok_idp.look.flask_look import language, problem_page
from provisioning.adapters.files.contained import ContainedFailure
from provisioning.adapters.files.virus_scan import ScannerGone
from provisioning.domain.errors import DomainError, Forbidden, Invalid, NotFound, NotPossible, TooSoon, Unavailable
from provisioning.form.messages import message
from provisioning.staff_ui.stale import stale_page

_log = structlog.get_logger()


def register(
    app: Flask,
    login_failed: type[Exception],
    not_logged_in: type[Exception],
    keycloak_gone: type[Exception],
    *database_gone: type[Exception],
) -> None:
    """Hang the pages into the app."""

    def failed_login(error: Exception) -> Any:
        _log.warning("login.failed", reason=str(error))
        text = gettext("Logowanie nie zostało dokończone, na przykład trwało zbyt długo. Zacznij je jeszcze raz.")
        return problem_page(gettext("Zaloguj się jeszcze raz"), text, link=("/logowanie", gettext("Zaloguj się"))), 400

    def no_keycloak(_error: Exception) -> Any:
        text = gettext(
            "Serwer logowania (Keycloak) nie odpowiada. Sesja jest zachowana, spróbuj za chwilę. Jeżeli to trwa, powiadom dział IT."
        )
        return problem_page(gettext("Chwilowa przerwa w logowaniu"), text), *_answer(Unavailable())

    def no_database(error: Exception) -> Any:
        _log.error("database.gone", why=type(error).__name__)
        text = gettext("Baza danych nie odpowiada. Nic nie zostało zapisane, spróbuj za chwilę. Jeżeli to trwa, powiadom dział IT.")
        if getattr(error, "in_doubt", False):
            text = gettext(
                "Baza danych przestała odpowiadać w trakcie zapisu, więc nie wiadomo, czy zmiana jest zapisana w całości. Otwórz stronę jeszcze raz i sprawdź, zanim ją powtórzysz."
            )
        return problem_page(gettext("Chwilowa przerwa"), text), *_answer(error)

    def no_scanner(error: ScannerGone) -> Any:
        _log.error("virus_scan.gone", why=str(error))
        text = gettext(
            "Skaner antywirusowy nie odpowiada, więc pliku nie przyjęto. Spróbuj za chwilę. Jeżeli to trwa, powiadom dział IT."
        )
        return problem_page(gettext("Pliku nie można teraz sprawdzić"), text, link=_back()), *_answer(error)

    def busy(error: ContainedFailure) -> Any:
        _log.warning("files.busy", why=str(error))
        text = gettext("Za dużo plików naraz. Nic nie zostało zapisane, spróbuj za kilka sekund.")
        return problem_page(gettext("Pliku nie można teraz odczytać"), text, link=_back()), *_answer(error)

    def not_possible(error: NotPossible) -> Any:
        reference = (request.view_args or {}).get("reference")
        if error.code == "stale_version" and reference:
            return stale_page(reference), error.status
        return problem_page(*conflict_words(error), link=_back()), *_answer(error)

    def forbidden(error: Forbidden) -> Any:
        text = gettext("Twoja rola nie pozwala na tę czynność. Jeżeli jej potrzebujesz, zwróć się do kierownika lub działu IT.")
        return problem_page(gettext("Brak uprawnień"), text, link=_back()), *_answer(error)

    def not_found(error: NotFound) -> Any:
        return problem_page(gettext("Nie ma takiego wniosku"), gettext("Sprawdź numer albo wyszukaj wniosek w kolejce.")), *_answer(
            error
        )

    def invalid(error: Invalid) -> Any:
        if error.errors and error.errors[0].field == "file":
            return problem_page(gettext("Pliku nie można pokazać"), message(error.errors[0], language()), link=_back()), *_answer(
                error
            )
        text = gettext("Sprawdź wpisane wartości: zawierają niedozwolone znaki. Nic nie zostało zapisane.")
        return problem_page(gettext("Tego nie można teraz zrobić"), text, link=_back()), *_answer(error)

    def too_soon(error: TooSoon) -> Any:
        text = gettext(
            "To się nie udało, bo było tego zbyt wiele w ciągu godziny. Możesz spróbować za %(minutes)s min.",
            minutes=-(-error.seconds // 60),
        )
        return problem_page(gettext("Zbyt wiele prób"), text, link=_back()), *_answer(error)

    app.register_error_handler(Invalid, invalid)
    app.register_error_handler(TooSoon, too_soon)
    app.register_error_handler(login_failed, failed_login)
    app.register_error_handler(not_logged_in, lambda _error: redirect(url_for("oidc.login", next=request.path)))
    app.register_error_handler(keycloak_gone, no_keycloak)
    for kind in database_gone:
        app.register_error_handler(kind, no_database)
    app.register_error_handler(ScannerGone, no_scanner)
    app.register_error_handler(ContainedFailure, busy)
    app.register_error_handler(NotPossible, not_possible)
    app.register_error_handler(Forbidden, forbidden)
    app.register_error_handler(NotFound, not_found)


def _answer(error: Exception) -> tuple[int, dict[str, str]]:
    """Status and headers, from the tree of errors."""
    known = error if isinstance(error, DomainError) else Unavailable()  # sessions and the engine itself have errors of their own
    return known.status, {"Retry-After": str(known.retry_after)} if known.retry_after is not None else {}


def conflict_words(error: NotPossible) -> tuple[str, str]:
    """Title and text for a decision that cannot be carried out now."""
    return {
        "stale_version": (
            gettext("Ktoś zmienił ten wniosek"),
            gettext(
                "Od otwarcia strony wniosek zmienił ktoś inny (albo Ty w drugiej karcie). Twoja czynność nie została wykonana. Otwórz wniosek ponownie i zdecyduj na podstawie aktualnych danych."
            ),
        ),
        "clauses_not_accepted": (
            gettext("Nie wszystkie klauzule są zaakceptowane"),
            gettext(
                "Konto można założyć tylko wtedy, gdy klient zaakceptował każdą klauzulę. Odeślij wniosek do uzupełnienia albo go odrzuć."
            ),
        ),
        "terms_not_accepted": (
            gettext("Regulamin nie jest zaakceptowany"),
            gettext(
                "Konto można założyć tylko wtedy, gdy klient zaakceptował Regulamin iBOK. Odeślij wniosek do uzupełnienia albo go odrzuć."
            ),
        ),
        "nothing_mailed": (
            gettext("Nie wysłano żadnego hasła"),
            gettext("Żaden serwer poczty nie przyjął wiadomości z hasłem do tego konta, więc nic nie wyszło pod zły adres."),
        ),
        "address_in_doubt": (
            gettext("Najpierw potwierdź adres"),
            gettext(
                "Ostatnia wiadomość trafiła pod zły adres. Ustal adres z klientem, potwierdź go na stronie konta i wyślij hasło."
            ),
        ),
        "not_ready": (gettext("Konto jeszcze powstaje"), gettext("Poczekaj, aż konto będzie gotowe, i spróbuj ponownie.")),
        "not_withdrawable": (
            gettext("Tego nie można cofnąć"),
            gettext("Konto zamyka się z innego powodu niż rezygnacja klienta albo Regulamin nie pozwala jej cofnąć."),
        ),
        "already_decided": (gettext("To już rozpatrzono"), gettext("Ktoś był szybszy. Odśwież listę zadań.")),
        "no_such_number": (gettext("Nie ma takiego numeru"), gettext("Tego numeru nie ma już na koncie. Otwórz konto ponownie.")),
        "claimed_by_another": (
            gettext("Ktoś już się tym zajmuje"),
            gettext("Tym wnioskiem zajmuje się inny pracownik. Po czterech godzinach przypisanie samo wygasa."),
        ),
        "account_not_alike": (
            gettext("To konto nie należy do tego klienta"),
            gettext("Konto i wniosek nie mają wspólnego numeru PESEL, NIP, numeru ewidencyjnego ani adresu e-mail."),
        ),
        "account_not_live": (
            gettext("To konto się zamyka"),
            gettext("Numeru nie można dopisać do konta, które jest zamykane albo usunięte. Zatwierdź wniosek z nowym kontem."),
        ),
        "number_on_account": (
            gettext("Konto ma już ten numer"),
            gettext("Ten numer ewidencyjny jest na koncie. Odrzuć wniosek albo popraw numer."),
        ),
        "doubt_forbidden": (
            gettext("Tego wniosku nie można zatwierdzić"),
            gettext(
                "Zasady zakładu nie pozwalają zatwierdzić wniosku, dopóki to się nie wyjaśni. Popraw dane, dodaj skan albo odeślij wniosek do uzupełnienia."
            ),
        ),
        "no_scan": (
            gettext("Nie ma skanu"),
            gettext("Najpierw dodaj skan albo zdjęcie podpisanego wniosku, potem go porównaj."),
        ),
        "four_eyes": (
            gettext("Potrzebna druga osoba"),
            gettext(
                "Część tego wniosku pochodzi od Ciebie: wpis, poprawka albo zarejestrowany papier. Zatwierdzić musi go inny pracownik uprawniony."
            ),
        ),
        "too_many_documents": (gettext("Zbyt wiele plików"), gettext("Do wniosku można dodać najwyżej 20 plików.")),
        "copy_not_made_for_mailed": (
            gettext("Kopii się nie robi"),
            gettext(
                "Kopię dostaje klient, który złożył wniosek w biurze. Dla wniosków z poczty, e-maila i internetu kopii nie robimy."
            ),
        ),
        "signature_missing": (gettext("Brakuje podpisu"), gettext("Wniosek nie jest podpisany. Odeślij go do uzupełnienia.")),
    }.get(
        error.code,
        (
            gettext("Tego nie można teraz zrobić"),
            gettext("Stan zmienił się w międzyczasie. Otwórz stronę ponownie i zdecyduj na podstawie aktualnych danych."),
        ),
    )


def _back() -> tuple[str, str] | None:
    login = (request.view_args or {}).get("login")
    if login and login.isprintable():
        return url_for("staff.account", login=login), gettext("Otwórz konto %(login)s", login=login)
    reference = (request.view_args or {}).get("reference")
    if not reference or not reference.isprintable():
        return None
    return url_for("staff.application", reference=reference), gettext("Otwórz wniosek %(reference)s", reference=reference)
