"""The pages of the form as data: which page asks which fields, and how answers become the API's body. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ADDRESS = ("street", "house", "flat", "postal_code", "city")
COMPANY_TYPES = ("business", "housing_community", "institution")


@dataclass(frozen=True)
class Step:
    """One page.

    Attributes:
        name: last part of its path.
        fields: API fields whose errors belong to this page.
    """

    name: str
    fields: tuple[str, ...]


STEPS = (
    Step("klient", ("customer_type",)),
    Step("dane", ("first_name", "last_name", "pesel", "company_name", "tax_id", "registry_number", "representative")),
    Step("umowa", ("customer_number", "contract_number", "supply_point_address")),
    Step("kontakt", ("email", "phone", "correspondence_address")),
    Step("klauzule", ("clauses",)),
    Step("regulamin", ("terms_version",)),
    Step("sprawdz", ()),
    Step("podpis", ("signature",)),
)
NAMES = tuple(step.name for step in STEPS)


def step(name: str) -> Step:
    return STEPS[NAMES.index(name)]


def after(name: str) -> str:
    return NAMES[NAMES.index(name) + 1]


def before(name: str) -> str | None:
    position = NAMES.index(name)
    return NAMES[position - 1] if position else None


def first_open(done: list[str]) -> str:
    """The first page that has not been answered: nobody gets past it."""
    return next((name for name in NAMES if name not in done), NAMES[-1])


def may_open(name: str, done: list[str]) -> bool:
    return NAMES.index(name) <= NAMES.index(first_open(done))


def step_of(field: str) -> str:
    """The page that asks a field of the API."""
    top = field.split(".")[0]
    return next((step.name for step in STEPS if top in step.fields), "klauzule" if top == "form_version" else "sprawdz")


def body(answers: dict[str, str], form: dict[str, Any], language: str) -> dict[str, Any]:
    """The answers so far as the API's body; what is empty is absent."""

    def value(name: str) -> str | None:
        return answers.get(name) or None

    def address(prefix: str) -> dict[str, str | None]:
        return {part: value(f"{prefix}-{part}") for part in ADDRESS}

    kind = value("customer_type")
    found: dict[str, Any] = {
        "form_version": answers.get("form_version") or form["form_version"],
        "terms_version": value("terms_version"),
        "language": language,
        "customer_type": kind,
        "customer_number": value("customer_number"),
        "contract_number": value("contract_number"),
        "supply_point_address": address("supply_point_address"),
        "correspondence_address": address("correspondence_address") if answers.get("other_address") == "yes" else None,
        "email": value("email"),
        "phone": value("phone"),
        "clauses": {
            c["code"]: answers[f"clauses-{c['code']}"] == "yes" for c in form["clauses"] if answers.get(f"clauses-{c['code']}")
        },
    }
    if kind in COMPANY_TYPES:
        found |= {name: value(name) for name in ("company_name", "tax_id", "registry_number")}
        found["representative"] = {part: value(f"representative-{part}") for part in ("first_name", "last_name", "authority")}
    else:
        found |= {name: value(name) for name in ("first_name", "last_name", "pesel")}
    if value("signature_kind"):
        found["signature"] = {"kind": value("signature_kind"), "signed_name": value("signed_name")}
    return found


def html_id(field: str) -> str:
    """`supply_point_address.city` is asked by the input `supply_point_address-city`."""
    return {"signature.signed_name": "signed_name", "signature.kind": "signature_kind", "signature": "signature_kind"}.get(
        field, field.replace(".", "-")
    )


def address_line(address: dict[str, str | None]) -> str:
    """Źródlana 7/3, 43-300 Bielsko-Biała."""
    house = f"{address.get('house') or ''}/{address['flat']}" if address.get("flat") else address.get("house") or ""
    street = f"{address['street']} {house}" if address.get("street") else house
    return f"{street}, {address.get('postal_code') or ''} {address.get('city') or ''}"
