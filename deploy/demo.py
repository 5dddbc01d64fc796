"""`make demo`: the whole way of a customer, from form BOK-27 to the portal, without a person.

Uses the stack that is up, or starts one for the occasion. Ends with exit code 1 at the first step that does not
hold.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import json
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import requests
from rich.console import Console

from deploy.visitor import Page, Visitor, browser_page, chromium
from ibok_idp.errors import IdpError
from ibok_idp.local.stack import Stack
from ibok_idp.settings import LocalSettings
from provisioning.adapters.postgres.demo_applications import invented_pesel

REFUSED = ("haslo123", "Zażółć12", "ABCDEFG1")  # S6: no upper case; Polish letters; no lower case
_console = Console()


class DoesNotHold(Exception):
    """A step of the journey came out otherwise than the rules say."""


def main() -> int:
    settings = LocalSettings()
    stack_file = settings.state_dir / "stack.json"
    started = nullcontext() if stack_file.is_file() else _own_stack(settings)
    try:
        with started:
            _journey(json.loads(stack_file.read_text()))
    except (DoesNotHold, IdpError, LookupError, requests.RequestException) as error:
        _console.print(f"[red]✗ {error}[/]", soft_wrap=True, highlight=False)
        return 1
    return 0


def _journey(stack: dict[str, Any]) -> None:
    began = time.monotonic()
    address = f"demo-{secrets.token_hex(4)}@example.com"
    visitor, answers = Visitor(), applicant(address)

    with _step("S1 S2", "files BOK-27 on the web form, accepting every clause and the Regulamin"):
        page = file_application(visitor, stack["webapp"], answers)
        reference = _found(r"\d{4}-\d{6}-\d", page.text, "the application has a reference")
    with _step("S1", f"application {reference}: confirms the e-mail address through the link in the mail"):
        mail = wait_for_mail(stack["mailbox"], address, "potwierdź")
        link = _found(r"http\S+/wniosek/potwierdzenie/\S+", mail["text"], "the mail holds the link")
        page = visitor.send(visitor.open(link), {})
        _holds("Wniosek złożony" in page.text, "the application is filed")
        wait_for_mail(stack["mailbox"], address, "przyjęliśmy")
    with _step("S4", "the registrar finds it in the queue and approves it"):
        registrar = next(each for each in stack["demo_logins"] if each["username"] == "registrar")
        staff = Visitor()
        queue = staff.log_in(stack["provisioning"] + f"/?q={reference}", registrar["username"], registrar["password"])
        _holds(reference in queue.text, "the queue shows the application")
        done = approve(staff, f"{stack['provisioning']}/wniosek/{reference}")
        _holds("Zatwierdzono" in done.text, "the approval is taken")
    with _step("S4 S5", "the account exists in Keycloak and the mail brings login and temporary password"):
        mail = wait_for_mail(stack["mailbox"], address, "konto jest gotowe")
        login = _found(r"(?m)^Login: (\S+)$", mail["text"], "the mail holds the login")
        temporary = _found(r"(?m)^Hasło tymczasowe: (\S+)$", mail["text"], "the mail holds the temporary password")
    own = f"Woda {secrets.token_hex(4)} Zdroj 7"
    if chromium():
        _in_browser(stack, login, temporary, own)
    else:
        _console.print("  (no Chromium here: the login goes on over plain HTTP; `apt-get install chromium` for the real thing)")
        _over_http(stack, login, temporary, own)
    with _step("S6", "the account is active, as the staff UI shows"):
        _eventually(
            lambda: "aktywne" in staff.open(f"{stack['provisioning']}/wniosek/{reference}").text, "the account becomes active"
        )
    if "invoices" in stack:
        _walks_into_the_invoices(stack, login, own)
    again = _forgotten(stack, login, address, own)
    _resigns(stack, login, address, again)
    _console.print(
        f"[bold green]The whole way held[/] in {time.monotonic() - began:.1f} s, from the form to the resignation of {login}.",
        highlight=False,
    )


def _in_browser(stack: dict[str, Any], login: str, temporary: str, own: str) -> None:
    with browser_page() as page:
        with _step("S6", f"{login} logs in at Keycloak with the temporary password (browser) and must choose an own one"):
            page.goto(f"{stack['webapp']}/konto")
            page.fill("#username", login)
            page.fill("#password", temporary)
            page.click("#kc-login")
            page.wait_for_selector("#password-new")
        for refused in REFUSED:
            with _step("S6", f"«{refused}» is refused"):
                page.fill("#password-new", refused)
                page.fill("#password-confirm", refused)
                page.click("#kc-submit")
                page.wait_for_selector(".ib-alert.pf-m-danger, .ib-msg")
                _holds(page.locator("#password-new").count() == 1, f"{refused} is refused")
        with _step("S6", "an own password is set, and the customer is in the portal"):
            page.fill("#password-new", own)
            page.fill("#password-confirm", own)
            page.click("#kc-submit")
            page.wait_for_url(f"{stack['webapp']}/konto*")
            _holds(login in page.content(), "the portal shows the account")


def _over_http(stack: dict[str, Any], login: str, temporary: str, own: str) -> None:
    visitor = Visitor()
    with _step("S6", f"{login} logs in at Keycloak with the temporary password and must choose an own one"):
        page = visitor.log_in(f"{stack['webapp']}/konto", login, temporary)
        _holds("password-new" in page.text, "an own password is asked for")
    for refused in REFUSED:
        with _step("S6", f"«{refused}» is refused"):
            page = visitor.send(page, {"password-new": refused, "password-confirm": refused})
            _holds("password-new" in page.text, f"{refused} is refused")
    with _step("S6", "an own password is set, and the customer is in the portal"):
        page = visitor.send(page, {"password-new": own, "password-confirm": own})
        _holds(page.url.startswith(f"{stack['webapp']}/konto") and login in page.text, "the portal shows the account")


def _walks_into_the_invoices(stack: dict[str, Any], login: str, own: str) -> None:
    """S4: an application that joined, by the tile on the account's page; one login, one logout."""
    visitor, invoices = Visitor(), stack["invoices"]
    with _step("S4", "the tile «Faktury» on the account's page opens the invoices without a second login"):
        page = visitor.log_in(f"{stack['webapp']}/konto", login, own)
        _holds(f"{invoices}/" in page.text, "the tile is there")
        page = visitor.open(f"{invoices}/")
        _holds(page.url == f"{invoices}/" and login in page.text, "the invoices are open")
    with _step("S4", "logging out there logs out of the portal too"):
        page = visitor.send(page, {})
        _holds(page.url == f"{invoices}/bye", "the invoices are closed")
        page = visitor.open(f"{stack['webapp']}/konto")
        _holds(page.url.startswith(stack["keycloak"]), "the portal is closed")


