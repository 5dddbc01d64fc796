"""F10, V3: the security headers of every answer that either process can give; the routes are asked from the apps."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pytest
import requests

from ibok_idp.headers import EVERYWHERE
from tests.support.portal import app as webapp_client
from tests.support.world import World

PARTS = {
    "reference": "2026-000001-1",
    "login": "wp0",
    "name": "x",
    "token": "a.b",
    "link": "ab",
    "filename": "nothing.css",
    "number": "1",
}


def routes(world: World, process: str) -> list[tuple[str, str]]:
    """(verb, path) of every route, its parts filled with what is not there."""
    app = webapp_client(world).application if process == "webapp" else world.provisioning_app()
    found = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<any\(([^,)]+)[^>]*>", lambda any_of: any_of[1].strip("\"' "), rule.rule)
        path = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", lambda part: PARTS.get(part[1], "x"), path)
        found += [(verb, path) for verb in sorted(rule.methods or ())]
    return found


def missing(answer: requests.Response) -> list[str]:
    """What an answer lacks."""
    headers = answer.headers
    wrong = [name for name, value in EVERYWHERE.items() if headers.get(name) != value]
    policy = headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "frame-ancestors 'none'" not in policy or "unsafe" in policy:
        wrong.append(f"Content-Security-Policy: {policy}")
    if headers.get("Cache-Control") != "no-store" and not (answer.url.endswith("ibok.css") and answer.ok):
        wrong.append(f"Cache-Control: {headers.get('Cache-Control')}")
    wrong += [name for name in ("Server", "X-Powered-By", "Via", "Access-Control-Allow-Origin") if name in headers]
    return wrong


@pytest.mark.parametrize("process", ["webapp", "provisioning"])
def test_f10_every_route_of_both_processes_answers_with_every_header(world: World, process: str) -> None:
    base, faults = getattr(world, process), {}
    asked = routes(world, process)
    more = [
        ("GET", "/static/ibok.css"),
        ("GET", "/static/none.css"),
        ("GET", "/nothing"),
        ("TRACE", "/"),
        ("DELETE", "/"),
        ("GET", "/%00"),
    ]
    for verb, path in [*asked, *more]:
        answer = requests.request(verb, base + path, timeout=60, allow_redirects=False)
        if wrong := missing(answer):
            faults[f"{verb} {path} {answer.status_code}"] = wrong
    assert faults == {}
    assert len(asked) > 40


@pytest.mark.parametrize("process", ["webapp", "provisioning"])
def test_f10_what_never_reaches_the_app_has_them_too(world: World, process: str) -> None:
    parts = urlsplit(getattr(world, process))
    for request in (
        b"rubbish\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            connection.sendall(request)
            answer = connection.recv(65536).decode()
        assert re.match(r"HTTP/1\.[01] 4\d\d ", answer)
        assert [name for name, value in EVERYWHERE.items() if f"{name}: {value}" not in answer] == []
        assert "\nServer:" not in answer


def test_f10_a_missing_static_file_is_not_remembered_by_any_cache(world: World) -> None:
    for base in (world.webapp, world.provisioning):
        assert requests.get(f"{base}/static/none.css", timeout=10).headers["Cache-Control"] == "no-store"
        assert "max-age" in requests.get(f"{base}/static/ibok.css", timeout=10).headers["Cache-Control"]


def test_f10_keycloaks_pages_allow_no_inline_script_or_style_and_no_foreign_frame(world: World) -> None:
    """What its pages hold is looked at on every one that any test fetches (`page_check`)."""
    for page in (
        world.visitor().session.get(f"{world.webapp}/konto", timeout=60),  # the login
        requests.get(f"{world.issuer}/login-actions/authenticate", timeout=60),  # an error
    ):
        policy = dict(each.strip().split(" ", 1) for each in page.headers["Content-Security-Policy"].split(";"))
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
        assert "unsafe" not in page.headers["Content-Security-Policy"]
