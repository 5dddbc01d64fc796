"""applications.toml: which applications join, checked line by line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ibok_idp.errors import SettingsError
from ibok_idp.texts import LANGUAGES, InLanguages

PREFIX = "app-"  # of the client ids of all that join: every other client is a stranger's or our own
CLAIMS = ("customer_numbers", "ibok_login", "locale")
ROLES = {
    "accounts.read": "Czyta konta i zdarzenia kont. / Reads accounts and their events.",
    "register.write": "Odświeża kartotekę klientów. / Keeps the customer register fresh.",
    "contracts.end": "Zgłasza koniec umowy. / Reports the end of a contract.",
}
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_TABLE = "application"


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if "*" in value:
        raise ValueError("has a wildcard; write every address out")
    if not parts.hostname or parts.username or parts.fragment or re.search(r"[\s\\]", value):
        raise ValueError("is not the full address of a page, such as https://invoices.example.com/")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise ValueError("must be https (http is for this machine only)")
    return value


def _redirect_address(value: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/[^\s*#\\]*", value):
        return value  # a mobile application's own scheme, a domain name backwards (RFC 8252, section 7.1)
    return _web_address(value)


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return value


def _known(what: str, names: Iterable[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is no {what}; there are {', '.join(names)}")
        return value

    return AfterValidator(check)


WebAddress = Annotated[str, AfterValidator(_web_address)]
RedirectAddress = Annotated[str, AfterValidator(_redirect_address)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Strict):
    """The same in Polish, English and, where the file has them, further languages of the product."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Annotated[str, Field(min_length=1, max_length=200)]]
    pl: str = Field(min_length=1, max_length=200)
    en: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = self.model_dump().keys() - LANGUAGES.keys()
        if unknown:
            raise ValueError(f"not a language of the product: {', '.join(sorted(unknown))}")
        return self

    def of(self, language: str) -> str:
        texts: InLanguages[str] = InLanguages(self.model_dump())
        return texts[language]


class Webhook(_Strict):
    """Where an application is told of what becomes of an account."""

    url: WebAddress


