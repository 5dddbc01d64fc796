"""S8's other half: what never became an account is not kept for ever, and nothing of the person is left anywhere."""

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from provisioning.domain.audit_chain import faults
from provisioning.domain.document import Document
from provisioning.domain.errors import NotFound
from provisioning.domain.intake import IntakeFile, IntakeItem, IntakeKind, IntakeState
from provisioning.domain.mail import MailState
from provisioning.ports.services import Services
from provisioning.use_cases.account import forget
from provisioning.use_cases.account.forget import forget_what_is_past
from provisioning.use_cases.account.request_new_password import request_new_password
from provisioning.use_cases.application.decide import reject, withdraw
from provisioning.use_cases.application.submit import add_document, confirm_email, status_of
from provisioning.use_cases.desk.work_on_case import add_note
from provisioning.use_cases.intake.take_in import dismiss
from provisioning.use_cases.messages.mail_out import send_mail
from provisioning.use_cases.tokens import confirmation_token
from tests.support.database_alone import CLERK, REGISTRAR, Alone

FIRST, LAST, STREET = (f"{name}{secrets.token_hex(4)}" for name in ("Zdzisława", "Wąchocka", "Poziomkowa"))
PESEL = "44051401359"
PERSON: dict[str, Any] = {
    "first_name": FIRST, "last_name": LAST, "pesel": PESEL, "email": f"{LAST.lower().replace('ą', 'a')}@example.com",
    "phone": "+48 601 234 567", "customer_number": "4012345678", "contract_number": f"U/{LAST}",
    "supply_point_address": {"street": STREET, "house": "7", "flat": None, "postal_code": "43-300", "city": "Bielsko-Biała"},
}  # fmt: skip
WORDS = [FIRST, LAST, STREET, PERSON["email"], "601 234 567", "4012345678", "scan of the person"]


def left(alone: Alone) -> list[str]:
    """Where any of the person's words rests, in any table; the PESEL by its columns, for it is encrypted."""
    tables = alone.sql("SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'")
    words = [f"%{each}%" for word in WORDS for each in (word, word.encode().hex())]
    found = []
    with psycopg.connect(alone.url) as connection:
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} AS t WHERE t::text ILIKE ANY(%s)", (words,)).fetchall()
            found += [f"{table}: {row}" for (row,) in rows]
    sealed = "pesel_encrypted IS NOT NULL OR pesel_as_filed_encrypted IS NOT NULL OR pesel_fingerprint IS NOT NULL"
    found += [f"PESEL of {row[0]}" for row in alone.sql(f"SELECT reference FROM applications WHERE {sealed}")]
    return found


def scan(reference: str) -> Document:
    content = b"scan of the person " + uuid.uuid4().bytes
    return Document(uuid.uuid4().hex, reference, "scan", LAST, "image/png", sha256(content).hexdigest(), content, original=content)


def with_traces(alone: Alone, reference: str) -> None:
    """Notes and words of staff, a mail that came in, and what a mail server said."""
    add_note(alone.services, CLERK, reference, f"{FIRST} mieszka przy {STREET}")
    with alone.services.work() as work:
        work.intake.add(item(reference=reference, state=IntakeState.ATTACHED, text=LAST), [])
        for mail in work.mails.of(reference):
            mail.answer = f"250 {PERSON['email']}"
            work.mails.save(mail)


def item(**changes: Any) -> IntakeItem:
    values: dict[str, Any] = {
        "intake_id": uuid.uuid4().hex, "kind": IntakeKind.EMAIL, "state": IntakeState.WAITING, "sha256": uuid.uuid4().hex,
        "message_id": None, "sender": f"{LAST} <{PERSON['email']}>", "subject": LAST, "received_at": None, "text": STREET,
    }  # fmt: skip
    return IntakeItem(**values | {"received_at": datetime(2026, 11, 24, 12, tzinfo=UTC)} | changes)


def unconfirmed(alone: Alone) -> str:
    answer = alone.submitted(**PERSON, signature={"kind": "scan"})
    add_document(alone.services, answer["reference"], answer["status_token"], scan(answer["reference"]))
    return str(answer["reference"])


def awaiting_paper(alone: Alone) -> str:
    reference = str(alone.submitted(**PERSON, signature={"kind": "paper"})["reference"])
    with alone.services.work() as work:
        link = confirmation_token(alone.services, work.applications.get(reference))
    confirm_email(alone.services, reference, str(link))
    return reference


def withdrawn(alone: Alone) -> str:
    reference = alone.entered(**PERSON)
    withdraw(alone.services, CLERK, reference, 1, f"{LAST} dzwoniła")
    return reference


def rejected(alone: Alone) -> str:
    reference = alone.entered(**PERSON)
    with alone.services.work() as work:
        work.documents.add(scan(reference))
    reject(alone.services, REGISTRAR, reference, 1, f"Pani {LAST}: nie ten adres.")
    return reference


KINDS: list[tuple[Callable[[Alone], str], int, bool]] = [
    (unconfirmed, 7, True),
    (awaiting_paper, 60, True),
    (withdrawn, 90, False),
    (rejected, 365, False),
]


