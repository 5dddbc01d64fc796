"""One folder on an IMAP server, as Dovecot, Courier, Cyrus, Exchange set it up: namespaces, answers that say no, lost connections."""

from __future__ import annotations

import contextlib
import imaplib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from imap_tools import BaseMailBox, MailBox, MailBoxUnencrypted
from imap_tools.errors import (
    ImapToolsError,
    MailboxDeleteError,
    MailboxExpungeError,
    MailboxLoginError,
    UnexpectedCommandStatusError,
)

from provisioning.domain.errors import Unavailable

_TIMEOUT = 60
_LONGEST_ANSWER = 200
# the first personal namespace of RFC 2342: (("INBOX." ".")) …
_NAMESPACE = re.compile(rb'^\(\("((?:[^"\\]|\\.)*)"')
# what the libraries raise besides, when a server answers what nobody expects
_ODD_ANSWERS = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class MailboxGone(Unavailable):
    """The mailbox cannot be reached, refuses the login, or answers oddly; nothing was taken, nothing is lost."""

    code = "mailbox_unavailable"


class NotFetched(Unavailable):
    """The server does not give this one message out."""

    code = "message_not_fetched"


class NotMoved(Unavailable):
    """The server does not move this one message.

    Attributes:
        copied: it lies in the other folder already; only the original could not be removed.
    """

    code = "message_not_moved"

    def __init__(self, answer: str, *, copied: bool = False) -> None:
        super().__init__(answer)
        self.copied = copied


@dataclass(frozen=True)
class Fetched:
    """One message.

    Attributes:
        raw: all of it, or its headers alone when it is larger than asked for.
        arrived: when the server got it (INTERNALDATE); what the sender writes into Date proves nothing.
        size: bytes of the whole.
    """

    raw: bytes = field(repr=False)
    arrived: datetime
    size: int
    whole: bool


def account_and_folder(url: str) -> tuple[SplitResult, str]:
    """The parts of `imaps://user:password@host:993/folder`; the folder as people write it, `%2F` and Polish letters too."""
    parts = urlsplit(url)
    return parts, unquote(parts.path.strip("/")) or "INBOX"


@contextmanager
def opened(url: str) -> Iterator[ImapFolder]:
    """Log in and select the folder.

    Raises:
        MailboxGone: here, or in whatever is done inside.
    """
    with _talking():
        box = _logged_in(url)
    try:
        yield ImapFolder(box)
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error, ImapToolsError, *_ODD_ANSWERS):
            box.logout()  # everything is done: how the server says good-bye does not matter


