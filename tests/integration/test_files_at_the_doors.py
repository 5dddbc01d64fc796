"""U01, U06, U07 on the running product: hostile files at the API, the staff UI and the web form."""

import io
import socket
import threading
import time
import zipfile
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image

from deploy.demo import applicant, proof_of_work
from tests.support.hostile_files import (
    Signer,
    content_of,
    everything_active,
    form_in_itself,
    forms_in_forms,
    huge_page,
    image,
    one_page,
    packed_twice,
    pdf,
    png_of,
    saved,
    stream,
    tiff,
)
from tests.support.world import World, unused_address

PAGE = one_page(stream(b"50 700 100 40 re f"))
BOMBS = {
    "frames": lambda: tiff([Image.new("1", (7000, 5700), 1) for _ in range(10)], compression="group4"),
    "packed twice": lambda: packed_twice(300_000_000),
    "content": lambda: content_of(400),
    "forms in forms": lambda: forms_in_forms(30, 30),
    "form in itself": form_in_itself,
    "picture": lambda: png_of(50_000, 50_000),
}


def send(world: World, found: dict[str, Any], content: bytes, kind: str = "scan", language: str = "pl") -> requests.Response:
    headers = {"X-Status-Token": found["status_token"], "Accept-Language": language}
    path = f"/applications/{found['reference']}/documents"
    return world.call("POST", path, world.service_token(), headers=headers, files={"file": ("x.pdf", content)}, data={"kind": kind})


@pytest.mark.parametrize("name", BOMBS)
def test_u06_a_bomb_is_refused_in_time_while_healthz_stays_quick(world: World, name: str) -> None:
    found, bomb, slowest, over = world.submit(), BOMBS[name](), [0.0], threading.Event()

    def watch() -> None:
        while not over.is_set():
            started = time.monotonic()
            assert requests.get(f"{world.provisioning}/healthz", timeout=10).ok
            slowest[0] = max(slowest[0], time.monotonic() - started)

    watching = threading.Thread(target=watch)
    watching.start()
    started = time.monotonic()
    answers = [send(world, found, bomb) for _ in range(2)]
    took = time.monotonic() - started
    over.set()
    watching.join()
    for answer in answers:
        assert answer.status_code == 422
        assert answer.json()["code"] in ("file_too_demanding", "image_too_large", "file_damaged")
    assert took < 2 * 20
    assert slowest[0] < 3
    assert send(world, found, PAGE).status_code == 201


def test_u06_a_page_of_five_metres_is_taken_and_shown(world: World) -> None:
    found = world.submit()
    document = send(world, found, huge_page()).json()["id"]
    answer = world.staff("clerk").session.get(
        f"{world.provisioning}/wniosek/{found['reference']}/plik/{document}/strona/1.jpg", timeout=30
    )
    assert Image.open(io.BytesIO(answer.content)).size[0] < 3000


def test_u07_a_signature_is_required_checked_and_shown(world: World) -> None:
    found = world.submit(signature={"kind": "electronic", "signed_on": "2026-11-20"})
    signed = Signer().sign(saved(everything_active()))
    for content, code in ((PAGE, "file_not_signed"), (signed.replace(b"/JS (app", b"/JS (bpp", 1), "file_signature_broken")):
        answer = send(world, found, content, "electronic")
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert answer.json()["errors"][0]["message"]
    assert send(world, found, PAGE, "attachment").status_code == 201
    confirm = f"/applications/{found['reference']}/email-confirmation"
    answer = world.call("POST", confirm, world.service_token(), json={"token": world.confirmation_token(found["email"])})
    assert (answer.status_code, answer.json()["code"]) == (409, "document_missing")  # another file is no signature
    assert send(world, found, signed, "electronic").status_code == 201
    answer = world.call("GET", f"/staff/applications/{found['reference']}", world.staff_token("clerk"))
    (document,) = [each for each in answer.json()["documents"] if each["kind"] == "electronic"]
    (signature,) = document["signatures"]
    assert (signature["signer"], signature["intact"], signature["whole"]) == ("Anna Nowak, Podpis na próbę", True, True)
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wniosek/{found['reference']}?plik={document['id']}")
    assert "Anna Nowak" in page.text
    assert "obejmuje cały plik" in page.text
    shown = clerk.session.get(f"{world.provisioning}/wniosek/{found['reference']}/plik/{document['id']}", timeout=30).content
    assert b"JavaScript" not in shown
    assert b"ByteRange" not in shown

    evidence = world.call("POST", f"/staff/applications/{found['reference']}/evidence", world.staff_token("registrar")).content
    with zipfile.ZipFile(io.BytesIO(evidence)) as bundle:
        assert bundle.read(f"{found['reference']}/plik-2-podpisany-oryginal.pdf") == signed


