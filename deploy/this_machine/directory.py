"""A small LDAP directory that looks like Active Directory where Keycloak reads it: slapd with AD's names of attributes."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUFFIX = "dc=zwik,dc=example"
STAFF, GROUPS = f"ou=bok,{SUFFIX}", f"ou=groups,{SUFFIX}"
READER = f"cn=reader,{SUFFIX}"

_CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.96 NAME 'pwdLastSet' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP top AUXILIARY MAY ( sAMAccountName $ userAccountControl $ pwdLastSet ) )
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
suffix "{suffix}"
rootdn "cn=admin,{suffix}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""


@dataclass(frozen=True)
class Directory:
    """A running one: `url` is ldaps://, `password` the reader's."""

    url: str
    password: str


def _entry(dn: str, *lines: str) -> str:
    return "\n".join([f"dn: {dn}", *lines]) + "\n\n"


@contextmanager
def directory(folder: Path, port: int, certificate: Path, key: Path, people: dict[str, str]) -> Iterator[Directory]:
    """slapd with some employees, "Nowak Ewa" and so on in `cn` as in many ADs, all of them in the group `BOK-Rejestracja`.

    Args:
        people: login (`first.last`) to password.
    """
    (folder / "data").mkdir(parents=True)
    configuration = folder / "slapd.conf"
    values = {"folder": folder, "certificate": certificate, "key": key, "suffix": SUFFIX, "reader": READER}
    configuration.write_text(_CONFIGURATION.format(**values))
    password = secrets.token_hex(12)
    entries = _entry(SUFFIX, "objectClass: dcObject", "objectClass: organization", "dc: zwik", "o: ZWiK")
    entries += _entry(READER, "objectClass: person", "cn: reader", "sn: reader", f"userPassword: {password}")
    for name in (STAFF, GROUPS):
        entries += _entry(name, "objectClass: organizationalUnit", f"ou: {name.partition(',')[0][3:]}")
    members = []
    for login, own in people.items():
        first, _, last = login.title().partition(".")
        dn = f"cn={last} {first},{STAFF}"
        members.append(f"member: {dn}")
        names = (f"cn: {last} {first}", f"givenName: {first}", f"sn: {last}", f"mail: {login}@zwik.example")
        account = (f"sAMAccountName: {login}", "userAccountControl: 512", "pwdLastSet: 133000000000000000", f"userPassword: {own}")
        entries += _entry(dn, "objectClass: inetOrgPerson", "objectClass: user", *names, *account)
    entries += _entry(f"cn=BOK-Rejestracja,{GROUPS}", "objectClass: groupOfNames", "cn: BOK-Rejestracja", *members)
    subprocess.run(["/usr/sbin/slapadd", "-f", str(configuration)], input=entries, text=True, check=True, capture_output=True)
    command = ["/usr/sbin/slapd", "-f", str(configuration), "-h", f"ldaps://localhost:{port}", "-d", "0"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield Directory(f"ldaps://localhost:{port}", password)
        finally:
            process.terminate()
