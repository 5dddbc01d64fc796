"""Logs: one JSON line an event, on stderr; personal data and secrets never get there."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_PESEL = re.compile(r"(?<![0-9])[0-9]{11}(?![0-9])")
_HIDDEN_KEYS = re.compile(r"password|haslo|secret|token|pesel|authorization|cookie", re.IGNORECASE)


def configure_logging() -> None:
    """Send structlog and the standard library's warnings the same way."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _hide,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),  # as it is now: a caller may have replaced it since
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")


def _hide(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A second line of defence: names that smell of secrets, and anything that looks like PESEL."""
    for key, value in event.items():
        if _HIDDEN_KEYS.search(key):
            event[key] = "•••"
        elif isinstance(value, str):
            event[key] = _PESEL.sub("•••", value)
    return event
