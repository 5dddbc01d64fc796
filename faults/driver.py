"""What customers and staff do, case by case: each case has a script drawn from the seed, carried out by many threads."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from deploy.visitor import Visitor
from faults import people, reading
from faults.case import Case, new_case, scan
from faults.client import Client, Later, Tokens
from faults.ground import Ground
from faults.journal import Deed, Journal, now
from faults.mailroom import Mailroom

_BATCH = 250
_MOST_WAITS = 120


class Driver:
    """Carries out every case, at the pace of the campaign."""

    def __init__(
        self,
        ground: Ground,
        journal: Journal,
        mailroom: Mailroom,
        seed: str,
        applications: int,
        threads: int,
        *,
        quick: bool = False,
    ) -> None:
        self._ground, self._journal, self._mailroom, self._seed = ground, journal, mailroom, seed
        self._tokens = Tokens(ground.people)
        self._client = Client(ground.api, self._tokens, journal)
        self._threads = threads
        self._due: list[tuple[float, int, Case]] = []
        self._order = itertools.count()
        self._lock = threading.Condition()
        self._running = 0
        self._stop = threading.Event()
        self.cases = [new_case(seed, number, quick=quick) for number in range(applications)]
        self.errors: list[str] = []

    def run(self, seconds: float, patience: float) -> bool:
        """File and decide everything within the time, and the rest as soon as it goes.

        Returns:
            False when cases were left over after `seconds` and `patience`.
        """
        began = time.monotonic()
        filing = threading.Thread(target=self._file_batches, args=(began, seconds), daemon=True)
        filing.start()
        others = [case for case in self.cases if case.way != "batch"]
        for place, case in enumerate(others):
            self._later(case, began + seconds * 0.7 * place / max(1, len(others)) - time.monotonic())
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._threads)]
        for worker in workers:
            worker.start()
        while time.monotonic() < began + seconds + patience:
            with self._lock:
                if not filing.is_alive() and not self._due and not self._running:
                    break
            time.sleep(0.2)
        self._stop.set()
        with self._lock:
            left = len(self._due)
            self._lock.notify_all()
        for worker in workers:
            worker.join(60)
        return not left and not filing.is_alive()

    def file_everything(self) -> None:
        """Every case that comes in a batch, at once."""
        self._file_batches(time.monotonic(), 0)
        with self._lock:
            self._due.clear()

    def approve_everything(self, cases: list[Case]) -> None:
        """In the order given, as fast as it goes."""
        for place, case in enumerate(cases):
            self._later(case, place / 1000)
        self.run(0, 1800)

    # -- pace ------------------------------------------------------------------------------------

    def _later(self, case: Case, seconds: float) -> None:
        with self._lock:
            heapq.heappush(self._due, (time.monotonic() + max(0.0, seconds), next(self._order), case))
            self._lock.notify()

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                if not self._due or self._due[0][0] > time.monotonic():
                    self._lock.wait(0.1)
                    continue
                case = heapq.heappop(self._due)[2]
                self._running += 1
            try:
                pause = self._step(case)
                if pause is not None:
                    self._later(case, pause)
            finally:
                with self._lock:
                    self._running -= 1

    def _step(self, case: Case) -> float | None:
        """Carry out the next step; how long until the one after, None when the case is over."""
        if not case.steps:
            return None
        name = case.steps[0]
        step: Callable[[Case], bool] = getattr(self, f"_{name}")
        try:
            over = step(case)
        except Later as later:
            over, pause = False, later.seconds
            case.waits += not later.for_ever
        except psycopg.OperationalError:  # what PostgreSQL knows is looked up when it is back
            over, pause = False, 2.0
        except Exception as error:  # a visit that ended on a page nobody expected; told in the report
            self.errors.append(f"{name} of case {case.number}: {type(error).__name__}: {error}")
            over, pause = False, 2.0
            case.waits += 1
        else:
            pause = 1.0
        case.tries += 1
        if over or case.waits >= _MOST_WAITS:
            if not over:
                case.given_up.append(name)
            case.steps = case.steps[1:] if over else []
            case.tries = case.waits = 0
            if not case.steps:
                return None
            return case.choices.between(0, 0.5) if case.choices.percent(40) else case.choices.between(0.5, 9)
        return pause

    # -- filing ----------------------------------------------------------------------------------

    def _file_batches(self, began: float, seconds: float) -> None:
        batch = [case for case in self.cases if case.way == "batch" and not case.reference]
        file = self._ground.state / "batch.csv"
        for first in range(0, len(batch), _BATCH):
            part = batch[first : first + _BATCH]
            file.write_text(people.as_batch([case.body for case in part]), encoding="utf-8")
            while not self._stop.is_set():
                done = self._ground.command("ibok-provisioning", "import-applications", str(file), "--by", "clerk")
                if done.returncode == 0:
                    break
                if done.returncode == 2:
                    self.errors.append(f"import-applications left rows out: {done.stderr[-300:]}")
                    return
                time.sleep(1)  # broken off: the same file again is not a second application
            references = reading.references(self._ground, [case.addresses[0] for case in part])
            start, pace = began + seconds * 0.75 * first / len(batch), seconds * 0.75 / len(batch)
            for place, case in enumerate(part):
                case.reference = references[case.addresses[0]]
                self._later(case, start + pace * place - time.monotonic())

    def _desk(self, case: Case) -> bool:
        """Typed in by a clerk; an unknown outcome is looked up before it is typed in again."""
        if case.tries and (known := reading.references(self._ground, case.addresses[:1])):
            case.reference = known[case.addresses[0]]
            return True
        answer = self._client.ask(Deed(case.number, "desk", now()), "clerk", "POST", "/staff/applications", json=case.body)
        case.reference = answer.json().get("reference", "")
        return answer.status_code == 201

    def _web(self, case: Case) -> bool:
        key = {"Idempotency-Key": f"{self._seed}-{case.number}-0123456789abcdef"}
        answer = self._client.ask(Deed(case.number, "web", now()), "service", "POST", "/applications", json=case.body, headers=key)
        if answer.status_code != 201:
            return False
        case.reference, case.status_token = answer.json()["reference"], answer.json()["status_token"]
        return True

    def _confirm(self, case: Case) -> bool:
        token = next((mail.token for mail in reversed(self._mailroom.to(case.addresses[0])) if mail.token), None)
        if token is None:
            raise Later(1.5)
        path = f"/applications/{case.reference}/email-confirmation"
        self._client.ask(self._deed(case, "confirm"), "service", "POST", path, json={"token": token})
        return True

    # -- decisions -------------------------------------------------------------------------------

    def _decide(self, case: Case, name: str, **body: Any) -> bool:
        """One decision with the version as it is now; True when it is taken, by this request or by an earlier one."""
        found = self._application(case)
        wanted = {"approve": ("approved", "registered"), "reject": ("rejected",), "withdraw": ("withdrawn",)}.get(name, ())
        if found["status"] in (*wanted, "rejected", "withdrawn"):
            return True
        role = "registrar" if name in ("approve", "reject") else "clerk"
        body |= {"version": found["version"]}
        deed = self._deed(case, name)
        answer = self._client.ask(deed, role, "POST", f"/staff/applications/{case.reference}/{name.replace('_', '-')}", json=body)
        return answer.status_code == 200 or (answer.status_code == 409 and deed.code == "wrong_state")

    def _application(self, case: Case) -> dict[str, Any]:
        answer = self._client.ask(self._deed(case, "read"), "registrar", "GET", f"/staff/applications/{case.reference}")
        if answer.status_code != 200:
            raise Later(1)
        found: dict[str, Any] = answer.json()
        if found["account"]:
            case.login = found["account"]["login"]
        return found

    def _approve(self, case: Case) -> bool:
        return self._decide(case, "approve", reason="sprawdzone")

    def _reject(self, case: Case) -> bool:
        return self._decide(case, "reject", reason="dane nie zgadzają się z umową")

    def _withdraw(self, case: Case) -> bool:
        return self._decide(case, "withdraw", reason="na prośbę")

    def _review(self, case: Case) -> bool:
        return self._decide(case, "review")

    def _request_completion(self, case: Case) -> bool:
        return self._decide(case, "request_completion", reason="brakuje strony")

    def _complete(self, case: Case) -> bool:
        return self._decide(case, "complete")

    def _upload(self, case: Case) -> bool:
        """A scan of two megabytes, which the web process lays down before it looks at it."""
        deed = self._deed(case, "upload")
        files = {"file": (f"skan-{case.number}.png", scan(case.number), "image/png")}
        self._client.ask(deed, "clerk", "POST", f"/staff/applications/{case.reference}/documents", files=files)
        return True

    def _correct_application(self, case: Case) -> bool:
        found = self._application(case)
        address = self._next_address(case)
        body = {"version": found["version"], "application": people.on_paper(case.body) | {"email": address}}
        deed = self._deed(case, "correct_application", address=address)
        answer = self._client.ask(deed, "clerk", "POST", f"/staff/applications/{case.reference}/correct", json=body)
        if answer.status_code == 200:
            return True
        return not (answer.status_code == 409 and deed.code == "stale_version")

    # -- deeds on an account ---------------------------------------------------------------------

    def _account(self, case: Case, name: str, role: str = "registrar", *, about: dict[str, Any] | None = None, **body: Any) -> bool:
        """One deed; one that is not possible any more is over, an account that is still being made is tried again."""
        if not case.login:
            self._application(case)
        if not case.login:
            raise Later(1)
        deed = self._deed(case, name, **(about or {}))
        path = f"/staff/accounts/{case.login}/{name.replace('_', '-')}"
        answer = self._client.ask(deed, role, "POST", path, json=body)
        if answer.status_code == 409 and deed.code == "nothing_mailed":
            if case.waits > 15:
                return True
            raise Later(1)
        return True

    def _reset(self, case: Case) -> bool:
        if not case.login:
            self._application(case)
        if not case.login:
            raise Later(1)
        self._client.ask(self._deed(case, "reset"), "service", "POST", "/password-resets", json={"login": case.login})
        return True

    def _correct_address(self, case: Case) -> bool:
        if not case.tries:  # a repeat after an unknown outcome is the same wish
            self._next_address(case)
        address = case.addresses[-1]
        return self._account(case, "correct_address", about={"address": address}, email=address, reason="pomyłka w adresie")

    def _suspend(self, case: Case) -> bool:
        return self._account(case, "suspend", reason="wyjaśniamy", secret=case.number % 2 == 0)

    def _resume(self, case: Case) -> bool:
        return self._account(case, "resume", reason="wyjaśnione")

    def _resend(self, case: Case) -> bool:
        return self._account(case, "resend")

    def _misdirected(self, case: Case) -> bool:
        return self._account(case, "misdirected", reason="list u sąsiada")

    def _delete(self, case: Case) -> bool:
        return self._account(case, "delete", reason="na żądanie")

    def _resign(self, case: Case) -> bool:
        return self._account(case, "resign", "clerk")

    def _withdraw_resignation(self, case: Case) -> bool:
        return self._account(case, "withdraw_resignation", "clerk")

    def _end_contract(self, case: Case) -> bool:
        return self._account(case, "end_contract", customer_number=case.body["customer_number"])

    def _erase(self, case: Case) -> bool:
        """A request under GDPR art. 17 is entered and granted."""
        if not case.login:
            self._application(case)
        if not case.login:
            raise Later(1)
        answer = self._client.ask(self._deed(case, "read"), "registrar", "GET", f"/staff/accounts/{case.login}")
        known = answer.json().get("erasure_requests") or []
        if not known:
            body = {"received_on": people.on_paper(case.body)["filed_on"], "channel": "post"}
            entered = self._client.ask(
                self._deed(case, "enter_erasure"), "clerk", "POST", f"/staff/accounts/{case.login}/erasure-requests", json=body
            )
            known = [entered.json()] if entered.status_code == 201 else []
            if not known:
                return True
        if known[0]["decision"] is None:
            body = {"decision": "erased", "ground": "art. 17 ust. 1 lit. b"}
            path = f"/staff/erasure-requests/{known[0]['id']}/decide"
            self._client.ask(self._deed(case, "erase"), "registrar", "POST", path, json=body)
        return True

    def _first_login(self, case: Case) -> bool:
        """S6 in the browser's way: the mailed password, then an own one. An unknown outcome stays unknown."""
        mails = [mail for address in case.addresses for mail in self._mailroom.to(address) if mail.kind == "activated"]
        if not mails:
            raise Later(2)
        newest = max(mails, key=lambda mail: mail.at)
        case.login = newest.login or case.login
        visitor = Visitor()
        page = visitor.log_in(f"{self._ground.webapp_url}/konto", case.login, newest.password or "")
        if "password-new" not in page.text:
            return case.tries > 5  # suspended or corrected meanwhile, or Keycloak is away
        deed = self._journal.asked(self._deed(case, "own_password"))
        try:
            page = visitor.send(page, {"password-new": case.own_password, "password-confirm": case.own_password})
        finally:
            self._journal.written(deed)
        if "password-new" not in page.text and page.status < 500:
            deed.status, deed.answered_at = 200, now()
        self._journal.written(deed)
        return True

    # -- small things ----------------------------------------------------------------------------

    def _deed(self, case: Case, name: str, **about: Any) -> Deed:
        return Deed(case.number, name, now(), case.reference, case.login, about=about)

    def _next_address(self, case: Case) -> str:
        case.corrected += 1
        case.addresses.append(people.address(self._seed, case.number, case.corrected))
        return case.addresses[-1]
