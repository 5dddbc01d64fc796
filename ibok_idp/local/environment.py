"""What each process of the local stack gets to know."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_WITH_THE_DATABASE = ("IBOK_DATABASE_URL", "IBOK_TEMPORARY_PASSWORD_KEY", "IBOK_LINK_KEY", "IBOK_PERSONAL_DATA_KEY")
# What each process may see; nothing else of secrets.env reaches it.
_SECRETS_OF = {
    "provisioning": (*_WITH_THE_DATABASE, "IBOK_STAFF_CLIENT_SECRET"),
    "worker": (*_WITH_THE_DATABASE, "IBOK_PROVISIONING_CLIENT_SECRET"),
    "webapp": ("IBOK_WEBAPP_DATABASE_URL", "IBOK_WEBAPP_CLIENT_SECRET", "IBOK_PORTAL_CLIENT_SECRET", "IBOK_SESSION_KEY"),
}
# Settings of the shell that are passed on, by how they begin.
_PASSED_ON = (
    "IBOK_TERM",
    "IBOK_ONLINE",
    "IBOK_PESEL",
    "IBOK_WORKER_CONCURRENCY",
    "IBOK_LOGIN",
    "IBOK_UTILITY",
    "IBOK_MAIL_",
    "IBOK_CUSTOMER",
    "IBOK_ALARM",
    "IBOK_FILINGS",
    "IBOK_PASSWORD",
    "IBOK_RESET",
    "IBOK_ACTIVATION",
    "IBOK_FORM_",
    "IBOK_FOUR_EYES",
    "IBOK_DIGEST",
    "IBOK_REMINDER",
    "IBOK_CLAMD",
    "IBOK_METRICS",
    "HOME",
    "PYTHONWARNINGS",
)


def environment_of(name: str, addresses: dict[str, str], secrets: dict[str, str], application_secrets: Path) -> dict[str, str]:
    """The environment of one process: addresses for all, secrets only its own.

    Args:
        name: webapp, provisioning or worker.
        secrets: all of the stack's.
        application_secrets: the folder with those of joined applications, for the one process that calls them.
    """
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **addresses,
        **{key: value for key, value in os.environ.items() if key.startswith(_PASSED_ON)},
        **{key: secrets[key] for key in _SECRETS_OF[name]},
    }
    if name == "worker":
        environment["IBOK_APPLICATIONS_SECRETS_DIR"] = str(application_secrets)
        if "IBOK_IMAP_URL" in os.environ:  # it holds a password: for the one process that reads the mailbox
            environment["IBOK_IMAP_URL"] = os.environ["IBOK_IMAP_URL"]
    if name == "provisioning":
        environment["IBOK_STAFF_SECOND_FACTOR"] = "false"
        environment["IBOK_SESSION_KEY"] = secrets["IBOK_STAFF_SESSION_KEY"]
    return environment
