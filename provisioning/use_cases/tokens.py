"""Unguessable links: derived from the key and the application's own nonce, so that nothing clear rests anywhere."""

from __future__ import annotations

import base64
import hashlib
import hmac

from provisioning.domain.application import Application
from provisioning.domain.email_change import EmailChange
from provisioning.ports import Office


def status_token(office: Office, application: Application) -> str:
    """128 bits that open the status page of one application."""
    return _derived(office.temporary_password_key, application.nonce, f"status:{application.reference}")


def confirmation_token(office: Office, application: Application) -> str | None:
    """The token of the newest confirmation mail; None once it was used."""
    if application.confirmation_nonce is None:
        return None
    secret = _derived(
        office.temporary_password_key, application.confirmation_nonce, f"email:{application.reference}:{application.email}"
    )
    return f"{application.reference}.{secret}"


def email_change_token(office: Office, change: EmailChange) -> str | None:
    """The token that proves a new address; None once it was used or replaced."""
    if change.nonce is None:
        return None
    return f"{change.change_id}.{_derived(office.temporary_password_key, change.nonce, f'new-email:{change.new_email}')}"


def email_undo_token(office: Office, change: EmailChange) -> str | None:
    """The token with which the old address takes a change back; None once it was used."""
    if change.undo_nonce is None:
        return None
    return f"{change.change_id}.{_derived(office.temporary_password_key, change.undo_nonce, f'undo-email:{change.old_email}')}"


def matches(expected: str | None, given: str) -> bool:
    """Compare in constant time."""
    return expected is not None and hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def _derived(key: bytes, nonce: bytes, purpose: str) -> str:
    digest = hmac.new(key, nonce + purpose.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
