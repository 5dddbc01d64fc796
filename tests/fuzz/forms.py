"""Every form of the web form, the portal and the staff pages, behind the check of CSRF tokens: its own fields, hostile values."""

from __future__ import annotations

import random  # noqa: TID251  # repeatable
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import hypothesis
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deploy.demo import applicant
from deploy.visitor import Element, Page, Visitor
from tests.fuzz.calls import Things
from tests.fuzz.judge import SECONDS_FOR_AN_ANSWER, Judge, Until, come_from
from tests.support.world import World, paper_body, unused_address

NOBODY = "00000000-0000-4000-8000-000000000000"
HOSTILE: tuple[str | bytes, ...] = (
    "", " ", "\0", "a\0b", "\r\nBcc: x@example.com", "\ud800".encode("utf-8", "surrogatepass"), b"\xff\xfe", b"\xc0\xaf", "\u202e", "\u200b",
    "e\u0301" * 300, "x" * 10_000, "ą" * 501, "💧", "' OR 1=1 --", "%", "_", "\\", "{{7*7}}", "#{7*7}", "<script>alert(1)</script>", "=cmd()",
    "-1", "0", "1", "999999999999999999999999", "1e400", "NaN", "١٢٣", "２０２６", "²", "true", "null", "[]", "{}", "yes", "no", "../../x", "//example.com",
    "2026-02-30", "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "2026-W01-1", "20260101", "2026-01-01T00:00:00", "person", "business", "office",
    "jan@example.com", "jan@xn--.com", "jan@" + "a" * 300 + ".pl", '"a b"@example.com', "jan@[127.0.0.1]", "jan@example.com\n", "44051401359",
    "٤٤٠٥١٤٠١٣٥٩", NOBODY, "2026-999999-1",
)  # fmt: skip
_VALUES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60).filter(lambda words: not _lone(words)))
_STAFF_PAGES = (
    "/nowy", "/konta?q=x", "/dziennik", "/wplyw", "/zadania/niezalogowani", "/regulamin", "/raporty", "/wniosek/{reference}", "/wniosek/{reference}/popraw",
    "/wniosek/{reference}/record-paper", "/wniosek/{reference}/reject", "/wniosek/{reference}/withdraw", "/wniosek/{reference}/request-completion",
    "/wniosek/{reference}/approve-with-reason", "/wniosek/{reference}/dopisz/{login}", "/konto/{login}", "/konto/{login}/resend",
    "/konto/{login}/correct-address", "/konto/{login}/correct-names", "/konto/{login}/misdirected", "/konto/{login}/suspend", "/konto/{login}/resume",
    "/konto/{login}/resign", "/konto/{login}/withdraw-resignation", "/konto/{login}/end-contract", "/konto/{login}/enter-erasure",
    "/konto/{login}/delete",
)  # fmt: skip
_TOUCHES_OTHERS = ("/", "/zadania", "/zatwierdz-razem", "/terminy", "/druki")  # only where nobody else works
_HOSTILE_PATHS = (
    "/?q={}", "/?status={}&sort={}&page={}", "/?filed_from={}&due={}", "/konta?q={}", "/dziennik?subject={}&since={}&until={}&before={}", "/wplyw/{}",
    "/wplyw/{}/plik/{}/strona/1.jpg", "/wniosek/{}", "/wniosek/{reference}/plik/{}", "/wniosek/{reference}/plik/{}/strona/0.jpg", "/konto/{}",
    "/konto/{login}/{}", "/zadania/rodo/{}", "/regulamin/{}", "/raporty?since={}&until={}", "/raporty/kanaly.svg?since={}&until={}", "/nowy?wplyw={}",
    "/nowy?customer_type={}", "/wniosek/{reference}?plik={}&strona={}&scale={}&rotation={}", "/zadania/niezalogowani?dni={}&days={}",
)  # fmt: skip
_PORTAL_PAGES = (
    "/konto",
    "/konto/dane",
    "/konto/email",
    "/konto/regulamin",
    "/konto/rezygnacja",
    "/konto/email/x",
    "/konto/email/cofnij/x",
    "/haslo",
)
_NOT_SENT = ("/wyloguj", "/logout")  # it ends the visit that all else needs
_STOPPED_BEFORE = "Strona była otwarta zbyt długo"  # the page of the check of CSRF tokens: the form itself never saw the request
Pairs = list[tuple[str, str | bytes]]


