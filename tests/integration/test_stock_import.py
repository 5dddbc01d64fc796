"""keycloak-realm.json imports into a stock Keycloak (`--import-realm`), nothing of ours beside it."""

import os
import secrets
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from ibok_idp.directory import CustomerDirectory
from ibok_idp.errors import ProviderMissing
from ibok_idp.local.artifacts import KEYCLOAK, cache_dir, fetch, unpack
from ibok_idp.local.java import java_home
from ibok_idp.realm.desired import load, realm_file
from ibok_idp.realm.server import RealmServer
from tests.support.free_ports import free_ports
from tests.support.world import World, eventually


def test_a_stock_keycloak_imports_the_realm_with_its_least_rights(world: World, tmp_path: Path) -> None:
    unpack(fetch(KEYCLOAK, cache_dir()), tmp_path)
    home = tmp_path / f"keycloak-{KEYCLOAK.version}"
    (home / "data" / "import").mkdir(parents=True)
    (home / "data" / "import" / "ibok-realm.json").write_text(realm_file().read_text())
    port, management = free_ports(2)
    password = secrets.token_urlsafe(16)
    placeholders = {"IBOK_WEBAPP_URL": world.webapp, "IBOK_PROVISIONING_URL": world.provisioning}
    placeholders |= {name: value for name, value in world.secrets.items() if name.endswith("_CLIENT_SECRET")}
    environment = {
        "PATH": os.environ["PATH"],
        "JAVA_HOME": str(java_home()),
        "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
        "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
    }
    command = [
        str(home / "bin" / "kc.sh"),
        "start-dev",
        f"--http-port={port}",
        f"--http-management-port={management}",
        "--import-realm",
    ]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment | placeholders, stdout=log, stderr=log, start_new_session=True)
    try:

        def up() -> bool:
            try:
                return requests.get(f"http://localhost:{port}/realms/ibok", timeout=5).ok
            except requests.RequestException:
                return False

        eventually(up, 200)
        stock, wanted = RealmServer(f"http://localhost:{port}", "admin", password), load(placeholders, staff_second_factor=True)
        left = stock.diff(wanted)
        # Keycloak fills the default role, which apply empties, and gives its own admin-cli the password grant, which the
        # realm's flow refuses already; the rest needs our provider, and apply says so
        assert {(each.section, each.name, each.key) for each in left if each.section != "defaultRole"} == {
            ("realm", "ibok", "browserFlow"),
            ("realm", "ibok", "passwordPolicy"),
            ("flows", "ibok-browser", ""),
            ("builtInClients", "admin-cli", "directAccessGrantsEnabled"),
        }
        with pytest.raises(ProviderMissing, match="no iBOK provider"):
            stock.apply(wanted)
        assert requests.get(login_page(port, placeholders), timeout=20).status_code == 200  # customers can log in all the same
        directory = CustomerDirectory(
            f"http://localhost:{port}", "ibok-provisioning", world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"]
        )
        assert directory.hashing_parameters().memory == 7168
        assert set(directory.forbidden_calls().values()) == {403}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


def login_page(port: int, values: dict[str, str]) -> str:
    query = {"client_id": "ibok-portal", "response_type": "code", "redirect_uri": f"{values['IBOK_WEBAPP_URL']}/oidc/callback"}
    query |= {"scope": "openid", "code_challenge": "x" * 43, "code_challenge_method": "S256"}
    return f"http://localhost:{port}/realms/ibok/protocol/openid-connect/auth?{urlencode(query)}"
