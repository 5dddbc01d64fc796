"""S1: what comes by e-mail (a real IMAP server), as a batch of scans, or as a CSV becomes an application or waits for a person."""

import csv
import io
import secrets
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provisioning.adapters.files.uploads import harmless_document
from provisioning.adapters.imap.mailbox import ImapMailbox, MailboxGone
from provisioning.domain.document import Document
from provisioning.domain.intake import Incoming, IntakeState, MailPlace
from provisioning.ports.services import Services
from provisioning.use_cases.intake.read_mailbox import OfficeMailboxLog
from provisioning.use_cases.intake.take_in import forget_set_aside
from tests.support.desk import details, entered, history
from tests.support.files import pdf_of, picture
from tests.support.greenmail import ADDRESS, Mailbox, greenmail
from tests.support.messages import DSN, message
from tests.support.world import World, application_body, paper_body, unused_address

CLI = str(Path(sys.executable).parent / "ibok-provisioning")


@pytest.fixture(scope="module")
def server() -> Iterator[Mailbox]:
    with greenmail() as box:
        yield box


def harmless(name: str, content: bytes) -> Document:
    return harmless_document("", "scan", name, content)


def poll(world: World, server: Mailbox) -> int:
    services: Services = world.services()
    return ImapMailbox(server.url, ADDRESS, harmless).take(OfficeMailboxLog(services))


def items(world: World, subject: str) -> list[Any]:
    return world.sql("SELECT intake_id, state, problem, sender FROM intake WHERE subject = %s", subject)


def mailed(subject: str, *, with_scan: bool = True, **headers: str) -> bytes:
    made = message(**{"Subject": subject, "Message_ID": f"<{subject.encode().hex()}@example.com>"} | headers)
    if with_scan:
        made.add_attachment(picture(), maintype="image", subtype="png", filename="wniosek.png")
    return made.as_bytes()


def unique(word: str) -> str:
    return f"{word} {unused_address().split('@')[0]}"


def test_s1_a_mailed_application_is_taken_once_and_typed_in_from_the_message(world: World, server: Mailbox) -> None:
    subject, address = unique("Wniosek"), unused_address()
    server.deliver(mailed(subject, From=f"Józefa <{address}>"))
    done = server.count("Processed")
    assert poll(world, server) == 1
    assert (server.count("INBOX"), server.count("Processed")) == (0, done + 1)
    server.deliver(mailed(subject, From=f"Józefa <{address}>"))  # the same message again
    assert poll(world, server) == 1
    ((intake_id, state, problem, sender),) = items(world, subject)
    assert (state, problem, sender) == ("waiting", None, f"Józefa <{address}>")
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wplyw")
    assert subject in page.text
    page = clerk.open(f"{world.provisioning}/wplyw/{intake_id}")
    assert "wniosek.png" in page.text
    assert "nadawca niepotwierdzony" in page.text  # I03: a sender is never proof
    assert clerk.session.get(f"{world.provisioning}/wplyw/{intake_id}", timeout=30).status_code == 200
    form = clerk.open(f"{world.provisioning}/nowy?wplyw={intake_id}")
    assert address in form.text
    body = application_body()
    values = {
        "channel": "email", "customer_type": "person", "first_name": "Józefa", "last_name": "Mailowa", "customer_number": body["customer_number"],
        "supply_point_address-house": "7", "supply_point_address-postal_code": "43-300", "supply_point_address-city": "Bielsko-Biała",
        "email_again": address, "terms_accepted": "yes", "signed": "yes", "signed_on": str(date.today()),
        **{f"clauses-{code}": "yes" for code in body["clauses"]},
    }  # fmt: skip
    page = clerk.send(form, values, action_ends="")
    assert "Wniosek zapisany" in page.text, page.errors()
    reference = page.url.rsplit("/", 1)[-1]
    found = details(world, reference)
    assert (found["channel"], found["filed_on"], found["email"]) == ("email", str(date.today()), address)
    assert [each["name"] for each in found["documents"]] == ["wniosek.png"]
    assert items(world, subject)[0][1] == "attached"
    assert "intake.attached" in {line["action"] for line in history(world, reference)}


def test_s1_the_number_on_a_mailed_print_is_read_from_its_code(world: World, server: Mailbox) -> None:
    found, subject = entered(world), unique("Podpisany")
    made = message(Subject=subject, Message_ID=f"<{subject.encode().hex()}@example.com>")
    made.add_attachment(pdf_of(None, found["reference"]), maintype="application", subtype="pdf", filename="druk.pdf")
    server.deliver(made.as_bytes())
    poll(world, server)
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wplyw/{items(world, subject)[0][0]}")
    assert "Odczytany z kodu QR" in page.text
    page = clerk.send(page, {}, action_ends="/dolacz")
    assert f"Pliki dołączone do wniosku {found['reference']}" in page.text
    assert [each["name"] for each in details(world, found["reference"])["documents"]] == ["druk.pdf"]


