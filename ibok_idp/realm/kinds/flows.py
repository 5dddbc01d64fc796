"""Authentication flows: how a login goes."""

from __future__ import annotations

from secrets import token_hex
from urllib.parse import quote

from ibok_idp.realm.admin import RealmAdmin
from ibok_idp.realm.desired import Tree
from ibok_idp.realm.steps import Step, same_shape

_REPLACED = " replaced "  # in the name of a flow that another took the place of, until it is taken away


class Flows:
    """Authentication flows, by their executions."""

    section = "flows"

    def __init__(self, admin: RealmAdmin) -> None:
        self._admin = admin

    def read(self, desired: Tree) -> Tree:
        return {
            alias: {"description": self._flow(alias)["description"], "executions": self._steps(alias)}
            for alias in self._admin.flow_aliases().values()
            if alias in desired
        }

    def write(self, alias: str, wanted: Tree) -> None:
        """Only details differ: they are mended in place. Steps differ: the flow is built anew beside the old one, which
        stays bound until the new one is, so that no login ever meets half a flow."""
        steps: list[Step] = wanted["executions"]
        known = {flow["alias"]: flow for flow in self._admin.call("GET", "/authentication/flows")}
        if alias in known and not same_shape(steps, self._steps(alias)):
            self._set_aside(known[alias])
            del known[alias]
        if alias not in known:
            self._build_flow(alias, wanted["description"], steps)
        else:
            body = {**self._flow(alias), "description": wanted["description"]}
            self._admin.call("PUT", f"/authentication/flows/{known[alias]['id']}", body)
        path = f"/authentication/flows/{quote(alias)}/executions"
        for step, execution in zip(steps, self._admin.call("GET", path), strict=True):
            if execution["requirement"] != step.requirement:
                self._admin.call("PUT", path, execution | {"requirement": step.requirement})
            if step.config != self._config(execution):
                self._write_step_config(step, execution)

    def delete_replaced(self) -> None:
        """Take away flows that another has taken the place of and that nothing is bound to any more."""
        for flow in self._admin.call("GET", "/authentication/flows"):
            if _REPLACED in flow["alias"]:
                self._admin.call("DELETE", f"/authentication/flows/{flow['id']}")

    def _build_flow(self, alias: str, description: str, steps: list[Step]) -> None:
        body = {"alias": alias, "description": description, "providerId": "basic-flow", "topLevel": True, "builtIn": False}
        self._admin.call("POST", "/authentication/flows", body)
        parents = [alias]
        for step in steps:
            parent = f"/authentication/flows/{quote(parents[step.level])}/executions"
            if step.is_flow:
                self._admin.call(
                    "POST", f"{parent}/flow", {"alias": step.name, "type": "basic-flow", "provider": "", "description": ""}
                )
                parents[step.level + 1 :] = [step.name]
            else:
                self._admin.call("POST", f"{parent}/execution", {"provider": step.name})

    def _write_step_config(self, step: Step, execution: Tree) -> None:
        config = {"alias": f"{step.name} {token_hex(4)}", "config": dict(step.config)}  # Keycloak wants it to be the only one
        if identifier := execution.get("authenticationConfig"):
            self._admin.call("PUT", f"/authentication/config/{identifier}", {**config, "id": identifier})
        else:
            self._admin.call("POST", f"/authentication/executions/{execution['id']}/config", config)

    def _config(self, execution: Tree) -> Tree:
        identifier = execution.get("authenticationConfig")
        return self._admin.call("GET", f"/authentication/config/{identifier}")["config"] if identifier else {}

    def _set_aside(self, flow: Tree) -> None:
        """Another name for a flow and the flows in it; whoever is bound to it stays so. The flow itself comes last: when it
        fails half-way, the next `apply` finds its name with other steps and begins again."""
        executions = self._admin.call("GET", f"/authentication/flows/{quote(flow['alias'])}/executions")
        for identifier in [*(each["flowId"] for each in executions if each.get("authenticationFlow")), flow["id"]]:
            current = self._admin.call("GET", f"/authentication/flows/{identifier}")
            current["alias"] = f"{current['alias']}{_REPLACED}{token_hex(4)}"
            self._admin.call("PUT", f"/authentication/flows/{identifier}", current)

    def _flow(self, alias: str) -> Tree:
        flow: Tree = next(flow for flow in self._admin.call("GET", "/authentication/flows") if flow["alias"] == alias)
        return flow

    def _steps(self, alias: str) -> list[Step]:
        executions = self._admin.call("GET", f"/authentication/flows/{quote(alias)}/executions")
        return [
            Step(
                level=step["level"],
                name=step.get("providerId") or step["displayName"],
                is_flow=bool(step.get("authenticationFlow")),
                requirement=step["requirement"],
                config=self._config(step),
            )
            for step in executions
        ]
