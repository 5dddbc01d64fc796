"""What speaks against approving: each doubt asks for written words, or forbids; what staff saw on a scan is evidence (S2, S4)."""

from __future__ import annotations

import secrets

import pytest

from provisioning.domain.actors import Actor
from provisioning.domain.document import Document
from provisioning.domain.doubts import Doubt, ScanCheck
from provisioning.domain.errors import Invalid, NotPossible
from provisioning.domain.rights import Role
from provisioning.ports.services import Services
from provisioning.use_cases.application.approve_together import green
from provisioning.use_cases.application.correct import correct
from provisioning.use_cases.application.decide import approve
from provisioning.use_cases.application.doubts import check_scan, doubts, doubts_in_rows, look_at
from tests.support.database_alone import CLERK, REGISTRAR, Alone
from tests.support.world import paper_body

COLLEAGUE = Actor("ewa", frozenset({Role.CLERK}))
ALL = frozenset(ScanCheck)


def in_register(alone: Alone, number: str, name: str, address: str) -> None:
    alone.sql(
        "INSERT INTO register_customers (customer_number, name, customer_type, supply_points, contract_numbers, imported_at) "
        "VALUES (%s, %s, 'person', jsonb_build_array(%s::text), '[]', now())",
        number,
        name,
        address,
    )


def scan_of(alone: Alone, reference: str) -> None:
    with alone.services.work() as work:
        content = secrets.token_bytes(8)
        document = Document(secrets.token_hex(8), reference, "paper", "skan.pdf", "application/pdf", secrets.token_hex(32), content)
        work.documents.add(document)


def said(alone: Alone, reference: str) -> set[Doubt]:
    with alone.services.work() as work:
        application = work.applications.get(reference)
        return set(doubts(alone.services, application, look_at(alone.services, work, application)))


def approved(services: Services, reference: str, reason: str | None = None) -> str:
    with services.work() as work:
        version = work.applications.get(reference).version
    return approve(services, REGISTRAR, reference, version, reason).status


def test_s4_a_stranger_on_the_number_of_a_housing_community_is_not_approved_by_one_click(alone: Alone) -> None:
    in_register(alone, "40118271", "Wspólnota Mieszkaniowa Źródlana 7", "Źródlana 7, 43-300 Bielsko-Biała")
    reference = alone.entered(first_name="Obcy", last_name="Człowiek", customer_number="40118271")
    assert said(alone, reference) == {Doubt.REGISTER_DIFFERS, Doubt.NO_SCAN}
    with pytest.raises(Invalid):
        approved(alone.services, reference)
    assert approved(alone.services, reference, "pełnomocnictwo w aktach wspólnoty") == "approved"
    (line,) = alone.sql("SELECT details FROM audit WHERE action = 'application.approved'")
    assert line[0]["over"] == ["no_scan", "register_differs"]


@pytest.mark.parametrize("doubt", [Doubt.NOT_IN_REGISTER, Doubt.NO_SCAN])
def test_the_utility_may_forbid_what_others_explain(alone: Alone, doubt: Doubt) -> None:
    in_register(alone, "40000001", "Ktoś Inny", "Wodna 1, 43-300 Bielsko-Biała")
    reference = alone.entered()
    with pytest.raises(NotPossible) as refused:
        approved(alone.with_rules(forbidden=frozenset({doubt})), reference, "proszę")
    assert refused.value.code == "doubt_forbidden"
    assert approved(alone.with_rules(forbidden=frozenset({Doubt.LATE})), reference, "sprawdzone") == "approved"


def test_what_was_seen_on_the_scan_is_evidence_and_goes_when_the_data_change(alone: Alone) -> None:
    reference = alone.entered()
    with pytest.raises(NotPossible) as refused:
        check_scan(alone.services, CLERK, reference, ALL)
    assert refused.value.code == "no_scan"
    scan_of(alone, reference)
    assert said(alone, reference) == {Doubt.NOT_CHECKED}
    check_scan(alone.services, CLERK, reference, frozenset({ScanCheck.DATA}))
    assert said(alone, reference) == {Doubt.NOT_CHECKED}
    seen = check_scan(alone.services, COLLEAGUE, reference, ALL)
    assert {each.what: each.checked_by for each in seen} == {"data": "clerk", "clauses": "ewa", "signature": "ewa"}
    assert said(alone, reference) == set()
    with alone.services.work() as work:
        application = work.applications.get(reference)
    changed = alone.checked(
        paper_body(alone.clock.today(), last_name="Nowak", signature=application.signature, filed_on=str(application.filed_on))
    )
    correct(alone.services, CLERK, reference, application.version, changed)
    assert said(alone, reference) == {Doubt.NOT_CHECKED}
    with alone.services.work() as work:
        assert [each.what for each in work.cases.scan_checks_of(reference)] == [ScanCheck.SIGNATURE]
    audited = alone.sql("SELECT actor, details FROM audit WHERE action = 'application.scan_checked' ORDER BY number")
    assert [(actor, details["seen"]) for actor, details in audited] == [("clerk", ["data"]), ("ewa", ["clauses", "signature"])]


def test_a_tick_can_be_taken_back_and_nothing_is_ticked_after_the_decision(alone: Alone) -> None:
    reference = alone.entered()
    scan_of(alone, reference)
    check_scan(alone.services, CLERK, reference, ALL)
    assert check_scan(alone.services, COLLEAGUE, reference, frozenset()) == []
    approved(alone.services, reference, "podpis w aktach")
    with pytest.raises(NotPossible):
        check_scan(alone.services, CLERK, reference, ALL)


def test_only_what_nothing_speaks_against_is_approved_together_and_rows_show_why_not(alone: Alone) -> None:
    address = "Źródlana 7/3, 43-300 Bielsko-Biała"
    in_register(alone, "40000001", "Józefa Źdźbło-Żak", address)
    in_register(alone, "40000002", "Józefa Źdźbło-Żak", address)
    good, unseen, foreign = (alone.entered(customer_number=f"4000000{number}") for number in (1, 2, 3))
    for reference in (good, unseen):
        scan_of(alone, reference)
    check_scan(alone.services, CLERK, good, ALL)
    assert [each.reference for each in green(alone.services, REGISTRAR)] == [good]
    with alone.services.work() as work:
        rows = doubts_in_rows(alone.services, work, [work.applications.get(each) for each in (good, unseen, foreign)])
    assert rows == {good: frozenset(), unseen: {Doubt.NOT_CHECKED}, foreign: {Doubt.NOT_IN_REGISTER, Doubt.NO_SCAN}}


def test_of_a_web_form_that_was_printed_only_the_signature_is_seen(alone: Alone) -> None:
    reference = alone.submitted(signature={"kind": "scan"})["reference"]
    assert said(alone, reference) == {Doubt.NO_SCAN}
    scan_of(alone, reference)
    assert said(alone, reference) == {Doubt.NOT_CHECKED}
    alone.sql("INSERT INTO scan_checks VALUES (%s, 'signature', 'clerk', now())", reference)
    assert said(alone, reference) == set()
