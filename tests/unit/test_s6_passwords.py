"""S6: the password rules in one place, and temporary passwords that always meet them."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ibok_idp
from ibok_idp.errors import KeycloakRejected, PolicyViolation
from ibok_idp.password_hash import HashingParameters, hashed_credential
from ibok_idp.password_policy import RULES, broken_rules, keycloak_policy, require
from ibok_idp.realm.desired import realm_file
from ibok_idp.temporary_password import ALPHABET, LENGTH, derive, new_nonce

THEME = Path(ibok_idp.__file__).parent / "login_theme" / "ibok" / "login"
POLISH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("Abcdef12", []),
        ("Abcdef1", ["length"]),
        ("abcdef12", ["upper"]),
        ("ABCDEF12", ["lower"]),
        ("Abcdefgh", ["digit"]),
        ("Woda czysta 2026", []),
        ("haslo123", ["upper"]),
        ("ABCDEFG1", ["lower"]),
        ("Abcdef１2", ["ascii"]),
        ("Аbcdef12", ["upper", "ascii"]),  # Cyrillic А
        ("Abcdef12\u00a0", ["ascii"]),
        ("Abcdef12🙂", ["ascii"]),
        ("", ["length", "digit", "upper", "lower", "ascii"]),
    ],
)
def test_p01_s6_each_rule_at_its_boundary(password: str, broken: list[str]) -> None:
    assert broken_rules(password) == broken


@pytest.mark.parametrize("letter", POLISH)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_p01_s6_every_polish_letter_in_both_unicode_forms_is_refused(letter: str, form: str) -> None:
    password = "Abcdef12" + unicodedata.normalize(form, letter)
    assert "ascii" in broken_rules(password)
    with pytest.raises(PolicyViolation) as refusal:
        require(password)
    assert password not in str(refusal.value)


def test_s6_the_realm_file_holds_the_policy_of_the_one_source() -> None:
    assert json.loads(realm_file().read_text())["passwordPolicy"] == keycloak_policy()


def test_s6_the_live_checklist_of_the_login_theme_is_the_one_source() -> None:
    lines = dict(
        line.split("=", 1) for line in (THEME / "theme.properties").read_text().splitlines() if line.startswith("ibokRule")
    )
    assert lines["ibokRules"].split() == [rule.code for rule in RULES]
    assert {code: lines[f"ibokRule_{code}"].replace("\\\\", "\\") for code in lines["ibokRules"].split()} == {
        rule.code: rule.pattern for rule in RULES
    }


@given(st.binary(min_size=32, max_size=64), st.binary(min_size=32, max_size=32), st.text(max_size=20))
def test_s6_every_temporary_password_meets_the_rules_and_can_be_read_aloud(key: bytes, nonce: bytes, purpose: str) -> None:
    password = derive(key, nonce, purpose)
    assert broken_rules(password) == []
    assert len(password) == LENGTH >= 12
    assert set(password) <= set(ALPHABET)
    assert not set(ALPHABET) & set("0O1lI")


def test_s4_a_retry_yields_the_same_temporary_password_and_another_purpose_another_one() -> None:
    key, nonce = b"k" * 32, new_nonce()
    assert derive(key, nonce, "activation:wp1") == derive(key, nonce, "activation:wp1")
    assert derive(key, nonce, "activation:wp1") != derive(key, nonce, "reset:wp1")
    assert derive(key, nonce, "activation:wp1") != derive(b"x" * 32, nonce, "activation:wp1")


@pytest.mark.parametrize(("key", "nonce"), [(b"short", b"n" * 32), (b"k" * 32, b"")])
def test_p06_a_missing_key_or_nonce_is_an_error_never_a_fallback(key: bytes, nonce: bytes) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        derive(key, nonce, "activation:wp1")


def test_a_ready_made_hash_asserts_s6_because_keycloak_would_not() -> None:
    group = json.loads(realm_file().read_text())["groups"][0]
    parameters = HashingParameters.from_realm(group["attributes"]["ibok_password_hashing"][0])
    with pytest.raises(PolicyViolation):
        hashed_credential("zażółć", parameters)
    credential = hashed_credential("Abcdef12", parameters)
    assert "Abcdef12" not in json.dumps(credential)
    assert json.loads(credential["credentialData"])["algorithm"] == "argon2"


@pytest.mark.parametrize("published", ["", "{}", '{"algorithm": "pbkdf2"}'])
def test_hashing_that_cannot_be_used_is_said_with_what_to_do(published: str) -> None:
    with pytest.raises(KeycloakRejected, match="realm apply"):
        HashingParameters.from_realm(published)


def test_the_theme_speaks_both_languages_with_the_same_keys() -> None:
    keys = {
        language: re.findall(r"(?m)^([A-Za-z0-9_.]+)=", (THEME / "messages" / f"messages_{language}.properties").read_text())
        for language in ("pl", "en")
    }
    assert keys["pl"] == keys["en"]
    assert len(set(keys["pl"])) == len(keys["pl"])


def test_every_wrong_login_gets_the_same_words() -> None:
    names = [f"invalid{each}Message" for each in ("User", "Username", "Password")]
    names += ["accountDisabledMessage", "accountTemporarilyDisabledMessage", "accountPermanentlyDisabledMessage"]
    for language in ("pl", "en"):
        lines = dict(
            line.split("=", 1)
            for line in (THEME / "messages" / f"messages_{language}.properties").read_text().splitlines()
            if "=" in line
        )
        assert len({lines[name] for name in names}) == 1
