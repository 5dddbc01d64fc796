"""The queue at a million applications: words to search by, an index for each order, saved views; corrections of a form."""

from alembic import op

revision = "0007"
down_revision = "0006"

_SQL = """
ALTER TABLE applications ADD COLUMN search_words tsvector;
ALTER TABLE applications ADD COLUMN sort_name text NOT NULL DEFAULT '';
UPDATE applications SET search_words = array_to_tsvector(ARRAY(
    SELECT DISTINCT left(word, 60) FROM (
        SELECT regexp_split_to_table(search, '\\s+') AS word
        UNION SELECT regexp_split_to_table(search, '[^a-z0-9]+')
        UNION SELECT '#' || status UNION SELECT '#' || channel) AS words WHERE word <> ''));
UPDATE applications SET sort_name = search;
ALTER TABLE applications ALTER COLUMN search_words SET NOT NULL;
ALTER TABLE applications DROP COLUMN search;
CREATE INDEX applications_search_words ON applications USING gin (search_words);
CREATE INDEX applications_filed ON applications (coalesce(filed_on, '9999-12-31'::date), reference);
CREATE INDEX applications_sort_name ON applications (sort_name, reference);
CREATE INDEX applications_open ON applications (coalesce(due_on, '9999-12-31'::date), reference)
    WHERE status IN ('approved', 'filed', 'in_review', 'incomplete');

CREATE TABLE search_names (word text COLLATE "C" PRIMARY KEY, grams text[] NOT NULL);
INSERT INTO search_names
    SELECT word, ARRAY(SELECT DISTINCT substr(' ' || word || ' ', i, 3) FROM generate_series(1, length(word)) AS i)
    FROM (SELECT DISTINCT unnest(tsvector_to_array(search_words)) AS word FROM applications) AS words
    WHERE word ~ '^[a-z]{3,}$';
CREATE INDEX search_names_grams ON search_names USING gin (grams);

ALTER TABLE applications ADD COLUMN as_filed jsonb, ADD COLUMN pesel_as_filed_encrypted bytea, ADD COLUMN added_to text;
CREATE INDEX applications_added_to ON applications (added_to) WHERE added_to IS NOT NULL;

CREATE INDEX case_claims_username ON case_claims (username);

CREATE TABLE saved_views (
    username text NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    PRIMARY KEY (username, name)
);

CREATE TABLE staff_members (
    username text PRIMARY KEY,
    name text NOT NULL,
    roles jsonb NOT NULL,
    seen_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_SQL.replace("%", "%%"))
