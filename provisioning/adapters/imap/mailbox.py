"""The mailbox that applications come to by e-mail (S1): every message becomes an item for a person or is set aside, none is lost.

Each message ends in the folder Processed or Problem of the mailbox and none is deleted. What is kept of it is plain text and
files made harmless. A stranger wrote it: it is read in a child process, and one that fails twice is set apart (I05).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from provisioning.adapters.files.contained import ContainedFailure, Limits, contained
from provisioning.adapters.files.virus_scan import ScannerGone
from provisioning.adapters.imap.connection import Fetched, ImapFolder, NotFetched, NotMoved, account_and_folder, opened
from provisioning.adapters.imap.connection import MailboxGone as MailboxGone
from provisioning.adapters.imap.reading import MOST_FILES, MailedFile, ReadMail, head_of, read_mail
from provisioning.domain.document import Document
from provisioning.domain.errors import Invalid
from provisioning.domain.intake import Incoming, IntakeFile, IntakeItem, IntakeKind, IntakeState, MailPlace, MailProgress
from provisioning.ports.intake import MailboxLog

PROCESSED, PROBLEM = "Processed", "Problem"
LARGEST = 40 * 2**20
MOST_TRIES = 2
_HEADERS_ALONE = -1
_MOST_DOUBTED = 3
_LIMITS = Limits(memory=1024 * 2**20, cpu=20, wall=120)
_LONGEST_HEAD = 4000
Harmless = Callable[[str, bytes], Document]
_log = structlog.get_logger()


class ImapMailbox:
    """One IMAP mailbox.

    Args:
        url: `imaps://user:password@host:993/INBOX`; `imap://` only for a server on this machine.
        own_address: mails from it to itself are a loop.
        harmless: makes a file harmless, or raises Invalid.

    Attributes:
        name: user, server and folder; no password.
    """

    def __init__(self, url: str, own_address: str, harmless: Harmless) -> None:
        self._url, self._own, self._harmless = url, own_address, harmless
        parts, folder = account_and_folder(url)
        self.name = f"{parts.username or ''}@{parts.netloc.rpartition('@')[2]}/{folder}"

    def take(self, log: MailboxLog, limit: int = 50) -> int:
        """Read what waits, oldest first, and move it; return how many were kept. What was kept already is only moved.

        Args:
            limit: messages read in this round; the next one goes on.

        Raises:
            MailboxGone: the mailbox is away; or no child process was free. ScannerGone: clamd is away. What was not read waits.
        """
        with opened(self._url) as folder:
            uids = folder.uids()
            begun = log.under_way(self.name, folder.uid_validity, uids)
            kept = [each for each in begun.values() if each.folder is not None]
            new = [uid for uid in uids if uid not in begun or begun[uid].folder is None]
            try:
                return _Round(self, folder, log).read(new[:limit])
            finally:
                self._move_again(folder, log, kept, limit)

    def waiting(self) -> int:
        """How many messages wait, for `doctor`; the folders beside theirs are made when they are missing.

        Raises:
            MailboxGone: also when the folders cannot be made.
        """
        with opened(self._url) as folder:
            try:
                for name in (PROCESSED, PROBLEM):
                    folder.target(name)
            except NotMoved as error:
                raise MailboxGone(f"{name}: {error}") from error
            return len(folder.uids())

    def incoming(self, message: Fetched) -> Incoming:
        """One message as an item and its files.

        Raises:
            ContainedFailure: it could not be read. ScannerGone.
        """
        raw = message.raw if message.whole else head_of(message.raw)
        read = contained(read_mail, raw, self._own, limits=_LIMITS)
        item = IntakeItem(
            intake_id=uuid.uuid4().hex,
            kind=IntakeKind.EMAIL,
            state=IntakeState.SET_ASIDE if read.set_aside and message.whole else IntakeState.WAITING,
            sha256=hashlib.sha256(message.raw).hexdigest(),
            message_id=read.message_id,
            sender=read.sender,
            subject=read.subject,
            received_at=message.arrived,
            text=read.text,
        )
        files = [self._file(item.intake_id, place, each) for place, each in enumerate(read.files)]
        item.problem = _problem(message, read, files)
        return Incoming(item, files, read.bounces)

    def _file(self, intake_id: str, place: int, file: MailedFile) -> IntakeFile:
        def refused(why: str) -> IntakeFile:
            return IntakeFile(uuid.uuid4().hex, intake_id, place, file.name, "", file.sha256, why, b"")

        if file.content is None:
            return refused("too_many_files")
        try:
            document = self._harmless(file.name, file.content)
        except Invalid as invalid:
            return refused(invalid.errors[0].code)
        except ContainedFailure as failure:  # a file costs only itself
            if failure.reason == "busy":
                raise
            return refused("file_damaged")
        return IntakeFile.of(document, intake_id, place)

    def _move_again(self, folder: ImapFolder, log: MailboxLog, kept: list[MailProgress], limit: int) -> None:
        due = [each for each in kept if log.move_again(each)]
        for each in due[:limit]:
            move(folder, log, MailPlace(self.name, each.uid_validity, each.uid), each.folder or PROBLEM, copied=each.copied)


class _Round:
    """One walk over the messages that wait."""

    def __init__(self, mailbox: ImapMailbox, folder: ImapFolder, log: MailboxLog) -> None:
        self._mailbox, self._folder, self._log = mailbox, folder, log
        self._kept, self._files_scanned = 0, False

    def read(self, uids: list[int]) -> int:
        doubted: list[MailPlace] = []
        away: ScannerGone | None = None
        for uid in uids:
            place = MailPlace(self._mailbox.name, self._folder.uid_validity, uid)
            try:
                self._take_one(place)
            except ScannerGone as gone:  # clamd is away, or this one message brings it down
                doubted.append(place)
                away = gone
                if len(doubted) >= _MOST_DOUBTED and not self._files_scanned:
                    break
        if away is not None and not self._files_scanned:
            for place in doubted:
                self._log.not_its_fault(place)
            raise away
        return self._kept

    def _take_one(self, place: MailPlace) -> None:
        tries = self._log.begin(place)
        if tries > 2 * MOST_TRIES:  # its headers alone break the line to the server, or end this process
            self._keep(place, not_fetched(place))
            return
        try:
            message = self._folder.fetch(place.uid, LARGEST if tries <= MOST_TRIES else _HEADERS_ALONE)
        except NotFetched as error:
            _log.warning("mailbox.message_not_fetched", uid=place.uid, tries=tries, why=str(error))
            if tries >= MOST_TRIES:
                self._keep(place, not_fetched(place))
            return
        if message is None:
            self._log.gone(place)
            return
        if (item := self._log.kept_before(hashlib.sha256(message.raw).hexdigest())) is not None:
            self._log.to_be_moved(place, _folder_of(item))
            move(self._folder, self._log, place, _folder_of(item))
            return
        if (incoming := self._read(place, message, tries)) is not None:
            self._keep(place, incoming)

    def _read(self, place: MailPlace, message: Fetched, tries: int) -> Incoming | None:
        """None when it failed and will be tried once more."""
        if tries > MOST_TRIES:  # whoever tried before did not live to tell
            return unreadable(message)
        try:
            incoming = self._mailbox.incoming(message)
        except ScannerGone:
            raise
        except ContainedFailure as failure:
            if failure.reason == "busy":
                self._log.not_its_fault(place)
                raise MailboxGone("no process is free to read messages in") from failure
            why = str(failure.reason)
        except Exception as error:  # whatever one message does, the one behind it is read (I05)
            why = type(error).__name__  # its words may hold what stands in the message
        else:
            self._files_scanned = self._files_scanned or bool(incoming.files)
            return incoming
        _log.warning("mailbox.message_not_read", uid=place.uid, tries=tries, why=why)
        return unreadable(message) if tries >= MOST_TRIES else None

    def _keep(self, place: MailPlace, incoming: Incoming) -> None:
        self._log.keep(place, incoming, _folder_of(incoming.item))
        self._kept += 1
        move(self._folder, self._log, place, _folder_of(incoming.item))


def move(folder: ImapFolder, log: MailboxLog, place: MailPlace, name: str, *, copied: bool = False) -> None:
    """Move a message that is kept; one that the server does not move stops none behind it."""
    try:
        folder.move(place.uid, name, copied=copied)
    except NotMoved as error:
        _log.warning("mailbox.message_not_moved", uid=place.uid, why=str(error))
        log.not_moved(place, str(error), copied=error.copied)
    else:
        log.gone(place)


def unreadable(message: Fetched) -> Incoming:
    """A message that failed twice, set apart for a person: its size and its headers as they stand."""
    head = head_of(message.raw)[:_LONGEST_HEAD].decode("ascii", "replace")
    lines = "".join(each if each == "\n" or 32 <= ord(each) < 127 else " " for each in head)
    return Incoming(
        _set_apart(
            sha256=hashlib.sha256(message.raw).hexdigest(),
            sender=_line(lines, "From"),
            subject=_line(lines, "Subject"),
            message=message,
            text=f"{message.size} B\n\n{lines}",
        ),
        [],
    )


def not_fetched(place: MailPlace) -> Incoming:
    """A message that the server does not give out."""
    digest = hashlib.sha256(repr(place).encode()).hexdigest()
    return Incoming(_set_apart(sha256=digest, sender="", subject="", message=None, text=""), [])


def _set_apart(*, sha256: str, sender: str, subject: str, message: Fetched | None, text: str) -> IntakeItem:
    return IntakeItem(
        intake_id=uuid.uuid4().hex,
        kind=IntakeKind.EMAIL,
        state=IntakeState.WAITING,
        sha256=sha256,
        message_id=None,  # so that nothing can be taken for it
        sender=sender,
        subject=subject,
        received_at=message.arrived if message else datetime.now(UTC),
        text=text,
        problem="unreadable",
    )


def _line(head: str, name: str) -> str:
    """A header as it stands, by the plainest of readings."""
    found = (line for line in head.split("\n") if line.lower().startswith(f"{name.lower()}:"))
    return next(found, "").partition(":")[2].strip()[:300]


def _problem(message: Fetched, read: ReadMail, files: list[IntakeFile]) -> str | None:
    if not message.whole:
        return "too_large"
    if read.machine:
        return read.machine
    if len(files) > MOST_FILES:
        return "too_many_files"
    if not read.whole:
        return "malformed"
    return None if any(file.refused is None for file in files) else "no_attachment"


def _folder_of(item: IntakeItem) -> str:
    return PROBLEM if item.problem else PROCESSED
