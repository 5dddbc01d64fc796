"""keycloak-realm.json imports into a stock Keycloak (`--import-realm`), nothing of ours beside it."""

import os
import secrets
import signal
import subprocess
from pathlib import Path

import requests

from ibok_idp.directory import CustomerDirectory
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
        left = RealmServer(f"http://localhost:{port}", "admin", password).diff(load(placeholders, staff_second_factor=True))
        assert {each.section for each in left} <= {"defaultRole"}  # Keycloak fills the default role; apply empties it
        directory = CustomerDirectory(
            f"http://localhost:{port}", "ibok-provisioning", world.secrets["IBOK_PROVISIONING_CLIENT_SECRET"]
        )
        assert directory.hashing_parameters().memory == 7168
        assert set(directory.forbidden_calls().values()) == {403}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)