def test_i02_answers_of_machines_are_set_aside_and_problems_wait_in_their_folder(world: World, server: Mailbox) -> None:
    names = {kind: unique(kind) for kind in ("Nieobecność", "Pytanie", "Pętla")}
    problems = server.count("Problem")
    server.deliver(mailed(names["Nieobecność"], with_scan=False, Auto_Submitted="auto-replied"))
    server.deliver(mailed(names["Pytanie"], with_scan=False))
    server.deliver(mailed(names["Pętla"], with_scan=False, From=f"iBOK <{ADDRESS}>"))
    assert poll(world, server) == 3
    assert server.count("Problem") == problems + 3
    seen = {kind: items(world, subject)[0][1:3] for kind, subject in names.items()}
    assert seen == {
        "Nieobecność": ("set_aside", "automatic"),
        "Pytanie": ("waiting", "no_attachment"),
        "Pętla": ("set_aside", "loop"),
    }


def test_what_was_set_aside_is_forgotten_after_a_month(world: World, server: Mailbox) -> None:
    subject = unique("Urlop")
    server.deliver(mailed(subject, with_scan=False, Auto_Submitted="auto-replied"))
    poll(world, server)
    forget_set_aside(world.services())
    assert items(world, subject)[0][1] == "set_aside"
    world.sql("UPDATE intake SET received_at = now() - interval '31 days' WHERE subject = %s", subject)
    assert forget_set_aside(world.services()) >= 1
    assert items(world, subject) == []


def test_i01_a_very_large_message_is_an_item_for_a_person_and_is_not_lost(world: World, server: Mailbox) -> None:
    subject = unique("Ogromny")
    made = message(Subject=subject, Message_ID=f"<{subject.replace(' ', '-')}@example.com>")
    made.add_attachment(b"\0" * (45 * 2**20), maintype="application", subtype="octet-stream", filename="a.bin")
    server.deliver(made.as_bytes())
    poll(world, server)
    assert items(world, subject)[0][1:3] == ("waiting", "too_large")
    assert server.count("INBOX") == 0


def test_a_returned_mail_marks_the_account_and_is_a_task_until_somebody_has_called(world: World, server: Mailbox) -> None:
    found = world.registered()
    (mail,) = world.sql("SELECT message_id FROM mails WHERE reference = %s AND kind = 'activated'", found["reference"])
    server.deliver((DSN % b"failed").replace(b"<activated.abc@wpwik.com>", mail[0].encode()).replace(b"<bounce@example.com>", mail[0].replace("<", "<b-").encode()))  # fmt: skip
    assert poll(world, server) == 1
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/konto/{found['login']}")
    assert f"Mail nie dotarł na adres {found['email']}" in page.text
    assert "No such user here" in page.text
    page = clerk.open(f"{world.provisioning}/zadania")
    assert "Do obdzwonienia" in page.text
    assert found["email"] in page.text
    form = next(form for form in page.tree.iter("form") if any(each.get("value") == mail[0] for each in form.iter("input")))
    csrf = next(each.get("value") for each in form.iter("input") if each.get("name") == "csrf_token")
    answer = clerk.session.post(f"{world.provisioning}/zadania/mail", data={"csrf_token": csrf, "message_id": mail[0]}, timeout=60)
    assert found["email"] not in answer.text
    assert world.deed(found["login"], "correct-address", email=unused_address(), reason="podany przez telefon").status_code == 200
    assert world.deed(found["login"], "resend").status_code == 200
    assert "Mail nie dotarł" not in clerk.open(f"{world.provisioning}/konto/{found['login']}").text


def test_a_scan_from_our_own_address_waits_and_a_mail_of_ours_that_came_round_does_not(world: World, server: Mailbox) -> None:
    found = world.registered()
    (ours,) = world.sql("SELECT message_id FROM mails WHERE reference = %s AND kind = 'activated'", found["reference"])
    scan, round_trip = unique("Skan"), unique("Wraca")
    server.deliver(mailed(scan, From=f"Skaner <{ADDRESS}>"))
    server.deliver(mailed(round_trip, From=f"iBOK <{ADDRESS}>", Message_ID=ours[0]))
    poll(world, server)
    assert [items(world, subject)[0][1:3] for subject in (scan, round_trip)] == [("waiting", "loop"), ("set_aside", "loop")]


def test_a_report_about_a_mail_that_is_not_ours_changes_nothing(world: World, server: Mailbox) -> None:
    server.deliver((DSN % b"failed").replace(b"<bounce@example.com>", f"<{unused_address()}>".encode()))
    assert poll(world, server) == 1


