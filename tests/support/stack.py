"""The stack as tests start it: free ports, a Regulamin to come, limits per address that no test run meets by chance,
and the example beside it, which joins."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ibok_idp.local.stack import Stack
from tests.support.free_ports import local_settings
from tests.support.next_terms import write_next_terms

# Every test comes from 127.0.0.1; the limits themselves are tested with an app of their own.
_MANY = dict.fromkeys(
    ("IBOK_PASSWORD_ASKS_PER_HOUR", "IBOK_PASSWORD_ASKS_PER_HOUR_WITHOUT_SCRIPT", "IBOK_MAILS_PER_HOUR"), "100000"
)

# A thread that takes a second connection while it holds one is an error in the started processes too.
_STRICT = {"PYTHONWARNINGS": "error:A second transaction:RuntimeWarning"}


def stack_for_tests(folder: Path, console: Console | None = None) -> Stack:
    """A stack with its state in a folder of its own; not started yet."""
    settings = local_settings(folder).model_copy(update={"example": True})
    return Stack(settings, console, environment=write_next_terms(folder / "terms") | _MANY | _STRICT)
