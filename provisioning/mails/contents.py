"""What each mail says. Only `activated` holds a password (S5); none holds PESEL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from ibok_idp.look.company import Utility
from provisioning.domain.account import Account
from provisioning.domain.application import Application, SignatureKind
from provisioning.ports import MailKind

_WARSAW = ZoneInfo("Europe/Warsaw")


@dataclass(frozen=True)
class Button:
    """A link that stands out; the text part shows its address on a line of its own."""

    label: str
    url: str


@dataclass(frozen=True)
class Facts:
    """Label and value, one pair a line; `secret` values are set apart for copying and reading aloud."""

    pairs: list[tuple[str, str]]
    secret: bool = False


@dataclass(frozen=True)
class Letter:
    """One mail before it is laid out."""

    subject: str
    greeting: str
    parts: list[str | Button | Facts] = field(default_factory=list)


@dataclass(frozen=True)
class Enclosure:
    """What a mail may speak of."""

    application: Application
    account: Account | None
    utility: Utility
    webapp: str
    confirmation_token: str | None
    status_token: str
    temporary_password: str | None
    confirmation_hours: int
    term_days: int

    @property
    def english(self) -> bool:
        return self.application.language == "en"

    @property
    def status_url(self) -> str:
        return f"{self.webapp}/wniosek/status/{self.application.reference}/{self.status_token}"


def letter(kind: MailKind, e: Enclosure) -> Letter:
    """Write one mail in the applicant's language."""
    return _LETTERS[kind](e)


def _greeting(e: Enclosure) -> str:
    return "Good day," if e.english else "Dzień dobry,"


def _confirm_email(e: Enclosure) -> Letter:
    url = f"{e.webapp}/wniosek/potwierdzenie/{e.confirmation_token}"
    paper = (e.application.signature or {}).get("kind") == SignatureKind.PAPER
    if e.english:
        more = (
            "Then print the form, sign it and bring or post it to us: the application counts as filed when the signed paper reaches us."
            if paper
            else "Your application counts as filed at the moment you confirm. Without it we cannot open the account."
        )
        return Letter(
            f"iBOK: confirm your e-mail address ({e.application.reference})",
            _greeting(e),
            [
                f"we have your application BOK-27 for an iBOK account, number {e.application.reference}. Confirm that this e-mail address is yours:",
                Button("Confirm the e-mail address", url),
                f"The link works for {e.confirmation_hours} hours. {more}",
                Button("Status of the application", e.status_url),
                "If you did not file this application, ignore this mail: nothing will happen.",
            ],
        )
    more = (
        "Potem wydrukuj formularz, podpisz go i przynieś lub wyślij do nas: wniosek będzie złożony, gdy dotrze podpisany papier."
        if paper
        else "Wniosek jest złożony w chwili potwierdzenia. Bez niego nie możemy założyć konta."
    )
    return Letter(
        f"iBOK: potwierdź adres e-mail ({e.application.reference})",
        _greeting(e),
        [
            f"mamy Twój wniosek BOK-27 o konto iBOK, numer {e.application.reference}. Potwierdź, że ten adres e-mail należy do Ciebie:",
            Button("Potwierdź adres e-mail", url),
            f"Link działa przez {e.confirmation_hours} godziny. {more}",
            Button("Status wniosku", e.status_url),
            "Jeżeli ten wniosek nie pochodzi od Ciebie, pomiń tę wiadomość: nic się nie stanie.",
        ],
    )


def _received(e: Enclosure) -> Letter:
    a = e.application
    follow: list[str | Button | Facts] = []
    if a.channel == "web":
        follow = [Button("Status of the application" if e.english else "Status wniosku", e.status_url)]
    if e.english:
        return Letter(
            f"iBOK: application {a.reference} received",
            _greeting(e),
            [
                "we have received your application BOK-27 for an iBOK account.",
                Facts(
                    [
                        ("Application number", a.reference),
                        ("Filed on", _day(a.filed_on, "en")),
                        ("We will decide by", _day(a.due_on, "en")),
                    ]
                ),
                f"We open the account within {e.term_days} days of filing and then send the login and a temporary password to this address.",
                *follow,
            ],
        )
    return Letter(
        f"iBOK: przyjęliśmy wniosek {a.reference}",
        _greeting(e),
        [
            "przyjęliśmy Twój wniosek BOK-27 o konto iBOK.",
            Facts(
                [
                    ("Numer wniosku", a.reference),
                    ("Data złożenia", _day(a.filed_on, "pl")),
                    ("Termin rozpatrzenia", _day(a.due_on, "pl")),
                ]
            ),
            f"Konto zakładamy w ciągu {e.term_days} dni od złożenia wniosku, a login i hasło tymczasowe wyślemy na ten adres.",
            *follow,
        ],
    )


