"""The badge of a term: how it stands, in words and colour."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext, ngettext

from provisioning.domain.application import CLOSED, Application
from provisioning.domain.deadline import Urgency, urgency


def due_badge(application: Application, today: date) -> dict[str, str]:
    """Days left as words, with the class that gives shape and colour."""
    return day_badge(application.due_on, today, closed=application.status in CLOSED)


def day_badge(due_on: date | None, today: date, *, closed: bool) -> dict[str, str]:
    """The same for any day by which something must be done."""
    kind = urgency(due_on, today, closed=closed)
    if kind is Urgency.DONE or due_on is None:
        return {"kind": "done", "words": gettext("Zamknięty") if closed else gettext("Bez terminu")}
    left = (due_on - today).days
    if left < 0:
        words = ngettext("%(num)d dzień po terminie", "%(num)d dni po terminie", -left)
    elif left == 0:
        words = gettext("Dziś ostatni dzień")
    else:
        words = ngettext("Został %(num)d dzień", "Zostało %(num)d dni", left)
    return {"kind": kind.value, "words": words}
