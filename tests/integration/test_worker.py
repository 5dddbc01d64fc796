"""The worker as monitoring, staff and IT see it, on the running stack."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from provisioning import doctor
from provisioning.wiring import wire
from provisioning.worker.run import duties
from tests.support.world import World, eventually


@contextmanager
def failing_duty(world: World, name: str) -> Iterator[None]:
    """A duty that the running worker does not have, so that it does not write over it."""
    world.sql(
        "INSERT INTO duties (name, tried_at, failing_since, failures, error, next_at) "
        "VALUES (%s, now(), now(), 3, 'MailboxGone', now() + interval '1 hour')",
        name,
    )
    try:
        yield
    finally:
        world.sql("DELETE FROM duties WHERE name = %s", name)


def test_the_worker_answers_as_the_other_processes_do(world: World) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert requests.get(world.stack["worker"] + path, timeout=20).status_code == 200
    assert requests.get(f"{world.stack['worker']}/anything", timeout=20).status_code == 404
    names = {duty.name for duty in duties(world.services())}
    eventually(lambda: {row[0] for row in world.sql("SELECT name FROM duties")} >= names, 120)


def test_staff_read_on_the_task_page_what_fails_and_that_the_worker_is_silent(world: World) -> None:
    clerk = world.staff("clerk")
    with failing_duty(world, "archive"):
        page = clerk.open(f"{world.provisioning}/zadania?lang=pl").text
        assert "Część prac się nie udaje" in page
        assert "archive" in page
        assert "(MailboxGone)" in page
        assert "Some of the work fails" in clerk.open(f"{world.provisioning}/zadania?lang=en").text

    def silent() -> bool:
        world.sql("UPDATE duties SET tried_at = now() - interval '2 minutes' WHERE name = 'heartbeat'")
        return "Program wykonawczy (worker) milczy od" in clerk.open(f"{world.provisioning}/zadania?lang=pl").text

    eventually(silent, 30)  # the worker shows signs of life in between
    eventually(lambda: "milczy od" not in clerk.open(f"{world.provisioning}/zadania?lang=pl").text, 60)


def test_doctor_looks_at_the_worker_and_at_the_clocks(world: World) -> None:
    wired = wire(world.settings())
    eventually(lambda: wired.duties.worker().silent_since is None, 30)
    assert "agree" in doctor._clocks(wired)
    with failing_duty(world, "archive"):
        findings = {finding.what: finding for finding in doctor.examine(world.settings())}
    assert not findings["worker"].ok
    assert "archive fails since" in findings["worker"].words
    assert findings["clocks"].ok
