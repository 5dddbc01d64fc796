"""Correcting what was typed, deciding over something alike, one account for several customer numbers, two people at one case."""

import io
import json
import secrets
import zipfile
from datetime import date, timedelta

import pytest

from provisioning.adapters.postgres.demo_applications import invented_pesel
from tests.support.desk import act, details, entered, history
from tests.support.files import text_of
from tests.support.world import World, eventually, paper_body


def test_a_correction_keeps_the_old_value_and_who_changed_it_and_the_evidence_keeps_the_form_as_filed(world: World) -> None:
    person = invented_pesel(secrets.randbelow)
    found = entered(world, last_name="Zdzblo", pesel=person)
    clerk = world.staff("clerk")
    path = f"{world.provisioning}/wniosek/{found['reference']}"
    form = clerk.open(f"{path}/popraw")
    assert person not in form.text  # not even where it could be corrected
    page = clerk.send(form, {"last_name": "Źdźbło", "customer_number": "4011827"}, action_ends="")
    assert "Poprawki zapisane" in page.text
    assert "<del>Zdzblo</del>" in page.text
    assert "<ins>Źdźbło</ins>" in page.text
    assert details(world, found["reference"])["customer_number"] == "4011827"
    other = invented_pesel(secrets.randbelow)
    clerk.send(clerk.open(f"{path}/popraw"), {"pesel": other}, action_ends="")
    lines = [line for line in history(world, found["reference"]) if line["action"] == "application.corrected"]
    assert [line["actor"] for line in lines] == ["clerk", "clerk"]
    assert lines[1]["details"]["changes"] == [{"field": "pesel", "old": f"••••••••{person[-3:]}", "new": f"••••••••{other[-3:]}"}]
    answer = world.call("POST", f"/staff/applications/{found['reference']}/evidence", world.staff_token("auditor"))
    bundle = zipfile.ZipFile(io.BytesIO(answer.content))
    read = {name.split("/")[1]: bundle.read(name) for name in bundle.namelist()}
    assert "Zdzblo" in text_of(read["wniosek.pdf"])
    assert f"•{person[-3:]}" in text_of(read["wniosek.pdf"])  # as filed, and masked like everywhere
    assert person not in text_of(read["wniosek.pdf"])
    assert "Źdźbło" in text_of(read["wniosek-po-poprawkach.pdf"])
    assert json.loads(read["dane.json"])["as_filed"]["data"]["last_name"] == "Zdzblo"


def test_a_correction_is_checked_like_any_form_and_an_empty_one_is_none(world: World) -> None:
    found = entered(world)
    clerk = world.staff("clerk")
    path = f"{world.provisioning}/wniosek/{found['reference']}/popraw"
    page = clerk.send(clerk.open(path), {"email": "other@example.com", "email_again": ""}, action_ends="")
    assert page.errors() == ["Oba adresy e-mail muszą być takie same"]
    page = clerk.send(clerk.open(path), {"customer_number": "x"}, action_ends="")
    assert page.status == 422
    page = clerk.send(clerk.open(path), {}, action_ends="")
    assert page.errors() == ["Niczego nie zmieniono"]
    assert details(world, found["reference"])["version"] == found["version"]
    world.approve(found["reference"])
    assert act(world, found["reference"], "correct", "clerk", application=paper_body()).json()["code"] == "wrong_state"
    assert world.staff("auditor").open(path).status == 403


def test_s2_what_was_missing_can_be_entered_when_it_comes(world: World) -> None:
    found = entered(world, signature=None)
    assert act(world, found["reference"], "approve").json()["code"] == "signature_missing"
    assert act(world, found["reference"], "request-completion", "clerk", reason="Brakuje podpisu.").status_code == 200
    clerk = world.staff("clerk")
    path = f"{world.provisioning}/wniosek/{found['reference']}"
    page = clerk.send(clerk.open(f"{path}/popraw"), {"signed": "yes", "signed_on": str(date.today())}, action_ends="")
    assert "Poprawki zapisane" in page.text
    clerk.send(clerk.open(path), {}, action_ends="/complete")
    assert act(world, found["reference"], "approve", reason="bez skanu").status_code == 200


