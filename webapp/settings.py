"""Every setting of webapp: one `IBOK_…` variable each; a missing or wrong one stops the start by name."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the public process reads from the environment. No Keycloak admin right, no database of provisioning."""

    model_config = SettingsConfigDict(env_prefix="ibok_", extra="ignore")

    webapp_database_url: SecretStr = Field(description="postgresql://… of webapp's own small database")
    webapp_url: HttpUrl = Field(description="public address of the portal")
    webapp_port: int = Field(8000, ge=1, le=65535, description="port the process listens on")
    bind: str = Field("127.0.0.1", description="address the process listens on")
    trusted_proxies: int = Field(0, ge=0, le=5, description="reverse proxies whose X-Forwarded-For names the visitor; 0: none")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="opens `/metrics` by `Authorization: Bearer`; empty: only for this machine, without a proxy"
    )
    provisioning_url: HttpUrl = Field(description="address of provisioning's API")
    keycloak_url: HttpUrl = Field(description="address of Keycloak as browsers and this process see it")
    realm: str = Field("ibok", description="the realm")
    webapp_client_secret: SecretStr = Field(description="secret of the service client ibok-webapp")
    portal_client_secret: SecretStr = Field(description="secret of the client ibok-portal")
    session_key: SecretStr = Field(description="encrypts sessions and drafts, at least 32 characters", min_length=32)
    utility_file: Path | None = Field(None, description="facts of the utility (TOML); empty: those of the package")
    applications_file: Path | None = Field(None, description="which applications join (TOML), for the tiles; empty: none")
    rate_limit_storage: str = Field("memory://", description="where limits are counted; valkey://host in production")
    filings_per_hour: int = Field(60, ge=1, description="applications from one address in an hour")
    filings_per_hour_without_script: int = Field(
        20, ge=1, description="the same for browsers without JavaScript, which cannot solve the proof of work"
    )
    password_asks_per_hour: int = Field(20, ge=1, description="wishes for a new password from one address in an hour (S7)")
    password_asks_per_hour_without_script: int = Field(5, ge=1, description="the same for browsers without JavaScript")
    mails_per_hour: int = Field(
        30, ge=1, description="confirmations sent again and links to a new address that one address may ask for in an hour (F13)"
    )
    draft_hours: int = Field(2, ge=1, le=24, description="how long a form that is being filled is kept")
    web_threads: int = Field(8, ge=1, le=256, description="requests at the same time, in each process")
    web_processes: int = Field(2, ge=1, le=64, description="processes that share the port; one as long as limits are in memory")

    @field_validator("metrics_token")
    @classmethod
    def _no_guess(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 24:
            raise ValueError("must have at least 24 characters, or be empty")
        return value

    @property
    def issuer(self) -> str:
        return f"{str(self.keycloak_url).rstrip('/')}/realms/{self.realm}"

    @property
    def processes(self) -> int:
        """Limits that are counted in the memory of one process hold only while there is one."""
        return 1 if self.rate_limit_storage.startswith("memory:") else self.web_processes

    @property
    def secure(self) -> bool:
        """Served over https: Secure cookies and HSTS."""
        return self.webapp_url.scheme == "https"
