"""S4 warnings of the morning, due dates derived again, the reminder of the first login, the help-line card, the manager's pages."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from provisioning.domain.actors import Actor
from provisioning.domain.errors import Forbidden, Invalid
from provisioning.domain.rulebook import TermUnit
from provisioning.form.check import Checker
from provisioning.ports.messages import MailDeferred
from provisioning.ports.services import Services
from provisioning.use_cases.application.register_paper import register_paper
from provisioning.use_cases.desk.derive_terms import derive_terms, preview
from provisioning.use_cases.desk.undecided import undecided
from provisioning.use_cases.desk.warn_of_terms import send_digest, warnings
from provisioning.use_cases.messages.undelivered import remind_of_first_login
from provisioning.use_cases.terms.choose_form_version import offer_from
from tests.support.desk import act, entered
from tests.support.fakes import FixedClock
from tests.support.own_database import OwnDatabase, own_database
from tests.support.world import World, eventually, paper_body

WARSAW = ZoneInfo("Europe/Warsaw")
MANAGER = Actor("manager", frozenset({"bok-manager"}))


class Outbox:
    """A mail server that takes, or answers as told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.away = False

    def send(self, message: EmailMessage) -> str:
        if self.away:
            raise MailDeferred("away")
        self.mails.append(message)
        return "250 ok"


def morning(day: date, hour: int = 7) -> FixedClock:
    clock = FixedClock(datetime.combine(day, time(hour), WARSAW).astimezone(UTC))
    clock.today = lambda: clock.moment.astimezone(WARSAW).date()  # type: ignore[method-assign]
    return clock


@pytest.fixture
def own(world: World) -> Iterator[OwnDatabase]:
    with own_database(world) as found:
        yield found


def office_on(own: OwnDatabase, day: date, outbox: Outbox, hour: int = 7, **changes: Any) -> Services:
    to = {"digest_to": (f"bok-{day}@wpwik.example",), "digest_manager_to": (f"kierownik-{day}@wpwik.example",)}
    return replace(own.services, clock=morning(day, hour), mailer=outbox, **to | changes)


