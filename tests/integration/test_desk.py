"""The desk on the real parts: the copy of S3, the blank form, late decisions, four eyes, evidence, the auditor's tools."""

import csv
import hashlib
import io
import json
import re
import secrets
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from provisioning.adapters.postgres.demo_applications import invented_pesel
from provisioning.domain.actors import Actor
from provisioning.domain.errors import NotPossible
from provisioning.use_cases.application.decide import approve
from provisioning.use_cases.desk.work_on_case import claim
from tests.support.desk import entered, history
from tests.support.files import text_of
from tests.support.world import World, application_body, paper_body, unused_address

CLI = str(Path(sys.executable).parent / "ibok-provisioning")


def test_s3_the_office_hands_over_a_stamped_copy_and_the_audit_knows(world: World) -> None:
    found = entered(world, channel="office")
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wniosek/{found['reference']}")
    assert "Wydrukuj kopię dla klienta" in page.text
    form = page.form("/kopia")
    csrf = next(field.get("value") for field in form.iter("input") if field.get("name") == "csrf_token")
    answer = clerk.session.post(world.provisioning + str(form.get("action")), data={"csrf_token": csrf}, timeout=60)
    text = text_of(answer.content)
    for words in ("KOPIA", found["reference"], "Ewa Nowak", "Źdźbło-Żak"):
        assert words in text
    assert [line["actor"] for line in history(world, found["reference"]) if line["action"] == "application.copy_printed"] == [
        "clerk"
    ]


@pytest.mark.parametrize("channel", ["post", "email"])
def test_s3_no_copy_is_made_of_what_was_mailed(world: World, channel: str) -> None:
    found = entered(world, channel=channel)
    page = world.staff("clerk").open(f"{world.provisioning}/wniosek/{found['reference']}")
    assert "Wydrukuj kopię" not in page.text
    path = f"/staff/applications/{found['reference']}/copy"
    refused = world.call("POST", path, world.staff_token("clerk"))
    assert (refused.status_code, refused.json()["code"]) == (409, "copy_not_made_for_mailed")
    assert world.call("POST", path, world.staff_token("auditor")).status_code == 403


@pytest.mark.parametrize("language", ["pl", "en"])
def test_s1_s2_the_blank_form_has_every_clause_and_the_line_for_the_regulamin(world: World, language: str) -> None:
    visitor = world.visitor(language)
    visitor.open(f"{world.webapp}/?lang={language}")
    pdf = visitor.session.get(f"{world.webapp}/wniosek/druk-bok-27.pdf", timeout=60).content
    text = text_of(pdf)
    form = world.call("GET", "/form", world.service_token()).json()
    for clause in form["clauses"]:
        assert clause["code"] in text
    assert form["terms_version"] in text
    assert ("podpis pod Regulaminem" if language == "pl" else "signature under the terms") in text
    assert b"/MarkInfo" in pdf  # tagged


def test_s4_a_late_decision_needs_a_reason_which_the_audit_keeps(world: World) -> None:
    found = entered(world, filed_on=str(date.today() - timedelta(days=40)), entry_reason="list znalazł się dopiero teraz")
    token, path = world.staff_token("registrar"), f"/staff/applications/{found['reference']}/approve"
    assert world.call("POST", path, token, json={"version": 1}).status_code == 422
    registrar = world.staff("registrar")
    page = registrar.open(f"{world.provisioning}/wniosek/{found['reference']}")
    assert "po terminie" in page.text
    page = registrar.send(page, {}, action_ends="/approve")
    assert page.heading.startswith("Zatwierdź wniosek")
    page = registrar.send(page, {})
    assert page.errors() == ["Wpisz powód"]
    page = registrar.send(page, {"reason": "czekaliśmy na rejestr"})
    assert "Zatwierdzono" in page.text
    (line,) = [line for line in history(world, found["reference"]) if line["action"] == "application.approved"]
    assert line["details"]["reason"] == "czekaliśmy na rejestr"
    assert line["details"]["days_late"] > 0


def test_s4_why_this_day_opens_the_sum_day_by_day(world: World) -> None:
    found = entered(world)
    page = world.staff("clerk").open(f"{world.provisioning}/wniosek/{found['reference']}/termin")
    assert "art. 111" in page.text
    assert page.text.count("<tr>") == 15 + max(
        0, (date.fromisoformat(found["due_on"]) - date.fromisoformat(found["filed_on"])).days - 14
    )
    assert "ostatni dzień" in page.text