def _forgotten(stack: dict[str, Any], login: str, address: str, own: str) -> str:
    """S7: asks for a new password, sees that the old one goes on working, logs in with the mailed one; the new own one."""
    again = f"Inna {secrets.token_hex(4)} Woda 8"
    with _step("S7", "«Nie pamiętasz hasła?»: the same answer as for everybody, and a mail with a temporary password"):
        page = ask_for_new_password(Visitor(), stack["webapp"], login)
        _holds("Jeżeli konto o podanym loginie istnieje" in page.text, "the answer tells nothing")
        mail = wait_for_mail(stack["mailbox"], address, "nowe hasło")
        temporary = _found(r"(?m)^Hasło tymczasowe: (\S+)$", mail["text"], "the mail holds the temporary password")
    with _step("S7", "the old password goes on working: nobody can lock a customer out by asking"):
        page = Visitor().log_in(f"{stack['webapp']}/konto", login, own)
        _holds(page.url.startswith(f"{stack['webapp']}/konto"), "the old password works")
    with _step("S7 S6", "the temporary one leads to «set your own password», and dies with it"):
        visitor = Visitor()
        page = visitor.log_in(f"{stack['webapp']}/konto", login, temporary)
        _holds("password-new" in page.text, "an own password is asked for")
        page = visitor.send(page, {"password-new": again, "password-confirm": again})
        _holds(login in page.text, "the portal shows the account")
        _holds("kc-login" in Visitor().log_in(f"{stack['webapp']}/konto", login, temporary).text, "the temporary one is dead")
    return again


def _resigns(stack: dict[str, Any], login: str, address: str, own: str) -> None:
    """S8: resigns, takes it back, resigns."""
    visitor = Visitor()
    visitor.log_in(f"{stack['webapp']}/konto", login, own)
    with _step("S8", "resigns in the portal, takes it back, resigns again; a confirmation comes with a PDF"):
        for last in (False, True):
            page = visitor.send(visitor.open(f"{stack['webapp']}/konto/rezygnacja"), {"sure": "yes"})
            _holds("Konto będzie zamknięte" in page.text, "the resignation is taken")
            if not last:
                page = visitor.send(page, {}, action_ends="/konto/rezygnacja/cofnij")
                _holds("Rezygnacja jest cofnięta" in page.text, "the resignation is taken back")
        mail = wait_for_mail(stack["mailbox"], address, "przyjęliśmy rezygnację")
        _holds(any(part.get_content_type() == "application/pdf" for part in mail["message"].iter_attachments()), "the PDF is there")


