"""The form is data: a field and a kind of customer that only this module declares walk from the web form to the PDF.

What is shown here needed no line outside the declaration: `Declaration.plus` stands for an entry in
`provisioning/domain/fields.py` (docs/how-to/extend-the-form.md).
"""

from __future__ import annotations

import csv
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from flask.testing import FlaskClient
from lxml import html
from pydantic import SecretStr
from werkzeug.serving import make_server

from ibok_idp.tokens import Caller
from provisioning.adapters.application_batch import columns, read_batch
from provisioning.domain import declared_fields
from provisioning.domain.declared_fields import BOK_27
from provisioning.domain.desk import QueueFilter
from provisioning.domain.errors import Invalid
from provisioning.domain.fields import CONTRACT, Box, CustomerType, Field, Searched
from provisioning.use_cases.application.correct import correct
from provisioning.web import create_app
from tests.support.database_alone import CLERK, Alone
from tests.support.databases import Databases
from tests.support.free_ports import free_ports
from tests.support.world import CLAUSES, paper_body
from webapp.provisioning_client import ProvisioningClient
from webapp.settings import Settings as WebappSettings
from webapp.web import create_app as create_webapp

METER = Field(
    "meter_number",
    "Numer wodomierza",
    called="numer wodomierza",
    hint="Stoi na tarczy, na przykład 12345678.",
    about="number on the dial of the water meter",
    section=CONTRACT,
    required=True,
    check="pattern",
    pattern="[0-9]{8}",
    longest=20,
    searched=Searched.WORDS,
    box=Box(width=10, inputmode="numeric"),
)
FARMER = CustomerType(
    "farmer",
    "rolnik",
    asks=("first_name", "last_name", "tax_id"),
    name=("first_name", "last_name"),
    sorted_by=("last_name", "first_name"),
    hint="Umowa na gospodarstwo rolne",
)
ANSWERS = {
    "customer_type": "farmer",
    "first_name": "Bożena",
    "last_name": "Zagroda",
    "tax_id": "1234563218",
    "customer_number": "4000000123",
    "meter_number": "8765 4321",
    "supply_point_address-house": "12",
    "supply_point_address-postal_code": "43-300",
    "supply_point_address-city": "Bielsko-Biała",
    "email": "bozena.zagroda@example.com",
    "email_again": "bozena.zagroda@example.com",
    "other_address": "no",
    **{f"clauses-{code}": "yes" for code in CLAUSES},
    "terms_accepted": "yes",
    "signature_kind": "declaration",
    "signed_name": "Bożena Zagroda",
}


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declared_fields, "BOK_27", BOK_27.plus(METER, FARMER))


class TokensOfWebapp:
    def access_token(self, _token: str, _audience: str) -> Caller:
        return Caller("s", "webapp", "", "ibok-webapp", frozenset({"applications.submit"}), service_account=True)


class Client(ProvisioningClient):
    """Asks no Keycloak for its token."""

    def _service_token(self, _refused: str | None) -> str:
        return "webapp"


