"""The one check that every page fetched by any test goes through."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import html5lib


def check_page(html: str, headers: Mapping[str, str], where: str, *, ours: bool = True) -> None:
    """Well-formed HTML, title, one h1, no duplicate id, labels, headers, nothing inline.

    Args:
        ours: False for Keycloak's pages, which are not well-formed throughout and have their own headers.
    """
    parser = html5lib.HTMLParser(strict=ours, namespaceHTMLElements=False)
    tree = parser.parse(html)
    title = "".join(tree.find(".//title").itertext()).strip()
    assert title, f"{where}: no title"
    assert tree.get("lang") in ("pl", "en"), f"{where}: no language"
    assert len(tree.findall(".//h1")) == 1, f"{where}: {len(tree.findall('.//h1'))} h1"
    identifiers = Counter(each.get("id") for each in tree.iter() if isinstance(each.tag, str) and each.get("id"))
    assert [name for name, count in identifiers.items() if count > 1] == [], f"{where}: duplicate ids"
    labelled = {each.get("for") for each in tree.iter("label")}
    for field in (each for tag in ("input", "select", "textarea") for each in tree.iter(tag)):
        if field.get("type") in ("hidden", "submit"):
            continue
        named = field.get("id") in labelled or field.get("aria-label") or field.get("aria-labelledby")
        assert named, f"{where}: field {field.get('name')} has no label"
    for image in tree.iter("img"):
        assert image.get("alt") is not None, f"{where}: image without alt"
    assert not re.search(r"<script(?![^>]*\bsrc=)", html), f"{where}: inline script"
    assert not re.search(r"<[^>]+\son[a-z]+=", html), f"{where}: inline event handler"
    assert not re.search(r"<[^>]+\sstyle=", html), f"{where}: inline style"
    assert not re.search(r"(href|src|action)=[\"']?javascript:", html), f"{where}: script in an address"
    if ours:
        _own_page(html, headers, where, tree)


def _own_page(html: str, headers: Mapping[str, str], where: str, tree: object) -> None:
    policy = headers.get("Content-Security-Policy", "")
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy, f"{where}: {policy!r}"
    assert "frame-ancestors 'none'" in policy, where
    assert headers.get("X-Content-Type-Options") == "nosniff", where
    assert headers.get("Referrer-Policy") == "no-referrer", where
    assert headers.get("Cross-Origin-Opener-Policy") == "same-origin", where
    assert headers.get("Cache-Control") == "no-store", where
    assert not re.search(r"(src|href)=[\"']?(https?:)?//(?!localhost)", html), f"{where}: something of a third party"
