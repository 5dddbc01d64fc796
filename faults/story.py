"""What led to a breach, second by second."""

from __future__ import annotations

from datetime import UTC, datetime

from faults.evidence import Breach, Evidence
from faults.journal import Fault


def story(evidence: Evidence, breach: Breach) -> list[str]:
    """Everything that is known of one breach, in the order of time."""
    case = next((each for each in evidence.cases if each.number == breach.case), None)
    if case is None:
        return []
    account = evidence.by_reference.get(case.reference)
    lines: list[tuple[float, str]] = []
    for deed in evidence.deeds.get(case.number, []):
        if deed.name != "read":
            answer = (
                "no answer"
                if deed.status is None
                else f"{deed.status} {deed.code} after {(deed.answered_at or 0) - deed.asked_at:.1f} s"
            )
            lines.append((deed.asked_at, f"asked  {deed.name} {deed.about or ''}: {answer}"))
    if account is not None:
        for mail in evidence.with_password.get(account.login, []):
            lines.append((mail.at, f"mail   {mail.kind} to {mail.to} ({mail.message_id})"))
    for line in evidence.audit:
        if line.subject == case.reference:
            lines.append((line.at.timestamp(), f"audit  {line.action} by {line.actor}"))
    for row in evidence.mails:
        if row.reference == case.reference:
            lines.append(
                (
                    row.created_at.timestamp(),
                    f"row    {row.kind} to {row.recipient}: now {row.state}, {row.attempts} tries, {row.answer}",
                )
            )
    if lines:
        begin, end = min(at for at, _ in lines), max(at for at, _ in lines) + 5
        for fault in evidence.journal.faults:
            if (fault.ended or fault.began) >= begin and fault.began <= end:
                lines.append((fault.began, f"fault  {_fault(fault)}"))
    known = {key: value for key, value in account.row.items() if key != "nonce" and value is not None} if account else None
    told = [f"case {case.number}, {case.way}, {case.reference}, {case.login}; row {known}"]
    return told + [f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f}"[:-4] + f" {words}" for at, words in sorted(lines)]


def _fault(fault: Fault) -> str:
    return f"{fault.number} {fault.kind} {fault.target}, {(fault.ended or fault.began) - fault.began:.1f} s, {fault.detail}"
