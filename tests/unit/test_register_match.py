"""The customer register: tolerant where people write differently, strict where numbers must agree."""

import pytest

from provisioning.domain.register_match import Agrees, Claimed, RegisterCustomer, compare

YES, NO, CANNOT = Agrees.YES, Agrees.NO, Agrees.CANNOT_TELL
KNOWN = RegisterCustomer(
    "40118270",
    "ŹDŹBŁO-ŻAK JÓZEFA",
    "person",
    pesel_fingerprint="f1",
    supply_points=["ul. Źródlana 7/3, 43-300 Bielsko-Biała", "Długa 1, 43-300 Bielsko-Biała"],
    contract_numbers=["U/2019/771"],
)


def claimed(**changes: str | None) -> Claimed:
    base = {"customer_number": "40118270", "name": "Józefa Źdźbło-Żak", "supply_point": "Zrodlana 7/3, 43-300 Bielsko-Biala",
            "contract_number": "u 2019 771", "tax_id": None, "pesel_fingerprint": "f1"} | changes  # fmt: skip
    return Claimed(**base)  # type: ignore[arg-type]


def answers(one: Claimed, known: RegisterCustomer | None) -> list[Agrees]:
    return [each.agrees for each in compare(one, known)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [YES, YES, YES, YES, YES]),
        ({"name": "Jan Nowak"}, [YES, NO, YES, YES, YES]),
        ({"supply_point": "Długa 1, 43-300 Bielsko-Biała"}, [YES, YES, YES, YES, YES]),
        ({"supply_point": "Długa 2, 43-300 Bielsko-Biała"}, [YES, YES, NO, YES, YES]),
        ({"contract_number": None}, [YES, YES, YES, CANNOT, YES]),
        ({"contract_number": "U/2020/1"}, [YES, YES, YES, NO, YES]),
        ({"pesel_fingerprint": "f2"}, [YES, YES, YES, YES, NO]),
        ({"pesel_fingerprint": None}, [YES, YES, YES, YES, CANNOT]),
    ],
)
def test_each_question_is_answered_on_its_own(changes: dict[str, str | None], expected: list[Agrees]) -> None:
    assert answers(claimed(**changes), KNOWN) == expected


def test_an_unknown_number_leaves_the_rest_open() -> None:
    assert answers(claimed(), None) == [NO, CANNOT, CANNOT, CANNOT, CANNOT]


def test_a_company_is_known_by_its_nip() -> None:
    company = RegisterCustomer("1", "Hydro-Śląsk sp. z o.o.", "business", tax_id="1234563218")
    assert answers(claimed(name="HYDRO ŚLĄSK SP Z O O", tax_id="1234563218", pesel_fingerprint=None), company) == [
        YES,
        YES,
        CANNOT,
        CANNOT,
        YES,
    ]
    assert answers(claimed(tax_id="5252248481", pesel_fingerprint=None), company)[-1] is NO