def _lone(words: str) -> bool:
    return any(0xD800 <= ord(each) < 0xE000 for each in words)


@dataclass(frozen=True)
class Form:
    """A form as a page shows it: where it goes, and its fields with what they hold."""

    target: str
    multipart: bool
    fields: tuple[tuple[str, str], ...]


def forms(page: Page) -> list[Form]:
    """The forms of a page that are posted and need a CSRF token; the page was fetched by somebody who holds it."""
    found = []
    for form in page.tree.iter("form"):
        if (form.get("method") or "get").lower() == "post" and not urlsplit(form.get("action") or "").path.endswith(_NOT_SENT):
            target = urljoin(page.url, form.get("action") or page.url)
            found.append(Form(target, "multipart" in (form.get("enctype") or ""), tuple(_fields(form))))
    return found


def _fields(form: Element) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for each in form.iter():
        name, kind = each.get("name"), each.get("type")
        if not name or each.tag not in ("input", "select", "textarea", "button") or kind == "file":
            continue
        if each.tag == "select":
            options = list(each.iter("option"))
            chosen = next((option for option in options if option.get("selected") is not None), options[0] if options else None)
            found[name] = (chosen.get("value") or "") if chosen is not None else ""
        elif kind in ("radio", "checkbox"):
            if name not in found or each.get("checked") is not None:
                found[name] = each.get("value") or "on"
        else:
            found[name] = each.get("value") or (each.text or "" if each.tag == "textarea" else "")
    return list(found.items())


def bodies(form: Form) -> st.SearchStrategy[Pairs]:
    """The form's own fields with a few of them hostile, missing, twice, or of another name; the CSRF token as it was given."""
    names = [name for name, _ in form.fields if name != "csrf_token"] or ["x"]
    change = st.tuples(
        st.sampled_from(["value", "value", "value", "missing", "twice", "other name"]), st.sampled_from(names), _VALUES
    )

    def apply(changes: list[tuple[str, str, str | bytes]]) -> Pairs:
        pairs: Pairs = list(form.fields)
        for how, name, value in changes:
            if how in ("value", "missing"):
                pairs = [pair for pair in pairs if pair[0] != name]
            if how in ("value", "twice"):
                pairs.append((name, value))
            if how == "other name":
                pairs.append((f"{name}-x", value))
        return pairs

    return st.lists(change, min_size=1, max_size=5).map(apply)


def run(judge: Judge, things: Things, seed: int, examples: int, until: Until, *, alone: bool) -> None:
    """So many bodies for every form that a visitor, a customer and members of staff find.

    Args:
        alone: nobody else works on this stack: forms that touch everything are sent too.
    """
    world, walk = judge.world, _Walk(judge, seed, examples, until)
    parts: list[Callable[[], None]] = [lambda: _web_form(walk, world), lambda: _portal(walk, world, things)]
    for name in ("clerk", "registrar", "auditor", *(("manager",) if alone else ())):
        parts.append(lambda name=name: _staff_pages(walk, world, things, name, alone=alone))  # type: ignore[misc]
    walk.chance.shuffle(parts)  # a short time does not leave the same ones out each time
    for part in parts:
        if not until.over:
            part()


def _staff_pages(walk: _Walk, world: World, things: Things, name: str, *, alone: bool) -> None:
    visitor = _from_here(world.staff(name), walk.judge)
    pages = list(_STAFF_PAGES + (_TOUCHES_OTHERS if alone else ()))
    walk.chance.shuffle(pages)
    walk.paths(visitor, world.provisioning, name, things)
    for path in pages:
        if walk.until.over:
            return
        open_one = _typed_in(world) if "{reference}" in path else ""  # the page before may have decided its own
        walk.page(visitor, world.provisioning + path.format(reference=open_one, login=things.login), name)


def _portal(walk: _Walk, world: World, things: Things) -> None:
    customer = _from_here(world.visitor(), walk.judge)
    customer.log_in(f"{world.webapp}/konto", *things.customer)
    for path in _PORTAL_PAGES:
        walk.page(customer, world.webapp + path, "customer")


