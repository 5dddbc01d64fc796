"""The running stack as tests use it: tokens, applications, mails, visitors whose every page is checked."""

from __future__ import annotations

import email
import email.policy
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import requests

from deploy.demo import applicant, ask_for_new_password, file_application, wait_for_mail
from deploy.visitor import Page, Visitor
from ibok_idp.local.artifacts import locked
from ibok_idp.local.secrets import read as read_secrets
from provisioning.adapters.postgres.demo_applications import invented_nip, invented_pesel
from provisioning.ports.services import Services
from provisioning.settings import Settings
from provisioning.wiring import wire
from tests.support.page_check import check_page

CLAUSES = "K1-DANE K2-REGULAMIN K3-RODO K4-EMAIL K5-HASLO K6-UPRAWNIENIE K7-USLUGA K8-SKUTEK".split()


class CheckedVisitor(Visitor):
    """A visitor that no faulty page escapes."""

    def __init__(self, keycloak: str, language: str = "pl") -> None:
        super().__init__(language)
        self.session.hooks["response"].append(lambda response, **_: self._check(response, keycloak))

    def _check(self, response: requests.Response, keycloak: str) -> None:
        if response.is_redirect or not response.headers.get("Content-Type", "").startswith("text/html"):
            return
        check_page(response.text, response.headers, response.url, ours=not response.url.startswith(keycloak))


