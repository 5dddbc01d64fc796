"""`make up`: the local stack in the foreground, introduced to whoever started it."""

from __future__ import annotations

import signal
import time
from typing import Any

from rich.console import Console

from ibok_idp.errors import IdpError
from ibok_idp.local.stack import Stack
from ibok_idp.settings import LocalSettings, load_settings


def up(console: Console) -> int:
    """Run the local stack in the foreground until Ctrl-C; the exit code for the shell."""
    began = time.monotonic()
    stack: Stack | None = None

    def interrupted(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM):  # also when started in the background, where SIGINT is ignored
        signal.signal(name, interrupted)
    try:
        stack = Stack(load_settings(LocalSettings), console)
        stack.start()
        _introduce(stack, console, time.monotonic() - began)
        stack.watch()
    except KeyboardInterrupt:
        console.print("\nStopping …")
    except IdpError as error:
        console.print(f"[red]{error}[/]", soft_wrap=True, highlight=False)
        return 1
    except OSError as error:
        console.print(
            f"[red]{error.strerror or error}: {error.filename or ''} Free space or mend the folder, then run `make up` again.[/]"
        )
        return 1
    finally:
        if stack is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            stack.stop()
    console.print("Everything is stopped.")
    return 0


def _introduce(stack: Stack, console: Console, seconds: float) -> None:
    console.print(f"\n[bold]iBOK is up[/] ({seconds:.0f} s)")
    rows = [
        ("Portal and form", stack.webapp_url),
        ("Staff UI", stack.provisioning_url),
        ("Keycloak console", f"{stack.keycloak_url}/admin"),
        ("Mailbox", stack.mailbox_url),
        *([("Invoices (example)", stack.invoices_url)] if stack.settings.example else []),
    ]
    for name, url in rows:
        console.print(f"  {name:<18}{url}")
    console.print("\n[bold]Demo logins[/] (staff UI)")
    for login in stack.demo_logins():
        console.print(
            f"  {login['username']:<12}{login['password']:<40}{', '.join(login['roles'])}", highlight=False, soft_wrap=True
        )
    console.print(
        f"  Keycloak console: {stack.secrets['IBOK_KEYCLOAK_ADMIN_USERNAME']}, password in {stack.state / 'secrets.env'}",
        highlight=False,
        soft_wrap=True,
    )
    console.print("\n[bold]Try it[/]")
    steps = (
        f"File an application: {stack.webapp_url}/wniosek",
        f"Open the mail in {stack.mailbox_url} and confirm the address",
        f"Log in as registrar at {stack.provisioning_url} and approve it",
        "Read login and temporary password in the mailbox",
        f"Log in at {stack.webapp_url}/konto and set your own password",
    )
    for number, words in enumerate(steps, 1):
        console.print(f"  {number}. {words}", highlight=False, soft_wrap=True)
    console.print("\nCtrl-C stops everything.")
