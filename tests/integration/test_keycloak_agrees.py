"""R04 and K09: what IT does in the console is noticed and shown, and `reconcile` finds every disagreement."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from ibok_idp.errors import ProviderMissing
from ibok_idp.keycloak_provider.common_passwords import common_passwords
from ibok_idp.realm.server import RealmServer
from provisioning.use_cases.account.reconcile import reconcile
from tests.support.world import World, eventually, where

CLI = str(Path(sys.executable).parent / "ibok-provisioning")


def user_of(world: World, found: dict[str, Any]) -> dict[str, Any]:
    user = world.user(found["login"])
    assert user is not None
    return user


def edit(world: World, found: dict[str, Any], **changes: Any) -> None:
    user = user_of(world, found)
    assert world.admin("PUT", f"/users/{user['id']}", json=user | changes).status_code == 204


def state(world: World, found: dict[str, Any]) -> str:
    return str(world.account(found["login"])["state"])


def history(world: World, found: dict[str, Any]) -> list[str]:
    detail = world.call("GET", f"/staff/applications/{found['reference']}", world.staff_token("auditor")).json()
    return [line["action"] for line in detail["history"]]


def test_r04_disabled_and_enabled_in_the_console_the_state_follows(world: World) -> None:
    found = world.active()
    edit(world, found, enabled=False)
    eventually(lambda: state(world, found) == "suspended")
    assert {"account.changed_outside", "account.suspended_outside"} <= set(history(world, found))
    page = eventually(lambda: (p := found["visitor"].open(f"{world.webapp}/konto")) and where(p) == "login" and p)
    assert page  # Keycloak ends no session when it disables a user, so we do
    edit(world, found, enabled=True)
    eventually(lambda: state(world, found) == "active")
    assert "account.resumed_outside" in history(world, found)
    assert where(world.visitor().log_in(f"{world.webapp}/konto", found["login"], found["own"])) == "portal"


def test_r04_a_click_in_the_console_does_not_lift_a_registrars_suspension(world: World) -> None:
    found = world.active()
    world.deed(found["login"], "suspend", reason="nadużycie")
    eventually(lambda: not world.account(found["login"])["keycloak_pending"])
    edit(world, found, enabled=True)
    eventually(lambda: "account.changed_outside" in history(world, found))
    eventually(lambda: user_of(world, found)["enabled"] is False)
    assert state(world, found) == "suspended"


def test_r04_an_address_changed_in_the_console_is_taken_over_and_the_old_one_is_told(world: World) -> None:
    found = world.active()
    new = f"konsola-{found['email']}"
    edit(world, found, email=new)
    eventually(lambda: world.account(found["login"])["email"] == new)
    assert "/cofnij/" in world.mail(found["email"], "zmieniono adres")["text"]


def test_r04_deleted_in_the_console_the_account_is_deleted_and_the_login_stays_burnt(world: World) -> None:
    found = world.active()
    assert world.admin("DELETE", f"/users/{user_of(world, found)['id']}").status_code == 204
    eventually(lambda: state(world, found) == "deleted")
    assert world.account(found["login"])["closing_cause"] == "console"
    assert world.sql("SELECT 1 FROM issued_logins WHERE login = %s", found["login"]) == [(1,)]


def test_r04_out_of_the_group_is_shown_and_put_right_in_the_console(world: World) -> None:
    found = world.active()
    user = user_of(world, found)
    group = world.admin("GET", "/group-by-path/customers").json()["id"]
    assert world.admin("DELETE", f"/users/{user['id']}/groups/{group}").status_code == 204
    eventually(lambda: world.account(found["login"])["trouble"] == "outside_customers")
    kinds = {each.kind for each in reconcile(world.services()) if each.login == found["login"]}
    assert kinds == {"outside_group"}
    assert world.admin("PUT", f"/users/{user['id']}/groups/{group}").status_code == 204
    eventually(lambda: world.account(found["login"])["trouble"] is None)


def test_r04_update_password_removed_in_the_console_makes_the_account_active(world: World) -> None:
    found = world.registered()
    edit(world, found, requiredActions=[])
    eventually(lambda: state(world, found) == "active")


def test_k09_reconcile_reports_every_kind_of_disagreement_and_repairs_what_it_may(world: World) -> None:
    accounts = {name: world.active() for name in ("email", "customer_numbers", "disabled", "missing")}
    extra = world.active()
    with_events_unread(world, accounts, extra)
    found = {each.login: each for each in reconcile(world.services())}
    for kind, account in accounts.items():
        assert found[account["login"]].kind == kind
        assert found[account["login"]].repairable == (kind in ("email", "customer_numbers"))
    assert found[extra["login"]].kind == "not_deleted"
    world.sql("UPDATE accounts SET email = %s WHERE login = %s", "dry@example.com", extra["login"])  # a dry run changes nothing
    assert {each.login for each in reconcile(world.services())} >= {account["login"] for account in accounts.values()}
    list(reconcile(world.services(), repair=True))
    closed = {accounts[name]["login"] for name in ("disabled", "missing")}
    assert closed <= {each.login for each in reconcile(world.services())}  # a repair opens nothing by itself
    list(reconcile(world.services(), repair=True, reopen=frozenset(closed)))
    ours = {account["login"] for account in accounts.values()} | {extra["login"]}
    eventually(lambda: not ours & {each.login for each in reconcile(world.services())}, 40)
    fresh = world.mails(accounts["missing"]["email"], "konto jest gotowe")
    assert len(fresh) == 2  # the lost user came back with a new activation mail
    assert "account.repaired" in history(world, accounts["email"])


def with_events_unread(world: World, accounts: dict[str, dict[str, Any]], extra: dict[str, Any]) -> None:
    """Make Keycloak and our accounts differ in a way no event tells of, as after a restore of our database."""
    world.sql("UPDATE accounts SET email = 'inny@example.com' WHERE login = %s", accounts["email"]["login"])
    world.sql('UPDATE accounts SET customer_numbers = \'["1", "2"]\' WHERE login = %s', accounts["customer_numbers"]["login"])
    world.sql("UPDATE accounts SET state = 'deleted', anonymise_on = '2099-01-01' WHERE login = %s", extra["login"])
    own = {"Authorization": f"Bearer {world.service_token('ibok-provisioning')}"}  # our own account: the worker ignores its events
    for name in ("disabled", "missing"):
        user = user_of(world, accounts[name])
        url = f"{world.keycloak}/admin/realms/ibok/users/{user['id']}"
        if name == "disabled":
            assert requests.put(url, json=user | {"enabled": False}, headers=own, timeout=30).status_code == 204
        else:
            assert requests.delete(url, headers=own, timeout=30).status_code == 204


def test_the_command_line_tells_disagreements_by_its_exit_code(world: World) -> None:
    found = world.active()
    world.sql("UPDATE accounts SET email = 'inny@example.com' WHERE login = %s", found["login"])
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "IBOK_KEYCLOAK_URL": world.keycloak, "IBOK_WEBAPP_URL": world.webapp}
    environment |= {"IBOK_PROVISIONING_URL": world.provisioning, **world.secrets}

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CLI, "reconcile", *arguments], env=environment | changes, capture_output=True, text=True, timeout=120
        )

    first = run()
    assert first.returncode == 2
    assert f"{found['login']}  email" in first.stderr
    gone = run(IBOK_KEYCLOAK_URL="http://localhost:1")
    assert gone.returncode == 1
    assert "doctor" in gone.stderr
    run("--repair")
    eventually(lambda: f"{found['login']}  " not in run().stderr)


def test_apply_refuses_to_bind_our_flow_on_a_server_without_our_provider(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server = RealmServer(
        world.keycloak, world.secrets["IBOK_KEYCLOAK_ADMIN_USERNAME"], world.secrets["IBOK_KEYCLOAK_ADMIN_PASSWORD"]
    )
    server.require_provider()
    assert server.common_passwords() == len(common_passwords())  # S6: the whole list is in the jar
    monkeypatch.setattr(RealmServer, "common_passwords", lambda self: 0)
    with pytest.raises(ProviderMissing, match="list of common passwords"):
        server.apply({"browserFlow": "ibok-browser"})
    monkeypatch.setattr(RealmServer, "provider_version", lambda self: None)
    with pytest.raises(ProviderMissing, match="provider build"):
        server.apply({"browserFlow": "ibok-browser"})
    monkeypatch.setattr(RealmServer, "provider_version", lambda self: "26.7.4-0000000000")
    with pytest.raises(ProviderMissing, match=r"26\.7\.4-0000000000"):
        server.apply({"browserFlow": "ibok-browser"})
