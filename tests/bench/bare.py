"""What pages are compared with: a bare Flask page that takes one row from PostgreSQL, on the server that ours run on.

`python -m tests.bench.bare PORT PROCESSES`; the database's address comes by IBOK_DATABASE_URL.
"""

from __future__ import annotations

import os
import sys

from flask import Flask
from sqlalchemy import text

from ibok_idp.database import make_engine
from ibok_idp.serve import serve


def create_app() -> Flask:
    """One page."""
    app = Flask("bare")
    engine = make_engine(os.environ["IBOK_DATABASE_URL"])

    @app.get("/")
    def page() -> str:
        with engine.connect() as connection:
            row = connection.execute(text("SELECT reference, status FROM applications LIMIT 1")).one()
        return f"<!DOCTYPE html><title>bare</title><p>{row.reference} {row.status}</p>"

    return app


if __name__ == "__main__":
    serve(create_app, f"127.0.0.1:{int(sys.argv[1])}", 8, largest_body=2**16, processes=int(sys.argv[2]))
