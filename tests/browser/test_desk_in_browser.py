"""The desk in a real browser: a clerk's whole case with the UI alone, the keyboard alone, axe on every page in both languages."""

import secrets
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image

from deploy.visitor import browser_page, chromium
from provisioning.adapters.postgres.demo_applications import invented_pesel
from tests.support.browser import Browser
from tests.support.desk import details, entered
from tests.support.files import text_of
from tests.support.world import CLAUSES, World, unused_address

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium: apt-get install chromium")


def log_in(page: Any, world: World, username: str, path: str = "/") -> None:
    page.goto(world.provisioning + path)
    with world.only_login_of(username):
        page.fill("#username", username)
        page.fill("#password", world.password(username))
        page.click("#kc-login")
        page.wait_for_url(f"{world.provisioning}/**")


def photo_from_a_phone(folder: Path) -> str:
    file = folder / "IMG_0042.heic"
    pillow_heif.from_pillow(Image.effect_noise((1200, 1600), 40).convert("RGB")).save(file)
    return str(file)


@pytest.fixture
def register_of_others(world: World) -> Iterator[None]:
    """A register is there; it does not know the customer of the test."""
    with world.in_register(f"9{secrets.randbelow(10**9):09d}"):
        yield


@pytest.mark.usefixtures("register_of_others")
def test_s1_to_s4_a_new_clerk_takes_a_paper_application_all_the_way_with_the_ui_alone(world: World, tmp_path: Path) -> None:
    surname = "Gżegżółka" + "".join(secrets.choice("abcdefgh") for _ in range(6))
    address = unused_address()
    with browser_page() as page:
        b = Browser(page, world)
        log_in(page, world, "clerk")
        page.click("nav >> text=Wpisz wniosek")
        values = {
            "channel": "office", "filed_on": str(date.today()), "customer_type": "person", "first_name": "Anna", "last_name": surname,
            "pesel": invented_pesel(secrets.randbelow), "customer_number": f"8{secrets.randbelow(10**9):09d}",
            "supply_point_address-street": "Źródlana", "supply_point_address-house": "7", "supply_point_address-postal_code": "43-300",
            "supply_point_address-city": "Bielsko-Biała", "email": address, "email_again": address, "phone": "600 100 200",
            "terms_accepted": "yes", "signed": "no", **{f"clauses-{code}": "yes" for code in CLAUSES},
        }  # fmt: skip
        b.fill(values)
        page.click("text=Zapisz wniosek")
        page.wait_for_url(f"{world.provisioning}/wniosek/*")
        b.look("application just typed in")
        reference = page.url.rsplit("/", 1)[-1]
        page.set_input_files("#file", photo_from_a_phone(tmp_path))
        page.click("text=Dodaj pliki")
        page.wait_for_selector(".ib-scan__page img")
        assert page.evaluate("document.querySelector('.ib-scan__page img').naturalWidth") > 500
        b.look("photo beside the data")
        with page.context.expect_page() as printed:  # S3
            page.click("button:has-text('Wydrukuj kopię dla klienta')")
        printed.value.close()
        page.goto(f"{world.provisioning}/?q={surname.lower().replace('gżegżółka', 'gzegzolak')}")
        assert f"Nikt nie nazywa się „{surname.lower().replace('gżegżółka', 'gzegzolak')}”" in page.inner_text("main")
        b.look("a mistyped name")
        page.click(f"text={reference}")
        assert "nie numer ewidencyjny istnieje" in " ".join(page.inner_text("main").split())
        page.click("a.govuk-button:has-text('Do uzupełnienia')")
        page.fill("#reason", "Brakuje podpisu na stronie 2.")
        b.look("what is missing")
        page.click("main form button")
        page.wait_for_selector("text=Klient dostanie e-mail")
        assert "Brakuje podpisu na stronie 2." in world.mail(address, "uzupełni")["text"]
        page.set_input_files("#file", photo_from_a_phone(tmp_path))
        page.click("text=Dodaj pliki")
        page.click("main >> text=Popraw dane")
        b.look("correcting")
        b.fill({"signed": "yes", "signed_on": str(date.today())})
        page.click("text=Zapisz poprawki")
        for what in ("data", "clauses", "signature"):
            page.check(f"#seen-{what}")
        page.click("text=Zapisz sprawdzenie")
        page.wait_for_selector("text=Zapisano, co zgadza się ze skanem")
        page.click("button:has-text('Uzupełniono')")
        page.wait_for_selector("text=Wniosek wrócił do weryfikacji")
        assert page.locator("button:has-text('Zatwierdź wniosek')").count() == 0  # a clerk does not decide
    with browser_page() as page:
        b = Browser(page, world)
        log_in(page, world, "registrar", f"/wniosek/{reference}")
        page.goto(f"{world.provisioning}/wniosek/{reference}")
        b.look("scan, data and decision")
        page.keyboard.press("d")
        assert "Zatwierdź wniosek" in page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Rejestr klientów nie zna tego numeru")
        b.look("what speaks against it")
        page.fill("#reason", "umowa z wczoraj, jeszcze nie w rejestrze")
        page.click("main form button")
        page.wait_for_selector("text=Konto powstaje")
        assert "nie zna tego numeru" in page.inner_text(".ib-history")
        b.look("approved")
        with page.expect_download() as download:
            page.click("text=Pobierz komplet dowodów")
        bundle = zipfile.ZipFile(download.value.path())
        names = {name.split("/")[1] for name in bundle.namelist()}
        assert {"wniosek.pdf", "wniosek-po-poprawkach.pdf", "plik-1.jpg", "plik-2.jpg", "dziennik.json", "SHA256SUMS"} <= names
        assert surname in text_of(bundle.read(f"{reference}/wniosek.pdf"))
    assert world.access_data(address)["login"]
    lines = [line["action"] for line in details(world, reference)["history"]]
    assert {"application.copy_printed", "application.incomplete", "application.corrected", "application.completed", "application.approved"} <= set(lines)  # fmt: skip


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("username", ["registrar", "manager"])
def test_every_page_of_the_desk_is_accessible_and_fits_a_phone(world: World, username: str, language: str) -> None:
    number = f"4{secrets.randbelow(10**9):09d}"
    first, second = entered(world, customer_number=number), entered(world, customer_number=number)
    account = world.registered()
    common = [
        "/",
        "/?q=zdzbol&status=all&sort=name&order=desc",
        f"/konta?q={account['login']}",
        "/zadania",
        "/zadania/niezalogowani?dni=0",
    ]
    pages = {
        "registrar": [
            *common,
            "/wplyw",
            "/zatwierdz-razem",
            f"/wniosek/{first['reference']}",
            f"/wniosek/{first['reference']}/popraw",
            f"/wniosek/{second['reference']}/approve-with-reason",
            f"/wniosek/{second['reference']}/reject",
            f"/konto/{account['login']}",
        ],
        "manager": [*common, "/raporty", "/druki?a=2026-1&b=2099-1", "/terminy", "/regulamin"],
    }[username]
    with browser_page() as page:
        b = Browser(page, world)
        log_in(page, world, username)
        page.goto(f"{world.provisioning}/?lang={language}")
        assert page.get_attribute("html", "lang") == language
        for path in pages:
            page.goto(world.provisioning + path)
            b.look(path)


