"""Invented applications in any number, for trying the queue out and for measuring it. No real people.

PESEL numbers have a valid checksum and belong to nobody alive: they are of the nineteenth century. Addresses end in
example.com, which no mail leaves for; no mail, job or account is made with them.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from stdnum.pl import nip, pesel

from ibok_idp.texts import LANGUAGES, SOURCE
from provisioning.adapters.postgres.application import PostgresApplications, search_words
from provisioning.adapters.postgres.search import grams, name_words
from provisioning.adapters.postgres.work import applications_in
from provisioning.domain.application import Application, Channel, Status
from provisioning.domain.clauses import FormVersion
from provisioning.domain.deadline import due_on
from provisioning.domain.declared_fields import declared
from provisioning.domain.login_names import reference as make_reference
from provisioning.ports.services import Services
from provisioning.ports.work import Work

_WORDS = tomllib.loads((Path(__file__).parent / "demo_words.toml").read_text(encoding="utf-8"))
_FIRST, _LAST, _STREETS = (_WORDS[name].split() for name in ("first_names", "last_names", "streets"))
_TOWNS, _COMPANIES = _WORDS["towns"], _WORDS["companies"]
_BATCH = 20_000
_REJECTED = "Dane nie zgadzają się z umową"
_ANOTHER_LANGUAGE = next(code for code in LANGUAGES if code != SOURCE)


class _Draw:
    """Choices that look drawn and are the same for the same number."""

    def __init__(self, seed: str, number: int) -> None:
        self._left = int.from_bytes(hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=48).digest(), "big")

    def below(self, limit: int) -> int:
        self._left, found = divmod(self._left, limit)
        return found

    def of(self, choices: Any) -> Any:
        return choices[self.below(len(choices))]


def invented_pesel(draw: Callable[[int], int]) -> str:
    """A PESEL with a valid checksum of somebody born 1800 to 1899: nobody alive has it."""
    first = f"{draw(100):02d}{81 + draw(12):02d}{1 + draw(28):02d}{draw(10_000):04d}"
    return first + pesel.calc_check_digit(first)


def invented_nip(draw: Callable[[int], int]) -> str:
    """A NIP with a valid checksum."""
    while True:
        first = f"{100 + draw(800)}{draw(1_000_000):06d}"
        for digit in "0123456789":
            if nip.is_valid(first + digit):
                return first + digit


def generate(services: Services, work: Work, count: int, told: Callable[[int], None] = lambda _count: None) -> None:
    """Write `count` applications, filed over the last five years, most of them decided, in the transaction of `work`.

    Args:
        told: hears how many are written.
    """
    connection, table = applications_in(work)
    rules, today = services.rules, services.clock.today()
    form = services.current_form(today)
    last = connection.execute("SELECT nextval('application_numbers')").fetchone()[0]
    connection.execute("SELECT setval('application_numbers', %s)", (last + count,))
    due = lru_cache(maxsize=4000)(lambda day: due_on(day, rules.term_days, rules.term_unit, services.is_holiday))
    made = (_application(form, f"demo{last}", n, last + n, count, today, due) for n in range(count))
    written = 0
    while batch := list(islice(made, _BATCH)):
        _write(connection, table, batch)
        written += len(batch)
        told(written)


def _write(connection: psycopg.Connection[Any], table: PostgresApplications, batch: list[Application]) -> None:
    names: set[str] = set()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS demo_rows (LIKE applications, words text[]) ON COMMIT DROP")
        cursor.execute("ALTER TABLE demo_rows ALTER COLUMN search_words DROP NOT NULL")
        columns = [*table.row(batch[0]), "words"]
        with cursor.copy(f"COPY demo_rows ({', '.join(columns)}) FROM STDIN") as copy:
            for application in batch:
                words = search_words(application)
                names |= name_words(words)
                copy.write_row([_cell(value) for value in table.row(application).values()] + [sorted(words)])
        listed = ", ".join(columns[:-1])
        cursor.execute(
            f"INSERT INTO applications ({listed}, search_words) SELECT {listed}, array_to_tsvector(words) FROM demo_rows"  # noqa: S608
        )
        cursor.execute("TRUNCATE demo_rows")
        cursor.executemany(
            "INSERT INTO search_names (word, grams) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [(word, grams(word)) for word in sorted(names)],
        )


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _application(
    form: FormVersion, seed: str, index: int, number: int, count: int, today: date, due: Callable[[date], date]
) -> Application:
    draw = _Draw(seed, index)
    filed_on = today - timedelta(days=(count - 1 - index) * 1825 // count)
    open_still = (today - filed_on).days <= 16
    status = _status(draw, open_still=open_still)
    kind = "person" if draw.below(10) < 8 else draw.of([each.code for each in declared().types if each.signed_by])
    channel = draw.of([Channel.WEB] * 6 + [Channel.OFFICE] * 2 + [Channel.POST, Channel.EMAIL])
    first = draw.of(_FIRST)
    last = _last_name(draw, of_a_woman=first.endswith("a"))
    name, data = f"{first} {last}", _data(draw, kind, first, last)
    confirmed = status is not Status.UNCONFIRMED
    received = datetime.combine(filed_on, datetime.min.time()).astimezone() + timedelta(minutes=480 + draw.below(480))
    signature = {
        "kind": "declaration" if channel is Channel.WEB else "paper",
        "signed_on": filed_on.isoformat(),
        "signed_name": name,
    }
    decided = status in (Status.REGISTERED, Status.REJECTED, Status.WITHDRAWN)
    return Application(
        reference=make_reference(filed_on.year, number),
        status=status,
        channel=Channel.WEB if not confirmed else channel,
        form_version=form.version,
        terms_version=form.terms_version,
        language=_ANOTHER_LANGUAGE if draw.below(20) == 0 else SOURCE,
        customer_type=kind,
        data=data,
        pesel=invented_pesel(draw.below) if kind == "person" and draw.below(3) == 0 else None,
        clauses=dict.fromkeys(form.codes, True),
        terms_accepted=True,
        signature=signature,
        received_at=received,
        filed_at=received if confirmed else None,
        filed_on=filed_on if confirmed else None,
        completed_on=filed_on if confirmed else None,
        due_on=due(filed_on) if confirmed else None,
        email_confirmed_at=received if confirmed and channel is Channel.WEB else None,
        decided_at=received + timedelta(days=1 + draw.below(13)) if decided else None,
        decided_by="registrar" if decided else None,
        reason=_REJECTED if status is Status.REJECTED else None,
        entered_by="clerk" if confirmed and channel is not Channel.WEB else None,
        nonce=hashlib.sha256(f"{seed}:{index}".encode()).digest(),
    )


def _status(draw: _Draw, *, open_still: bool) -> Status:
    if open_still:
        return Status(draw.of([Status.FILED] * 4 + [Status.IN_REVIEW] * 3 + [Status.INCOMPLETE, Status.UNCONFIRMED]))
    return Status(draw.of([Status.REGISTERED] * 92 + [Status.REJECTED] * 5 + [Status.WITHDRAWN] * 2 + [Status.UNCONFIRMED]))


def _last_name(draw: _Draw, *, of_a_woman: bool) -> str:
    """A third of the names are two: that gives as many different words as a town has."""
    names = [str(draw.of(_LAST)) for _ in range(2 if draw.below(3) == 0 else 1)]
    return "-".join(f"{name[:-1]}a" if of_a_woman and name.endswith(("ski", "cki", "dzki")) else name for name in names)


def _data(draw: _Draw, kind: str, first: str, last: str) -> dict[str, Any]:
    code, town = draw.of(_TOWNS)
    address = {"street": draw.of(_STREETS), "house": str(1 + draw.below(199)), "flat": None, "postal_code": code, "city": town}
    mailbox = hashlib.blake2b(f"{first}{last}{draw.below(10**9)}".encode(), digest_size=5).hexdigest()
    data: dict[str, Any] = {
        "customer_number": f"{10_000_000 + draw.below(89_999_999)}",
        "contract_number": f"U/{2000 + draw.below(26)}/{1 + draw.below(9999)}",
        "supply_point_address": address,
        "correspondence_address": None,
        "email": f"{mailbox}@example.com",
        "phone": f"+48 500 {draw.below(1000):03d} {draw.below(1000):03d}",
    }
    if kind == "person":
        return {"first_name": first, "last_name": last, **data}
    company = f"{draw.of(_COMPANIES)} {last}"
    person = {"first_name": first, "last_name": last, "authority": "pełnomocnictwo"}
    return {"company_name": company, "tax_id": invented_nip(draw.below), "registry_number": None, "representative": person, **data}
