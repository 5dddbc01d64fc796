"""The portal in this process."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from tests.support.world import World
from webapp.settings import Settings
from webapp.web import create_app


def app(world: World, provisioning: Any = None, **changes: Any) -> Any:
    """webapp with other settings, for instance with something behind it that does not answer."""
    settings = {
        "webapp_database_url": SecretStr(world.secrets["IBOK_WEBAPP_DATABASE_URL"]),
        "webapp_url": world.webapp,
        "provisioning_url": world.provisioning,
        "keycloak_url": world.keycloak,
        "webapp_client_secret": SecretStr(world.secrets["IBOK_WEBAPP_CLIENT_SECRET"]),
        "portal_client_secret": SecretStr(world.secrets["IBOK_PORTAL_CLIENT_SECRET"]),
        "session_key": SecretStr(world.secrets["IBOK_SESSION_KEY"]),
        **changes,
    }
    return create_app(Settings(**settings), provisioning).test_client()
