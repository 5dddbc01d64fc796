"""Does an application agree with the customer register? Each question is answered yes, no, or "cannot tell"."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from provisioning.domain.folding import folded_words


class Agrees(StrEnum):
    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class RegisterCustomer:
    """One customer as the register has them; PESEL only as a keyed fingerprint."""

    customer_number: str
    name: str
    customer_type: str
    tax_id: str | None = None
    pesel_fingerprint: str | None = None
    supply_points: list[str] = field(default_factory=list)
    contract_numbers: list[str] = field(default_factory=list)
    email: str | None = None


@dataclass(frozen=True)
class Compared:
    """One question: what it is about, the answer, and the register's own value for the clerk."""

    what: str
    agrees: Agrees
    register_value: str


@dataclass(frozen=True)
class Claimed:
    """What the application says, as far as the register can know it."""

    customer_number: str
    name: str
    supply_point: str
    contract_number: str | None
    tax_id: str | None
    pesel_fingerprint: str | None


def compare(claimed: Claimed, known: RegisterCustomer | None) -> list[Compared]:
    """Every question in the order a clerk asks them; without the customer in the register only the first has an answer."""
    if known is None:
        asked = ("name", "address", "contract", "identifier")
        return [Compared("number", Agrees.NO, ""), *(Compared(what, Agrees.CANNOT_TELL, "") for what in asked)]
    return [
        Compared("number", Agrees.YES, known.customer_number),
        Compared("name", _same(words(claimed.name), [words(known.name)]), known.name),
        Compared(
            "address",
            _same(words(claimed.supply_point), [words(each) for each in known.supply_points]),
            "; ".join(known.supply_points),
        ),
        Compared("contract", _contract(claimed, known), ", ".join(known.contract_numbers)),
        Compared("identifier", _identifier(claimed, known), known.tax_id or ("PESEL" if known.pesel_fingerprint else "")),
    ]


def words(text: str) -> list[str]:
    """Words without case, diacritics, punctuation, "ul." and order."""
    return [word for word in folded_words(text) if word not in ("ul", "ulica", "al", "aleja", "m", "lok")]


def _same(claimed: list[str], known: list[list[str]]) -> Agrees:
    known = [each for each in known if each]
    if not claimed or not known:
        return Agrees.CANNOT_TELL
    return Agrees.YES if claimed in known else Agrees.NO


def _contract(claimed: Claimed, known: RegisterCustomer) -> Agrees:
    if not claimed.contract_number or not known.contract_numbers:
        return Agrees.CANNOT_TELL
    return _same(words(claimed.contract_number), [words(each) for each in known.contract_numbers])


def _identifier(claimed: Claimed, known: RegisterCustomer) -> Agrees:
    for mine, theirs in ((claimed.tax_id, known.tax_id), (claimed.pesel_fingerprint, known.pesel_fingerprint)):
        if mine and theirs:
            return Agrees.YES if mine == theirs else Agrees.NO
    return Agrees.CANNOT_TELL
