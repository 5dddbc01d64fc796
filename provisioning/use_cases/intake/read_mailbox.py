"""How far each message of the mailbox has come: read once, tried twice, then set apart for a person (S1, I04, I05)."""

from __future__ import annotations

from datetime import timedelta

from provisioning.domain.intake import Incoming, IntakeItem, MailPlace, MailProgress
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.intake.take_in import put_in

_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(hours=1)


class OfficeMailboxLog:
    """The log of the mailbox, in PostgreSQL; each call is a transaction of its own."""

    def __init__(self, services: Services) -> None:
        self._office = services

    def under_way(self, mailbox: str, uid_validity: int, uids: list[int]) -> dict[int, MailProgress]:
        """Those of the messages lying there that were begun; what lies there no longer is forgotten."""
        with self._office.work() as work:
            work.mails_under_way.forget_others(mailbox, uid_validity, uids)
            return {each.uid: each for each in work.mails_under_way.of(mailbox, uid_validity)}

    def begin(self, place: MailPlace) -> int:
        """Count a try before it is made, since it may end this process; return which one it is."""
        with self._office.work() as work:
            progress = self._of(work, place)
            progress.tries, progress.tried_at = progress.tries + 1, self._office.clock.now()
            work.mails_under_way.put(progress)
        return progress.tries

    def not_its_fault(self, place: MailPlace) -> None:
        """The try does not count: something else was away."""
        with self._office.work() as work:
            progress = self._of(work, place)
            progress.tries = max(0, progress.tries - 1)
            work.mails_under_way.put(progress)

    def kept_before(self, sha256: str) -> IntakeItem | None:
        """The item of a message with the same bytes."""
        with self._office.work() as work:
            return work.intake.by_hash(sha256)

    def keep(self, place: MailPlace, incoming: Incoming, folder: str) -> None:
        """Keep the message and write down that only its move is left, both or neither."""
        with self._office.work() as work:
            put_in(self._office, work, incoming)
            self._to_be_moved(work, place, folder)

    def to_be_moved(self, place: MailPlace, folder: str) -> None:
        """It was kept before; only its move is left."""
        with self._office.work() as work:
            self._to_be_moved(work, place, folder)

    def move_again(self, progress: MailProgress) -> bool:
        """Whether it is time to ask the server once more: at once when the line broke, after growing pauses when it refused."""
        if progress.moves == 0:
            return True
        pause = min(_FIRST_PAUSE * (1 << min(progress.moves, 10)), _LONGEST_PAUSE)
        return self._office.clock.now() >= progress.tried_at + pause

    def not_moved(self, place: MailPlace, answer: str, *, copied: bool) -> None:
        """The server refused the move."""
        with self._office.work() as work:
            progress = self._of(work, place)
            progress.moves, progress.answer = progress.moves + 1, answer
            progress.copied, progress.tried_at = progress.copied or copied, self._office.clock.now()
            work.mails_under_way.put(progress)

    def gone(self, place: MailPlace) -> None:
        """It lies there no longer."""
        with self._office.work() as work:
            work.mails_under_way.drop(place)

    def _to_be_moved(self, work: Work, place: MailPlace, folder: str) -> None:
        progress = self._of(work, place)
        progress.folder = folder
        work.mails_under_way.put(progress)

    def _of(self, work: Work, place: MailPlace) -> MailProgress:
        found = work.mails_under_way.get(place)
        return found or MailProgress(place.mailbox, place.uid_validity, place.uid, 0, self._office.clock.now())