@pytest.mark.parametrize(("make", "days", "deleted"), KINDS)
def test_s8_past_its_retention_nothing_of_the_person_is_left_and_the_audit_holds(
    alone: Alone, make: Callable[[Alone], str], days: int, deleted: bool
) -> None:
    reference = make(alone)
    with_traces(alone, reference)
    other = alone.entered(last_name="Inny")  # nothing of others goes with it
    alone.clock.forward(days=days, minutes=-1)
    forget_what_is_past(alone.services)
    assert left(alone), "kept until its day"
    alone.clock.forward(minutes=2)
    gone = forget_what_is_past(alone.services)
    assert sum(gone.get(name, 0) for name in ("unconfirmed", "withdrawn", "rejected")) == 1
    assert left(alone) == [f"PESEL of {other}"]
    assert alone.sql("SELECT count(*) FROM audit_keys WHERE subject = %s", reference) == [(0,)]
    with alone.services.work() as work:
        assert list(faults(work.audit.chain())) == []
        assert work.audit.of(reference)[-1].action == ("application.expired" if deleted else "application.anonymised")
        if deleted:
            with pytest.raises(NotFound):
                work.applications.get(reference)
        else:
            assert work.applications.get(reference).applicant == "– –"
    assert forget_what_is_past(alone.services).get("rejected", 0) == 0  # once


def test_a_job_of_a_mail_whose_application_is_gone_ends(alone: Alone) -> None:
    reference = unconfirmed(alone)
    ((message_id,),) = alone.sql("SELECT message_id FROM mails WHERE reference = %s", reference)
    alone.clock.forward(days=8)
    forget_what_is_past(alone.services)
    assert send_mail(alone.services, message_id) is MailState.VOID


def test_a_status_link_of_what_is_gone_is_not_found(alone: Alone) -> None:
    answer = alone.submitted()
    alone.clock.forward(days=8)
    forget_what_is_past(alone.services)
    with pytest.raises(NotFound):
        status_of(alone.services, answer["reference"], answer["status_token"])


def test_one_that_cannot_go_keeps_none_of_the_others_and_neither_does_a_job(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    references = [unconfirmed(alone) for _ in range(3)]
    rejected(alone)
    alone.sql(
        "CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stuck'; END $$;"
        "CREATE TRIGGER stuck BEFORE DELETE ON applications FOR EACH ROW WHEN (OLD.reference = '" + references[1] + "')"
        " EXECUTE FUNCTION stuck()"
    )

    def broken(_office: Services) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(forget, "forget_withdrawn", broken)
    alone.clock.forward(days=400)
    gone = forget_what_is_past(alone.services)
    assert (gone["unconfirmed"], gone["rejected"]) == (2, 1)
    assert alone.sql("SELECT reference FROM applications WHERE status = 'unconfirmed'") == [(references[1],)]
    alone.sql("DROP TRIGGER stuck ON applications")
    assert forget_what_is_past(alone.services) == {"unconfirmed": 1}


def test_more_than_one_portion_goes_in_one_round(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forget, "_BATCH", 2)
    for _ in range(5):
        alone.submitted()
    alone.clock.forward(days=8)
    assert forget_what_is_past(alone.services)["unconfirmed"] == 5


def test_what_came_in_and_nobody_dealt_with_goes_with_its_files_and_what_was_dismissed_with_the_words_about_it(
    alone: Alone,
) -> None:
    waiting, dismissed = item(), item()
    file = IntakeFile(uuid.uuid4().hex, waiting.intake_id, 0, LAST, "image/png", "0" * 64, None, b"scan of the person")
    with alone.services.work() as work:
        work.intake.add(waiting, [file])
        work.intake.add(dismissed, [])
    dismiss(alone.services, CLERK, dismissed.intake_id, f"reklama od {LAST}")
    assert alone.sql("SELECT count(*) FROM audit_keys") == [(1,)]
    alone.clock.forward(days=364)
    assert "intake" not in forget_what_is_past(alone.services)
    alone.clock.forward(days=2)
    assert forget_what_is_past(alone.services)["intake"] == 2
    assert left(alone) == []
    assert alone.sql("SELECT count(*) FROM audit_keys") == [(0,)]


def test_wishes_of_unknown_logins_and_keys_of_requests_go_after_their_days(alone: Alone) -> None:
    request_new_password(alone.services, "wp00000000")
    alone.submitted()
    alone.clock.forward(days=1)
    assert forget_what_is_past(alone.services) == {}
    alone.clock.moment += timedelta(days=1, minutes=1)
    assert forget_what_is_past(alone.services)["unknown_resets"] == 1
    alone.sql("UPDATE applications SET status = 'filed'")  # so that its key alone is past
    alone.clock.forward(days=90)
    assert forget_what_is_past(alone.services)["idempotency_keys"] == 1


def test_the_days_are_those_of_the_utility(alone: Alone) -> None:
    alone.submitted()
    alone.clock.forward(days=8)
    rules = alone.services.rules
    longer = alone.with_rules(retention=type(rules.retention)(unconfirmed=timedelta(days=9)))
    assert "unconfirmed" not in forget_what_is_past(longer)
    assert forget_what_is_past(alone.services)["unconfirmed"] == 1
