"""`ibok-webapp`: the public process."""

from __future__ import annotations

import typer
from rich.console import Console

from ibok_idp.errors import IdpError
from ibok_idp.settings import load_settings
from webapp.settings import Settings

app = typer.Typer(help="The public side of iBOK: form BOK-27 and the customer's portal.", no_args_is_help=True)
_console = Console(stderr=True)
_LARGEST_BODY = 32 * 2**20  # twice what the app takes: whoever sends a little too much gets its page, not a cut connection


@app.callback()
def _prepare() -> None:
    """Settings come from IBOK_… environment variables; see docs/reference/settings.md."""


@app.command()
def serve() -> None:
    """Run form and portal (port IBOK_WEBAPP_PORT)."""
    try:
        settings = load_settings(Settings)
    except IdpError as error:
        _console.print(str(error), style="red", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from error
    from ibok_idp.log import configure_logging
    from ibok_idp.serve import serve as serve_web
    from webapp.web import create_app

    configure_logging()
    serve_web(
        lambda: create_app(settings),
        f"{settings.bind}:{settings.webapp_port}",
        settings.web_threads,
        largest_body=_LARGEST_BODY,
        processes=settings.processes,
    )
