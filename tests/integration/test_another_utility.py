"""Another, invented utility: its name, phones, clauses and a term of 7 working days come from its own file alone."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provisioning.adapters.pdf import blank_form
from provisioning.domain.actors import Actor
from provisioning.domain.mail import MailKind
from provisioning.domain.rulebook import TermUnit
from provisioning.form import catalogue
from provisioning.use_cases.application.register_paper import register_paper
from provisioning.wiring import Wired, wire
from tests.support.files import text_of
from tests.support.own_database import own_database
from tests.support.world import World, paper_body

FACTS = """
[company]
short_name = "WZ"
name = "Wodociągi Zalesie sp. z o.o."
address = "ul. Studzienna 5, 00-950 Zalesie"
office_hours = "poniedziałek 8:00–16:00"
office_hours_en = "Monday 8:00–16:00"
[contact]
phones = "22 555 01 01"
phones_en = "22 555 01 01"
email = "ibok@zalesie.example"
data_protection_email = "iod@zalesie.example.org"
[term]
days = 7
unit = "working_days"
reminder_days = [3, 5, 6]
[form]
versions = "druki"
"""


@pytest.fixture
def zalesie(world: World, tmp_path: Path) -> Iterator[Wired]:
    file = tmp_path / "zalesie.toml"
    file.write_text(FACTS)
    (tmp_path / "druki").mkdir()
    own = (Path(catalogue.__file__).parent / "versions" / "2026-1.toml").read_text()
    changed = own.replace('version = "2026-1"', 'version = "Z-1"').replace(
        "prawdziwe i kompletne", "prawdziwe, kompletne i aktualne"
    )
    (tmp_path / "druki" / "z-1.toml").write_text(changed.replace("valid_from = 2026-01-01", "valid_from = 2026-01-02"))
    with own_database(world) as own_one:
        settings = world.settings()
        kind = type(settings.database_url)
        yield wire(settings.model_copy(update={"utility_file": file, "database_url": kind(own_one.url)}))
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_a_second_utility_needs_its_own_file_alone(zalesie: Wired, tmp_path: Path) -> None:
    services = zalesie.services
    assert (services.rules.term_days, services.rules.term_unit, services.rules.reminder_days) == (
        7,
        TermUnit.WORKING_DAYS,
        (3, 5, 6),
    )
    form = services.current_form(services.clock.today())
    assert form.version == "Z-1"
    body = paper_body(form_version="Z-1", filed_on="2026-11-10")
    body["terms_version"] = form.terms_version
    application = register_paper(
        services, Actor("clerk", frozenset({"bok-clerk"})), zalesie.checker().paper(body | {"entry_reason": "–"})
    )
    assert application.due_on == date(2026, 11, 20)  # 11 November is a holiday: 12, 13, 16, 17, 18, 19, 20
    with services.work() as work:
        mail: Any = next(each for each in work.mails.of(application.reference) if each.kind is MailKind.RECEIVED)
    message = services.compose(services, mail, application, None, None)
    said = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for words in ("Wodociągi Zalesie", "22 555 01 01"):
        assert words in said
    assert "WPWiK" not in said + str(message["From"])
    printed = text_of(blank_form(form, zalesie.utility, "pl"))
    assert "Wodociągi Zalesie" in printed
    assert "prawdziwe, kompletne i aktualne" in " ".join(printed.split())


def test_the_environment_goes_before_the_file(world: World, tmp_path: Path) -> None:
    file = tmp_path / "zalesie.toml"
    file.write_text(FACTS.replace('[form]\nversions = "druki"', ""))
    rules = wire(world.settings(term_days="10").model_copy(update={"utility_file": file})).services.rules
    assert (rules.term_days, rules.term_unit) == (10, TermUnit.WORKING_DAYS)
