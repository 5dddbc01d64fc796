"""Two people at one application: what the page showed, beside what is there now. Nothing was carried out."""

from __future__ import annotations

import json
from typing import Any

from flask import render_template, request

from ibok_idp.look.flask_look import day
from provisioning.domain.application import Application, masked_pesel
from provisioning.domain.declared_fields import declared
from provisioning.http import wired
from provisioning.staff_ui import audit_words, words

_LONGEST = 20_000


def seen(application: Application) -> str:
    """What a page shows of an application, for the hidden field `seen`: only shown again to the same person."""
    return json.dumps(_shown(application), ensure_ascii=False)


def stale_page(reference: str) -> str:
    """The page of a 409: both versions field by field, what was typed, and what happened meanwhile."""
    with wired().services.work() as work:
        application = work.applications.get(reference)
        history = work.audit.of(reference)
    before, now = _read(request.form.get("seen", "")), _shown(application)
    typed = _typed(now)
    differences = [
        (name, before.get(name, ""), value, typed.get(name))
        for name, value in now.items()
        if before and (before.get(name, "") != value or typed.get(name, before.get(name, "")) != before.get(name, ""))
    ]
    return render_template(
        "staff/stale.html",
        application=application,
        differences=differences,
        known=bool(before),
        corrected=any(mine is not None for *_rest, mine in differences),
        typed=request.form.get("reason", ""),
        history=[audit_words.audit_line(line) for line in history[-5:]],
    )


def _shown(application: Application) -> dict[str, str]:
    form = application.form().flat() | {"pesel": masked_pesel(application.pesel) or ""}
    return {
        "status": str(words.STATUS[application.status]),
        "due_on": day(application.due_on),
        "reason": application.reason or "",
        **form,
    }


def _typed(now: dict[str, str]) -> dict[str, str]:
    """What was typed into a correction, by the same names; answers and the PESEL are not repeated."""
    if not any(field.name in request.form for field in declared().fields):
        return {}
    fields = {name.replace("-", ".", 1): value for name, value in request.form.items()}
    apart = {field.name for field in declared().fields if field.apart}
    return {
        name: value
        for name, value in fields.items()
        if name in now and name not in apart | {"reason", "terms_accepted"} and not name.startswith("clauses.")
    }


def _read(text: str) -> dict[str, str]:
    """The field as it came back; a browser may send anything."""
    try:
        found: Any = json.loads(text[:_LONGEST])
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
