"""The words of the staff UI for codes of the domain (Polish; English through the catalogue)."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from ibok_idp.look.flask_look import moment
from provisioning.domain.account import Account
from provisioning.domain.account_records import AccountEvent
from provisioning.domain.account_states import AccountState, ClosingCause, Trouble
from provisioning.domain.actors import APPLICANT, CUSTOMER, WORKER
from provisioning.domain.application import Channel, RejectedFor, Status
from provisioning.domain.declared_fields import declared
from provisioning.domain.document import Signature
from provisioning.domain.doubts import Doubt, ScanCheck
from provisioning.domain.mail import MailKind, MailState
from provisioning.domain.news import DeliveryState, NewsKind
from provisioning.domain.register_match import Agrees
from provisioning.domain.rights import Action, Role

STATUS = {
    Status.UNCONFIRMED: _("Złożony online, niepotwierdzony"),
    Status.FILED: _("Złożony"),
    Status.IN_REVIEW: _("W weryfikacji"),
    Status.INCOMPLETE: _("Do uzupełnienia"),
    Status.APPROVED: _("Zaakceptowany"),
    Status.REGISTERED: _("Konto założone"),
    Status.REJECTED: _("Odrzucony"),
    Status.WITHDRAWN: _("Wycofany"),
}
STATUS_COLOUR = {
    Status.UNCONFIRMED: "grey",
    Status.FILED: "grey",
    Status.IN_REVIEW: "blue",
    Status.INCOMPLETE: "yellow",
    Status.APPROVED: "turquoise",
    Status.REGISTERED: "green",
    Status.REJECTED: "red",
    Status.WITHDRAWN: "grey",
}
CHANNEL = {Channel.WEB: _("Online"), Channel.OFFICE: _("Biuro"), Channel.POST: _("Poczta"), Channel.EMAIL: _("E-mail")}
REJECTED_FOR = {
    RejectedFor.OTHER: _("inny"),
    RejectedFor.CLAUSE_REFUSED: _("klauzula albo Regulamin bez akceptacji"),
    RejectedFor.DATA_WRONG: _("dane niezgodne z umową"),
    RejectedFor.NOT_A_CUSTOMER: _("brak takiego klienta"),
    RejectedFor.NOT_SIGNED: _("brak podpisu albo umocowania"),
    RejectedFor.DUPLICATE: _("konto już istnieje"),
}
DUTY = {
    "heartbeat": _("znak życia"),
    "first_logins": _("zauważanie pierwszych logowań"),
    "first_logins_unseen": _("sprawdzanie kont, które czekają na pierwsze logowanie"),
    "follow_keycloak": _("śledzenie zdarzeń w Keycloak"),
    "accounts": _("dokańczanie kont, które na coś czekały"),
    "mails": _("ponowne wysyłanie wiadomości"),
    "mailbox": _("odczyt skrzynki z wnioskami"),
    "waiting_accounts": _("alarmy o kontach, które czekają zbyt długo"),
    "announce_terms": _("zapowiedź nowego Regulaminu"),
    "close_accounts": _("zamykanie, usuwanie i anonimizacja kont"),
    "remind_of_first_login": _("przypomnienia o pierwszym logowaniu"),
    "forget_intake": _("usuwanie odłożonej korespondencji"),
    "retention": _("usuwanie tego, czego okres przechowywania minął"),
    "digest": _("poranne ostrzeżenia o terminach"),
    "password_flood": _("alarm o fali próśb o hasło"),
}
INTAKE_PROBLEM = {
    "no_attachment": _("bez pliku, który da się przyjąć"),
    "too_many_files": _("więcej niż 20 plików, pozostałe leżą w skrzynce w folderze Problem"),
    "too_large": _("za duża (ponad 40 MB), leży w skrzynce w folderze Problem"),
    "malformed": _("uszkodzona, leży w skrzynce w folderze Problem"),
    "unreadable": _("wiadomość nie do odczytania, leży w skrzynce w folderze Problem"),
    "automatic": _("odpowiedź automatyczna"),
    "bounce": _("zwrot naszej wiadomości"),
    "loop": _("nasza własna wiadomość"),
    "no_reference": _("strony bez kodu QR"),
    "unknown_reference": _("kod QR nie pasuje do żadnego wniosku"),
    "decided": _("wniosek jest już rozpatrzony"),
    "too_many_documents": _("wniosek ma już 20 plików"),
}
SIGNATURE = {
    "declaration": _("oświadczenie w serwisie iBOK"),
    "scan": _("skan podpisanego druku"),
    "electronic": _("podpis elektroniczny"),
    "paper": _("podpis odręczny na papierze"),
}
ROLE = {
    Role.CLERK: _("pracownik BOK"),
    Role.REGISTRAR: _("pracownik uprawniony"),
    Role.MANAGER: _("kierownik"),
    Role.AUDITOR: _("audytor"),
}
ACCOUNT_STATE = {
    AccountState.AWAITING_FIRST_LOGIN: _("oczekuje na pierwsze logowanie"),
    AccountState.ACTIVE: _("aktywne"),
    AccountState.SUSPENDED: _("zablokowane"),
    AccountState.RESIGNING: _("rezygnacja w toku"),
    AccountState.CLOSED: _("dostęp wyłączony"),
    AccountState.DELETED: _("usunięte"),
    AccountState.ANONYMISED: _("zanonimizowane"),
}
ACCOUNT_COLOUR = {
    AccountState.AWAITING_FIRST_LOGIN: "yellow",
    AccountState.ACTIVE: "green",
    AccountState.SUSPENDED: "red",
    AccountState.RESIGNING: "orange",
    AccountState.CLOSED: "grey",
    AccountState.DELETED: "grey",
    AccountState.ANONYMISED: "grey",
}
CLOSING_CAUSE = {
    ClosingCause.RESIGNATION: _("rezygnacja klienta"),
    ClosingCause.TERMS_REFUSED: _("odmowa nowego Regulaminu"),
    ClosingCause.END_OF_CONTRACT: _("koniec umowy"),
    ClosingCause.ERASURE: _("żądanie usunięcia danych"),
    ClosingCause.STAFF: _("decyzja pracownika"),
    ClosingCause.CONSOLE: _("usunięte w konsoli Keycloak"),
}
DEED = {
    "resend": _("Wyślij hasło ponownie"),
    "correct-address": _("Popraw albo potwierdź adres"),
    "correct-names": _("Popraw imię i nazwisko"),
    "misdirected": _("Wiadomość trafiła pod zły adres"),
    "suspend": _("Zablokuj konto"),
    "resume": _("Odblokuj konto"),
    "resign": _("Wpisz rezygnację"),
    "withdraw-resignation": _("Cofnij rezygnację"),
    "end-contract": _("Koniec umowy"),
    "enter-erasure": _("Wpisz żądanie usunięcia danych"),
    "delete": _("Usuń konto"),
}
ERASURE = {
    "erased": _("usunięto wszystkie dane"),
    "partly": _("usunięto konto, dowody zostają"),
    "refused": _("odmowa"),
}
ACCOUNT_EVENT = {
    "login": _("zalogowano"),
    "login_failed": _("nieudane logowanie"),
    "password_set": _("ustawiono hasło"),
    "locked": _("logowanie zablokowane na chwilę po nieudanych próbach"),
}
CONSOLE = {
    "": _("zmiana danych użytkownika"),
    "reset-password": _("zmiana hasła"),
    "credentials": _("zmiana haseł"),
    "groups": _("zmiana grup"),
    "role-mappings": _("zmiana ról"),
    "logout": _("zakończenie sesji"),
    "execute-actions-email": _("wysłanie wiadomości z Keycloak"),
}
AGREES = {Agrees.YES: _("tak"), Agrees.NO: _("nie"), Agrees.CANNOT_TELL: _("nie wiadomo")}
AGREES_BADGE = {Agrees.YES: "ok", Agrees.NO: "late", Agrees.CANNOT_TELL: "done"}
COMPARED = {
    "number": _("numer ewidencyjny istnieje"),
    "name": _("imię i nazwisko lub nazwa się zgadza"),
    "address": _("punkt poboru się zgadza"),
    "contract": _("numer umowy się zgadza"),
    "identifier": _("PESEL albo NIP się zgadza"),
}
SHARED = {
    "pesel": _("ten sam PESEL"),
    "tax_id": _("ten sam NIP"),
    "number": _("ten sam numer ewidencyjny"),
    "email": _("ten sam e-mail"),
}
MAIL_KIND = {
    MailKind.CONFIRM_EMAIL: _("potwierdzenie adresu"),
    MailKind.RECEIVED: _("przyjęcie wniosku"),
    MailKind.ACTIVATED: _("konto gotowe (login i hasło tymczasowe)"),
    MailKind.REJECTED: _("odrzucenie"),
    MailKind.INCOMPLETE: _("do uzupełnienia"),
    MailKind.NEW_PASSWORD: _("nowe hasło tymczasowe"),
    MailKind.NO_NEW_PASSWORD: _("prośba o hasło do zamkniętego konta"),
    MailKind.EMAIL_CHANGE: _("potwierdzenie nowego adresu"),
    MailKind.EMAIL_CHANGED: _("zawiadomienie o zmianie adresu"),
    MailKind.EMAIL_RESTORED: _("przywrócenie adresu"),
    MailKind.SUSPENDED: _("blokada konta"),
    MailKind.RESUMED: _("odblokowanie konta"),
    MailKind.RESIGNATION: _("potwierdzenie rezygnacji"),
    MailKind.RESIGNATION_WITHDRAWN: _("cofnięcie rezygnacji"),
    MailKind.RESIGNATION_NOTE: _("zawiadomienie pracowników o zamknięciu konta"),
    MailKind.CONTRACT_ENDED: _("koniec umowy"),
    MailKind.CLOSED: _("wyłączenie dostępu"),
    MailKind.TERMS_ANNOUNCED: _("nowy Regulamin"),
    MailKind.CHANGE_ANSWERED: _("odpowiedź na zmianę danych"),
    MailKind.ERASURE_ANSWERED: _("odpowiedź na żądanie usunięcia danych"),
    MailKind.NUMBER_ADDED: _("numer dopisany do konta"),
    MailKind.ACTIVATION_REMINDER: _("przypomnienie o pierwszym logowaniu"),
    MailKind.OWN_PASSWORD_SET: _("zawiadomienie o zmianie hasła"),
    MailKind.LOGIN_PAUSED: _("zawiadomienie o nieudanych logowaniach"),
}
MAIL_STATE = {
    MailState.QUEUED: _("czeka na wysłanie"),
    MailState.ACCEPTED: _("przyjęty przez serwer poczty"),
    MailState.DEFERRED: _("serwer poczty prosi o ponowienie"),
    MailState.REFUSED: _("odrzucony przez serwer poczty"),
    MailState.FAILED: _("nie dał się wysłać"),
    MailState.VOID: _("unieważniony przed wysłaniem"),
    MailState.BOUNCED: _("nie dotarł"),
    MailState.SUPPRESSED: _("nie wysłano: za dużo wiadomości na ten adres"),
}
FIELD = {
    "terms_accepted": _("Regulamin iBOK"),
    "kind": _("podpis"),
    "signed_on": _("data podpisu"),
    "signed_name": _("podpisane jako"),
    "status": _("status"),
    "due_on": _("termin"),
    "reason": _("powód / czego brakuje"),
    "customer_type": _("rodzaj klienta"),
    "language": _("język"),
    "channel": _("sposób złożenia"),
    "filed_on": _("data złożenia"),
}
NEWS = {
    NewsKind.CREATED: _("konto założone"),
    NewsKind.ACTIVATED: _("ustawiono własne hasło"),
    NewsKind.SUSPENDED: _("konto zablokowane"),
    NewsKind.RESUMED: _("konto odblokowane"),
    NewsKind.EMAIL_CHANGED: _("zmieniono adres e-mail"),
    NewsKind.NUMBER_ADDED: _("dopisano numer ewidencyjny"),
    NewsKind.NUMBER_REMOVED: _("odłączono numer ewidencyjny"),
    NewsKind.TERMS_ACCEPTED: _("przyjęto Regulamin"),
    NewsKind.RESIGNING: _("rozpoczęto zamykanie konta"),
    NewsKind.RESIGNATION_WITHDRAWN: _("cofnięto rezygnację"),
    NewsKind.CLOSED: _("wyłączono dostęp"),
    NewsKind.DELETED: _("usunięto konto"),
    NewsKind.ANONYMISED: _("zanonimizowano konto"),
}
DELIVERY_STATE = {
    DeliveryState.WAITING: _("czeka"),
    DeliveryState.DELIVERED: _("odebrane"),
    DeliveryState.PARKED: _("odłożone po trzech dniach prób"),
}
NOT_A_PERSON = {
    WORKER.name: _("iBOK (automat)"),
    CUSTOMER.name: _("klient"),
    APPLICANT.name: _("wnioskodawca"),
}
DOUBT = {
    Doubt.LATE: _("Termin minął."),
    Doubt.ALIKE: _("Jest podobny otwarty wniosek albo konto: napisz, dlaczego ma powstać jeszcze jedno."),
    Doubt.NOT_IN_REGISTER: _("Rejestr klientów nie zna tego numeru."),
    Doubt.REGISTER_DIFFERS: _("Rejestr klientów mówi co innego: ten numer może należeć do kogoś innego."),
    Doubt.NO_SCAN: _("Nie ma skanu podpisanego wniosku."),
    Doubt.NOT_CHECKED: _("Nie wszystko porównano ze skanem."),
}
DOUBT_IN_ROW = {  # what a row of the queue has room for
    Doubt.NOT_IN_REGISTER: _("numeru nie ma w rejestrze"),
    Doubt.REGISTER_DIFFERS: _("nie zgadza się z rejestrem"),
    Doubt.NO_SCAN: _("bez skanu"),
    Doubt.NOT_CHECKED: _("nie porównano ze skanem"),
}
SCAN_CHECK = {
    ScanCheck.DATA: _("Dane zgadzają się ze skanem"),
    ScanCheck.CLAUSES: _("Klauzule i Regulamin zaznaczone tak jak tutaj"),
    ScanCheck.SIGNATURE: _("Wniosek jest podpisany"),
}
ACTION = {
    Action.REVIEW: _("Weź do weryfikacji"),
    Action.APPROVE: _("Zatwierdź wniosek"),
    Action.REQUEST_COMPLETION: _("Do uzupełnienia"),
    Action.COMPLETE: _("Uzupełniono"),
    Action.REJECT: _("Odrzuć"),
    Action.WITHDRAW: _("Wycofaj na prośbę klienta"),
    Action.RECORD_PAPER: _("Zarejestruj podpisany papier"),
    Action.COPY: _("Wydrukuj kopię dla klienta"),
    Action.CORRECT: _("Popraw dane"),
    Action.ASSIGN: _("Przekaż wniosek"),
    Action.APPROVE_MANY: _("Zatwierdź kilka naraz"),
    Action.ADD_TO_ACCOUNT: _("Dopisz numer do konta"),
    Action.ADD_SCAN: _("Dodaj skany albo zdjęcia"),
    Action.CHECK_SCAN: _("Zgodność ze skanem"),
}


def duty(name: str) -> str:
    """A periodic duty of the worker; one without words yet keeps its name."""
    kind, _, receiver = name.partition(":")
    if receiver:  # one for each application that is told by webhooks
        return gettext("powiadamianie aplikacji %(name)s", name=receiver) if kind == "webhooks" else name
    return str(DUTY.get(name, name))


def webhook_answer(answer: str) -> str:
    """What came back from an application: its status line as it stands, or why nothing came."""
    if answer.startswith("TLS"):
        return str(gettext("certyfikat serwera nie jest zaufany"))
    if answer.startswith("no connection"):
        return str(gettext("brak połączenia"))
    if answer.startswith("no answer"):
        return str(gettext("brak odpowiedzi"))
    return answer


def mail_reason(answer: str) -> str:
    """Why a mail did not arrive, in words, from the status code of the answer (RFC 3463); empty when it says nothing known."""
    found = re.search(r"\b[45]\.(\d{1,3})\.(\d{1,3})\b", answer)
    subject, detail = (found[1], found[2]) if found else ("", "")
    if not found and re.search(r"\b55[01]\b", answer):
        subject, detail = "1", "1"
    known = {
        ("1", "1"): gettext("nie ma takiego adresu"),
        ("1", "2"): gettext("nie ma takiej domeny"),
        ("1", "10"): gettext("ta domena nie przyjmuje poczty"),
        ("2", "1"): gettext("skrzynka jest wyłączona"),
        ("2", "2"): gettext("skrzynka jest pełna"),
        ("3", "4"): gettext("wiadomość jest za duża"),
    }
    general = {
        "1": gettext("adres jest błędny"),
        "2": gettext("skrzynka nie przyjmuje poczty"),
        "4": gettext("serwer odbiorcy jest nieosiągalny"),
        "7": gettext("serwer odbiorcy odrzuca naszą pocztę, powiadom dział IT"),
    }
    return str(known.get((subject, detail)) or general.get(subject, ""))


def field(name: str) -> str:
    """A field by its dotted name: of the form as it is declared, or of what stands around it."""
    top, _dot, last = name.partition(".")
    if top == "clauses":
        return str(gettext("klauzula %(code)s", code=last))
    whole, found = declared().field(top), declared().field(name)
    if whole is None or found is None:
        return str(FIELD.get(last or top, last or top))
    return f"{gettext(whole.in_short)}: {gettext(found.label)}" if last else str(gettext(found.in_short))


def customer_type(code: str) -> str:
    return str(gettext(declared().type(code).label))


def trouble(account: Account, recipient: str) -> str | None:
    """Why an account waits, in words a clerk can read out, with the time of the next try."""
    if account.trouble is None:
        return None
    again = gettext(", następna próba %(time)s", time=moment(account.next_attempt_at)[-5:]) if account.next_attempt_at else ""
    words: dict[Trouble, str] = {
        Trouble.KEYCLOAK_UNAVAILABLE: gettext("Konto czeka: Keycloak nie odpowiada") + again,
        Trouble.KEYCLOAK_REFUSED: gettext("Konto czeka: Keycloak odmawia usłudze dostępu, powiadom dział IT") + again,
        Trouble.KEYCLOAK_REJECTED: gettext(
            "Konto czeka: Keycloak nie przyjmuje imienia, nazwiska lub adresu e-mail. Popraw je na stronie konta"
        )
        + again,
        Trouble.LOGIN_BELONGS_TO_ANOTHER: gettext(
            "Alarm: ten login należy w Keycloak do innego wniosku. Nic nie nadpisano, powiadom dział IT."
        ),
        Trouble.MAIL_DEFERRED: gettext("Konto czeka: serwer poczty nie przyjmuje teraz wiadomości na %(to)s", to=recipient) + again,
        Trouble.MAIL_SETUP: gettext("Konto czeka: serwer poczty nie przyjmuje naszych wiadomości, powiadom dział IT") + again,
        Trouble.MAIL_FAILED: gettext("Serwer poczty odrzucił treść wiadomości z hasłem. Powiadom dział IT, potem wyślij ponownie."),
        Trouble.NOT_IN_KEYCLOAK: gettext(
            "W Keycloak nie ma użytkownika tego konta, powiadom dział IT (ibok-provisioning reconcile)."
        ),
        Trouble.OUTSIDE_CUSTOMERS: gettext(
            "Użytkownik tego konta wypadł w Keycloak z grupy /customers, powiadom dział IT (ibok-provisioning reconcile)."
        ),
        Trouble.MAIL_BOUNCED: gettext("Mail nie dotarł na adres %(to)s. Zadzwoń do klienta i sprawdź adres.", to=recipient),
        Trouble.MAIL_REFUSED: gettext("Serwer poczty odrzucił adres %(to)s. Zadzwoń do klienta i sprawdź adres.", to=recipient),
    }
    return words[account.trouble]


def account_event(event: AccountEvent) -> str:
    """What Keycloak reported, in words."""
    if event.kind == "console":
        what = CONSOLE.get(event.details.get("what", ""), event.details.get("what", ""))
        return str(gettext("w konsoli Keycloak: %(what)s", what=what))
    temporary = gettext(" (hasłem tymczasowym)") if event.details.get("password") in ("temporary", "activation") else ""
    return f"{ACCOUNT_EVENT[event.kind]}{temporary}"


def signature(found: Signature) -> dict[str, Any]:
    """What an electronic signature in a file says (U07), for people: whether it holds, and how far it was checked."""
    if not found.intact:
        verdict = gettext("Podpis się nie zgadza: plik zmieniono po podpisaniu.")
    elif not found.whole:
        verdict = gettext("Podpis się zgadza, ale po nim coś do pliku dopisano.")
    else:
        verdict = gettext("Podpis się zgadza i obejmuje cały plik.")
    return {
        "good": found.intact and found.whole,
        "who": gettext("Podpis elektroniczny: %(signer)s", signer=found.signer),
        "when": gettext("według podpisującego %(moment)s", moment=moment(found.signed_at)) if found.signed_at else "",
        "issuer": gettext("certyfikat wystawił: %(issuer)s", issuer=found.issuer),
        "verdict": verdict,
        "unchecked": gettext("Ważności certyfikatu system nie sprawdza."),
    }
