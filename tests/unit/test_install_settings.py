"""`ibok-idp install-settings` and `install-check`: what is written is good, and each thing that is wrong is told by its name."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ibok_idp.cli import app
from ibok_idp.errors import SettingsError
from ibok_idp.install.check import check_environment, check_folder
from ibok_idp.install.files import FIRST_START, Place, write_settings

UTILITY = Path(__file__).parents[2] / "ibok_idp" / "look" / "utility.toml"


def place(**changes: object) -> Place:
    values = {
        "portal": "https://ibok.example.com",
        "staff": "https://bok.example.com",
        "login": "https://logowanie.example.com",
        "database": "10.20.0.5:5432",
        "valkey": "10.20.0.6:6379",
        "smtp": "smtp+starttls://mail.example.com:587",
        "mail_from": "ibok@example.com",
        "administrator": "ibok-it",
        "utility_file": UTILITY,
        **changes,
    }
    return Place(**values)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fresh settings, after the first start."""
    write_settings(tmp_path, place())
    (tmp_path / FIRST_START).unlink()
    return tmp_path


def change(folder: Path, file: str, setting: str, value: str | None) -> None:
    """One line of one file gets another value, or goes."""
    path = folder / f"{file}.env"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{setting}=")]
    path.write_text("\n".join([*lines, *([] if value is None else [f"{setting}={value}"])]) + "\n")


def value_of(folder: Path, file: str, setting: str) -> str:
    (found,) = [line for line in (folder / f"{file}.env").read_text().splitlines() if line.startswith(f"{setting}=")]
    return found.partition("=")[2]


def test_fresh_settings_are_good_and_nobody_else_may_read_them(folder: Path) -> None:
    assert check_folder(folder) == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_settings_are_never_written_over_ones_in_use(folder: Path) -> None:
    before = (folder / "worker.env").read_text()
    with pytest.raises(SettingsError, match=r"worker\.env"):
        write_settings(folder, place())
    assert (folder / "worker.env").read_text() == before


# File, setting, its value (None: the line is missing), what is said of it.
WRONG = [
    ("webapp", "IBOK_WEBAPP_URL", "http://ibok.example.com", "https"),
    ("worker", "IBOK_KEYCLOAK_URL", "http://logowanie.example.com", "https"),
    ("keycloak", "KC_HOSTNAME", "logowanie.example.com", "https"),
    ("keycloak", "IBOK_PORTAL_URL", "http://ibok.example.com", "https"),
    ("webapp", "IBOK_SESSION_KEY", None, "Field required"),
    ("webapp", "IBOK_SESSION_KEY", "change-me-change-me-change-me-change-me", "example"),
    ("webapp", "IBOK_SESSION_KEY", "a" * 48, "too few different"),
    ("webapp", "IBOK_PORTAL_CLIENT_SECRET", "Q7fZk29x", "shorter than 24"),
    ("webapp", "IBOK_WEBAPP_DATABASE_URL", "postgresql://ibok_webapp:short@10.20.0.5/ibok_webapp", "shorter than 24"),
    ("webapp", "IBOK_METRICS_TOKEN", None, "missing"),
    ("webapp", "IBOK_RATE_LIMIT_STORAGE", "memory://", "valkey://"),
    ("webapp", "IBOK_TRUSTED_PROXIES", "0", "proxy"),
    ("webapp", "IBOK_DATABASE_URL", "postgresql://ibok_provisioning:x@h/ibok_provisioning", "does not belong"),
    ("webapp", "IBOK_WEB_THREADS", "many", "integer"),
    ("webapp", "IBOK_UTILITY_FILE", "/nowhere/utility.toml", "does not exist"),
    ("provisioning", "IBOK_SESSION_KEY", None, "missing"),
    ("provisioning", "IBOK_STAFF_CLIENT_SECRET", None, "missing"),
    ("provisioning", "IBOK_STAFF_SECOND_FACTOR", "false", "second factor"),
    ("realm", "IBOK_STAFF_SECOND_FACTOR", "0", "second factor"),
    ("provisioning", "IBOK_PROVISIONING_CLIENT_SECRET", "c5e81f0a9d7b3462c5e81f0a9d7b3462", "does not belong"),
    ("provisioning", "IBOK_DEMO_CLERK_PASSWORD", "Aa1Q7fZk29xQ7fZk29xQ7fZk29x", "demonstration"),
    ("worker", "IBOK_SMTP_URL", "smtp://mail.example.com", "in clear"),
    ("worker", "IBOK_SMTP_URL", None, "missing"),
    ("worker", "IBOK_PROVISIONING_CLIENT_SECRET", None, "missing"),
    ("worker", "IBOK_PERSONAL_DATA_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978", "differs from provisioning.env"),
    ("worker", "IBOK_DATABASE_URL", "postgresql://ibok_provisioning:0f1e2d3c4b5a69788796a5b4@h/other", "differs from"),
    ("realm", "IBOK_STAFF_CLIENT_SECRET", "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978", "differs from provisioning.env"),
    ("realm", "IBOK_KEYCLOAK_ADMIN_USERNAME", "ibok-bootstrap", "temporary administrator"),
    ("keycloak", "KC_BOOTSTRAP_ADMIN_USERNAME", "admin", "temporary"),
    ("keycloak", "KC_HTTP_ENABLED", None, "must be true"),
    ("keycloak", "KC_PROXY_HEADERS", "forwarded", "xforwarded"),
    ("keycloak", "KC_CACHE", "local", "two nodes"),
    ("keycloak", "KC_DB_URL", "jdbc:postgresql://h:5432/ibok_provisioning", "of its own"),
    ("keycloak", "KC_DB_PASSWORD", None, "missing"),
    ("keycloak", "KC_TRUSTSTORE_PATHS", "/nowhere/authority.pem", "does not exist"),
]


