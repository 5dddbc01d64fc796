"""What the mails of an account say. Only `new_password` holds a password (S7); none holds PESEL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from provisioning.domain.account import Account
from provisioning.domain.mail import MailKind
from provisioning.messages.letter import Button, Enclosure, Facts, Letter, day, greeting, moment


def _account(e: Enclosure) -> Account:
    assert e.account is not None  # these mails are written only of accounts
    return e.account


def _call(e: Enclosure) -> str:
    return f"Questions? Call us: {e.utility.phones('en')}." if e.english else f"Masz pytania? Zadzwoń: {e.utility.phones('pl')}."


def _new_password(e: Enclosure) -> Letter:
    """S7: login, temporary password, its life, where to log in, and what to do if it was not you."""
    account, until = _account(e), datetime.fromisoformat(e.about["expires_at"])
    assert e.secret is not None
    facts = Facts([("Login", account.login), ("Hasło tymczasowe", e.secret)], secret=True)
    if e.english:
        return Letter(
            "iBOK: your new temporary password",
            greeting(e),
            [
                "you asked for a new password to iBOK. These are your login and a temporary password:",
                facts,
                "(Hasło tymczasowe = temporary password; upper and lower case matter.)",
                Button("Log in to iBOK", f"{e.webapp}/logowanie"),
                f"It works until {moment(until, 'en')}, and only to set a password of your own right after logging in. "
                "Your present password works until you do.",
                "It was not you? Then ignore this mail: nobody gets into your account, and your password stays as it is. "
                f"If such mails keep coming, call us: {e.utility.phones('en')}.",
                "We never ask for your password by telephone or e-mail.",
            ],
        )
    return Letter(
        "iBOK: nowe hasło tymczasowe",
        greeting(e),
        [
            "otrzymaliśmy prośbę o nowe hasło do iBOK. Oto login i hasło tymczasowe:",
            facts,
            "Wielkie i małe litery mają znaczenie. W haśle nie ma zera, jedynki, wielkich liter O i I ani małego l.",
            Button("Zaloguj się do iBOK", f"{e.webapp}/logowanie"),
            f"Hasło tymczasowe działa do {moment(until, 'pl')} i służy tylko do tego, żeby zaraz po zalogowaniu ustawić własne hasło. "
            "Dotychczasowe hasło działa, dopóki tego nie zrobisz.",
            "To nie Ty? Pomiń tę wiadomość: nikt nie wejdzie na Twoje konto, a Twoje hasło się nie zmieni. "
            f"Jeżeli takie wiadomości się powtarzają, zadzwoń: {e.utility.phones('pl')}.",
            "Nigdy nie pytamy o hasło przez telefon ani e-mailem.",
        ],
    )


def _no_new_password(e: Enclosure) -> Letter:
    if e.english:
        return Letter(
            "iBOK: no new password",
            greeting(e),
            [
                "somebody asked for a new password to your iBOK account. The account is closed at the moment, so we sent none.",
                f"To find out why, or to open it again, call us: {e.utility.phones('en')} ({e.utility.office_hours('en')}).",
            ],
        )
    return Letter(
        "iBOK: nie wysłaliśmy nowego hasła",
        greeting(e),
        [
            "otrzymaliśmy prośbę o nowe hasło do Twojego konta iBOK. Dostęp do konta jest teraz wyłączony, więc hasła nie wysłaliśmy.",
            f"Chcesz wiedzieć dlaczego albo przywrócić dostęp? Zadzwoń: {e.utility.phones('pl')} ({e.utility.office_hours('pl')}).",
        ],
    )


def _email_change(e: Enclosure) -> Letter:
    url = f"{e.webapp}/konto/email/{e.secret}"
    if e.english:
        return Letter(
            "iBOK: confirm your new e-mail address",
            greeting(e),
            [
                f"you want to use this address for the iBOK account {_account(e).login}. Confirm that it is yours:",
                Button("Confirm the new address", url),
                f"The link works for {e.confirmation_hours} hours. Until you use it nothing changes.",
                "You did not ask for this? Ignore this mail: nothing will happen.",
            ],
        )
    return Letter(
        "iBOK: potwierdź nowy adres e-mail",
        greeting(e),
        [
            f"ten adres ma być adresem konta iBOK {_account(e).login}. Potwierdź, że należy do Ciebie:",
            Button("Potwierdź nowy adres", url),
            f"Link działa przez {e.confirmation_hours} godziny. Dopóki go nie użyjesz, nic się nie zmieni.",
            "Ta prośba nie pochodzi od Ciebie? Pomiń tę wiadomość: nic się nie stanie.",
        ],
    )


def _email_changed(e: Enclosure) -> Letter:
    url = f"{e.webapp}/konto/email/cofnij/{e.secret}"
    if e.english:
        return Letter(
            "iBOK: your e-mail address was changed",
            greeting(e),
            [
                f"the e-mail address of the iBOK account {_account(e).login} was changed. Mails no longer come here.",
                "It was not you? Take the change back. We then end every session and make temporary passwords useless:",
                Button("Take the change back", url),
                f"The link works for {e.undo_days} days. {_call(e)}",
            ],
        )
    return Letter(
        "iBOK: zmieniono adres e-mail",
        greeting(e),
        [
            f"adres e-mail konta iBOK {_account(e).login} został zmieniony. Wiadomości nie będą już przychodzić tutaj.",
            "To nie Ty? Cofnij zmianę. Zakończymy wtedy wszystkie sesje i unieważnimy hasła tymczasowe:",
            Button("Cofnij zmianę adresu", url),
            f"Link działa przez {e.undo_days} dni. {_call(e)}",
        ],
    )


def _email_restored(e: Enclosure) -> Letter:
    if e.english:
        return Letter(
            "iBOK: your e-mail address is back",
            greeting(e),
            [
                "the change of your e-mail address was taken back. Every session is over.",
                "If somebody else made the change, they knew your password: set a new one now.",
                Button("Set a new password", f"{e.webapp}/haslo"),
                _call(e),
            ],
        )
    return Letter(
        "iBOK: przywrócono adres e-mail",
        greeting(e),
        [
            "zmiana adresu e-mail została cofnięta. Wszystkie sesje są zakończone.",
            "Jeżeli adres zmienił ktoś inny, znał Twoje hasło: ustaw teraz nowe.",
            Button("Ustaw nowe hasło", f"{e.webapp}/haslo"),
            _call(e),
        ],
    )


def _suspended(e: Enclosure) -> Letter:
    reason = e.about.get("reason", "")
    if e.english:
        return Letter(
            "iBOK: access to your account is suspended",
            greeting(e),
            [
                f"we have suspended the access to your iBOK account {_account(e).login}. The reason:",
                Facts([("Reason", reason)]),
                f"Your data are safe. To have it opened again, call us: {e.utility.phones('en')} ({e.utility.office_hours('en')}).",
            ],
        )
    return Letter(
        "iBOK: dostęp do konta jest zablokowany",
        greeting(e),
        [
            f"zablokowaliśmy dostęp do Twojego konta iBOK {_account(e).login}. Powód:",
            Facts([("Powód", reason)]),
            f"Twoje dane są bezpieczne. Żeby przywrócić dostęp, zadzwoń: {e.utility.phones('pl')} ({e.utility.office_hours('pl')}).",
        ],
    )


def _resumed(e: Enclosure) -> Letter:
    if e.english:
        return Letter(
            "iBOK: your account is open again",
            greeting(e),
            [
                f"your iBOK account {_account(e).login} is open again. Log in as before.",
                Button("Log in to iBOK", f"{e.webapp}/logowanie"),
                f"You do not remember the password? Ask for a new one: {e.webapp}/haslo",
            ],
        )
    return Letter(
        "iBOK: dostęp do konta jest przywrócony",
        greeting(e),
        [
            f"przywróciliśmy dostęp do Twojego konta iBOK {_account(e).login}. Zaloguj się jak dotąd.",
            Button("Zaloguj się do iBOK", f"{e.webapp}/logowanie"),
            f"Nie pamiętasz hasła? Poproś o nowe: {e.webapp}/haslo",
        ],
    )


def _resignation(e: Enclosure) -> Letter:
    closes = date.fromisoformat(e.about["closes_on"])
    if e.english:
        back = (
            f"You may take the resignation back until then, on the page of your account: {e.webapp}/konto" if e.withdrawable else ""
        )
        return Letter(
            "iBOK: your resignation",
            greeting(e),
            [
                f"we have your resignation from iBOK, account {_account(e).login}.",
                Facts([("Access ends on", day(closes, "en"))]),
                *([back] if back else []),
                "The water contract goes on; invoices come as agreed in it. The confirmation is attached as a PDF.",
                _call(e),
            ],
        )
    back = f"Do tego dnia możesz cofnąć rezygnację na stronie konta: {e.webapp}/konto" if e.withdrawable else ""
    return Letter(
        "iBOK: przyjęliśmy rezygnację",
        greeting(e),
        [
            f"przyjęliśmy rezygnację z iBOK, konto {_account(e).login}.",
            Facts([("Dostęp wyłączymy", day(closes, "pl"))]),
            *([back] if back else []),
            "Umowa o wodę trwa dalej, a faktury będą przychodzić tak, jak w niej uzgodniono. Potwierdzenie jest w załączniku (PDF).",
            _call(e),
        ],
    )


def _resignation_withdrawn(e: Enclosure) -> Letter:
    if e.english:
        return Letter(
            "iBOK: your resignation is taken back",
            greeting(e),
            [f"your resignation is taken back; the account {_account(e).login} works as before.", _call(e)],
        )
    return Letter(
        "iBOK: rezygnacja jest cofnięta",
        greeting(e),
        [f"rezygnacja jest cofnięta, a konto {_account(e).login} działa jak dotąd.", _call(e)],
    )


_CAUSES = {
    "resignation": "rezygnacja klienta",
    "terms_refused": "odmowa nowego Regulaminu",
    "end_of_contract": "koniec umowy",
    "erasure": "żądanie usunięcia danych",
    "staff": "decyzja pracownika",
}


def _resignation_note(e: Enclosure) -> Letter:
    """To the utility itself: no personal data beyond the login."""
    closes = date.fromisoformat(e.about["closes_on"])
    return Letter(
        f"iBOK: konto {_account(e).login} będzie zamknięte",
        "Dzień dobry,",
        [
            Facts(
                [
                    ("Login", _account(e).login),
                    ("Wniosek", _account(e).reference),
                    ("Przyczyna", _CAUSES.get(e.about["cause"], e.about["cause"])),
                    ("Dostęp wyłączymy", day(closes, "pl")),
                ]
            )
        ],
    )


def _contract_ended(e: Enclosure) -> Letter:
    closes = date.fromisoformat(e.about["closes_on"])
    if e.english:
        return Letter(
            "iBOK: your account will be closed",
            greeting(e),
            [
                f"the last contract on your iBOK account {_account(e).login} has ended, so the account will be closed.",
                Facts([("Access ends on", day(closes, "en"))]),
                "Until then you can log in and download your data.",
                _call(e),
            ],
        )
    return Letter(
        "iBOK: konto będzie zamknięte",
        greeting(e),
        [
            f"skończyła się ostatnia umowa przypisana do Twojego konta iBOK {_account(e).login}, dlatego konto zamkniemy.",
            Facts([("Dostęp wyłączymy", day(closes, "pl"))]),
            "Do tego dnia możesz się zalogować i pobrać swoje dane.",
            _call(e),
        ],
    )


def _closed(e: Enclosure) -> Letter:
    delete_on = _account(e).delete_on
    if e.english:
        return Letter(
            "iBOK: access to your account has ended",
            greeting(e),
            [
                f"the access to the iBOK account {_account(e).login} has ended. We will delete the account on {day(delete_on, 'en')}.",
                f"You want to use iBOK again? File a new application: {e.webapp}/wniosek",
                _call(e),
            ],
        )
    return Letter(
        "iBOK: dostęp do konta został wyłączony",
        greeting(e),
        [
            f"dostęp do konta iBOK {_account(e).login} został wyłączony. Konto usuniemy {day(delete_on, 'pl')}.",
            f"Chcesz znowu korzystać z iBOK? Złóż nowy wniosek: {e.webapp}/wniosek",
            _call(e),
        ],
    )


def _terms_announced(e: Enclosure) -> Letter:
    valid_from = date.fromisoformat(e.about["valid_from"])
    if e.english:
        return Letter(
            "iBOK: new terms (Regulamin iBOK)",
            greeting(e),
            [
                f"from {day(valid_from, 'en')} new terms of iBOK apply (version {e.about['terms_version']}).",
                "See what changes and accept them on the page of your account:",
                Button("See the new terms", f"{e.webapp}/konto/regulamin"),
                "If you do not accept them, you can resign from iBOK on the same page. The water contract is not affected.",
            ],
        )
    return Letter(
        "iBOK: nowy Regulamin",
        greeting(e),
        [
            f"od {day(valid_from, 'pl')} obowiązuje nowy Regulamin iBOK (wersja {e.about['terms_version']}).",
            "Zobacz, co się zmienia, i zaakceptuj go na stronie konta:",
            Button("Zobacz nowy Regulamin", f"{e.webapp}/konto/regulamin"),
            "Jeżeli go nie akceptujesz, na tej samej stronie możesz zrezygnować z iBOK. Umowy o wodę to nie zmienia.",
        ],
    )


def _change_answered(e: Enclosure) -> Letter:
    done, reason = e.about["outcome"] == "done", e.about.get("reason")
    if e.english:
        words = "we have changed your contact data as you asked." if done else "we could not change your contact data. The reason:"
        return Letter("iBOK: your contact data", greeting(e), [words, *([Facts([("Reason", reason)])] if reason else []), _call(e)])
    words = "zmieniliśmy Twoje dane kontaktowe." if done else "nie mogliśmy zmienić Twoich danych kontaktowych. Powód:"
    return Letter("iBOK: Twoje dane kontaktowe", greeting(e), [words, *([Facts([("Powód", reason)])] if reason else []), _call(e)])


def _erasure_answered(e: Enclosure) -> Letter:
    """The answer to a request under GDPR art. 17; it names the right to complain (art. 12(4))."""
    decision, ground = e.about["decision"], e.about.get("ground")
    received = date.fromisoformat(e.about["received_on"])
    if e.english:
        words = {
            "erased": "we have erased your data: the account and the application with all its attachments.",
            "partly": "we have deleted your iBOK account. We must keep the evidence of the application and its acceptances for a time.",
            "refused": "we cannot erase your data.",
        }[decision]
        return Letter(
            "iBOK: your request to erase data",
            greeting(e),
            [
                f"on {day(received, 'en')} you asked us to erase your personal data (GDPR art. 17). Our decision: {words}",
                *([Facts([("Legal ground", ground)])] if ground else []),
                f"You may complain to the President of the Personal Data Protection Office (UODO). Our officer: {e.utility.contact.data_protection_email}.",
            ],
        )
    words = {
        "erased": "usunęliśmy Twoje dane: konto i wniosek ze wszystkimi załącznikami.",
        "partly": "usunęliśmy Twoje konto iBOK. Dowody złożenia wniosku i akceptacji musimy jeszcze przez pewien czas zachować.",
        "refused": "nie możemy usunąć Twoich danych.",
    }[decision]
    return Letter(
        "iBOK: odpowiedź na żądanie usunięcia danych",
        greeting(e),
        [
            f"{day(received, 'pl')} otrzymaliśmy żądanie usunięcia Twoich danych osobowych (art. 17 RODO). Nasza decyzja: {words}",
            *([Facts([("Podstawa prawna", ground)])] if ground else []),
            f"Możesz wnieść skargę do Prezesa Urzędu Ochrony Danych Osobowych. Nasz inspektor: {e.utility.contact.data_protection_email}.",
        ],
    )


def _number_added(e: Enclosure) -> Letter:
    """One account, one more customer number; the login and the password stay."""
    account, number = _account(e), e.about["customer_number"]
    if e.english:
        facts = Facts([("Login", account.login), ("Added number", number)])
        words = "we have added a customer number to your iBOK account. Login and password stay as they are."
        return Letter(
            "iBOK: customer number added", greeting(e), [words, facts, Button("Log in to iBOK", f"{e.webapp}/logowanie"), _call(e)]
        )
    facts = Facts([("Login", account.login), ("Dopisany numer", number)])
    words = "dopisaliśmy numer ewidencyjny do Twojego konta iBOK. Login i hasło się nie zmieniają."
    return Letter(
        "iBOK: dopisaliśmy numer do konta",
        greeting(e),
        [words, facts, Button("Zaloguj się do iBOK", f"{e.webapp}/logowanie"), _call(e)],
    )


def _activation_reminder(e: Enclosure) -> Letter:
    """Three days before the activation password dies; it holds no password (S5 mailed it)."""
    account, until = _account(e), datetime.fromisoformat(e.about["expires_at"])
    if e.english:
        return Letter(
            "iBOK: your temporary password is about to expire",
            greeting(e),
            [
                f"your iBOK account {account.login} is ready, but you have not logged in yet. The temporary password we mailed you "
                f"on {day(account.mail_accepted_at, 'en')} works until {moment(until, 'en')}.",
                Button("Log in to iBOK", f"{e.webapp}/logowanie"),
                "You cannot find that mail? Ask for a new temporary password on the login page (“Forgot your password?”).",
                _call(e),
            ],
        )
    return Letter(
        "iBOK: hasło tymczasowe niedługo wygaśnie",
        greeting(e),
        [
            f"Twoje konto iBOK {account.login} jest gotowe, ale jeszcze nie było na nim logowania. Hasło tymczasowe, które wysłaliśmy "
            f"{day(account.mail_accepted_at, 'pl')}, działa do {moment(until, 'pl')}.",
            Button("Zaloguj się do iBOK", f"{e.webapp}/logowanie"),
            "Nie możesz znaleźć tamtej wiadomości? Poproś o nowe hasło tymczasowe na stronie logowania („Nie pamiętasz hasła?”).",
            _call(e),
        ],
    )


ACCOUNT_LETTERS: dict[MailKind, Callable[[Enclosure], Letter]] = {
    MailKind.NEW_PASSWORD: _new_password,
    MailKind.NO_NEW_PASSWORD: _no_new_password,
    MailKind.EMAIL_CHANGE: _email_change,
    MailKind.EMAIL_CHANGED: _email_changed,
    MailKind.EMAIL_RESTORED: _email_restored,
    MailKind.SUSPENDED: _suspended,
    MailKind.RESUMED: _resumed,
    MailKind.RESIGNATION: _resignation,
    MailKind.RESIGNATION_WITHDRAWN: _resignation_withdrawn,
    MailKind.RESIGNATION_NOTE: _resignation_note,
    MailKind.CONTRACT_ENDED: _contract_ended,
    MailKind.CLOSED: _closed,
    MailKind.TERMS_ANNOUNCED: _terms_announced,
    MailKind.CHANGE_ANSWERED: _change_answered,
    MailKind.ERASURE_ANSWERED: _erasure_answered,
    MailKind.NUMBER_ADDED: _number_added,
    MailKind.ACTIVATION_REMINDER: _activation_reminder,
}