def _typed_in(world: World) -> str:
    """An open application from paper."""
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    answer = world.call("POST", "/staff/applications", world.staff_token("clerk"), json=paper_body(), headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["reference"])


def _from_here(visitor: Visitor, judge: Judge) -> Visitor:
    come_from(visitor.session, judge.address)
    visitor.session.hooks["response"].clear()  # the judge checks every page itself
    return visitor


class _Walk:
    def __init__(self, judge: Judge, seed: int, examples: int, until: Until) -> None:
        self.judge, self._seed, self._examples, self.until = judge, seed, examples, until
        self.chance = random.Random(f"forms:{seed}")

    def page(self, visitor: Visitor, url: str, who: str) -> None:
        """Every form of one page; the page is opened anew for each, for versions and tokens that went on."""
        found = self._open(visitor, url, who)
        for number in range(len(forms(found)) if found is not None else 0):
            again = self._open(visitor, url, who)
            if again is not None and number < len(forms(again)):
                self.form(visitor, forms(again)[number], who)

    def form(self, visitor: Visitor, form: Form, who: str) -> None:
        @hypothesis.seed(self._seed)
        @settings(
            max_examples=self._examples,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(pairs=bodies(form))
        def check(pairs: Pairs) -> None:
            if not self.until.over:
                self._post(visitor, form, pairs, who)

        check()

    def paths(self, visitor: Visitor, base: str, who: str, things: Things) -> None:
        """Pages that are only opened, with hostile values in their paths and queries."""
        for path in _HOSTILE_PATHS:
            for _ in range(self._examples):
                if self.until.over:
                    return
                values = [requests.utils.quote(self.chance.choice(HOSTILE), safe="") for _ in range(path.count("{}"))]
                filled = path.replace("{reference}", things.reference).replace("{login}", things.login).format(*values)
                self.judge.hold(f"{who}: GET {filled}"[:600], lambda filled=filled: _get(visitor, base + filled))  # type: ignore[misc]

    def _open(self, visitor: Visitor, url: str, who: str) -> Page | None:
        if self.until.over:
            return None
        answer = self.judge.hold(f"{who}: GET {url}", lambda: _get(visitor, url))
        return Page(answer) if answer is not None and answer.headers.get("Content-Type", "").startswith("text/html") else None

    def _post(self, visitor: Visitor, form: Form, pairs: Pairs, who: str) -> None:
        kind: dict[str, Any] = {"files": [("file", ("a.pdf", b"%PDF-1.4 x"))]} if form.multipart else {}
        what = f"{who}: POST {urlsplit(form.target).path} {[pair for pair in pairs if pair[0] != 'csrf_token']!r}"[:900]
        answer = self.judge.hold(
            what,
            lambda: visitor.session.post(form.target, data=pairs, allow_redirects=False, timeout=SECONDS_FOR_AN_ANSWER, **kind),
        )
        if answer is not None and answer.status_code == 400 and _STOPPED_BEFORE in answer.text:
            self.judge.part.broken.append(f"{what}: did not get behind the check of CSRF tokens")


def _get(visitor: Visitor, url: str) -> requests.Response:
    return visitor.session.get(url, timeout=SECONDS_FOR_AN_ANSWER, allow_redirects=False)


def _web_form(walk: _Walk, world: World) -> None:
    """Page by page: hostile answers to each, then good ones, so that the next is reached; the last one too."""
    visitor = _from_here(world.visitor(), walk.judge)
    page = visitor.send(visitor.open(f"{world.webapp}/wniosek"), {})
    reached = []
    for name, values in applicant(unused_address()).items():
        if page.url.endswith(f"/wniosek/{name}"):
            reached.append(name)
        for form in forms(page):
            if urlsplit(form.target).path == urlsplit(page.url).path:
                good = [(name, value) for name, value in form.fields if name not in values]
                walk.form(visitor, Form(form.target, form.multipart, (*good, *values.items())), "visitor")
        page = visitor.send(visitor.open(page.url), values)
    if "podpis" not in reached:
        walk.judge.part.broken.append(f"the web form was left at {page.url} after {reached}")
    for form in forms(page):
        walk.form(visitor, form, "visitor")
