"""Calls of the API as a client makes them: with fresh tokens, and again when the answer is 503 or none at all."""

from __future__ import annotations

import threading
import time
from typing import Any

import requests

from faults.journal import Deed, Journal, now
from tests.support.world import World

_TOKEN_SECONDS = 200
_ANSWER_SECONDS = 40


class Later(Exception):
    """Nothing is decided: ask again after so many seconds.

    Attributes:
        for_ever: something is away and will come back; else what was waited for may never come.
    """

    def __init__(self, seconds: float = 1.0, *, for_ever: bool = False) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds, self.for_ever = seconds, for_ever


class Tokens:
    """One token a name, shared by all threads and made anew before it expires."""

    def __init__(self, people: World) -> None:
        self._people = people
        self._known: dict[str, tuple[str, float]] = {}
        self._locks = {name: threading.Lock() for name in ("clerk", "registrar", "service")}

    def of(self, name: str) -> str:
        """
        Raises:
            Later: Keycloak gives none now.
        """
        with self._locks[name]:
            token, until = self._known.get(name, ("", 0.0))
            if time.monotonic() < until:
                return token
            try:
                token = self._fresh(name)
            except Exception as error:  # whatever a broken Keycloak makes of the login page
                raise Later(2, for_ever=True) from error
            self._known[name] = (token, time.monotonic() + _TOKEN_SECONDS)
            return token

    def forget(self, name: str) -> None:
        with self._locks[name]:
            self._known.pop(name, None)

    def _fresh(self, name: str) -> str:
        people = self._people
        if name != "service":
            with people.only_login_of(name):
                return people.person_token("ibok-staff", name, people.password(name))
        data = {
            "grant_type": "client_credentials",
            "client_id": "ibok-webapp",
            "client_secret": people.secrets["IBOK_WEBAPP_CLIENT_SECRET"],
        }
        answer = requests.post(f"{people.issuer}/protocol/openid-connect/token", data=data, timeout=20)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


class Client:
    """The API, with every request in the journal."""

    def __init__(self, api: str, tokens: Tokens, journal: Journal) -> None:
        self._api, self._tokens, self._journal = api, tokens, journal
        self._of_thread = threading.local()

    def ask(self, deed: Deed, role: str, verb: str, path: str, **options: Any) -> requests.Response:
        """Make one request and write down what came of it.

        Raises:
            Later: no answer, 401, 429, 5xx.
        """
        headers = {"Authorization": f"Bearer {self._tokens.of(role)}", **options.pop("headers", {})}
        deed.asked_at = now()
        self._journal.asked(deed)
        try:
            answer = self._session().request(verb, self._api + path, headers=headers, timeout=_ANSWER_SECONDS, **options)
        except requests.RequestException as error:
            deed.code = type(error).__name__
            self._of_thread.session = None
            self._journal.written(deed)
            raise Later(1, for_ever=True) from error
        deed.answered_at, deed.status = now(), answer.status_code
        if answer.status_code >= 400:
            deed.code = _code(answer)
        self._journal.written(deed)
        if answer.status_code == 401:
            self._tokens.forget(role)
        if answer.status_code in (401, 429) or answer.status_code >= 500:
            raise Later(min(5.0, float(answer.headers.get("Retry-After", "1") or 1)), for_ever=True)
        return answer

    def _session(self) -> requests.Session:
        session = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = requests.Session()
        return session


def _code(answer: requests.Response) -> str:
    try:
        return str(answer.json().get("code", ""))
    except (ValueError, AttributeError):
        return ""