def _logged_in(url: str) -> BaseMailBox:
    parts, folder = account_and_folder(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    box: BaseMailBox
    if parts.scheme == "imaps":
        box = MailBox(parts.hostname or "localhost", parts.port or 993, timeout=_TIMEOUT)
    else:
        box = MailBoxUnencrypted(parts.hostname or "localhost", parts.port or 143, timeout=_TIMEOUT)
    try:
        (box.login if (user + password).isascii() else box.login_utf8)(user, password, None)
        _, answer = box.client.capability()  # many servers say only now that they can move, and what namespaces they have
        box.client.capabilities = tuple(answer[-1].decode("ascii", "replace").upper().split())
        box.folder.set(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            box.client.shutdown()
        raise
    return box


class ImapFolder:
    """The selected folder. Every method raises MailboxGone besides what it names."""

    def __init__(self, box: BaseMailBox) -> None:
        self._box = box
        self._targets: dict[str, str] = {}
        with _talking():
            _, data = box.client.response("UIDVALIDITY")
            self.uid_validity = int(data[0]) if data and data[0] else 0

    def uids(self) -> list[int]:
        """What lies there, oldest first."""
        with _talking():
            return sorted(int(uid) for uid in self._box.uids())

    def fetch(self, uid: int, largest: int) -> Fetched | None:
        """One message, left unseen; None when it is there no longer.

        Args:
            largest: bytes; of a larger one the headers alone are fetched.

        Raises:
            NotFetched.
        """
        with _talking():
            facts = b" ".join(
                b" ".join(part) if isinstance(part, tuple) else part for part in self._fetched(uid, "(RFC822.SIZE INTERNALDATE)")
            )
            size = int(found[1]) if (found := re.search(rb"RFC822\.SIZE (\d+)", facts)) else 0
            whole = size <= largest
            parts = self._fetched(uid, "(BODY.PEEK[])" if whole else "(BODY.PEEK[HEADER])")
            raw = next((bytes(part[1]) for part in parts if isinstance(part, tuple) and b"BODY[" in part[0].upper()), None)
            return None if raw is None else Fetched(raw, _moment(facts), size or len(raw), whole)

    def move(self, uid: int, folder: str, *, copied: bool = False) -> None:
        """To a folder beside this one, which is made when it is missing.

        Args:
            copied: it is there already, only the original has to go.

        Raises:
            NotMoved.
        """
        target = self.target(folder)
        with _talking():
            try:
                if copied:
                    self._box.delete(str(uid))
                else:
                    self._box.move(str(uid), target)
            except (MailboxDeleteError, MailboxExpungeError) as error:
                raise NotMoved(_answer(error), copied=True) from error
            except UnexpectedCommandStatusError as error:
                raise NotMoved(_answer(error)) from error

    def target(self, folder: str) -> str:
        """The full name of a folder beside this one, made when it is missing.

        Raises:
            NotMoved: it is missing and cannot be made.
        """
        if folder not in self._targets:
            with _talking():
                self._targets[folder] = self._found_or_made(folder)
        return self._targets[folder]

    def _found_or_made(self, folder: str) -> str:
        names = list(dict.fromkeys(f"{prefix}{folder}" for prefix in self._prefixes()))
        for name in names:
            if self._box.folder.exists(name):
                return name
        answers = []
        for name in names:
            try:
                self._box.folder.create(name)
                return name
            except UnexpectedCommandStatusError as error:
                answers.append(f"{name}: {_answer(error)}")
        raise NotMoved(f"the folder cannot be made ({'; '.join(answers)})")

    def _prefixes(self) -> list[str]:
        """Where folders may be made: in the personal namespace (RFC 2342), else at the root, else below INBOX."""
        prefixes = []
        if "NAMESPACE" in self._box.client.capabilities:
            _, data = self._box.client.namespace()
            if found := _NAMESPACE.search(next((part for part in data if isinstance(part, bytes)), b"")):
                prefixes.append(re.sub(rb"\\(.)", rb"\1", found[1]).decode("ascii", "replace"))
        inbox = next(iter(self._box.folder.list("", "INBOX")), None)
        return [*prefixes, "", f"INBOX{inbox.delim if inbox and inbox.delim != 'NIL' else '.'}"]

    def _fetched(self, uid: int, what: str) -> list[Any]:
        status, data = self._box.client.uid("FETCH", str(uid), what)
        if status != "OK":
            raise NotFetched(str(data)[:_LONGEST_ANSWER])
        return [part for part in data if part]


@contextmanager
def _talking() -> Iterator[None]:
    """Whatever a server or the line to it does becomes one kind of trouble.

    Raises:
        MailboxGone.
    """
    try:
        yield
    except UnexpectedCommandStatusError as error:
        what = "refuses the login" if isinstance(error, MailboxLoginError) else "refuses"
        raise MailboxGone(f"the mail server {what}: {_answer(error)}") from error
    except (OSError, imaplib.IMAP4.error, ImapToolsError, *_ODD_ANSWERS) as error:
        raise MailboxGone(f"{type(error).__name__}: {str(error)[:_LONGEST_ANSWER]}") from error


def _answer(error: UnexpectedCommandStatusError) -> str:
    said = error.command_result[1]
    words = b" ".join(part for part in said if isinstance(part, bytes)) if isinstance(said, list) else str(said).encode()
    return words.decode("utf-8", "replace")[:_LONGEST_ANSWER] or type(error).__name__


def _moment(line: bytes) -> datetime:
    try:
        moment = imaplib.Internaldate2tuple(line)
    except (ValueError, OverflowError):  # a day that no calendar has
        moment = None
    return datetime.fromtimestamp(time.mktime(moment), UTC) if moment else datetime.now(UTC)
