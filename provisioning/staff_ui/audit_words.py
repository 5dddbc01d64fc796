"""The audit in words for people."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.audit_chain import AuditEntry
from provisioning.domain.mail import MailKind
from provisioning.staff_ui.words import DOUBT, MAIL_KIND, SCAN_CHECK

AUDIT = {
    AuditAction.APPLICATION_SUBMITTED: _("złożono online"),
    AuditAction.APPLICATION_ENTERED: _("wpisano wniosek"),
    AuditAction.APPLICATION_EMAIL_CONFIRMED: _("potwierdzono adres e-mail"),
    AuditAction.APPLICATION_CONFIRMATION_SENT_AGAIN: _("wysłano ponownie potwierdzenie adresu"),
    AuditAction.APPLICATION_PAPER_RECORDED: _("zarejestrowano podpisany papier"),
    AuditAction.APPLICATION_IN_REVIEW: _("wzięto do weryfikacji"),
    AuditAction.APPLICATION_INCOMPLETE: _("odesłano do uzupełnienia"),
    AuditAction.APPLICATION_COMPLETED: _("uzupełniono"),
    AuditAction.APPLICATION_APPROVED: _("zatwierdzono"),
    AuditAction.APPLICATION_REJECTED: _("odrzucono"),
    AuditAction.APPLICATION_WITHDRAWN: _("wycofano"),
    AuditAction.APPLICATION_EXPIRED: _("usunięto niepotwierdzony wniosek po upływie terminu"),
    AuditAction.APPLICATION_ANONYMISED: _("usunięto dane osobowe po okresie przechowywania"),
    AuditAction.ACCOUNT_CREATED: _("utworzono użytkownika w Keycloak"),
    AuditAction.ACCOUNT_ACTIVE: _("klient ustawił własne hasło, konto aktywne"),
    AuditAction.ACCOUNT_WAITS: _("zakładanie konta czeka"),
    AuditAction.MAIL_ACCEPTED: _("serwer poczty przyjął wiadomość"),
    AuditAction.MAIL_FAILED: _("serwer poczty nie przyjął wiadomości"),
    AuditAction.MAIL_REFUSED: _("serwer poczty odrzucił wiadomość"),
    AuditAction.MAIL_BOUNCED: _("wiadomość wróciła, nie dotarła"),
    AuditAction.MAIL_SUPPRESSED: _("nie wysłano wiadomości: za dużo na ten adres"),
    AuditAction.MAIL_HANDLED: _("załatwiono wiadomość, która nie dotarła"),
    AuditAction.INTAKE_ATTACHED: _("dołączono pliki z poczty albo skanów"),
    AuditAction.INTAKE_FORGOTTEN: _("usunięto wiadomość albo skan, którymi nikt się nie zajął"),
    AuditAction.INTAKE_DISMISSED: _("odłożono: to nie jest wniosek"),
    AuditAction.INTAKE_OPENED: _("otwarto wiadomość albo skan bez wniosku"),
    AuditAction.FORM_ACTIVATED: _("wybrano dzień, od którego obowiązuje wersja druku"),
    AuditAction.NUMBERS_JUMPED: _("numery wniosków idą dalej po odtworzeniu bazy"),
    AuditAction.REPORT_EXPORTED: _("pobrano raport"),
    AuditAction.APPLICATION_TERM_DERIVED: _("przeliczono termin"),
    AuditAction.DOCUMENT_ORIGINAL_OPENED: _("pobrano oryginał pliku"),
    AuditAction.APPLICATION_PESEL_REVEALED: _("odsłonięto PESEL"),
    AuditAction.APPLICATION_PESEL_REVEAL_REFUSED: _("nie odsłonięto numeru PESEL: zbyt wiele w ciągu godziny"),
    AuditAction.APPLICATION_EVIDENCE_EXPORTED: _("pobrano komplet dowodów"),
    AuditAction.AUDIT_EXPORTED: _("pobrano dziennik"),
    AuditAction.ACCOUNT_READ: _("aplikacja odczytała konto"),
    AuditAction.ACCOUNT_READ_REFUSED: _("odmówiono aplikacji odczytu cudzego klienta"),
    AuditAction.EVENTS_READ: _("aplikacja odczytała zdarzenia kont"),
    AuditAction.REGISTER_CHANGED: _("aplikacja zmieniła klienta w kartotece"),
    AuditAction.REGISTER_IMPORTED: _("aplikacja wczytała kartotekę"),
    AuditAction.WEBHOOK_SENT_AGAIN: _("wysłano ponownie zdarzenie do aplikacji"),
    AuditAction.WEBHOOK_TESTED: _("wysłano zdarzenie próbne do aplikacji"),
    AuditAction.WEBHOOK_REPLAYED: _("wysłano ponownie zdarzenia do aplikacji"),
    AuditAction.WEBHOOK_SWITCHED_ON: _("włączono ponownie powiadamianie aplikacji"),
    AuditAction.DEMO_GENERATED: _("wpisano zmyślone wnioski"),
    AuditAction.CASE_NOTED: _("dopisano notatkę"),
    AuditAction.CASE_CLAIMED: _("wzięto wniosek do prowadzenia"),
    AuditAction.CASE_RELEASED: _("oddano wniosek"),
    AuditAction.CASE_ASSIGNED: _("przekazano wniosek"),
    AuditAction.APPLICATION_SCAN_CHECKED: _("porównano ze skanem"),
    AuditAction.APPLICATION_CORRECTED: _("poprawiono dane"),
    AuditAction.APPLICATION_ADDED_TO_ACCOUNT: _("zatwierdzono, numer dopisano do istniejącego konta"),
    AuditAction.ACCOUNT_NUMBER_ADDED: _("dopisano numer ewidencyjny"),
    AuditAction.APPLICATION_COPY_PRINTED: _("wydrukowano kopię dla klienta"),
    AuditAction.APPLICATION_FORM_OPENED: _("otwarto druk"),
    AuditAction.DOCUMENT_OPENED: _("otwarto plik"),
    AuditAction.DOCUMENT_ADDED: _("dodano plik"),
    AuditAction.PASSWORD_RESET_ISSUED: _("nowe hasło tymczasowe na prośbę"),
    AuditAction.PASSWORD_RESET_REFUSED: _("prośba o hasło do zamkniętego konta"),
    AuditAction.PASSWORD_RESET_LIMITED: _("prośba o hasło ponad limit, nic nie wysłano"),
    AuditAction.PASSWORD_RESET_NOT_NOW: _("prośba o hasło, którego teraz nie można wysłać"),
    AuditAction.PASSWORD_RESET_FAILED: _("nowego hasła nie udało się ustawić"),
    AuditAction.ACCOUNT_SUSPENDED: _("zablokowano konto"),
    AuditAction.ACCOUNT_RESUMED: _("odblokowano konto"),
    AuditAction.ACCOUNT_SUSPENDED_OUTSIDE: _("wyłączono użytkownika w konsoli Keycloak, konto zablokowane"),
    AuditAction.ACCOUNT_RESUMED_OUTSIDE: _("włączono użytkownika w konsoli Keycloak, konto odblokowane"),
    AuditAction.ACCOUNT_CHANGED_OUTSIDE: _("zmiana w konsoli Keycloak"),
    AuditAction.ACCOUNT_ADDRESS_CHANGED_OUTSIDE: _("adres e-mail zmieniony w konsoli Keycloak"),
    AuditAction.ACCOUNT_MISDIRECTED: _("wiadomość trafiła pod zły adres, hasło unieważnione"),
    AuditAction.ACCOUNT_NAMES_CORRECTED: _("poprawiono imię i nazwisko"),
    AuditAction.ACCOUNT_PASSWORD_RENEWED: _("hasło tymczasowe zastąpiono nowym, zanim wyszło"),
    AuditAction.ACCOUNT_ADDRESS_CORRECTED: _("poprawiono albo potwierdzono adres e-mail"),
    AuditAction.ACCOUNT_RESENT: _("wysłano ponownie hasło tymczasowe"),
    AuditAction.ACCOUNT_EMAIL_CHANGE_ASKED: _("klient prosi o zmianę adresu e-mail"),
    AuditAction.ACCOUNT_EMAIL_CHANGED: _("klient zmienił adres e-mail"),
    AuditAction.ACCOUNT_EMAIL_RESTORED: _("cofnięto zmianę adresu e-mail"),
    AuditAction.ACCOUNT_CONTACT_CHANGED: _("klient zmienił dane kontaktowe"),
    AuditAction.ACCOUNT_CHANGE_ASKED: _("klient prosi o zmianę danych kontaktowych"),
    AuditAction.ACCOUNT_CHANGE_ANSWERED: _("odpowiedziano na zmianę danych kontaktowych"),
    AuditAction.ACCOUNT_LANGUAGE_CHANGED: _("klient zmienił język wiadomości"),
    AuditAction.ACCOUNT_EXPORTED: _("klient pobrał swoje dane"),
    AuditAction.ACCOUNT_RESIGNING: _("rezygnacja w toku"),
    AuditAction.ACCOUNT_RESIGNATION_WITHDRAWN: _("cofnięto rezygnację"),
    AuditAction.ACCOUNT_CONTRACT_ENDED: _("koniec umowy, numer zdjęty z konta"),
    AuditAction.ACCOUNT_CLOSED: _("wyłączono dostęp"),
    AuditAction.ACCOUNT_DELETED: _("usunięto konto"),
    AuditAction.ACCOUNT_ANONYMISED: _("usunięto dane osobowe"),
    AuditAction.ACCOUNT_REPAIRED: _("uzgodniono z Keycloak"),
    AuditAction.TERMS_ACCEPTED: _("klient zaakceptował Regulamin"),
    AuditAction.TERMS_REFUSED: _("klient nie zaakceptował Regulaminu"),
    AuditAction.ERASURE_ENTERED: _("wpisano żądanie usunięcia danych"),
    AuditAction.ERASURE_DECIDED: _("rozpatrzono żądanie usunięcia danych"),
}


def audit_line(line: AuditEntry) -> dict[str, Any]:
    """One line of history for people."""
    reason = line.details.get("reason")
    what = str(AUDIT[AuditAction(line.action)]) if line.action in list(AuditAction) else line.action  # of an older version
    if line.action.startswith("mail."):
        kind = line.details.get("mail")
        what = f"{what}: {MAIL_KIND[MailKind(kind)]}" if kind else what
    return {
        "at": line.at,
        "actor": line.actor,
        "what": what,
        "reason": reason,
        "number": line.number,
        "subject": line.subject,
        "action": line.action,
        "changes": line.details.get("changes", []),
        "to": line.details.get("to"),
        "over": [DOUBT[each] for each in line.details.get("over", ()) if each in DOUBT],
        "seen": [SCAN_CHECK[each] for each in line.details.get("seen", ()) if each in SCAN_CHECK],
    }


def folded(lines: list[AuditEntry]) -> list[dict[str, Any]]:
    """History for reading: the same deed of the same person again and again is one line, with the time of the first."""
    found: list[dict[str, Any]] = []
    for line in map(audit_line, lines):
        last = found[-1] if found else {}
        if all(last.get(name) == line[name] for name in ("actor", "what", "reason", "changes", "to", "over", "seen")):
            last["times"] += 1
        else:
            found.append(line | {"times": 1})
    return found