class Application(_Strict):
    """One application that joins.

    Attributes:
        client_id: its client in Keycloak; begins with `app-`.
        name, sentence: for the tile, for Keycloak's pages and for the staff UI.
        home_url: where its tile leads. redirect_uris: exactly where Keycloak may send a login back to.
        backchannel_logout_url: where Keycloak reports the end of a session; all that keep sessions on a server need one.
        public: it cannot keep a secret (a mobile application).
        own: it is the utility's own, so Keycloak does not ask the customer for consent.
        claims: what its tokens say of the customer. roles: what it may do at the API by itself, without a customer.
        tile: it stands on the page of the account. customers: only for customers with a number of this pattern, whole.
    """

    client_id: str = Field(pattern=rf"^{PREFIX}[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)
    name: Words
    sentence: Words
    home_url: WebAddress | None = None
    redirect_uris: tuple[RedirectAddress, ...] = ()
    post_logout_redirect_uris: tuple[RedirectAddress, ...] = ()
    backchannel_logout_url: WebAddress | None = None
    public: bool = False
    own: bool = True
    claims: tuple[Annotated[str, _known("claim", CLAIMS)], ...] = ()
    roles: tuple[Annotated[str, _known("role", ROLES)], ...] = ()
    tile: bool = False
    customers: Annotated[str, AfterValidator(_pattern)] | None = None
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _whole(self) -> Application:
        if self.redirect_uris and not self.public and self.backchannel_logout_url is None:
            raise ValueError("backchannel_logout_url is missing: without it a suspension would not end the session there")
        if self.tile and not (self.home_url and self.redirect_uris):
            raise ValueError("a tile needs home_url and redirect_uris")
        if self.public and self.roles:
            raise ValueError("roles are for applications that keep a secret, not for public ones")
        if self.claims and not self.redirect_uris:
            raise ValueError("claims are of no use without redirect_uris: nobody logs in")
        if not (self.redirect_uris or self.roles or self.webhook):
            raise ValueError("joins nothing: give it redirect_uris, roles or a webhook")
        return self

    @cached_property
    def _customers(self) -> re.Pattern[str] | None:
        return re.compile(self.customers) if self.customers else None

    def concerns(self, customer_numbers: Iterable[str]) -> bool:
        """Whether it is for a customer with these numbers."""
        pattern = self._customers
        return pattern is None or any(pattern.fullmatch(number) for number in customer_numbers)


class _File(_Strict):
    application: tuple[Application, ...] = ()


@dataclass(frozen=True)
class Mistake:
    """What is wrong, and in which line (from 1)."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.words}"


def shipped_file() -> Path:
    """The empty file of the package, with an example in comments."""
    return Path(__file__).parent / "applications.toml"


def load_applications(path: Path | None) -> tuple[Application, ...]:
    """The applications that join.

    Args:
        path: the file of `IBOK_APPLICATIONS_FILE`; None: the empty one of the package.

    Raises:
        SettingsError: names every mistake with its line.
    """
    file = path or shipped_file()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"IBOK_APPLICATIONS_FILE: cannot read {file}: {error}") from error
    found, mistakes = read_applications(text)
    if mistakes:
        raise SettingsError(f"IBOK_APPLICATIONS_FILE: {file}:\n  " + "\n  ".join(map(str, mistakes)))
    return found


def read_applications(text: str) -> tuple[tuple[Application, ...], list[Mistake]]:
    """What a file says, and every mistake in it in the order of lines; with mistakes there are no applications."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        return (), [Mistake(int(at[1]) if at else text.count("\n") + 1, f"is not TOML: {error}")]
    lines = text.splitlines()
    mistakes = list(_twice(tree, lines))
    try:
        found = _File.model_validate(tree).application
    except ValidationError as error:
        mistakes += [Mistake(_line(lines, problem["loc"]), _words(problem)) for problem in error.errors(include_url=False)]
    if mistakes:
        return (), sorted(set(mistakes), key=lambda each: (each.line, each.words))
    return found, []


def _twice(tree: dict[str, Any], lines: list[str]) -> Iterator[Mistake]:
    tables = tree.get(_TABLE)
    seen: set[object] = set()
    for number, table in enumerate(tables if isinstance(tables, list) else ()):
        name = table.get("client_id") if isinstance(table, dict) else None
        if isinstance(name, str) and name in seen:
            yield Mistake(_line(lines, (_TABLE, number, "client_id")), f"client_id: {name} stands in the file twice")
        seen.add(name)


def _words(problem: Any) -> str:
    names = [str(part) for part in problem["loc"] if part != _TABLE and not isinstance(part, int)]
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "is no setting of an application"
    if problem["type"] == "string_pattern_mismatch" and names[-1:] == ["client_id"]:
        message = f"must begin with {PREFIX} and have small letters, digits and hyphens: other clients are not ours to change"
    return ": ".join([".".join(names), message]) if names else message


def _line(lines: list[str], place: tuple[int | str, ...]) -> int:
    """The line of a key, by the tables and keys before it; that of the table when the key itself is not there."""
    table = next((part for part in place if isinstance(part, int)), None)
    names = [part for part in place if isinstance(part, str) and part != _TABLE]
    start, end = _table(lines, table) if table is not None else (0, len(lines))
    best = start
    for name in names:
        written = re.compile(rf"\s*(\[{_TABLE}\.{re.escape(name)}\]|(\w+\.)*{re.escape(name)}\s*[=.])")
        best = next((number for number in range(best, end) if written.match(lines[number])), best)
    item = place[-1]
    if isinstance(item, int) and names:  # one of several, each on a line of its own
        best = _item(lines, best, end, item)
    return best + 1


def _table(lines: list[str], number: int) -> tuple[int, int]:
    heads = [place for place, line in enumerate(lines) if re.match(rf"\s*\[\[{_TABLE}\]\]", line)]
    if number >= len(heads):
        return 0, len(lines)
    return heads[number], heads[number + 1] if number + 1 < len(heads) else len(lines)


def _item(lines: list[str], start: int, end: int, item: int) -> int:
    seen = -1
    for number in range(start, end):
        seen += len(re.findall(r"\"[^\"]*\"|'[^']*'", lines[number]))
        if seen >= item:
            return number
        if "]" in lines[number]:
            break
    return start
