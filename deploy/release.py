"""Writes a release into dist/: wheel and sdist, built twice and compared, the list of parts (SBOM), and checksums.

The list is of an environment in which the wheel was installed as on a server.

`python -m deploy.release`. Exit 1: the two builds differ, or what lies here is not what was committed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from rich.console import Console

PROJECT = Path(__file__).parents[1]
SERVER_LOCK = PROJECT / "requirements-server.lock"
COMMANDS = ("ibok-idp", "ibok-provisioning", "ibok-webapp")
_console = Console(stderr=True)


def main() -> int:
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
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]


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
