"""F08: notes and reasons hold what a page can show; line breaks are people's own."""

import unicodedata

import pytest

from provisioning.domain.errors import Invalid
from provisioning.domain.free_text import free_text


def test_f08_no_control_or_format_character_gets_into_words_of_staff() -> None:
    for number in (*range(0x3000), *range(0xD800, 0xE000, 64), *range(0xFE00, 0x10000), *range(0x10000, 0x110000, 997)):
        character = chr(number)
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") and not character.isspace():
            with pytest.raises(Invalid) as refusal:
                free_text("reason", f"a{character}b", 2000)
            assert refusal.value.errors[0].code == "invalid_characters"


def test_lines_and_polish_letters_stay_as_they_were_typed() -> None:
    assert free_text("note", "  Zażółć\r\ngęślą\tjaźń 💧 \n", 4000) == "Zażółć\r\ngęślą\tjaźń 💧"
    assert free_text("note", " \n ", 4000) is None


def test_words_that_are_too_long_are_refused_by_name() -> None:
    with pytest.raises(Invalid) as refusal:
        free_text("note", "x" * 4001, 4000)
    assert [(each.field, each.code) for each in refusal.value.errors] == [("note", "too_long")]
