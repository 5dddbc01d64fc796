"""Settings that stop the start by name; logs that hide secrets; the stack that says what stands in its way."""

import json
import os
import socket
from pathlib import Path

import pytest
from rich.console import Console

from ibok_idp.errors import LocalStackError, SettingsError
from ibok_idp.local import artifacts, secrets
from ibok_idp.local.artifacts import Artifact, fetch
from ibok_idp.local.processes import end_leftovers
from ibok_idp.local.stack import Stack
from ibok_idp.log import _hide
from ibok_idp.look.company import load_utility
from ibok_idp.settings import load_settings
from provisioning.settings import Settings
from tests.support.free_ports import local_settings


def test_a_missing_or_wrong_setting_is_named_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("IBOK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IBOK_TEMPORARY_PASSWORD_KEY", "short-secret")
    monkeypatch.setenv("IBOK_TERM_DAYS", "0")
    with pytest.raises(SettingsError) as error:
        load_settings(Settings)
    for name in ("IBOK_DATABASE_URL", "IBOK_TEMPORARY_PASSWORD_KEY", "IBOK_TERM_DAYS", "IBOK_KEYCLOAK_URL"):
        assert name in str(error.value)
    assert "short-secret" not in str(error.value)


def test_a_wrong_utility_file_names_the_key(tmp_path: Path) -> None:
    good = (Path(artifacts.__file__).parents[1] / "look" / "utility.toml").read_text()
    wrong = tmp_path / "utility.toml"
    wrong.write_text(good.replace("phones =", "phone ="))
    with pytest.raises(SettingsError, match=r"contact\.phone"):
        load_utility(wrong)
    wrong.write_text("[company")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_utility(wrong)
    with pytest.raises(SettingsError, match="cannot read"):
        load_utility(tmp_path / "absent.toml")


def test_p08_logs_hide_what_smells_of_a_secret_and_anything_like_pesel() -> None:
    line = _hide(None, "", {"event": "x 44051401359", "temporary_password": "Abcdef12", "token": "t", "reference": "2026-000001-1"})
    assert line == {"event": "x •••", "temporary_password": "•••", "token": "•••", "reference": "2026-000001-1"}


def test_secrets_are_generated_once_private_and_completed_later(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    first = secrets.load_or_make(path, {"IBOK_DATABASE_URL": "postgresql://u:{IBOK_DATABASE_PASSWORD}@h/d"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert first["IBOK_DATABASE_PASSWORD"] in first["IBOK_DATABASE_URL"]
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "SESSION_KEY" not in line))
    second = secrets.load_or_make(path, {})
    assert {k: v for k, v in second.items() if "SESSION" not in k} == {k: v for k, v in first.items() if "SESSION" not in k}
    assert second["IBOK_SESSION_KEY"] != first["IBOK_SESSION_KEY"]


def test_a_busy_port_is_named_with_its_setting_and_nothing_is_left(tmp_path: Path) -> None:
    settings = local_settings(tmp_path)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", settings.keycloak_port))
        busy.listen()
        with pytest.raises(LocalStackError, match=rf"Port {settings.keycloak_port} .*IBOK_KEYCLOAK_PORT"):
            Stack(settings).start()
    assert not (settings.state_dir / "stack.json").exists()
    assert not (settings.state_dir / "secrets.env").exists()


def test_two_runs_in_one_folder_are_refused_and_the_first_is_left_alone(tmp_path: Path) -> None:
    settings = local_settings(tmp_path)
    first, second = Stack(settings), Stack(settings)
    first.state.mkdir(parents=True)
    first._hold_folder()
    first.logs.mkdir()
    (first.state / "stack.json").write_text("{}")
    with pytest.raises(LocalStackError, match="Another `make up` is running"):
        second.start()
    second.stop()  # what `make up` does after a refusal
    assert (first.state / "stack.json").exists()
    first.stop()
    assert not (first.state / "stack.json").exists()


def test_a_leftover_of_a_killed_run_is_recognised_only_when_it_surely_is_ours(tmp_path: Path) -> None:
    (tmp_path / "pids.json").write_text(json.dumps({"webapp": [os.getpid(), 1.0], "worker": [2**22 - 1, 1.0]}))
    end_leftovers(tmp_path, Console(quiet=True))  # this very process is not ended: its start time differs
    assert not (tmp_path / "pids.json").exists()


def test_a_damaged_download_is_fetched_again_and_then_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def download(artifact: Artifact, cache: Path) -> Path:
        tries.append(artifact)
        path = cache / "half.zip"
        path.write_bytes(b"half" if len(tries) < 2 else b"whole")
        return path

    monkeypatch.setattr(artifacts, "_download", download)
    import hashlib

    good = Artifact("g", "n", "1", "zip", hashlib.sha256(b"whole").hexdigest())
    assert fetch(good, tmp_path).read_bytes() == b"whole"
    assert fetch(good, tmp_path).read_bytes() == b"whole"
    assert len(tries) == 2
    with pytest.raises(LocalStackError, match="another checksum"):
        fetch(Artifact("g", "bad", "1", "zip", "0" * 64), tmp_path)
