"""What every command has at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from ibok_idp.errors import IdpError
from ibok_idp.settings import load_settings
from provisioning.settings import Settings

if TYPE_CHECKING:
    from provisioning.wiring import Wired

console = Console(stderr=True)


def wired_here(settings: Settings) -> Wired:
    """The parts of this process; ends the command with a sentence when a setting is wrong."""
    from provisioning.wiring import wire

    try:
        return wire(settings)
    except IdpError as error:
        stop(str(error))


def settings_here() -> Settings:
    """The settings of the environment; ends the command with a sentence when one is missing or wrong."""
    try:
        return load_settings(Settings)
    except IdpError as error:
        stop(str(error))


def stop(message: str) -> NoReturn:
    """Say why, and end with exit code 1."""
    console.print(message, style="red", soft_wrap=True, highlight=False)
    raise typer.Exit(1)
