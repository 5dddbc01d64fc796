"""What every page of this process has at hand."""

from __future__ import annotations

from flask import current_app

from webapp.provisioning_client import ProvisioningClient
from webapp.settings import Settings


def client() -> ProvisioningClient:
    """The way to provisioning."""
    found: ProvisioningClient = current_app.extensions["ibok_provisioning"]
    return found


def settings() -> Settings:
    """The settings of this process."""
    found: Settings = current_app.extensions["ibok_settings"]
    return found
