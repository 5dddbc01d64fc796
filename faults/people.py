"""Invented applicants, the same for the same seed."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

from faults.choices import Choices
from provisioning.adapters.clock import SystemClock
from provisioning.adapters.postgres.demo_applications import invented_pesel

CLAUSES = ["K1-DANE", "K2-REGULAMIN", "K3-RODO", "K4-EMAIL", "K5-HASLO", "K6-UPRAWNIENIE", "K7-USLUGA", "K8-SKUTEK"]
_FIRST = ["Józefa", "Anna", "Marek", "Zofia", "Piotr", "Łucja", "Stanisław", "Żaneta"]
_LAST = ["Źdźbło-Żak", "Nowicka", "Ćwik", "Lis", "Wróbel", "Śliwa", "Gęś", "Mazurek"]
_ADDRESS = {"street": "Źródlana", "house": "7", "flat": "3", "postal_code": "43-300", "city": "Bielsko-Biała"}


def address(seed: str, case: int, number: int = 0) -> str:
    """An address of one applicant; higher numbers are those it was corrected to."""
    return f"k{seed}-{case}{f'-{number}' if number else ''}@example.com".lower()


def application(seed: str, case: int, choices: Choices, **changes: Any) -> dict[str, Any]:
    """The body of a good application, as it comes from the web."""
    first, last = choices.of(_FIRST), choices.of(_LAST)
    return {
        "form_version": "2026-1",
        "terms_version": "2026-1",
        "language": "pl",
        "customer_type": "person",
        "first_name": first,
        "last_name": last,
        "pesel": invented_pesel(choices.below),
        "customer_number": f"{4000000 + choices.below(999_999)}{case:05d}",
        "contract_number": f"U/2019/{1 + choices.below(999)}",
        "supply_point_address": dict(_ADDRESS),
        "correspondence_address": None,
        "email": address(seed, case),
        "phone": f"+48 600 {choices.below(1000):03d} {choices.below(1000):03d}",
        "clauses": dict.fromkeys(CLAUSES, True),
        "signature": {"kind": "declaration", "signed_name": f"{first} {last}"},
        **changes,
    }


def on_paper(body: dict[str, Any]) -> dict[str, Any]:
    """The same, as a clerk types it in."""
    signed, filed = (str(SystemClock().today() - timedelta(days=days)) for days in (6, 4))
    return body | {"channel": "post", "filed_on": filed, "signature": {"kind": "paper", "signed_on": signed}}


def as_batch(bodies: list[dict[str, Any]]) -> str:
    """Paper applications as the CSV of `ibok-provisioning import-applications`."""
    from provisioning.adapters.application_batch import columns
    from provisioning.form.catalogue import all_versions

    names = columns(all_versions()["2026-1"])
    text = StringIO()
    writer = csv.DictWriter(text, names, delimiter=";", extrasaction="ignore", restval="")
    writer.writeheader()
    for body in bodies:
        row = {name: value for name, value in body.items() if isinstance(value, str)}
        row |= {f"supply_point_address.{name}": value for name, value in body["supply_point_address"].items()}
        row |= {f"clauses.{code}": "tak" for code in CLAUSES} | {
            "terms_accepted": "tak",
            "signed_on": body["signature"]["signed_on"],
        }
        writer.writerow(row)
    return text.getvalue()
