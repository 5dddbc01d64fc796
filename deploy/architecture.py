"""Draws which part imports which, from the code, into docs/explanation/architecture.md.

`python -m deploy.architecture`. An arrow that follows from others is left out, so that what is left can be read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import grimp

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "architecture.md"
_PACKAGES = ("webapp", "provisioning", "ibok_idp")
_OPENED = "provisioning"  # the package whose folders are shown one by one
_PICTURE = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)

Imports = dict[str, set[str]]


def main() -> None:
    PAGE.write_text(with_picture(PAGE.read_text(), picture(direct_imports())))


def direct_imports() -> Imports:
    """Part → the parts that its modules import, themselves left out."""
    graph = grimp.build_graph(*_PACKAGES, cache_dir=None)
    found: Imports = defaultdict(set)
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            if _part(module) != _part(imported):
                found[_part(module)].add(_part(imported))
    return dict(found)


def without_those_that_follow(imports: Imports) -> Imports:
    """Leave out a → c where a → b and b leads to c, unless c leads back to b."""
    return {
        part: {
            one
            for one in imported
            if not any(one in reached(imports, other) and other not in reached(imports, one) for other in imported - {one})
        }
        for part, imported in imports.items()
    }


def reached(imports: Imports, start: str) -> set[str]:
    """Everything that a part imports, and what that imports, and so on."""
    found, open_ends = set[str](), [start]
    while open_ends:
        new = imports.get(open_ends.pop(), set()) - found
        found |= new
        open_ends += new
    return found


def picture(imports: Imports) -> str:
    """The arrows as a Mermaid flowchart, always in the same order."""
    parts = sorted({*imports, *(each for found in imports.values() for each in found)})
    lines = ["flowchart TD"]
    lines += [f"    {part}" for part in parts if "." not in part]
    lines += [f"    subgraph {_OPENED}"]
    lines += [f'        {part}["{part.partition(".")[2]}"]' for part in parts if "." in part]
    lines += ["    end"]
    lines += [
        f"    {part} --> {each}" for part, found in sorted(without_those_that_follow(imports).items()) for each in sorted(found)
    ]
    return "\n".join(lines) + "\n"


def with_picture(page: str, drawn: str) -> str:
    return _PICTURE.sub(f"```mermaid\n{drawn}```\n", page)


def _part(module: str) -> str:
    return ".".join(module.split(".")[:2]) if module.startswith(f"{_OPENED}.") else module.split(".")[0]


if __name__ == "__main__":
    main()
