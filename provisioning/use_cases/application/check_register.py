"""A clerk checks an application against the customer register."""

from __future__ import annotations

from provisioning.domain.application import Application
from provisioning.domain.declared_fields import declared
from provisioning.domain.register_match import Claimed, Compared, RegisterCustomer, compare
from provisioning.ports.services import Services
from provisioning.ports.work import Work


def check_register(services: Services, work: Work, application: Application) -> list[Compared] | None:
    """The register's answers; None when no register was ever imported."""
    if not work.register.is_filled():
        return None
    return compared_with(services, application, work.register.get(application.data["customer_number"]))


def compared_with(services: Services, application: Application, known: RegisterCustomer | None) -> list[Compared]:
    """The answers of one customer of the register; None: it has no such number."""
    values = {field.register: field.said(application.data.get(field.name)) for field in declared().fields if field.register}
    values["pesel_fingerprint"] = services.fingerprint(application.pesel) if application.pesel else ""
    return compare(Claimed(name=application.applicant, **values), known)
