"""The web form, the portal and the staff UI over plain HTTP; every page fetched is checked."""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import pypdfium2
import pytest
import requests

from deploy.demo import applicant, proof_of_work
from deploy.visitor import Page
from tests.support.files import picture
from tests.support.world import CLAUSES, World, unused_address


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize(
    "path", ["/", "/wniosek", "/haslo", "/regulamin", "/rodo", "/deklaracja-dostepnosci", "/wylogowano", "/nie-ma-takiej"]
)
def test_every_public_page_is_well_made_in_both_languages(world: World, path: str, language: str) -> None:
    page = world.visitor().open(f"{world.webapp}{path}?lang={language}")
    assert page.tree.get("lang") == language
    assert page.status == (404 if path == "/nie-ma-takiej" else 200)


def test_every_page_of_the_form_reports_its_errors_and_keeps_what_was_typed(world: World) -> None:
    visitor = world.visitor()
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    for name, values in applicant(unused_address()).items():
        if name not in ("sprawdz",):
            wrong = {"dane": {"first_name": "Zofia", "pesel": "44051401358"}, "kontakt": {"email": "jan@", "phone": "12"}}.get(
                name, {}
            )
            page = visitor.send(page, wrong, action_ends=f"/wniosek/{name}")
            assert page.errors(), name
            assert page.title.startswith("Błąd: ")
            for typed in wrong.values():
                assert f'value="{typed}"' in page.text
        proof = {"altcha": proof_of_work(page)} if name == "podpis" else {}
        page = visitor.send(page, values | proof, action_ends=f"/wniosek/{name}")
    assert page.url.endswith("/wniosek/zlozony")


def test_s2_a_refused_clause_is_explained_and_nothing_is_stored(world: World) -> None:
    visitor, address = world.visitor(), unused_address()
    answers = applicant(address)
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    for name in ("klient", "dane", "umowa", "kontakt"):
        page = visitor.send(page, answers[name], action_ends=f"/wniosek/{name}")
    page = visitor.send(page, answers["klauzule"] | {"clauses-K4-EMAIL": "no"}, action_ends="/wniosek/klauzule")
    assert page.errors() == [
        "K4-EMAIL: Login i hasło tymczasowe wysyłamy wyłącznie e-mailem, dlatego potrzebny jest adres, do którego tylko Ty masz dostęp."
    ]
    page = visitor.send(page, answers["klauzule"], action_ends="/wniosek/klauzule")
    page = visitor.send(page, {"terms_accepted": "no"}, action_ends="/wniosek/regulamin")
    assert page.errors() == ["Bez akceptacji Regulaminu iBOK konto nie może powstać"]
    assert world.call("GET", "/staff/applications", world.staff_token("auditor"), params={"q": address}).json()["items"] == []


def test_f03_a_skipped_step_leads_back_to_it(world: World) -> None:
    visitor = world.visitor()
    visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    for later in ("podpis", "sprawdz", "klauzule"):
        assert visitor.open(f"{world.webapp}/wniosek/{later}").url.endswith("/wniosek/klient")
    assert world.visitor().open(f"{world.webapp}/wniosek/podpis").url.endswith("/wniosek?wygasl=1")


def test_f03_a_tampered_clause_answer_is_not_taken(world: World) -> None:
    visitor = world.visitor()
    page = world.file_on_web(visitor, unused_address())
    assert page.url.endswith("/wniosek/zlozony")
    visitor = world.visitor()
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    answers = applicant(unused_address())
    for name in ("klient", "dane", "umowa", "kontakt"):
        page = visitor.send(
            page,
            answers[name] | {f"clauses-{code}": "yes" for code in CLAUSES} | {"terms_version": "2026-1"},
            action_ends=f"/wniosek/{name}",
        )
    assert page.url.endswith("/wniosek/klauzule")
    page = visitor.send(page, {}, action_ends="/wniosek/klauzule")
    assert len(page.errors()) == 8


