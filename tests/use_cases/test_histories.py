"""K10, K01, K02, K03: any history of deeds, faults, crashes and time; at the end the invariants of the keeper hold.

Hypothesis writes the histories, as many as IBOK_HISTORIES says (200; 1,000 in CI; 20,000 by hand), for each part from
IBOK_HISTORIES_SEED (drawn, and shown with a failing one). IBOK_SHRINK=1 makes a failing one short.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from provisioning.domain.account_states import AccountState
from provisioning.domain.errors import DomainError
from provisioning.domain.keeping import Act
from provisioning.ports.messages import MailDeferred, MailFailed, MailRefused
from provisioning.use_cases.account import resign
from provisioning.use_cases.account.keep_account import keep
from provisioning.use_cases.messages.mail_out import due_mails
from tests.support.invariants import HandOvers, check_invariants
from tests.support.ring import Ring
from tests.use_cases.deeds import DEEDS

HISTORIES = int(os.environ.get("IBOK_HISTORIES", "200"))
SEED = os.environ.get("IBOK_HISTORIES_SEED") or secrets.token_hex(4)
MAIL_ANSWERS = {
    "taken": None,
    "later": MailDeferred("450 later"),
    "our set-up": MailDeferred("535 no", our_setup=True),
    "no such address": MailRefused("550 5.1.1 no"),
    "not this message": MailFailed("554 no"),
}
POINTS = ("before_call", "before", "after", "after_call", "before_commit", "after_commit")


class Died(BaseException):
    """The process is killed at a seam."""


class Histories(RuleBasedStateMachine):
    """One account and everything that can happen to it."""

    ring: Ring

    @initialize(start=st.sampled_from(["approved", "waiting", "active"]))
    def begin(self, start: str) -> None:
        self.ring.calm()
        self.ring.forget()
        self.login = getattr(self.ring, start)()
        self.watch = HandOvers(self.ring)
        self.ring.mail_server.at_hand_over = self.watch

    @rule(deed=st.sampled_from(sorted(DEEDS)))
    def deed(self, deed: str) -> None:
        self._do(deed)

    @rule(act=st.sampled_from(sorted(Act)), point=st.sampled_from(POINTS), deed=st.sampled_from([*sorted(DEEDS), "die"]))
    def keep_with_something_in_its_middle(self, act: str, point: str, deed: str) -> None:
        """The keeper looks; in the middle of the named act something is decided, or the process dies."""
        done: list[str] = []
        if point == "before_commit":
            deed = "die"  # the row is locked: whoever decides something now waits until it is written

        def meanwhile(where: str) -> None:
            if not done and where.endswith(f".{point}"):
                done.append(where)
                if deed == "die":
                    raise Died
                self._do(deed)

        with self._meanwhile(meanwhile), self._unless_it_dies():
            services = replace(self.ring.services, seam=lambda name: meanwhile(name) if name.startswith(act) else None)
            keep(services, self.login)

    @rule(answer=st.sampled_from(sorted(MAIL_ANSWERS)))
    def mail_server(self, answer: str) -> None:
        error = MAIL_ANSWERS[answer]
        self.ring.mail_server.answer = lambda recipient: error

    @rule(away=st.booleans())
    def keycloak(self, away: bool) -> None:
        self.ring.keycloak.away = away

    @rule(of=st.sampled_from(["keycloak", "mail_server"]))
    def lose_the_next_answer(self, of: str) -> None:
        getattr(self.ring, of).lose_answers = 1

    @rule(hours=st.sampled_from([0.01, 1, 25, 24 * 8, 24 * 15]))
    def time_passes(self, hours: float) -> None:
        self.ring.clock.moment += timedelta(hours=hours)
        resign.close_if_due(self.ring.services, self.login)

    @rule()
    def the_worker_looks_around(self) -> None:
        if not self.ring.keycloak.away:
            self.ring.notice(self.login)
        keep(self.ring.services, self.login)
        due_mails(self.ring.services)

    def teardown(self) -> None:
        if not hasattr(self, "login"):
            return
        self.ring.calm()
        self.ring.mail_server.at_hand_over = self.watch
        self.ring.notice(self.login)
        self.ring.settle(self.login)
        check_invariants(self.ring, self.login)
        assert self.watch.wrong == []
        self._to_the_end()

    def _to_the_end(self) -> None:
        """Whatever became of the account: once it is deleted and its days are over nothing of the person is left."""
        if not self.ring.account(self.login).must_be_gone:
            self._do("delete")
        self.ring.settle(self.login)
        before, self.ring.clock.moment = self.ring.clock.moment, self.ring.clock.moment + timedelta(days=3000)
        due_mails(self.ring.services)  # what waited for its next try when everything was settled
        resign.close_if_due(self.ring.services, self.login)
        self.ring.clock.moment = before
        account = self.ring.account(self.login)
        assert account.state is AccountState.ANONYMISED
        assert (account.email, account.first_name, account.phone, account.nonce) == ("", "", None, None)
        assert self.ring.keycloak.of_application(account.reference) == []
        assert [mail for mail in self.ring.mails(self.login) if mail.waits or mail.recipient] == []

    def _do(self, deed: str) -> None:
        try:
            DEEDS[deed](self.ring, self.login)
        except DomainError:
            return  # refused in this state: nothing has changed
        except Exception as error:
            if type(error).__name__ != "DirectoryTrouble":  # Keycloak is away: the worker asks again
                raise

    @contextmanager
    def _meanwhile(self, what: object) -> Iterator[None]:
        self.ring.keycloak.meanwhile = self.ring.mail_server.meanwhile = what  # type: ignore[assignment]
        try:
            yield
        finally:
            self.ring.keycloak.meanwhile = self.ring.mail_server.meanwhile = lambda where: None

    @contextmanager
    def _unless_it_dies(self) -> Iterator[None]:
        try:
            yield
        except Died:
            return


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))  # so that several processes share them
def test_k10_after_any_history_the_invariants_hold(ring: Ring, part: int) -> None:
    print(f"IBOK_HISTORIES_SEED={SEED}, part {part}")  # pytest shows it with a failure
    of_this_ring = type("OfThisRing", (Histories,), {"ring": ring})
    run_state_machine_as_test(
        seed(f"{SEED}-{part}")(of_this_ring),
        settings=settings(
            max_examples=max(1, HISTORIES // 4),
            stateful_step_count=10,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink) if "IBOK_SHRINK" in os.environ else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
