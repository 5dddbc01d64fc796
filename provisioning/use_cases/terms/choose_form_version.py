"""A manager decides from which day a version of form and Regulamin is offered; applications keep theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import FieldError, Invalid, NotFound
from provisioning.domain.rights import Action, require_permission
from provisioning.domain.terms import FormActivation
from provisioning.ports.services import Services


def offer_from(services: Services, actor: Actor, version: str, day: date) -> FormActivation:
    """Offer a version from a day on; customers are told of its Regulamin in advance (terms_notice_days).

    Raises:
        Forbidden. NotFound: no such version. Invalid: `valid_from_in_past`, or `no_form_left`, when no version would be
            valid today.
    """
    require_permission(actor.roles, Action.FORM_VERSIONS)
    today = services.clock.today()
    if version not in services.forms:
        raise NotFound(version)
    if day < today:
        raise Invalid([FieldError("valid_from", "valid_from_in_past")])
    after = [replace(form, valid_from=day) if form.version == version else form for form in services.versions]
    if not any(form.valid_from <= today for form in after):
        raise Invalid([FieldError("valid_from", "no_form_left")])
    activation = FormActivation(version, day, services.clock.now(), actor.name)
    with services.work() as work:
        work.form_activations.put(activation)
        details = {"version": version, "valid_from": day.isoformat()}
        work.audit.write(actor, AuditAction.FORM_ACTIVATED, version, details, activation.activated_at)
    return activation
