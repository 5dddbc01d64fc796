"""What must hold when the faults are over and nothing waits any more; every breach with its evidence."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from deploy.visitor import Visitor
from faults import reading
from faults.choices import Choices
from faults.evidence import HAND_OVER_SECONDS, Breach, Evidence, alive
from faults.journal import Deed
from faults.mailroom import Received
from faults.reading import Account

_OWN_PASSWORD = re.compile(r"Woda \d+ Zdroj")
_ALSO_BY_OTHERS = ("delete", "resign")  # the end of a contract and a granted erasure write these lines too


def breaches(evidence: Evidence, logins_tried: int, seed: str) -> Iterator[Breach]:
    """Every breach of every invariant."""
    yield from who_may_log_in(evidence)
    yield from one_user_each(evidence)
    yield from nothing_left_of_the_deleted(evidence)
    yield from nothing_half_done(evidence)
    yield from every_mail_ended(evidence)
    yield from no_refusal_that_was_none(evidence)
    yield from no_password_to_a_wrong_address(evidence)
    yield from every_mailed_password_works(evidence)
    yield from mailed_passwords_log_in(evidence, logins_tried, seed)
    yield from every_account_has_its_mail(evidence)
    yield from others_learned_of_it(evidence)
    yield from what_was_answered_is_written(evidence)
    yield from no_internal_errors(evidence)
    yield from the_chain_holds(evidence)
    yield from no_secret_in_a_log(evidence)


def who_may_log_in(evidence: Evidence) -> Iterator[Breach]:
    users = {user["username"]: user for user in evidence.users}
    for account in evidence.accounts:
        user = users.get(account.login)
        case = evidence.number(account.reference)
        if account.gone:
            if user is not None:
                state = "enabled" if user["enabled"] else "disabled"
                words = f"the account is {account.state}, Keycloak holds a user that is {state}"
                yield Breach("user of a deleted account", account.login, words, case)
            continue
        if user is None and not account.may_log_in:
            continue
        if user is None:
            yield Breach("account without a user", account.login, f"{account.state}, {account.trouble or 'no trouble'}", case)
            continue
        if user["enabled"] != account.may_log_in:
            words = f"the account is {account.state}, in Keycloak enabled is {user['enabled']}"
            yield Breach("who may log in differs", account.login, words, case)
        if user.get("email") != account.email:
            yield Breach("address differs", account.login, f"{account.email} here, {user.get('email')} in Keycloak", case)
        numbers = sorted(user.get("attributes", {}).get("ibok_customer_numbers", []))
        if numbers != sorted(account.numbers):
            yield Breach("customer numbers differ", account.login, f"{account.numbers} here, {numbers} in Keycloak", case)


def one_user_each(evidence: Evidence) -> Iterator[Breach]:
    known = {account.login for account in evidence.accounts}
    ours = [
        user for user in evidence.users if user["username"] in evidence.issued or evidence.ours.fullmatch(user.get("email") or "")
    ]
    for user in ours:
        if user["username"] not in known:
            yield Breach("user without an account", user["username"], f"e-mail {user.get('email')}")
    owners: dict[str, list[str]] = defaultdict(list)
    for user in ours:
        for reference in user.get("attributes", {}).get("ibok_application", []):
            owners[reference].append(user["username"])
    for reference, logins in owners.items():
        if len(logins) > 1:
            yield Breach("two users for one application", reference, ", ".join(logins), evidence.number(reference))
    for account in evidence.accounts:
        if evidence.issued.get(account.login) != account.reference:
            yield Breach("login issued for another", account.login, f"issued for {evidence.issued.get(account.login)}")
    created: dict[str, set[str]] = defaultdict(set)
    for line in evidence.audit:
        if line.action == "account.created":
            created[str(line.details.get("login"))].add(line.subject)
    for login, subjects in created.items():
        if len(subjects) > 1:
            yield Breach("login used twice", login, ", ".join(sorted(subjects)))


def nothing_left_of_the_deleted(evidence: Evidence) -> Iterator[Breach]:
    gone = [account for account in evidence.accounts if account.gone]
    words = {account.login: account.login for account in gone}
    for account in gone:
        case = evidence.case_of.get(account.reference)
        words |= dict.fromkeys(case.addresses if case else [], account.login)
    left: dict[str, list[str]] = defaultdict(list)
    owners = {account.user_id: account.login for account in gone}
    for found in reading.left_in_keycloak(evidence.ground, list(words), [a.user_id for a in gone if a.user_id]):
        word = found.rsplit(" ", 1)[1]
        left[words.get(word) or owners.get(word) or ""].append(found)
    for login, where in left.items():
        yield Breach("something of a deleted person in Keycloak", login, "; ".join(where), _case_of_login(evidence, login))
    for account in evidence.accounts:
        erased = any(deed.done for deed in evidence.account_deeds(account, "erase"))
        if erased and account.state != "anonymised":
            words_ = f"art. 17 was granted, the account is {account.state}"
            yield Breach("granted erasure not carried out", account.login, words_, evidence.number(account.reference))


def _case_of_login(evidence: Evidence, login: str) -> int | None:
    return evidence.number(evidence.issued.get(login, ""))


def nothing_half_done(evidence: Evidence) -> Iterator[Breach]:
    for kind, count in reading.waiting(evidence.ground).items():
        yield Breach("something still waits", kind, f"{count} of them")
    for account in evidence.accounts:
        if account.differences:
            words = f"{'; '.join(account.differences)}; state {account.state}, trouble {account.trouble}"
            yield Breach("half done", account.login, words, evidence.number(account.reference))
    for reference, row in evidence.applications.items():
        if row["status"] == "approved":
            made = evidence.by_reference.get(reference)
            words = f"account {made.login if made else None} is {made.state if made else None}"
            if made is None or not made.gone:
                yield Breach("application stays approved", reference, words, evidence.number(reference))


def every_mail_ended(evidence: Evidence) -> Iterator[Breach]:
    held_back = {account.reference for account in evidence.accounts if account.suspended}
    for mail in evidence.mails:
        if mail.kind == "activated" and mail.reference in held_back:
            continue  # the password of a suspended account waits until it is resumed
        if mail.state not in reading.END_STATES:
            words = f"{mail.kind} is {mail.state} after {mail.attempts} tries: {mail.answer}"
            yield Breach("mail without an end", mail.message_id, words, evidence.number(mail.reference))
    arrived = {mail.message_id for mail in evidence.received}
    for mail in evidence.mails:
        if mail.state == "accepted" and mail.message_id not in arrived:
            yield Breach("mail accepted but never arrived", mail.message_id, mail.kind, evidence.number(mail.reference))


def no_refusal_that_was_none(evidence: Evidence) -> Iterator[Breach]:
    """Only an answer to RCPT or DATA speaks of the address or the message."""
    refused = {each["recipient"].lower() for each in evidence.refusals if each["mode"] == "reject_5xx" and each["recipient"]}
    for mail in evidence.mails:
        if mail.state == "refused" and mail.recipient and mail.recipient.lower() not in refused:
            words = f"{mail.kind} to {mail.recipient}: {mail.answer}"
            yield Breach("address called wrong that nobody refused", mail.message_id, words, evidence.number(mail.reference))


def no_password_to_a_wrong_address(evidence: Evidence) -> Iterator[Breach]:
    """A mail that arrived later than HAND_OVER_SECONDS after a deed that forbids it was answered.

    Seconds in which a worker, its database or the mail server was held up do not count: the hand-over may have begun
    before the deed.
    """
    for account in evidence.accounts:
        forbidden = list(_forbidden(evidence, account))
        for mail in evidence.with_password.get(account.login, []):
            for address, since, until, why in forbidden:
                if address not in ("", mail.to) or not since < mail.at < until:
                    continue
                late = evidence.idle_between(since, mail.at)
                if late > HAND_OVER_SECONDS:
                    words = f"{mail.kind} to {mail.to} {mail.at - since:.1f} s ({late:.1f} s without a fault) after {why}"
                    kind = f"password mailed after {why.split(' ')[0]}"
                    yield Breach(kind, account.login, words, evidence.number(account.reference))
                    break


def _forbidden(evidence: Evidence, account: Account) -> Iterator[tuple[str, float, float, str]]:
    """Address ("" for every one), from when surely, until when surely, why."""
    deeds = evidence.account_deeds(
        account, "suspend", "resume", "misdirected", "correct_address", "delete", "erase", "end_contract", "correct_application"
    )
    for place, deed in enumerate(deeds):
        if not deed.done or deed.answered_at is None:
            continue
        after = deeds[place + 1 :]
        if deed.name in ("delete", "erase"):
            yield "", deed.answered_at, float("inf"), deed.name
        elif deed.name == "suspend":
            yield "", deed.answered_at, _first(after, "resume"), "suspend"
        elif deed.name == "misdirected":
            yield "", deed.answered_at, _first(after, "correct_address"), "misdirected"
        elif deed.name == "correct_address":
            new = deed.about["address"]
            case = evidence.case_of[account.reference]
            for old in case.addresses:
                if old != new:
                    until = min((d.asked_at for d in after if d.about.get("address") == old), default=float("inf"))
                    yield old, deed.answered_at, until, "correct_address"


def _first(deeds: list[Deed], name: str) -> float:
    return min((deed.asked_at for deed in deeds if deed.name == name), default=float("inf"))


def every_mailed_password_works(evidence: Evidence) -> Iterator[Breach]:
    """The newest mailed password of every account that should work, against the hash that Keycloak holds."""
    wanted = {"activated": "password", "new_password": "ibok-temporary-password"}
    tried = [(account, mail) for account in evidence.accounts for mail in alive(evidence, account)]

    def works(pair: tuple[Account, Received]) -> bool:
        account, mail = pair
        held = evidence.credentials.get(account.user_id or "", [])
        return any(each.type == wanted[mail.kind] and each.is_of(mail.password or "") for each in held)

    with ThreadPoolExecutor(2) as pool:
        for (account, mail), good in zip(tried, pool.map(works, tried), strict=True):
            if not good:
                held = [each.type for each in evidence.credentials.get(account.user_id or "", [])]
                words = f"the newest {mail.kind} mail ({mail.name}) holds a password that Keycloak does not take; it holds {held}"
                yield Breach("dead password mailed", account.login, words, evidence.number(account.reference))
    evidence.figures["mailed passwords verified"] = len(tried)


def mailed_passwords_log_in(evidence: Evidence, count: int, seed: str) -> Iterator[Breach]:
    """A sample really logs in: the login page of Keycloak with the mailed password asks for an own one."""
    tried = [(account, mail) for account in evidence.accounts for mail in alive(evidence, account)]
    sample = Choices(seed, "logins").shuffled(tried)[:count]
    url = f"{evidence.ground.people.webapp}/konto"

    def asks_for_own(pair: tuple[Account, Received]) -> str:
        account, mail = pair
        page = Visitor().log_in(url, account.login, mail.password or "")
        return "" if "password-new" in page.text else page.heading

    with ThreadPoolExecutor(2) as pool:
        for (account, mail), heading in zip(sample, pool.map(asks_for_own, sample), strict=True):
            if heading:
                words = f"the {mail.kind} password does not lead to «set your own»: {heading}"
                yield Breach("mailed password does not log in", account.login, words, evidence.number(account.reference))
    evidence.figures["mailed passwords logged in with"] = len(sample)


def every_account_has_its_mail(evidence: Evidence) -> Iterator[Breach]:
    """Nobody who waits for the first login is left without a password, unless a person was told why."""
    for account in evidence.accounts:
        if account.state != "awaiting_first_login" or account.in_doubt or account.trouble:
            continue
        if not evidence.with_password.get(account.login):  # that of an activation, or of a wish after the activation's failed (S7)
            words = "no mail with a password ever came, and no trouble is shown"
            yield Breach("account without its mail", account.login, words, evidence.number(account.reference))
            continue
        came = [mail for mail in evidence.with_password[account.login] if mail.kind == "activated"]
        corrected = [deed for deed in evidence.account_deeds(account, "correct_address") if deed.done and deed.answered_at]
        if corrected and all(mail.to != account.email for mail in came):
            since = max(deed.answered_at or 0 for deed in corrected)
            if all(mail.at > since and evidence.idle_between(since, mail.at) > HAND_OVER_SECONDS for mail in came):
                words = f"the address was corrected before the mail went out, but it went to {came[0].to} alone"
                yield Breach(
                    "password never came to the corrected address", account.login, words, evidence.number(account.reference)
                )


def what_was_answered_is_written(evidence: Evidence) -> Iterator[Breach]:
    """A deed that was answered 200 stands in the audit, and none stands there oftener than it was asked for."""
    actions = {
        "upload": "document.added",
        "approve": "application.approved",
        "reject": "application.rejected",
        "withdraw": "application.withdrawn",
        "suspend": "account.suspended",
        "resume": "account.resumed",
        "resend": "account.resent",
        "misdirected": "account.misdirected",
        "correct_address": "account.address_corrected",
        "resign": "account.resigning",
        "withdraw_resignation": "account.resignation_withdrawn",
        "delete": "account.deleted",
    }
    written = Counter((line.subject, line.action) for line in evidence.audit)
    for case in evidence.cases:
        deeds = evidence.deeds.get(case.number, [])
        for name, action in actions.items():
            asked = [deed for deed in deeds if deed.name == name]
            sure = sum(deed.done for deed in asked)
            possible = sum(deed.done or deed.unknown or (deed.status or 0) >= 500 for deed in asked)
            found = written[(case.reference, action)]
            if found < sure:
                yield Breach(
                    "answered but not written", case.reference, f"{name}: answered {sure} times, written {found}", case.number
                )
            elif found > possible and name not in _ALSO_BY_OTHERS:
                yield Breach(
                    "written oftener than asked", case.reference, f"{name}: asked {possible}, written {found}", case.number
                )
    for line, count in Counter((line.subject, line.action) for line in evidence.audit if line.action == "account.created").items():
        if count > 1:
            yield Breach("account made twice", line[0], f"{count} lines account.created", evidence.number(line[0]))


def no_internal_errors(evidence: Evidence) -> Iterator[Breach]:
    for deed in evidence.journal.deeds:
        if deed.status is not None and deed.status >= 500 and deed.status != 503:
            yield Breach(
                "answered with an internal error",
                deed.login or deed.reference,
                f"{deed.name}: {deed.status} {deed.code}",
                deed.case,
            )


def the_chain_holds(evidence: Evidence) -> Iterator[Breach]:
    done = evidence.ground.command("ibok-provisioning", "audit", "verify")
    if done.returncode:
        yield Breach("the audit's chain does not hold", "audit", done.stderr[-500:])


def no_secret_in_a_log(evidence: Evidence) -> Iterator[Breach]:
    """No secret of the stack, no PESEL, no password, no address and no parameters of a statement in any log."""
    secrets = {
        value for key, value in evidence.ground.secrets.items() if "URL" not in key and "USERNAME" not in key and len(value) > 7
    }
    words = dict.fromkeys(secrets, "a secret")
    words |= dict.fromkeys((case.pesel for case in evidence.cases), "a PESEL")
    words |= dict.fromkeys((mail.password for mail in evidence.received if mail.password), "a mailed password")
    for path in sorted(evidence.ground.logs.glob("*.log")):
        found: Counter[str] = Counter()
        example: dict[str, str] = {}
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                kinds = {words[token] for token in re.findall(r"[A-Za-z0-9_\-]{8,}", line) if token in words}
                if evidence.ours.search(line):
                    kinds.add("an applicant's address")
                if _OWN_PASSWORD.search(line):
                    kinds.add("an own password")
                if "[parameters: " in line:
                    kinds.add("parameters of a statement")
                for kind in kinds:
                    found[kind] += 1
                    example.setdefault(kind, line[:300])
        for kind, count in found.items():
            yield Breach(f"{kind} in a log", path.name, f"{count} lines, such as {example[kind]!r}")


def others_learned_of_it(evidence: Evidence) -> Iterator[Breach]:
    """News have no hole, all of it arrived, and the receiver believes of every account what is so."""
    numbers: dict[str, list[int]] = defaultdict(list)
    known, states = reading.known_to_the_receiver(evidence.ground)
    for news in reading.news(evidence.ground):
        numbers[news.login].append(news.number)
        if news.event_id not in known:
            words = f"{news.kind}, number {news.number}: {news.delivery or 'no delivery was made'}"
            yield Breach("news that never arrived", news.login, words)
    for account in evidence.accounts:
        found = numbers.get(account.login, [])
        if found != list(range(1, len(found) + 1)) or not found:
            yield Breach("numbers of news with a hole", account.login, str(found), evidence.number(account.reference))
        if (told := states.get(account.login)) != account.state:
            words = f"the account is {account.state}, the receiver was told {told}"
            yield Breach("receiver believes something else", account.login, words, evidence.number(account.reference))
