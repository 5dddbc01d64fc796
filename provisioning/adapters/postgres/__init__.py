"""PostgreSQL: all SQL of provisioning, one file a subject."""
