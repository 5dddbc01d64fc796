"""Calls of applications that join: what became of accounts, and looking accounts up (role `accounts.read`)."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from flask import Response, current_app, request

from ibok_idp.applications.file import Application
from provisioning.api.blueprint import api, call
from provisioning.api.request import actor, caller, requires
from provisioning.domain.account import Account
from provisioning.domain.errors import FieldError, Forbidden, Invalid, NotFound
from provisioning.domain.login_names import normalised
from provisioning.domain.news import News
from provisioning.http import whole_number, wired
from provisioning.use_cases.news.look_up import Found, look_up, look_up_by_number, read_news

ACCOUNTS_READ = "accounts.read"
_LONGEST_WAIT = 20  # seconds; less than proxies and the stopping of this process allow


def application() -> Application:
    """The application that calls.

    Raises:
        Forbidden: its client stands in no file of IT (any more), whatever roles it was given.
    """
    found = wired().applications.get(caller().client)
    if found is None:
        raise Forbidden(f"{caller().client} is not in IBOK_APPLICATIONS_FILE")
    return found


@api.get("/events")
@call(
    "What became of accounts after a position, in the order in which it happened; `wait` seconds when there is nothing",
    query=["after", "limit", "wait"],
)
@requires(ACCOUNTS_READ)
def get_events() -> dict[str, Any]:
    asking, after, limit = (
        application(),
        whole_number(request.args, "after", 0, 0, 2**62),
        whole_number(request.args, "limit", 100, 1, 1000),
    )
    until = time.monotonic() + whole_number(request.args, "wait", 0, 0, _LONGEST_WAIT)
    while True:
        rung = wired().bell.times
        found, reached = read_news(wired().services, actor(), asking, after, limit)
        if found or (reached == after and not _waited(rung, until)):
            return {"items": [_event(each) for each in found], "next_after": reached}
        after = reached


def _waited(rung: int, until: float) -> bool:
    """Wait for news; False when the time is over, or when so many wait already that nobody else would be served."""
    left, seats = until - time.monotonic(), current_app.extensions["ibok_waiting"]
    if left <= 0 or not seats.acquire(blocking=False):
        return False
    try:
        wired().bell.wait(rung, left)
    finally:
        seats.release()
    return True


@api.get("/accounts")
@call("Accounts by `customer_number` or by `login`; audited", query=["customer_number", "login"], raises=[NotFound])
@requires(ACCOUNTS_READ)
def get_accounts() -> dict[str, Any]:
    number, login = request.args.get("customer_number", "").strip(), request.args.get("login", "").strip()
    if bool(number) == bool(login):
        raise Invalid([FieldError("customer_number", "required")])
    if number:
        found = look_up_by_number(wired().services, actor(), application(), number[:40])
    else:
        found = [look_up(wired().services, actor(), application(), normalised(login))]
    return {"items": [_account(each) for each in found]}


@api.get("/accounts/<login>")
@call("One account, with ETag; audited")
@requires(ACCOUNTS_READ)
def get_joined_account(login: str) -> Response:
    body = json.dumps(_account(look_up(wired().services, actor(), application(), normalised(login))))
    response = Response(body, mimetype="application/json", headers={"Cache-Control": "private, no-cache"})
    response.set_etag(hashlib.sha256(body.encode()).hexdigest()[:32])
    response.make_conditional(request)
    return response


def minimal(account: Account) -> dict[str, Any]:
    """So much of an account as a program is told."""
    return {
        "login": account.login,
        "state": account.state,
        "customer_numbers": account.customer_numbers,
        "created_at": account.created_at.isoformat(),
        "activated_at": account.activated_at.isoformat() if account.activated_at else None,
    }


def _account(found: Found) -> dict[str, Any]:
    return {**minimal(found.account), "number": found.number}


def _event(news: News) -> dict[str, Any]:
    return {"position": news.position, **news.payload()}
