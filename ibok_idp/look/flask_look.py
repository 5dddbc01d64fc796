"""Gives a Flask app the shared look: templates, components, languages, security headers, pages for errors."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, MutableMapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import structlog
from babel.support import NullTranslations
from flask import Flask, Response, render_template, request
from flask.templating import Environment
from flask_babel import Babel, Domain, get_locale, gettext
from flask_wtf.csrf import CSRFError, CSRFProtect
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from ibok_idp.headers import EVERYWHERE
from ibok_idp.look.company import Utility
from ibok_idp.texts import LANGUAGES, SOURCE, WARSAW, day_in, texts_in

_log = structlog.get_logger()
LANGUAGE_COOKIE = "ibok_lang"
_COMPONENTS = {
    "back-link": "govukBackLink",
    "button": "govukButton",
    "checkboxes": "govukCheckboxes",
    "date-input": "govukDateInput",
    "details": "govukDetails",
    "error-message": "govukErrorMessage",
    "error-summary": "govukErrorSummary",
    "file-upload": "govukFileUpload",
    "input": "govukInput",
    "inset-text": "govukInsetText",
    "notification-banner": "govukNotificationBanner",
    "panel": "govukPanel",
    "radios": "govukRadios",
    "select": "govukSelect",
    "skip-link": "govukSkipLink",
    "summary-list": "govukSummaryList",
    "table": "govukTable",
    "tag": "govukTag",
    "task-list": "govukTaskList",
    "textarea": "govukTextarea",
    "warning-text": "govukWarningText",
}


def language() -> str:
    """The visitor's language: `?lang=`, then their earlier choice, then Polish."""
    for wanted in (request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return SOURCE


class _OneCatalogue(Domain):  # type: ignore[misc]  # Flask-Babel has no types
    """The texts of the visitor's language, from where mails and PDF have theirs."""

    def get_translations(self) -> NullTranslations:
        locale = get_locale()  # found once a request
        return texts_in(locale.language if locale else SOURCE)


def install_look(app: Flask, utility: Utility, *, keycloak_origin: str, secure: bool, trusted_proxies: int = 0) -> CSRFProtect:
    """Wire templates, languages, headers and error pages into an app; returns its CSRF protection.

    Args:
        keycloak_origin: allowed as the target of the logout form's redirect.
        secure: the app is served over https (HSTS, Secure cookies).
        trusted_proxies: how many reverse proxies name the visitor's address; limits and audit need the right one.
    """
    if trusted_proxies:  # the address alone: links never come from forwarded headers
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted_proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    app.jinja_environment = _Environment
    own = app.jinja_loader
    app.jinja_loader = ChoiceLoader(
        [
            *([own] if own else []),
            PackageLoader("ibok_idp.look"),
            PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        ]
    )
    app.static_folder = str(Path(__file__).parent / "static")
    babel = Babel(app, default_locale=SOURCE, locale_selector=language)
    babel.domain_instance = _OneCatalogue()
    csrf = CSRFProtect(app)
    with app.app_context():
        for component, macro in _COMPONENTS.items():
            module = app.jinja_env.get_template(f"govuk_frontend_jinja/components/{component}/macro.html").module
            app.jinja_env.globals[macro] = getattr(module, macro)
    app.jinja_env.globals.update(
        utility=utility, language=language, languages=LANGUAGES, language_items=language_items, errors_for=error_summary
    )
    app.jinja_env.filters.update(day=day, day_in_words=day_in_words, moment=moment, nbsp=nbsp, iso_day=iso_day)
    app.jinja_env.filters.update(iso_moment=iso_moment, epoch_moment=epoch_moment)
    app.after_request(_security_headers(keycloak_origin, secure))
    app.after_request(_remember_language(secure))
    app.register_error_handler(CSRFError, _csrf_failed)
    app.register_error_handler(HTTPException, _http_error)
    return csrf


def language_items() -> list[dict[str, object]]:
    """Items of govukRadios and govukSelect: every language by its own name."""
    return [{"value": code, "text": name, "attributes": {"lang": code}} for code, name in LANGUAGES.items()]


class _Environment(Environment):
    """Templates share the one map of globals. Jinja chains it with an empty one, and copies that at every use of a component."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return ChainMap(d, self.globals) if d else self.globals


def error_summary(errors: dict[str, str], title: str | None = None) -> dict[str, object]:
    """Parameters of govukErrorSummary: every error, linked to its field."""
    return {
        "titleText": title or gettext("Popraw dane w formularzu"),
        "errorList": [{"text": message, "href": f"#{field}"} for field, message in errors.items()],
    }


def day(value: date | datetime | None) -> str:
    """24.11.2026, for tables; times are shown in Europe/Warsaw."""
    if value is None:
        return ""
    local = value.astimezone(WARSAW) if isinstance(value, datetime) else value
    return local.strftime("%d.%m.%Y")


def day_in_words(value: date | datetime | None) -> str:
    """24 listopada 2026, for text."""
    return day_in(value, language())


def moment(value: datetime | None) -> str:
    """24.11.2026 12:03 in Europe/Warsaw."""
    return value.astimezone(WARSAW).strftime("%d.%m.%Y %H:%M") if value else ""


def iso_day(value: str | None) -> str:
    """24.11.2026 for an ISO date or moment from the API."""
    if not value:
        return ""
    return day(datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value))


def iso_moment(value: str | None) -> str:
    """24.11.2026 12:03 for a moment from the API."""
    return moment(datetime.fromisoformat(value)) if value else ""


def epoch_moment(seconds: float) -> str:
    """24.11.2026 12:03 for seconds since the epoch."""
    return moment(datetime.fromtimestamp(seconds, WARSAW)) if seconds else ""


def nbsp(value: object) -> str:
    """Keep a number on one line."""
    return str(value).replace(" ", "\u00a0")


def _security_headers(keycloak_origin: str, secure: bool) -> Callable[[Response], Response]:
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        f"worker-src 'self'; form-action 'self' {keycloak_origin}; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
    )

    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy)
        headers.update(EVERYWHERE)
        if secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if (
            request.endpoint == "static" and request.method != "OPTIONS" and response.status_code in (200, 206, 304)
        ):  # never that a file is missing
            headers["Cache-Control"] = "public, max-age=3600"
        else:
            headers.setdefault("Cache-Control", "no-store")
        return response

    return add


def _remember_language(secure: bool) -> Callable[[Response], Response]:
    def remember(response: Response) -> Response:
        chosen = request.args.get("lang")
        if chosen in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=31_536_000, secure=secure, httponly=True, samesite="Lax")
        return response

    return remember


def _csrf_failed(_error: CSRFError) -> tuple[str, int]:
    return (
        problem_page(
            gettext("Strona była otwarta zbyt długo"),
            gettext(
                "Ze względów bezpieczeństwa nie przyjęliśmy tego kliknięcia i nic się nie zmieniło. Wróć, odśwież stronę i spróbuj ponownie."
            ),
        ),
        400,
    )


def _http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.code is not None and error.code < 400:
        return error
    title, text = {
        403: (
            gettext("Brak uprawnień"),
            gettext("Twoja rola nie pozwala na tę czynność. Jeżeli jej potrzebujesz, zwróć się do kierownika lub działu IT."),
        ),
        404: (
            gettext("Nie ma takiej strony"),
            gettext("Sprawdź, czy adres jest przepisany w całości. Jeżeli strona była dostępna wcześniej, zadzwoń na infolinię."),
        ),
        405: (gettext("Nie ma takiej strony"), gettext("Ten adres działa tylko jako przycisk na stronie. Wróć i użyj przycisku.")),
        413: (
            gettext("Plik jest za duży"),
            gettext("Jeden plik może mieć najwyżej 15 MB. Zmniejsz go albo prześlij mniej stron naraz."),
        ),
        429: (
            gettext("Zbyt wiele prób"),
            gettext("Z tego adresu przyszło w krótkim czasie zbyt wiele zgłoszeń. Odczekaj chwilę i spróbuj ponownie."),
        ),
        503: (
            gettext("Chwilowa przerwa"),
            gettext("Usługa jest chwilowo niedostępna. Nic nie przepadło. Spróbuj ponownie za kilka minut."),
        ),
    }.get(
        error.code or 500,
        (
            gettext("Coś poszło nie tak"),
            gettext("Błąd jest po naszej stronie i został zapisany. Spróbuj ponownie za kilka minut albo zadzwoń na infolinię."),
        ),
    )
    return problem_page(title, text), error.code or 500


def problem_page(title: str, text: str, *, link: tuple[str, str] | None = None) -> str:
    """A page that says what happened, what to do, and whom to call."""
    return render_template("problem.html", title=title, text=text, link=link)
