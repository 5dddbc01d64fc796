"""The running app against its own OpenAPI 3.1 document, with whatever schemathesis thinks of."""

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.world import World


def test_the_document_is_openapi_3_1_and_holds_every_call_of_the_table(world: World) -> None:
    spec = requests.get(f"{world.api}/openapi.json", timeout=10).json()
    assert spec["openapi"].startswith("3.1")
    for path in ("/form", "/applications", "/applications/{reference}/email-confirmation", "/applications/{reference}/documents",
                 "/applications/{reference}/email", "/applications/{reference}/form.pdf", "/applications/{reference}/status", "/password-resets",
                 "/me", "/staff/applications", "/staff/applications/{reference}", "/staff/applications/{reference}/approve", "/staff/audit"):  # fmt: skip
        assert f"/api/v1{path}" in spec["paths"], path


def test_s06_no_generated_call_gets_a_server_error_or_an_undocumented_answer(world: World) -> None:
    schema = schemathesis.openapi.from_url(f"{world.api}/openapi.json")
    tokens = {"staff": world.staff_token("registrar"), "other": world.service_token()}
    for result in schema.get_all_operations():
        operation = result.ok()
        token = tokens["staff" if "/staff/" in operation.path else "other"]

        case_strategy = operation.as_strategy()

        @settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
        @given(case=case_strategy)
        def check(case: schemathesis.Case) -> None:
            answer = case.call(base_url=world.provisioning, headers={"Authorization": f"Bearer {token}"}, timeout=30)
            assert answer.status_code < 500, (case.path, answer.status_code, answer.text)
            declared = operation.definition.raw["responses"]
            assert str(answer.status_code) in declared or answer.status_code in (400, 404, 405), (
                case.path,
                answer.status_code,
                answer.text,
            )

        check()
