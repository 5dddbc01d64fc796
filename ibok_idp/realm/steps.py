"""Authentication flows as lists of typed executions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One execution of a flow.

    Attributes:
        level: how deep it stands; the executions of a sub-flow follow it, one level deeper.
        name: of the authenticator, or the alias of the sub-flow.
        requirement: REQUIRED, ALTERNATIVE, CONDITIONAL or DISABLED.
        config: of the authenticator.
    """

    level: int
    name: str
    is_flow: bool
    requirement: str
    config: Mapping[str, str]

    def __str__(self) -> str:
        """Its line in the outline that people read."""
        name = f"{self.name} (flow)" if self.is_flow else self.name
        config = f" {json.dumps(dict(self.config), sort_keys=True)}" if self.config else ""
        return f"{'  ' * self.level}{name}: {self.requirement}{config}"


def same_shape(wanted: list[Step], there: list[Step]) -> bool:
    """Whether only requirements and configurations differ, which can be mended in place."""
    return [(s.level, s.name, s.is_flow) for s in wanted] == [(s.level, s.name, s.is_flow) for s in there]
