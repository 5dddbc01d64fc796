"""The way of one application as its status page shows it: what is done, what is being done, what comes next and by when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import gettext

from ibok_idp.look.flask_look import iso_day


class Stage(StrEnum):
    """Where a step stands."""

    DONE = "done"
    NOW = "now"
    NEXT = "next"
    ENDED = "ended"  # it ended without an account


@dataclass(frozen=True)
class Step:
    """Attributes:
    what: what happens in it.
    when: a day it was done, or by which it will be; empty when nobody can say.
    """

    what: str
    stage: Stage
    when: str = ""


def timeline(status: dict[str, Any]) -> list[Step]:
    """The steps in their order, of the answer of `GET /applications/{reference}/status`."""
    on_paper = status["signature_kind"] == "paper"
    state = status["status"]
    filed = status["filed_on"] is not None
    steps = [Step(gettext("Wniosek wysłany"), Stage.DONE, iso_day(status["received_at"]))]
    if status["email_confirmed"]:
        steps.append(Step(gettext("Adres e-mail potwierdzony"), Stage.DONE, iso_day(status["email_confirmed_at"])))
    elif state == "unconfirmed":
        steps.append(Step(gettext("Potwierdź adres e-mail linkiem z wiadomości"), Stage.NOW))
    if filed:
        steps.append(Step(gettext("Wniosek złożony"), Stage.DONE, iso_day(status["filed_on"])))
    elif state == "unconfirmed":
        paper_next = Stage.NOW if status["email_confirmed"] else Stage.NEXT
        steps.append(
            Step(gettext("Podpisany wydruk dociera do biura BOK i wniosek jest złożony"), paper_next)
            if on_paper
            else Step(gettext("Wniosek złożony"), Stage.NEXT)
        )
    return steps + _decision(status)


def _decision(status: dict[str, Any]) -> list[Step]:
    """From the filing on."""
    state, due = status["status"], status["due_on"]
    by = gettext("najpóźniej %(day)s", day=iso_day(due)) if due else ""
    decided = iso_day(status["decided_at"]) if status["decided_at"] else ""
    account = gettext("Numer dopisany do Twojego konta") if status["number_added"] else gettext("Konto założone")
    match state:
        case "registered":
            return [Step(gettext("Wniosek zaakceptowany"), Stage.DONE, decided), Step(account, Stage.DONE)]
        case "approved":
            return [Step(gettext("Wniosek zaakceptowany"), Stage.DONE, decided), Step(gettext("Zakładamy konto"), Stage.NOW)]
        case "rejected":
            return [Step(gettext("Wniosek odrzucony"), Stage.ENDED, decided)]
        case "withdrawn":
            return [Step(gettext("Wniosek wycofany"), Stage.ENDED, decided)]
        case "incomplete":
            now = _completion(status["completion"], by)
        case "filed" | "in_review":
            now = [Step(gettext("Sprawdzamy wniosek"), Stage.NOW, by)]
        case _:
            now = [Step(gettext("Sprawdzamy wniosek"), Stage.NEXT, by)]
    return [*now, Step(gettext("Login i hasło tymczasowe przychodzą e-mailem"), Stage.NEXT)]


def _completion(completion: dict[str, Any] | None, by: str) -> list[Step]:
    if completion is not None and completion["answered_at"]:
        return [
            Step(gettext("Otrzymaliśmy uzupełnienie"), Stage.DONE, iso_day(completion["answered_at"])),
            Step(gettext("Sprawdzamy wniosek"), Stage.NOW, by),
        ]
    asked = iso_day(completion["asked_at"]) if completion else ""
    return [Step(gettext("Czekamy na uzupełnienie"), Stage.NOW, gettext("od %(day)s", day=asked) if asked else "")]
