"""A clerk checks an application against the customer register."""

from __future__ import annotations

from provisioning.domain.addresses import address_line
from provisioning.domain.application import Application
from provisioning.domain.register_match import Claimed, Compared, compare
from provisioning.ports.services import Services
from provisioning.ports.work import Work


def check_register(services: Services, work: Work, application: Application) -> list[Compared] | None:
    """The register's answers; None when no register was ever imported."""
    if not work.register.is_filled():
        return None
    data = application.data
    claimed = Claimed(
        customer_number=data["customer_number"] or "",
        name=application.applicant,
        supply_point=address_line(data["supply_point_address"]),
        contract_number=data.get("contract_number"),
        tax_id=data.get("tax_id"),
        pesel_fingerprint=services.fingerprint(application.pesel) if application.pesel else None,
    )
    return compare(claimed, work.register.get(claimed.customer_number))