def test_f04_sent_twice_from_two_tabs_is_one_application(world: World) -> None:
    visitor, address = world.visitor(), unused_address()
    answers = applicant(address)
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    for name in list(answers)[:-1]:
        page = visitor.send(page, answers[name], action_ends=f"/wniosek/{name}")
    values = answers["podpis"] | {"altcha": proof_of_work(page)}
    with ThreadPoolExecutor(4) as pool:
        ends = {
            each.url.rsplit("/", 1)[-1]
            for each in pool.map(lambda _: visitor.send(page, values, action_ends="/wniosek/podpis"), range(4))
        }
    assert ends == {"zlozony"}
    found = world.call("GET", "/staff/applications", world.staff_token("clerk"), params={"q": address}).json()["items"]
    assert len(found) == 1


def test_f05_a_robot_that_fills_the_hidden_field_is_refused(world: World) -> None:
    visitor, address = world.visitor(), unused_address()
    answers = applicant(address)
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    for name in list(answers)[:-1]:
        page = visitor.send(page, answers[name], action_ends=f"/wniosek/{name}")
    page = visitor.send(page, answers["podpis"] | {"strona_www": "http://spam.example"}, action_ends="/wniosek/podpis")
    assert page.status == 429
    assert world.call("GET", "/staff/applications", world.staff_token("clerk"), params={"q": address}).json()["items"] == []


def test_f06_opening_the_link_confirms_nothing_and_every_wrong_link_helps(world: World) -> None:
    found = world.submit()
    link = f"{world.webapp}/wniosek/potwierdzenie/{world.confirmation_token(found['email'])}"
    visitor = world.visitor()
    for _ in range(3):
        page = visitor.open(link)
    status = f"/applications/{found['reference']}/status"
    headers = {"X-Status-Token": found["status_token"]}
    assert world.call("GET", status, world.service_token(), headers=headers).json()["status"] == "unconfirmed"
    assert "Wniosek złożony" in visitor.send(page, {}).text
    page = visitor.open(link)  # a dead link says so before anything is pressed
    assert (page.status, page.heading) == (409, "Adres jest już potwierdzony")
    assert visitor.open(link[:-2] + "xx").status in (404, 409)


def test_f07_the_status_page_is_behind_an_unguessable_link(world: World) -> None:
    found = world.submit()
    good = f"{world.webapp}/wniosek/status/{found['reference']}/{found['status_token']}"
    page = world.visitor().open(good)
    assert page.status == 200
    assert found["email"] not in page.text
    assert world.visitor().open(good[:-1] + "_").status == 404
    pdf = requests.get(good + "/druk.pdf", timeout=30)
    assert pdf.headers["Content-Type"] == "application/pdf"


def test_f09_no_post_without_its_token_and_nothing_changes(world: World) -> None:
    for base, paths in (
        (world.webapp, ["/wniosek", "/wniosek/klient", "/wniosek/podpis", "/haslo", "/wyloguj", "/konto/haslo"]),
        (world.provisioning, ["/nowy", "/wyloguj", "/wniosek/2026-000001-1/approve", "/wniosek/2026-000001-1/reject"]),
    ):
        for path in paths:
            answer = requests.post(base + path, data={"x": "1"}, timeout=30, allow_redirects=False)
            assert answer.status_code == 400, path
            assert "text/html" in answer.headers["Content-Type"]
    staff = world.staff("registrar")
    reference = world.filed()["reference"]
    answer = staff.session.post(f"{world.provisioning}/wniosek/{reference}/approve", data={"version": "2"}, timeout=30)
    assert answer.status_code == 400
    assert world.call("GET", f"/staff/applications/{reference}", world.staff_token("clerk")).json()["status"] == "filed"