@pytest.mark.parametrize(("file", "setting", "value", "said"), WRONG)
def test_what_production_must_not_have_is_told_by_the_settings_name(
    folder: Path, file: str, setting: str, value: str | None, said: str
) -> None:
    change(folder, file, setting, value)
    found = [str(each) for each in check_folder(folder) if each.setting == setting]
    assert any(line.startswith(f"{file}.env") and said in line for line in found), found


EQUAL: list[Callable[[Path], tuple[str, str, str]]] = [
    lambda folder: ("provisioning", "IBOK_SESSION_KEY", value_of(folder, "provisioning", "IBOK_TEMPORARY_PASSWORD_KEY")),
    lambda folder: ("provisioning", "IBOK_SESSION_KEY", value_of(folder, "webapp", "IBOK_SESSION_KEY")),
    lambda folder: ("realm", "IBOK_KEYCLOAK_ADMIN_PASSWORD", value_of(folder, "keycloak", "KC_DB_PASSWORD")),
]


@pytest.mark.parametrize("equal", EQUAL)
def test_two_secrets_are_never_one(folder: Path, equal: Callable[[Path], tuple[str, str, str]]) -> None:
    file, setting, value = equal(folder)
    change(folder, file, setting, value)
    assert any("each secret is its own" in each.words for each in check_folder(folder))


def test_no_word_of_it_shows_a_secret(folder: Path) -> None:
    secret = value_of(folder, "webapp", "IBOK_SESSION_KEY")
    change(folder, "provisioning", "IBOK_SESSION_KEY", secret)
    change(folder, "webapp", "IBOK_PORTAL_CLIENT_SECRET", "Q7fZk29x")
    said = "\n".join(str(each) for each in check_folder(folder))
    assert said
    assert secret not in said
    assert "Q7fZk29x" not in said


def test_the_temporary_administrator_is_expected_at_the_first_start_alone(tmp_path: Path) -> None:
    write_settings(tmp_path, place())
    assert check_folder(tmp_path, first_start=True) == []
    assert [each.setting for each in check_folder(tmp_path)] == ["KC_BOOTSTRAP_ADMIN_USERNAME"]


def test_an_own_authority_that_keycloak_is_not_told_of_is_found(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.touch()
    write_settings(tmp_path / "etc", place(authority=authority))
    assert check_folder(tmp_path / "etc", first_start=True) == []
    change(tmp_path / "etc", "keycloak", "KC_TRUSTSTORE_PATHS", None)
    assert [each.setting for each in check_folder(tmp_path / "etc", first_start=True)] == ["KC_TRUSTSTORE_PATHS"]


def test_a_missing_file_and_one_that_others_may_read_are_told(folder: Path) -> None:
    (folder / "worker.env").unlink()
    (folder / "webapp.env").chmod(0o644)
    assert {(each.where, each.words.partition(" ")[0]) for each in check_folder(folder)} == {
        ("worker.env", "is"),
        ("webapp.env", "others"),
    }
    assert check_folder(folder, only=("provisioning",)) == []


def test_a_process_is_checked_by_its_own_environment_too(folder: Path) -> None:
    lines = (folder / "webapp.env").read_text().splitlines()
    environment = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert check_environment("webapp", environment) == []
    found = check_environment("webapp", environment | {"IBOK_WEBAPP_URL": "http://ibok.example.com"})
    assert [each.setting for each in found] == ["IBOK_WEBAPP_URL"]


def test_the_command_ends_with_2_when_something_is_wrong_and_with_0_when_not(folder: Path) -> None:
    run = CliRunner()
    assert run.invoke(app, ["install-check", str(folder)]).exit_code == 0
    change(folder, "webapp", "IBOK_TRUSTED_PROXIES", "0")
    told = run.invoke(app, ["install-check", str(folder)])
    assert told.exit_code == 2
    assert "IBOK_TRUSTED_PROXIES" in told.output
    assert run.invoke(app, ["install-check", "--only", "web", str(folder)]).exit_code == 1


def test_no_password_of_the_mail_server_is_taken_from_the_command_line(tmp_path: Path) -> None:
    hosts = ["--portal", "https://a.example", "--staff", "https://b.example", "--login", "https://c.example"]
    arguments = ["install-settings", str(tmp_path / "etc"), *hosts, "--mail-from", "a@example.com"]
    told = CliRunner().invoke(app, [*arguments, "--smtp", "smtps://user:secret@mail.example.com"])
    assert told.exit_code == 1
    assert not (tmp_path / "etc").exists()