def test_a_refused_file_never_stands_under_a_green_panel_and_is_offered_again(world: World) -> None:
    visitor = world.visitor()
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    answers = applicant(unused_address())
    for name in list(answers)[:-1]:
        page = visitor.send(page, answers[name], action_ends=f"/wniosek/{name}")
    values = {"signature_kind": "electronic", "altcha": proof_of_work(page)}
    page = visitor.send(page, values, action_ends="/wniosek/podpis", files={"file": ("umowa.pdf", PAGE)})
    assert page.url.endswith("/wniosek/zlozony")
    assert "nie ma podpisu elektronicznego" in page.errors()[0]
    assert page.title.startswith("Błąd: ")
    assert "govuk-panel" not in page.text
    page = visitor.send(page, {}, action_ends="/plik", files={"file": ("umowa.pdf", Signer().sign(PAGE))})
    assert "Plik dodany" in page.text
    page = visitor.open(f"{world.webapp}/wniosek/zlozony")
    assert page.heading == "Jeszcze jeden krok: potwierdź adres e-mail" and not page.errors()
    assert "govuk-panel" not in page.text  # green only where nothing is left to do


@pytest.mark.parametrize(
    ("content", "code", "polish"),
    [
        (pdf(lambda d: d.Root.__setitem__("/Collection", d.make_indirect({}))), "file_portfolio", "portfolio"),
        (pdf(lambda d: d.Root.__setitem__("/NeedsRendering", True)), "file_xfa", "XFA"),
        (b"%PDF-1.7 nothing", "file_damaged", "odczytać"),
        (image()[:300], "file_damaged", "odczytać"),
    ],
)
def test_each_refusal_has_its_sentence_in_both_languages(world: World, content: bytes, code: str, polish: str) -> None:
    found = world.submit()
    for language in ("pl", "en"):
        answer = send(world, found, content, language=language)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert (polish in answer.json()["errors"][0]["message"]) is (language == "pl" or polish in ("portfolio", "XFA"))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_u04_an_upload_that_is_cut_in_the_middle_leaves_nothing_and_the_next_one_is_taken(world: World, part: float) -> None:
    found = world.submit()
    path = f"/api/v1/applications/{found['reference']}/documents"
    whole = requests.Request(
        "POST",
        world.provisioning + path,
        headers={"Authorization": f"Bearer {world.service_token()}", "X-Status-Token": found["status_token"]},
        files={"file": ("x.pdf", PAGE + b"%" * 200_000)},
    ).prepare()
    assert isinstance(whole.body, bytes)
    head = "".join(f"{name}: {value}\r\n" for name, value in whole.headers.items())
    before = world.sql("SELECT count(*) FROM originals")
    place = urlsplit(world.provisioning)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\n{head}\r\n".encode())
        connection.sendall(whole.body[: int(len(whole.body) * part)])
    time.sleep(1)  # whoever would store it has had the time
    assert world.sql("SELECT count(*) FROM documents WHERE reference = %s", found["reference"]) == [(0,)]
    assert world.sql("SELECT count(*) FROM originals") == before
    assert send(world, found, PAGE).status_code == 201
