"""webapp's one way to provisioning: its REST API, with the service token or the customer's own."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import requests

from ibok_idp import patient
from ibok_idp.single_flight import SingleFlight, StillUnderWay
from ibok_idp.texts import InLanguages

_FORM_SECONDS = 30
_IN_LANGUAGES = frozenset(  # of the form
    {"text", "refusal", "terms", "privacy_notice", "label", "short", "hint", "optional", "nothing"}
)
_PATIENCE_SECONDS = 1  # for what another thread is fetching already
_REST_SECONDS = 2  # after a failure nobody asks Keycloak; each who asked would wait for the time-out
_TOKEN_MARGIN_SECONDS = 30  # before its end a token is replaced, and still good for whoever does not fetch the new one
_TOKEN_TIMEOUT_SECONDS = 5


class ProvisioningUnavailable(Exception):
    """Provisioning or Keycloak does not answer; nothing was stored, and the visitor's answers are kept."""


class NotThere(Exception):
    """404: no such thing, or not yours."""


@dataclass(frozen=True)
class FormError:
    field: str
    code: str
    message: str


@dataclass(frozen=True)
class CheckedPage:
    """Errors of a page, its right answers as they would be stored, and addresses that were probably meant, by field."""

    errors: list[FormError]
    stored: dict[str, Any]
    did_you_mean: dict[str, str]


class Rejected(Exception):
    """422: errors by field."""

    def __init__(self, errors: list[FormError]) -> None:
        super().__init__(", ".join(f"{each.field}: {each.code}" for each in errors))
        self.errors = errors


