"""A slip of the finger in an e-mail address is asked about, a rare provider is not."""

import pytest

from provisioning.form.email_typos import did_you_mean


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("anna@gmial.com", "anna@gmail.com"), ("anna@gmail.co", "anna@gmail.com"), ("anna@gmail.pl", "anna@gmail.com"),
        ("Anna.Nowak@GMAI.COM", "Anna.Nowak@gmail.com"), ("a@inetria.pl", "a@interia.pl"), ("a@intera.pl", "a@interia.pl"),
        ("a@wp.p", "a@wp.pl"), ("a@onet.lp", "a@onet.pl"), ("a@hotmial.com", "a@hotmail.com"), ("a@outlok.com", "a@outlook.com"),
        ("a@poczta.fmm", "a@poczta.fm"), ("a@iclod.com", "a@icloud.com"), ("a@yaho.com", "a@yahoo.com"),
    ],
)  # fmt: skip
def test_a_mistyped_provider_is_asked_about(typed: str, meant: str) -> None:
    assert did_you_mean(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "a@gmail.com",
        "a@op.pl",
        "a@vp.pl",
        "a@o2.pl",
        "a@example.com",
        "biuro@wodociagi-bielsko.pl",
        "a@proton.me",
        "a",
        "a@",
        "@wp.pl",
        "",
        None,
    ],
)
def test_what_looks_right_is_left_alone(typed: str | None) -> None:
    assert did_you_mean(typed) is None
