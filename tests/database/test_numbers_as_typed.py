"""Equal numbers are equal whatever dash was typed: a second application of the same person is seen (S4), a search finds it."""

import pytest

from provisioning.domain.desk import QueueFilter
from provisioning.domain.doubts import Doubt
from provisioning.use_cases.application.decide import approve
from provisioning.use_cases.application.doubts import doubts, look_at
from tests.support.database_alone import REGISTRAR, Alone
from tests.support.world import company_body

PESEL, NIP = "44051401359", "5260001246"


def entered_company(alone: Alone, tax_id: str) -> str:
    of_company = company_body(tax_id=tax_id)
    names = ("customer_type", "company_name", "tax_id", "registry_number", "representative")
    return alone.entered(**dict.fromkeys(("first_name", "last_name", "pesel")), **{name: of_company[name] for name in names})


def doubts_of(alone: Alone, reference: str) -> frozenset[Doubt]:
    with alone.services.work() as work:
        application = work.applications.get(reference)
        return doubts(alone.services, application, look_at(alone.services, work, application))


@pytest.mark.parametrize("typed", ["440514–01359", "440514 01359", "４４０５１４０１３５９"])
def test_a_second_application_with_the_same_pesel_typed_otherwise_needs_a_reason(alone: Alone, typed: str) -> None:
    approve(alone.services, REGISTRAR, alone.entered(pesel=PESEL), 1, "bez skanu")
    assert Doubt.ALIKE in doubts_of(alone, alone.entered(pesel=typed))


@pytest.mark.parametrize("typed", ["526–000–12–46", "PL 5260001246"])
def test_a_second_application_with_the_same_tax_number_typed_otherwise_needs_a_reason(alone: Alone, typed: str) -> None:
    approve(alone.services, REGISTRAR, entered_company(alone, NIP), 1, "bez skanu")
    assert Doubt.ALIKE in doubts_of(alone, entered_company(alone, typed))


def test_a_name_with_signs_keycloak_refuses_is_approved_and_the_account_has_it_without_them(alone: Alone) -> None:
    reference = alone.entered(first_name="Anna (Hanna)", last_name="Kowalska / Nowak")
    approve(alone.services, REGISTRAR, reference, 1, "bez skanu")
    with alone.services.work() as work:
        account = work.accounts.by_reference(reference)
        assert account is not None
        assert (account.first_name, account.last_name) == ("Anna Hanna", "Kowalska Nowak")
        assert work.applications.get(reference).applicant == "Anna (Hanna) Kowalska / Nowak"


@pytest.mark.parametrize("typed", ["4011-8270", "4011–8270", "4011 8270", "600–100–200", "+48 600-100-200"])
def test_a_number_is_found_whatever_dash_is_typed(alone: Alone, typed: str) -> None:
    reference = alone.entered(customer_number="4011 8270", phone="600 100 200")
    alone.entered(customer_number="51118270", phone="601 100 200")
    with alone.services.work() as work:
        for text in (typed, reference, reference.replace("-", "–"), reference[:9]):
            found = [each.reference for each in work.applications.page(QueueFilter(text=text)).applications]
            assert reference in found, text
            assert len(found) == 1 or text == reference[:9], text