def test_of_a_web_application_the_customers_own_answers_and_address_stay(world: World) -> None:
    found = world.filed()
    clerk = world.staff("clerk")
    path = f"{world.provisioning}/wniosek/{found['reference']}/popraw"
    form = clerk.open(path)
    assert 'name="email"' not in form.text
    assert "clauses-K1" not in form.text
    page = clerk.send(form, {"contract_number": "U/1/2"}, action_ends="")
    assert "Poprawki zapisane" in page.text
    after = details(world, found["reference"])
    assert after["contract_number"] == "U/1/2"
    assert (after["email"], after["signature"]["kind"], after["channel"]) == (found["email"], "declaration", "web")


def test_approving_over_something_alike_needs_a_reason_that_the_audit_keeps(world: World) -> None:
    number = f"4{secrets.randbelow(10**9):09d}"
    first, second = entered(world, customer_number=number), entered(world, customer_number=number)
    refused = act(world, first["reference"], "approve")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "reason")
    assert details(world, first["reference"])["status"] == "filed"
    registrar = world.staff("registrar")
    page = registrar.open(f"{world.provisioning}/wniosek/{first['reference']}")
    page = registrar.send(page, {}, action_ends="/approve")
    assert "Jest podobny otwarty wniosek albo konto" in page.text
    page = registrar.send(page, {"reason": "Współwłaściciele, każdy ma własne konto"})
    assert "Zatwierdzono" in page.text
    (line,) = [each for each in history(world, first["reference"]) if each["action"] == "application.approved"]
    assert line["details"]["reason"].startswith("Współwłaściciele")
    assert act(world, second["reference"], "approve").status_code == 422  # now it is a live account


def test_one_person_gets_a_second_customer_number_on_the_account_they_have(world: World) -> None:
    first = world.active()
    second = entered(world, pesel=first["pesel"])
    number = details(world, second["reference"])["customer_number"]
    registrar = world.staff("registrar")
    page = registrar.open(f"{world.provisioning}/wniosek/{second['reference']}")
    assert "dopisz numer do tego konta" in page.text
    assert world.staff("clerk").open(f"{world.provisioning}/wniosek/{second['reference']}/dopisz/{first['login']}").status == 403
    page = registrar.open(f"{world.provisioning}/wniosek/{second['reference']}/dopisz/{first['login']}")
    page = registrar.send(page, {"reason": "oryginał leży w biurze"})
    assert f"Numer dopisany do konta {first['login']}" in page.text
    assert details(world, second["reference"])["status"] == "registered"
    assert world.account(first["login"])["customer_numbers"] == [first["customer_number"], number]
    eventually(
        lambda: (world.user(first["login"]) or {})["attributes"]["ibok_customer_numbers"] == [first["customer_number"], number]
    )
    mail = world.mail(first["email"], "dopisaliśmy numer")
    assert number in mail["text"]
    assert "Hasło tymczasowe" not in mail["text"]
    assert world.sql("SELECT count(*) FROM accounts WHERE reference = %s", second["reference"])[0][0] == 0
    stranger = world.registered()
    theirs = entered(world, pesel=first["pesel"], customer_number=stranger["customer_number"])
    refused = act(world, theirs["reference"], "add-to-account", login=first["login"])
    assert refused.status_code == 422  # the number is on somebody else's account: that needs words
    assert act(world, theirs["reference"], "add-to-account", login=first["login"], reason="Spadek").status_code == 200
    third = entered(world, customer_number=number)
    assert first["login"] in world.staff("clerk").open(f"{world.provisioning}/wniosek/{third['reference']}").text
    assert act(world, third["reference"], "approve").status_code == 422  # the number is on a live account
    found = world.staff("clerk").open(f"{world.provisioning}/konta?q={number}")
    assert first["login"] in found.text  # the help line finds the account by the added number too


def test_a_number_goes_to_no_account_that_shares_nothing_is_closing_or_has_it_already(world: World) -> None:
    stranger, owner = world.registered(), world.registered()
    other = entered(world)
    assert act(world, other["reference"], "add-to-account", login=stranger["login"]).json()["code"] == "account_not_alike"
    again = entered(world, pesel=owner["pesel"], customer_number=owner["customer_number"])
    assert act(world, again["reference"], "add-to-account", login=owner["login"]).json()["code"] == "number_on_account"
    more = entered(world, pesel=owner["pesel"])
    world.deed(owner["login"], "resign")
    assert act(world, more["reference"], "add-to-account", login=owner["login"]).json()["code"] == "account_not_live"
    refused = entered(world, pesel=stranger["pesel"], clauses={**paper_body()["clauses"], "K3-RODO": False})
    assert (
        act(world, refused["reference"], "add-to-account", login=stranger["login"]).json()["code"] == "clauses_not_accepted"
    )  # S2
    assert details(world, more["reference"])["status"] == "filed"


