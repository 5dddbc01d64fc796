"""One fresh look at accounts, and what it says to do next."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from provisioning.domain.account import Account
from provisioning.domain.application import Application
from provisioning.domain.keeping import Next, what_next
from provisioning.domain.mail import Mail
from provisioning.domain.password_reset import PasswordReset
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.account.wanted import activation_mail_id


@dataclass
class Look:
    """One fresh look at an account, and what it says to do.

    Attributes:
        account, mail, reset: copies as they were read; the rows may have changed when the act is done.
    """

    account: Account
    application: Application
    mail: Mail | None
    reset: PasswordReset | None
    next: Next


def fresh_looks(
    services: Services, work: Work, accounts: Sequence[Account], applications: dict[str, Application] | None = None
) -> dict[str, Look]:
    """By login, in the order given.

    Args:
        accounts: as they were just read.
        applications: by reference, where they are read already.
    """
    mail_ids = {account.login: activation_mail_id(services, account) for account in accounts if account.nonce is not None}
    mails = work.mails.many(list(mail_ids.values())) if mail_ids else {}
    if applications is None:
        applications = work.applications.many([account.reference for account in accounts])
    looks = {}
    for account in accounts:
        mail = mails.get(mail_ids.get(account.login, ""))
        reset = work.resets.open_of(account.login) if account.reset_open else None
        following = what_next(account, mail, reset, services.clock.now(), services.keys.knows)
        looks[account.login] = Look(copy(account), applications[account.reference], mail, reset, following)
    return looks
