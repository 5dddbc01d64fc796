"""applications.toml: what is wrong with it is named with its line."""

from pathlib import Path

import pytest

from ibok_idp.applications.file import load_applications, read_applications, shipped_file
from ibok_idp.errors import SettingsError

GOOD = """\
[[application]]
client_id = "app-faktury"
name = { pl = "Faktury", en = "Invoices" }
sentence = { pl = "Twoje faktury.", en = "Your bills." }
home_url = "https://faktury.example.com/"
redirect_uris = ["https://faktury.example.com/oidc/callback"]
backchannel_logout_url = "https://faktury.example.com/oidc/backchannel-logout"
claims = ["customer_numbers"]
roles = ["accounts.read"]
tile = true
customers = "4[0-9]+"

[application.webhook]
url = "https://faktury.example.com/webhooks"
"""


def mistakes(text: str) -> list[str]:
    return [str(each) for each in read_applications(text)[1]]


def test_the_shipped_file_lets_nobody_join_and_its_example_holds() -> None:
    assert load_applications(None) == ()
    _, _, example = shipped_file().read_text().partition("#\n")
    found, wrong = read_applications("\n".join(line.removeprefix("# ") for line in example.splitlines()))
    assert not wrong
    assert [each.client_id for each in found] == ["app-faktury"]


def test_an_application_says_for_whom_it_is() -> None:
    ((application,), wrong) = read_applications(GOOD)
    assert not wrong
    assert application.concerns(["99", "4012"])
    assert not application.concerns(["99", "40x", "x40"])
    assert not application.concerns([])


@pytest.mark.parametrize(
    ("line", "instead", "at", "words"),
    [
        (5, 'home_url = "http://faktury.example.com/"', 5, "must be https"),
        (6, 'redirect_uris = ["https://faktury.example.com/*"]', 6, "wildcard"),
        (6, 'redirect_uris = [\n  "https://a.example.com/cb",\n  "http://b.example.com/cb",\n]', 8, "must be https"),
        (7, "", 1, "backchannel_logout_url is missing"),
        (8, 'claims = ["customer_numbers", "pesel"]', 8, "'pesel' is no claim"),
        (9, 'roles = ["bok-manager"]', 9, "'bok-manager' is no role"),
        (2, 'client_id = "ibok-portal"', 2, "not ours to change"),
        (2, 'client_id = "admin-cli"', 2, "not ours to change"),
        (3, 'name = { pl = "Faktury" }', 3, "name.en: Field required"),
        (4, 'colour = "blue"', 4, "colour: is no setting"),
        (11, 'customers = "4["', 11, "regular expression"),
        (14, 'url = "http://10.0.0.1/"', 14, "webhook.url: must be https"),
        (5, "home_url = ", 5, "is not TOML"),
    ],
)
def test_every_mistake_is_named_with_its_line(line: int, instead: str, at: int, words: str) -> None:
    lines = GOOD.splitlines()
    lines[line - 1] = instead
    found = mistakes("\n".join(lines))
    assert any(each.startswith(f"line {at}: ") and words in each for each in found), found


def test_two_applications_with_one_id_are_a_mistake_in_the_second() -> None:
    assert mistakes(f"{GOOD}\n{GOOD}") == ["line 17: client_id: app-faktury stands in the file twice"]


def test_this_machine_needs_no_https_and_a_mobile_application_no_logout_url() -> None:
    text = GOOD.replace("https://faktury.example.com", "http://localhost:8003")
    assert mistakes(text) == []
    mobile = GOOD.replace('"https://faktury.example.com/oidc/callback"', '"pl.example.woda:/callback"')
    mobile = mobile.replace('backchannel_logout_url = "https://faktury.example.com/oidc/backchannel-logout"', "public = true")
    assert mistakes(mobile.replace('roles = ["accounts.read"]', "roles = []")) == []
    assert "public ones" in mistakes(mobile)[0]


def test_a_file_with_mistakes_stops_the_start_and_says_all_of_them(tmp_path: Path) -> None:
    file = tmp_path / "applications.toml"
    file.write_text(GOOD.replace("https:", "http:"))
    with pytest.raises(SettingsError, match=r"(?s)line 5: .*line 6: .*line 7: .*line 14: "):
        load_applications(file)
    with pytest.raises(SettingsError, match="cannot read"):
        load_applications(tmp_path / "none.toml")
