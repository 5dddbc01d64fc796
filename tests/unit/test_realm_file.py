"""keycloak-realm.json: no secret in it, nothing left open, and a comparison that is silent about secrets."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ibok_idp.look as look
from ibok_idp.errors import SettingsError
from ibok_idp.keycloak_provider.common_passwords import common_passwords
from ibok_idp.look.company import load_utility
from ibok_idp.password_policy import DENY_LIST_POLICY, keycloak_policy
from ibok_idp.realm.compare import differences
from ibok_idp.realm.desired import comparable, load, realm_file
from ibok_idp.realm.steps import Step
from ibok_idp.temporary_password import SHAPE, derive, new_nonce
from provisioning.domain.person_names import LONGEST_NAME
from provisioning.domain.rights import Role
from provisioning.form.bodies import application_body

VALUES = {
    "IBOK_WEBAPP_URL": "http://localhost:8000",
    "IBOK_PROVISIONING_URL": "http://localhost:8001",
    **{f"IBOK_{name}_CLIENT_SECRET": f'sec"ret-{name}' for name in ("PORTAL", "STAFF", "WEBAPP", "PROVISIONING")},
}


@pytest.fixture
def realm() -> dict[str, Any]:
    return json.loads(realm_file().read_text())


def test_no_secret_stands_in_the_file(realm: dict[str, Any]) -> None:
    secrets = [client["secret"] for client in realm["clients"] if "secret" in client]
    assert secrets
    assert all(secret.startswith("${IBOK_") for secret in secrets)
    assert "credentials" not in json.dumps(realm["users"])


def test_r03_what_must_be_off_is_off(realm: dict[str, Any]) -> None:
    assert not realm["registrationAllowed"]
    assert not realm["loginWithEmailAllowed"]
    assert realm["bruteForceProtected"]
    assert realm["revokeRefreshToken"]
    assert realm["accessTokenLifespan"] <= 300
    for client in realm["clients"]:
        assert not client.get("directAccessGrantsEnabled")
        assert not client.get("implicitFlowEnabled")
        assert not client.get("publicClient")
        assert not any("*" in uri for uri in client.get("redirectUris", []))
        if client.get("standardFlowEnabled"):
            assert client["attributes"]["pkce.code.challenge.method"] == "S256"
            assert client["attributes"]["access.token.signed.response.alg"] == "RS256"


def test_the_least_rights_of_the_service_accounts(realm: dict[str, Any]) -> None:
    users = {user["username"]: user for user in realm["users"]}
    assert users["service-account-ibok-webapp"]["realmRoles"] == ["applications.submit"]
    assert users["service-account-ibok-provisioning"]["clientRoles"] == {
        "realm-management": ["query-users", "query-groups", "view-events"]
    }


def test_s09_staff_need_a_second_factor_unless_the_local_stack_says_otherwise() -> None:
    for on, level in ((True, "2"), (False, "1")):
        found = comparable(load(VALUES, staff_second_factor=on))
        client, steps = found["clients"]["ibok-staff"], [each.name for each in found["flows"]["ibok-staff-browser"]["executions"]]
        assert client["authenticationFlowBindingOverrides"] == {"browser": "ibok-staff-browser"}
        assert client["attributes"]["minimum.acr.value"] == level
        assert ("auth-otp-form" in steps) == on
        assert steps.count("deny-access-authenticator") == (3 if on else 2)


def test_s11_staff_are_refused_where_customers_log_in_and_nobody_enrols_a_code_alone(realm: dict[str, Any]) -> None:
    steps = comparable(load(VALUES, staff_second_factor=True))["flows"]["ibok-browser"]["executions"]
    refusal = steps.index(Step(0, "ibok-not-for-staff", True, "CONDITIONAL", {}))
    assert steps[refusal + 1].config["condUserRole"] == "bok-staff"
    assert (steps[refusal + 2].name, steps[refusal + 2].requirement) == ("deny-access-authenticator", "REQUIRED")
    assert not next(each for each in realm["requiredActions"] if each["alias"] == "CONFIGURE_TOTP")["enabled"]
    staff = [role for role in realm["roles"]["realm"] if role["name"].startswith("bok-") and role["name"] != "bok-staff"]
    assert {role["name"] for role in staff} == set(Role)
    assert all(role["composites"] == {"realm": ["bok-staff"]} for role in staff)


def test_a_flow_that_differs_is_shown_line_by_line() -> None:
    desired = comparable(load(VALUES, staff_second_factor=True))
    actual = copy.deepcopy(desired)
    steps = actual["flows"]["ibok-no-direct-grant"]["executions"]
    steps[0] = replace(steps[0], requirement="DISABLED")
    (found,) = differences(desired, actual)
    assert "['deny-access-authenticator: DISABLED'] on the server, ['deny-access-authenticator: REQUIRED'] in" in str(found)
    assert json.loads(json.dumps(found.as_json()))["actual"] == ["deny-access-authenticator: DISABLED"]
    assert str(Step(1, "x", True, "REQUIRED", {"a": "b"})) == '  x (flow): REQUIRED {"a": "b"}'


def test_o08_no_client_takes_a_password_in_a_token_request(realm: dict[str, Any]) -> None:
    assert realm["directGrantFlow"] == "ibok-no-direct-grant"
    wanted = comparable(load(VALUES, staff_second_factor=True))
    assert wanted["flows"]["ibok-no-direct-grant"]["executions"] == [Step(0, "deny-access-authenticator", False, "REQUIRED", {})]
    assert wanted["builtInClients"]["admin-cli"] == {"directAccessGrantsEnabled": False}


def test_everything_it_staff_meet_in_the_console_is_described_in_both_languages(realm: dict[str, Any]) -> None:
    described = [
        *realm["roles"]["realm"],
        *realm["groups"],
        *realm["clients"],
        *realm["clientScopes"],
        *realm["authenticationFlows"],
    ]
    assert all(" / " in each["description"] for each in described)
    assert realm["localizationTexts"]["pl"].keys() == realm["localizationTexts"]["en"].keys()


def test_a_missing_placeholder_is_named() -> None:
    with pytest.raises(SettingsError, match="IBOK_PORTAL_CLIENT_SECRET"):
        load({**VALUES, "IBOK_PORTAL_CLIENT_SECRET": ""}, staff_second_factor=True)


def test_a_difference_never_shows_a_secret_and_extras_are_none() -> None:
    desired = comparable(load(VALUES, staff_second_factor=True))
    actual = copy.deepcopy(desired)
    actual["clients"]["ibok-portal"]["secret"] = "stolen"
    actual["clients"]["ibok-portal"]["surrogateAuthRequired"] = True
    actual["roles"]["stranger"] = {"description": "x"}
    del actual["roles"]["bok-auditor"]
    found = differences(desired, actual)
    assert sorted(map(str, found)) == [
        "clients/ibok-portal: secret: '••••••' on the server, '••••••' in keycloak-realm.json",
        "roles/bok-auditor: missing on the server",
    ]
    assert differences(desired, copy.deepcopy(desired)) == []


def test_what_needs_our_provider_is_set_by_apply_and_not_by_a_plain_import(realm: dict[str, Any]) -> None:
    """A server without the jar fails at set-up (`realm apply` refuses), never at a customer's login."""
    assert "browserFlow" not in realm
    assert DENY_LIST_POLICY not in realm["passwordPolicy"]
    wanted = load(VALUES, staff_second_factor=True)
    assert wanted["browserFlow"] == "ibok-browser"
    assert wanted["passwordPolicy"] == keycloak_policy(deny_list=True)
    assert wanted["attributes"]["ibok.activationPasswordLifeHours"] == "336"
    longer = load(VALUES | {"IBOK_ACTIVATION_PASSWORD_HOURS": "72"}, staff_second_factor=True)
    assert longer["attributes"]["ibok.activationPasswordLifeHours"] == "72"


