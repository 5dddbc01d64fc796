"""docs/how-to/install.md, carried out command by command; then somebody files an application, is approved, and logs in.

Minutes long, so it is a command of its own: `make install-test`.
"""

from __future__ import annotations

import re
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from keycloak import KeycloakAdmin

from deploy.demo import applicant, file_application, wait_for_mail
from deploy.this_machine.directory import GROUPS, READER, STAFF, Directory, directory
from deploy.this_machine.machine import Machine, free_ports, missing, release_folder, started_machine
from deploy.this_machine.people import Employee, administrator, given_code, make_employee
from deploy.visitor import Visitor

PROJECT = Path(__file__).parents[2]
HOWTO = PROJECT / "docs" / "how-to" / "install.md"

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"not here, Debian: apt-get install {' '.join(missing())}"),
    pytest.mark.timeout(2400),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine after the last command of the how-to."""
    folder = Path("/tmp") / f"ibok-install-{secrets.token_hex(3)}"
    folder.mkdir(mode=0o755)
    with started_machine(folder, lambda words: print(f"\n{words}", flush=True)) as found:
        seconds = found.carry_out(HOWTO, release_folder(folder / "dist"))
        print(f"\nInstalled in {seconds / 60:.1f} minutes.", file=sys.stderr)
        yield found


@pytest.fixture(scope="module")
def registrar(machine: Machine) -> Employee:
    return make_employee(machine, "bok-registrar")


def test_an_application_is_filed_and_approved_and_its_customer_logs_in(machine: Machine, registrar: Employee) -> None:
    address = f"{secrets.token_hex(4)}@example.com"
    visitor = Visitor()
    page = file_application(visitor, machine.portal, applicant(address))
    reference = re.search(r"\d{4}-\d{6}-\d", page.text)[0]
    link = re.search(r"http\S+/wniosek/potwierdzenie/\S+", wait_for_mail(machine.mailbox, address, "potwierdź")["text"])[0]
    assert link.startswith(machine.portal)
    visitor.send(visitor.open(link), {})
    staff = Visitor()
    assert reference in registrar.log_in(staff, f"{machine.staff}/?q={reference}").text
    done = staff.send(staff.open(f"{machine.staff}/wniosek/{reference}"), {}, action_ends="/approve")
    assert "Zatwierdzono" in done.text
    mail = wait_for_mail(machine.mailbox, address, "konto jest gotowe")["text"]
    login, temporary = (re.search(rf"(?m)^{name}: (\S+)$", mail)[1] for name in ("Login", "Hasło tymczasowe"))
    customer, own = Visitor(), f"Woda {secrets.token_hex(4)} Zdroj 7"
    page = customer.log_in(f"{machine.portal}/konto", login, temporary)
    page = customer.send(page, {"password-new": own, "password-confirm": own})
    assert page.url.startswith(f"{machine.portal}/konto")
    assert login in page.text
    assert {cookie.name for cookie in customer.session.cookies if cookie.name.startswith("__Host-")}


def test_a_logout_at_keycloak_ends_the_portals_session(machine: Machine, registrar: Employee) -> None:
    """Back-channel logout goes from Keycloak through nginx with the own authority's certificate."""
    staff = Visitor()
    registrar.log_in(staff, f"{machine.staff}/")
    registrar.end_sessions()
    deadline = time.monotonic() + 20
    while staff.open(f"{machine.staff}/").url.startswith(machine.staff) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not staff.open(f"{machine.staff}/").url.startswith(machine.staff)


def test_strangers_reach_neither_metrics_nor_administration(machine: Machine) -> None:
    zones = machine.root / "etc/nginx/ibok-zones.conf"
    before = zones.read_text()
    zones.write_text("203.0.113.0/24 1;\n")  # this machine is no longer inside
    try:
        machine.run("systemctl reload nginx", machine.root)
        for url, status in (
            (f"{machine.portal}/metrics", 404),
            (f"{machine.portal}/readyz", 404),
            (f"{machine.portal}/", 200),
            (f"{machine.staff}/", 403),
            (f"{machine.login}/admin/master/console/", 403),
            (f"{machine.login}/realms/master/.well-known/openid-configuration", 403),
            (f"{machine.login}/realms/ibok/.well-known/openid-configuration", 200),
            (f"{machine.login}/metrics", 404),
            (f"{machine.login}/health", 404),
        ):
            assert requests.get(url, timeout=30).status_code == status, url
    finally:
        zones.write_text(before)
        machine.run("systemctl reload nginx", machine.root)


def test_the_temporary_administrator_is_gone(machine: Machine) -> None:
    assert not (machine.root / "etc/ibok/keycloak-first-start.env").exists()
    found = machine.run("( set -a; . /etc/ibok/realm.env; /opt/ibok/bin/ibok-idp realm diff )", machine.root)
    assert "as keycloak-realm.json says" in found


def test_no_secret_stands_in_a_log_or_in_a_command_line(machine: Machine) -> None:
    values = [
        line.partition("=")[2] for path in (machine.root / "etc/ibok").glob("*.env") for line in path.read_text().splitlines()
    ]
    known = {value for value in values if re.fullmatch(r"[0-9a-f]{48}", value)}
    assert len(known) > 8
    for log in [*(machine.root / "run").glob("*.log"), *(machine.root / "var/log/nginx").iterdir(), *machine.folder.glob("*.log")]:
        if log.is_file():
            text = log.read_text(errors="replace")
            assert [value for value in known if value in text] == [], log
    for unit in machine.units.all():
        process = machine.units.process(unit)
        assert process is not None, unit
        assert not known & set(" ".join(process.cmdline()).split("="))


