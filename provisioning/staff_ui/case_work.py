"""Work on a case between people: notes, who has it, handing it over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext

from ibok_idp.look.flask_look import language
from provisioning.domain.actors import Actor
from provisioning.domain.errors import Invalid
from provisioning.form.messages import message
from provisioning.http import wired
from provisioning.ports.services import Services
from provisioning.staff_ui.application import application_page
from provisioning.staff_ui.blueprint import actor, logged_in, staff
from provisioning.use_cases.desk.work_on_case import add_note, assign, claim, release


@staff.post("/wniosek/<reference>/notatka")
@logged_in
def write_note(reference: str) -> Any:
    return _typed_on_the_page(reference, "note", add_note, gettext("Notatka zapisana."))


@staff.post("/wniosek/<reference>/przekaz")
@logged_in
def assign_case(reference: str) -> Any:
    """Hand a case to a colleague."""
    return _typed_on_the_page(reference, "colleague", assign, gettext("Wniosek przekazany."))


@staff.post("/wniosek/<reference>/<any(przypisz, oddaj):what>")
@logged_in
def claim_case(reference: str, what: str) -> Any:
    """ "Zajmuję się tym", for four hours, or give it back."""
    (claim if what == "przypisz" else release)(wired().services, actor(), reference)
    return redirect(url_for("staff.application", reference=reference), 303)


def _typed_on_the_page(reference: str, name: str, do: Callable[[Services, Actor, str, str], object], done: str) -> Any:
    """Carry out what was typed in one field of the case's page; what is wrong with it is said there."""
    try:
        do(wired().services, actor(), reference, request.form.get(name, ""))
    except Invalid as invalid:
        return application_page(reference, errors={each.field: message(each, language()) for each in invalid.errors}), 422
    flash(done)
    return redirect(url_for("staff.application", reference=reference), 303)
