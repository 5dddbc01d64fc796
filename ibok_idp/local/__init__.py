"""A pinned Keycloak, PostgreSQL and mailbox on this machine, for `make up` and for tests."""
