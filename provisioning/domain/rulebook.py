"""Every number of S1 to S8 in one place. Another utility changes configuration, never code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from provisioning.domain.doubts import Doubt


class TermUnit(StrEnum):
    CALENDAR_DAYS = "calendar_days"
    WORKING_DAYS = "working_days"


class TermStart(StrEnum):
    """Which date starts the term."""

    FILED = "filed"
    COMPLETE = "complete"


@dataclass(frozen=True)
class ClosingRules:
    """S8, § 10 ust. 5 of the Regulamin: its text is not known, so every parameter is configuration (utility.toml).

    Attributes:
        resignation_days: a resignation takes effect so many days later; 0: at once.
        withdrawable: whether the customer may take it back until then.
        contract_notice_days: notice before an account without any contract closes.
        delete_after_days: from the end of access to the deletion of the Keycloak user.
        retention_days: from the deletion to the anonymising of application and acceptances.
        tell: e-mail addresses of the utility that are told of each resignation.
    """

    resignation_days: int = 14
    withdrawable: bool = True
    contract_notice_days: int = 14
    delete_after_days: int = 30
    retention_days: int = 2190
    tell: tuple[str, ...] = ()


@dataclass(frozen=True)
class RetentionRules:
    """How long what never became an account is kept (utility.toml).

    Attributes:
        unconfirmed: a web application whose address nobody confirmed, from its coming in.
        awaiting_paper: one whose address is confirmed and whose signed paper never came, from the confirmation.
        withdrawn, rejected: from the decision to the anonymising.
        intake_waiting: mails and scans that nobody has dealt with.
        intake_dismissed: that something came and was no application.
        unknown_resets: wishes for a new password of logins that do not exist (S7).
        idempotency: the memory of requests that must be carried out once.
    """

    unconfirmed: timedelta = timedelta(days=7)
    awaiting_paper: timedelta = timedelta(days=60)
    withdrawn: timedelta = timedelta(days=90)
    rejected: timedelta = timedelta(days=365)
    intake_waiting: timedelta = timedelta(days=365)
    intake_dismissed: timedelta = timedelta(days=365)
    unknown_resets: timedelta = timedelta(days=2)
    idempotency: timedelta = timedelta(days=90)


@dataclass(frozen=True)
class Rulebook:
    """The numbers behind the rules.

    Attributes:
        term_days, term_unit, term_start: S4, "within 14 days of its filing".
        email_confirmation_life: how long the link in the confirmation mail works.
        confirmation_resend_pause: shortest time between two confirmation mails.
        activation_password_life: how long the temporary password of S5 may be used.
        alarm_after: how long an account may wait for Keycloak or the mail server before it is an alarm.
        reset_password_life: S7, how long a temporary password that was asked for may be used.
        resets_per_hour, resets_per_day: S7, how many of them one login gets.
        reset_alarm_per_hour: S7, so many wishes in an hour over all logins are an alarm.
        unasked_mails_per_hour, unasked_mails_per_day: F13, how many mails that anybody can cause one mailbox gets, over all ways.
        email_undo_life: how long the old address may take a change of address back.
        reauthentication_life: how old the login may be at a step that cannot be undone (S8).
        filed_long_ago_days: an older filing date needs a reason when it is typed in (S1).
        set_aside_life: so long automatic answers and returned mails are kept readable.
        reminder_days: S4, clerks are warned on these days of the term; on the last of them the manager too.
        digest_hour: from this hour of a working day (Europe/Warsaw) the warnings go out.
        activation_reminder: so long before its end a customer is reminded of the temporary password of S5.
        four_eyes: who typed in, corrected or recorded the paper of an application cannot approve it.
        forbidden: over these doubts nobody may approve; over all others a registrar may, with a written reason.
        closing: S8, § 10 ust. 5 of the Regulamin.
        retention: how long what never became an account is kept.
    """

    term_days: int = 14
    term_unit: TermUnit = TermUnit.CALENDAR_DAYS
    term_start: TermStart = TermStart.FILED
    email_confirmation_life: timedelta = timedelta(hours=72)
    confirmation_resend_pause: timedelta = timedelta(minutes=1)
    activation_password_life: timedelta = timedelta(days=14)
    alarm_after: timedelta = timedelta(hours=1)
    reset_password_life: timedelta = timedelta(hours=24)
    resets_per_hour: int = 3
    resets_per_day: int = 5
    reset_alarm_per_hour: int = 200
    unasked_mails_per_hour: int = 5
    unasked_mails_per_day: int = 10
    email_undo_life: timedelta = timedelta(days=7)
    reauthentication_life: timedelta = timedelta(minutes=5)
    exports_per_hour: int = 5
    pesel_reveals_per_hour: int = 30
    filed_long_ago_days: int = 30
    set_aside_life: timedelta = timedelta(days=30)
    reminder_days: tuple[int, ...] = (7, 10, 12)
    digest_hour: int = 6
    activation_reminder: timedelta = timedelta(days=3)
    closing: ClosingRules = ClosingRules()  # frozen
    retention: RetentionRules = RetentionRules()  # frozen
    terms_notice_days: int = 30
    register_owns: frozenset[str] = frozenset({"phone", "correspondence_address"})
    four_eyes: bool = False
    forbidden: frozenset[Doubt] = frozenset()
    pesel_required: bool = False
    online_declaration: bool = True
    customer_number_pattern: str = r"[0-9]{4,12}"
    login_prefix: str = "wp"
    login_random_digits: int = 7

    def __post_init__(self) -> None:
        if self.term_days < 1:
            raise ValueError("the term must have at least one day")
        if not timedelta(hours=72) <= self.activation_password_life <= timedelta(days=14):
            raise ValueError("an activation password lives 72 hours to 14 days")
        if not timedelta(hours=1) <= self.reset_password_life <= timedelta(hours=24):
            raise ValueError("a temporary password that was asked for lives 1 to 24 hours")


def retry_pause(attempt: int) -> timedelta:
    """How long to wait after the given failed attempt (1, 2, …): growing pauses, at most a quarter of an hour."""
    return timedelta(seconds=min(900, 5 * 2 ** min(attempt - 1, 10)))
