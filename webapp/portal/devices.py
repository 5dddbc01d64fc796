"""Names a browser for people: "Chrome Mobile, Android"."""

from __future__ import annotations

from flask_babel import gettext
from ua_parser import parse


def device(description: str) -> str:
    """What a browser's User-Agent says, in a few words."""
    found = parse(description) if description else None
    parts = [part.family for part in (found.user_agent, found.os) if part] if found else []
    return ", ".join(parts) or gettext("nieznane urządzenie")
