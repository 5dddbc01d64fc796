"""Webhooks over HTTP, as Standard Webhooks says: signed, without redirects, with little patience for a slow receiver."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from standardwebhooks import Webhook

from ibok_idp.applications.file import Application
from ibok_idp.applications.secrets import Secrets
from provisioning.domain.news import Answer

TOGETHER = 8  # connections to one receiver
_CONNECT_SECONDS, _ANSWER_SECONDS = 3.05, 10


class HttpReceivers:
    """Whoever stands with a webhook in the file of IT; no address comes from anywhere else.

    A session for each receiver, so that connections are kept and one receiver's trouble is no other's.
    """

    def __init__(self, applications: Iterable[Application], secrets: Secrets) -> None:
        self._applications = {each.client_id: each for each in applications if each.webhook is not None}
        self._secrets = secrets
        self._sessions: dict[str, requests.Session] = {}
        self._lock = threading.Lock()

    @property
    def told(self) -> tuple[Application, ...]:
        return tuple(self._applications.values())

    def send(self, receiver: str, event_id: str, payload: Mapping[str, Any], at: datetime) -> Answer:
        """Send one message and say what came back; the receiver's own words are not read.

        Raises:
            SettingsError: its secret is missing or is none.
        """
        application = self._applications[receiver]
        assert application.webhook is not None  # else it is not among them
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        signatures = [Webhook(secret).sign(event_id, at, body) for secret in self._secrets.webhook_secrets(application)]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "iBOK",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        try:
            with self._session(receiver).post(
                application.webhook.url,
                data=body.encode(),
                headers=headers,
                allow_redirects=False,
                stream=True,  # an answer of ten megabytes is none of our business
                timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS),
            ) as response:
                return Answer(response.status_code, f"{response.status_code} {_reason(response)}".strip())
        except requests.exceptions.SSLError:
            return Answer(None, "TLS: the certificate does not hold")
        except requests.ConnectTimeout:
            return Answer(None, f"no connection within {_CONNECT_SECONDS:.0f} s")
        except requests.Timeout:
            return Answer(None, f"no answer within {_ANSWER_SECONDS} s")
        except requests.RequestException as error:
            return Answer(None, f"no answer ({type(error).__name__})")

    def _session(self, receiver: str) -> requests.Session:
        with self._lock:
            if receiver not in self._sessions:
                session = requests.Session()
                for scheme in ("https://", "http://"):
                    session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=TOGETHER))
                self._sessions[receiver] = session
            return self._sessions[receiver]


def _reason(response: requests.Response) -> str:
    """The words of the status line, as far as they are words."""
    return "".join(letter for letter in (response.reason or "")[:60] if letter.isprintable())
