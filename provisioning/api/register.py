"""The customer register, kept fresh by billing (role `register.write`): one customer, or a stream of rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Literal

from flask import request
from pydantic import BaseModel, ConfigDict, Field

from provisioning.adapters.postgres.customer_register import ImportOutcome
from provisioning.adapters.postgres.register_rows import apply_loaded, checked, load, require_few_gone
from provisioning.adapters.postgres.work import applications_in
from provisioning.api.blueprint import api, call
from provisioning.api.joined import application
from provisioning.api.request import actor, caller, idempotency_key, read_action, requires
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.errors import FieldError, Invalid, NotPossible
from provisioning.domain.register_match import RegisterCustomer
from provisioning.form.check import structure_errors
from provisioning.http import whole_number, wired

REGISTER_WRITE = "register.write"
NDJSON = "application/x-ndjson"
_LARGEST, _LONGEST_LINE = 128 * 2**20, 64 * 2**10  # bytes
_SHOWN_MISTAKES = 100


class RegisterCustomerBody(BaseModel):
    """A customer as the register has it. PESEL is kept as a keyed hash alone."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=300)
    type: Literal["person", "business", "housing_community", "institution"]
    tax_id: str | None = Field(None, max_length=20)
    pesel: str | None = Field(None, max_length=20)
    supply_points: list[str] = Field([], max_length=1000)
    contract_numbers: list[str] = Field([], max_length=1000)
    email: str | None = Field(None, max_length=254)


class RegisterRow(RegisterCustomerBody):
    """One line of an import."""

    customer_number: str = Field(max_length=40)


@api.put("/register/customers/<number>")
@call("One customer of the register, as billing has it now", body=RegisterCustomerBody)
@requires(REGISTER_WRITE)
def put_register_customer(number: str) -> dict[str, Any]:
    application()
    body: RegisterCustomerBody = read_action(RegisterCustomerBody)
    found = _customer(number, body)
    if isinstance(found, str):
        raise Invalid([FieldError(found.split(" ", 1)[0], "invalid_format")])
    with wired().services.work() as work:
        cursor = applications_in(work)[0].cursor()
        outcome = load(cursor, [(1, found)])
        apply_loaded(cursor, whole=False)
        details = {"customers": 1, "added": outcome.added, "changed": outcome.changed}
        work.audit.write(actor(), AuditAction.REGISTER_CHANGED, "register", details, wired().services.clock.now())
    return {"customer_number": found.customer_number, "added": bool(outcome.added), "changed": bool(outcome.changed)}


@api.post("/register/imports")
@call(
    "Rows of the register, one JSON object a line; Idempotency-Key names the batch. mode=whole: who is not among them is gone; "
    "mode=changes: only these. dry_run=true: only say what would change. gone_at_most: how many may be gone, in place of the "
    "utility's share",
    body=RegisterRow,
    reads=NDJSON,
    headers=["Idempotency-Key"],
    query=["mode", "dry_run", "gone_at_most"],
    raises=[NotPossible],
)
@requires(REGISTER_WRITE)
def post_register_import() -> dict[str, Any]:
    application()
    key, dry_run, mode = idempotency_key(), request.args.get("dry_run") == "true", request.args.get("mode", "")
    if mode not in ("whole", "changes"):
        raise Invalid([FieldError("mode", "invalid_choice")])
    if request.mimetype != NDJSON:
        raise Invalid([FieldError("body", "invalid_json")])
    at_most = whole_number(request.args, "gone_at_most", 0, 0, 10**9) if "gone_at_most" in request.args else None
    request.max_content_length = _LARGEST
    digest = hashlib.sha256(f"{mode} {dry_run}\n".encode())
    services, batch = wired().services, f"register:{key}"
    with services.work() as work:
        cursor = applications_in(work)[0].cursor()
        outcome = load(cursor, _rows(digest))
        if seen := work.idempotency.seen(caller().client, batch):
            if seen[0] != digest.digest():
                raise Invalid([FieldError("Idempotency-Key", "idempotency_key_reused")])
            return seen[1]
        _require_good(outcome)
        whole = mode == "whole"
        if whole:
            require_few_gone(cursor, outcome, wired().settings.register_largest_loss, at_most)
        answer = {"rows": outcome.rows, "added": outcome.added, "changed": outcome.changed, "gone": outcome.gone if whole else 0}
        answer |= {"dry_run": dry_run}
        if not dry_run:
            apply_loaded(cursor, whole=whole)
            now = services.clock.now()
            work.idempotency.remember(caller().client, batch, digest.digest(), answer, now)
            work.audit.write(actor(), AuditAction.REGISTER_IMPORTED, "register", {"batch": key, "mode": mode, **answer}, now)
    return answer


def _rows(digest: Any) -> Iterator[tuple[int, RegisterCustomer | str]]:
    """Line by line, never the whole body; what cannot be read is a bad row."""
    number = 0
    while line := request.stream.readline(_LONGEST_LINE + 1):
        number += 1
        digest.update(line)
        if len(line) > _LONGEST_LINE:
            raise Invalid([FieldError(f"line {number}", "too_long")])
        if line.strip():
            yield number, _row(line)


def _row(line: bytes) -> RegisterCustomer | str:
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return "is not JSON"
    if errors := structure_errors(RegisterRow, body):
        return f"{errors[0].field} {errors[0].code}"
    row = RegisterRow.model_validate(body)
    return _customer(row.customer_number, row)


def _customer(number: str, body: RegisterCustomerBody) -> RegisterCustomer | str:
    if body.tax_id and body.pesel:
        return "pesel stands beside a tax_id"
    row = {"customer_number": number, "name": body.name.strip(), "type": body.type, "email": (body.email or "").strip()}
    row["tax_id_or_pesel"] = body.tax_id or body.pesel or ""
    pattern, fingerprint = wired().settings.customer_number_pattern, wired().services.fingerprint
    return checked(row, body.supply_points, body.contract_numbers, pattern, fingerprint)


def _require_good(outcome: ImportOutcome) -> None:
    """A program is told of every bad row and mends it; left out, a customer would be gone by it."""
    if outcome.bad:
        shown = [FieldError(f"line {bad.line}: {bad.reason}", "invalid_row") for bad in outcome.bad[:_SHOWN_MISTAKES]]
        raise Invalid(shown)
