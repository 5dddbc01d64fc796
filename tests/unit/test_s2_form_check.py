"""S1, S2: what the form accepts, with one code an error and every error at once."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.domain.errors import Invalid
from provisioning.domain.person_names import account_name
from provisioning.domain.rulebook import Rulebook
from provisioning.form.catalogue import all_versions, current_form
from provisioning.form.check import Checker, same_name
from provisioning.form.messages import message
from tests.support.world import CLAUSES, application_body, company_body, paper_body

TODAY = date(2026, 11, 24)
CHECKER = Checker(all_versions(), current_form(TODAY), Rulebook(), TODAY)


def codes(body: Any, *, paper: bool = False, checker: Checker = CHECKER) -> dict[str, str]:
    try:
        (checker.paper if paper else checker.web)(body)
    except Invalid as invalid:
        return {each.field: each.code for each in invalid.errors}
    return {}


def test_s1_a_good_form_passes_and_is_normalised() -> None:
    found = CHECKER.web(
        application_body(
            first_name="  Jo\u0301zefa ",
            phone="600100200",
            pesel="440 514 01359",
            signature={"kind": "declaration", "signed_name": "józefa źdźbło żak"},
        )
    )
    assert found.data["first_name"] == "Józefa"
    assert found.data["phone"] == "+48 600 100 200"
    assert found.pesel == "44051401359"
    assert "pesel" not in found.data
    assert codes(company_body()) == {}
    assert codes(paper_body(TODAY), paper=True) == {}


@pytest.mark.parametrize("code", CLAUSES)
def test_s2_one_refused_clause_is_refused_by_its_name(code: str) -> None:
    assert codes(application_body(clauses=dict.fromkeys(CLAUSES, True) | {code: False})) == {f"clauses.{code}": "clause_refused"}


def test_s2_an_unanswered_clause_and_unaccepted_terms_are_errors() -> None:
    assert codes(application_body(clauses={}))[f"clauses.{CLAUSES[0]}"] == "required"
    assert codes(application_body(terms_version=None)) == {"terms_version": "terms_not_accepted"}
    assert codes(application_body(terms_version="2019-1")) == {"terms_version": "terms_outdated"}
    assert codes(application_body(form_version="2019-1")) == {"form_version": "form_outdated"}


def test_s2_on_paper_a_refused_clause_is_recorded_as_such() -> None:
    found = CHECKER.paper(paper_body(TODAY, clauses=dict.fromkeys(CLAUSES, True) | {"K4-EMAIL": False}))
    assert found.clauses["K4-EMAIL"] is False


@pytest.mark.parametrize("pesel", ["44051401359", "02070803628", "00222900016"])
def test_good_pesel(pesel: str) -> None:
    assert codes(application_body(pesel=pesel)) == {}


@pytest.mark.parametrize("pesel", ["00000000000", "02222900010", "44051401358"])
def test_bad_pesel(pesel: str) -> None:
    assert codes(application_body(pesel=pesel)) == {"pesel": "invalid_checksum"}


def test_pesel_is_optional_by_configuration() -> None:
    strict = Checker(all_versions(), current_form(TODAY), Rulebook(pesel_required=True), TODAY)
    assert codes(application_body(pesel=None)) == {}
    assert codes(application_body(pesel=None), checker=strict) == {"pesel": "required"}


def test_company_identifiers() -> None:
    assert codes(company_body(tax_id="1234563217")) == {"tax_id": "invalid_checksum"}
    assert codes(company_body(tax_id="12")) == {"tax_id": "invalid_format"}
    assert codes(company_body(registry_number="123456784")) == {"registry_number": "invalid_checksum"}
    assert codes(company_body(registry_number="0000123456")) == {}  # KRS
    assert codes(company_body(pesel="44051401359")) == {"pesel": "not_applicable"}
    assert codes(company_body(representative=None))["representative.authority"] == "required"


@pytest.mark.parametrize(
    "email", ["jan@", "jan", "@example.com", "jan@localhost", "zażółć@example.com", "jan@żółw.pl", "a b@example.com"]
)
def test_addresses_that_cannot_be_used_end_to_end_are_refused_at_intake(email: str) -> None:
    assert codes(application_body(email=email)) == {"email": "invalid_email"}


@pytest.mark.parametrize("field", ["first_name", "email", "customer_number", "phone"])
def test_f02_a_line_break_is_refused_in_every_field(field: str) -> None:
    assert codes(application_body(**{field: "a\r\nBcc: evil@example.com"}))[field] == "invalid_characters"


@pytest.mark.parametrize("nasty", ["a\u200bb", "a\u202eb", "a\x00b", "a\ud800b", "a\ufeffb"])
def test_f08_control_and_format_characters_are_refused(nasty: str) -> None:
    assert codes(application_body(last_name=nasty))["last_name"] == "invalid_characters"


PLOT = {"street": None, "house": "dz. nr 1234/56", "flat": None, "postal_code": "43-300", "city": "Wilkowice"}


@pytest.mark.parametrize("typed", ["440514–01359", "440514—01359", "440514 - 01359", "440514\u00a001359", "４４０５１４０１３５９"])
def test_equal_pesel_numbers_are_stored_equal_whatever_dash_or_space_was_typed(typed: str) -> None:
    assert CHECKER.web(application_body(pesel=typed)).pesel == "44051401359"


@pytest.mark.parametrize("typed", ["526–0001246", "526-000-12-46", "PL 526-000-12-46", "pl5260001246", "526 000 12 46 "])
def test_equal_tax_numbers_are_stored_equal_whatever_was_typed(typed: str) -> None:
    assert CHECKER.web(company_body(tax_id=typed)).data["tax_id"] == "5260001246"


@pytest.mark.parametrize(("typed", "kept"), [("123–456–785", "123456785"), ("0000 123 456", "0000123456")])
def test_equal_registry_numbers_are_stored_equal_whatever_was_typed(typed: str, kept: str) -> None:
    assert CHECKER.web(company_body(registry_number=typed)).data["registry_number"] == kept


@pytest.mark.parametrize("typed", ["40118270 ", "4011 8270", "4011\u00a08270", "４０１１８２７０"])
def test_equal_customer_numbers_are_stored_equal_whatever_was_typed(typed: str) -> None:
    assert CHECKER.web(application_body(customer_number=typed)).data["customer_number"] == "40118270"


@pytest.mark.parametrize("typed", ["43-300 ", "43300", "43 300", "43–300", " 43 - 300 ", "43\u00a0300"])
def test_a_postal_code_is_trimmed_and_normalised_before_anything_counts_its_characters(typed: str) -> None:
    address = PLOT | {"postal_code": typed}
    found = CHECKER.web(application_body(supply_point_address=address, correspondence_address=address))
    assert [found.data[each]["postal_code"] for each in ("supply_point_address", "correspondence_address")] == ["43-300"] * 2


@pytest.mark.parametrize("typed", ["4330", "433000", "43-30O", "PL"])
def test_what_is_no_postal_code_is_named(typed: str) -> None:
    assert codes(application_body(supply_point_address=PLOT | {"postal_code": typed})) == {
        "supply_point_address.postal_code": "invalid_format"
    }


def test_there_is_room_for_the_number_of_a_plot() -> None:
    assert CHECKER.web(application_body(supply_point_address=PLOT)).data["supply_point_address"]["house"] == "dz. nr 1234/56"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("33 812 34 56 wew. 12", "+48 33 812 34 56 wew. 12"),
        ("(33) 8123456 w.12", "+48 33 812 34 56 wew. 12"),
        ("33 812 34 56 ext 12", "+48 33 812 34 56 wew. 12"),
        ("338123456, wewn. 12", "+48 33 812 34 56 wew. 12"),
        ("0-33 812 34 56", "+48 33 812 34 56"),
        ("(0-33) 812-34-56", "+48 33 812 34 56"),
        ("+48 033 812 34 56", "+48 33 812 34 56"),
        ("0048 33 812 34 56", "+48 33 812 34 56"),
        ("0 601 100 200", "+48 601 100 200"),
        ("+44 20 7946 0958", "+44 20 7946 0958"),
    ],
)
def test_phones_with_an_extension_or_the_old_trunk_prefix_are_taken(typed: str, kept: str) -> None:
    found = CHECKER.web(application_body(phone=typed)).data["phone"]
    assert found == kept
    assert CHECKER.web(application_body(phone=found)).data["phone"] == kept  # typed in again from what is shown


@pytest.mark.parametrize("typed", ["12", "wew. 12", "33 812 34 56 wew. 1234567", "0", "33 812 34"])
def test_what_is_no_phone_is_named(typed: str) -> None:
    assert codes(application_body(phone=typed)) == {"phone": "invalid_phone"}


def test_a_domain_in_a_labels_stays_so_and_its_mail_can_be_delivered() -> None:
    assert CHECKER.web(application_body(email="jan@xn--w-1ua4uov.example")).data["email"] == "jan@xn--w-1ua4uov.example"


@pytest.mark.parametrize(
    ("first", "last", "account"),
    [
        ("Anna", "Kowalska / Nowak", ("Anna", "Kowalska Nowak")),
        ("Anna (Hanna)", "Kowalska", ("Anna Hanna", "Kowalska")),
        ("Józefa", "Źdźbło-Żak", ("Józefa", "Źdźbło-Żak")),
        ("D'Arcy", "O’Neill", ("D'Arcy", "O’Neill")),
    ],
)
def test_a_name_keycloak_would_refuse_is_filed_as_written_and_the_account_has_it_without_the_signs(
    first: str, last: str, account: tuple[str, str]
) -> None:
    found = CHECKER.web(
        application_body(first_name=first, last_name=last, signature={"kind": "declaration", "signed_name": f"{first} {last}"})
    )
    assert (found.data["first_name"], found.data["last_name"]) == (first, last)
    assert (account_name(first), account_name(last)) == account


def test_a_name_of_which_nothing_would_be_left_is_refused() -> None:
    body = application_body(first_name="???", signature={"kind": "declaration", "signed_name": "??? Źdźbło-Żak"})
    assert codes(body) == {"first_name": "invalid_characters"}
    body = company_body()
    body["representative"] = body["representative"] | {"last_name": "/"}
    assert codes(body)["representative.last_name"] == "invalid_characters"


def test_f08_too_long_is_named() -> None:
    assert codes(application_body(last_name="x" * 10_000))["last_name"] == "too_long"


def test_unknown_and_wrongly_typed_fields_are_named() -> None:
    assert codes(application_body(admin=True)) == {"admin": "unknown_field"}
    assert codes(application_body(clauses=[1]))["clauses"] == "wrong_type"
    assert codes(application_body(supply_point_address={"gate": "1", "house": "7", "postal_code": "43-300", "city": "X"})) == {
        "supply_point_address.gate": "unknown_field"
    }


def test_filing_and_signing_in_the_future_are_refused() -> None:
    assert codes(paper_body(TODAY, filed_on="2026-11-25"), paper=True) == {"filed_on": "filed_on_in_future"}
    assert codes(paper_body(TODAY, filed_on="24.11.2026"), paper=True) == {"filed_on": "invalid_date"}
    assert codes(paper_body(TODAY, signature={"kind": "paper", "signed_on": "2027-01-01"}), paper=True) == {
        "signature.signed_on": "signed_on_in_future"
    }


def test_a_declaration_must_carry_the_applicants_name() -> None:
    assert codes(application_body(signature={"kind": "declaration", "signed_name": "Jan Kowalski"})) == {
        "signature.signed_name": "name_differs"
    }
    assert same_name("ŻAK Zofia", "zofia zak")
    off = Checker(all_versions(), current_form(TODAY), Rulebook(online_declaration=False), TODAY)
    assert codes(application_body(), checker=off) == {"signature.kind": "not_allowed"}


def test_every_error_of_a_form_is_reported_at_once_and_has_words_in_both_languages() -> None:
    with pytest.raises(Invalid) as invalid:
        CHECKER.web({})
    assert len(invalid.value.errors) > 10
    for error in invalid.value.errors:
        assert message(error, "pl") != message(error, "en")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    )
)
def test_s06_no_body_whatsoever_makes_the_check_fail_otherwise(body: Any) -> None:
    assert codes(body)
    for field in ("first_name", "clauses", "supply_point_address", "signature", "email", "customer_type"):
        codes(application_body(**{field: body}))
