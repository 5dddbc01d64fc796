"""Every setting of provisioning: one `IBOK_…` variable each; a missing or wrong one stops the start by name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ibok_idp.temporary_password import KeyRing
from ibok_idp.tokens import PASSWORD, SECOND_FACTOR
from provisioning.domain.rulebook import Rulebook, TermStart, TermUnit


def _listed(value: str) -> list[str]:
    return [each.strip() for each in value.split(",") if each.strip()]


class Settings(BaseSettings):
    """What the web process and the worker read from the environment."""

    model_config = SettingsConfigDict(env_prefix="ibok_", extra="ignore")

    database_url: SecretStr = Field(description="postgresql://user:password@host:port/name")
    keycloak_url: HttpUrl = Field(description="address of Keycloak as browsers and this process see it")
    realm: str = Field("ibok", description="the realm")
    webapp_url: HttpUrl = Field(description="public address of the portal; every link in a mail starts with it")
    provisioning_url: HttpUrl = Field(description="address of the staff UI")
    provisioning_port: int = Field(8001, ge=1, le=65535, description="port the web process listens on")
    worker_port: int = Field(8002, ge=0, le=65535, description="port of the worker's /healthz, /readyz and /metrics; 0: none")
    bind: str = Field("127.0.0.1", description="address the web process and the worker listen on")
    trusted_proxies: int = Field(0, ge=0, le=5, description="reverse proxies whose X-Forwarded-For names the visitor; 0: none")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="opens `/metrics` by `Authorization: Bearer`; empty: only for this machine, without a proxy"
    )
    provisioning_client_secret: SecretStr = Field(SecretStr(""), description="worker: secret of the client ibok-provisioning")
    staff_client_secret: SecretStr = Field(SecretStr(""), description="web: secret of the client ibok-staff")
    staff_second_factor: bool = Field(
        True, description="web: staff get in with a one-time code only; only the local stack turns it off, here and in the realm"
    )
    session_key: SecretStr = Field(SecretStr(""), description="web: encrypts sessions, at least 32 characters")
    temporary_password_key: SecretStr = Field(description="derives temporary passwords, at least 32 characters")
    temporary_password_keys_earlier: SecretStr = Field(
        SecretStr(""), description="keys that were rotated out, with commas between, while something outstanding needs them"
    )
    link_key: SecretStr = Field(
        SecretStr(""), description="signs the links in mails, at least 32 characters; empty: the key of temporary passwords does"
    )
    link_keys_earlier: SecretStr = Field(
        SecretStr(""), description="keys that links still under way were signed with, with commas between"
    )
    personal_data_key: SecretStr = Field(description="encrypts PESEL at rest, at least 32 characters")
    smtp_url: SecretStr = Field(SecretStr("smtp://localhost:1025"), description="smtp://, smtp+starttls:// or smtps://")
    mail_from: str = Field("ibok@wpwik.com", description="sender of all mails")
    mail_reply_to: str = Field("ibok@wpwik.com", description="where answers go")
    mail_domain: str = Field("wpwik.com", description="right side of Message-IDs")
    utility_file: Path | None = Field(None, description="facts of the utility (TOML); empty: those of the package")
    worker_concurrency: int = Field(4, ge=1, le=64, description="jobs at the same time")
    web_threads: int = Field(8, ge=1, le=256, description="requests at the same time, in each process")
    web_processes: int = Field(2, ge=1, le=64, description="web: processes that share the port")
    term_days: int = Field(14, ge=1, le=365, description="S4: length of the term")
    term_unit: TermUnit = Field(TermUnit.CALENDAR_DAYS, description="S4: calendar_days or working_days")
    term_start: TermStart = Field(TermStart.FILED, description="S4: filed or complete")
    activation_password_hours: int = Field(336, ge=72, le=336, description="life of the temporary password of S5")
    reset_password_hours: int = Field(24, ge=1, le=24, description="life of a temporary password that was asked for (S7)")
    resets_per_hour: int = Field(3, ge=1, description="temporary passwords that one login gets in an hour (S7)")
    resets_per_day: int = Field(5, ge=1, description="the same in a day")
    reset_alarm_per_hour: int = Field(200, ge=1, description="so many wishes in an hour over all logins are an alarm (S7)")
    form_versions_dir: Path | None = Field(
        None, description="more versions of form and Regulamin (TOML), beside those of the package"
    )
    alarm_after_minutes: int = Field(60, ge=1, description="an account that waits longer is an alarm")
    reminder_days: str = Field(
        "7,10,12", description="S4: days of the term on which clerks are warned; on the last the manager too"
    )
    digest_to: str = Field("", description="S4: addresses that get the morning's warnings, with commas between")
    digest_manager_to: str = Field("", description="S4: addresses that get the warnings of the last day alone")
    imap_url: SecretStr = Field(
        SecretStr(""), description="worker: imaps://user:password@host:993/INBOX; empty: no mailbox is read (S1)"
    )
    applications_file: Path | None = Field(None, description="which applications join (TOML); empty: none")
    applications_secrets_dir: Path | None = Field(
        None, description="worker: folder of their webhook secrets, one file each with mode 0600; or one variable each"
    )
    clamd_socket: Path | None = Field(None, description="Unix socket of clamd; empty: files are not scanned for viruses")
    four_eyes: bool = Field(False, description="who typed in, corrected or recorded the paper of an application cannot approve it")
    pesel_required: bool = Field(False, description="natural persons must give PESEL")
    online_declaration: bool = Field(True, description="applicants may sign by a declaration on the web form")
    customer_number_pattern: str = Field(r"[0-9]{4,12}", description="regular expression of a customer number without spaces")
    register_largest_loss: int = Field(
        5, ge=0, le=100, description="percent of the customer register that one file may mark as gone; more needs `--gone`"
    )
    login_prefix: str = Field("wp", pattern=r"^[a-z]{1,8}$", description="how logins begin")
    login_random_digits: int = Field(7, ge=6, le=12, description="random digits of a login, before its check digit")

    @field_validator("temporary_password_key", "personal_data_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("temporary_password_keys_earlier", "link_keys_earlier", "link_key")
    @classmethod
    def _each_long_enough(cls, value: SecretStr) -> SecretStr:
        if any(len(each) < 32 for each in _listed(value.get_secret_value())):
            raise ValueError("each must have at least 32 characters")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _no_guess(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 24:
            raise ValueError("must have at least 24 characters, or be empty")
        return value

    @field_validator("digest_to", "digest_manager_to")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in _listed(value):
            try:
                validate_email(address, check_deliverability=False)
            except EmailNotValidError as error:
                raise ValueError(f"{address!r} is not an e-mail address") from error
        return value

    @field_validator("reminder_days")
    @classmethod
    def _days(cls, value: str) -> str:
        if not _listed(value) or not all(each.isascii() and each.isdigit() and 0 < int(each) < 366 for each in _listed(value)):
            raise ValueError("days from 1 to 365 with commas between, such as 7,10,12")
        return value

    @field_validator("imap_url")
    @classmethod
    def _imap(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        local = parts.hostname in ("localhost", "127.0.0.1")
        if parts.scheme and not (
            parts.hostname and parts.username and (parts.scheme == "imaps" or (parts.scheme == "imap" and local))
        ):
            raise ValueError("imaps://user:password@host:993/INBOX; imap:// only for this machine")
        return value

    @property
    def issuer(self) -> str:
        return f"{str(self.keycloak_url).rstrip('/')}/realms/{self.realm}"

    @property
    def staff_level(self) -> int:
        """The level of authentication that a staff session or token must have."""
        return SECOND_FACTOR if self.staff_second_factor else PASSWORD

    @property
    def digest_addresses(self) -> tuple[str, ...]:
        return tuple(_listed(self.digest_to))

    @property
    def digest_manager_addresses(self) -> tuple[str, ...]:
        return tuple(_listed(self.digest_manager_to))

    def key_ring(self) -> KeyRing:
        """The keys of temporary passwords."""
        earlier = _listed(self.temporary_password_keys_earlier.get_secret_value())
        return KeyRing(self.temporary_password_key.get_secret_value().encode(), tuple(each.encode() for each in earlier))

    def link_keys(self) -> tuple[bytes, ...]:
        """The keys of links; the first one signs, all of them open."""
        own = [each.encode() for setting in (self.link_key, self.link_keys_earlier) for each in _listed(setting.get_secret_value())]
        return tuple(own) if self.link_key.get_secret_value() else (*self.key_ring().every, *own)

    @property
    def secure(self) -> bool:
        """Served over https: Secure cookies and HSTS."""
        return self.provisioning_url.scheme == "https"

    def rulebook(self) -> Rulebook:
        return Rulebook(
            term_days=self.term_days,
            term_unit=self.term_unit,
            term_start=self.term_start,
            activation_password_life=timedelta(hours=self.activation_password_hours),
            reset_password_life=timedelta(hours=self.reset_password_hours),
            resets_per_hour=self.resets_per_hour,
            resets_per_day=self.resets_per_day,
            reset_alarm_per_hour=self.reset_alarm_per_hour,
            alarm_after=timedelta(minutes=self.alarm_after_minutes),
            reminder_days=tuple(int(each) for each in _listed(self.reminder_days)),
            four_eyes=self.four_eyes,
            pesel_required=self.pesel_required,
            online_declaration=self.online_declaration,
            customer_number_pattern=self.customer_number_pattern,
            login_prefix=self.login_prefix,
            login_random_digits=self.login_random_digits,
        )
