"""Builds what a Keycloak needs of ours: the provider's jar, with the deny-list of common passwords inside.

ECJ compiles the jar in two seconds on the Java runtime of a wheel, no JDK needed. The version names the sources it
was made from, so a server with another one is recognised.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from ibok_idp.errors import LocalStackError
from ibok_idp.keycloak_provider.common_passwords import COMMON_PASSWORDS, as_file
from ibok_idp.local.artifacts import ECJ, KEYCLOAK, fetch, locked
from ibok_idp.local.java import java_home

HERE = Path(__file__).parent
JAR = "ibok-keycloak-provider.jar"
BUILT = HERE / "built"  # in a wheel: what `make release` built, so that a server needs neither compiler nor download
_LIBRARIES = ("/lib/lib/main/", "/lib/lib/boot/")


def provider_version() -> str:
    """Keycloak's version it is made for, and the first digits of a hash over its sources."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{KEYCLOAK.version}-{digest.hexdigest()[:10]}"


def build_provider(cache: Path) -> Path:
    """Return a folder with the jar (and its deny-list as a file), made when this version was never built on this machine.

    A wheel brings them.

    Raises:
        LocalStackError: a download failed, or the sources do not compile (with the compiler's words).
    """
    brought = BUILT / provider_version()
    if brought.is_dir():
        return brought
    built = cache / f"provider-{provider_version()}"
    with locked(cache / f".{built.name}.lock"):
        if not built.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix=".provider-") as folder:
                made = Path(folder) / "made"
                made.mkdir()
                (made / COMMON_PASSWORDS).write_bytes(as_file())
                _pack(_compile(Path(folder), cache), made / JAR)
                made.replace(built)
    return built


def install_provider(built: Path, home: Path) -> None:
    """Put the jar where a Keycloak at `home` looks for it; `kc.sh build` follows.

    The list stands in the jar. Its file is for realms that an earlier version set up: until `realm apply` their policy
    still names it, and a server without it could not even read them.
    """
    shutil.copy(built / JAR, home / "providers")
    lists = home / "data" / "password-blacklists"
    lists.mkdir(parents=True, exist_ok=True)
    shutil.copy(built / COMMON_PASSWORDS, lists)


def _sources() -> list[Path]:
    return sorted([*(HERE / "src").rglob("*.java"), *(HERE / "services").iterdir(), HERE / "common_passwords.py"])


def _compile(folder: Path, cache: Path) -> Path:
    with zipfile.ZipFile(fetch(KEYCLOAK, cache)) as server:
        libraries = [name for name in server.namelist() if any(f in name for f in _LIBRARIES) and name.endswith(".jar")]
        server.extractall(folder / "server", libraries)
    classes = folder / "classes"
    classpath = ":".join(str(path) for path in sorted((folder / "server").rglob("*.jar")))
    command = [str(java_home() / "bin" / "java"), "-jar", str(fetch(ECJ, cache)), "-17", "-proc:none", "-encoding", "UTF-8"]
    command += ["-warn:-deprecation", "-classpath", classpath, "-d", str(classes), str(HERE / "src")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalStackError(f"The Keycloak provider does not compile:\n{done.stdout}{done.stderr}")
    return classes


def _pack(classes: Path, target: Path) -> None:
    """A jar with the same bytes each time, for Keycloak is built anew when they change."""
    version = provider_version()
    content = {path.relative_to(classes).as_posix(): path.read_bytes() for path in classes.rglob("*.class")}
    content |= {f"META-INF/services/{path.name}": path.read_bytes() for path in (HERE / "services").iterdir()}
    for name in [name for path in (HERE / "services").iterdir() for name in path.read_text().split()]:
        if f"{name.replace('.', '/')}.class" not in content:  # else Keycloak would only stop at its start
            raise LocalStackError(f"The provider's services name {name}, which is not among its classes.")
    content[COMMON_PASSWORDS] = as_file()
    content["ibok-provider-version.txt"] = f"{version}\n".encode()
    manifest = f"Manifest-Version: 1.0\nImplementation-Title: iBOK Keycloak provider\nImplementation-Version: {version}\n"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as jar:
        jar.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF", (1980, 1, 1, 0, 0, 0)), manifest)
        for name in sorted(content):
            jar.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content[name])
