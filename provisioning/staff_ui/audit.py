"""The auditor's page: filters, and exports as CSV and JSON Lines."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Response, g, render_template, request, url_for
from flask_babel import gettext

from ibok_idp.texts import WARSAW
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.rights import Action, require_permission
from provisioning.http import wired
from provisioning.staff_ui import audit_words
from provisioning.staff_ui.blueprint import actor, logged_in, staff
from provisioning.staff_ui.tables import as_csv, as_json_lines, audit_export_row

_EXPORTED_LINES = 100_000


@staff.get("/dziennik")
@logged_in
def audit() -> str:
    require_permission(g.user.roles, Action.READ_AUDIT)
    wanted, errors = _audit_filter()
    with wired().services.work() as work:
        lines = work.audit.page(**wanted, before=_before(), limit=100)
    following: dict[str, Any] | None = {**request.args.to_dict(), "before": lines[-1].number} if len(lines) == 100 else None
    return render_template(
        "staff/audit.html",
        lines=[(audit_words.audit_line(line), line) for line in lines],
        actions=sorted(audit_words.AUDIT.items(), key=lambda pair: str(pair[1])),
        errors=errors,
        next_page=url_for("staff.audit", **following) if following else None,
    )


@staff.post("/dziennik/eksport/<any(csv, jsonl):kind>")
@logged_in
def audit_export(kind: str) -> Response:
    """The filtered lines, newest first, as CSV or JSON lines; exporting is an entry too."""
    require_permission(g.user.roles, Action.READ_AUDIT)
    wanted, _errors = _audit_filter()
    with wired().services.work() as work:
        lines = work.audit.page(**wanted, before=None, limit=_EXPORTED_LINES)
        details = {"format": kind, "lines": len(lines)}
        work.audit.write(actor(), AuditAction.AUDIT_EXPORTED, "audit", details, wired().services.clock.now())
    rows = [audit_export_row(line) for line in lines]
    content = as_csv(rows) if kind == "csv" else as_json_lines(rows)
    media_type = "text/csv; charset=utf-8" if kind == "csv" else "application/jsonl"
    headers = {"Content-Disposition": f'attachment; filename="dziennik.{kind}"'}
    return Response(content, content_type=media_type, headers=headers)


def _audit_filter() -> tuple[dict[str, Any], dict[str, str]]:
    """What the filters ask for; a date that is none is left out and named."""
    errors: dict[str, str] = {}

    def day(name: str, days: int) -> datetime | None:
        typed = request.values.get(name, "").strip()
        if not typed:
            return None
        try:
            return datetime.combine(date.fromisoformat(typed) + timedelta(days=days), time(), WARSAW)
        except (ValueError, OverflowError):
            errors[name] = gettext("Wpisz datę, na przykład 24.11.2026")
            return None

    wanted: dict[str, Any] = {name: request.values.get(name, "").strip() or None for name in ("subject", "actor", "action")}
    return {**wanted, "since": day("since", 0), "until": day("until", 1)}, errors


def _before() -> int | None:
    typed = request.args.get("before", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 18 else None
