"""Words by which an application is found."""

import pytest
from stdnum.pl import nip, pesel

from provisioning.adapters.postgres.demo_applications import invented_nip, invented_pesel
from provisioning.adapters.postgres.search import fold, grams, name_words, tokens, words_of


def test_diacritics_and_case_do_not_matter() -> None:
    assert fold("Źdźbło-ŻAK Łucja") == "zdzblo-zak lucja"


def test_a_word_is_found_whole_and_by_its_parts() -> None:
    assert words_of("Źdźbło-Żak", "jozefa.k@example.com") >= {
        "zdzblo-zak",
        "zdzblo",
        "zak",
        "jozefa.k@example.com",
        "jozefa",
        "example",
    }


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("600 100 200", ["600100200"]),
        ("+48 600 100 200", ["+48600100200"]),
        ("Jan  Nowak", ["jan", "nowak"]),
        ("4011 8270", ["40118270"]),
        ("4011–8270", ["4011-8270"]),
        ("2026–000001–1", ["2026-000001-1"]),
        ("  ", []),
    ],
)
def test_a_number_typed_with_spaces_is_one_word(typed: str, expected: list[str]) -> None:
    assert tokens(typed) == expected


def test_only_words_of_letters_are_looked_up_for_mistakes() -> None:
    assert name_words({"nowak", "40118270", "#filed", "ab", "a.b@c.pl"}) == {"nowak"}


def test_groups_of_three_letters_hold_the_ends_of_a_word() -> None:
    assert grams("nowak") == [" no", "ak ", "now", "owa", "wak"]


def test_invented_numbers_have_valid_checksums_and_belong_to_nobody_alive() -> None:
    import secrets

    for _ in range(200):
        number = invented_pesel(secrets.randbelow)
        assert pesel.is_valid(number)
        assert pesel.get_birth_date(number).year < 1900
        assert nip.is_valid(invented_nip(secrets.randbelow))
