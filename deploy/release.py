"""`make release`: what servers install, in dist/: one wheel with everything in it, and the lock of the server set.

`python -m deploy.release [--wheels]`. With `--wheels` the locked packages are downloaded too, for servers and image
builds without a package index.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from ibok_idp.errors import IdpError
from ibok_idp.keycloak_provider.build import BUILT, build_provider, provider_version
from ibok_idp.local.artifacts import cache_dir
from ibok_idp.look.assets import build_assets

PROJECT = Path(__file__).parents[1]
DIST = PROJECT / "dist"
LOCK = "requirements-server.lock"
_console = Console()


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--wheels", action="store_true", help="download the locked packages into dist/wheels/")
    wheels = asked.parse_args().wheels
    try:
        wheel = build_release(DIST)
        if wheels:
            _pip(
                "download",
                "--quiet",
                "--require-hashes",
                "--no-deps",
                "--requirement",
                str(PROJECT / LOCK),
                "--dest",
                str(DIST / "wheels"),
            )
    except (IdpError, subprocess.CalledProcessError) as error:
        _console.print(f"[red]{error}[/]", soft_wrap=True, highlight=False)
        return 1
    _console.print(
        f"{wheel.relative_to(PROJECT)} ({wheel.stat().st_size / 2**20:.1f} MiB) and {LOCK} are in dist/.", highlight=False
    )
    return 0


def build_release(target: Path) -> Path:
    """Build the wheel into `target`, Keycloak's provider and the front end inside, with the lock beside it; return the wheel.

    Raises:
        LocalStackError: a download or a build of ours failed. CalledProcessError: the wheel could not be built.
    """
    build_assets(cache_dir())
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copytree(build_provider(cache_dir()), BUILT / provider_version())
    try:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        _pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(PROJECT))
    finally:
        shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copy(PROJECT / LOCK, target)
    (wheel,) = target.glob("ibok-*.whl")
    return wheel


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
