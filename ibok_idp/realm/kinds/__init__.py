"""The kinds of realm objects; one class each, one file for those that belong together."""

from __future__ import annotations

from typing import Protocol

from ibok_idp.realm.desired import Tree


class Kind(Protocol):
    """One kind of object in a realm.

    Attributes:
        section: its name in the shape of `comparable`.
    """

    section: str

    def read(self, desired: Tree) -> Tree:
        """What the server holds, by name, in the shape of `comparable`; limited to what is desired where that is cheaper."""
        ...


class Named(Kind, Protocol):
    """A kind whose objects are written one by one."""

    def write(self, name: str, wanted: Tree) -> None:
        """Make or mend one object; what the server has beyond it stays."""
        ...