def _activated(e: Enclosure) -> Letter:
    a, account = e.application, e.account
    assert account is not None and e.temporary_password is not None  # this mail is written only then
    until = account.password_expires_at
    address = address_line(a.data["supply_point_address"])
    if e.english:
        return Letter(
            "iBOK: your account is ready",
            _greeting(e),
            [
                "your iBOK account is ready. These are your login and your temporary password:",
                Facts([("Login", account.login), ("Hasło tymczasowe", e.temporary_password)], secret=True),
                "(Hasło tymczasowe = temporary password; upper and lower case matter, it has no zero, one, capital O or I, small l.)",
                Button("Log in to iBOK", f"{e.webapp}/logowanie"),
                f"The temporary password works until {_moment(until, 'en')}. At the first login you choose a password of your own: "
                "at least 8 characters, with a digit, an upper-case and a lower-case letter, without Polish letters.",
                Facts([("Name", a.applicant), ("Customer number", a.data["customer_number"]), ("Supply point", address)]),
                f"You did not ask for an account? Do not use the password and call us: {e.utility.phones('en')}.",
                "We never ask for your password by telephone or e-mail.",
            ],
        )
    return Letter(
        "iBOK: konto jest gotowe",
        _greeting(e),
        [
            "Twoje konto iBOK jest gotowe. Oto login i hasło tymczasowe:",
            Facts([("Login", account.login), ("Hasło tymczasowe", e.temporary_password)], secret=True),
            "Wielkie i małe litery mają znaczenie. W haśle nie ma zera, jedynki, wielkich liter O i I ani małego l.",
            Button("Zaloguj się do iBOK", f"{e.webapp}/logowanie"),
            f"Hasło tymczasowe działa do {_moment(until, 'pl')}. Przy pierwszym logowaniu ustawisz własne hasło: "
            "co najmniej 8 znaków, w tym cyfra, wielka i mała litera, bez polskich liter.",
            Facts(
                [
                    ("Imię i nazwisko lub nazwa", a.applicant),
                    ("Numer ewidencyjny klienta", a.data["customer_number"]),
                    ("Punkt poboru", address),
                ]
            ),
            f"Ten wniosek nie pochodzi od Ciebie? Nie używaj hasła i zadzwoń do nas: {e.utility.phones('pl')}.",
            "Nigdy nie pytamy o hasło przez telefon ani e-mailem.",
        ],
    )


def _rejected(e: Enclosure) -> Letter:
    a = e.application
    if e.english:
        return Letter(
            f"iBOK: application {a.reference} rejected",
            _greeting(e),
            [
                f"we could not open an iBOK account on your application {a.reference}. The reason:",
                Facts([("Reason", a.reason or "")]),
                f"You may file a new application. If you have questions, call us: {e.utility.phones('en')}.",
                Button("New application", f"{e.webapp}/wniosek"),
            ],
        )
    return Letter(
        f"iBOK: wniosek {a.reference} odrzucony",
        _greeting(e),
        [
            f"nie mogliśmy założyć konta iBOK na podstawie wniosku {a.reference}. Powód:",
            Facts([("Powód", a.reason or "")]),
            f"Możesz złożyć nowy wniosek. Jeżeli masz pytania, zadzwoń: {e.utility.phones('pl')}.",
            Button("Nowy wniosek", f"{e.webapp}/wniosek"),
        ],
    )


def _incomplete(e: Enclosure) -> Letter:
    a = e.application
    web = a.channel == "web"
    if e.english:
        return Letter(
            f"iBOK: application {a.reference} needs something more",
            _greeting(e),
            [
                f"to go on with your application {a.reference} we need:",
                Facts([("What is missing", a.reason or "")]),
                *([Button("Add what is missing", e.status_url)] if web else []),
                f"You can also bring it to the office or send it to {e.utility.contact.email}.",
            ],
        )
    return Letter(
        f"iBOK: wniosek {a.reference} wymaga uzupełnienia",
        _greeting(e),
        [
            f"żeby rozpatrzyć wniosek {a.reference}, potrzebujemy:",
            Facts([("Czego brakuje", a.reason or "")]),
            *([Button("Uzupełnij wniosek", e.status_url)] if web else []),
            f"Możesz też przynieść to do biura BOK albo wysłać na adres {e.utility.contact.email}.",
        ],
    )


def address_line(address: dict[str, str | None]) -> str:
    """ul. Źródlana 7/3, 43-300 Bielsko-Biała."""
    house = f"{address['house']}/{address['flat']}" if address.get("flat") else f"{address['house']}"
    street = f"{address['street']} {house}" if address.get("street") else house
    return f"{street}, {address['postal_code']} {address['city']}"


def _day(value: date | None, language: str) -> str:
    return format_date(value, "d MMMM y", locale=language) if value else ""


def _moment(value: datetime | None, language: str) -> str:
    return format_datetime(value.astimezone(_WARSAW), "d MMMM y, HH:mm", locale=language) if value else ""


_LETTERS: dict[MailKind, Callable[[Enclosure], Letter]] = {
    MailKind.CONFIRM_EMAIL: _confirm_email,
    MailKind.RECEIVED: _received,
    MailKind.ACTIVATED: _activated,
    MailKind.REJECTED: _rejected,
    MailKind.INCOMPLETE: _incomplete,
}