def test_a_mailbox_that_is_away_loses_nothing(world: World) -> None:
    with pytest.raises(MailboxGone):
        ImapMailbox("imap://a:b@127.0.0.1:1/INBOX", ADDRESS, harmless).take(OfficeMailboxLog(world.services()))


def test_i04_a_worker_that_dies_between_keeping_and_moving_takes_the_message_once(world: World, server: Mailbox) -> None:
    subject = unique("Przerwany")
    server.deliver(mailed(subject))

    class KilledThen(OfficeMailboxLog):
        def keep(self, place: MailPlace, incoming: Incoming, folder: str) -> None:
            super().keep(place, incoming, folder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ImapMailbox(server.url, ADDRESS, harmless).take(KilledThen(world.services()))
    assert server.count("INBOX") == 1
    assert poll(world, server) == 0  # moved, not read
    assert (server.count("INBOX"), len(items(world, subject))) == (0, 1)


def test_what_is_no_application_is_dismissed_and_its_content_goes(world: World, server: Mailbox) -> None:
    subject = unique("Reklama")
    server.deliver(mailed(subject))
    poll(world, server)
    ((intake_id, *_),) = items(world, subject)
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wplyw/{intake_id}")
    assert clerk.send(page, {"reason": ""}, action_ends="/odloz").errors() == ["Wpisz powód"]
    assert clerk.send(page, {"reference": "2026-999999-1"}, action_ends="/dolacz").errors() == ["Nie ma wniosku o tym numerze"]
    page = clerk.send(page, {"reason": "to reklama"}, action_ends="/odloz")
    assert "Odłożone" in page.text
    assert items(world, subject) == []
    assert world.sql("SELECT count(*) FROM intake_files WHERE intake_id = %s", intake_id)[0][0] == 0
    with world.services().work() as work:
        assert work.intake.get(intake_id).state is IntakeState.DISMISSED
    assert world.staff("auditor").open(f"{world.provisioning}/wplyw").status == 403


def test_s1_one_batch_of_scans_goes_to_its_applications_and_the_rest_waits(world: World) -> None:
    one, two, decided = entered(world), entered(world), entered(world)
    world.approve(decided["reference"])
    world.call("POST", f"/staff/applications/{one['reference']}/note", world.staff_token("clerk"))
    batch = pdf_of(None, one["reference"], None, two["reference"], "2026-999999-1")
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wplyw")
    page = clerk.send(page, {}, action_ends="/wplyw/skany", files={"file": ("paczka.pdf", batch)})
    assert "Wczytane skany" in page.text
    for reference, pages in ((one["reference"], 2), (two["reference"], 1)):
        assert reference in page.text
        (document,) = details(world, reference)["documents"]
        assert document["type"] == "application/pdf"
        with world.services().work() as work:
            import pypdfium2

            assert len(pypdfium2.PdfDocument(work.documents.get(reference, document["id"]).content)) == pages
    for words in ("strony bez kodu QR", "kod QR nie pasuje do żadnego wniosku"):
        assert words in page.text
    page = clerk.send(
        clerk.open(f"{world.provisioning}/wplyw"), {}, action_ends="/wplyw/skany", files={"file": ("a.pdf", b"%PDF-x")}
    )
    assert page.errors() == ["Pliku nie da się odczytać. Zapisz go jeszcze raz"]


def test_scans_may_be_larger_than_any_other_form_and_too_large_ones_are_refused_by_name(world: World) -> None:
    import secrets

    import pikepdf

    found, output = entered(world), io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf_of(found["reference"]))) as pdf:
        pdf.Root.Ballast = pdf.make_stream(secrets.token_bytes(20 * 2**20))
        pdf.save(output)
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wplyw")
    page = clerk.send(page, {}, action_ends="/wplyw/skany", files={"file": ("paczka.pdf", output.getvalue())})
    assert found["reference"] in page.text, page.heading
    path = f"{world.provisioning}/wniosek/{found['reference']}"
    form = clerk.open(path).form("/pliki")
    csrf = next(each.get("value") for each in form.iter("input") if each.get("name") == "csrf_token")
    two = [("file", (f"{n}.png", picture() + secrets.token_bytes(12 * 2**20))) for n in range(2)]
    answer = clerk.session.post(f"{path}/pliki", data={"csrf_token": csrf}, files=two, timeout=60)
    assert "Dodano 2 pliki" in answer.text
    big = {"file": ("a.png", picture() + secrets.token_bytes(16 * 2**20))}
    answer = clerk.session.post(f"{path}/pliki", data={"csrf_token": csrf}, files=big, timeout=60)
    assert "Plik jest za duży: najwyżej 15 MB" in answer.text
    stranger = world.visitor().session.post(f"{world.provisioning}/wplyw/skany", files=big, timeout=60)
    assert stranger.status_code in (400, 413)


