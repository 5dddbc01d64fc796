"""The composition root: settings in, a ready Office out. The only place that knows every adapter."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import structlog
from cryptography.fernet import Fernet
from sqlalchemy import Engine

from ibok_idp.applications.file import Application, load_applications
from ibok_idp.applications.secrets import Secrets
from ibok_idp.database import make_engine
from ibok_idp.directory import CustomerDirectory
from ibok_idp.look.company import Utility, load_utility
from provisioning.adapters.clock import SystemClock
from provisioning.adapters.files.uploads import MAXIMUM_BYTES, harmless_document
from provisioning.adapters.files.virus_scan import VirusScan
from provisioning.adapters.imap.mailbox import ImapMailbox
from provisioning.adapters.keycloak import KeycloakDirectory
from provisioning.adapters.postgres.customer_register import fingerprint_with
from provisioning.adapters.postgres.duty_book import DutyBook
from provisioning.adapters.postgres.jobs import JobQueue
from provisioning.adapters.postgres.news import NewsBell
from provisioning.adapters.postgres.troubles import DatabaseTrouble
from provisioning.adapters.postgres.work import PostgresWork
from provisioning.adapters.public_holidays import is_holiday
from provisioning.adapters.smtp import SmtpMailer
from provisioning.adapters.webhooks import HttpReceivers
from provisioning.domain.document import Document
from provisioning.domain.doubts import Doubt
from provisioning.domain.rulebook import ClosingRules, RetentionRules, Rulebook, TermStart, TermUnit
from provisioning.form.catalogue import activated, all_versions, current_form
from provisioning.form.check import Checker
from provisioning.messages.compose import Composer
from provisioning.ports.services import Links, Services
from provisioning.settings import Settings

_log = structlog.get_logger()


@dataclass(frozen=True)
class Wired:
    """What doors need."""

    settings: Settings
    engine: Engine
    services: Services
    utility: Utility
    directory: CustomerDirectory
    mailer: SmtpMailer
    virus_scan: VirusScan
    duties: DutyBook
    applications: dict[str, Application]
    bell: NewsBell
    again: Callable[[Callable[[], Any]], Any]

    def harmless(self, name: str, content: bytes, kind: str = "scan", reference: str = "") -> Document:
        """A file as it may be kept.

        Raises:
            Invalid: refused, with the code of why. ScannerGone: clamd is configured and does not answer.
        """
        if len(content) <= MAXIMUM_BYTES:
            self.virus_scan(content)
        return harmless_document(reference, kind, name, content)

    def receivers(self) -> HttpReceivers:
        """Who is told by webhooks, with what signs them."""
        return HttpReceivers(self.applications.values(), Secrets(self.settings.applications_secrets_dir, os.environ))

    def mailbox(self) -> ImapMailbox | None:
        """The mailbox of applications; None when none is configured."""
        url = self.settings.imap_url.get_secret_value()
        return ImapMailbox(url, self.settings.mail_from, self.harmless) if url else None

    def checker(self) -> Checker:
        today = self.services.clock.today()
        return Checker(self.services.forms, self.services.current_form(today), self.services.rules, today)


def wire(settings: Settings) -> Wired:
    """Put everything together; nothing is connected to yet.

    Raises:
        SettingsError: the utility file is wrong.
    """
    url = settings.database_url.get_secret_value()
    engine = make_engine(url)
    utility = load_utility(Path(settings.utility_file) if settings.utility_file else None)
    directory = CustomerDirectory(
        str(settings.keycloak_url), "ibok-provisioning", settings.provisioning_client_secret.get_secret_value(), settings.realm
    )
    mailer = SmtpMailer(settings.smtp_url.get_secret_value(), settings.mail_from)
    forms = all_versions(settings.form_versions_dir or utility.form_versions_dir(settings.utility_file))
    personal_data_key = settings.personal_data_key.get_secret_value()
    fingerprint = fingerprint_with(personal_data_key)

    known: dict[str, date] = {}

    def activations() -> dict[str, date]:
        """As the manager decided; without the database as last known, so that the form can still be read."""
        try:
            with work.joined() as transaction:  # it is asked for in the middle of other steps
                known.update({each.version: each.valid_from for each in transaction.form_activations.every()})
        except DatabaseTrouble:
            _log.warning("form_activations.as_last_known")
        return dict(known)

    work = PostgresWork(engine, personal_data_cipher(personal_data_key), fingerprint, JobQueue(), make_engine(url))
    composer = Composer(utility, settings.mail_from, settings.mail_reply_to)
    services = Services(
        work=work,
        only_one=work.only_one,
        these_free=work.these_free,
        directory=KeycloakDirectory(directory),
        mailer=mailer,
        compose=composer,
        compose_digest=composer.digest,
        digest_to=settings.digest_addresses,
        digest_manager_to=settings.digest_manager_addresses,
        clock=SystemClock(),
        rules=_rules(settings, utility),
        forms=forms,
        current_form=lambda today: current_form(today, activated(forms, activations())),
        dated_forms=lambda: activated(forms, activations()),
        is_holiday=is_holiday,
        links=Links(webapp=str(settings.webapp_url).rstrip("/"), staff=str(settings.provisioning_url).rstrip("/")),
        mail_domain=settings.mail_domain,
        fingerprint=fingerprint,
        keys=settings.key_ring(),
        link_keys=settings.link_keys(),
    )
    return Wired(
        settings,
        engine,
        services,
        utility,
        directory,
        mailer,
        VirusScan(settings.clamd_socket),
        DutyBook(engine),
        {each.client_id: each for each in load_applications(settings.applications_file)},
        NewsBell(url),
        work.again,
    )


def _rules(settings: Settings, utility: Utility) -> Rulebook:
    """The numbers of the environment and those of the Regulamin in the utility's file, in one place."""
    of_file = {
        name: value
        for name, value in utility.term.model_dump(exclude_none=True).items()
        if f"term_{name}" not in settings.model_fields_set and name not in settings.model_fields_set
    }
    rules = settings.rulebook()
    return replace(
        rules,
        term_days=of_file.get("days", rules.term_days),
        term_unit=TermUnit(of_file.get("unit", rules.term_unit)),
        term_start=TermStart(of_file.get("start", rules.term_start)),
        reminder_days=tuple(of_file.get("reminder_days", rules.reminder_days)),
        closing=ClosingRules(**utility.account_closing.model_dump()),
        retention=RetentionRules(
            **{name.removesuffix("_days"): timedelta(days=days) for name, days in utility.retention.model_dump().items()}
        ),
        unasked_mails_per_hour=utility.unasked_mails.per_hour,
        unasked_mails_per_day=utility.unasked_mails.per_day,
        terms_notice_days=utility.terms.notice_days,
        forbidden=frozenset(Doubt(each) for each in utility.approval.forbidden),
        register_owns=frozenset(utility.customer_register.owns),
    )


def personal_data_cipher(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"personal-data:{key}".encode()).digest()))
