"""S4: clerks are warned on day 7, 10 and 12 by one mail a working morning; the manager on the last of these days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog

from provisioning.domain.application import Application
from provisioning.domain.deadline import is_free, nth_day
from provisioning.domain.desk import DigestLine
from provisioning.ports.messages import MailDeferred, MailRefused
from provisioning.ports.services import Services
from provisioning.use_cases.application.submit import term_starts_on
from provisioning.use_cases.desk.undecided import undecided

_WARSAW = ZoneInfo("Europe/Warsaw")
_log = structlog.get_logger()


def send_digest(services: Services) -> int:
    """Send the morning's warnings to whoever has not got today's yet; return how many mails went out.

    Nothing on days off: what fell on one stands in the next working morning's mail. A mail server that is away is asked
    again in the next round.
    """
    now, today = services.clock.now(), services.clock.today()
    wanted = dict.fromkeys(services.digest_to, False) | dict.fromkeys(services.digest_manager_to, True)
    if not wanted or is_free(today, services.is_holiday) or now.astimezone(_WARSAW).hour < services.rules.digest_hour:
        return 0
    with services.only_one("digest") as alone:
        if not alone:
            return 0
        since = _waiting_since(services, wanted, today)
        if not since:
            return 0
        applications = list(undecided(services))
        overdue = sum(bool(each.due_on and each.due_on < today) for each in applications)
        last = max(services.rules.reminder_days)
        sent = 0
        for address, after in since.items():
            lines = warnings(services, applications, after, today)
            sent += _send(services, today, address, [line for line in lines if line.day == last or not wanted[address]], overdue)
        return sent


def _waiting_since(services: Services, wanted: Iterable[str], today: date) -> dict[str, date]:
    """Who has not got today's mail yet, each with the day of the last one: what one server put off comes with the next mail."""
    with services.work() as work:
        done = work.digests.sent_on(today)
        found = {}
        for address in wanted:
            if address in done:
                continue
            known = work.digests.last_day_before(today, address)
            if known is None:  # the reader begins today, also when the first mail is put off
                known = today - timedelta(days=1)
                work.digests.sent(known, address, services.clock.now())
            found[address] = known
    return found


def warnings(services: Services, applications: Iterable[Application], after: date, until: date) -> list[DigestLine]:
    """Every application one of whose warning days fell after `after` and until `until`; the latest such day counts."""
    found = []
    for application in applications:
        start = term_starts_on(services, application)
        if start is None or application.due_on is None:
            continue
        reached = [
            day
            for day in services.rules.reminder_days
            if after < nth_day(start, day, services.rules.term_unit, services.is_holiday) <= until
        ]
        if reached:
            found.append(DigestLine(application.reference, application.status, application.due_on, max(reached)))
    return sorted(found, key=lambda line: (line.due_on, line.reference))


def _send(services: Services, today: date, address: str, lines: list[DigestLine], overdue: int) -> bool:
    if lines or overdue:
        assert services.compose_digest is not None  # wired wherever addresses are
        try:
            services.mailer.send(services.compose_digest(services, today, address, lines, overdue))
        except MailDeferred:
            return False
        except MailRefused as error:
            _log.error("digest.refused", answer=str(error))
    with services.work() as work:
        work.digests.sent(today, address, services.clock.now())
    return bool(lines or overdue)