def run(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    import os

    environment = {**os.environ, **world.secrets, "IBOK_KEYCLOAK_URL": world.keycloak, "IBOK_WEBAPP_URL": world.webapp, "IBOK_PROVISIONING_URL": world.provisioning}  # fmt: skip
    return subprocess.run([CLI, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False)


def row(**changes: str) -> dict[str, str]:
    body = paper_body()
    address = {f"supply_point_address.{key}": value or "" for key, value in body["supply_point_address"].items()}
    clauses = {f"clauses.{code}": "tak" for code in body["clauses"]}
    plain = {
        "channel": "post",
        "filed_on": body["filed_on"],
        "customer_type": "person",
        "first_name": "Anna",
        "last_name": "Zbiorcza",
    }
    numbers = {name: body[name] for name in ("pesel", "customer_number", "email")}
    return plain | numbers | address | clauses | {"terms_accepted": "tak", "signed_on": body["filed_on"]} | changes


def write(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8") -> None:
    from provisioning.adapters.application_batch import columns
    from provisioning.form.catalogue import all_versions

    with path.open("w", encoding=encoding, newline="") as handle:
        writer = csv.DictWriter(handle, columns(all_versions()["2026-1"]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1250"])
def test_s1_a_csv_of_paper_applications_is_entered_once_and_bad_rows_come_back(world: World, tmp_path: Path, encoding: str) -> None:
    good, refused, wrong = row(first_name="Żaneta"), row(**{"clauses.K3-RODO": "nie"}), row(pesel="00000000000", email="nikt")
    file, bad = tmp_path / "paczka.csv", tmp_path / "zle.csv"
    write(file, [good, refused, wrong], encoding)
    said = run(world, "import-applications", str(file), "--by", "clerk", "--dry-run")
    assert said.returncode == 2, said.stderr
    assert "2 applications would be entered" in said.stderr
    numbers = [each["customer_number"] for each in (good, refused, wrong)]
    assert world.sql("SELECT count(*) FROM applications WHERE data->>'customer_number' = ANY(%s)", numbers)[0][0] == 0
    said = run(world, "import-applications", str(file), "--by", "clerk", "--bad", str(bad))
    assert "2 applications entered, 0 were here already, 1 left out" in " ".join(said.stderr.split())
    assert "line 4" in said.stderr
    assert "00000000000" not in said.stderr  # PESEL in no log
    (left,) = csv.DictReader(io.StringIO(bad.read_text(encoding="utf-8-sig")), delimiter=";")
    assert left["customer_number"] == wrong["customer_number"]
    assert "pesel" in left["powod"]
    assert "email" in left["powod"]
    again = run(world, "import-applications", str(file), "--by", "clerk")
    assert "0 applications entered, 2 were here already" in " ".join(again.stderr.split())
    references = dict(world.sql("SELECT data->>'customer_number', reference FROM applications WHERE data->>'customer_number' = ANY(%s)", numbers))  # fmt: skip
    assert len(references) == 2
    entered_one = details(world, references[good["customer_number"]])
    assert (entered_one["first_name"], entered_one["entered_by"], entered_one["status"]) == ("Żaneta", "clerk", "filed")
    path = f"/staff/applications/{references[refused['customer_number']]}/approve"
    assert (
        world.call("POST", path, world.staff_token("registrar"), json={"version": 1}).json()["code"] == "clauses_not_accepted"
    )  # S2


def test_a_row_that_breaks_off_being_one_costs_itself_alone(world: World, tmp_path: Path) -> None:
    good, file = row(), tmp_path / "paczka.csv"
    write(file, [row(last_name="x" * 140_000), good])  # a cell beyond the limit of the csv module
    said = run(world, "import-applications", str(file), "--by", "clerk")
    assert (said.returncode, "Traceback" in said.stderr) == (2, False), said.stderr
    assert "line 2: the quotation marks do not match, or a cell is far too long" in said.stderr
    assert world.sql("SELECT count(*) FROM applications WHERE data->>'customer_number' = %s", good["customer_number"])[0][0] == 1


def test_s02_an_intake_item_that_is_not_there_leaves_no_line_in_the_audit(world: World) -> None:
    guessed = f"x{secrets.token_hex(8)}"
    answer = world.staff("clerk").session.get(f"{world.provisioning}/wplyw/{guessed}", timeout=30)
    assert answer.status_code == 404
    assert world.sql("SELECT count(*) FROM audit WHERE details->>'intake' = %s", guessed)[0][0] == 0


def test_a_csv_that_is_none_changes_nothing(world: World, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a;b\n1;2\n")
    said = run(world, "import-applications", str(file), "--by", "clerk")
    assert said.returncode == 1
    assert "lacks the columns" in said.stderr
