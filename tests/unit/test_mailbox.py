"""S1 by e-mail: whatever is in a message, it becomes an item for a person; nothing in it makes the reading fail."""

import io
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.files.uploads import harmless_document
from provisioning.adapters.imap.connection import Fetched
from provisioning.adapters.imap.mailbox import ImapMailbox
from provisioning.domain.document import Document
from provisioning.domain.intake import Incoming, IntakeState
from tests.support.files import picture
from tests.support.messages import DSN, OWN, message

ARRIVED = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)


def harmless(name: str, content: bytes) -> Document:
    return harmless_document("", "scan", name, content)


def read(raw: bytes, *, whole: bool = True) -> Incoming:
    return ImapMailbox("imap://nobody@localhost", OWN, harmless).incoming(Fetched(raw, ARRIVED, len(raw), whole))


def test_s1_a_message_with_a_scan_waits_with_sender_subject_text_and_the_day_our_server_got_it() -> None:
    made = message()
    made.add_attachment(picture(), maintype="image", subtype="png", filename="wniosek.png")
    found = read(made.as_bytes())
    assert (found.item.state, found.item.problem) == (IntakeState.WAITING, None)
    assert found.item.sender == "Józefa Źdźbło <jozefa@example.com>"
    assert found.item.subject == "Wniosek o konto – żółw"
    assert found.item.received_at == ARRIVED
    assert found.item.text.strip() == "Proszę o konto."
    assert [(file.name, file.media_type, file.refused) for file in found.files] == [("wniosek.png", "image/png", None)]


def test_html_is_shown_as_plain_text_alone() -> None:
    found = read(message("<style>p{}</style><script>alert(1)</script><p>Dzień <b>dobry</b></p>", html=True).as_bytes())
    assert "Dzień dobry" in found.item.text
    assert "alert" not in found.item.text
    assert "<" not in found.item.text


def test_i01_a_file_of_a_kind_that_is_not_taken_is_named_and_refused_and_the_message_waits() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("a", b"0" * 10_000_000)
    made = message()
    made.add_attachment(bomb.getvalue(), maintype="application", subtype="zip", filename="skany.zip")
    found = read(made.as_bytes())
    assert (found.item.state, found.item.problem) == (IntakeState.WAITING, "no_attachment")
    assert [(file.name, file.refused, file.content) for file in found.files] == [("skany.zip", "file_type", b"")]


def test_i01_of_a_thousand_parts_a_hundred_are_named_and_twenty_taken() -> None:
    made = message()
    for number in range(1000):
        made.add_attachment(picture(), maintype="image", subtype="png", filename=f"{number}.png")
    found = read(made.as_bytes())
    assert (found.item.problem, len(found.files)) == ("too_many_files", 100)
    assert sum(file.refused is None for file in found.files) == 20


def test_a_message_without_any_file_waits_for_a_person() -> None:
    assert read(message().as_bytes()).item.problem == "no_attachment"


def test_i01_of_a_message_that_is_too_large_only_the_headers_are_read() -> None:
    found = read(message().as_bytes().split(b"\r\n\r\n")[0], whole=False)
    assert (found.item.problem, found.item.state, found.files) == ("too_large", IntakeState.WAITING, [])
    assert found.item.subject.startswith("Wniosek")


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"Auto_Submitted": "auto-replied"}, "automatic"),
        ({"Precedence": "bulk"}, "automatic"),
        ({"X_Autoreply": "yes"}, "automatic"),
        ({"Return_Path": "<>"}, "automatic"),
        ({"X_Loop": "1"}, "loop"),
        ({"From": f"iBOK <{OWN}>"}, "loop"),
    ],
)
def test_i02_answers_of_machines_and_our_own_mails_are_set_aside(headers: dict[str, str], problem: str) -> None:
    found = read(message(**headers).as_bytes())
    assert (found.item.state, found.item.problem) == (IntakeState.SET_ASIDE, problem)


def test_a_returned_mail_names_which_of_ours_it_was_and_why() -> None:
    found = read(DSN % b"failed")
    assert (found.item.state, found.item.problem) == (IntakeState.SET_ASIDE, "bounce")
    (bounce,) = found.bounces
    assert bounce.message_id == "<activated.abc@wpwik.com>"
    assert "No such user here" in bounce.answer


def test_a_delay_is_no_bounce() -> None:
    assert read(DSN % b"delayed").bounces == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b"Content-Type: text/plain; charset=klingon\r\n\r\nqapla",
        b"From: =?utf-8?b?!!!?=\r\nSubject: =?x?q?=\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%\r\n--a--",
        b"Content-Type: message/rfc822\r\n\r\n" * 60,
        b"Subject: \xed\xa0\x80 \x00\r\n\r\nx",
    ],
)
def test_i01_a_broken_message_is_an_item_for_a_person_never_a_crash(raw: bytes) -> None:
    found = read(raw)
    assert found.item.state in (IntakeState.WAITING, IntakeState.SET_ASIDE)
    assert found.item.problem is not None
    assert "\0" not in found.item.subject


@given(st.binary(max_size=400))
def test_i01_no_bytes_whatsoever_make_the_reading_fail(raw: bytes) -> None:
    read(b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n" + raw)
