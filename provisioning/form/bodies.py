"""Bodies of the form in the API: pydantic models made from the declared fields, with the schema that OpenAPI shows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from ibok_idp.texts import LANGUAGES, SOURCE
from provisioning.domain import fields
from provisioning.domain.declared_fields import declared
from provisioning.domain.fields import Declaration, Group
from provisioning.form.checks import ANY_TEXT_CODES, CHECKS


class _Body(BaseModel):
    # a space at an end is nobody's meaning, and no reason to be too long
    model_config = ConfigDict(extra="forbid", strict=True, regex_engine="python-re", str_strip_whitespace=True)


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise PydanticCustomError("literal_error", "not one of the languages of the product")
    return language


Language = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(LANGUAGES)})]


class Signature(_Body):
    """How the form is signed."""

    kind: Literal["declaration", "scan", "electronic", "paper"]
    signed_on: date | None = Field(None, strict=False)
    signed_name: str | None = Field(None, max_length=200)


def application_body() -> type[BaseModel]:
    """Body of `POST /applications`."""
    return _application_body(declared())


def paper_application_body() -> type[BaseModel]:
    """Body of `POST /staff/applications`: the same form, typed from paper or an e-mail."""
    return _paper_application_body(declared())


def corrected_application_body() -> type[BaseModel]:
    """The form in `POST …/correct`: as typed from paper, and of a web application `channel` says so."""
    return _corrected_application_body(declared())


def contact_body() -> type[BaseModel]:
    """Telephone and correspondence address on their own."""
    both = {name: field for name, field in _fields(declared().fields).items() if name in ("phone", "correspondence_address")}
    return _model("ContactBody", "Telephone and correspondence address on their own.", _Body, both)


@lru_cache(maxsize=4)
def _application_body(form: Declaration) -> type[BaseModel]:
    types: Any = Literal[tuple(each.code for each in form.types)]
    return _model(
        "ApplicationBody",
        "Body of `POST /applications`: form BOK-27.",
        _Body,
        {
            "form_version": (str, Field(max_length=20)),
            "terms_version": (str | None, Field(None, max_length=20)),
            "language": (Language, SOURCE),
            "customer_type": (types, ...),
            **_fields(form.fields),
            "clauses": (dict[str, bool], Field(default_factory=dict, max_length=50)),
            "signature": (Signature | None, None),
        },
    )


@lru_cache(maxsize=4)
def _paper_application_body(form: Declaration) -> type[BaseModel]:
    return _model(
        "PaperApplicationBody",
        "Body of `POST /staff/applications`: the same form, typed from paper or an e-mail.",
        _application_body(form),
        {
            "channel": (Literal["office", "post", "email"], ...),
            "filed_on": (date, Field(strict=False)),
            "entry_reason": (str | None, Field(None, max_length=500, description="why it is typed in long after its filing")),
        },
    )


@lru_cache(maxsize=4)
def _corrected_application_body(form: Declaration) -> type[BaseModel]:
    return _model(
        "CorrectedApplicationBody",
        "The form in `POST …/correct`: as typed from paper, and of a web application `channel` says so.",
        _paper_application_body(form),
        {"channel": (Literal["office", "post", "email", "web"], ...)},
    )


def _fields(asked: Iterable[fields.Field]) -> dict[str, Any]:
    """Everything may be absent as far as structure goes: what is required depends on the kind of customer and has its own code."""
    return {
        field.name: (_group(field.group) | None, None)
        if field.group
        else (
            str | None,
            Field(
                None,
                max_length=field.longest,
                description=field.about or None,
                json_schema_extra=_codes(field),
            ),
        )
        for field in asked
    }


def _codes(field: fields.Field) -> dict[str, Any]:
    """With which codes a value may be refused."""
    return {"x-error-codes": sorted({*ANY_TEXT_CODES, *CHECKS[field.check].codes})}


@lru_cache
def _group(group: Group) -> type[BaseModel]:
    return _model(group.name, group.about, _Body, _fields(group.parts))


def _model(name: str, about: str, base: type[BaseModel], members: dict[str, Any]) -> type[BaseModel]:
    model: type[BaseModel] = create_model(name, __base__=base, __doc__=about, **members)
    return model
