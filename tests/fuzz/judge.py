"""What a campaign of hostile input is held to: no server error, no hang, and nothing changed by what was refused."""

from __future__ import annotations

import random  # noqa: TID251  # repeatable on purpose: a seed is printed with every run
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import requests
from html5lib.html5parser import ParseError
from requests.adapters import HTTPAdapter

from provisioning.domain.actors import WORKER
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.free_text import NOT_TEXT
from tests.support.page_check import check_page
from tests.support.world import World

SECONDS_FOR_AN_ANSWER = 30
_TRIES_TO_BE_SURE = 3
_STATE = """
SELECT (SELECT count(*) FROM applications),
       (SELECT md5(coalesce(string_agg(concat_ws(' ', reference, version, status, data), E'\\n' ORDER BY reference), '')) FROM applications),
       (SELECT md5(coalesce(string_agg(concat_ws(' ', login, state, email, customer_numbers), E'\\n' ORDER BY login), '')) FROM accounts),
       (SELECT count(*) FROM documents), (SELECT count(*) FROM originals), (SELECT count(*) FROM intake),
       (SELECT count(*) FROM case_notes), (SELECT count(*) FROM change_requests), (SELECT count(*) FROM email_changes),
       (SELECT count(*) FROM erasure_requests), (SELECT count(*) FROM terms_acceptances), (SELECT count(*) FROM password_resets),
       (SELECT count(*) FROM audit WHERE actor <> %s AND action <> ALL(%s))
"""
# A reveal of a PESEL over the limit is refused and audited; a page that says what was wrong shows the case's first scan again.
_WRITTEN_ON_PURPOSE = [action for action in AuditAction if action.endswith("_refused")] + [AuditAction.DOCUMENT_OPENED]


@dataclass
class Part:
    """What became of one part of a campaign.

    Attributes:
        answers: so many of each kind of outcome.
        broken: promises that were not kept, each with what repeats it.
        unclear: refused requests beside which somebody else changed something each time.
    """

    name: str
    answers: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    unclear: int = 0
    slowest: float = 0.0
    seconds: float = 0.0

    @property
    def count(self) -> int:
        return sum(self.answers.values())

    def took(self, seconds: float) -> None:
        self.slowest = max(self.slowest, seconds)


class Until:
    """The end of a part: by the clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._end


class Ledger:
    """What no refused request may change: applications, accounts, files, requests, and the audit but for the worker's lines.

    Args:
        address: where the campaign's requests come from; the audit names it.
    """

    def __init__(self, world: World, address: str) -> None:
        self._connection = psycopg.connect(world.secrets["IBOK_DATABASE_URL"], autocommit=True)
        self._address = address

    def state(self) -> tuple[Any, ...]:
        found = self._connection.execute(_STATE, (WORKER.name, _WRITTEN_ON_PURPOSE)).fetchone()
        assert found is not None
        return found

    def own_lines(self) -> int:
        """Audit lines of members of staff who came from this campaign's address."""
        statement = "SELECT count(*) FROM audit WHERE address = %s AND action <> ALL(%s)"
        return int(self._connection.execute(statement, (self._address, _WRITTEN_ON_PURPOSE)).fetchone()[0])  # type: ignore[index]

    def close(self) -> None:
        self._connection.close()


def own_address(seed: int) -> str:
    """A loopback address of this campaign's own, so that limits per address and the audit tell it from others."""
    chance = random.Random(f"address:{seed}")
    return f"127.{chance.randint(2, 250)}.{chance.randint(1, 250)}.{chance.randint(1, 250)}"


class _From(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__(pool_maxsize=20)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named, source_address=(self._address, 0))


def come_from(session: requests.Session, address: str) -> requests.Session:
    session.mount("http://", _From(address))
    return session


class Judge:
    """Sends one request after another and holds each answer to the promises.

    Args:
        settled_after: seconds without a change after which nobody else is taken to be at work.
    """

    def __init__(self, world: World, part: Part, address: str, settled_after: float = 0.2) -> None:
        self.world, self.part, self.address = world, part, address
        self._settled_after = settled_after
        self._ledger = Ledger(world, address)

    def close(self) -> None:
        self._ledger.close()

    def hold(self, what: str, send: Callable[[], requests.Response]) -> requests.Response | None:
        """Send it and judge the answer.

        Args:
            what: names the request in the report, with what repeats it.
            send: sends it; called again when something changed beside a refusal, to tell it from others' deeds.

        Returns:
            The answer; None when there was none in time.
        """
        own, before, began = self._ledger.own_lines(), self._ledger.state(), time.monotonic()
        try:
            answer = send()
        except requests.Timeout:
            self._break("hang", f"{what}: no answer within {SECONDS_FOR_AN_ANSWER} s")
            return None
        except requests.RequestException as error:
            self._break("no answer", f"{what}: {type(error).__name__}: {error}")
            return None
        self.part.took(time.monotonic() - began)
        if answer.status_code >= 500 and not deliberate(answer):
            self._break(str(answer.status_code), f"{answer.status_code} {answer.text[:200]!r}: {what}")
            return answer
        self.part.answers[str(answer.status_code)] += 1
        if isinstance(answer, requests.Response):  # schemathesis has a class of its own, for answers of the API alone
            self._check_page(what, answer)
        if 400 <= answer.status_code < 500:
            if self._ledger.own_lines() != own:
                self.part.broken.append(f"refused with {answer.status_code}, and the audit has a line of it: {what}")
            elif before != self._ledger.state():
                self._be_sure(what, answer.status_code, send)
        return answer

    def _check_page(self, what: str, answer: requests.Response) -> None:
        """The check that every page any test fetches goes through; an answer may repeat what was typed just now, whatever it is."""
        ours = answer.url.startswith((self.world.webapp, self.world.provisioning))
        if not ours or answer.is_redirect or not answer.headers.get("Content-Type", "").startswith("text/html"):
            return
        shown = answer.text
        if answer.request.method == "POST" or "?" in answer.url:
            shown = "".join(each for each in shown if each == "\n" or unicodedata.category(each) not in NOT_TEXT)
        try:
            check_page(shown, answer.headers, answer.url)
        except (AssertionError, ParseError) as error:
            self.part.broken.append(f"{answer.status_code} with a faulty page, {error}: {what}")

    def _be_sure(self, what: str, status: int, send: Callable[[], requests.Response]) -> None:
        """The worker and other visitors change things too: only what changes every time is the request's own doing."""
        quiet = False
        for _ in range(_TRIES_TO_BE_SURE):
            before = self._settled()
            if before is None:
                continue
            quiet = True
            send()
            if self._ledger.state() == before:
                return
        if quiet:
            self.part.broken.append(f"refused with {status}, and something changed, {_TRIES_TO_BE_SURE} times of as many: {what}")
        else:
            self.part.unclear += 1

    def _settled(self) -> tuple[Any, ...] | None:
        seen = self._ledger.state()
        for _ in range(10):
            time.sleep(self._settled_after)
            now = self._ledger.state()
            if now == seen:
                return now
            seen = now
        return None

    def _break(self, kind: str, words: str) -> None:
        self.part.answers[kind] += 1
        self.part.broken.append(words)


def deliberate(answer: requests.Response) -> bool:
    """A part that does not answer now is said so, with when to come again."""
    return answer.status_code == 503 and "retry-after" in {name.lower() for name in answer.headers}
