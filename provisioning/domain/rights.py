"""Roles of staff, what each may do, and the one table of it."""

from __future__ import annotations

from enum import StrEnum

from provisioning.domain.errors import Forbidden


class Role(StrEnum):
    """Realm roles of the staff."""

    CLERK = "bok-clerk"
    REGISTRAR = "bok-registrar"
    MANAGER = "bok-manager"
    AUDITOR = "bok-auditor"


CONTRACTS_END = "contracts.end"  # of a program, billing for instance: no member of staff has it


class Action(StrEnum):
    """What staff may do; the values are the API's paths."""

    READ = "read"
    ENTER = "enter"
    REVEAL_PESEL = "reveal-pesel"
    RECORD_PAPER = "record-paper"
    COPY = "copy"
    ADD_SCAN = "add-scan"
    CHECK_SCAN = "check-scan"
    NOTE = "note"
    CLAIM = "claim"
    ASSIGN = "assign"
    CORRECT = "correct"
    APPROVE_MANY = "approve-many"
    ADD_TO_ACCOUNT = "add-to-account"
    REVIEW = "review"
    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_COMPLETION = "request-completion"
    COMPLETE = "complete"
    WITHDRAW = "withdraw"
    READ_AUDIT = "read-audit"
    EVIDENCE = "evidence"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESEND = "resend"
    MISDIRECTED = "misdirected"
    CORRECT_ADDRESS = "correct-address"
    CORRECT_NAMES = "correct-names"
    DELETE = "delete"
    RESIGN = "resign"
    END_CONTRACT = "end-contract"
    ANSWER_CHANGE = "answer-change"
    ENTER_ERASURE = "enter-erasure"
    DECIDE_ERASURE = "decide-erasure"
    READ_TERMS = "read-terms"
    INTAKE = "intake"
    HANDLE_MAIL = "handle-mail"
    HELP_LINE = "help-line"
    DERIVE_TERMS = "derive-terms"
    READ_REPORTS = "read-reports"
    FORM_VERSIONS = "form-versions"
    OPEN_ORIGINAL = "open-original"
    READ_WEBHOOKS = "read-webhooks"
    MANAGE_WEBHOOKS = "manage-webhooks"


# Who may do what: the one table, walked by tests through the UI and the API.
PERMISSIONS: dict[Action, frozenset[str]] = {
    Action.READ: frozenset(Role),
    Action.ENTER: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.REVEAL_PESEL: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.RECORD_PAPER: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.ADD_SCAN: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.CHECK_SCAN: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.NOTE: frozenset({Role.CLERK, Role.REGISTRAR, Role.MANAGER}),
    Action.CLAIM: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.ASSIGN: frozenset({Role.REGISTRAR, Role.MANAGER}),
    Action.CORRECT: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.APPROVE_MANY: frozenset({Role.REGISTRAR}),
    Action.ADD_TO_ACCOUNT: frozenset({Role.REGISTRAR}),
    Action.COPY: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.REVIEW: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.APPROVE: frozenset({Role.REGISTRAR}),  # S4: "an authorised employee"
    Action.REJECT: frozenset({Role.REGISTRAR}),
    Action.REQUEST_COMPLETION: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.COMPLETE: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.WITHDRAW: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.READ_AUDIT: frozenset({Role.AUDITOR, Role.MANAGER}),
    Action.EVIDENCE: frozenset({Role.REGISTRAR, Role.MANAGER, Role.AUDITOR}),
    Action.SUSPEND: frozenset({Role.REGISTRAR}),
    Action.RESUME: frozenset({Role.REGISTRAR}),
    Action.RESEND: frozenset({Role.REGISTRAR}),
    Action.MISDIRECTED: frozenset({Role.REGISTRAR}),
    Action.CORRECT_ADDRESS: frozenset({Role.REGISTRAR}),
    Action.CORRECT_NAMES: frozenset({Role.REGISTRAR}),
    Action.DELETE: frozenset({Role.REGISTRAR}),
    Action.RESIGN: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.END_CONTRACT: frozenset({Role.REGISTRAR, CONTRACTS_END}),
    Action.ANSWER_CHANGE: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.ENTER_ERASURE: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.DECIDE_ERASURE: frozenset({Role.REGISTRAR}),
    Action.READ_TERMS: frozenset({Role.MANAGER, Role.REGISTRAR, Role.AUDITOR}),
    Action.INTAKE: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.HANDLE_MAIL: frozenset({Role.CLERK, Role.REGISTRAR}),
    Action.HELP_LINE: frozenset({Role.CLERK, Role.REGISTRAR, Role.MANAGER}),
    Action.DERIVE_TERMS: frozenset({Role.MANAGER}),
    Action.READ_REPORTS: frozenset({Role.MANAGER, Role.AUDITOR}),
    Action.FORM_VERSIONS: frozenset({Role.MANAGER}),
    Action.OPEN_ORIGINAL: frozenset({Role.REGISTRAR, Role.AUDITOR}),
    Action.READ_WEBHOOKS: frozenset({Role.MANAGER, Role.AUDITOR}),
    Action.MANAGE_WEBHOOKS: frozenset({Role.MANAGER}),
}


def may(roles: frozenset[str], action: Action) -> bool:
    return not PERMISSIONS[action].isdisjoint(roles)


def require_permission(roles: frozenset[str], action: Action) -> None:
    """
    Raises:
        Forbidden: none of the roles allows the action.
    """
    if not may(roles, action):
        raise Forbidden(action.value)
