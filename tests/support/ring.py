"""An Office on a real PostgreSQL with a Keycloak and a mail server in memory, for tests of use cases."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from ibok_idp.database import make_engine
from ibok_idp.temporary_password import KeyRing
from provisioning.adapters.postgres.customer_register import fingerprint_with
from provisioning.adapters.postgres.schema import migrate
from provisioning.adapters.postgres.work import PostgresWork
from provisioning.domain.account import Account
from provisioning.domain.actors import Actor
from provisioning.domain.mail import Mail
from provisioning.form.check import Checker
from provisioning.ports.services import Services
from provisioning.use_cases.account.confirm_first_login import confirm_first_login
from provisioning.use_cases.account.follow_keycloak import follow_keycloak
from provisioning.use_cases.account.keep_account import Kept, keep, sweep
from provisioning.use_cases.application.decide import approve
from provisioning.use_cases.application.register_paper import register_paper
from provisioning.use_cases.messages.mail_out import due_mails
from tests.support.fakes import TickingClock, fake_services
from tests.support.memory_keycloak import MemoryKeycloak
from tests.support.memory_mail import MemoryMailServer, plain_letter
from tests.support.world import paper_body

CLERK = Actor("clerk", frozenset({"bok-clerk"}))
REGISTRAR = Actor("registrar", frozenset({"bok-registrar"}))


@dataclass
class NoJobs:
    """Wake-ups that are all lost: the sweep must find everything by itself."""

    deferred: int = 0

    def defer(self, connection: Any, task: str, **arguments: str) -> None:
        self.deferred += 1

    def take_back(self, connection: Any, task: str, argument: str, values: Sequence[str]) -> None:
        """There are none."""


@dataclass
class Ring:
    """Everything a test of this ring needs."""

    engine: Engine
    services: Services
    clock: TickingClock
    keycloak: MemoryKeycloak
    mail_server: MemoryMailServer

    def calm(self) -> None:
        """Everything answers, nothing happens in the middle of a call."""
        self.keycloak.meanwhile = self.mail_server.meanwhile = lambda point: None
        self.keycloak.away, self.keycloak.lose_answers, self.mail_server.lose_answers = False, 0, 0
        self.mail_server.answer, self.mail_server.at_hand_over = lambda recipient: None, lambda taken: None

    def forget(self) -> None:
        """Nothing of what happened before is looked through again: many histories in one ring stay as quick as the first."""
        self.keycloak.users.clear()
        for of_the_past in (self.keycloak.events, self.keycloak.console, self.mail_server.taken):
            of_the_past.clear()

    def close(self) -> None:
        self.engine.dispose()

    def approved(self, **changes: Any) -> str:
        """An approved application; the login of its account, which nobody has kept yet."""
        today = self.services.clock.today()
        filed, signed = str(today - timedelta(days=4)), str(today - timedelta(days=6))
        body = paper_body(filed_on=filed, signature={"kind": "paper", "signed_on": signed}) | changes
        checker = Checker(self.services.forms, self.services.current_form(today), self.services.rules, today)
        application = register_paper(self.services, CLERK, checker.paper(body))
        approve(self.services, REGISTRAR, application.reference, application.version, "bez skanu")
        with self.services.work() as work:
            account = work.accounts.by_reference(application.reference)
        assert account is not None
        return account.login

    def waiting(self) -> str:
        """An account whose mail was taken and that nobody logged in to yet."""
        login = self.approved()
        self.settle(login)
        return login

    def active(self) -> str:
        """A customer with an own password."""
        login = self.waiting()
        self.first_login(login)
        return login

    def first_login(self, login: str) -> None:
        """The customer uses the newest mailed password and the worker notices."""
        mailed = self.mail_server.passwords(login)[-1]
        assert mailed.secret is not None
        assert self.keycloak.set_own_password(login, mailed.secret, f"Woda-{secrets.token_hex(4)}-Zdroj7")
        assert confirm_first_login(self.services, self.account(login))

    def notice(self, login: str) -> None:
        """What the worker does every few seconds: read Keycloak's events, look for first logins."""
        follow_keycloak(self.services)
        confirm_first_login(self.services, self.account(login))

    def settle(self, login: str, rounds: int = 12) -> Account:
        """Keep an account, with time passing between the rounds, until nothing is left to do."""
        for _ in range(rounds):
            if keep(self.services, login) is Kept.SETTLED:
                break
            self.clock.moment += timedelta(minutes=16)
        self.send_due()
        return self.account(login)

    def send_due(self) -> None:
        """What is due now, and what waits for its next try."""
        due_mails(self.services)
        if self.sql("SELECT 1 FROM mails WHERE state IN ('queued', 'deferred') LIMIT 1"):
            self.clock.moment += timedelta(minutes=16)
            due_mails(self.services)

    def sweep(self) -> None:
        sweep(self.services)

    def account(self, login: str) -> Account:
        with self.services.work() as work:
            return work.accounts.get(login)

    def mails(self, login: str) -> list[Mail]:
        with self.services.work() as work:
            return work.mails.of(work.accounts.get(login).reference)

    def history(self, login: str) -> list[str]:
        with self.services.work() as work:
            return [line.action for line in work.audit.of(work.accounts.get(login).reference)]

    def with_keys(self, current: bytes, *earlier: bytes) -> Services:
        """The same office after the key of temporary passwords was rotated."""
        return replace(self.services, keys=KeyRing(current, earlier))

    def sql(self, statement: str, **values: Any) -> list[Any]:
        with self.engine.begin() as connection:
            found = connection.execute(text(statement), values)
            return list(found) if found.returns_rows else []


def make_ring(database_url: str) -> Ring:
    engine = make_engine(database_url)
    migrate(engine)
    clock = TickingClock()
    keycloak, mail_server = MemoryKeycloak(clock), MemoryMailServer(clock)
    fingerprint = fingerprint_with("r" * 32)
    cipher = Fernet(base64.urlsafe_b64encode(b"r" * 32))
    work = PostgresWork(engine, cipher, fingerprint, NoJobs())
    services = fake_services(
        work=work,
        only_one=work.only_one,
        these_free=work.these_free,
        directory=keycloak,
        mailer=mail_server,
        compose=plain_letter,
        clock=clock,
        fingerprint=fingerprint,
    )
    return Ring(engine, services, clock, keycloak, mail_server)
