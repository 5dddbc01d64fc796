"""Links have a key of their own: whoever holds it derives no password, and a link outlives the rotation of its key."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from provisioning.settings import Settings
from provisioning.use_cases.tokens import is_status_token, status_token
from tests.support.fakes import fake_services


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    def made(**changes: str) -> Settings:
        needed = {"database_url": "postgresql://u:p@localhost/x", "temporary_password_key": "t" * 40, "personal_data_key": "p" * 40}
        needed |= dict.fromkeys(("keycloak_url", "webapp_url", "provisioning_url"), "http://localhost:1")
        for name, value in (needed | changes).items():
            monkeypatch.setenv(f"IBOK_{name.upper()}", value)
        return Settings()

    return made


def test_the_key_of_links_is_apart_from_the_key_of_passwords(settings: Callable[..., Settings]) -> None:
    assert settings(link_key="l" * 40).link_keys() == (b"l" * 40,)
    assert settings(link_key="l" * 40, link_keys_earlier="t" * 40).link_keys() == (b"l" * 40, b"t" * 40)


def test_without_one_the_key_of_passwords_signs_as_before(settings: Callable[..., Settings]) -> None:
    assert settings(temporary_password_keys_earlier="e" * 40).link_keys() == (b"t" * 40, b"e" * 40)


def test_a_link_opens_as_long_as_its_key_stands_among_the_earlier_ones() -> None:
    before = fake_services(link_keys=(b"a" * 32,))
    found: Any = SimpleNamespace(reference="2026/000001-1", nonce=b"n" * 32)
    token = status_token(before, found)
    assert is_status_token(fake_services(link_keys=(b"b" * 32, b"a" * 32)), found, token)
    assert not is_status_token(fake_services(link_keys=(b"b" * 32,)), found, token)
