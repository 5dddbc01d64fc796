"""What an application asks: the news since a position, and accounts by number or login. Every read of a person is audited."""

from __future__ import annotations

from dataclasses import dataclass

from ibok_idp.applications.file import Application
from provisioning.domain.account import Account
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import Forbidden
from provisioning.domain.news import News
from provisioning.ports.services import Services
from provisioning.ports.work import Work
from provisioning.use_cases.news.tell import concerns


@dataclass(frozen=True)
class Found:
    """An account as an application sees it. `number`: of its newest event, so that it can be told apart from older ones."""

    account: Account
    number: int


def read_news(services: Services, actor: Actor, application: Application, after: int, limit: int) -> tuple[list[News], int]:
    """What came after a position, as far as it concerns the application; and the position to go on from."""
    with services.work() as work:
        found = work.news.after(after, limit)
        told = [news for news in found if concerns(application, news)]
        if told:
            details = {"after": after, "events": len(told)}
            work.audit.write(actor, AuditAction.EVENTS_READ, application.client_id, details, services.clock.now())
    return told, found[-1].position if found else after


def look_up(services: Services, actor: Actor, application: Application, login: str) -> Found:
    """One account.

    Raises:
        NotFound. Forbidden: it is of a customer whom the application is not for; audited.
    """
    with services.work() as work:
        account = work.accounts.get(login)
        found = _seen(services, work, actor, application, account)
    if found is None:
        raise Forbidden("another's customer")
    return found


def look_up_by_number(services: Services, actor: Actor, application: Application, customer_number: str) -> list[Found]:
    """The accounts with a customer number; there may be several.

    Raises:
        Forbidden: the application is not for customers with such a number; audited.
    """
    with services.work() as work:
        mine = application.concerns([customer_number])
        if mine:
            accounts = work.accounts.with_customer_number(customer_number)
            found = [each for account in accounts if (each := _seen(services, work, actor, application, account)) is not None]
        else:
            _refuse(services, work, actor, application.client_id, "customer_number")
    if not mine:
        raise Forbidden("another's customer")
    return found


def require_concern(services: Services, actor: Actor, application: Application, login: str, customer_number: str) -> None:
    """That an application may speak of this customer; nothing is told.

    Raises:
        NotFound: no such account. Forbidden: it is another's customer; audited.
    """
    with services.work() as work:
        account = work.accounts.get(login)
        mine = application.concerns([customer_number])
        if not mine:
            _refuse(services, work, actor, account.reference, "customer_number")
    if not mine:
        raise Forbidden("another's customer")


def _seen(services: Services, work: Work, actor: Actor, application: Application, account: Account) -> Found | None:
    if not application.concerns(account.customer_numbers):
        _refuse(services, work, actor, account.reference, "account")
        return None
    details = {"application": application.client_id}
    work.audit.write(actor, AuditAction.ACCOUNT_READ, account.reference, details, services.clock.now())
    return Found(account, work.news.number_of(account.login))


def _refuse(services: Services, work: Work, actor: Actor, subject: str, asked_by: str) -> None:
    work.audit.write(actor, AuditAction.ACCOUNT_READ_REFUSED, subject, {"asked_by": asked_by}, services.clock.now())
