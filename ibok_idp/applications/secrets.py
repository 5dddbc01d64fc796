"""Secrets of the applications that join: from the environment, or a file each in one folder, readable by its owner alone."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ibok_idp.applications.file import Application
from ibok_idp.errors import SettingsError

_WEBHOOK_BYTES = 32  # Standard Webhooks asks for 24 to 64
_WEBHOOK_PREFIX = "whsec_"
_TOGETHER = 2  # the new and the old one, while a receiver changes over


@dataclass(frozen=True)
class Secrets:
    """Where secrets are found.

    Args:
        folder: of `IBOK_APPLICATIONS_SECRETS_DIR`; None: the environment alone.
        environment: `IBOK_APP_<NAME>_CLIENT_SECRET` and `IBOK_APP_<NAME>_WEBHOOK_SECRETS`; they win over the files.
    """

    folder: Path | None
    environment: Mapping[str, str]

    def client_secret(self, application: Application) -> str | None:
        """The secret with which it comes to Keycloak; None when it is not known here."""
        return self._environment(application, "CLIENT_SECRET") or self._file(application, "client-secret")

    def webhook_secrets(self, application: Application) -> tuple[str, ...]:
        """With what its webhooks are signed, the newest first; two while they are being changed over.

        Raises:
            SettingsError: there is none, more than two, or one that is not as Standard Webhooks says.
        """
        text = self._environment(application, "WEBHOOK_SECRETS") or self._file(application, "webhook-secrets") or ""
        found = tuple(text.replace(",", " ").split())
        if not 1 <= len(found) <= _TOGETHER or not all(map(_is_webhook_secret, found)):
            raise SettingsError(
                f"{application.client_id} needs one webhook secret, or two while they change over, each {_WEBHOOK_PREFIX} and 24 to 64 "
                f"bytes in base64: in {self.variable(application, 'WEBHOOK_SECRETS')} or {self.path(application, 'webhook-secrets')}. "
                "`ibok-idp realm apply` makes the first one."
            )
        return found

    def keep_client_secret(self, application: Application, secret: str) -> Path:
        """Write down a secret that Keycloak holds and nobody here knows."""
        return self._write(application, "client-secret", secret)

    def make_webhook_secret(self, application: Application) -> Path | None:
        """Make the first secret of a receiver; None when there is one already."""
        if self._environment(application, "WEBHOOK_SECRETS") or self._file(application, "webhook-secrets"):
            return None
        new = _WEBHOOK_PREFIX + base64.b64encode(secrets.token_bytes(_WEBHOOK_BYTES)).decode()
        return self._write(application, "webhook-secrets", new)

    def variable(self, application: Application, kind: str) -> str:
        return f"IBOK_{application.client_id.upper().replace('-', '_')}_{kind}"

    def path(self, application: Application, kind: str) -> Path | None:
        return self.folder / f"{application.client_id}.{kind}" if self.folder else None

    def _environment(self, application: Application, kind: str) -> str | None:
        return self.environment.get(self.variable(application, kind)) or None

    def _file(self, application: Application, kind: str) -> str | None:
        path = self.path(application, kind)
        if path is None or not path.is_file():
            return None
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} can be read by others than its owner: chmod 600 it, then change the secret.")
        return path.read_text(encoding="utf-8").strip() or None

    def _write(self, application: Application, kind: str, value: str) -> Path:
        path = self.path(application, kind)
        if path is None:
            variable = self.variable(application, kind.upper().replace("-", "_"))
            raise SettingsError(f"Set IBOK_APPLICATIONS_SECRETS_DIR, where new secrets are written, or {variable}.")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_name(f"{path.name}.partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
            handle.write(f"{value}\n")
        partial.replace(path)
        return path


def _is_webhook_secret(value: str) -> bool:
    try:
        key = base64.b64decode(value.removeprefix(_WEBHOOK_PREFIX), validate=True)
    except ValueError:
        return False
    return value.startswith(_WEBHOOK_PREFIX) and 24 <= len(key) <= 64
