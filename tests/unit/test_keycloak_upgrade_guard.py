"""Our theme builds on these files of Keycloak's own; when an upgrade changes one, somebody must look."""

import hashlib
import zipfile

import pytest

from ibok_idp.local.artifacts import KEYCLOAK, cache_dir

KNOWN = {
    "keycloak.v2/login/template.ftl": "6221a3176c73a3fd",
    "keycloak.v2/login/login-update-password.ftl": "0cea2ddf59acc4ac",
    "keycloak.v2/login/field.ftl": "0d6afe0979f2398a",
    "keycloak.v2/login/buttons.ftl": "a43bf624005005cf",
    "keycloak.v2/login/footer.ftl": "3e81a9f78b2c1526",
    "keycloak.v2/login/login.ftl": "c9ec5c28a14aa30f",
    "base/login/error.ftl": "1a358dc521c16ac6",
    "base/login/info.ftl": "77019d077436cdca",
    "base/login/logout-confirm.ftl": "9a5f5070691bd7d1",
    "base/login/login-page-expired.ftl": "df4e9795782f512c",
    "keycloak.v2/login/login-otp.ftl": "532012d21d929bf6",
    "base/login/resources/js/authChecker.js": "533a872e7e2a2429",
    "base/login/theme-resources.ftl": "4daa11080eb62b95",
    "keycloak.v2/login/theme.properties": "f5032f39aabb1e0d",
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_template_we_build_on_is_the_one_we_know(name: str) -> None:
    jars = sorted(
        cache_dir().glob(f"keycloak-{KEYCLOAK.version}-*/lib/lib/main/org.keycloak.keycloak-themes-{KEYCLOAK.version}.jar")
    )
    if not jars:
        pytest.skip("Keycloak is being fetched for the first time; the next run checks its templates")
    with zipfile.ZipFile(jars[0]) as jar:
        assert hashlib.sha256(jar.read(f"theme/{name}")).hexdigest()[:16] == KNOWN[name]
