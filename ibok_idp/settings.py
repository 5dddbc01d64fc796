"""Every setting of ibok_idp: one environment variable each, checked at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ibok_idp.errors import SettingsError

Settings = TypeVar("Settings", bound=BaseSettings)


def load_settings(kind: type[Settings], **overrides: Any) -> Settings:
    """Read one settings class from the environment.

    Raises:
        SettingsError: names each missing or wrong variable and why; never prints a value.
    """
    try:
        return kind(**overrides)
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix") or "").upper()
        problems = [
            f"{prefix}{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError("Cannot start, these settings are missing or wrong:\n  " + "\n  ".join(problems)) from None


class LocalSettings(BaseSettings):
    """The stack on one machine."""

    model_config = SettingsConfigDict(env_prefix="ibok_", extra="ignore")

    cache_dir: Path = Field(Path("~/.cache/ibok"), description="downloads and the built Keycloak, shared by checkouts")
    state_dir: Path = Field(Path(".ibok"), description="secrets, database and logs of this checkout")
    webapp_port: int = Field(8000, ge=1, le=65535)
    provisioning_port: int = Field(8001, ge=1, le=65535)
    worker_port: int = Field(8002, ge=1, le=65535)
    keycloak_port: int = Field(8080, ge=1, le=65535)
    keycloak_management_port: int = Field(9000, ge=1, le=65535)
    mailbox_port: int = Field(8025, ge=1, le=65535)
    smtp_port: int = Field(1025, ge=1, le=65535)
    postgres_port: int = Field(54320, ge=1, le=65535)
    example: bool = Field(False, description="examples/invoices joins and runs beside the rest")
    invoices_port: int = Field(8003, ge=1, le=65535)
    applications_file: Path | None = Field(None, description="which applications join (TOML); empty: none")


class KeycloakAdminSettings(BaseSettings):
    """What `ibok-idp realm …` needs to reach a server as IT."""

    model_config = SettingsConfigDict(env_prefix="ibok_", extra="ignore")

    keycloak_url: HttpUrl = Field(HttpUrl("http://localhost:8080"), description="base address of the server")
    keycloak_admin_username: str = Field("", description="an administrator of the master realm")
    keycloak_admin_password: SecretStr = Field(SecretStr(""), description="that administrator's password")
    realm: str = "ibok"
    webapp_url: HttpUrl = Field(HttpUrl("http://localhost:8000"), description="public address of the portal")
    provisioning_url: HttpUrl = Field(HttpUrl("http://localhost:8001"), description="address of the staff UI")
    activation_password_hours: int = Field(
        336, ge=72, le=336, description="life of the temporary password of S5, enforced at login"
    )
    temporary_password_tries: int = Field(
        5, ge=1, le=50, description="wrong guesses at a temporary password (S7) before it is void"
    )
    utility_file: Path | None = Field(
        None, description="facts of the utility (TOML) that Keycloak's pages show; empty: those of the package"
    )
    applications_file: Path | None = Field(None, description="which applications join (TOML); empty: none")
    applications_secrets_dir: Path | None = Field(None, description="folder of their secrets, one file each with mode 0600")
    staff_second_factor: bool = Field(True, description="staff need a one-time code; only the local stack turns it off")
