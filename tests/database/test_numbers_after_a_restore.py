"""K09: a restored older database gives no reference out again, and doctor notices when nobody thought of it."""

from dataclasses import dataclass, replace

import pytest

from provisioning import doctor
from provisioning.domain.actors import Actor
from provisioning.domain.in_keycloak import SeenInKeycloak
from provisioning.domain.login_names import number_of, reference
from provisioning.ports.services import Services
from provisioning.use_cases.application.numbers import jump, look
from tests.support.database_alone import Alone

OPERATOR = Actor("ibok-provisioning")


@dataclass
class Users:
    """What Keycloak holds, page by page."""

    applications: list[str | None]

    def customers(self, first: int, limit: int) -> list[SeenInKeycloak]:
        return [
            SeenInKeycloak(str(number), f"wp{number}", "a@example.com", True, application, False, ())
            for number, application in enumerate(self.applications)
        ][first : first + limit]


def after_a_restore(alone: Alone) -> Services:
    """Keycloak knows an application that the database forgot, and one that is none of ours."""
    return replace(alone.services, directory=Users([None, "nonsense", reference(2026, 417), reference(2026, 3)]))  # type: ignore[arg-type]


def test_k09_numbers_go_on_after_every_known_one_and_again_changes_nothing(alone: Alone) -> None:
    alone.entered()
    services = after_a_restore(alone)
    assert look(services).behind
    stood, now = jump(services, OPERATOR)
    assert (stood.given_out, stood.known, now) == (1, 417, 10_417)
    assert jump(services, OPERATOR)[1] == now
    assert number_of(alone.entered()) == 10_418
    assert not look(services).behind
    with alone.services.work() as work:
        (line,) = work.audit.of("numbers")
    assert (line.action, line.details) == ("numbers.jumped", {"from": 1, "to": 10_417})


def test_k09_a_sequence_behind_its_own_table_is_noticed_too(alone: Alone) -> None:
    references = [alone.entered() for _ in range(3)]
    alone.sql("SELECT setval('application_numbers', 1)")
    services = replace(alone.services, directory=Users([]))  # type: ignore[arg-type]
    assert look(services).behind
    jump(services, OPERATOR, by=1)
    assert alone.entered() not in references


def test_numbers_never_go_back(alone: Alone) -> None:
    alone.sql("SELECT setval('application_numbers', 90000)")
    services = after_a_restore(alone)
    assert jump(services, OPERATOR)[1] == 90_000
    assert number_of(alone.entered()) == 90_001


def test_k09_doctor_says_what_to_run(alone: Alone) -> None:
    wired = replace(alone.wired, services=after_a_restore(alone))
    with pytest.raises(doctor._Wrong, match="numbers-jump"):
        doctor._numbers(wired)
    jump(wired.services, OPERATOR)
    assert "given out" in doctor._numbers(wired)


def test_a_reference_carries_its_number_and_nothing_else_does() -> None:
    assert number_of(reference(2026, 417)) == 417
    assert number_of("2026-000417-0" if reference(2026, 417)[-1] != "0" else "2026-000417-1") is None
    assert [number_of(other) for other in ("", "x", "2026-1", "2026-٣-1", "--")] == [None] * 5