def test_f11_a_new_session_id_at_login_and_a_dead_cookie_after_logout(world: World) -> None:
    visitor = world.visitor()
    page = visitor.open(f"{world.provisioning}/")
    before = visitor.session.cookies.get("ibok_staff")
    visitor.send(page, {"username": "clerk", "password": world.password("clerk")})
    during = visitor.session.cookies.get("ibok_staff")
    assert before != during
    assert during is not None
    cookie = next(c for c in visitor.session.cookies if c.name == "ibok_staff")
    assert cookie.has_nonstandard_attr("HttpOnly")
    visitor.send(visitor.open(f"{world.provisioning}/"), {}, action_ends="/wyloguj")
    for old in (before, during):
        answer = requests.get(f"{world.provisioning}/", cookies={"ibok_staff": str(old)}, timeout=30, allow_redirects=False)
        assert answer.status_code == 302


def test_f12_links_come_from_configuration_whatever_the_host_header_says(world: World) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in ("/", "/konto", "/wniosek", "/logowanie?next=//evil.example"):
        answer = requests.get(world.webapp + path, headers=headers, timeout=30, allow_redirects=False)
        assert "evil.example" not in answer.text
        assert "//evil.example" not in answer.headers.get("Location", "")


def test_o01_a_login_with_another_state_code_or_issuer_starts_again(world: World) -> None:
    for query in ("code=x&state=y", "state=y", "code=x&state=y&iss=https://evil.example", "error=access_denied&state=y", ""):
        visitor = world.visitor()
        visitor.open(f"{world.webapp}/konto")
        page = visitor.open(f"{world.webapp}/oidc/callback?{query}")
        assert (page.status, page.heading) == (400, "Zaloguj się jeszcze raz"), query


def test_logout_everywhere_ends_the_portal_session_of_another_browser_too(world: World) -> None:
    found = world.active()
    user = world.admin("GET", f"/users?exact=true&username={found['login']}").json()[0]
    assert found["visitor"].open(f"{world.webapp}/konto").heading.startswith("Dzień dobry")
    assert world.admin("POST", f"/users/{user['id']}/logout").status_code == 204  # Keycloak tells us over the back channel
    assert found["visitor"].open(f"{world.webapp}/konto").url.startswith(world.keycloak)


def test_o04_a_forged_logout_token_ends_nothing(world: World) -> None:
    for token in ("", "a.b.c", world.service_token()):
        answer = requests.post(f"{world.webapp}/oidc/backchannel-logout", data={"logout_token": token}, timeout=30)
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"


def test_the_portal_shows_own_data_and_leads_to_keycloaks_password_change(world: World) -> None:
    found = world.active()
    page = found["page"]
    assert f"••••••••{found['pesel'][-3:]}" in page.text
    assert found["pesel"] not in page.text
    assert found["reference"] in page.text
    page = found["visitor"].send(page, {}, action_ends="/konto/haslo")
    assert page.url.startswith(world.keycloak)
    assert "password-new" in page.text
    page = found["visitor"].send(page, {"password-new": found["own"] + "x", "password-confirm": found["own"] + "x"})
    assert "Hasło zostało zmienione" in page.text


def test_staff_without_a_role_are_not_let_in(world: World) -> None:
    found = world.active()
    page = world.visitor().log_in(f"{world.provisioning}/", found["login"], found["own"])
    assert page.status == 401  # by Keycloak already
    assert "nie ma dostępu do panelu pracownika" in page.text


