"""The outside: PostgreSQL, the queue, Keycloak, SMTP, PDF, uploaded files, public holidays."""
