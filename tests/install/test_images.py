"""The image of deploy/containers is built as its Containerfile says, and its programs run in it as a user without rights.

buildah without a daemon (chroot isolation) on a base that debootstrap makes: so it needs root, both programs and Debian's packages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.release import PROJECT, build_release

NEEDED = ("buildah", "debootstrap")
MISSING = [program for program in NEEDED if shutil.which(program) is None]
SOURCES = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not here, Debian: apt-get install {' '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap and chroot isolation need root"),
    pytest.mark.timeout(3000),
]


def mirror() -> str:
    """Where this machine gets its own packages from."""
    for path in SOURCES:
        found = re.search(r"(?m)^(?:URIs:|deb)\s+(https?://\S+/debian/?)\b", path.read_text()) if path.is_file() else None
        if found:
            return found[1]
    pytest.skip("no mirror of Debian is known here")


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The command with a store of its own, and in it the image `base`."""
    folder = tmp_path_factory.mktemp("images")
    command = ["buildah", "--storage-driver", "vfs", "--root", str(folder / "store"), "--runroot", str(folder / "run")]
    release = os.popen(". /etc/os-release; echo $VERSION_CODENAME").read().strip()
    packages = "ca-certificates,python3,python3-venv"
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={packages}", release, str(folder / "base"), mirror()], check=True
    )
    container = said([*command, "from", "scratch"])
    said([*command, "add", container, str(folder / "base"), "/"])
    said([*command, "commit", container, "base"])
    yield command
    said([*command, "rm", "--all"])
    said([*command, "rmi", "--all", "--force"])


@pytest.fixture(scope="module")
def image(buildah: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    dist = tmp_path_factory.mktemp("dist")
    build_release(dist)
    # Every line of the lock, whatever Python it is for: the image's may be another one than ours.
    lines = re.findall(r"(?m)^([a-z0-9_.-]+(?:\[[a-z,]+\])?==[^ ;\\]+)", (dist / "requirements-server.lock").read_text())
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(dist / "wheels"), *lines]
    subprocess.run(download, check=True)
    file = PROJECT / "deploy" / "containers" / "Containerfile"
    arguments = ["--build-arg", "BASE=localhost/base", "--build-arg", "PIP_NO_INDEX=1", "--file", str(file), "--tag", "ibok"]
    said([*buildah, "bud", "--isolation", "chroot", *arguments, str(dist)])
    return "ibok"


def said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout.strip()


def test_its_programs_run_in_it_without_rights_and_without_tools_of_the_build(buildah: list[str], image: str) -> None:
    container = said([*buildah, "from", image])

    def run(*command: str) -> str:
        return said([*buildah, "run", "--isolation", "chroot", container, "--", *command])

    assert run("id", "-u") == "10001"
    assert re.fullmatch(r"\d+\.\d+\.\d+", run("ibok-provisioning", "--version"))
    assert "IBOK_WEBAPP_URL" in run("sh", "-c", "ibok-webapp serve 2>&1 || true")
    assert run("sh", "-c", "command -v pip gcc || echo none") == "none"
    assert run("sh", "-c", "find / -xdev -name '*.env' -path '*ibok*' -not -path '*/install/deploy/*' | wc -l") == "0"
    assert run("/opt/ibok/bin/python", "-c", "import importlib.util as u; print(u.find_spec('pytest'))") == "None"