class Conflict(Exception):
    """409: it cannot be done now; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TooSoon(Exception):
    """429: wait `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds


class TokenRefused(Exception):
    """401 or 403 for the customer's own token."""


class LoginTooOld(Exception):
    """401 with RFC 9470's code: the password must be typed again for this step."""


class ProvisioningClient:
    """Calls provisioning.

    Args:
        url: base address of provisioning.
        issuer: the realm, for the service token.
        client_secret: of the client `ibok-webapp`, whose one role is `applications.submit`.

    Raises (every method):
        ProvisioningUnavailable, NotThere, Rejected, Conflict, TooSoon.
    """

    def __init__(self, url: str, issuer: str, client_secret: str, timeout: float = 20) -> None:
        self._url, self._timeout = url.rstrip("/") + "/api/v1", timeout
        self._token_url, self._secret = f"{issuer}/protocol/openid-connect/token", client_secret
        self._session = requests.Session()
        self._token, self._no_token_since = _Token("", float("-inf")), float("-inf")
        self._fetching_token = SingleFlight(self._fetch_token)
        self._form: tuple[float, dict[str, Any]] = (float("-inf"), {})
        self._fetching_form = SingleFlight(self._fetch_form)

    def form(self) -> dict[str, Any]:
        """The form as it is today, at most half a minute old: every page of the form asks for it."""
        until, known = self._form
        if time.monotonic() < until or (known and self._fetching_form.under_way):
            return known
        try:
            return self._fetching_form(self._timeout)
        except StillUnderWay as error:
            raise ProvisioningUnavailable("provisioning does not answer") from error

    def _fetch_form(self) -> dict[str, Any]:
        known: dict[str, Any] = self._call("GET", "/form").json()
        parts = [part for question in known["questions"] for part in question["parts"]]
        for texts in (known, *known["clauses"], *known["customer_types"], *known["questions"], *parts):
            texts.update({name: InLanguages(texts[name]) for name in _IN_LANGUAGES & texts.keys()})
        self._form = (time.monotonic() + _FORM_SECONDS, known)
        return known

    def blank_form(self, language: str) -> bytes:
        """The blank form BOK-27 as a PDF."""
        return self._call("GET", f"/form/blank.pdf?lang={language}").content

    def check(self, application: dict[str, Any], only: list[str], language: str) -> CheckedPage:
        """Some fields of an unfinished form."""
        body = {"application": application, "only": only}
        answer = self._call("POST", "/form/check", json=body, headers={"Accept-Language": language}).json()
        return CheckedPage(_errors(answer), answer["stored"], answer["did_you_mean"])

    def draft_pdf(self, application: dict[str, Any]) -> bytes:
        """The filled form without a number, to be signed before it is sent."""
        return self._call("POST", "/form/draft.pdf", json=application).content

    def submit(self, application: dict[str, Any], idempotency_key: str, language: str) -> dict[str, Any]:
        """File the application; a repeat with the same key returns the first answer."""
        headers = {"Idempotency-Key": idempotency_key, "Accept-Language": language}
        answer: dict[str, Any] = self._call("POST", "/applications", json=application, headers=headers).json()
        return answer

    def look_at_confirmation(self, reference: str, token: str) -> dict[str, Any]:
        """What the button behind this link would confirm; a dead link is a Conflict or NotThere. Changes nothing."""
        path = f"/applications/{_known(reference)}/email-confirmation/check"
        answer: dict[str, Any] = self._call("POST", path, json={"token": token}).json()
        return answer

    def confirm_email(self, reference: str, token: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._call(
            "POST", f"/applications/{_known(reference)}/email-confirmation", json={"token": token}
        ).json()
        return answer

    def add_document(self, reference: str, status_token: str, name: str, content: bytes, kind: str, language: str) -> None:
        self._call(
            "POST",
            f"/applications/{_known(reference)}/documents",
            headers={"X-Status-Token": _known(status_token), "Accept-Language": language},
            files={"file": (name, content)},
            data={"kind": kind},
        )

    def send_confirmation_again(self, reference: str, status_token: str, email: str | None, language: str) -> dict[str, Any]:
        headers = {"X-Status-Token": _known(status_token), "Accept-Language": language}
        answer: dict[str, Any] = self._call(
            "POST", f"/applications/{_known(reference)}/email", json={"email": email}, headers=headers
        ).json()
        return answer

    def status(self, reference: str, status_token: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._call(
            "GET", f"/applications/{_known(reference)}/status", headers={"X-Status-Token": _known(status_token)}
        ).json()
        return answer

    def form_pdf(self, reference: str, status_token: str) -> bytes:
        return self._call(
            "GET", f"/applications/{_known(reference)}/form.pdf", headers={"X-Status-Token": _known(status_token)}
        ).content

    def ask_for_new_password(self, login: str) -> None:
        """The same answer for every login (S7)."""
        self._call("POST", "/password-resets", json={"login": login})

    def me(self, access_token: str) -> dict[str, Any]:
        """The customer's own account.

        Raises:
            TokenRefused: the token is not (or no longer) good for this.
        """
        answer: dict[str, Any] = self._call("GET", "/me", token=access_token).json()
        return answer

    def terms(self, access_token: str) -> dict[str, Any]:
        """The Regulamin to be answered, compared with the accepted one."""
        answer: dict[str, Any] = self._call("GET", "/me/terms", token=access_token).json()
        if answer["pending"]:
            answer["pending"]["paragraphs"] = InLanguages(answer["pending"]["paragraphs"])
        return answer

    def answer_terms(self, access_token: str, terms_version: str, *, accept: bool) -> None:
        self._call("POST", "/me/terms", token=access_token, json={"terms_version": terms_version, "accept": accept})

    def resign(self, access_token: str) -> None:
        """
        Raises:
            LoginTooOld: the password must be typed again.
        """
        self._call("POST", "/me/resignation", token=access_token)

    def withdraw_resignation(self, access_token: str) -> None:
        self._call("DELETE", "/me/resignation", token=access_token)

    def change_email(self, access_token: str, email: str, language: str) -> None:
        self._call("POST", "/me/email", token=access_token, json={"email": email}, headers={"Accept-Language": language})

    def confirm_email_change(self, token: str) -> None:
        self._call("POST", "/email-changes/confirm", json={"token": _known(token)})

    def undo_email_change(self, token: str) -> None:
        self._call("POST", "/email-changes/undo", json={"token": _known(token)})

    def change_contact(self, access_token: str, wanted: dict[str, Any], language: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._call(
            "POST", "/me/contact", token=access_token, json=wanted, headers={"Accept-Language": language}
        ).json()
        return answer

    def change_language(self, access_token: str, language: str) -> None:
        self._call("POST", "/me/language", token=access_token, json={"language": language})

    def own_document(self, access_token: str, document_id: str) -> requests.Response:
        return self._call("GET", f"/me/documents/{_known(document_id)}", token=access_token)

    def export(self, access_token: str) -> requests.Response:
        """JSON and PDF in one ZIP."""
        return self._call("GET", "/me/export", token=access_token, headers={"Accept": "application/zip"})

    def _call(self, verb: str, path: str, *, token: str | None = None, **options: Any) -> requests.Response:
        refused = None
        for _ in range(2):
            used = token or self._service_token(refused)
            headers = {**options.get("headers", {}), "Authorization": f"Bearer {used}"}
            try:
                answer = self._sent(verb, path, **{**options, "headers": headers})
            except requests.RequestException as error:
                raise ProvisioningUnavailable("provisioning does not answer") from error
            if answer.status_code != 401 or token:
                break
            refused = used
        return _checked(answer, own_token=token is not None)

    def _sent(self, verb: str, path: str, **options: Any) -> requests.Response:
        """Once more when the connection is cut, as by a process that stops, and the same twice does no harm."""
        repeatable = verb == "GET" or "Idempotency-Key" in options["headers"] or path.endswith(("/check", "/draft.pdf"))
        try:
            return self._session.request(verb, self._url + path, timeout=self._timeout, **options)
        except requests.ConnectionError as error:
            if isinstance(error, requests.Timeout) or not (repeatable or patient.never_sent(error)):
                raise
        return self._session.request(verb, self._url + path, timeout=self._timeout, **options)

    def _service_token(self, refused: str | None) -> str:
        """One thread at a time asks Keycloak for a new token; the others go on with the old one while it is good.

        Args:
            refused: a token that provisioning did not take; another one is needed.
        """
        known, now = self._token, time.monotonic()
        if known.value != refused:
            ending = known.until - now < _TOKEN_MARGIN_SECONDS
            if not ending or (known.until > now and self._fetching_token.under_way):
                return known.value
        if now - self._no_token_since < _REST_SECONDS:
            raise ProvisioningUnavailable("Keycloak gives no service token")
        try:
            return self._fetching_token(_PATIENCE_SECONDS)
        except StillUnderWay as error:
            raise ProvisioningUnavailable("Keycloak gives no service token") from error

    def _fetch_token(self) -> str:
        try:
            asked = {"grant_type": "client_credentials", "client_id": "ibok-webapp", "client_secret": self._secret}
            answer = patient.post(self._token_url, asked, timeout=_TOKEN_TIMEOUT_SECONDS, repeatable=True)
            answer.raise_for_status()
            body = answer.json()
        except (requests.RequestException, ValueError) as error:
            self._no_token_since = time.monotonic()
            raise ProvisioningUnavailable("Keycloak gives no service token") from error
        self._token = _Token(body["access_token"], time.monotonic() + float(body["expires_in"]))
        return self._token.value


@dataclass(frozen=True)
class _Token:
    value: str
    until: float


def _known(value: str) -> str:
    """A reference or token as ours look; anything else cannot exist, and could not even be sent in a header."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", value):
        raise NotThere
    return value


def _checked(answer: requests.Response, *, own_token: bool) -> requests.Response:
    status = answer.status_code
    if status < 400:
        return answer
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if own_token and status in (401, 403):
        raise LoginTooOld if body.get("code") == "insufficient_user_authentication" else TokenRefused(str(status))
    match status:
        case 404:
            raise NotThere
        case 409:
            raise Conflict(str(body.get("code", "")))
        case 413:
            raise Rejected([FormError("file", "file_too_large", "")])
        case 422:
            raise Rejected(_errors(body))
        case 429:
            raise TooSoon(int(answer.headers.get("Retry-After", "60")))
        case _:
            raise ProvisioningUnavailable(f"provisioning answers {status}")


def _errors(body: dict[str, Any]) -> list[FormError]:
    return [FormError(each["field"], each["code"], each["message"]) for each in body.get("errors", [])]
