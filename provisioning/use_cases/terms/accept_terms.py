"""A new version of the Regulamin: announced in advance, accepted or refused in the portal, kept as evidence."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from datetime import timedelta

from provisioning.domain.account import Account
from provisioning.domain.account_states import ClosingCause
from provisioning.domain.actors import CUSTOMER
from provisioning.domain.application import Application
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.clauses import FormVersion
from provisioning.domain.errors import FieldError, Invalid, NotPossible
from provisioning.domain.mail import MailKind
from provisioning.domain.news import NewsKind
from provisioning.domain.terms import TermsAnswer
from provisioning.ports.services import Services
from provisioning.use_cases.account.resign import begin_closing
from provisioning.use_cases.messages.mail_out import queue_account_mail
from provisioning.use_cases.one_by_one import one_by_one

_BATCH = 200


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of a comparison: `same`, `added` or `removed`."""

    kind: str
    text: str


def announced(services: Services) -> FormVersion | None:
    """The newest version whose Regulamin is valid or within the days of notice."""
    horizon = services.clock.today() + timedelta(days=services.rules.terms_notice_days)
    versions = [form for form in services.versions if form.valid_from <= horizon]
    return max(versions, key=lambda form: form.valid_from, default=None)


def by_terms(services: Services, terms_version: str) -> FormVersion | None:
    """The form version that carries a version of the Regulamin."""
    found = [form for form in services.versions if form.terms_version == terms_version]
    return min(found, key=lambda form: form.valid_from, default=None)


def to_be_answered(services: Services, application: Application, answers: list[TermsAnswer]) -> FormVersion | None:
    """The announced Regulamin that this customer has neither filed with nor answered."""
    newest = announced(services)
    if newest is None or newest.terms_version in {application.terms_version, *(answer.terms_version for answer in answers)}:
        return None
    return newest


def comparison(before: FormVersion | None, after: FormVersion, language: str) -> list[Paragraph]:
    """What changed, paragraph by paragraph."""
    old = before.terms[language].split("\n\n") if before else []
    new = after.terms[language].split("\n\n")
    found: list[Paragraph] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [Paragraph("same", text) for text in old[i1:i2]]
        else:
            found += [Paragraph("removed", text) for text in old[i1:i2]] + [Paragraph("added", text) for text in new[j1:j2]]
    return found


def answer_terms(services: Services, login: str, terms_version: str, *, accept: bool) -> Account:
    """Accept a version of the Regulamin, or refuse it, which is a resignation (S8). The first answer stands.

    Raises:
        Invalid: `unknown_version`. NotPossible: `already_answered`, `wrong_state`.
    """
    with services.work() as work:
        account = work.accounts.locked(login)
        application = work.applications.get(account.reference)
        form = to_be_answered(services, application, work.terms.of(login))
        if form is None:
            raise NotPossible("already_answered", "There is no Regulamin to be answered.")
        if form.terms_version != terms_version:
            raise Invalid([FieldError("terms_version", "terms_outdated")])
        now = services.clock.now()
        work.terms.answer(TermsAnswer(login, terms_version, accept, now, terms_sha256(form)))
        details = {"terms_version": terms_version, "sha256": terms_sha256(form)}
        work.audit.write(
            CUSTOMER, AuditAction.TERMS_ACCEPTED if accept else AuditAction.TERMS_REFUSED, account.reference, details, now
        )
        if accept:
            work.news.add(account, NewsKind.TERMS_ACCEPTED)
        else:
            days = max(services.rules.closing.resignation_days, (form.valid_from - services.clock.today()).days)
            begin_closing(services, work, account, ClosingCause.TERMS_REFUSED, days, CUSTOMER)
    return account


def terms_sha256(form: FormVersion) -> str:
    """What exactly was shown."""
    return hashlib.sha256("\0".join(form.terms[language] for language in sorted(form.terms)).encode()).hexdigest()


def announce_terms(services: Services) -> int:
    """Mail the customers who have not been told of the newest Regulamin yet; a batch at a time, by the worker.

    Raises:
        LeftBehind: some could not be told; all the others were.
    """
    form = announced(services)
    if form is None or len({each.terms_version for each in services.versions}) < 2:
        return 0
    with services.work() as work:
        customers = [each.login for each in work.accounts.without_terms_notice(form.terms_version, _BATCH)]
    return one_by_one("account", customers, lambda login: _announce(services, login, form))


def _announce(services: Services, login: str, form: FormVersion) -> bool:
    with services.work() as work:
        account = work.accounts.locked(login)
        told = [each for each in work.mails.of(account.reference) if each.kind is MailKind.TERMS_ANNOUNCED]
        if any(each.about.get("terms_version") == form.terms_version for each in told):
            return False  # another worker was quicker
        about = {"terms_version": form.terms_version, "valid_from": form.valid_from.isoformat()}
        queue_account_mail(services, work, MailKind.TERMS_ANNOUNCED, account, form.terms_version, about)
    return True
