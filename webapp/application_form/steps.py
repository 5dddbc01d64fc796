"""The pages of the form: which page asks which questions, and how answers become the API's body. Pure.

What is asked, of whom and on which page is provisioning's to say: `form` is its answer to `GET /form`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# An optional group that a question of the page's own opens, and the answer that does.
_OPENED_BY = {"correspondence_address": ("other_address", "yes")}
_TWICE = {"email": "email_again"}  # typed twice: what hangs on it cannot be mended by a page


@dataclass(frozen=True)
class Step:
    """One page.

    Attributes:
        name: last part of its path.
        fields: of the API whose errors belong to this page, beside the questions that name it.
    """

    name: str
    fields: tuple[str, ...] = ()


STEPS = (
    Step("klient", ("customer_type",)),
    Step("dane"),
    Step("umowa"),
    Step("kontakt"),
    Step("klauzule", ("clauses",)),
    Step("regulamin", ("terms_version",)),
    Step("sprawdz"),
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


def fields_of(name: str, form: dict[str, Any]) -> list[str]:
    """The fields of the API that a page asks, whoever fills it."""
    return [*step(name).fields, *(question["name"] for question in form["questions"] if question["step"] == name)]


def step_of(field: str, form: dict[str, Any]) -> str:
    """The page that asks a field of the API."""
    top = field.split(".")[0]
    return next((name for name in NAMES if top in fields_of(name, form)), "klauzule" if top == "form_version" else "sprawdz")


def asked(form: dict[str, Any], customer_type: str | None, name: str | None = None) -> list[dict[str, Any]]:
    """The questions to this kind of customer, of one page or of all."""
    return [each for each in form["questions"] if customer_type in each["asked_of"] and name in (None, each["step"])]


def customer_type(form: dict[str, Any], code: str | None) -> dict[str, Any] | None:
    return next((each for each in form["customer_types"] if each["code"] == code), None)


def inputs(name: str, form: dict[str, Any]) -> list[str]:
    """The inputs of a page's questions, whoever fills it, in the order of the page."""
    found = []
    for question in form["questions"]:
        if question["step"] == name:
            parts = [f"{question['name']}-{part['name']}" for part in question["parts"]]
            found += [_OPENED_BY[question["name"]][0]] if question["name"] in _OPENED_BY else []
            found += parts or [question["name"]]
            found += [_TWICE[question["name"]]] if question["name"] in _TWICE else []
    return found


def in_order(errors: dict[str, str], inputs: list[str]) -> dict[str, str]:
    """Errors as a reader meets them on the page, from top to bottom; what has no input of its own comes last."""
    place = {name: number for number, name in enumerate(inputs)}
    return dict(sorted(errors.items(), key=lambda each: place.get(each[0], len(place))))


def body(answers: dict[str, str], form: dict[str, Any], language: str) -> dict[str, Any]:
    """The answers so far as the API's body; what is empty is absent."""

    def value(name: str) -> str | None:
        return answers.get(name) or None

    kind = value("customer_type")
    found: dict[str, Any] = {
        "form_version": answers.get("form_version") or form["form_version"],
        "terms_version": value("terms_version"),
        "language": language,
        "customer_type": kind,
        **{question["name"]: _given(question, answers) for question in asked(form, kind)},
        "clauses": {
            c["code"]: answers[f"clauses-{c['code']}"] == "yes" for c in form["clauses"] if answers.get(f"clauses-{c['code']}")
        },
    }
    if value("signature_kind"):
        found["signature"] = {"kind": value("signature_kind"), "signed_name": value("signed_name")}
    return found


def _given(question: dict[str, Any], answers: dict[str, str]) -> Any:
    name = question["name"]
    if not question["parts"]:
        return answers.get(name) or None
    parts = {part["name"]: answers.get(f"{name}-{part['name']}") or None for part in question["parts"]}
    opener, opens = _OPENED_BY.get(name, (None, None))
    given = answers.get(opener) == opens if opener else question["required"] or any(parts.values())
    return parts if given else None


def typed_as_stored(stored: dict[str, Any]) -> dict[str, str]:
    """Checked answers as the inputs hold them: what the check page shows is what will be stored."""
    found = {}
    for name, value in stored.items():
        if isinstance(value, dict):
            found.update({f"{name}-{part}": each or "" for part, each in value.items()})
        elif isinstance(value, str):
            found[name] = value
    return found


def summary(answered: dict[str, Any], form: dict[str, Any], language: str) -> list[dict[str, str]]:
    """What was answered, a line a question: `label`, `value`, `step`; a number that is masked shows its end only."""
    lines = [_line(question, answered.get(question["name"]), language) for question in asked(form, answered["customer_type"])]
    return [line for line in lines if line["value"]]


def _line(question: dict[str, Any], value: Any, language: str) -> dict[str, str]:
    if question["masked"] and value:
        said = f"••••••••{value[-3:]}"
    else:
        said = address_line(value) if value and question["group"] == "address" else in_one_line(value)
    return {"label": question["short"][language], "value": said or question["nothing"][language], "step": question["step"]}


def in_one_line(value: Any) -> str:
    """A text as it is; of a group, a person first: Anna Ćwik, prezes zarządu."""
    if not isinstance(value, dict):
        return value or ""
    name = " ".join(value[part] for part in ("first_name", "last_name") if value.get(part))
    rest = [each for part, each in value.items() if part not in ("first_name", "last_name") and each]
    return ", ".join([name, *rest] if name else rest)


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
