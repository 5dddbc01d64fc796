"""Unguessable links: derived from the key of links and the application's own nonce, so that nothing clear rests anywhere."""

from __future__ import annotations

import base64
import hashlib
import hmac

from provisioning.domain.application import Application
from provisioning.domain.email_change import EmailChange
from provisioning.ports.services import Services


def status_token(services: Services, application: Application, key: bytes | None = None) -> str:
    """128 bits that open the status page of one application."""
    return _derived(key or services.link_keys[0], application.nonce, f"status:{application.reference}")


def confirmation_token(services: Services, application: Application, key: bytes | None = None) -> str | None:
    """The token of the newest confirmation mail; None once it was used."""
    if application.confirmation_nonce is None:
        return None
    purpose = f"email:{application.reference}:{application.email}"
    secret = _derived(key or services.link_keys[0], application.confirmation_nonce, purpose)
    return f"{application.reference}.{secret}"


def email_change_token(services: Services, change: EmailChange, key: bytes | None = None) -> str | None:
    """The token that proves a new address; None once it was used or replaced."""
    if change.nonce is None:
        return None
    return f"{change.change_id}.{_derived(key or services.link_keys[0], change.nonce, f'new-email:{change.new_email}')}"


def email_undo_token(services: Services, change: EmailChange, key: bytes | None = None) -> str | None:
    """The token with which the old address takes a change back; None once it was used."""
    if change.undo_nonce is None:
        return None
    return f"{change.change_id}.{_derived(key or services.link_keys[0], change.undo_nonce, f'undo-email:{change.old_email}')}"


def is_status_token(services: Services, application: Application, given: str) -> bool:
    return _is_one_of([status_token(services, application, key) for key in services.link_keys], given)


def is_confirmation_token(services: Services, application: Application, given: str) -> bool:
    return _is_one_of([confirmation_token(services, application, key) for key in services.link_keys], given)


def is_email_change_token(services: Services, change: EmailChange, given: str) -> bool:
    return _is_one_of([email_change_token(services, change, key) for key in services.link_keys], given)


def is_email_undo_token(services: Services, change: EmailChange, given: str) -> bool:
    return _is_one_of([email_undo_token(services, change, key) for key in services.link_keys], given)


def _is_one_of(expected: list[str | None], given: str) -> bool:
    """Compare in constant time. A link that was mailed under an earlier key goes on working as long as that key is set."""
    typed = given.encode("utf-8", "replace")
    return any(each is not None and hmac.compare_digest(each.encode(), typed) for each in expected)


def _derived(key: bytes, nonce: bytes, purpose: str) -> str:
    digest = hmac.new(key, nonce + purpose.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
