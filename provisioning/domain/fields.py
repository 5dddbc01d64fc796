"""Form BOK-27 as data: every field and every kind of customer, declared once.

Who asks, checks, shows, prints, searches, compares or erases what a customer filed reads this declaration; none keeps a
list of its own. Texts are msgids of the catalogue in Polish, translated where they are shown. Clauses and the Regulamin
are not here: they are versioned, and an application keeps its version for ever; a field is asked from the day it is
declared, and applications from before simply lack it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

ERASED = "–"  # stands where an anonymised person's words were


def _(msgid: str) -> str:
    """Marks a text for the catalogue."""
    return msgid


@dataclass(frozen=True)
class Section:
    """A part of the form: a heading on paper, in the PDF and on the staff pages, and a page of the web form.

    Attributes:
        step: the web form's page, as its path says it.
    """

    title: str
    step: str


WHO = Section(_("Wnioskodawca"), "dane")
CONTRACT = Section(_("Umowa"), "umowa")
CONTACT = Section(_("Kontakt"), "kontakt")
SECTIONS = (WHO, CONTRACT, CONTACT)


class Searched(StrEnum):
    """By what a field's application is found in the queue."""

    WORDS = "words"  # as written, by beginnings, names also with a mistake
    PHONE = "phone"  # a number with and without the country's prefix


@dataclass(frozen=True)
class Box:
    """How a field is typed on a page; everything but the width is an attribute of HTML."""

    width: int = 20
    type: str = "text"
    inputmode: str | None = None
    autocomplete: str | None = None


@dataclass(frozen=True)
class Group:
    """Fields that belong together, as one field of the form.

    Attributes:
        name: of the group in the API's schema.
        about: what the schema says of it.
        line: the values in one line, as people write them.
    """

    name: str
    about: str
    parts: tuple[Field, ...]
    line: Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Field:
    """One question of the form.

    Attributes:
        name: in the API, in the stored data and in a batch; the inputs of pages are called so too.
        label: beside the input, in lists and on paper.
        called: the same in the middle of a sentence, in the accusative: "Wpisz …".
        short: where a table has no room for the label.
        hint: what helps a customer to answer.
        about: what the API's schema says of it, in English.
        section: where it stands; the order within is the order of declaration. None for a part of a group.
        everybody: asked of every kind of customer; otherwise of those that name it in `CustomerType.asks`.
        required: whether it must be given, or the name of the switch in the rulebook that says so.
        optional: the words beside the label of a field that need not be given.
        nothing: what a summary says when it was not given; without it the line is left out.
        check: the name of a check in `provisioning/form/checks.py`, which also gives the value its stored form.
        pattern: for the check `pattern`: what the value must match when its spaces are taken out.
        longest: characters.
        personal: goes when the person is anonymised (S8).
        searched: whether, and by what, the queue finds the application.
        register: which claim of `register_match.Claimed` it is.
        apart: kept encrypted in a column of its own and masked wherever it is shown; only the PESEL.
        group: its parts, when it is a group of fields.
    """

    name: str
    label: str
    called: str = ""
    short: str = ""
    hint: str = ""
    about: str = ""
    section: Section | None = None
    everybody: bool = True
    required: bool | str = False
    optional: str = ""
    nothing: str = ""
    check: str = "text"
    pattern: str = ""
    longest: int = 100
    personal: bool = True
    searched: Searched | None = None
    register: str = ""
    apart: bool = False
    group: Group | None = None
    box: Box = Box()

    @property
    def parts(self) -> tuple[Field, ...]:
        return self.group.parts if self.group else ()

    @property
    def in_short(self) -> str:
        return self.short or self.label

    def said(self, value: Any) -> str:
        """A stored value in one line; empty when there is none."""
        if not value:
            return ""
        return self.group.line(value) if self.group else str(value)

    def texts(self, value: Any) -> Iterator[tuple[Field, str]]:
        """Each text of a stored value with the field or part it answers; empty ones are left out."""
        if not self.group:
            yield from [(self, str(value))] if value else []
        elif isinstance(value, Mapping):
            for part in self.parts:
                yield from part.texts(value.get(part.name))

    def anonymised(self, value: Any) -> Any:
        """S8: what is left of a value; a required one leaves a dash, so that pages which show it still can."""
        if not self.personal:
            return value
        if self.required is not True:
            return None
        return dict.fromkeys((part.name for part in self.parts), ERASED) if self.group else ERASED


@dataclass(frozen=True)
class CustomerType:
    """A kind of customer.

    Attributes:
        code: in the API and in the database.
        label: in the middle of a sentence or a list.
        asks: the fields asked of this kind beside those asked of everybody.
        name: the fields that make the applicant's name.
        sorted_by: the fields by which the queue orders names.
        signed_by: the group with first and last name of who signs and uses the account; None when these stand on the
            form itself, because the customer is that person.
    """

    code: str
    label: str
    asks: tuple[str, ...]
    name: tuple[str, ...]
    sorted_by: tuple[str, ...]
    signed_by: str | None = None
    hint: str = ""

    def name_in(self, data: Mapping[str, Any]) -> str:
        """The name on the form: the person's, or the company's."""
        return _joined(data, self.name)

    def sort_name_in(self, data: Mapping[str, Any]) -> str:
        return _joined(data, self.sorted_by)

    def signer_in(self, data: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """First and last name of who signs; None for what is not given."""
        source = data if self.signed_by is None else data.get(self.signed_by) or {}
        return source.get("first_name"), source.get("last_name")


@dataclass(frozen=True)
class Declaration:
    """All that the form asks, and of whom."""

    fields: tuple[Field, ...]
    types: tuple[CustomerType, ...]

    def type(self, code: str) -> CustomerType:
        """
        Raises:
            KeyError: no such kind of customer.
        """
        return next((each for each in self.types if each.code == code), None) or _unknown(code)

    def has_type(self, code: object) -> bool:
        return any(each.code == code for each in self.types)

    def field(self, name: str) -> Field | None:
        """A field by its name, or a part of one by its dotted name; None when the form has no such field."""
        top, _dot, part = name.partition(".")
        found = next((each for each in self.fields if each.name == top), None)
        if found is None or not part:
            return found
        return next((each for each in found.parts if each.name == part), None)

    def asked_of(self, code: str | None) -> tuple[Field, ...]:
        """What this kind of customer is asked, in the order of the form; of an unknown kind only what all are asked."""
        asks = self.type(code).asks if code is not None and self.has_type(code) else ()
        return tuple(field for field in self.fields if field.everybody or field.name in asks)

    def plus(self, *more: Field | CustomerType) -> Declaration:
        """This declaration with more fields, each at the end of its section, and more kinds of customers."""
        fields = [*self.fields, *(each for each in more if isinstance(each, Field))]
        order = {section: place for place, section in enumerate(SECTIONS)}
        fields.sort(key=lambda field: order[field.section] if field.section else -1)
        return replace(self, fields=tuple(fields), types=(*self.types, *(each for each in more if isinstance(each, CustomerType))))


def _unknown(code: str) -> CustomerType:
    raise KeyError(f"There is no kind of customer {code!r}.")


def _joined(data: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return " ".join(str(data[name]) for name in names if data.get(name))


def person_line(person: Mapping[str, Any]) -> str:
    """Anna Ćwik, prezes zarządu."""
    name = " ".join(str(person[part]) for part in ("first_name", "last_name") if person.get(part))
    return ", ".join(each for each in (name, person.get("authority")) if each)
