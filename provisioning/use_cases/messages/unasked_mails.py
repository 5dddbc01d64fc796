"""F13: nobody can fill a stranger's mailbox through us, whatever way they choose.

Unasked are the mails that anybody can cause to an address nobody has proved to be theirs: the confirmation of a web
application (first, again, to a corrected address), the link to a new address of an account, and the answers to "Nie
pamiętasz hasła?" (S7). They share one budget for each mailbox. A mail above it is written down as suppressed and not sent;
who asked gets the same answer. All other mails follow a deed of staff or of a customer who is known at that
address, and always go: the notice of a changed address among them, which must not be kept back by a flood.
"""

from __future__ import annotations

from datetime import timedelta

from email_validator import EmailNotValidError, validate_email

from provisioning.domain.account import Account
from provisioning.domain.mail import Mail
from provisioning.domain.mail_budget import mailbox, may_mail
from provisioning.domain.password_reset import ResetOutcome
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.messages.mail_out import audit_mail

_REMEMBERED = timedelta(days=1)
_ANSWERED_BY_MAIL = (ResetOutcome.ISSUED, ResetOutcome.REFUSED)


def keep_within_budget(services: Services, work: Work, mail: Mail) -> bool:
    """Take a queued mail from the budget of its recipient; suppress it, and say False, when that is spent."""
    if _take(services, work, mail.recipient, reset=False):
        return True
    mail.suppress()
    work.mails.save(mail)
    audit_mail(services, work, mail)
    return False


def reset_within_budget(services: Services, work: Work, account: Account, outcome: ResetOutcome) -> ResetOutcome:
    """S7: what becomes of a wish when the budget of the registered address is looked at too."""
    if outcome in _ANSWERED_BY_MAIL and not _take(services, work, account.email, reset=True):
        return ResetOutcome.LIMITED
    return outcome


def forget_unasked_mails(services: Services) -> int:
    """After a day a mail counts no more, and nothing of it is kept; return how many were forgotten."""
    with services.work() as work:
        return work.unasked_mails.forget(services.clock.now() - _REMEMBERED)


def mailboxes(address: str) -> tuple[str, str]:
    """The mailbox behind an address, with its domain as A-label and as people read it: both spellings are one."""
    local, _, domain = address.rpartition("@")
    try:
        found = validate_email(f"a@{domain}", check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return mailbox(local, domain), mailbox(local, domain)
    return mailbox(local, str(found.ascii_domain)), mailbox(local, found.domain)


def _take(services: Services, work: Work, address: str, *, reset: bool) -> bool:
    """One at a time for each mailbox, until the end of the transaction."""
    spellings, now = mailboxes(address), services.clock.now()
    key = services.fingerprint(f"mailbox:{spellings[0]}")
    earlier = work.unasked_mails.locked(key, now - _REMEMBERED)
    of_customer = work.unasked_mails.of_customer(spellings)
    if not may_mail(earlier, now, services.rules, reset=reset, of_customer=of_customer):
        return False
    work.unasked_mails.add(key, now, reset=reset)
    return True
