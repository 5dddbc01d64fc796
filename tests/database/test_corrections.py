"""What a correction says is carried out or refused with a code; four eyes (S04) see everybody who wrote a part."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from provisioning.domain.actors import Actor
from provisioning.domain.application import Application
from provisioning.domain.errors import Invalid, NotPossible
from provisioning.form.check import Checker
from provisioning.ports.services import Services
from provisioning.use_cases.application.approve_together import is_green
from provisioning.use_cases.application.correct import correct
from provisioning.use_cases.application.decide import approve, complete, request_completion
from provisioning.use_cases.application.register_paper import record_paper
from provisioning.use_cases.application.submit import confirm_email
from provisioning.use_cases.tokens import confirmation_token
from tests.support.database_alone import CLERK, REGISTRAR, Alone
from tests.support.world import company_body, paper_body


def body_of(alone: Alone, reference: str) -> dict[str, Any]:
    """The form as it stands, as a client sends it back."""
    found = read(alone, reference)
    body = {**found.data, "pesel": found.pesel, "clauses": found.clauses, "form_version": found.form_version}
    if found.customer_type != "person":
        del body["pesel"]
    return body | {
        "terms_version": found.terms_version if found.terms_accepted else None, "customer_type": found.customer_type,
        "language": found.language, "channel": found.channel.value, "filed_on": str(found.filed_on), "signature": found.signature,
    }  # fmt: skip


def read(alone: Alone, reference: str) -> Application:
    with alone.services.work() as work:
        return work.applications.get(reference)


def checker(alone: Alone) -> Checker:
    return replace(alone.wired.checker(), today=alone.clock.today())


def corrected(alone: Alone, reference: str, reason: str | None = None, by: Actor = CLERK, **changes: Any) -> Application:
    submission = checker(alone).correction(body_of(alone, reference) | changes)
    return correct(alone.services, by, reference, read(alone, reference).version, submission, reason)


def codes(refusal: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(each.field, each.code) for each in refusal.value.errors]


def filed_on_web(alone: Alone, kind: str = "declaration") -> str:
    signature = {"kind": kind} | ({"signed_name": "Józefa Źdźbło-Żak"} if kind == "declaration" else {})
    reference = str(alone.submitted(signature=signature)["reference"])
    confirm_email(alone.services, reference, str(confirmation_token(alone.services, read(alone, reference))))
    return reference


def test_a_correction_to_another_kind_of_customer_is_carried_out_and_what_was_filed_stays(alone: Alone) -> None:
    reference = alone.entered()
    before = read(alone, reference)
    company = {name: value for name, value in company_body().items() if name not in ("email", "clauses", "signature", "phone")}
    for name in ("first_name", "last_name", "pesel"):
        company[name] = None
    after = corrected(alone, reference, **company)
    assert (after.customer_type, after.applicant, after.pesel) == ("business", "Hydro-Śląsk sp. z o.o.", None)
    assert after.contact_person == ("Anna", "Ćwik")
    stored = read(alone, reference)
    assert (stored.customer_type, stored.contact_person) == ("business", ("Anna", "Ćwik"))
    assert stored.filed_form().contact_person == before.contact_person
    assert (stored.filed_form().customer_type, stored.filed_form().pesel) == ("person", before.pesel)
    person = {"first_name": "Jan", "last_name": "Kos", "company_name": None, "tax_id": None, "registry_number": None}
    again = corrected(alone, reference, **person, customer_type="person", representative=None, pesel=None)
    assert again.applicant == "Jan Kos"
    with alone.services.work() as work:
        assert [line.action for line in work.audit.of(reference)].count("application.corrected") == 2


def test_s4_a_corrected_filing_day_derives_the_term_again_with_a_reason_and_the_old_value(alone: Alone) -> None:
    reference = alone.entered()
    before = read(alone, reference)
    assert before.filed_on is not None
    day = before.filed_on - timedelta(days=1)
    with pytest.raises(Invalid) as refusal:
        corrected(alone, reference, filed_on=str(day))
    assert codes(refusal) == [("reason", "required")]
    assert read(alone, reference) == before
    corrected(alone, reference, "stempel pocztowy", filed_on=str(day))
    after = read(alone, reference)
    assert (after.filed_on, after.completed_on) == (day, day)
    assert after.due_on != before.due_on
    assert after.due_on is not None
    with alone.services.work() as work:
        details = work.audit.of(reference)[-1].details
    assert details["term"] == {"from": str(before.due_on), "to": str(after.due_on)}
    assert {"field": "filed_on", "old": str(before.filed_on), "new": str(day)} in details["changes"]
    assert details["reason"] == "stempel pocztowy"


def test_s4_a_day_of_completion_after_filing_stays_when_the_filing_day_is_corrected(alone: Alone) -> None:
    reference = alone.entered()
    request_completion(alone.services, CLERK, reference, 1, "Brakuje podpisu.")
    complete(alone.services, CLERK, reference, 2)
    before = read(alone, reference)
    assert before.filed_on is not None
    corrected(alone, reference, "pomyłka", filed_on=str(before.filed_on - timedelta(days=2)))
    assert read(alone, reference).completed_on == before.completed_on


def test_channel_and_language_are_corrected_and_an_old_filing_day_needs_no_words_while_it_stays(alone: Alone) -> None:
    day = alone.clock.today() - timedelta(days=50)
    reference = alone.entered(channel="post", filed_on=str(day), entry_reason="list zaginął")
    assert corrected(alone, reference, language="en").language == "en"
    with pytest.raises(Invalid) as refusal:
        corrected(alone, reference, channel="office")
    assert codes(refusal) == [("reason", "required")]
    assert corrected(alone, reference, "przyniesiono", channel="office").channel == "office"
    read(alone, reference).require_copy_allowed()


def test_what_cannot_be_corrected_is_refused_by_name(alone: Alone) -> None:
    paper, web = alone.entered(), filed_on_web(alone)
    refusals: list[tuple[str, dict[str, Any], str]] = [
        (paper, {"channel": "web"}, "channel"),
        (web, {"channel": "post"}, "channel"),
        (web, {"filed_on": str(alone.clock.today() - timedelta(days=1))}, "filed_on"),
        (web, {"email": "other@example.com"}, "email"),
        (web, {"clauses": {**read(alone, web).clauses, "K3-RODO": False}}, "clauses"),
        (web, {"signature": {"kind": "paper"}}, "signature"),
    ]
    for reference, change, field in refusals:
        with pytest.raises(Invalid) as refusal:
            corrected(
                alone,
                reference,
                "powód",
                **{"signature": None if reference == web else body_of(alone, paper)["signature"]} | change,
            )
        assert [name for name, _code in codes(refusal)] == [field]
    assert corrected(alone, web, language="en", signature=None).language == "en"


def test_a_form_of_another_version_is_not_slipped_under_an_application(alone: Alone) -> None:
    reference = alone.entered()
    submission = checker(alone).correction(body_of(alone, reference) | {"last_name": "Inna"})
    other = replace(submission, form=replace(submission.form, version="1999-1"))
    with pytest.raises(Invalid) as refusal:
        correct(alone.services, CLERK, reference, 1, other)
    assert codes(refusal) == [("form_version", "not_correctable")]


def four_eyes(alone: Alone) -> Services:
    return alone.with_rules(four_eyes=True)


def test_s04_four_eyes_who_corrected_the_clauses_cannot_approve(alone: Alone) -> None:
    clauses = {**paper_body()["clauses"], "K3-RODO": False}
    reference = alone.entered(clauses=clauses)
    corrected(alone, reference, by=REGISTRAR, clauses=paper_body()["clauses"])
    with alone.services.work() as work:
        assert not is_green(four_eyes(alone), work, REGISTRAR, work.applications.get(reference))
    with pytest.raises(NotPossible) as refusal:
        approve(four_eyes(alone), REGISTRAR, reference, read(alone, reference).version, "bez skanu")
    assert refusal.value.code == "four_eyes"
    other = Actor("another", REGISTRAR.roles)
    assert approve(four_eyes(alone), other, reference, read(alone, reference).version, "bez skanu").status == "approved"


def test_s04_four_eyes_who_recorded_the_paper_cannot_approve(alone: Alone) -> None:
    reference = filed_on_web(alone, "paper")
    day = alone.clock.today()
    record_paper(alone.services, REGISTRAR, reference, read(alone, reference).version, signed_on=day, filed_on=day)
    with pytest.raises(NotPossible) as refusal:
        approve(four_eyes(alone), REGISTRAR, reference, read(alone, reference).version, "bez skanu")
    assert refusal.value.code == "four_eyes"
    assert (
        approve(alone.services, REGISTRAR, reference, read(alone, reference).version, "bez skanu").status == "approved"
    )  # where one is enough
