"""The web process: API under /api/v1, staff UI at /, health and metrics."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from apiflask import APIFlask
from flask import request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from ibok_idp.errors import KeycloakUnavailable
from ibok_idp.look.flask_look import install_look, language
from ibok_idp.metrics import MetricsDoor, install_metrics
from ibok_idp.oidc_login import LoginFailed, NotLoggedIn, OidcLogin
from ibok_idp.tokens import TokenVerifier
from ibok_idp.web_session import SessionStore, SessionsUnavailable
from provisioning.adapters.postgres.troubles import DatabaseTrouble
from provisioning.api import account as staff_accounts  # noqa: F401  # they hang their calls into `api`
from provisioning.api import me  # noqa: F401  # they hang their calls into `api`
from provisioning.api.application import api
from provisioning.api.problems import register_problems
from provisioning.settings import Settings
from provisioning.staff_ui import account as _account_pages  # noqa: F401  # it hangs its pages into `staff`
from provisioning.staff_ui import audit as _audit_pages  # noqa: F401  # the same
from provisioning.staff_ui import errors as staff_errors
from provisioning.staff_ui import help_line as _help_line_pages  # noqa: F401  # the same
from provisioning.staff_ui import intake as _intake_pages  # noqa: F401  # the same
from provisioning.staff_ui import manager as _manager_pages  # noqa: F401  # the same
from provisioning.staff_ui import paper_form as _paper_form_pages  # noqa: F401  # the same
from provisioning.staff_ui import queue as _queue_pages  # noqa: F401  # the same
from provisioning.staff_ui.application import staff
from provisioning.staff_ui.limits import LARGE_UPLOADS
from provisioning.wiring import Wired, wire

_log = structlog.get_logger()


def create_app(settings: Settings, wired: Wired | None = None) -> APIFlask:
    """Build the app of the web process."""
    wired = wired or wire(settings)
    app = APIFlask(
        "provisioning",
        title="iBOK provisioning",
        version="1",
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]  # the look serves /static
        template_folder=str(Path(__file__).parent / "staff_ui" / "templates"),
    )
    _describe(app)
    app.secret_key = settings.session_key.get_secret_value()
    app.config["MAX_CONTENT_LENGTH"] = 16 * 2**20
    app.config["MAX_FORM_MEMORY_SIZE"] = 2**20
    app.config["SESSION_COOKIE_SECURE"] = settings.secure
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # tied to the session, which ends by itself
    app.config["WTF_CSRF_SSL_STRICT"] = False  # Referrer-Policy: no-referrer leaves no Referer to compare
    app.static_url_path = "/static"
    app.extensions["ibok_wired"] = wired
    app.extensions["ibok_staff_level"] = settings.staff_level
    app.extensions["ibok_verifier"] = verifier = TokenVerifier(settings.issuer)
    store = SessionStore(
        wired.engine, settings.session_key.get_secret_value(), timedelta(minutes=30), secure=settings.secure, name="ibok_staff"
    )
    store.create_tables()
    store.install(app)
    origin = f"{settings.keycloak_url.scheme}://{settings.keycloak_url.host}:{settings.keycloak_url.port}"
    _let_large_uploads_in(app)  # before the check of CSRF tokens, which reads the form
    csrf = install_look(
        app,
        wired.utility,
        keycloak_origin=origin,
        secure=settings.secure,
        translations=Path(__file__).parent / "translations",
        trusted_proxies=settings.trusted_proxies,
    )
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=app.send_static_file)
    login = OidcLogin(
        app,
        issuer=settings.issuer,
        client_id="ibok-staff",
        client_secret=settings.staff_client_secret.get_secret_value(),
        base_url=str(settings.provisioning_url),
        store=store,
        verifier=verifier,
        home="/",
        language=language,
        level=settings.staff_level,
    )
    login.exempt_from_csrf(csrf)
    app.register_blueprint(api)
    csrf.exempt(api)
    app.register_blueprint(staff)
    gone = (DatabaseTrouble, OperationalError, NoFreeConnection, SessionsUnavailable)
    staff_errors.register(app, LoginFailed, NotLoggedIn, KeycloakUnavailable, *gone)
    register_problems(app)
    _try_collisions_again(app, wired)
    _health(app, wired)
    door = MetricsDoor(settings.metrics_token.get_secret_value(), bind=settings.bind, trusted_proxies=settings.trusted_proxies)
    install_metrics(app, lambda: _numbers(wired), door)
    app.doc(hide=True)(app.view_functions["metrics"])
    return app


def _let_large_uploads_in(app: APIFlask) -> None:
    """Scans are larger than anything else that is posted; only members of staff may send so much."""

    @app.before_request
    def limit() -> None:
        largest = LARGE_UPLOADS.get(request.endpoint or "")
        if largest is not None and app.extensions["ibok_oidc"].user() is not None:
            request.max_content_length = largest


def _try_collisions_again(app: APIFlask, wired: Wired) -> None:
    """A request that met a deadlock is answered anew, unless it brings files: those can be read once only."""
    dispatch = app.dispatch_request

    def repeated() -> Any:
        return dispatch() if request.mimetype == "multipart/form-data" else wired.again(dispatch)

    app.dispatch_request = repeated  # type: ignore[method-assign]  # one place for every view


def _describe(app: APIFlask) -> None:
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.config["AUTO_404_RESPONSE"] = False
    app.config["AUTO_VALIDATION_ERROR_RESPONSE"] = False
    app.security_schemes = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}

    @app.spec_processor  # type: ignore[arg-type]  # JSON, so a dict
    def complete(spec: dict[str, Any]) -> dict[str, Any]:
        """Every call may answer with a problem document; the status header of the applicant's own calls."""
        from provisioning.api.schemas import Problem

        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = spec.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(schema.pop("$defs", {}))
        schemas["Problem"] = schema
        answer = {
            "description": "A problem (RFC 9457)",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for path, calls in spec.get("paths", {}).items():
            for verb, call in calls.items():
                if verb in ("get", "post", "delete", "put"):
                    for status in ("401", "403", "404", "409", "413", "422", "429", "503"):
                        call["responses"].setdefault(status, answer)
                    _documented_parameters(path, verb, call)
        for rule in app.url_map.iter_rules():
            model = getattr(app.view_functions[rule.endpoint], "json_model", None)
            if model is not None:
                made = model if isinstance(model, type) else model()
                _documented_body(spec, rule.rule.replace("<", "{").replace(">", "}"), made)
        return spec


def _documented_body(spec: dict[str, Any], path: str, model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = spec["components"]["schemas"]
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    spec["paths"][path]["post"]["requestBody"] = {"required": True, "content": content}


def _documented_parameters(path: str, verb: str, call: dict[str, Any]) -> None:
    parameters = call.setdefault("parameters", [])

    def header(name: str) -> dict[str, Any]:
        return {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}

    if path == "/api/v1/applications":
        parameters.append(header("Idempotency-Key"))
        call["responses"]["201"] = call["responses"].pop("200", {"description": "Filed"})
    if path.startswith("/api/v1/applications/{reference}/") and not path.endswith("email-confirmation"):
        parameters.append(header("X-Status-Token"))
    if path.startswith("/api/v1/applications/") and path.endswith("/documents") and verb == "post":
        call["requestBody"] = {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "kind": {"type": "string", "enum": ["scan", "electronic", "attachment"]},
                        },
                    }
                }
            },
        }
    created = {
        "/api/v1/staff/applications": "201",
        "/api/v1/applications/{reference}/documents": "201",
        "/api/v1/staff/applications/{reference}/documents": "201",
        "/api/v1/staff/accounts/{login}/erasure-requests": "201",
        "/api/v1/me/email": "202",
        "/api/v1/applications/{reference}/email": "202",
        "/api/v1/password-resets": "202",
    }
    if verb == "post" and path in created:
        call["responses"][created[path]] = call["responses"].pop("200", {"description": "Done"})
    if path.endswith("form.pdf"):
        call["responses"]["200"] = {
            "description": "PDF/UA",
            "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        }
    queries = {
        "/api/v1/staff/applications": [
            "status",
            "q",
            "due_before",
            "channel",
            "assignee",
            "unassigned",
            "sort",
            "order",
            "cursor",
            "limit",
        ],
        "/api/v1/staff/audit": ["subject", "actor", "action", "before", "limit"],
    }
    if verb == "get":
        parameters.extend(
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in queries.get(path, [])
        )


def _health(app: APIFlask, wired: Wired) -> None:
    @app.get("/healthz")
    @app.doc(hide=True)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    @app.doc(hide=True)
    def readyz() -> tuple[dict[str, str], int]:
        try:
            with wired.engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM applications LIMIT 1"))
        except SQLAlchemyError:
            return {"status": "database unavailable"}, 503
        return {"status": "ready"}, 200


def _numbers(wired: Wired) -> bytes:
    reveals = GaugeMetricFamily("ibok_pesel_reveals_last_hour", "PESEL numbers asked for by staff, by outcome", labels=["outcome"])
    applications = GaugeMetricFamily("ibok_applications", "Applications by status", labels=["status"])
    mails = GaugeMetricFamily("ibok_mails", "Mails by kind and state", labels=["kind", "state"])
    accounts = GaugeMetricFamily("ibok_accounts", "Accounts by state", labels=["state"])
    waiting = GaugeMetricFamily("ibok_accounts_waiting", "Accounts that wait, by reason", labels=["reason"])
    resets = GaugeMetricFamily("ibok_password_resets_last_hour", "Wishes for a new password by outcome (S7)", labels=["outcome"])
    with wired.engine.connect() as connection:
        for row in connection.execute(
            text("SELECT outcome, count(*) FROM password_resets WHERE asked_at > now() - interval '1 hour' GROUP BY 1")
        ):
            resets.add_metric([row[0]], row[1])
        for row in connection.execute(
            text(
                "SELECT replace(action, 'application.pesel_', ''), count(*) FROM audit WHERE at > now() - interval '1 hour' "
                "AND action LIKE 'application.pesel_reveal%' GROUP BY 1"
            )
        ):
            reveals.add_metric([row[0]], row[1])
        for row in connection.execute(text("SELECT status, count(*) FROM applications GROUP BY 1")):
            applications.add_metric([row[0]], row[1])
        for row in connection.execute(text("SELECT kind, state, count(*) FROM mails GROUP BY 1, 2")):
            mails.add_metric([row[0], row[1]], row[2])
        for row in connection.execute(text("SELECT state, count(*) FROM accounts GROUP BY 1")):
            accounts.add_metric([row[0]], row[1])
        for row in connection.execute(text("SELECT trouble, count(*) FROM accounts WHERE trouble IS NOT NULL GROUP BY 1")):
            waiting.add_metric([row[0]], row[1])

    class Collected:
        def collect(self) -> list[GaugeMetricFamily]:
            return [applications, mails, accounts, waiting, resets, reveals]

    registry = CollectorRegistry()
    registry.register(Collected())
    return generate_latest(registry)
