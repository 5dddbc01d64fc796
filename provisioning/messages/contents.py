"""What each mail of an application says. Only `activated` holds a password (S5); none holds PESEL."""

from __future__ import annotations

from collections.abc import Callable

from provisioning.domain.addresses import address_line
from provisioning.domain.application import SignatureKind
from provisioning.domain.mail import MailKind
from provisioning.messages.account_letters import ACCOUNT_LETTERS
from provisioning.messages.letter import Button, Enclosure, Facts, Letter, day, greeting, moment


def letter(kind: MailKind, e: Enclosure) -> Letter:
    """Write one mail in the language of its reader."""
    return (_LETTERS | ACCOUNT_LETTERS)[kind](e)


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
            greeting(e),
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
        greeting(e),
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
            greeting(e),
            [
                "we have received your application BOK-27 for an iBOK account.",
                Facts(
                    [
                        ("Application number", a.reference),
                        ("Filed on", day(a.filed_on, "en")),
                        ("We will decide by", day(a.due_on, "en")),
                    ]
                ),
                f"We open the account within {e.term_days} days of filing and then send the login and a temporary password to this address.",
                *follow,
            ],
        )
    return Letter(
        f"iBOK: przyjęliśmy wniosek {a.reference}",
        greeting(e),
        [
            "przyjęliśmy Twój wniosek BOK-27 o konto iBOK.",
            Facts(
                [
                    ("Numer wniosku", a.reference),
                    ("Data złożenia", day(a.filed_on, "pl")),
                    ("Termin rozpatrzenia", day(a.due_on, "pl")),
                ]
            ),
            f"Konto zakładamy w ciągu {e.term_days} dni od złożenia wniosku, a login i hasło tymczasowe wyślemy na ten adres.",
            *follow,
        ],
    )


def _activated(e: Enclosure) -> Letter:
    a, account = e.application, e.account
    assert account is not None and e.secret is not None  # this mail is written only then
    until = account.password_expires_at
    address = address_line(a.data["supply_point_address"])
    if e.english:
        return Letter(
            "iBOK: your account is ready",
            greeting(e),
            [
                "your iBOK account is ready. These are your login and your temporary password:",
                Facts([("Login", account.login), ("Hasło tymczasowe", e.secret)], secret=True),
                "(Hasło tymczasowe = temporary password; upper and lower case matter, it has no zero, one, capital O or I, small l.)",
                Button("Log in to iBOK", f"{e.webapp}/logowanie"),
                f"The temporary password works until {moment(until, 'en')}. At the first login you choose a password of your own: "
                "at least 8 characters, with a digit, an upper-case and a lower-case letter, without Polish letters.",
                Facts([("Name", a.applicant), ("Customer number", a.data["customer_number"]), ("Supply point", address)]),
                f"You did not ask for an account? Do not use the password and call us: {e.utility.phones('en')}.",
                "We never ask for your password by telephone or e-mail.",
            ],
        )
    return Letter(
        "iBOK: konto jest gotowe",
        greeting(e),
        [
            "Twoje konto iBOK jest gotowe. Oto login i hasło tymczasowe:",
            Facts([("Login", account.login), ("Hasło tymczasowe", e.secret)], secret=True),
            "Wielkie i małe litery mają znaczenie. W haśle nie ma zera, jedynki, wielkich liter O i I ani małego l.",
            Button("Zaloguj się do iBOK", f"{e.webapp}/logowanie"),
            f"Hasło tymczasowe działa do {moment(until, 'pl')}. Przy pierwszym logowaniu ustawisz własne hasło: "
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
            greeting(e),
            [
                f"we could not open an iBOK account on your application {a.reference}. The reason:",
                Facts([("Reason", a.reason or "")]),
                f"You may file a new application. If you have questions, call us: {e.utility.phones('en')}.",
                Button("New application", f"{e.webapp}/wniosek"),
            ],
        )
    return Letter(
        f"iBOK: wniosek {a.reference} odrzucony",
        greeting(e),
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
            greeting(e),
            [
                f"to go on with your application {a.reference} we need:",
                Facts([("What is missing", a.reason or "")]),
                *([Button("Add what is missing", e.status_url)] if web else []),
                f"You can also bring it to the office or send it to {e.utility.contact.email}.",
            ],
        )
    return Letter(
        f"iBOK: wniosek {a.reference} wymaga uzupełnienia",
        greeting(e),
        [
            f"żeby rozpatrzyć wniosek {a.reference}, potrzebujemy:",
            Facts([("Czego brakuje", a.reason or "")]),
            *([Button("Uzupełnij wniosek", e.status_url)] if web else []),
            f"Możesz też przynieść to do biura BOK albo wysłać na adres {e.utility.contact.email}.",
        ],
    )


_LETTERS: dict[MailKind, Callable[[Enclosure], Letter]] = {
    MailKind.CONFIRM_EMAIL: _confirm_email,
    MailKind.RECEIVED: _received,
    MailKind.ACTIVATED: _activated,
    MailKind.REJECTED: _rejected,
    MailKind.INCOMPLETE: _incomplete,
}
