"""A mail and what becomes of it: its kinds, its states and the one table of transitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from provisioning.domain.errors import NotPossible
from provisioning.domain.rulebook import retry_pause


class MailKind(StrEnum):
    """Every mail; only `activated` (S5) and `new_password` (S7) hold a password."""

    CONFIRM_EMAIL = "confirm_email"
    RECEIVED = "received"
    ACTIVATED = "activated"
    REJECTED = "rejected"
    INCOMPLETE = "incomplete"
    NEW_PASSWORD = "new_password"  # noqa: S105  # a kind of mail
    NO_NEW_PASSWORD = "no_new_password"  # noqa: S105
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGED = "email_changed"
    EMAIL_RESTORED = "email_restored"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    RESIGNATION = "resignation"
    RESIGNATION_WITHDRAWN = "resignation_withdrawn"
    RESIGNATION_NOTE = "resignation_note"
    CONTRACT_ENDED = "contract_ended"
    CLOSED = "closed"
    TERMS_ANNOUNCED = "terms_announced"
    CHANGE_ANSWERED = "change_answered"
    ERASURE_ANSWERED = "erasure_answered"
    NUMBER_ADDED = "number_added"
    ACTIVATION_REMINDER = "activation_reminder"
    OWN_PASSWORD_SET = "own_password_set"  # noqa: S105
    LOGIN_PAUSED = "login_paused"


# Mails that bring a temporary password: the keeper of the account alone hands them over.
WITH_PASSWORD = frozenset({MailKind.ACTIVATED, MailKind.NEW_PASSWORD})
# Mails of an application: they go to the address on its form, all others to that of the account.
OF_THE_APPLICATION = frozenset({MailKind.CONFIRM_EMAIL, MailKind.RECEIVED, MailKind.REJECTED, MailKind.INCOMPLETE})


class MailState(StrEnum):
    QUEUED = "queued"
    DEFERRED = "deferred"  # the mail server did not take it now; it is tried again
    ACCEPTED = "accepted"
    REFUSED = "refused"  # the answer spoke of the address: a person must find the right one
    FAILED = "failed"  # the answer spoke of the message, or it was tried for too long
    BOUNCED = "bounced"  # the server took it and sent it back
    SUPPRESSED = "suppressed"  # above the budget of its recipient (F13)
    VOID = "void"  # pointless before it went out

    @classmethod
    def _missing_(cls, value: object) -> MailState | None:
        return cls.VOID if value == "replaced" else None  # as processes before schema 0010 write it


_S = MailState
_FROM_WAITING = frozenset({_S.DEFERRED, _S.ACCEPTED, _S.REFUSED, _S.FAILED, _S.VOID})
# The one table of transitions; docs/reference/account-states.md is drawn from it.
MAIL_TRANSITIONS: dict[MailState, frozenset[MailState]] = {
    _S.QUEUED: _FROM_WAITING | {_S.SUPPRESSED},
    _S.DEFERRED: _FROM_WAITING,
    _S.ACCEPTED: frozenset({_S.BOUNCED}),
    _S.REFUSED: frozenset(),
    _S.SUPPRESSED: frozenset(),
    _S.FAILED: frozenset(),
    _S.BOUNCED: frozenset(),
    _S.VOID: frozenset({_S.ACCEPTED}),  # made pointless while the mail server was taking it: what happened is written down
}
WAITING = frozenset({_S.QUEUED, _S.DEFERRED})
NOT_DELIVERED = frozenset({_S.REFUSED, _S.FAILED, _S.BOUNCED})

# What these say has no use once the account is closed or deleted.
POINTLESS_AFTER_THE_END = frozenset(
    {
        MailKind.ACTIVATED,
        MailKind.NEW_PASSWORD,
        MailKind.NO_NEW_PASSWORD,
        MailKind.EMAIL_CHANGE,
        MailKind.SUSPENDED,
        MailKind.RESUMED,
        MailKind.TERMS_ANNOUNCED,
        MailKind.NUMBER_ADDED,
        MailKind.ACTIVATION_REMINDER,
        MailKind.OWN_PASSWORD_SET,
        MailKind.LOGIN_PAUSED,
    }
)

GIVE_UP_AFTER = timedelta(days=3)


@dataclass
class Mail:
    """One mail and what became of it; never its text.

    Attributes:
        recipient: where it went. Until then a guess: it is decided at the hand-over, unless `fixed_recipient`.
        fixed_recipient: this very address is meant, for instance the old one of a change of address.
    """

    message_id: str
    reference: str
    kind: MailKind
    recipient: str
    created_at: datetime
    state: MailState = MailState.QUEUED
    answer: str = ""
    attempts: int = 0
    next_attempt_at: datetime | None = None
    accepted_at: datetime | None = None
    about: dict[str, Any] = field(default_factory=dict)
    handled_at: datetime | None = None
    handled_by: str | None = None
    fixed_recipient: bool = False

    @property
    def waits(self) -> bool:
        """Whether it is still to go out."""
        return self.state in WAITING

    def accepted(self, answer: str, recipient: str, at: datetime) -> None:
        self._move(_S.ACCEPTED)
        self.answer, self.recipient, self.accepted_at, self.next_attempt_at = answer, recipient, at, None

    def deferred(self, answer: str, at: datetime) -> timedelta:
        """Tried and not taken; returns how long to wait before the next try."""
        self._move(_S.DEFERRED)
        pause = retry_pause(self.attempts)
        self.answer, self.next_attempt_at = answer, at + pause
        return pause

    def refused(self, answer: str) -> None:
        self._move(_S.REFUSED)
        self.answer, self.next_attempt_at = answer, None

    def failed(self, answer: str) -> None:
        self._move(_S.FAILED)
        self.answer, self.next_attempt_at = answer, None

    def bounced(self, answer: str) -> None:
        self._move(_S.BOUNCED)
        self.answer = answer

    def suppress(self) -> None:
        self._move(_S.SUPPRESSED)

    def void(self) -> None:
        self._move(_S.VOID)
        self.next_attempt_at = None

    def _move(self, to: MailState) -> None:
        if to not in MAIL_TRANSITIONS[self.state]:
            raise NotPossible("wrong_state", f"A mail that is {self.state} cannot become {to}.")
        self.state = to
