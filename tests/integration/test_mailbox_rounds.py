"""S1 by e-mail, against servers of every habit: each message is read once, none stops another, none is lost (I04, I05)."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import provisioning.adapters.imap.mailbox as mailbox_module
from provisioning.adapters.files.contained import ContainedFailure
from provisioning.adapters.files.uploads import harmless_document
from provisioning.adapters.files.virus_scan import ScannerGone
from provisioning.adapters.imap.mailbox import ImapMailbox, MailboxGone
from provisioning.doctor import _mailbox, _Wrong
from provisioning.domain.document import Document
from provisioning.domain.intake import IntakeItem, IntakeState
from provisioning.ports.services import Services
from provisioning.use_cases.intake.read_mailbox import OfficeMailboxLog
from provisioning.wiring import Wired
from tests.support.databases import Databases
from tests.support.fakes import FixedClock
from tests.support.files import picture
from tests.support.imap_server import AwkwardServer, imap_server
from tests.support.messages import OWN, message

DEEP = b"From: a@example.com\r\nSubject: gniazdo\r\n" + b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1000)
)


@pytest.fixture(scope="module")
def wired(databases: Databases) -> Iterator[Wired]:
    with databases.wired() as found:
        yield found


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> None:
    if "wired" in request.fixturenames:
        with request.getfixturevalue("wired").engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE intake CASCADE; TRUNCATE mails_under_way")


def harmless(name: str, content: bytes) -> Document:
    return harmless_document("", "scan", name, content)


def mailed(subject: str, **headers: str) -> bytes:
    made = message(**{"Subject": subject, "Message_ID": f"<{subject.encode().hex()}@example.com>"} | headers)
    made.add_attachment(picture(), maintype="image", subtype="png", filename="wniosek.png")
    return made.as_bytes()


def poll(server: AwkwardServer, services: Services, folder: str = "INBOX") -> int:
    return ImapMailbox(server.url(folder), OWN, harmless).take(OfficeMailboxLog(services))


def items(wired: Wired) -> dict[str, IntakeItem]:
    with wired.services.work() as work:
        found = [each for state in IntakeState for each in work.intake.in_state(state, 1000)]
    return {item.subject: item for item in found}


def rows(wired: Wired) -> list[Any]:
    with wired.engine.begin() as connection:
        return list(connection.exec_driver_sql("SELECT uid, tries, folder, moves FROM mails_under_way ORDER BY uid"))


@pytest.mark.parametrize("can_move", [True, False])
@pytest.mark.parametrize("says_namespace", [True, False])
@pytest.mark.parametrize("prefix", ["", "INBOX."])
def test_folders_are_made_where_the_server_lets_them_be(wired: Wired, prefix: str, says_namespace: bool, can_move: bool) -> None:
    awkward = AwkwardServer(prefix=prefix, says_namespace=says_namespace, can_move=can_move)
    awkward.deliver(mailed("pierwszy"), mailed("drugi"), message(Subject="bez pliku").as_bytes())
    with imap_server(awkward) as server:
        assert poll(server, wired.services) == 3
        assert poll(server, wired.services) == 0
    assert awkward.count("INBOX") == 0
    assert (awkward.count(f"{prefix}Processed"), awkward.count(f"{prefix}Problem")) == (2, 1)
    assert set(items(wired)) == {"pierwszy", "drugi", "bez pliku"}
    assert rows(wired) == []


def test_a_folder_of_the_url_may_have_any_name(wired: Wired) -> None:
    encoded = "INBOX.Wnioski i podania &AX0A8wFCBHc-"
    awkward = AwkwardServer(prefix="INBOX.", inbox=encoded)
    awkward.deliver(mailed("w folderze"))
    with imap_server(awkward) as server:
        assert poll(server, wired.services, "INBOX.Wnioski%20i%20podania%20%C5%BD%C3%B3%C5%82%D1%B7") == 1
    assert "w folderze" in items(wired)


@pytest.mark.parametrize("can_move", [True, False])
def test_a_message_that_cannot_be_moved_is_read_once_and_stops_none_behind_it(wired: Wired, can_move: bool) -> None:
    clock = FixedClock()
    services = dataclasses.replace(wired.services, clock=clock)
    awkward = AwkwardServer(can_move=can_move, unmovable={1}, undeletable={2} if not can_move else set())
    awkward.deliver(mailed("zostaje"), mailed("też"), mailed("idzie"))
    with imap_server(awkward) as server:
        assert poll(server, services) == 3
        for _ in range(5):
            assert poll(server, services) == 0
            clock.moment += timedelta(days=1)
        assert set(items(wired)) == {"zostaje", "też", "idzie"}
        assert [server.fetched(uid) for uid in (1, 2, 3)] == [1, 1, 1]
        stays = {1} if can_move else {1, 2}
        assert set(awkward.folders["INBOX"]) == stays
        assert sum(each.startswith("UID COPY 2 ") for each in awkward.commands) == (0 if can_move else 1)  # no copy more
        awkward.unmovable.clear()
        awkward.undeletable.clear()
        assert poll(server, services) == 0
    assert awkward.count("INBOX") == 0
    assert rows(wired) == []


def test_a_message_that_cannot_be_moved_is_asked_for_after_growing_pauses(wired: Wired) -> None:
    clock = FixedClock()
    services = dataclasses.replace(wired.services, clock=clock)
    awkward = AwkwardServer(unmovable={1})
    awkward.deliver(mailed("zostaje"))
    with imap_server(awkward) as server:
        for _ in range(48):  # a day
            poll(server, services)
            clock.moment += timedelta(minutes=30)
    assert 20 <= sum(each.startswith("UID MOVE") for each in awkward.commands) <= 35
    assert server.fetched(1) == 1


def test_when_the_folders_cannot_be_made_every_message_is_read_once_and_doctor_says_so(wired: Wired) -> None:
    awkward = AwkwardServer(refuses_create=True)
    awkward.deliver(mailed("pierwszy"), mailed("drugi"))
    with imap_server(awkward) as server:
        assert poll(server, wired.services) == 2
        assert poll(server, wired.services) == 0
        looked = dataclasses.replace(
            wired, settings=wired.settings.model_copy(update={"imap_url": type(wired.settings.imap_url)(server.url())})
        )
        with pytest.raises(_Wrong, match=r"2 messages were read but cannot be moved.*Invalid mailbox name"):
            _mailbox(looked)
        with wired.engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE mails_under_way")
        with pytest.raises(MailboxGone, match="folder cannot be made"):
            _mailbox(looked)
        awkward.refuses_create = False
        assert _mailbox(looked) == "reached; 2 messages wait to be read"
    assert len(items(wired)) == 2


@pytest.mark.parametrize("can_move", [True, False])
@pytest.mark.parametrize("when", ["LOGIN", "SELECT", "CREATE", "LIST", "UID SEARCH", "UID FETCH", "UID MOVE", "UID COPY", "UID STORE", "EXPUNGE", "LOGOUT", "NAMESPACE", "CAPABILITY"])  # fmt: skip
def test_i04_wherever_the_line_breaks_each_message_becomes_one_item(wired: Wired, when: str, can_move: bool) -> None:
    awkward = AwkwardServer(breaks_at=[when], can_move=can_move)
    awkward.deliver(mailed("pierwszy"), mailed("drugi"))
    with imap_server(awkward) as server:
        for _ in range(3):
            try:
                poll(server, wired.services)
            except MailboxGone:
                continue
    assert awkward.count("INBOX") == 0
    assert set(items(wired)) == {"pierwszy", "drugi"}


def test_i04_a_mailbox_that_was_numbered_anew_makes_no_second_item(wired: Wired) -> None:
    awkward = AwkwardServer(unmovable={1})
    awkward.deliver(mailed("zostaje"))
    with imap_server(awkward) as server:
        poll(server, wired.services)
        awkward.uid_validity += 1
        assert poll(server, wired.services) == 0
    assert len(items(wired)) == 1
    assert len(rows(wired)) == 1


def test_a_refused_login_is_a_mailbox_not_read(wired: Wired) -> None:
    with imap_server(AwkwardServer(refuses_login=True)) as server:
        with pytest.raises(MailboxGone, match=r"refuses the login.*Authentication failed"):
            poll(server, wired.services)
        with pytest.raises(MailboxGone):
            ImapMailbox(server.url(), OWN, harmless).waiting()


@pytest.mark.parametrize("url", ["imap://a:b@127.0.0.1:1/INBOX", "imap://%C5%BC:%C5%BC@127.0.0.1:{port}/INBOX", "imap://ibok%40wpwik.com:s%25cret@127.0.0.1:{port}/Nie%20ma", "imap://a:b@127.0.0.1:0x1/INBOX"])  # fmt: skip
def test_whatever_is_wrong_with_the_address_is_a_mailbox_not_read(wired: Wired, url: str) -> None:
    with imap_server(AwkwardServer()) as server, pytest.raises(MailboxGone):
        ImapMailbox(url.format(port=server.port), OWN, harmless).take(OfficeMailboxLog(wired.services))


def test_i05_hostile_messages_become_items_and_the_one_behind_them_is_read(wired: Wired) -> None:
    awkward = AwkwardServer()
    awkward.deliver(b"From: " + b"(" * 900 + b"\r\nSubject: nawiasy\r\n\r\nx", DEEP, mailed("dobry"))
    with imap_server(awkward) as server:
        assert poll(server, wired.services) == 3
    found = items(wired)
    assert set(found) == {"nawiasy", "gniazdo", "dobry"}
    assert found["dobry"].problem is None
    assert awkward.count("INBOX") == 0


@pytest.mark.parametrize("failure", [TypeError("bent EXIF"), RecursionError(), MemoryError(), ContainedFailure("time"), ContainedFailure("crash"), ContainedFailure("memory")])  # fmt: skip
def test_i05_a_message_whose_reading_fails_twice_is_set_apart_and_the_rest_goes_on(
    wired: Wired, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = mailbox_module.contained

    def reading(function: Any, raw: bytes, *rest: Any, **more: Any) -> Any:
        if b"Subject: zly" in raw:
            raise failure
        return real(function, raw, *rest, **more)

    monkeypatch.setattr(mailbox_module, "contained", reading)
    awkward = AwkwardServer()
    awkward.deliver(mailed("zly"), mailed("dobry"))
    with imap_server(awkward) as server:
        assert poll(server, wired.services) == 1  # the good one, at once
        assert set(items(wired)) == {"dobry"}
        assert rows(wired) == [(1, 1, None, 0)]
        restarted = dataclasses.replace(wired.services)
        assert poll(server, restarted) == 1
    bad = items(wired)["zly"]
    assert (bad.state, bad.problem) == (IntakeState.WAITING, "unreadable")
    assert "jozefa@example.com" in bad.sender
    assert bad.text.startswith(f"{len(mailed('zly'))} B") or " B\n\nFrom:" in bad.text
    assert (awkward.count("INBOX"), awkward.count("Problem"), awkward.count("Processed")) == (0, 1, 1)


def test_i05_a_message_that_ends_the_worker_is_set_apart_after_two_tries(wired: Wired) -> None:
    class Killed(BaseException):
        pass

    def deadly(name: str, content: bytes) -> Document:
        raise Killed

    awkward = AwkwardServer()
    awkward.deliver(mailed("zabija"), message(Subject="dobry").as_bytes())
    with imap_server(awkward) as server:
        mailbox = ImapMailbox(server.url(), OWN, deadly)
        for _ in range(2):
            with pytest.raises(Killed):
                mailbox.take(OfficeMailboxLog(wired.services))
        assert mailbox.take(OfficeMailboxLog(wired.services)) == 2
    assert {subject: item.problem for subject, item in items(wired).items()} == {"zabija": "unreadable", "dobry": "no_attachment"}


@pytest.mark.parametrize("awkward", [AwkwardServer(unfetchable={1}), AwkwardServer(breaks_always_at_fetch_of={1})])
def test_i05_a_message_that_the_server_does_not_give_out_is_an_item_too(wired: Wired, awkward: AwkwardServer) -> None:
    awkward.deliver(mailed("uwięziona"), mailed("dobry"))
    with imap_server(awkward) as server:
        for _ in range(6):
            try:
                poll(server, wired.services)
            except MailboxGone:
                continue
    found = items(wired)
    assert found["dobry"].problem is None
    assert found[""].problem == "unreadable"
    assert awkward.count("INBOX") == 0


def test_clamd_that_is_away_is_no_fault_of_the_messages(wired: Wired) -> None:
    away = True

    def scanned(name: str, content: bytes) -> Document:
        if away:
            raise ScannerGone("no answer")
        return harmless(name, content)

    awkward = AwkwardServer()
    awkward.deliver(*[mailed(f"n{n}") for n in range(5)])
    with imap_server(awkward) as server:
        mailbox = ImapMailbox(server.url(), OWN, scanned)
        for _ in range(4):
            with pytest.raises(ScannerGone):
                mailbox.take(OfficeMailboxLog(wired.services))
        assert (items(wired), awkward.count("INBOX")) == ({}, 5)
        away = False
        assert mailbox.take(OfficeMailboxLog(wired.services)) == 5
    assert {item.problem for item in items(wired).values()} == {None}


def test_i05_a_file_that_brings_clamd_down_costs_only_its_message(wired: Wired) -> None:
    def scanned(name: str, content: bytes) -> Document:
        if name == "bomba.png":
            raise ScannerGone("the line was cut")
        return harmless(name, content)

    bomb = message(Subject="bomba", Message_ID="<bomba@example.com>")
    bomb.add_attachment(picture(), maintype="image", subtype="png", filename="bomba.png")
    awkward = AwkwardServer()
    awkward.deliver(bomb.as_bytes(), mailed("dobry"))
    with imap_server(awkward) as server:
        mailbox = ImapMailbox(server.url(), OWN, scanned)
        for n in range(3):
            mailbox.take(OfficeMailboxLog(wired.services))
            awkward.deliver(mailed(f"następny{n}"))
    found = items(wired)
    assert found["bomba"].problem == "unreadable"
    assert found["dobry"].problem is None
    assert 1 not in awkward.folders["INBOX"]


def test_no_process_free_to_read_in_is_no_fault_of_the_message(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*arguments: Any, **more: Any) -> Any:
        raise ContainedFailure("busy")

    awkward = AwkwardServer()
    awkward.deliver(mailed("czeka"))
    with imap_server(awkward) as server:
        with monkeypatch.context() as patched:
            patched.setattr(mailbox_module, "contained", busy)
            for _ in range(4):
                with pytest.raises(MailboxGone):
                    poll(server, wired.services)
        assert poll(server, wired.services) == 1
    assert items(wired)["czeka"].problem is None


def test_s1_two_scans_with_the_one_message_id_of_their_machine_are_two_items(wired: Wired) -> None:
    awkward = AwkwardServer()
    awkward.deliver(*[mailed(subject, Message_ID="<skaner@urzadzenie>") for subject in ("pierwszy", "drugi")])
    by_two_ways = mailed("dwa razy")
    awkward.deliver(by_two_ways, b"Received: from elsewhere\r\n" + by_two_ways)
    with imap_server(awkward) as server:
        poll(server, wired.services)
    assert set(items(wired)) == {"pierwszy", "drugi", "dwa razy"}
    with wired.engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM intake").scalar() == 3