def test_s04_four_eyes_who_typed_it_in_cannot_approve_it(world: World) -> None:
    token = world.staff_token("registrar")
    reference = world.call("POST", "/staff/applications", token, json=paper_body()).json()["reference"]
    services = world.services(rules=replace(world.services().rules, four_eyes=True))
    roles = frozenset({"bok-registrar"})
    with pytest.raises(NotPossible) as refusal:
        approve(services, Actor("registrar", roles), reference, 1, "bez skanu")
    assert refusal.value.code == "four_eyes"
    assert approve(services, Actor("another", roles), reference, 1, "bez skanu").status == "approved"


def test_the_evidence_pack_proves_itself(world: World) -> None:
    found = world.registered()
    path = f"/staff/applications/{found['reference']}/evidence"
    assert world.call("POST", path, world.staff_token("clerk")).status_code == 403
    answer = world.call("POST", path, world.staff_token("auditor"))
    bundle = zipfile.ZipFile(io.BytesIO(answer.content))
    names = {name.removeprefix(f"{found['reference']}/") for name in bundle.namelist()}
    assert {
        "wniosek.pdf",
        "klauzule.txt",
        "regulamin-2026-1.txt",
        "dane.json",
        "wiadomosci.json",
        "dziennik.json",
        "SHA256SUMS",
    } <= names
    for line in bundle.read(f"{found['reference']}/SHA256SUMS").decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(bundle.read(f"{found['reference']}/{name}")).hexdigest() == digest
    lines = json.loads(bundle.read(f"{found['reference']}/dziennik.json"))
    assert {"application.approved", "account.created", "application.evidence_exported"} <= {line["action"] for line in lines}
    everything = b"".join(bundle.read(name) for name in bundle.namelist() if not name.endswith(".pdf"))
    assert found["pesel"].encode() not in everything  # PESEL stands on the form alone
    assert found["temporary"].encode() not in everything


def test_the_auditor_filters_exports_and_every_export_is_an_entry(world: World) -> None:
    found = world.filed(first_name="=cmd()", signature={"kind": "declaration", "signed_name": "=cmd() Źdźbło-Żak"})
    world.call("POST", f"/staff/applications/{found['reference']}/reject", world.staff_token("registrar"),
               json={"version": found["version"], "reason": "=HYPERLINK(1)"})  # fmt: skip
    auditor = world.staff("auditor")
    page = auditor.open(f"{world.provisioning}/dziennik?subject={found['reference']}&action=application.rejected")
    assert page.text.count("<tr>") == 2
    assert auditor.open(f"{world.provisioning}/dziennik?since=2026-13-45").errors() == ["Wpisz datę, na przykład 24.11.2026"]
    assert auditor.open(f"{world.provisioning}/dziennik?until=2020-01-01").text.count("<tr>") == 1
    csrf = next(f.get("value") for f in page.form("/eksport/csv").iter("input") if f.get("name") == "csrf_token")
    data = {"csrf_token": csrf, "subject": found["reference"]}
    content = auditor.session.post(f"{world.provisioning}/dziennik/eksport/csv", data=data, timeout=60).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline=""), delimiter=";"))
    assert {row["action"] for row in rows} >= {"application.submitted", "application.rejected"}
    assert not any(value.startswith(("=", "+", "@")) for row in rows for value in row.values())
    jsonl = auditor.session.post(f"{world.provisioning}/dziennik/eksport/jsonl", data=data, timeout=60).text
    assert len([json.loads(line) for line in jsonl.splitlines()]) == len(rows)
    assert world.sql("SELECT count(*) FROM audit WHERE action = 'audit.exported' AND actor = 'auditor'")[0][0] >= 2
    refused = world.staff("clerk").session.post(f"{world.provisioning}/dziennik/eksport/csv", data=data, timeout=60)
    assert refused.status_code in (400, 403)


def run_verify(url: str, world: World) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "IBOK_KEYCLOAK_URL": world.keycloak, "IBOK_WEBAPP_URL": world.webapp}
    environment |= {"IBOK_PROVISIONING_URL": world.provisioning, **world.secrets, "IBOK_DATABASE_URL": url}
    return subprocess.run([CLI, "audit", "verify"], env=environment, capture_output=True, text=True, timeout=120)


