"""S4: the warnings of day 7, 10 and 12 reach each reader, whatever the mail server said to another."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

from provisioning.ports.messages import MailDeferred
from provisioning.ports.services import Services
from provisioning.use_cases.desk.warn_of_terms import send_digest
from tests.support.database_alone import Alone

MONDAY = date(2026, 11, 23)


class FullMailbox:
    """Takes every mail but those to one address, which it puts off."""

    def __init__(self, address: str) -> None:
        self.address, self.taken = address, list[EmailMessage]()

    def send(self, message: EmailMessage) -> str:
        if message["To"] == self.address:
            raise MailDeferred("452 mailbox full")
        self.taken.append(message)
        return "250 ok"


def on(alone: Alone, day: date, mailer: FullMailbox) -> Services:
    alone.clock.moment = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    return replace(alone.services, mailer=mailer, digest_to=("a@wpwik.example", "b@wpwik.example"))


def test_s4_whose_server_put_monday_off_gets_mondays_warnings_on_tuesday(alone: Alone) -> None:
    alone.clock.moment = datetime(2026, 11, 23, 6, tzinfo=UTC)
    reference = alone.entered(filed_on=str(MONDAY - timedelta(days=7)))
    mailer = FullMailbox("b@wpwik.example")
    assert send_digest(on(alone, MONDAY - timedelta(days=3), FullMailbox(""))) == 0  # Friday: both have read, nothing to say
    assert send_digest(on(alone, MONDAY, mailer)) == 1
    assert send_digest(on(alone, MONDAY + timedelta(days=1), FullMailbox("a@wpwik.example"))) == 1
    mailer.address = ""
    mailer.taken.clear()
    tuesday = on(alone, MONDAY + timedelta(days=1), mailer)
    assert send_digest(tuesday) == 0  # who got Monday's has nothing new on Tuesday
    alone.sql("DELETE FROM digests WHERE day = %s", MONDAY + timedelta(days=1))
    assert send_digest(tuesday) == 1
    assert [str(mail["To"]) for mail in mailer.taken] == ["b@wpwik.example"]
    assert reference in mailer.taken[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
