"""I01: the same mail twice is one item; another mail under the same Message-ID is not lost."""

from dataclasses import replace
from datetime import UTC, datetime

from provisioning.adapters.mailbox import read_message
from provisioning.domain.errors import FieldError, Invalid
from provisioning.ports import Document, IntakeState
from provisioning.use_cases.take_in import take_in
from tests.support.database_alone import Alone

RAW = "Received: from {way}\r\nMessage-ID: <one@example.com>\r\nFrom: jan@example.com\r\nSubject: Wniosek\r\n\r\n{text}"


def arrived(alone: Alone, text: str, way: str = "a") -> bool:
    def harmless(_name: str, _content: bytes) -> Document:
        raise Invalid([FieldError("file", "file_type")])

    raw = RAW.format(way=way, text=text).encode()
    return take_in(alone.office, read_message(raw, datetime(2026, 11, 24, tzinfo=UTC), "bok@wpwik.example", harmless))


def waiting(alone: Alone) -> list[str]:
    with alone.office.work() as work:
        return sorted(each.text.strip() for each in work.intake.in_state(IntakeState.WAITING, 10))


def test_i01_another_mail_with_the_same_message_id_is_an_item_of_its_own(alone: Alone) -> None:
    assert arrived(alone, "pierwszy")
    assert arrived(alone, "drugi, w innej sprawie")
    assert waiting(alone) == ["drugi, w innej sprawie", "pierwszy"]


def test_i01_the_same_mail_on_two_ways_is_one_item_also_once_it_was_dealt_with(alone: Alone) -> None:
    assert arrived(alone, "pierwszy")
    assert not arrived(alone, "pierwszy")
    assert not arrived(alone, "pierwszy", way="b")
    with alone.office.work() as work:
        (item,) = work.intake.in_state(IntakeState.WAITING, 10)
        work.intake.save(replace(item, state=IntakeState.DISMISSED, sender="", subject="", text=""))
    assert not arrived(alone, "pierwszy", way="c")