def test_the_staff_ui_from_typing_in_to_the_decision(world: World) -> None:
    clerk, registrar = world.staff("clerk"), world.staff("registrar")
    address, word = unused_address(), f"Ćwik{secrets.token_hex(3)}"
    page = clerk.open(f"{world.provisioning}/nowy")
    wrong = (
        clerk.send(page, {"email": address}, action_ends="/nowy")
        if page.form("").get("action")
        else clerk.send(page, {"email": address})
    )
    assert wrong.status == 422
    assert len(wrong.errors()) > 10
    values = {
        "channel": "office", "filed_on": "2026-11-23", "customer_type": "person", "first_name": "Anna", "last_name": word, "customer_number": f"4{secrets.randbelow(10**9):09d}",
        "supply_point_address-house": "7", "supply_point_address-postal_code": "43-300", "supply_point_address-city": "Bielsko-Biała",
        "email": address, "email_again": address, "terms_accepted": "yes", "signed": "yes", "signed_on": "2026-11-23",
        **{f"clauses-{code}": "yes" for code in CLAUSES},
    }  # fmt: skip
    different = clerk.send(wrong, values | {"email_again": "x" + address}, action_ends="")
    assert "Oba adresy e-mail muszą być takie same" in different.errors()
    page = clerk.send(different, values, action_ends="")
    assert "Wniosek zapisany" in page.text
    assert clerk.send(different, values, action_ends="").url == page.url  # the second half of a double click
    assert "Zatwierdź wniosek" not in page.text  # a clerk does not decide
    assert "07.12.2026" in page.text
    found = registrar.open(f"{world.provisioning}/?q={word.upper()}")
    reference = page.url.rsplit("/", 1)[-1]
    assert reference in found.text
    decision = registrar.open(f"{world.provisioning}/wniosek/{reference}")
    stale = registrar.open(f"{world.provisioning}/wniosek/{reference}")
    page = registrar.send(decision, {}, action_ends="/approve")
    assert "Nie ma skanu podpisanego wniosku" in page.text  # S4: over a doubt only with written words
    page = registrar.send(page, {"reason": "oryginał leży w biurze"})
    assert "Zatwierdzono" in page.text
    page = registrar.send(stale, {}, action_ends="/approve")  # the second half of a double click
    assert "Zatwierdzono" in page.text
    page = clerk.send(stale_for(clerk, world, reference), {"version": "1", "reason": "x"})
    assert page.status in (403, 409)
    assert world.mail(address, "konto jest gotowe")


def stale_for(visitor: object, world: World, reference: str) -> object:
    return visitor.open(f"{world.provisioning}/wniosek/{reference}/withdraw")


def test_two_people_on_one_application_the_second_is_told(world: World) -> None:
    found = world.filed()
    one, other = world.staff("registrar"), world.staff("clerk")
    mine = one.open(f"{world.provisioning}/wniosek/{found['reference']}/reject")
    other.send(other.open(f"{world.provisioning}/wniosek/{found['reference']}"), {}, action_ends="/review")
    page = one.send(mine, {"reason": "Nie ten numer."})
    assert (page.status, page.heading) == (409, "Ktoś zmienił ten wniosek")
    assert (
        world.call("GET", f"/staff/applications/{found['reference']}", world.staff_token("clerk")).json()["status"] == "in_review"
    )


def test_s08_revealing_a_pesel_is_a_logged_post(world: World) -> None:
    found = world.filed()
    clerk = world.staff("clerk")
    url = f"{world.provisioning}/wniosek/{found['reference']}"
    assert found["pesel"] not in clerk.open(url).text
    assert found["pesel"] in clerk.send(clerk.open(url), {}, action_ends="/pesel").text
    history = world.call("GET", f"/staff/applications/{found['reference']}", world.staff_token("auditor")).json()["history"]
    assert [line["action"] for line in history].count("application.pesel_revealed") == 1


def status_link(world: World, page: Page) -> str:
    return str(re.search(rf"{re.escape(world.webapp)}/wniosek/status/[^\"/]+/[^\"/]+(?=\")", page.text)[0])  # type: ignore[index]


def test_the_status_page_says_what_is_asked_for_and_that_it_came(world: World) -> None:
    found = world.filed()
    answer = world.call(
        "POST",
        f"/staff/applications/{found['reference']}/request-completion",
        world.staff_token("registrar"),
        json={"version": found["version"], "reason": "Brakuje podpisu na stronie 2."},
    )
    assert answer.status_code == 200, answer.text
    visitor, url = world.visitor(), f"{world.webapp}/wniosek/status/{found['reference']}/{found['status_token']}"
    page = visitor.open(url)
    assert page.heading == "Do uzupełnienia"
    assert "Brakuje podpisu na stronie 2." in page.text
    page = visitor.send(page, {}, action_ends="/plik", files={"file": ("strona-2.png", picture())})
    assert page.heading == "Uzupełnienie sprawdzamy"
    assert "Otrzymaliśmy uzupełnienie" in page.text


