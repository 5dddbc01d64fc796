"""Keycloak as the identity store: everything that knows Keycloak, and nothing about BOK-27."""