def test_the_queue_is_walked_with_the_keyboard_and_the_keys_can_be_switched_off(world: World) -> None:
    references = [entered(world)["reference"] for _ in range(2)]
    with browser_page() as page:
        log_in(page, world, "clerk")
        page.goto(f"{world.provisioning}/?sort=number&order=desc")
        focused = "document.activeElement.textContent.trim()"
        page.keyboard.press("j")
        top = page.evaluate(focused)
        page.keyboard.press("j")
        assert page.evaluate(focused) < top
        page.keyboard.press("k")
        assert page.evaluate(focused) == top
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "q"
        page.keyboard.type("jk/?")  # typed, not obeyed
        assert page.input_value("#q") == "jk/?"
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("?")
        assert page.evaluate("document.getElementById('skroty').open")
        page.uncheck("#skroty-on")
        page.reload()
        assert not page.is_checked("#skroty-on")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement === document.body")
        page.click("#skroty summary")
        page.check("#skroty-on")
        page.goto(f"{world.provisioning}/?q={references[0]}")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{world.provisioning}/wniosek/{references[0]}")


def test_s1_a_paper_form_is_typed_in_with_the_keyboard_alone_in_the_order_of_the_paper(world: World) -> None:
    address = unused_address()
    filed = (date.today() - timedelta(days=1)).strftime("%m/%d/%Y")
    typed = {
        "filed_on": filed, "first_name": "Jan", "last_name": "Klawiatura", "pesel": "", "customer_number": f"8{secrets.randbelow(10**9):09d}",
        "contract_number": "", "supply_point_address-street": "Polna", "supply_point_address-house": "1", "supply_point_address-flat": "",
        "supply_point_address-postal_code": "43-300", "supply_point_address-city": "Bielsko-Biała", "email": address, "email_again": address,
        "phone": "", "signed_on": filed,
    }  # fmt: skip
    with browser_page("en-US") as page:
        log_in(page, world, "clerk")
        page.goto(f"{world.provisioning}/nowy?lang=pl")
        page.focus("[name=channel] >> nth=0")
        seen: list[str] = []
        for _ in range(200):
            name, kind = page.evaluate("[document.activeElement.name || '', document.activeElement.type || '']")
            if kind == "submit" and "Zapisz" in page.evaluate("document.activeElement.textContent"):
                break
            if name and name not in seen:
                seen.append(name)
                if kind == "radio":
                    page.keyboard.press("Space")
                elif kind == "date":
                    page.keyboard.type(typed[name].replace("/", ""))
                elif name in typed:
                    page.keyboard.type(typed[name])
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{world.provisioning}/wniosek/*")
    order = ["channel", "filed_on", "customer_type", "first_name", "last_name", "pesel", "customer_number", "email", "email_again"]
    assert [name for name in seen if name in order] == order
    assert seen.index("email_again") < seen.index("clauses-K1-DANE") < seen.index("terms_accepted") < seen.index("signed")
