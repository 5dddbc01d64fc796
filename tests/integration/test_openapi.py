"""The running app against its own OpenAPI 3.1 document, with whatever schemathesis thinks of, under five tokens."""

import os
import secrets

import requests
from schemathesis.transport.requests import REQUESTS_TRANSPORT

from tests.fuzz.__main__ import Campaign, report
from tests.support.world import World

SEED = int(os.environ.get("IBOK_FUZZ_SEED") or secrets.randbelow(2**32))


def test_the_document_is_openapi_3_1_and_holds_every_call_of_the_table(world: World) -> None:
    spec = requests.get(f"{world.api}/openapi.json", timeout=10).json()
    assert spec["openapi"].startswith("3.1")
    for path in ("/form", "/applications", "/applications/{reference}/email-confirmation", "/applications/{reference}/documents",
                 "/applications/{reference}/email", "/applications/{reference}/form.pdf", "/applications/{reference}/status", "/password-resets",
                 "/me", "/staff/applications", "/staff/applications/{reference}", "/staff/applications/{reference}/approve", "/staff/audit"):  # fmt: skip
        assert f"/api/v1{path}" in spec["paths"], path


def test_every_kind_of_body_in_the_document_can_be_sent(world: World) -> None:
    """The calls are generated in another order each time: one that cannot be sent would fail on some days only."""
    spec = requests.get(f"{world.api}/openapi.json", timeout=10).json()
    bodies = [call["requestBody"] for calls in spec["paths"].values() for call in calls.values() if "requestBody" in call]
    kinds = {kind for body in bodies for kind in body["content"]}
    assert {"application/json", "application/x-ndjson"} <= kinds
    assert [kind for kind in kinds if REQUESTS_TRANSPORT.get_first_matching_media_type(kind) is None] == []


def test_s06_no_generated_call_gets_a_server_error_or_an_undocumented_answer(world: World) -> None:
    print(f"seed {SEED}; again with IBOK_FUZZ_SEED={SEED}")
    (found,) = Campaign(world, SEED, count=2, minutes=0.5, alone=False).run(["calls"])
    report([found])
    assert not found.broken, f"seed {SEED}\n" + "\n".join(found.broken[:10])
    assert found.count >= 100
    assert {"401", "403"} <= found.answers.keys()