def test_verify_names_the_line_that_a_superuser_changed_and_the_applications_role_may_change_none(world: World) -> None:
    entered(world)
    url = world.secrets["IBOK_DATABASE_URL"]
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
    holds = run_verify(url, world)
    assert holds.returncode == 0, holds.stderr
    assert "The chain holds" in holds.stderr
    # a copy of the database is forged, so that nothing here disturbs other tests
    superuser = (world.state / "db.superuser").read_text().strip()
    host = url.split("@")[1].split("/")[0]
    root = f"postgresql://postgres:{superuser}@{host}"
    name = f"forged_{date.today():%j}"
    with psycopg.connect(f"{root}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name} OWNER ibok_provisioning")
    with psycopg.connect(f"{root}/{name}", autocommit=True) as forged, psycopg.connect(url) as source:
        forged.execute("SET ROLE ibok_provisioning")
        columns = "number, at, actor, roles, address, action, subject, details, previous_hash, hash"
        forged.execute("CREATE TABLE audit (number bigint, at timestamptz, actor text, roles jsonb, address text, action text, subject text, "
                       "details jsonb, previous_hash text, hash text)")  # fmt: skip
        forged.execute("CREATE TABLE audit_keys (subject text, key bytea)")
        rows = source.execute(f"SELECT {columns} FROM audit ORDER BY number LIMIT 40").fetchall()
        for row in rows:
            values = [psycopg.types.json.Jsonb(value) if isinstance(value, dict | list) else value for value in row]
            forged.execute(f"INSERT INTO audit VALUES ({', '.join(['%s'] * 10)})", values)
        forged.execute("UPDATE audit SET actor = 'somebody else' WHERE number = 7")
        forged.execute("DELETE FROM audit WHERE number = 12")
    said = run_verify(f"{url.rsplit('/', 1)[0]}/{name}", world)
    with psycopg.connect(f"{root}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert said.returncode == 2
    assert "line 7 was changed" in said.stderr
    assert "missing before line 13" in said.stderr


def test_an_application_of_a_web_customer_has_no_copy_button(world: World) -> None:
    found = world.filed(**{k: v for k, v in application_body().items() if k == "phone"})
    page = world.staff("clerk").open(f"{world.provisioning}/wniosek/{found['reference']}")
    assert "Wydrukuj kopię" not in page.text


def test_scans_of_paper_are_added_and_read_beside_the_data(world: World) -> None:
    from tests.support.hostile_files import image, pdf

    found = entered(world, channel="office")
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wniosek/{found['reference']}")
    bad = clerk.send(page, {}, action_ends="/pliki", files=[("file", ("a.pdf", pdf())), ("file", ("b.exe", b"MZ\x90"))])
    assert bad.status == 422
    assert bad.errors() == ["Dodaj plik PDF, JPG, PNG, TIFF albo HEIC"]
    assert "a.pdf" not in clerk.open(f"{world.provisioning}/wniosek/{found['reference']}").text  # one bad file and none is stored
    empty = clerk.send(page, {}, action_ends="/pliki")
    assert empty.errors() == ["Wybierz plik"]
    page = clerk.send(
        page, {}, action_ends="/pliki", files=[("file", ("skan.pdf", pdf(pages=3))), ("file", ("foto.heic", image("HEIF")))]
    )
    assert "Dodano 2 pliki." in page.text
    assert "strona 1 z 3" in " ".join(re.sub(r"<[^>]+>", "", page.text).split())
    picture = next(each.get("src") for each in page.tree.iter("img") if "/strona/" in (each.get("src") or ""))
    answer = clerk.session.get(world.provisioning + str(picture), timeout=60)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    assert clerk.open(page.url.replace("?", "?strona=3&obrot=90&skala=200&")).status == 200
    opened = [line for line in history(world, found["reference"]) if line["action"] == "document.opened"]
    assert len(opened) == 1  # opening is an entry, turning pages is not
    assert world.visitor().session.get(world.provisioning + str(picture), timeout=30, allow_redirects=False).status_code == 302
    other = entered(world)
    document = str(picture).split("/plik/")[1].split("/")[0]
    for path in (f"/wniosek/{other['reference']}?plik={document}", f"/wniosek/{found['reference']}?plik=nonsense",
                 f"/wniosek/{found['reference']}/plik/{document}/strona/99.jpg"):  # fmt: skip
        assert clerk.open(world.provisioning + path).status == 404, path
    over_api = world.call(
        "POST", f"/staff/applications/{found['reference']}/documents", world.staff_token("auditor"), files={"file": pdf()}
    )
    assert over_api.status_code == 403
    world.approve(found["reference"])
    late = world.call("POST", f"/staff/applications/{found['reference']}/documents", world.staff_token("clerk"),
                      files={"file": ("x.pdf", pdf())})  # fmt: skip
    assert late.status_code in (201, 409)


def test_a_silent_rejection_stays_in_the_file_and_no_mail_goes_out(world: World) -> None:
    found = world.filed()
    registrar = world.staff("registrar")
    page = registrar.open(f"{world.provisioning}/wniosek/{found['reference']}/reject")
    page = registrar.send(page, {"reason": "podejrzenie oszustwa", "silent": "yes"})
    assert "Klient nie dostanie wiadomości" in page.text
    assert "podejrzenie oszustwa" in page.text
    assert not world.mails(found["email"], "odrzucony")
    told = world.filed()
    answer = world.call("POST", f"/staff/applications/{told['reference']}/reject", world.staff_token("registrar"),
                        json={"version": told["version"], "reason": "brak umowy", "silent": False})  # fmt: skip
    assert answer.status_code == 200
    assert "brak umowy" in world.mail(told["email"], "odrzucony")["text"]


def test_the_facts_of_a_utility_are_checked_with_their_place(world: World, tmp_path: Path) -> None:
    from ibok_idp import look

    own = (Path(look.__file__).parent / "utility.toml").read_text()
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def run(text: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "u.toml").write_text(text)
        return subprocess.run(
            [CLI, "utility", "check", str(tmp_path / "u.toml")], env=environment, capture_output=True, text=True, timeout=60
        )

    assert run(own).returncode == 0
    for wrong, said in ((own.replace("withdrawable = true", 'withdrawable = "maybe"'), "account_closing.withdrawable"), ("[company", "TOML"),
                        (own.replace("short_name", "nick_name"), "company.short_name")):  # fmt: skip
        found = run(wrong)
        assert found.returncode == 1
        assert said in " ".join(found.stderr.split())


def test_notes_stay_after_the_decision_and_a_claim_lapses_by_itself(world: World) -> None:
    found = world.filed()
    path = f"{world.provisioning}/wniosek/{found['reference']}"
    clerk, registrar = world.staff("clerk"), world.staff("registrar")
    page = clerk.send(clerk.open(path), {}, action_ends="/przypisz")
    assert "Oddaję ten wniosek" in page.text
    assert "Ewa Nowak</td>" in clerk.open(f"{world.provisioning}/?q={found['reference']}").text
    stuck = registrar.open(path)
    assert "Zajmuje się tym:" in stuck.text
    assert "/przypisz" not in stuck.text
    with pytest.raises(NotPossible) as refusal:
        claim(world.services(), Actor("registrar", frozenset({"bok-registrar"})), found["reference"])
    assert refusal.value.code == "claimed_by_another"
    world.sql("UPDATE case_claims SET until = now() - interval '1 minute' WHERE reference = %s", found["reference"])
    page = registrar.send(registrar.open(path), {}, action_ends="/przypisz")  # it has lapsed
    page = registrar.send(page, {}, action_ends="/oddaj")
    assert "Zajmuję się tym wnioskiem" in page.text
    assert registrar.send(page, {"note": "  "}, action_ends="/notatka").errors() == ["Wpisz notatkę"]
    world.approve(found["reference"])
    page = registrar.send(registrar.open(path), {"note": "<b>dzwonił</b> sąsiad"}, action_ends="/notatka")
    assert "&lt;b&gt;dzwonił&lt;/b&gt; sąsiad" in page.text
    assert "Nowa notatka" not in world.staff("auditor").open(path).text
    assert "case.noted" in {line["action"] for line in history(world, found["reference"])}


def test_applications_and_accounts_like_this_one_are_shown_by_what_they_share(world: World) -> None:
    number = f"6{secrets.randbelow(10**7):07d}"
    address = unused_address()
    clerk = world.staff("clerk")
    person = invented_pesel(secrets.randbelow)
    first = entered(world, customer_number=number, email=address, pesel=person)
    second = entered(world, customer_number=number, pesel=person)
    third = entered(world, customer_number=f"7{number[1:]}", email=address.upper().replace("@EXAMPLE", "@example"), pesel=person)
    page = clerk.open(f"{world.provisioning}/wniosek/{first['reference']}").text
    assert "Podobne wnioski i konta" in page
    assert second["reference"] in page
    assert third["reference"] in page
    with world.services().work() as work:
        alike = work.applications.alike(work.applications.get(first["reference"]), 1000)
        shared = {each.reference: set(each.shared) for each in alike}
    assert first["reference"] not in shared
    assert {"number", "pesel"} <= shared[second["reference"]]
    assert "email" not in shared[second["reference"]]
    assert {"email", "pesel"} <= shared[third["reference"]]
    assert "number" not in shared[third["reference"]]
    world.call(
        "POST",
        f"/staff/applications/{second['reference']}/reject",
        world.staff_token("registrar"),
        json={"version": second["version"], "reason": "Podwójny wniosek"},
    )
    with world.services().work() as work:
        alike = work.applications.alike(work.applications.get(first["reference"]), 1000)
    assert second["reference"] not in [each.reference for each in alike]  # decided, and no account came of it
