"""Who does something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Who does something: a member of staff, the applicant, or a part of the system."""

    name: str
    roles: frozenset[str] = frozenset()
    address: str | None = None


WORKER = Actor("ibok-provisioning worker")


CUSTOMER = Actor("klient")


APPLICANT = Actor("wnioskodawca")