@pytest.mark.parametrize("language", ["pl", "en"])
def test_the_file_has_the_telephones_of_our_utility(realm: dict[str, Any], language: str) -> None:
    assert realm["localizationTexts"][language]["ibokHelpPhones"] == load_utility(None).phones(language)


def test_another_utility_is_named_on_keycloaks_pages_without_a_change_of_code(tmp_path: Path) -> None:
    file = tmp_path / "utility.toml"
    own = (Path(look.__file__).parent / "utility.toml").read_text()
    file.write_text(own.replace('short_name = "WPWiK"', 'short_name = "Wodociągi & Kanały"').replace("662 277 045", "12 345 67 89"))
    wanted = load(VALUES, staff_second_factor=True, utility=load_utility(file))
    assert wanted["displayName"] == "iBOK Wodociągi & Kanały"
    assert "Wodociągi &amp; Kanały" in wanted["displayNameHtml"]
    assert "WPWiK" not in wanted["displayNameHtml"]
    assert wanted["localizationTexts"]["en"]["ibokHelpPhones"].startswith("12 345 67 89")
    file.write_text(own.replace("resignation_days = 14", "resignation_days = -1"))
    with pytest.raises(SettingsError, match=r"account_closing\.resignation_days"):
        load_utility(file)


def test_s7_keycloak_counts_as_a_guess_only_what_has_the_shape_of_a_temporary_password(realm: dict[str, Any]) -> None:
    assert realm["attributes"]["ibok.temporaryPasswordPattern"] == SHAPE
    for _ in range(50):
        assert re.fullmatch(SHAPE, derive(b"k" * 32, new_nonce(), "x"))


def test_s6_the_deny_list_holds_only_what_could_keep_the_rule() -> None:
    listed = common_passwords()
    assert {"password1", "qwerty123", "1q2w3e4r"} <= set(listed)
    assert len(listed) > 10_000
    assert listed == sorted(set(listed))
    for word in listed:
        assert len(word) >= 8
        assert word == word.lower()
        assert re.search("[0-9]", word)


def test_what_the_form_takes_is_no_longer_than_the_user_profile_takes(realm: dict[str, Any]) -> None:
    """S4: else an account would be approved that Keycloak never takes; the signs are compared with Keycloak itself."""
    (provider,) = realm["components"]["org.keycloak.userprofile.UserProfileProvider"]
    profile = json.loads(provider["config"]["kc.user.profile.config"][0])
    longest = {each["name"]: each["validations"]["length"]["max"] for each in profile["attributes"]}
    fields = application_body().model_json_schema()["properties"]

    def of_form(name: str) -> int:
        return int(next(each["maxLength"] for each in fields[name]["anyOf"] if "maxLength" in each))

    assert max(of_form("first_name"), LONGEST_NAME) <= longest["firstName"]
    assert max(of_form("last_name"), LONGEST_NAME) <= longest["lastName"]
    assert of_form("email") <= longest["email"]
    assert of_form("customer_number") <= longest["ibok_customer_numbers"]
