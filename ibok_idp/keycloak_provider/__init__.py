"""The small Java provider inside Keycloak: a mailed temporary password beside the old one (S7)."""
