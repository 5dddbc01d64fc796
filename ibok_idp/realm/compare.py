"""What differs between the desired realm and a server: pure, readable, and silent about secrets."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ibok_idp.realm.steps import Step

_SECRET = "••••••"  # noqa: S105  # what is shown in place of one


@dataclass(frozen=True)
class Difference:
    """One value that the server holds otherwise than keycloak-realm.json.

    `actual` is None when the server lacks it. What the server has beyond the file is never a difference.
    """

    section: str
    name: str
    key: str
    actual: Any
    desired: Any

    @property
    def missing(self) -> bool:
        return self.key == ""

    def __str__(self) -> str:
        where = f"{self.section}/{self.name}"
        if self.missing:
            return f"{where}: missing on the server"
        return f"{where}: {self.key}: {_shown(self.actual)!r} on the server, {_shown(self.desired)!r} in keycloak-realm.json"

    def as_json(self) -> dict[str, Any]:
        return asdict(replace(self, actual=_shown(self.actual), desired=_shown(self.desired)))


def differences(desired: dict[str, Any], actual: dict[str, Any]) -> list[Difference]:
    """Compare section by section; only what the file names is looked at."""
    found: list[Difference] = []
    for section, entries in desired.items():
        there = actual.get(section, {})
        if section == "realm":
            found += _compare(section, entries.get("realm", ""), "", entries, there)
            continue
        for name, wanted in entries.items():
            if name not in there:
                found.append(Difference(section, name, "", None, _without_secrets(wanted)))
            else:
                found += _compare(section, name, "", wanted, there[name])
    return found


def _compare(section: str, name: str, path: str, wanted: Any, there: Any) -> list[Difference]:
    if isinstance(wanted, dict) and isinstance(there, dict):
        if path.endswith("authenticationFlowBindingOverrides") and wanted != there:
            return [Difference(section, name, path, there, wanted)]
        found: list[Difference] = []
        for key, value in wanted.items():
            inner = f"{path}.{key}" if path else key
            if key == "secret":
                if value != there.get(key):
                    found.append(Difference(section, name, inner, _SECRET, _SECRET))
            else:
                found += _compare(section, name, inner, value, there.get(key))
        return found
    if wanted == there or (there is None and wanted in ({}, [], "", False)):
        return []
    unordered = section != "flows" and isinstance(wanted, list) and all(isinstance(each, str) for each in wanted)
    if unordered and isinstance(there, list) and sorted(wanted) == sorted(map(str, there)):
        return []
    return [Difference(section, name, path, there, wanted)]


def _shown(value: Any) -> Any:
    """Executions of a flow as their lines; anything else as it is."""
    if isinstance(value, list):
        return [str(each) if isinstance(each, Step) else each for each in value]
    return {key: _shown(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _SECRET if key == "secret" else _without_secrets(inner) for key, inner in value.items()}
    return value
