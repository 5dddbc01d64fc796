"""The use cases on a real PostgreSQL alone: fixtures."""

from tests.support.database_alone import alone, postgres

__all__ = ["alone", "postgres"]