def test_s8_an_added_application_goes_with_its_account(world: World) -> None:
    first = world.active()
    second = entered(world, pesel=first["pesel"], last_name=f"Rzadka{secrets.token_hex(4)}")
    assert act(world, second["reference"], "add-to-account", login=first["login"], reason="bez skanu").status_code == 200
    from provisioning.domain.actors import WORKER
    from provisioning.use_cases.account.resign import anonymise

    services = world.services()
    world.deed(first["login"], "delete", reason="koniec")
    eventually(lambda: world.user(first["login"]) is None)
    with services.work() as work:
        anonymise(services, work, work.accounts.locked(first["login"]), WORKER)
    after = details(world, second["reference"])
    assert (after["last_name"], after["customer_number"], after["email"]) == ("–", "–", "–")
    with services.work() as work:
        assert work.applications.get(second["reference"]).pesel is None
    assert world.sql("SELECT count(*) FROM search_names WHERE word LIKE 'rzadka%%'")[0][0] == 0


@pytest.mark.parametrize("step", ["reject", "popraw"])
def test_two_people_at_one_application_see_both_versions(world: World, step: str) -> None:
    found = entered(world)
    path = f"{world.provisioning}/wniosek/{found['reference']}"
    one, other = world.staff("registrar"), world.staff("clerk")
    mine = one.open(f"{path}/{step}")
    other.send(other.open(f"{path}/popraw"), {"contract_number": "U/NOWA/1"}, action_ends="")
    other.send(other.open(path), {}, action_ends="/review")
    values = {"reason": "Nie ten numer."} if step == "reject" else {"contract_number": "U/MOJA/2"}
    page = one.send(mine, values)
    assert (page.status, page.heading) == (409, "Ktoś zmienił ten wniosek")
    for words in ("U/2019/771", "U/NOWA/1", "Złożony", "W weryfikacji"):
        assert words in page.text
    if step == "reject":
        assert "Nie ten numer." in page.text  # what was typed is not lost
    else:
        assert "U/MOJA/2" in page.text
    assert details(world, found["reference"])["status"] == "in_review"


def test_s1_a_filing_date_long_ago_needs_a_reason(world: World) -> None:
    body = paper_body(filed_on=str(date.today() - timedelta(days=31)))
    answer = world.call("POST", "/staff/applications", world.staff_token("clerk"), json=body)
    assert [each["code"] for each in answer.json()["errors"]] == ["filed_long_ago"]
    assert world.call("POST", "/staff/applications", world.staff_token("clerk"), json=body | {"entry_reason": "list zaginął"}).status_code == 201  # fmt: skip
    at_the_limit = paper_body(filed_on=str(date.today() - timedelta(days=30)))
    assert world.call("POST", "/staff/applications", world.staff_token("clerk"), json=at_the_limit).status_code == 201


def test_the_original_of_a_scan_is_kept_apart_and_leaves_only_as_a_download(world: World) -> None:
    from tests.support.files import picture

    found = entered(world)
    original = picture() + b"hidden behind the picture"
    answer = world.call("POST", f"/staff/applications/{found['reference']}/documents", world.staff_token("clerk"), files={"file": ("a.png", original)})  # fmt: skip
    document = answer.json()["items"][0]["id"]
    registrar = world.staff("registrar")
    page = registrar.open(f"{world.provisioning}/wniosek/{found['reference']}?plik={document}")
    form = page.form(f"/oryginal/{document}")
    csrf = next(each.get("value") for each in form.iter("input") if each.get("name") == "csrf_token")
    got = registrar.session.post(world.provisioning + str(form.get("action")), data={"csrf_token": csrf}, timeout=60)
    assert got.content == original
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert [line["action"] for line in history(world, found["reference"])].count("document.original_opened") == 1
    shown = world.staff("clerk").session.get(f"{world.provisioning}/wniosek/{found['reference']}/plik/{document}", timeout=60)
    assert b"hidden behind" not in shown.content
