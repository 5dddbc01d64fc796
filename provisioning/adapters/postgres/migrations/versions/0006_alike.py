"""Applications that look like another one are found by PESEL (as a keyed fingerprint), NIP, customer number and e-mail."""

from alembic import op

revision = "0006"
down_revision = "0005"

_SQL = """
ALTER TABLE applications ADD COLUMN pesel_fingerprint text;
CREATE INDEX applications_pesel ON applications (pesel_fingerprint) WHERE pesel_fingerprint IS NOT NULL;
CREATE INDEX applications_tax_id ON applications ((data->>'tax_id')) WHERE data->>'tax_id' IS NOT NULL;
CREATE INDEX applications_customer_number ON applications ((data->>'customer_number'));
CREATE INDEX applications_email ON applications (lower(data->>'email'));
CREATE INDEX accounts_email ON accounts (lower(email));
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL)
