"""Somebody asked for help with a forgotten password (S7).

The self-service reset is not part of this version: customers are told to call the help line. What is asked here
is noted with the account, so that whoever takes the call sees it.
"""

from __future__ import annotations

from provisioning.domain.errors import NotFound
from provisioning.domain.login_names import normalised
from provisioning.ports import APPLICANT, Office


def ask_for_password_help(office: Office, login: str) -> None:
    """Take the wish in: the same work, so the same time, for every login, known or not."""
    plain = "".join(character for character in normalised(login) if character.isascii() and character.isprintable())
    with office.work() as work:
        work.queue.note_password_help(plain[:64])


def note_password_help(office: Office, login: str) -> None:
    """Note the wish in the audit of a known account; an unknown login leaves no trace and gets the same answer."""
    with office.work() as work:
        try:
            account = work.accounts.get(login)
        except NotFound:
            return
        work.audit.write(APPLICANT, "password_reset.asked", account.reference, {"login": account.login}, office.clock.now())
