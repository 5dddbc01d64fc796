"""What speaks against approving an application, and what staff must have seen on its scan (S2, S4)."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from provisioning.domain.application import Application, Channel
from provisioning.domain.register_match import Agrees, Compared


class Doubt(StrEnum):
    """Each asks the registrar for written words, unless the utility forbids approving over it."""

    LATE = "late"  # the legal term is over (S4)
    ALIKE = "alike"  # an open application or a live account shares PESEL, NIP, customer number or e-mail
    NOT_IN_REGISTER = "not_in_register"  # no such customer number
    REGISTER_DIFFERS = "register_differs"  # the number is another customer's, as far as the register knows
    NO_SCAN = "no_scan"  # signed on paper, and the paper is not here
    NOT_CHECKED = "not_checked"  # the paper is here, and nobody has compared the application with it


class ScanCheck(StrEnum):
    """What a person confirms to have seen on the scan; who did is evidence."""

    DATA = "data"
    CLAUSES = "clauses"
    SIGNATURE = "signature"


_ON_PAPER = frozenset(ScanCheck)
_SIGNED_BY_HAND = frozenset({"scan", "paper"})


def checks_needed(application: Application) -> frozenset[ScanCheck]:
    """All of what came on paper; of a web form that was printed and signed, the signature: the rest is the customer's own typing."""
    if application.channel is not Channel.WEB:
        return _ON_PAPER
    signed_by_hand = (application.signature or {}).get("kind") in _SIGNED_BY_HAND
    return frozenset({ScanCheck.SIGNATURE}) if signed_by_hand else frozenset()


def doubts_of_file(
    application: Application, register: list[Compared] | None, *, has_scan: bool, checked: Collection[ScanCheck]
) -> frozenset[Doubt]:
    """What the file itself gives reason to doubt.

    Args:
        register: the register's answers; None when no register was ever imported.
        checked: what somebody has confirmed to have seen on the scan.
    """
    found = set()
    answers = {each.what: each.agrees for each in register or []}
    if answers.get("number") is Agrees.NO:
        found.add(Doubt.NOT_IN_REGISTER)
    elif Agrees.NO in answers.values():
        found.add(Doubt.REGISTER_DIFFERS)
    needed = checks_needed(application)
    if needed and not has_scan:
        found.add(Doubt.NO_SCAN)
    elif not needed <= set(checked):
        found.add(Doubt.NOT_CHECKED)
    return frozenset(found)
