"""Webhooks: every piece of news reaches every receiver at least once, in order for each account; none waits for another."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog

from ibok_idp.applications.file import Application
from provisioning.domain.actors import Actor
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.news import KEPT_FOR, Answer, Delivery, DeliveryState, News, Receiver
from provisioning.domain.rights import Action, require_permission
from provisioning.ports.news import Receivers
from provisioning.ports.services import Services
from provisioning.ports.work import Work

_log = structlog.get_logger()
_AT_ONCE = 64  # deliveries, each of another account
_TOGETHER = 8
_MADE_AT_ONCE = 1000


def concerns(application: Application, news: News) -> bool:
    """Whether an application may learn of it: of the customers it is for, and that an account is nobody's any more."""
    return news.for_everybody or application.concerns(news.about)


def tell(services: Services, receivers: Receivers, application: Application) -> int:
    """Deliver to one receiver what is due, until nothing is; how many arrived.

    While it does not answer, one delivery at a time is tried, after pauses that grow to a minute. Order holds for each
    account: nothing of it goes out before what came earlier was delivered or given up.

    Raises:
        SettingsError: its secret is missing.
    """
    arrived = 0
    with services.only_one(f"webhooks:{application.client_id}") as alone:
        while alone and (due := _due(services, application)):
            arrived += _send(services, receivers, application.client_id, due)
    return arrived


def _due(services: Services, application: Application) -> list[tuple[Delivery, dict[str, Any]]]:
    now = services.clock.now()
    with services.work() as work:
        receiver = work.deliveries.receiver(application.client_id)
        while news := work.news.after(receiver.position, _MADE_AT_ONCE):
            work.deliveries.put(_delivery(application, each, now) for each in news if concerns(application, each))
            receiver.position = news[-1].position
            work.deliveries.save_receiver(receiver)
        if not receiver.may_be_told(now):
            return []
        due = work.deliveries.due(application.client_id, now, 1 if receiver.failures else _AT_ONCE)
        known = work.news.standing_at(each.position for each in due)
    return [(each, known[each.position].payload() if each.position in known else _test(each)) for each in due]


def _delivery(application: Application, news: News, at: datetime) -> Delivery:
    return Delivery(application.client_id, news.position, news.event_id, news.login, at)


def _test(delivery: Delivery) -> dict[str, Any]:
    return {"type": "test", "timestamp": delivery.created_at.isoformat(), "data": {"event_id": delivery.event_id}}


def _send(services: Services, receivers: Receivers, name: str, due: list[tuple[Delivery, dict[str, Any]]]) -> int:
    silent = threading.Event()

    def one(pair: tuple[Delivery, dict[str, Any]]) -> Answer | None:
        delivery, payload = pair
        if silent.is_set():
            return None  # nobody answers there: not each account's news needs to find that out
        answer = receivers.send(name, delivery.event_id, payload, services.clock.now())
        if answer.status is None or answer.gone:
            silent.set()
        return answer

    with ThreadPoolExecutor(min(_TOGETHER, len(due))) as pool:
        answers = [(delivery, answer) for (delivery, _), answer in zip(due, pool.map(one, due), strict=True) if answer is not None]
    with services.work() as work:
        _note(work, name, answers, services.clock.now())
    return sum(answer.taken for _, answer in answers)


def _note(work: Work, name: str, answers: list[tuple[Delivery, Answer]], now: datetime) -> None:
    receiver = work.deliveries.receiver(name)
    for delivery, answer in answers:
        if answer.taken:
            delivery.arrived(answer.words, now)
            continue
        delivery.failed(answer.words, now)
        if delivery.state is DeliveryState.PARKED:
            _log.error("webhook.parked", receiver=name, event_id=delivery.event_id, answer=answer.words)
    work.deliveries.save(delivery for delivery, _ in answers)
    _judge(work, receiver, [answer for _, answer in answers], now)
    work.deliveries.save_receiver(receiver)


def _judge(work: Work, receiver: Receiver, answers: list[Answer], now: datetime) -> None:
    """One that takes anything is there; a single message that it does not take is that message's own trouble."""
    taken = [answer for answer in answers if answer.taken]
    if any(answer.gone for answer in answers):
        receiver.failed("410 Gone", now)
        receiver.gone(now)
        _log.error("webhook.switched_off", receiver=receiver.name)
    elif taken:
        if receiver.answered_well(taken[-1].words, now):
            _log.info("webhook.answers_again", receiver=receiver.name)
            work.deliveries.hurry(receiver.name)
    elif answers:
        if receiver.failures == 0:
            _log.warning("webhook.not_taken", receiver=receiver.name, answer=answers[0].words)
        receiver.failed(answers[0].words, now)


# -- what people do about it -----------------------------------------------------------------------


def send_again(services: Services, actor: Actor, receiver: str, event_id: str) -> None:
    """One delivery once more, as if it were new.

    Raises:
        Forbidden. NotFound.
    """
    require_permission(actor.roles, Action.MANAGE_WEBHOOKS)
    now = services.clock.now()
    with services.work() as work:
        delivery = work.deliveries.get(receiver, event_id)
        delivery.state, delivery.tries, delivery.next_at, delivery.created_at = DeliveryState.WAITING, 0, None, now
        work.deliveries.put([delivery])
        _wake(work, receiver)
        work.audit.write(actor, AuditAction.WEBHOOK_SENT_AGAIN, receiver, {"event": event_id}, now)


def send_test(services: Services, actor: Actor, receiver: str) -> str:
    """An event of the type `test`, to see whether a receiver takes it; its id.

    Raises:
        Forbidden.
    """
    require_permission(actor.roles, Action.MANAGE_WEBHOOKS)
    now = services.clock.now()
    with services.work() as work:
        _wake(work, receiver)
        delivery = work.deliveries.test_of(receiver, uuid.uuid4().hex, now)
        work.deliveries.put([delivery])
        work.audit.write(actor, AuditAction.WEBHOOK_TESTED, receiver, {"event": delivery.event_id}, now)
    return delivery.event_id


def replay(services: Services, actor: Actor, application: Application, since: datetime) -> int:
    """Everything since then once more, in order for each account; how many. The receiver knows them again by their ids.

    Raises:
        Forbidden.
    """
    require_permission(actor.roles, Action.MANAGE_WEBHOOKS)
    now, name = services.clock.now(), application.client_id
    with services.work() as work:
        found = [_delivery(application, news, now) for news in work.news.since(since) if concerns(application, news)]
        work.deliveries.put(found)
        _wake(work, name)
        work.audit.write(actor, AuditAction.WEBHOOK_REPLAYED, name, {"since": since.isoformat(), "events": len(found)}, now)
    return len(found)


def switch_on(services: Services, actor: Actor, receiver: str) -> None:
    """A receiver that had answered 410 is told again, also what it missed.

    Raises:
        Forbidden.
    """
    require_permission(actor.roles, Action.MANAGE_WEBHOOKS)
    with services.work() as work:
        _wake(work, receiver)
        work.deliveries.hurry(receiver)
        work.audit.write(actor, AuditAction.WEBHOOK_SWITCHED_ON, receiver, {}, services.clock.now())


def forget_delivered(services: Services) -> int:
    """What arrived long ago goes; what waits or is parked stays."""
    with services.work() as work:
        return work.deliveries.forget(services.clock.now() - KEPT_FOR)


def _wake(work: Work, name: str) -> None:
    receiver = work.deliveries.receiver(name)
    receiver.switch_on()
    work.deliveries.save_receiver(receiver)
