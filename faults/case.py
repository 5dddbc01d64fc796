"""One applicant of a campaign: what they send, and what happens to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image

from faults import people
from faults.choices import Choices

# How the life of an account goes on after its approval, and how often in a hundred.
LIVES: dict[tuple[str, ...], int] = {
    (): 24,
    ("reset",): 8,
    ("reset", "reset", "reset"): 4,
    ("correct_address",): 7,
    ("correct_address", "resend"): 6,
    ("correct_address", "correct_address", "reset"): 2,
    ("suspend",): 4,
    ("suspend", "resume"): 6,
    ("suspend", "resume", "resend"): 3,
    ("resend", "suspend", "resume"): 2,
    ("resign",): 3,
    ("resign", "withdraw_resignation"): 4,
    ("resign", "delete"): 1,
    ("misdirected", "correct_address", "resend"): 5,
    ("resend", "misdirected"): 3,
    ("delete",): 6,
    ("resend", "delete"): 2,
    ("erase",): 2,
    ("end_contract",): 2,
    ("first_login", "reset"): 3,
    ("first_login", "suspend", "resume"): 1,
    ("first_login", "misdirected", "correct_address"): 1,
    ("first_login", "delete"): 1,
}


BEFORE: dict[tuple[str, ...], int] = {
    ("approve",): 86,
    ("request_completion", "complete", "approve"): 3,
    ("correct_application", "approve"): 4,
    ("review", "approve"): 2,
    ("upload", "approve"): 1,
    ("reject",): 2,
    ("withdraw",): 2,
}


@dataclass
class Case:
    """One application and what happens to it.

    Attributes:
        way: batch, desk (staff API) or web.
        steps: what is still to be done, in this order.
        passwords: own passwords that may be set: the last one surely when `own_sure`.
        waits: how often the present step waited in vain for something that may never come.
        corrected: how many times the address was asked to change.
    """

    number: int
    body: dict[str, Any]
    way: str
    steps: list[str]
    choices: Choices
    reference: str = ""
    login: str = ""
    status_token: str = ""
    tries: int = 0
    waits: int = 0
    corrected: int = 0
    addresses: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    @property
    def pesel(self) -> str:
        return str(self.body["pesel"])

    @property
    def own_password(self) -> str:
        return f"Woda {self.number} Zdroj {self.pesel[-4:]}x"


def scan(number: int) -> bytes:
    """A picture that cannot be made smaller."""
    noise = hashlib.shake_256(str(number).encode()).digest(800 * 800 * 3)
    picture = BytesIO()
    Image.frombytes("RGB", (800, 800), noise).save(picture, "PNG", compress_level=0)
    return picture.getvalue()


def new_case(seed: str, number: int, *, quick: bool = False) -> Case:
    """The script of a case; a quick one has nothing in it that waits for the housekeeping of a minute later."""
    choices = Choices(seed, "case", number)
    body = people.application(seed, number, choices)
    way = choices.weighted({"batch": 84, "desk": 10, "web": 6})
    before, life = choices.weighted(BEFORE), choices.weighted(LIVES)
    if quick and life in (("erase",), ("end_contract",)):
        life = ("delete",)
    if way != "web":
        body = people.on_paper(body)
    filing = {"batch": (), "desk": ("desk",), "web": ("web", "confirm")}[way]
    steps = [*filing, *before, *(life if before[-1] == "approve" else ())]
    return Case(number, body, way, steps, choices, addresses=[people.address(seed, number)])
