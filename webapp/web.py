"""The public process: form, portal, OIDC client. Reaches provisioning over HTTP only."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, redirect, request, url_for
from flask_babel import gettext
from prometheus_client import generate_latest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from ibok_idp.applications.file import load_applications
from ibok_idp.database import make_engine
from ibok_idp.errors import KeycloakUnavailable
from ibok_idp.look.company import load_utility
from ibok_idp.look.flask_look import install_look, language, problem_page
from ibok_idp.metrics import MetricsDoor, install_metrics
from ibok_idp.oidc_login import PASSWORD_ALREADY_SET, LoginFailed, NotLoggedIn, OidcLogin
from ibok_idp.refusals import log_refusals
from ibok_idp.tokens import TokenVerifier
from ibok_idp.web_session import SessionStore, SessionsUnavailable
from webapp.application_form import status as _status_pages  # noqa: F401  # it hangs its pages into `application_form`
from webapp.application_form import views as _form_pages  # noqa: F401  # the same
from webapp.application_form.blueprint import application_form
from webapp.limits import Counters
from webapp.pages import pages
from webapp.password_help.views import password_help
from webapp.portal.views import portal
from webapp.provisioning_client import Conflict, NotThere, ProvisioningClient, ProvisioningUnavailable, Rejected, TooSoon
from webapp.settings import Settings

_log = structlog.get_logger()


def create_app(settings: Settings, client: ProvisioningClient | None = None) -> Flask:
    """Build the app."""
    app = Flask("webapp", template_folder=str(Path(__file__).parent / "templates"), static_folder=None)
    app.secret_key = settings.session_key.get_secret_value()
    app.config["MAX_CONTENT_LENGTH"] = 16 * 2**20
    app.config["MAX_FORM_MEMORY_SIZE"] = 2**20
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # tied to the session, which ends by itself
    app.config["WTF_CSRF_SSL_STRICT"] = False  # Referrer-Policy: no-referrer leaves no Referer to compare
    app.static_url_path = "/static"
    utility = load_utility(settings.utility_file)
    engine = make_engine(settings.webapp_database_url.get_secret_value())
    store = SessionStore(
        engine,
        settings.session_key.get_secret_value(),
        timedelta(hours=settings.draft_hours),
        secure=settings.secure,
        name="ibok_portal",
    )
    store.create_tables()
    store.install(app)
    origin = f"{settings.keycloak_url.scheme}://{settings.keycloak_url.host}:{settings.keycloak_url.port}"
    csrf = install_look(
        app,
        utility,
        keycloak_origin=origin,
        secure=settings.secure,
        trusted_proxies=settings.trusted_proxies,
    )
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=app.send_static_file)
    app.extensions["ibok_settings"] = settings
    app.extensions["ibok_provisioning"] = client or ProvisioningClient(
        str(settings.provisioning_url), settings.issuer, settings.webapp_client_secret.get_secret_value()
    )
    app.extensions["ibok_counters"] = Counters(settings.rate_limit_storage)
    login = OidcLogin(
        app,
        issuer=settings.issuer,
        client_id="ibok-portal",
        client_secret=settings.portal_client_secret.get_secret_value(),
        base_url=str(settings.webapp_url),
        store=store,
        verifier=TokenVerifier(settings.issuer),
        home="/konto",
        language=language,
    )
    login.exempt_from_csrf(csrf)
    for blueprint in (pages, application_form, portal, password_help):
        app.register_blueprint(blueprint)
    app.jinja_env.globals["logged_in"] = login.user
    tiles = [application for application in load_applications(settings.applications_file) if application.tile]
    app.extensions["ibok_tiles"] = app.jinja_env.globals["tiles"] = tiles
    _errors(app)
    log_refusals(app)
    _health(app, engine)
    door = MetricsDoor(settings.metrics_token.get_secret_value(), bind=settings.bind, trusted_proxies=settings.trusted_proxies)
    install_metrics(app, generate_latest, door)
    return app


def _errors(app: Flask) -> None:
    def failed_login(error: LoginFailed) -> Any:
        _log.warning("login.failed", reason=str(error))
        if str(error) == PASSWORD_ALREADY_SET:  # two browsers stood at "set your own password"; the other one won
            title = gettext("Hasło jest już ustawione")
            message = gettext("Własne hasło zostało ustawione w innej przeglądarce albo karcie. Zaloguj się tamtym hasłem.")
            return problem_page(title, message, link=("/logowanie", gettext("Zaloguj się"))), 409
        message = gettext("Logowanie nie zostało dokończone, na przykład trwało zbyt długo. Zacznij je jeszcze raz.")
        return problem_page(gettext("Zaloguj się jeszcze raz"), message, link=("/logowanie", gettext("Zaloguj się"))), 400

    def no_keycloak(_error: KeycloakUnavailable) -> Any:
        message = gettext("Serwer logowania chwilowo nie odpowiada. Nic nie przepadło, spróbuj ponownie za kilka minut.")
        return problem_page(gettext("Chwilowa przerwa w logowaniu"), message), 503, {"Retry-After": "60"}

    def no_provisioning(_error: ProvisioningUnavailable) -> Any:
        _log.error("provisioning.unavailable")
        message = gettext(
            "Usługa chwilowo nie odpowiada. Odpowiedzi w formularzu są zachowane: wróć do poprzedniej strony i spróbuj ponownie za kilka minut."
        )
        return problem_page(gettext("Chwilowa przerwa"), message), 503, {"Retry-After": "60"}

    def no_database(_error: Exception) -> Any:
        _log.error("database.gone")
        message = gettext("Usługa jest chwilowo niedostępna. Nic nie przepadło. Spróbuj ponownie za kilka minut.")
        return problem_page(gettext("Chwilowa przerwa"), message), 503, {"Retry-After": "60"}

    def not_there(_error: Exception) -> Any:
        message = gettext(
            "Ten link nie działa. Sprawdź, czy jest przepisany w całości, i użyj linku z najnowszej wiadomości. Jeżeli to nie pomaga, zadzwoń na infolinię."
        )
        return problem_page(gettext("Nie ma takiej strony"), message), 404

    def conflict(error: Conflict) -> Any:
        title, message = {
            "already_confirmed": (
                gettext("Adres jest już potwierdzony"),
                gettext("Nic więcej nie trzeba robić. O rozpatrzeniu wniosku powiadomimy e-mailem."),
            ),
            "confirmation_expired": (
                gettext("Link wygasł"),
                gettext("Link działa 72 godziny. Otwórz stronę statusu z tej samej wiadomości i wyślij potwierdzenie jeszcze raz."),
            ),
            "document_missing": (
                gettext("Brakuje podpisanego pliku"),
                gettext(
                    "Najpierw dodaj podpisany wniosek na stronie statusu (link jest w tej samej wiadomości), potem potwierdź adres."
                ),
            ),
            "link_expired": (
                gettext("Link wygasł"),
                gettext("Ten link już nie działa albo zastąpił go nowszy. Zacznij zmianę jeszcze raz na stronie konta."),
            ),
            "already_undone": (gettext("Zmiana jest już cofnięta"), gettext("Nic więcej nie trzeba robić.")),
            "already_answered": (gettext("Odpowiedź jest już zapisana"), gettext("Nic więcej nie trzeba robić.")),
            "not_withdrawable": (
                gettext("Tego zamknięcia konta nie można cofnąć"),
                gettext("Konto zamyka się z innego powodu niż Twoja rezygnacja. Zadzwoń na infolinię, wyjaśnimy dlaczego."),
            ),
            "too_many_requests": (
                gettext("Czekamy już na odpowiedź"),
                gettext("Kilka zmian danych czeka na pracownika BOK. Poczekaj na odpowiedź albo zadzwoń na infolinię."),
            ),
            "account_suspended": (
                gettext("Dostęp do konta jest zablokowany"),
                gettext("Żeby się dowiedzieć dlaczego albo przywrócić dostęp, zadzwoń na infolinię."),
            ),
            "too_many_documents": (gettext("Zbyt wiele plików"), gettext("Do wniosku można dodać najwyżej 20 plików.")),
        }.get(
            error.code,
            (
                gettext("Tego nie można teraz zrobić"),
                gettext("Stan wniosku albo konta zmienił się w międzyczasie. Otwórz jego stronę jeszcze raz."),
            ),
        )
        return problem_page(title, message), 409

    def too_soon(error: TooSoon) -> Any:
        message = gettext(
            "Odczekaj %(seconds)s s i spróbuj ponownie. Wiadomość bywa też w folderze ze spamem.", seconds=error.seconds
        )
        return problem_page(gettext("Jeszcze chwila"), message), 429, {"Retry-After": str(error.seconds)}

    app.register_error_handler(LoginFailed, failed_login)
    app.register_error_handler(NotLoggedIn, lambda _error: redirect(url_for("oidc.login", next=request.path)))
    app.register_error_handler(KeycloakUnavailable, no_keycloak)
    app.register_error_handler(ProvisioningUnavailable, no_provisioning)
    app.register_error_handler(OperationalError, no_database)
    app.register_error_handler(NoFreeConnection, no_database)
    app.register_error_handler(SessionsUnavailable, no_database)
    app.register_error_handler(NotThere, not_there)
    app.register_error_handler(Rejected, not_there)  # an address that cannot be one of ours
    app.register_error_handler(Conflict, conflict)
    app.register_error_handler(TooSoon, too_soon)


def _health(app: Flask, engine: Any) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, str], int]:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM web_sessions LIMIT 1"))
        except SQLAlchemyError:
            return {"status": "database unavailable"}, 503
        return {"status": "ready"}, 200
