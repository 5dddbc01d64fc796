"""What the staff read in the morning: which applications have come to a warning day of the term (S4). No personal data."""

from __future__ import annotations

from datetime import date

from provisioning.domain.desk import DigestLine
from provisioning.messages.letter import Button, Facts, Letter, day
from provisioning.ports.services import Services

_MOST = 100


def digest_letter(services: Services, today: date, lines: list[DigestLine], overdue: int) -> Letter:
    """The letter; Polish, for it goes to the utility itself."""
    parts: list[str | Button | Facts] = []
    if overdue:
        parts.append(f"Po terminie i bez decyzji: {overdue}. Decyzja po terminie wymaga podania powodu.")
    for number in sorted({line.day for line in lines}, reverse=True):
        these = [line for line in lines if line.day == number]
        parts.append(f"Minął {number}. dzień terminu ({len(these)}):")
        parts.append(
            Facts([(line.reference, f"termin {day(line.due_on, 'pl')}, {_left(line.due_on, today)}") for line in these[:_MOST]])
        )
        if len(these) > _MOST:
            parts.append(f"Pozostałych {len(these) - _MOST} znajdziesz w kolejce.")
    parts.append(Button("Otwórz kolejkę", f"{services.links.staff}/?term=7"))
    subject = f"iBOK: terminy na {day(today, 'pl')}" + (f", po terminie: {overdue}" if overdue else "")
    return Letter(subject, "Dzień dobry,", parts)


def _left(due_on: date, today: date) -> str:
    left = (due_on - today).days
    return "po terminie" if left < 0 else "dziś ostatni dzień" if left == 0 else f"pozostało dni: {left}"
