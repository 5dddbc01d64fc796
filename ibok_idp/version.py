"""`--version` of the three programs: they come out of one wheel, so they have one."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer


def _tell(asked: bool) -> None:
    if asked:
        typer.echo(version("ibok"))
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", help="say the version and stop", is_eager=True, callback=_tell)]
