"""Writes a release into dist/: wheel and sdist, built twice and compared, the server lock, the list of parts (SBOM), checksums.

Keycloak's provider lies in the wheel. The list is of an environment in which the wheel was installed as on a server.

`python -m deploy.release [--wheels]`. With `--wheels` the locked packages are downloaded too, for servers and image builds
without a package index. Exit 1: the two builds differ, or what lies here is not what was committed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from ibok_idp.keycloak_provider.build import BUILT, build_provider, provider_version
from ibok_idp.local.artifacts import cache_dir
from ibok_idp.look.assets import build_assets

PROJECT = Path(__file__).parents[1]
SERVER_LOCK = PROJECT / "requirements-server.lock"
COMMANDS = ("ibok-idp", "ibok-provisioning", "ibok-webapp")
_console = Console(stderr=True)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--wheels", action="store_true", help="download the locked packages into dist/wheels/")
    wheels = asked.parse_args().wheels
    if changed := _git("status", "--porcelain"):
        _console.print(f"Commit first; a release is made from a commit:\n{changed}", style="red", markup=False)
        return 1
    dist = PROJECT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    moment = int(_git("log", "-1", "--format=%ct"))
    built = build(dist, moment)
    with tempfile.TemporaryDirectory() as again:
        if different := [path.name for path in build(Path(again), moment) if _sha256(path) != _sha256(dist / path.name)]:
            _console.print(f"Built twice, and not the same: {', '.join(different)}", style="red")
            return 1
    wheel, sdist = built
    with tempfile.TemporaryDirectory() as server:
        built.append(list_of_parts(dist / sdist.name.replace(".tar.gz", ".cdx.json"), installed(Path(server), wheel)))
    built.append(Path(shutil.copy(SERVER_LOCK, dist)))
    if wheels:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
        subprocess.run([*pip, "--requirement", str(SERVER_LOCK), "--dest", str(dist / "wheels")], check=True)
    (dist / "SHA256SUMS").write_text("".join(f"{_sha256(path)}  {path.name}\n" for path in built))
    for path in built:
        _console.print(f"{path.relative_to(PROJECT)}  {path.stat().st_size:,} bytes", highlight=False)
    return 0


def build(folder: Path, moment: int) -> list[Path]:
    """Build the sdist, and the wheel from it; return the wheel and the sdist.

    Args:
        folder: where both go; made when it is missing.
        moment: seconds since 1970 that stand as the time of every file, so that a second build has the same bytes.
    """
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(PROJECT)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(moment)}
    with _provider_inside():
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]


def build_release(target: Path) -> Path:
    """Build the wheel alone into `target`, with the server lock beside it, and return the wheel: what tests install.

    Raises:
        LocalStackError: a download or a build of ours failed. CalledProcessError: the wheel could not be built.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    with _provider_inside():
        subprocess.run([*pip, "--wheel-dir", str(target), str(PROJECT)], check=True)
    shutil.copy(SERVER_LOCK, target)
    (wheel,) = target.glob("ibok-*.whl")
    return wheel


@contextmanager
def _provider_inside() -> Iterator[None]:
    """CSS, theme and translations are built, and Keycloak's provider lies where the build takes it from."""
    build_assets(cache_dir())
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copytree(build_provider(cache_dir()), BUILT / provider_version())
    try:
        yield
    finally:
        shutil.rmtree(BUILT, ignore_errors=True)


def installed(folder: Path, wheel: Path) -> Path:
    """Install the wheel as a server does, start each command once, and return that environment's Python.

    Raises:
        CalledProcessError: a dependency is missing, or a command does not start.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    for words in (
        ["install", "--require-hashes", "--no-deps", "-r", str(SERVER_LOCK)],
        ["install", "--no-deps", str(wheel)],
        ["check"],
    ):
        subprocess.run([*pip, *words], check=True)
    for command in COMMANDS:
        subprocess.run([str(folder / "bin" / command), "--help"], stdout=subprocess.DEVNULL, check=True)
    return python


def list_of_parts(file: Path, python: Path) -> Path:
    """Write what an environment consists of, with versions, licences and who needs whom, as CycloneDX JSON."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--output-format", "JSON"]
    command += ["--pyproject", "pyproject.toml", "--mc-type", "application", "--output-file", str(file), str(python)]
    subprocess.run(command, cwd=PROJECT, check=True)
    return file


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
