"""Who has answered which Regulamin."""

from __future__ import annotations

from typing import Any

from provisioning.ports.services import Services
from provisioning.use_cases.terms import accept_terms


def terms_report(services: Services) -> dict[str, Any]:
    """Numbers by version of the Regulamin, and the accounts that have not answered the announced one."""
    newest = accept_terms.announced(services)
    versions = sorted({form.terms_version: form for form in services.versions}.values(), key=lambda form: form.valid_from)
    with services.work() as work:
        return {
            "versions": [
                {
                    "terms_version": form.terms_version,
                    "valid_from": form.valid_from.isoformat(),
                    **work.terms.counts(form.terms_version),
                }
                for form in versions
            ],
            "unanswered": [
                {"login": account.login, "reference": account.reference}
                for account in (work.terms.unanswered(newest.terms_version, 500) if newest and len(versions) > 1 else [])
            ],
        }
