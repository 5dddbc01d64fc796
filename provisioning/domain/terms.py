"""Versions of the form, and what customers answered to versions of the Regulamin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class FormActivation:
    """A manager's decision from which day a version of the form is offered."""

    version: str
    valid_from: date
    activated_at: datetime
    activated_by: str


@dataclass(frozen=True)
class TermsAnswer:
    """A customer's answer to one version of the Regulamin; evidence, never changed."""

    login: str
    terms_version: str
    accepted: bool
    at: datetime
    terms_sha256: str
