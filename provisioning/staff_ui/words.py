"""The words of the staff UI for codes of the domain (Polish; English through the catalogue)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _

from ibok_idp.look.flask_look import moment
from provisioning.domain.account import Account, AccountState, Trouble
from provisioning.domain.application import CLOSED, Action, Application, Channel, CustomerType, Role, Status
from provisioning.domain.deadline import Urgency, urgency
from provisioning.ports import AuditEntry, MailKind, MailState

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
CUSTOMER_TYPE = {
    CustomerType.PERSON: _("osoba fizyczna"),
    CustomerType.BUSINESS: _("przedsiębiorca"),
    CustomerType.HOUSING_COMMUNITY: _("wspólnota lub spółdzielnia"),
    CustomerType.INSTITUTION: _("instytucja"),
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
MAIL_KIND = {
    MailKind.CONFIRM_EMAIL: _("potwierdzenie adresu"),
    MailKind.RECEIVED: _("przyjęcie wniosku"),
    MailKind.ACTIVATED: _("konto gotowe (login i hasło tymczasowe)"),
    MailKind.REJECTED: _("odrzucenie"),
    MailKind.INCOMPLETE: _("do uzupełnienia"),
}
MAIL_STATE = {
    MailState.QUEUED: _("czeka na wysłanie"),
    MailState.ACCEPTED: _("przyjęty przez serwer poczty"),
    MailState.DEFERRED: _("serwer poczty prosi o ponowienie"),
    MailState.REFUSED: _("odrzucony przez serwer poczty"),
    MailState.REPLACED: _("zastąpiony nowszym"),
}
AUDIT = {
    "application.submitted": _("złożono online"),
    "application.entered": _("wpisano wniosek"),
    "application.email_confirmed": _("potwierdzono adres e-mail"),
    "application.confirmation_sent_again": _("wysłano ponownie potwierdzenie adresu"),
    "application.paper_recorded": _("zarejestrowano podpisany papier"),
    "application.in_review": _("wzięto do weryfikacji"),
    "application.incomplete": _("odesłano do uzupełnienia"),
    "application.completed": _("uzupełniono"),
    "application.approved": _("zatwierdzono"),
    "application.rejected": _("odrzucono"),
    "application.withdrawn": _("wycofano"),
    "account.created": _("utworzono użytkownika w Keycloak"),
    "account.active": _("klient ustawił własne hasło, konto aktywne"),
    "account.waits": _("zakładanie konta czeka"),
    "mail.accepted": _("serwer poczty przyjął wiadomość"),
    "mail.refused": _("serwer poczty odrzucił wiadomość"),
    "application.pesel_revealed": _("odsłonięto PESEL"),
    "application.form_opened": _("otwarto druk"),
    "document.opened": _("otwarto plik"),
    "document.added": _("dodano plik"),
    "password_reset.asked": _("klient prosi o pomoc z hasłem"),
}
ACTION = {
    Action.REVIEW: _("Weź do weryfikacji"),
    Action.APPROVE: _("Zatwierdź wniosek"),
    Action.REQUEST_COMPLETION: _("Do uzupełnienia"),
    Action.COMPLETE: _("Uzupełniono"),
    Action.REJECT: _("Odrzuć"),
    Action.WITHDRAW: _("Wycofaj na prośbę klienta"),
    Action.RECORD_PAPER: _("Zarejestruj podpisany papier"),
}


def trouble(account: Account, recipient: str) -> str | None:
    """Why an account waits, in words a clerk can read out, with the time of the next try."""
    if account.trouble is None:
        return None
    again = gettext(", następna próba %(time)s", time=moment(account.next_attempt_at)[-5:]) if account.next_attempt_at else ""
    words: dict[Trouble, str] = {
        Trouble.KEYCLOAK_UNAVAILABLE: gettext("Konto czeka: Keycloak nie odpowiada") + again,
        Trouble.KEYCLOAK_REFUSED: gettext("Konto czeka: Keycloak odmawia usłudze dostępu, powiadom dział IT") + again,
        Trouble.KEYCLOAK_REJECTED: gettext("Konto czeka: Keycloak nie przyjmuje danych, powiadom dział IT") + again,
        Trouble.LOGIN_BELONGS_TO_ANOTHER: gettext(
            "Alarm: ten login należy w Keycloak do innego wniosku. Nic nie nadpisano, powiadom dział IT."
        ),
        Trouble.MAIL_DEFERRED: gettext("Konto czeka: serwer poczty nie przyjmuje teraz wiadomości na %(to)s", to=recipient) + again,
        Trouble.MAIL_REFUSED: gettext("Serwer poczty odrzucił adres %(to)s. Zadzwoń do klienta i sprawdź adres.", to=recipient),
    }
    return words[account.trouble]


def due_badge(application: Application, today: date) -> dict[str, str]:
    """Days left as words, with the class that gives shape and colour."""
    kind = urgency(application.due_on, today, closed=application.status in CLOSED)
    if kind is Urgency.DONE or application.due_on is None:
        words = gettext("Zamknięty") if application.status in CLOSED else gettext("Bez terminu")
        return {"kind": "done", "words": words}
    left = (application.due_on - today).days
    if left < 0:
        words = ngettext("%(num)d dzień po terminie", "%(num)d dni po terminie", -left)
    elif left == 0:
        words = gettext("Dziś ostatni dzień")
    else:
        words = ngettext("Został %(num)d dzień", "Zostało %(num)d dni", left)
    return {"kind": kind.value, "words": words}


def audit_line(line: AuditEntry) -> dict[str, Any]:
    """One line of history for people."""
    reason = line.details.get("reason")
    what = str(AUDIT.get(line.action, line.action))
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
    }