def applicant(address: str) -> dict[str, dict[str, str]]:
    """The answers of an invented person, page by page."""
    clauses = ["K1-DANE", "K2-REGULAMIN", "K3-RODO", "K4-EMAIL", "K5-HASLO", "K6-UPRAWNIENIE", "K7-USLUGA", "K8-SKUTEK"]
    return {
        "klient": {"customer_type": "person"},
        "dane": {"first_name": "Józefa", "last_name": "Źdźbło-Żak", "pesel": invented_pesel(secrets.randbelow)},
        "umowa": {
            "customer_number": f"4{secrets.randbelow(10**9):09d}",
            "contract_number": "U/2019/771",
            "supply_point_address-street": "Źródlana",
            "supply_point_address-house": "7",
            "supply_point_address-flat": "3",
            "supply_point_address-postal_code": "43-300",
            "supply_point_address-city": "Bielsko-Biała",
        },
        "kontakt": {"email": address, "email_again": address, "phone": "600 100 200", "other_address": "no"},
        "klauzule": {f"clauses-{code}": "yes" for code in clauses},
        "regulamin": {"terms_accepted": "yes"},
        "sprawdz": {},
        "podpis": {"signature_kind": "declaration", "signed_name": "Józefa Źdźbło-Żak"},
    }


def file_application(visitor: Visitor, webapp: str, answers: dict[str, dict[str, str]]) -> Page:
    """Fill the web form page by page and send it.

    Raises:
        DoesNotHold: a page did not take its answers.
    """
    page = visitor.send(visitor.open(f"{webapp}/wniosek"), {})
    for name, values in answers.items():
        if not page.url.endswith(f"/wniosek/{name}"):
            raise DoesNotHold(f"the form went to {page.url} in place of {name}: {page.errors() or page.heading}")
        proof = {"altcha": proof_of_work(page)} if name == "podpis" else {}
        page = visitor.send(page, values | proof, action_ends=f"/wniosek/{name}")
    if not page.url.endswith("/wniosek/zlozony"):
        raise DoesNotHold(f"the form was not taken: {page.errors() or page.heading}")
    return page


def ask_for_new_password(visitor: Visitor, webapp: str, login: str) -> Page:
    """S7: "Nie pamiętasz hasła?" with the puzzle solved.

    Raises:
        DoesNotHold: the page gave another answer than the one it gives everybody.
    """
    page = visitor.open(f"{webapp}/haslo")
    page = visitor.send(page, {"login": login, "altcha": proof_of_work(page)}, action_ends="")
    if not page.url.endswith("/haslo/wyslane"):
        raise DoesNotHold(f"the wish for a new password was not taken: {page.errors() or page.heading}")
    return page


def proof_of_work(page: Page) -> str:
    """Solve the puzzle of the form's last page, as its script does in a browser."""
    puzzle = next(field for field in page.tree.iter("input") if field.get("id") == "altcha")
    salt, wanted = puzzle.get("data-salt", ""), puzzle.get("data-challenge", "")
    numbers = range(int(puzzle.get("data-max", "0")) + 1)
    number = next(each for each in numbers if hashlib.sha256(f"{salt}{each}".encode()).hexdigest() == wanted)
    solved = {
        "algorithm": puzzle.get("data-algorithm"),
        "challenge": wanted,
        "number": number,
        "salt": salt,
        "signature": puzzle.get("data-signature"),
    }
    return base64.b64encode(json.dumps(solved).encode()).decode()


def wait_for_mail(mailbox: str, address: str, subject: str, seconds: float = 60) -> dict[str, Any]:
    """The newest mail to an address whose subject holds a word."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for each in requests.get(f"{mailbox}/api/v1/messages", timeout=10).json()["messages"]:
            if each["To"] and each["To"][0]["Address"] == address and subject in each["Subject"]:
                raw = requests.get(f"{mailbox}/api/v1/message/{each['ID']}/raw", timeout=10).content
                parsed: Any = email.message_from_bytes(raw, policy=email.policy.default)
                return {
                    **each,
                    "text": parsed.get_body(("plain",)).get_content(),
                    "html": parsed.get_body(("html",)).get_content(),
                    "message": parsed,
                }
        time.sleep(0.2)
    raise DoesNotHold(f"no mail with «{subject}» came to {address} within {seconds:.0f} s")


def approve(staff: Visitor, url: str) -> Page:
    """S4: what the registrar does on the page of an application; over a doubt, with the reason that is asked for."""
    page = staff.send(staff.open(url), {}, action_ends="/approve")
    return staff.send(page, {"reason": "numer i adres sprawdzone z umową"}) if page.url.endswith("/approve-with-reason") else page


@contextmanager
def _own_stack(settings: LocalSettings) -> Iterator[None]:
    stack = Stack(settings.model_copy(update={"example": True}), _console)
    stack.start()
    try:
        yield
    finally:
        stack.stop()


@contextmanager
def _step(rule: str, words: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    _console.print(f"[green]✓[/] {rule:<6} {words} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False, soft_wrap=True)


def _holds(condition: bool, words: str) -> None:
    if not condition:
        raise DoesNotHold(f"does not hold: {words}")


def _found(pattern: str, text: str, words: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise DoesNotHold(f"does not hold: {words}")
    return match[1] if match.groups() else match[0]


def _eventually(condition: Callable[[], bool], words: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise DoesNotHold(f"does not hold within {seconds:.0f} s: {words}")
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
