"""A Regulamin that comes into force in three weeks, so that the test stack has one to announce, accept and refuse."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

VERSION = "2099-1"
ADDED = "Nowy paragraf: o planowanych przerwach w działaniu iBOK powiadamiamy e-mailem."


def write_next_terms(folder: Path) -> dict[str, str]:
    """Write the file into a folder; the environment that makes provisioning read it."""
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).parents[2] / "provisioning" / "form" / "versions" / "2026-1.toml"
    text = source.read_text(encoding="utf-8")
    text = text.replace('version = "2026-1"', f'version = "{VERSION}"')
    text = re.sub(r"(?m)^valid_from = .*$", f"valid_from = {date.today() + timedelta(days=21)}", text)
    text = re.sub(r"(\[terms\]\npl = \"\"\"\n?)", lambda found: f"{found[1]}{ADDED}\n\n", text)
    assert ADDED in text
    (folder / f"{VERSION}.toml").write_text(text, encoding="utf-8")
    return {"IBOK_FORM_VERSIONS_DIR": str(folder)}