def test_a_mistyped_address_is_corrected_at_once(world: World) -> None:
    found, right = world.submit(), unused_address()
    visitor, url = world.visitor(), f"{world.webapp}/wniosek/status/{found['reference']}/{found['status_token']}"
    refused = visitor.send(visitor.open(url), {"email": "jan@"}, action_ends="/email")
    assert refused.status == 422 and 'value="jan@"' in refused.text  # what was typed is still there
    visitor.send(visitor.open(url), {"email": right}, action_ends="/email")  # within the minute of the first mail
    assert world.mail(right, "potwierdź")


def test_paper_stays_unconfirmed_until_staff_record_it(world: World) -> None:
    visitor, address = world.visitor(), unused_address()
    page = world.file_on_web(visitor, address, podpis={"signature_kind": "paper"})
    assert "wydrukuj" in page.text.lower()
    token = world.confirmation_token(address)
    reference = token.split(".")[0]
    confirmed = visitor.send(visitor.open(f"{world.webapp}/wniosek/potwierdzenie/{token}"), {})
    assert "Wniosek jest złożony w dniu, w którym wydruk do nas dotrze" in confirmed.text
    assert "Czeka na podpisany wydruk" in visitor.open(status_link(world, confirmed)).text
    clerk = world.staff("clerk")
    page = clerk.open(f"{world.provisioning}/wniosek/{reference}/record-paper")
    assert clerk.send(page, {"signed_on": "2099-01-01", "filed_on": "x"}).status == 422
    page = clerk.send(page, {"signed_on": "2026-11-20", "filed_on": "2026-11-23"})
    assert "Złożony" in page.text
    assert "07.12.2026" in page.text


def test_forgotten_password_answers_the_same_for_every_login(world: World) -> None:
    texts = set()
    for login in (world.registered()["login"], "wp00000000"):
        visitor = world.visitor()
        page = visitor.send(visitor.open(f"{world.webapp}/haslo"), {"login": login})
        texts.add((page.status, page.heading, page.text.count(login), "Jeżeli konto o podanym loginie istnieje" in page.text))
    assert texts == {(200, "Sprawdź pocztę", 0, True)}


def test_u05_a_scan_opens_only_for_staff_as_an_attachment_in_a_sandbox(world: World) -> None:
    from tests.support.hostile_files import image

    found, other = world.submit(), world.submit()
    headers = {"X-Status-Token": found["status_token"]}
    path = f"/applications/{found['reference']}/documents"
    files = {"file": ("../skan\u202e.jpg", image())}
    document = world.call("POST", path, world.service_token(), headers=headers, files=files).json()["id"]
    url = f"{world.provisioning}/wniosek/{found['reference']}/plik/{document}"
    assert requests.get(url, timeout=30, allow_redirects=False).status_code == 302
    clerk = world.staff("clerk")
    answer = clerk.session.get(url, timeout=30)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert clerk.session.get(url.replace(found["reference"], other["reference"]), timeout=30).status_code == 404
    assert "skan.jpg" in clerk.open(f"{world.provisioning}/wniosek/{found['reference']}").text  # where it stands beside the data
    history = world.call("GET", f"/staff/applications/{found['reference']}", world.staff_token("auditor")).json()["history"]
    assert [line["action"] for line in history].count("document.opened") == 2


