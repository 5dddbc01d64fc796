"""`ibok-provisioning`: the commands of the utility's side."""

from provisioning.cli.main import app

__all__ = ["app"]
