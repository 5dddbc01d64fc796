"""The web process: API under /api/v1, staff UI at /, health and metrics."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import structlog
from apiflask import APIFlask
from flask import request
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from ibok_idp.errors import KeycloakUnavailable
from ibok_idp.look.flask_look import install_look, language
from ibok_idp.metrics import MetricsDoor, install_metrics
from ibok_idp.oidc_login import LoginFailed, NotLoggedIn, OidcLogin
from ibok_idp.refusals import log_refusals
from ibok_idp.tokens import TokenVerifier
from ibok_idp.web_session import SessionStore, SessionsUnavailable
from provisioning.adapters.postgres.troubles import DatabaseTrouble
from provisioning.api import account as _account_calls  # noqa: F401  # it hangs its calls into `api`
from provisioning.api import applicant as _applicant_calls  # noqa: F401  # the same
from provisioning.api import application as _application_calls  # noqa: F401  # the same
from provisioning.api import joined as _joined_calls  # noqa: F401  # the same
from provisioning.api import me as _own_calls  # noqa: F401  # the same
from provisioning.api import register  # it hangs its calls into `api` too
from provisioning.api.blueprint import api
from provisioning.api.openapi import describe
from provisioning.api.problems import register_problems
from provisioning.metrics import numbers
from provisioning.settings import Settings
from provisioning.staff_ui import account as _account_pages  # noqa: F401  # it hangs its pages into `staff`
from provisioning.staff_ui import application as _application_pages  # noqa: F401  # the same
from provisioning.staff_ui import audit as _audit_pages  # noqa: F401  # the same
from provisioning.staff_ui import case_work as _case_work_pages  # noqa: F401  # the same
from provisioning.staff_ui import documents as _document_pages  # noqa: F401  # the same
from provisioning.staff_ui import errors as staff_errors
from provisioning.staff_ui import help_line as _help_line_pages  # noqa: F401  # the same
from provisioning.staff_ui import intake as _intake_pages  # noqa: F401  # the same
from provisioning.staff_ui import manager as _manager_pages  # noqa: F401  # the same
from provisioning.staff_ui import paper_form as _paper_form_pages  # noqa: F401  # the same
from provisioning.staff_ui import queue as _queue_pages  # noqa: F401  # the same
from provisioning.staff_ui import webhooks as _webhook_pages  # noqa: F401  # the same
from provisioning.staff_ui.blueprint import staff
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
    describe(app)
    app.secret_key = settings.session_key.get_secret_value()
    app.config["MAX_CONTENT_LENGTH"] = 16 * 2**20
    app.config["MAX_FORM_MEMORY_SIZE"] = 2**20
    app.config["SESSION_COOKIE_SECURE"] = settings.secure
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # tied to the session, which ends by itself
    app.config["WTF_CSRF_SSL_STRICT"] = False  # Referrer-Policy: no-referrer leaves no Referer to compare
    app.static_url_path = "/static"
    app.extensions["ibok_wired"] = wired
    app.extensions["ibok_waiting"] = BoundedSemaphore(max(1, settings.web_threads // 4))
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
    log_refusals(app)
    _try_collisions_again(app, wired)
    _health(app, wired)
    door = MetricsDoor(settings.metrics_token.get_secret_value(), bind=settings.bind, trusted_proxies=settings.trusted_proxies)
    install_metrics(app, lambda: numbers(wired.engine), door)
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
    """A request that met a deadlock is answered anew, unless it brings what can be read once only: files, or a stream of rows."""
    dispatch = app.dispatch_request

    def repeated() -> Any:
        return dispatch() if request.mimetype in ("multipart/form-data", register.NDJSON) else wired.again(dispatch)

    app.dispatch_request = repeated  # type: ignore[method-assign]  # one place for every view


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