def test_s02_what_is_not_there_and_what_is_not_yours_look_the_same(world: World) -> None:
    clerk = world.staff("clerk")
    texts = {clerk.open(f"{world.provisioning}/wniosek/{reference}").text for reference in ("2026-999999-9", "x", "../etc")}
    assert len(texts) <= 2  # the router's own 404 and ours
    assert clerk.open(f"{world.provisioning}/wniosek/2026-999999-9").status == 404


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("person", {"pl": ("Nie masz numeru PESEL?", "Umowa jest na kilka osób?"), "en": ("No PESEL?", "several people?")}),
        ("housing_community", {"pl": ("kilka osób razem", "Pełnomocnictwo"), "en": ("sign jointly", "power of attorney")}),
    ],
)
def test_s1_who_does_not_fit_the_form_reads_what_to_do(
    world: World, language: str, kind: str, words: dict[str, tuple[str, str]]
) -> None:
    visitor = world.visitor()
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek?lang={language}"), {})
    page = visitor.send(page, {"customer_type": kind}, action_ends="/wniosek/klient")
    for each in words[language]:
        assert each in page.text


def test_errors_stand_in_the_order_of_the_page(world: World) -> None:
    visitor, answers = world.visitor(), applicant(unused_address())
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    for name in ("klient", "dane", "umowa"):
        page = visitor.send(page, answers[name], action_ends=f"/wniosek/{name}")
    wrong = {"email": "jan@", "email_again": "jan@", "phone": "6" * 60}  # the shape of a body is checked before its meaning
    page = visitor.send(page, answers["kontakt"] | wrong, action_ends="/wniosek/kontakt")
    assert [link for each in page.tree.iter() if (link := each.get("href")) in ("#email", "#phone")] == ["#email", "#phone"]


def test_the_form_asks_about_a_slip_keeps_a_typed_address_and_gives_something_to_sign(world: World) -> None:
    visitor, answers = world.visitor(), applicant("anna.nowak@gmial.com")
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    assert visitor.open(f"{world.webapp}/wniosek/do-podpisu.pdf").url.endswith("/wniosek?wygasl=1")  # not before all is answered
    answers["umowa"]["supply_point_address-postal_code"] = "43300"
    page = visitor.open(f"{world.webapp}/wniosek/klient")
    for name in ("klient", "dane", "umowa"):
        page = visitor.send(page, answers[name], action_ends=f"/wniosek/{name}")
    typed = answers["kontakt"] | {"other_address": "", "correspondence_address-city": "Żywiec", "email_again": "a@example.com"}
    page = visitor.send(page, typed, action_ends="/wniosek/kontakt")
    assert "Oba adresy e-mail muszą być takie same" in page.errors()
    assert "Wpisz kod pocztowy" in page.errors()  # the address was typed, so it is meant, and all is said at once
    assert 'value="Żywiec"' in page.text
    page = visitor.send(page, {**answers["kontakt"], "other_address": "no"}, action_ends="/wniosek/kontakt")
    assert "Czy chodziło o adres anna.nowak@gmail.com?" in page.text
    assert page.errors() == []
    page = visitor.send(page, answers["kontakt"] | {"take_meant": "yes"}, action_ends="/wniosek/kontakt")
    page = visitor.send(page, answers["klauzule"] | {"clauses-K1-DANE": "no"}, action_ends="/wniosek/klauzule")
    assert "Wszystkie sprawy załatwisz też bez konta" in page.text
    for name in ("klauzule", "regulamin"):
        page = visitor.send(page, answers[name], action_ends=f"/wniosek/{name}")
    assert "anna.nowak@gmail.com" in page.text
    assert "43-300" in page.text
    visitor.send(page, {}, action_ends="/wniosek/sprawdz")
    draft = visitor.session.get(f"{world.webapp}/wniosek/do-podpisu.pdf", timeout=30)
    text = "".join(each.get_textpage().get_text_range() for each in pypdfium2.PdfDocument(draft.content))
    assert "Numer wniosku" not in text
    assert "podpis pod Regulaminem iBOK" in text
    assert world.sql("SELECT count(*) FROM applications WHERE data->>'email' = 'anna.nowak@gmail.com'") == [(0,)]