def test_a_process_with_settings_that_production_must_not_have_does_not_start(machine: Machine) -> None:
    file = machine.root / "etc/ibok/webapp.env"
    before = file.read_text()
    file.write_text(before.replace("IBOK_TRUSTED_PROXIES=1", "IBOK_TRUSTED_PROXIES=0"))
    try:
        with pytest.raises(Exception, match="install-check"):
            machine.run("systemctl start ibok-webapp@8010", machine.root)
        assert "IBOK_TRUSTED_PROXIES" in machine.units.log(f"ibok-webapp@{machine.ports[8010]}")
    finally:
        file.write_text(before)


@pytest.mark.skipif(not Path("/usr/sbin/slapd").exists(), reason="slapd is not here (Debian: apt-get install slapd)")
def test_an_employee_of_the_directory_logs_in_with_its_password_the_role_of_its_group_and_a_code(machine: Machine) -> None:
    """docs/how-to/staff-from-active-directory.md, step by step, over LDAPS with a certificate of the own authority."""
    password = f"Most {secrets.token_hex(4)} Wisla 3"
    tls = machine.root / "etc/nginx/tls"
    (port,) = free_ports(1)
    with directory(machine.folder / "ldap", port, tls / "ibok.crt", tls / "ibok.key", {"ewa.nowak": password}) as ad:
        admin = administrator(machine)
        federate(admin, ad)
        (found,) = admin.get_users({"username": "ewa.nowak", "exact": True})
        assert (found["firstName"], found["lastName"], found["email"]) == ("Ewa", "Nowak", "ewa.nowak@zwik.example")
        employee = given_code(machine, admin, "ewa.nowak", password)
        staff = Visitor()
        page = employee.log_in(staff, f"{machine.staff}/")
        assert page.url.startswith(machine.staff), page.heading
        assert staff.open(f"{machine.staff}/").status == 200
        wrong = Employee("ewa.nowak", "Most innego hasla 3", employee.code, admin, employee.user_id)
        assert "kc-login" in wrong.type_password(Visitor(), f"{machine.staff}/").text
        assert machine.run("( set -a; . /etc/ibok/realm.env; /opt/ibok/bin/ibok-idp realm diff )", machine.root)


def federate(admin: KeycloakAdmin, ad: Directory) -> None:
    """Steps 1 to 4 of the how-to, as the console does them."""
    realm = admin.get_realm("ibok")["id"]
    provider = {
        "vendor": "ad",
        "connectionUrl": ad.url,
        "bindDn": READER,
        "bindCredential": ad.password,
        "authType": "simple",
        "editMode": "READ_ONLY",
        "usersDn": STAFF,
        "searchScope": "2",
        "usernameLDAPAttribute": "sAMAccountName",
        "rdnLDAPAttribute": "cn",
        "uuidLDAPAttribute": "entryUUID",  # AD: objectGUID
        "userObjectClasses": "person, organizationalPerson, user",
        "importEnabled": "true",
        "useTruststoreSpi": "always",
    }
    ldap = component(admin, "ldap", "org.keycloak.storage.UserStorageProvider", realm, "ad", provider)
    kind = "org.keycloak.storage.ldap.mappers.LDAPStorageMapper"
    (full_name,) = [each for each in admin.get_components({"parent": ldap}) if each["name"] == "full name"]
    admin.delete_component(full_name["id"])
    first_name = {"ldap.attribute": "givenName", "user.model.attribute": "firstName", "read.only": "true"}
    always = {"always.read.value.from.ldap": "true", "is.mandatory.in.ldap": "true"}
    component(admin, "user-attribute-ldap-mapper", kind, ldap, "first name", first_name | always)
    admin.create_group({"name": "staff"})
    groups = {
        "groups.dn": GROUPS,
        "group.name.ldap.attribute": "cn",
        "group.object.classes": "groupOfNames",  # AD: group
        "membership.ldap.attribute": "member",
        "membership.attribute.type": "DN",
        "membership.user.ldap.attribute": "cn",
        "mode": "READ_ONLY",
        "user.roles.retrieve.strategy": "LOAD_GROUPS_BY_MEMBER_ATTRIBUTE",
        "preserve.group.inheritance": "false",
        "drop.non.existing.groups.during.sync": "false",
        "groups.path": "/staff",
    }
    mapper = component(admin, "group-ldap-mapper", kind, ldap, "groups", groups)
    path = f"/admin/realms/ibok/user-storage/{ldap}/mappers/{mapper}/sync?direction=fedToKeycloak"
    admin.connection.raw_post(path, data="").raise_for_status()
    group = admin.get_group_by_path("/staff/BOK-Rejestracja")
    admin.assign_group_realm_roles(group["id"], [admin.get_realm_role("bok-registrar")])


def component(admin: KeycloakAdmin, provider: str, kind: str, parent: str, name: str, config: dict[str, str]) -> str:
    listed = {key: [value] for key, value in config.items()}
    made = admin.create_component(
        {"name": name, "providerId": provider, "providerType": kind, "parentId": parent, "config": listed}
    )
    return str(made)
