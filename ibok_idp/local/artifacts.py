"""Files from Maven Central, each pinned by version and sha256, kept in one cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ibok_idp.errors import LocalStackError


@dataclass(frozen=True)
class Artifact:
    """One file of a Maven repository, with the checksum we expect of it."""

    group: str
    name: str
    version: str
    packaging: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}.{self.packaging}"


KEYCLOAK = Artifact(
    "org.keycloak",
    "keycloak-quarkus-dist",
    "26.7.4",
    "zip",
    "a286e98b4296d4e75ee88d8527c7cd463b307caa022f088c9f22cffccc741fa1",
)
GOVUK_FRONTEND = Artifact(
    "org.webjars.npm",
    "govuk-frontend",
    "5.14.0",
    "jar",
    "83b49f12e91a13c0b0636551035d044bde2cd97446f4bd6b98f510f541dd14a9",
)
SOURCE_SANS = Artifact(
    "org.webjars.npm",
    "fontsource__source-sans-pro",
    "5.2.5",
    "jar",
    "740468c4eec0d671b3d86294ffbe0fd125845605dc9bfa6ccbb5f0547f27be3d",
)
ECJ = Artifact(
    "org.eclipse.jdt",
    "ecj",
    "3.42.0",
    "jar",
    "29f6d3918ee02db4400c103bc25dd90a22491c3a395867d9393070cb96a7dd29",
)


def cache_dir() -> Path:
    """The cache shared by every checkout on this machine (`IBOK_CACHE_DIR`)."""
    from ibok_idp.settings import LocalSettings

    folder = LocalSettings().cache_dir.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock file, so that two runs never prepare the same folder at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def fetch(artifact: Artifact, cache: Path) -> Path:
    """Return the artifact's file, downloading it when the cache does not hold it whole.

    A half-finished or damaged download is recognised by its checksum and fetched again once.

    Raises:
        LocalStackError: the registry cannot be reached, the disk is full, or the file is not ours.
    """
    target = cache / "artifacts" / artifact.filename
    with locked(cache / "artifacts" / f".{artifact.filename}.lock"):
        if target.is_file():
            return target
        for _ in range(2):
            downloaded = _download(artifact, cache)
            if _sha256(downloaded) == artifact.sha256:
                downloaded.replace(target)
                shutil.rmtree(cache / "maven", ignore_errors=True)
                return target
            downloaded.unlink()
    raise LocalStackError(
        f"{artifact.filename} arrived twice with another checksum than the pinned one. "
        "Check whether a proxy changes downloads, then run the command again."
    )


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip or jar; `target` holds its content afterwards, file modes included."""
    try:
        with zipfile.ZipFile(archive) as bundle:
            for entry in bundle.infolist():
                path = Path(bundle.extract(entry, target))
                mode = entry.external_attr >> 16
                if mode and not entry.is_dir():
                    path.chmod(mode & 0o777)
    except OSError as error:
        raise LocalStackError(f"Cannot unpack {archive.name} into {target}: {error.strerror}. {_room(target)}") from error


def _download(artifact: Artifact, cache: Path) -> Path:
    from jgo.maven import MavenContext

    try:
        context = MavenContext(repo_cache=cache / "maven")
        project = context.project(artifact.group, artifact.name).at_version(artifact.version)
        return Path(project.artifact(packaging=artifact.packaging).resolve())
    except Exception as error:  # jgo raises RuntimeError, requests' errors and OSError alike
        raise LocalStackError(
            f"Cannot download {artifact.filename} from Maven Central ({type(error).__name__}: {error}). "
            f"Check the network and run the command again; what is already here is kept. {_room(cache)}"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _room(path: Path) -> str:
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    return f"Free space there: {shutil.disk_usage(existing).free // 2**20} MiB (about 1200 MiB are needed)."
