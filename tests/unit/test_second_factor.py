"""S09: the one-time code that IT sets up."""

import base64
from itertools import count
from urllib.parse import parse_qs, urlsplit

import pytest

from ibok_idp.second_factor import OneTimeCode, proved

RFC_KEY = OneTimeCode(b"12345678901234567890")


@pytest.mark.parametrize(("now", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")])
def test_codes_are_those_of_rfc_6238(now: int, code: str) -> None:
    assert RFC_KEY.at(now) == code
    assert RFC_KEY.is_right(f" {code} ", now)


def test_a_code_of_a_minute_ago_or_nonsense_is_wrong() -> None:
    assert RFC_KEY.is_right(RFC_KEY.at(1000), 1029)
    assert not RFC_KEY.is_right(RFC_KEY.at(1000), 1080)
    for nonsense in ("", "1", "abcdef", "٠٠٠٠٠٠", "0" * 100):
        assert not RFC_KEY.is_right(nonsense, 1000)


def test_the_address_carries_the_secret_that_keycloak_stores() -> None:
    code = OneTimeCode.new()
    address = urlsplit(code.address("ewa nowak", "iBOK Wodociągi & Kanały"))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert base64.b32decode(parse_qs(address.query)["secret"][0]) == code.key
    assert code.typed in code.credential("IT")["secretData"]
    assert OneTimeCode.new().key != code.key


def test_nothing_is_proved_by_three_wrong_answers() -> None:
    asked = count()
    answers = ["000000", "111111", "222222", RFC_KEY.at(1000)]
    assert not proved(RFC_KEY, lambda: answers[next(asked)], lambda: 1000)
    assert proved(RFC_KEY, lambda: RFC_KEY.at(1000), lambda: 1000)