def text_of_mail(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def filed_days_before(own: OwnDatabase, day: date, number: int) -> str:
    """An application that stood at this day of its term then."""
    filed = day - timedelta(days=number)
    rules = own.services.rules
    checker = Checker(own.services.forms, own.services.current_form(date.today()), rules, date(2040, 1, 1))
    submission = checker.paper(paper_body(filed_on=str(filed), signature=None, entry_reason="–"))
    return register_paper(own.services, Actor("clerk", frozenset({"bok-clerk"})), submission).reference


def test_s4_one_mail_a_working_morning_names_day_7_10_and_12_and_the_manager_gets_day_12_alone(own: OwnDatabase) -> None:
    day = date(2031, 3, 5)  # a Wednesday of its own: no other test files here
    seven, ten, twelve, other = (filed_days_before(own, day, number) for number in (7, 10, 12, 8))
    outbox = Outbox()
    assert send_digest(office_on(own, day, outbox, hour=5)) == 0  # too early
    assert send_digest(office_on(own, day, outbox)) == 2
    assert send_digest(office_on(own, day, outbox)) == 0  # once a morning
    clerks, manager = sorted(outbox.mails, key=lambda mail: str(mail["To"]))
    said = text_of_mail(clerks)
    for reference, words in ((seven, "Minął 7. dzień"), (ten, "Minął 10. dzień"), (twelve, "Minął 12. dzień")):
        assert reference in said
        assert words in said
    assert other not in said
    assert "Źdźbło" not in said  # no personal data
    assert twelve in text_of_mail(manager)
    assert seven not in text_of_mail(manager)
    assert ten not in text_of_mail(manager)


def test_s4_nothing_goes_out_on_days_off_and_monday_tells_of_the_weekend(own: OwnDatabase) -> None:
    saturday = date(2031, 4, 5)
    reference = filed_days_before(own, saturday, 7)
    outbox = Outbox()
    friday, monday = saturday - timedelta(days=1), saturday + timedelta(days=2)
    send_digest(office_on(own, friday, outbox))
    outbox.mails.clear()
    for day in (saturday, saturday + timedelta(days=1)):
        assert send_digest(office_on(own, day, outbox)) == 0
    same = {"digest_to": (f"bok-{friday}@wpwik.example",), "digest_manager_to": ()}
    assert send_digest(office_on(own, monday, outbox, **same)) == 1
    assert reference in text_of_mail(outbox.mails[0])


def test_s4_a_mail_server_that_is_away_is_asked_again(own: OwnDatabase) -> None:
    day = date(2031, 5, 6)
    filed_days_before(own, day, 12)
    outbox = Outbox()
    outbox.away = True
    assert send_digest(office_on(own, day, outbox)) == 0
    outbox.away = False
    assert send_digest(office_on(own, day, outbox)) == 2


def test_s4_warning_days_are_counted_in_the_unit_of_the_term(own: OwnDatabase) -> None:
    day = date(2031, 9, 10)  # Wednesday; the fifth working day after Wednesday the 3rd
    reference = filed_days_before(own, day, 7)
    services = replace(
        own.services, rules=replace(own.services.rules, term_unit=TermUnit.WORKING_DAYS, term_days=7, reminder_days=(3, 5, 6))
    )
    found = {line.reference: line.day for line in warnings(services, undecided(services), day - timedelta(days=1), day)}
    assert found.get(reference) == 5
    assert reference not in {line.reference for line in warnings(services, undecided(services), day, day)}


def test_s4_a_changed_term_is_shown_first_and_then_derived_with_an_audit_line(own: OwnDatabase, world: World) -> None:
    reference = filed_days_before(own, date.today(), 3)
    services = replace(own.services, rules=replace(own.services.rules, term_days=21))
    assert preview(own.services) == []
    (moved,) = preview(services)
    assert (moved.new - moved.old).days >= 5  # type: ignore[operator]
    assert own.sql("SELECT due_on, version FROM applications WHERE reference = %s", reference) == [(moved.old, 1)]  # only shown
    with pytest.raises(Forbidden):
        derive_terms(services, Actor("registrar", frozenset({"bok-registrar"})))
    assert derive_terms(services, MANAGER) == [moved]
    assert own.sql("SELECT due_on, version FROM applications WHERE reference = %s", reference) == [(moved.new, 2)]
    with services.work() as work:
        line = work.audit.of(reference)[-1]
    assert (line.action, line.details) == ("application.term_derived", {"from": str(moved.old), "to": str(moved.new)})
    assert preview(services) == []
    assert world.staff("manager").open(f"{world.provisioning}/terminy").status == 200
    assert world.staff("registrar").open(f"{world.provisioning}/terminy").status == 403


def test_s5_three_days_before_the_temporary_password_ends_one_reminder_goes_out_without_it(world: World) -> None:
    found = world.registered()
    services = world.services()
    remind_of_first_login(services)
    assert world.mails(found["email"], "niedługo wygaśnie") == []
    ends = datetime.now(UTC) + timedelta(days=2, hours=20)
    world.sql("UPDATE accounts SET password_expires_at = %s WHERE login = %s", ends, found["login"])
    assert remind_of_first_login(services) >= 1
    remind_of_first_login(services)
    mail = world.mail(found["email"], "niedługo wygaśnie")
    assert found["login"] in mail["text"]
    assert found["temporary"] not in mail["text"]
    assert len(world.mails(found["email"], "niedługo wygaśnie")) == 1
    world.sql("UPDATE accounts SET mail_accepted_at = now() - interval '9 days' WHERE login = %s", found["login"])
    page = world.staff("clerk").open(f"{world.provisioning}/zadania/niezalogowani")
    assert found["login"] in page.text
    assert found["login"] not in world.staff("clerk").open(f"{world.provisioning}/zadania/niezalogowani?dni=10").text


def test_the_help_line_card_says_what_a_call_needs_and_nothing_secret(world: World) -> None:
    waiting, active = world.registered(), world.active()
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/konta?q={waiting['login']}")
    for words in ("250", "nieużyte, ważne do", "jeszcze żadnego", f"{waiting['email'][0]}•••@example.com"):
        assert words in page.text
    for secret in (waiting["temporary"], waiting["email"], waiting["pesel"]):
        assert secret not in page.text
    assert "Wyślij hasło ponownie" not in page.text  # a clerk may not
    echo = f"550 5.1.1 <{waiting['email']}>: user unknown"
    world.sql(
        "UPDATE mails SET answer = %s, state = 'bounced' WHERE reference = %s AND kind = 'activated'", echo, waiting["reference"]
    )
    page = clerk.open(f"{world.provisioning}/konta?q={waiting['login']}")
    assert "nie ma takiego adresu" in page.text
    assert waiting["email"] not in page.text
    assert "Wyślij hasło ponownie" in world.staff("registrar").open(f"{world.provisioning}/konta?q={waiting['login']}").text
    for asked in ("+48 600 100 200", "Źdźbło-Żak", "zdzblo zak"):
        assert clerk.session.get(f"{world.provisioning}/konta", params={"q": asked}, timeout=60).text.count("ib-facts") >= 1
    page = clerk.open(f"{world.provisioning}/konta?q={active['customer_number']}")
    assert active["login"] in page.text
    assert "użyte" in page.text
    world.visitor().log_in(f"{world.webapp}/konto", active["login"], "wrong Password 1")

    def failed() -> bool:
        text = clerk.open(f"{world.provisioning}/konta?q={active['login']}").text
        return '<dd class="ib-num">1</dd>' in text

    assert eventually(failed)
    assert "Nie ma takiego konta" in clerk.open(f"{world.provisioning}/konta?q=xqxqxqxq").text
    assert world.staff("auditor").open(f"{world.provisioning}/konta").status == 403


def test_reports_show_pictures_and_tables_and_export_without_a_person_in_them(world: World) -> None:
    found = entered(world)
    act(world, found["reference"], "reject", reason="Nowak to nie ta osoba", rejected_for="data_wrong")
    manager = world.staff("manager")
    page = manager.open(f"{world.provisioning}/raporty")
    for words in ("Złożone i zarejestrowane w tygodniu", "dane niezgodne z umową", "W terminie"):
        assert words in page.text
    assert "Nowak" not in page.text
    assert page.text.count("<img") >= 3
    picture = manager.session.get(f"{world.provisioning}/raporty/tygodnie.svg", timeout=60)
    assert picture.headers["Content-Type"].startswith("image/svg+xml")
    assert b"<script" not in picture.content
    assert not re.search(rb"href=|@import|url\(|src=", picture.content)  # nothing is loaded from anywhere
    form = page.form("/raporty/csv")
    csrf = next(each.get("value") for each in form.iter("input") if each.get("name") == "csrf_token")
    answer = manager.session.post(f"{world.provisioning}/raporty/csv", data={"csrf_token": csrf}, timeout=60)
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert {"Złożone według kanału", "Wiadomości"} <= {each["raport"] for each in rows}
    assert "report.exported" in {each["action"] for each in world.call("GET", "/staff/audit?limit=20", world.staff_token("auditor")).json()["items"]}  # fmt: skip
    assert "Początek okresu musi być przed" in manager.open(f"{world.provisioning}/raporty?since=2026-02-01&until=2026-01-01").text
    assert manager.open(f"{world.provisioning}/raporty?since=x").errors() == ["Wpisz datę, na przykład 24.11.2026"]
    assert world.staff("clerk").open(f"{world.provisioning}/raporty").status == 403


def test_the_numbers_of_a_report_are_those_of_its_period(own: OwnDatabase) -> None:
    day = date(2024, 3, 4)  # a Monday
    decisions = [("registered", day + timedelta(days=5), None), ("registered", day + timedelta(days=13), None), ("rejected", day + timedelta(days=20), "duplicate")]  # fmt: skip
    for status, decided, wrong in decisions:
        reference = filed_days_before(own, day, 0)
        late_at_night = datetime.combine(decided, time(23, 30), WARSAW)
        own.sql("UPDATE applications SET status = %s, decided_at = %s, rejected_for = %s WHERE reference = %s", status, late_at_night, wrong, reference)  # fmt: skip
    filed_days_before(own, day + timedelta(days=28), 0)  # outside the period
    with own.services.work() as work:
        found = work.reports.figures(day, day + timedelta(days=20), datetime.now(UTC))
    assert found.weeks == [(day, 3, 1), (day + timedelta(days=7), 0, 1), (day + timedelta(days=14), 0, 0)]
    assert found.by_channel == {"post": 3}
    assert found.by_status == {"registered": 2, "rejected": 1}
    assert found.rejected_for == {"duplicate": 1}
    assert (found.decided, found.in_term) == (3, 2)
    assert (found.median_days, found.p90_days) == (9.0, pytest.approx(12.2))
    assert found.first_login == (0, 0, 0)


def test_a_form_version_is_compared_and_offered_from_a_day_and_applications_keep_theirs(world: World) -> None:
    manager = world.staff("manager")
    page = manager.open(f"{world.provisioning}/druki")
    version = "2099-1"  # the next terms that every test stack has
    page = manager.open(f"{world.provisioning}/druki?a=2026-1&b={version}")
    assert "2026-1 → " in page.text
    assert "Dodano:" in page.text
    day = str(date.today() + timedelta(days=21))  # the day it has anyhow: other tests announce it
    page = manager.send(page, {"valid_from": day}, action_ends=f"/druki/{version}")
    assert "obowiązuje od" in page.text
    assert world.call("GET", "/form", world.service_token()).json()["form_version"] == "2026-1"
    page = manager.send(manager.open(f"{world.provisioning}/druki"), {"valid_from": "2020-01-01"}, action_ends=f"/druki/{version}")
    assert page.errors() == ["Wybierz dzisiejszy albo późniejszy dzień"]
    page = manager.send(manager.open(f"{world.provisioning}/druki"), {"valid_from": day}, action_ends="/druki/2026-1")
    assert page.errors() == ["Dziś nie obowiązywałby żaden druk. Najpierw ustaw inną wersję"]
    with pytest.raises(Invalid):
        offer_from(world.services(), MANAGER, "2026-1", date.today() + timedelta(days=1))
    assert world.staff("registrar").open(f"{world.provisioning}/druki").status == 403