class World:
    """One stack, by its stack.json."""

    def __init__(self, stack_file: Path) -> None:
        self.stack: dict[str, Any] = json.loads(stack_file.read_text())
        self.state = stack_file.parent
        self.secrets = read_secrets(Path(self.stack["secrets_file"]))
        self.webapp, self.provisioning = self.stack["webapp"], self.stack["provisioning"]
        self.keycloak, self.mailbox = self.stack["keycloak"], self.stack["mailbox"]
        self.issuer = f"{self.keycloak}/realms/ibok"
        self.api = f"{self.provisioning}/api/v1"
        self._tokens: dict[str, tuple[str, float]] = {}
        self._wired: Services | None = None

    def superuser_url(self, database: str = "postgres") -> str:
        """PostgreSQL with every right, for what no process of ours may do."""
        host = self.secrets["IBOK_DATABASE_URL"].split("@")[1].split("/")[0]
        return f"postgresql://postgres:{(self.state / 'db.superuser').read_text().strip()}@{host}/{database}"

    # -- people ----------------------------------------------------------------------------------

    def visitor(self, language: str = "pl") -> CheckedVisitor:
        return CheckedVisitor(self.keycloak, language)

    def password(self, username: str) -> str:
        return next(str(each["password"]) for each in self.stack["demo_logins"] if each["username"] == username)

    def staff(self, username: str, language: str = "pl") -> CheckedVisitor:
        """Somebody logged in to the staff UI."""
        visitor = self.visitor(language)
        with self.only_login_of(username):
            for _ in range(3):  # Keycloak still holds the login before this one for a moment, and then refuses
                page = visitor.log_in(f"{self.provisioning}/", username, self.password(username))
                if page.url.startswith(self.provisioning):
                    break
                time.sleep(2)
        assert page.url.startswith(self.provisioning), page.heading
        return visitor

    def only_login_of(self, username: str) -> AbstractContextManager[None]:
        """Keycloak refuses two login attempts of one user at the same moment; test processes share the demo users."""
        return locked(self.state / f"login-{username}.lock")

    @contextmanager
    def in_register(self, *numbers: str) -> Iterator[None]:
        """A customer register with these numbers; without it again at the end, for the other tests know of none."""
        for number in numbers:
            self.sql(
                "INSERT INTO register_customers (customer_number, name, customer_type, supply_points, contract_numbers, imported_at) "
                "VALUES (%s, 'Źdźbło-Żak Józefa', 'person', '[\"Źródlana 7/3, 43-300 Bielsko-Biała\"]', '[\"U/2019/771\"]', now())",
                number,
            )
        try:
            yield
        finally:
            self.sql("DELETE FROM register_customers WHERE customer_number = ANY(%s)", list(numbers))

    # -- tokens ----------------------------------------------------------------------------------

    def service_token(self, client: str = "ibok-webapp") -> str:
        secret = {"ibok-webapp": "IBOK_WEBAPP_CLIENT_SECRET", "ibok-provisioning": "IBOK_PROVISIONING_CLIENT_SECRET"}[client]
        return self._token(client, {"grant_type": "client_credentials", "client_id": client, "client_secret": self.secrets[secret]})

    def admin_token(self) -> str:
        data = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": self.secrets["IBOK_KEYCLOAK_ADMIN_USERNAME"],
            "password": self.secrets["IBOK_KEYCLOAK_ADMIN_PASSWORD"],
        }
        return self._token("admin", data, realm="master")

    def person_token(self, client: str, username: str, password: str) -> str:
        """A person's own access token, through the real code flow with PKCE."""
        base = {"ibok-staff": self.provisioning, "ibok-portal": self.webapp}[client]
        secret = {"ibok-staff": "IBOK_STAFF_CLIENT_SECRET", "ibok-portal": "IBOK_PORTAL_CLIENT_SECRET"}[client]
        return str(code_flow(self, client, self.secrets[secret], f"{base}/oidc/callback", username, password)["access_token"])

    def staff_token(self, username: str) -> str:
        known = self._tokens.get(f"staff:{username}")
        if known is None or known[1] < time.monotonic():
            with self.only_login_of(username):
                known = (self.person_token("ibok-staff", username, self.password(username)), time.monotonic() + 200)
            self._tokens[f"staff:{username}"] = known
        return known[0]

    def _token(self, name: str, data: dict[str, str], realm: str = "ibok") -> str:
        known = self._tokens.get(name)
        if known is None or known[1] < time.monotonic():
            answer = requests.post(f"{self.keycloak}/realms/{realm}/protocol/openid-connect/token", data=data, timeout=30)
            answer.raise_for_status()
            known = (answer.json()["access_token"], time.monotonic() + 40)
            self._tokens[name] = known
        return known[0]

    # -- the inside -------------------------------------------------------------------------------

    def services(self, **changes: Any) -> Services:
        """An Office of this process on the real parts, for instance with a clock that was moved."""
        if self._wired is None:
            self._wired = wire(self.settings()).services
        return replace(self._wired, **changes)

    def provisioning_app(self) -> Any:
        """The web process's app in this process, on the real parts."""
        from provisioning.web import create_app

        values = {
            "staff_client_secret": self.secrets["IBOK_STAFF_CLIENT_SECRET"],
            "session_key": self.secrets["IBOK_STAFF_SESSION_KEY"],
        }
        return create_app(self.settings(**values))

    def settings(self, **more: Any) -> Settings:
        """What provisioning's processes read from their environment."""
        names = ("DATABASE_URL", "PROVISIONING_CLIENT_SECRET", "TEMPORARY_PASSWORD_KEY", "LINK_KEY", "PERSONAL_DATA_KEY")
        values = {name.lower(): self.secrets[f"IBOK_{name}"] for name in names}
        values |= {"keycloak_url": self.keycloak, "webapp_url": self.webapp, "provisioning_url": self.provisioning}
        local = {"staff_second_factor": False, "smtp_url": f"smtp://{self.stack['smtp']}"}
        return Settings(**{**values, **local, **more})

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Ask provisioning's database directly."""
        with psycopg.connect(self.secrets["IBOK_DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    # -- calls -----------------------------------------------------------------------------------

    def call(self, verb: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """A call of the API."""
        headers = {**options.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return requests.request(verb, self.api + path, headers=headers, timeout=60, **options)

    def admin(self, verb: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """A call of Keycloak's Admin API on the realm."""
        headers = {"Authorization": f"Bearer {token or self.admin_token()}"}
        return requests.request(verb, f"{self.keycloak}/admin/realms/ibok{path}", headers=headers, timeout=60, **options)

    # -- the way of an application ---------------------------------------------------------------

    def submit(self, **changes: Any) -> dict[str, Any]:
        """File one over the API; the answer with `email` added."""
        body = application_body(**changes)
        answer = self.call(
            "POST", "/applications", self.service_token(), json=body, headers={"Idempotency-Key": secrets.token_hex(16)}
        )
        assert answer.status_code == 201, answer.text
        return {**answer.json(), **{name: body.get(name) for name in ("email", "pesel", "customer_number")}}

    def confirmation_token(self, address: str, language: str = "pl") -> str:
        mail = wait_for_mail(self.mailbox, address, "confirm" if language == "en" else "potwierdź")
        return str(mail["text"].split("/wniosek/potwierdzenie/")[1].split()[0].partition("?")[0])

    def filed(self, **changes: Any) -> dict[str, Any]:
        """An application that waits for a decision."""
        found = self.submit(**changes)
        token = self.confirmation_token(found["email"], changes.get("language", "pl"))
        answer = self.call(
            "POST", f"/applications/{found['reference']}/email-confirmation", self.service_token(), json={"token": token}
        )
        assert answer.status_code == 200, answer.text
        return {**found, **answer.json()}

    def approve(self, reference: str, username: str = "registrar") -> requests.Response:
        token = self.staff_token(username)
        version = self.call("GET", f"/staff/applications/{reference}", token).json()["version"]
        return self.call(
            "POST",
            f"/staff/applications/{reference}/approve",
            token,
            json={"version": version, "reason": "sprawdzone telefonicznie"},
        )

    def registered(self, **changes: Any) -> dict[str, Any]:
        """An account with its mail: `login` and `temporary` added."""
        found = self.filed(**changes)
        assert self.approve(found["reference"]).status_code == 200
        return {**found, **self.access_data(found["email"], changes.get("language", "pl"))}

    def access_data(self, address: str, language: str = "pl") -> dict[str, str]:
        mail = self.mail(address, "account is ready" if language == "en" else "konto jest gotowe")
        lines = dict(line.split(": ", 1) for line in mail["text"].splitlines() if ": " in line)
        return {"login": lines["Login"], "temporary": lines["Hasło tymczasowe"]}

    def active(self, **changes: Any) -> dict[str, Any]:
        """A customer with an own password: `own` added."""
        found = self.registered(**changes)
        own = f"Woda {secrets.token_hex(4)} Zdroj 7"
        page = self.visitor().log_in(f"{self.webapp}/konto", found["login"], found["temporary"])
        assert "password-new" in page.text, page.heading
        visitor = self.visitor()
        page = visitor.log_in(f"{self.webapp}/konto", found["login"], found["temporary"])
        page = visitor.send(page, {"password-new": own, "password-confirm": own})
        assert page.url.startswith(f"{self.webapp}/konto"), page.heading
        return {**found, "own": own, "visitor": visitor, "page": page}

    def new_password(self, login: str, address: str) -> str:
        """Ask for a new password on the page, as a person does; the temporary one from the mail (S7)."""
        known = {mail["ID"] for mail in self.mails(address, "nowe hasło")}
        ask_for_new_password(self.visitor(), self.webapp, login)
        mail = eventually(lambda: next((m for m in self.mails(address, "nowe hasło") if m["ID"] not in known), None))
        raw = requests.get(f"{self.mailbox}/api/v1/message/{mail['ID']}/raw", timeout=10).content
        return str(re.search(r"(?m)^Hasło tymczasowe: (\S+)$", mail_text(raw))[1])  # type: ignore[index]

    def mails(self, address: str, subject: str = "") -> list[dict[str, Any]]:
        """What came to an address, newest first."""
        found = requests.get(f"{self.mailbox}/api/v1/messages?limit=5000", timeout=20).json()["messages"]
        return [mail for mail in found if mail["To"] and mail["To"][0]["Address"] == address and subject in mail["Subject"]]

    def account(self, login: str) -> dict[str, Any]:
        """The account as staff see it over the API."""
        found: dict[str, Any] = self.call("GET", f"/staff/accounts/{login}", self.staff_token("registrar")).json()
        return found

    def deed(self, login: str, name: str, **body: Any) -> requests.Response:
        """One deed of the registrar."""
        return self.call("POST", f"/staff/accounts/{login}/{name}", self.staff_token("registrar"), json=body)

    def user(self, login: str) -> dict[str, Any] | None:
        """The user in Keycloak, with an administrator's eyes."""
        found = self.admin("GET", f"/users?exact=true&username={login}").json()
        return found[0] if found else None

    def mail(self, address: str, subject: str, seconds: float = 60) -> dict[str, Any]:
        return wait_for_mail(self.mailbox, address, subject, seconds)

    def file_on_web(self, visitor: Visitor, address: str, **steps: dict[str, str]) -> Page:
        return file_application(visitor, self.webapp, {**applicant(address), **steps})


def mail_text(raw: bytes) -> str:
    """The text part of a mail."""
    parsed: Any = email.message_from_bytes(raw, policy=email.policy.default)
    return str(parsed.get_body(("plain",)).get_content())


def where(page: Page) -> str:
    """On which page a login ended: portal, new password, or login form."""
    if "password-new" in page.text:
        return "new password"
    return (
        "login"
        if "kc-login" in page.text or 'id="kc-form-login"' in page.text
        else "portal"
        if "/konto" in page.url
        else page.heading
    )


def application_body(**changes: Any) -> dict[str, Any]:
    """A good application of an invented person, with an address of its own."""
    body: dict[str, Any] = {
        "form_version": "2026-1",
        "terms_version": "2026-1",
        "language": "pl",
        "customer_type": "person",
        "first_name": "Józefa",
        "last_name": "Źdźbło-Żak",
        "pesel": invented_pesel(secrets.randbelow),
        "customer_number": f"4{secrets.randbelow(10**9):09d}",
        "contract_number": "U/2019/771",
        "supply_point_address": {"street": "Źródlana", "house": "7", "flat": "3", "postal_code": "43-300", "city": "Bielsko-Biała"},
        "correspondence_address": None,
        "email": unused_address(),
        "phone": "+48 600 100 200",
        "clauses": dict.fromkeys(CLAUSES, True),
        "signature": {"kind": "declaration", "signed_name": "Józefa Źdźbło-Żak"},
    }
    return body | changes


def company_body(**changes: Any) -> dict[str, Any]:
    """The same of an invented company."""
    body = application_body()
    for name in ("first_name", "last_name", "pesel"):
        del body[name]
    return body | {
        "customer_type": "business",
        "company_name": "Hydro-Śląsk sp. z o.o.",
        "tax_id": invented_nip(secrets.randbelow),
        "registry_number": "123456785",
        "representative": {"first_name": "Anna", "last_name": "Ćwik", "authority": "prezes zarządu"},
        "signature": {"kind": "declaration", "signed_name": "Anna Ćwik"},
        **changes,
    }


def paper_body(today: date | None = None, **changes: Any) -> dict[str, Any]:
    """The same, typed in from paper by a clerk; `today` for tests whose clock stands still."""
    filed, signed = (str((today or date.today()) - timedelta(days=days)) for days in (4, 6))
    return application_body(channel="post", filed_on=filed, signature={"kind": "paper", "signed_on": signed}) | changes


def unused_address() -> str:
    return f"test-{secrets.token_hex(6)}@example.com"


def eventually(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait until the condition holds; its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"does not hold within {seconds} s"
        time.sleep(0.1)
    return value


def code_flow(world: World, client: str, secret: str, redirect_uri: str, username: str, password: str) -> dict[str, Any]:
    """Authorization code flow with PKCE by hand (RFC 7636); the redirect is caught, not followed."""
    import base64
    import hashlib
    from urllib.parse import parse_qs, urlsplit

    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    visitor = Visitor()
    parameters = {
        "client_id": client, "redirect_uri": redirect_uri, "response_type": "code", "scope": "openid", "state": secrets.token_hex(8),
        "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    page = Page(visitor.session.get(f"{world.issuer}/protocol/openid-connect/auth", params=parameters, timeout=30))
    form = page.form("")
    answer = visitor.session.post(
        form.get("action") or "", data={"username": username, "password": password}, allow_redirects=False, timeout=30
    )
    assert answer.status_code == 302, page.heading
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": client,
        "client_secret": secret,
        "code_verifier": verifier,
    }
    tokens: dict[str, Any] = requests.post(f"{world.issuer}/protocol/openid-connect/token", data=data, timeout=30).json()
    return tokens
