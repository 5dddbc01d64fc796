"""One campaign: driver and saboteur at once, then quiet, then the judgement, then a table."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from faults import reading
from faults.choices import Choices
from faults.driver import Driver
from faults.evidence import Breach, Evidence
from faults.ground import Ground, machine_words, wait_until_healthy
from faults.invariants import breaches
from faults.journal import Journal
from faults.mailroom import Mailroom
from faults.saboteur import Saboteur
from faults.story import story

RESULTS = Path(__file__).parent / "results"
_STORIES_OF_A_KIND = 3


@dataclass(frozen=True)
class Plan:
    """How large a campaign is.

    Attributes:
        longest: seconds that the longest fault lasts.
        patience: seconds given to the driver and to what waits once the faults are over.
        logins: how many mailed passwords really log in at the end.
    """

    seed: str
    applications: int
    faults: int
    seconds: float
    threads: int = 8
    longest: float = 60.0
    patience: float = 900.0
    logins: int = 60
    quick: bool = False


@dataclass
class Outcome:
    """What came of it."""

    plan: Plan
    command: str
    figures: dict[str, Any]
    deeds: dict[str, dict[str, int]]
    faults: dict[str, int]
    breaches: list[Breach]
    stories: list[str] = field(default_factory=list)
    driver_errors: list[str] = field(default_factory=list)


def run(ground: Ground, plan: Plan, console: Console) -> Outcome:
    """Carry a campaign out on a ground that is started."""
    began = time.monotonic()
    journal, mailroom = Journal(ground.state / "journal.jsonl"), Mailroom(ground.mails)
    driver = Driver(ground, journal, mailroom, plan.seed, plan.applications, plan.threads, quick=plan.quick)
    saboteur = Saboteur(ground, journal, plan.seed, plan.faults, plan.longest)
    striking = threading.Thread(target=saboteur.run, args=(plan.seconds * 0.95,), daemon=True)
    ending = threading.Event()
    threading.Thread(target=_tell, args=(console, driver, journal, ending), daemon=True).start()
    striking.start()
    over = driver.run(plan.seconds, plan.patience)
    striking.join()
    ending.set()
    saboteur.calm()
    driven = time.monotonic() - began
    console.print(f"faults are over after {driven:.0f} s; waiting for quiet", highlight=False)
    wait_until_healthy(ground)
    quiet = wait_for_quiet(ground, plan.patience)
    console.print(f"quiet after {quiet:.0f} s; reading", highlight=False)
    return _judged(
        ground,
        plan,
        console,
        driver,
        journal,
        mailroom,
        {"driven s": round(driven), "quiet after s": round(quiet), "all cases carried out": over},
    )


def wait_for_quiet(ground: Ground, patience: float, *, hurry: bool = True) -> float:
    """Wait until nothing waits, as long as that comes nearer; the seconds it took.

    Args:
        patience: seconds without any progress after which waiting is given up; two minutes at the most in a hurry.
        hurry: pauses between tries are not waited out.
    """
    began = last = time.monotonic()
    least, empty = sys.maxsize, 0
    limit = min(patience, 120) if hurry else patience
    while empty < 3 and time.monotonic() - last < limit:
        count = sum(reading.waiting(ground).values())
        empty = empty + 1 if not count else 0
        if count < least:
            least, last = count, time.monotonic()
        if hurry and count:
            reading.hurry(ground)
        time.sleep(1.5)
    return time.monotonic() - began


def away(ground: Ground, plan: Plan, console: Console) -> Outcome:
    """Keycloak away for the workers while everything is approved: all accounts follow by themselves, in filing order."""
    journal, mailroom = Journal(ground.state / "journal.jsonl"), Mailroom(ground.mails)
    driver = Driver(ground, journal, mailroom, plan.seed, plan.applications, plan.threads, quick=True)
    for case in driver.cases:
        case.way, case.steps = "batch", []
    driver.file_everything()
    wait_for_quiet(ground, 120)
    ground.proxies.change("keycloak-worker", "refuse")
    left = time.monotonic() + plan.seconds
    console.print(f"{plan.applications} applications are filed; Keycloak is away", highlight=False)
    for case in driver.cases:
        case.steps = ["approve"]
    driver.approve_everything(Choices(plan.seed, "approvals").shuffled(driver.cases))
    approved = time.monotonic()
    time.sleep(max(0.0, left - time.monotonic()))
    back = time.monotonic()
    ground.proxies.change("keycloak-worker", "pass")
    quiet = wait_for_quiet(ground, plan.patience, hurry=False)
    figures = {
        "Keycloak away s": round(back - left + plan.seconds),
        "approved before it was back": round(back - approved) >= 0,
        "everything followed after s": round(quiet),
    }
    outcome = _judged(ground, plan, console, driver, journal, mailroom, figures)
    lines = [line for line in reading.audit(ground) if line.action == "account.created"]
    filed = sorted(line.subject for line in lines)
    place = {reference: number for number, reference in enumerate(filed)}
    moved = [place[line.subject] - number for number, line in enumerate(lines)]
    outcome.figures["accounts made"] = len(lines)
    outcome.figures["farthest before its turn"] = max(moved, default=0)
    if len(lines) != plan.applications:
        outcome.breaches.append(Breach("account that did not follow", "all", f"{len(lines)} of {plan.applications} were made"))
    if max(moved, default=0) > ORDER_SLACK:
        words = f"one was made {max(moved)} places before its turn; {ORDER_SLACK} are in hand at once"
        outcome.breaches.append(Breach("not in filing order", "all", words))
    return outcome


# So many accounts may be in hand at the same time: two workers, each with a batch or with its jobs.
ORDER_SLACK = 100


def _judged(
    ground: Ground, plan: Plan, console: Console, driver: Driver, journal: Journal, mailroom: Mailroom, figures: dict[str, Any]
) -> Outcome:
    began = time.monotonic()
    evidence = Evidence.read(ground, journal, driver.cases, mailroom, plan.seed)
    found = list(breaches(evidence, plan.logins, plan.seed))
    for words in driver.errors:
        if words.startswith("import-applications"):
            found.append(Breach("the driver could not go on", "import", words))
    stories: list[str] = []
    told: Counter[str] = Counter()
    for breach in found:
        told[breach.kind] += 1
        if told[breach.kind] <= _STORIES_OF_A_KIND:
            stories += [f"## {breach.kind}: {breach.subject}: {breach.words}", *story(evidence, breach), ""]
    figures |= {
        "applications": len(evidence.applications),
        "accounts": len(evidence.accounts),
        "account states": dict(Counter(account.state for account in evidence.accounts)),
        "mails received": len(evidence.received),
        "mails received twice": len(evidence.received) - len({mail.message_id for mail in evidence.received}),
        "mail states": dict(Counter(mail.state for mail in evidence.mails)),
        "audit lines": len(evidence.audit),
        "restarts": ground.restarts,
        "steps given up": dict(Counter(name for case in driver.cases for name in case.given_up)),
        "steps left": sum(bool(case.steps) for case in driver.cases),
        "unexpected pages in the driver": len(driver.errors),
        "judged in s": round(time.monotonic() - began),
        **evidence.figures,
    }
    return Outcome(
        plan=plan,
        command=" ".join(["python -m faults", *sys.argv[1:]]),
        figures=figures,
        deeds=_counted(journal),
        faults=dict(
            sorted(
                Counter(f"{fault.kind} {fault.target}" for fault in journal.faults if not fault.detail.startswith("missed")).items()
            )
        ),
        breaches=found,
        stories=stories,
        driver_errors=driver.errors,
    )


def _counted(journal: Journal) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    for deed in journal.deeds:
        if deed.name == "read":
            continue
        kind = "no answer" if deed.unknown else "done" if deed.done else "503" if deed.status == 503 else "refused"
        of = counted.setdefault(deed.name, {"done": 0, "refused": 0, "503": 0, "no answer": 0})
        of[kind] += 1
    return dict(sorted(counted.items()))


def _tell(console: Console, driver: Driver, journal: Journal, ending: threading.Event) -> None:
    began = time.monotonic()
    while not ending.wait(15):
        approved = sum(deed.name == "approve" and deed.done for deed in list(journal.deeds))
        left = sum(bool(case.steps) for case in driver.cases)
        console.print(
            f"{time.monotonic() - began:4.0f} s  {approved} approved, {left} cases left, {len(journal.faults)} faults struck",
            highlight=False,
        )


def show(outcome: Outcome, console: Console) -> None:
    """The table, and every kind of breach with its first stories."""
    table = Table("deed", "done", "refused", "503", "no answer")
    for name, of in outcome.deeds.items():
        table.add_row(name, *(str(of[kind]) for kind in ("done", "refused", "503", "no answer")))
    console.print(table)
    console.print(f"faults struck: {sum(outcome.faults.values())}", highlight=False)
    for name, value in outcome.figures.items():
        console.print(f"  {name}: {value}", highlight=False, soft_wrap=True)
    for words in outcome.driver_errors[:10]:
        console.print(f"  driver: {words[:300]}", highlight=False, soft_wrap=True, markup=False)
    for line in outcome.stories:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    kinds = Counter(breach.kind for breach in outcome.breaches)
    if not kinds:
        console.print(f"[green]Every invariant holds[/] (seed {outcome.plan.seed}).", highlight=False)
        return
    table = Table("breach", "how many")
    for kind, count in kinds.most_common():
        table.add_row(kind, str(count))
    console.print(table)
    console.print(f"[red]{len(outcome.breaches)} breaches[/]; again with --seed {outcome.plan.seed}", highlight=False)


def write(outcome: Outcome, folder: Path) -> Path:
    """The table as Markdown, for people, and the figures as JSON beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    kinds = Counter(breach.kind for breach in outcome.breaches)
    lines = [
        f"# Campaign of faults, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "",
        f"`{outcome.command}`, seed `{outcome.plan.seed}`, machine: {machine_words()}.",
        "",
        f"**{len(outcome.breaches)} breaches** after {sum(outcome.faults.values())} faults over {outcome.figures.get('applications')} applications. "
        f"{outcome.plan.applications - outcome.figures['steps left']} of {outcome.plan.applications} cases came to their end.",
        "",
        "| figure | value |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in outcome.figures.items()),
        "",
        "| deed | done | refused | 503 | no answer |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {name} | {of['done']} | {of['refused']} | {of['503']} | {of['no answer']} |" for name, of in outcome.deeds.items()),
        "",
        "| fault | times |",
        "| --- | --- |",
        *(f"| {name} | {count} |" for name, count in outcome.faults.items()),
        "",
        "| breach | how many |",
        "| --- | --- |",
        *(f"| {kind} | {count} |" for kind, count in (kinds.most_common() or [("none", 0)])),
        "",
    ]
    target = folder / f"{stem}.md"
    target.write_text("\n".join(lines), encoding="utf-8")
    content = {
        "command": outcome.command,
        "plan": asdict(outcome.plan),
        "figures": outcome.figures,
        "deeds": outcome.deeds,
        "faults": outcome.faults,
        "breaches": [asdict(breach) for breach in outcome.breaches],
    }
    (folder / f"{stem}.json").write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str), encoding="utf-8")
    return target