@pytest.fixture
def portal(alone: Alone, databases: Databases) -> Iterator[FlaskClient]:
    """webapp as visitors meet it, on a provisioning that listens on a port of its own."""
    keys = {"session_key": SecretStr("s" * 40), "staff_client_secret": SecretStr("c" * 40)}
    settings = alone.wired.settings.model_copy(update=keys)
    wired = replace(alone.wired, settings=settings, services=alone.services)
    app = create_app(settings, wired)
    app.extensions["ibok_verifier"] = TokensOfWebapp()
    (port,) = free_ports(1)
    server = make_server("127.0.0.1", port, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with databases.fresh("") as url:
        nobody = "http://127.0.0.1:9"
        webapp = create_webapp(
            WebappSettings(
                webapp_database_url=SecretStr(url),
                webapp_url="http://localhost",
                provisioning_url=f"http://127.0.0.1:{port}",
                keycloak_url=nobody,
                webapp_client_secret=SecretStr("w" * 40),
                portal_client_secret=SecretStr("p" * 40),
                session_key=SecretStr("k" * 40),
            ),
            Client(f"http://127.0.0.1:{port}", nobody, "w" * 40),
        )
        try:
            yield webapp.test_client()
        finally:
            webapp.session_interface._engine.dispose()
            server.shutdown()
            server.server_close()
            wired.bell.close()


class Walk:
    """A visitor without JavaScript: fills what a page asks, and nothing else."""

    def __init__(self, portal: FlaskClient) -> None:
        self.portal, self.path, self.pages = portal, "/wniosek", {}
        self.page = html.fromstring(portal.get(self.path).text)

    def send(self, **other: str) -> None:
        form = next(
            each
            for each in self.page.forms
            if (each.get("method") or "").lower() == "post" and "/wniosek" in (each.action or self.path)
        )
        known = {"csrf_token": form.fields["csrf_token"]}
        asked = {name for name in form.fields if name} - set(known)
        known |= {name: value for name, value in (ANSWERS | other).items() if name in asked}
        answer = self.portal.post(form.action or self.path, data=known, follow_redirects=True)
        self.path = answer.request.path
        self.page = html.fromstring(answer.text)
        self.pages[self.path.rsplit("/", 1)[-1]] = self.page.text_content()

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", self.page.text_content())


def test_a_new_field_and_a_new_kind_walk_from_the_web_form_to_the_pdf(alone: Alone, portal: FlaskClient) -> None:
    walk = Walk(portal)
    walk.send()
    assert "Rolnik" in walk.words and "Umowa na gospodarstwo rolne" in walk.words
    walk.send()
    asked = {each.get("name") for each in walk.page.iter("input")}
    assert {"first_name", "last_name", "tax_id"} <= asked
    assert not {"pesel", "company_name"} & asked
    walk.send()
    assert "Numer wodomierza" in walk.words and "Stoi na tarczy" in walk.words
    walk.send(meter_number="")
    assert "Wpisz numer wodomierza" in walk.words
    walk.send(meter_number="87a")
    assert "numer wodomierza" in walk.words and walk.path.endswith("umowa")
    for name in ("kontakt", "klauzule", "regulamin", "sprawdz"):
        walk.send()
        assert walk.path.endswith(name), walk.words
    assert "Numer wodomierza" in walk.words and "Rolnik" in walk.words
    walk.send()
    walk.send()
    assert walk.path == "/wniosek/zlozony", walk.words
    (printed,) = [each.get("href") for each in walk.page.iter("a") if (each.get("href") or "").endswith("druk.pdf")]
    text = _text_of(portal.get(printed).data)
    assert "Numer wodomierza" in text and "87654321" in text  # as stored: without the space
    assert "rolnik" in text and "Bożena Zagroda" in text
    assert "PESEL" not in text.split("Umowa")[0]
    (stored,) = alone.sql("SELECT data FROM applications")
    assert stored[0]["meter_number"] == "87654321"


def test_the_same_on_paper_is_found_corrected_and_erased(alone: Alone) -> None:
    reference = alone.entered(meter_number="1111 2222")
    assert _found(alone, "11112222") == [reference]
    assert ("meter_number", "required") in _refused(alone, paper_body(meter_number=None, today=alone.clock.today()))
    with alone.services.work() as work:
        application = work.applications.get(reference)
    body = paper_body(today=alone.clock.today(), meter_number="33334444", customer_number=application.data["customer_number"])
    correct(alone.services, CLERK, reference, application.version, alone.checked(body))
    assert _found(alone, "33334444") == [reference]
    with alone.services.work() as work:
        application = work.applications.get(reference)
    assert application.form().flat()["meter_number"] == "33334444"  # what the page of a conflict compares
    application.anonymise()
    assert "33334444" not in str(application.data)


def test_a_batch_has_a_column_for_it(alone: Alone, tmp_path: Path) -> None:
    checker = replace(alone.wired.checker(), today=alone.clock.today())
    day = str(alone.clock.today())
    row = {name: ANSWERS.get(name.replace(".", "-"), "") for name in columns(checker.current)}
    row |= {"channel": "post", "filed_on": day, "signed_on": day, "terms_accepted": "tak"}
    row |= {f"clauses.{code}": "tak" for code in CLAUSES}
    file = tmp_path / "batch.csv"
    with file.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, columns(checker.current), delimiter=";")
        writer.writeheader()
        writer.writerows([row, row | {"meter_number": ""}])
    good, bad = read_batch(file, checker.current, checker)
    assert good.errors == []
    assert good.submission is not None
    assert (good.submission.customer_type, good.submission.data["meter_number"]) == ("farmer", "87654321")
    assert bad.errors == ["meter_number: Wpisz numer wodomierza"]


def test_the_api_describes_it(alone: Alone, portal: FlaskClient) -> None:
    client = portal.application.extensions["ibok_provisioning"]
    spec = client._call("GET", "/openapi.json").json()
    body = spec["components"]["schemas"]["ApplicationBody"]["properties"]
    assert "farmer" in body["customer_type"]["enum"]
    assert METER.about in str(body["meter_number"])


def _found(alone: Alone, text: str) -> list[str]:
    with alone.services.work() as work:
        return [each.reference for each in work.applications.page(QueueFilter(text=text)).applications]


def _refused(alone: Alone, body: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        alone.checked(body)
    return [(each.field, each.code) for each in refused.value.errors]


def _text_of(pdf: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))
