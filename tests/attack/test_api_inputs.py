"""Whatever a program asks of the real API, by every route of `node/API.md`: an answer, and never "our own fault"."""

import http.client
import json
import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attack.ground import Victim

pytestmark = pytest.mark.end_to_end

EXAMPLES = settings.default.max_examples // 2  # each is a request, and many are a commit
# They write where they are told on this machine, set its clock, or have no end.
LEFT_OUT = frozenset({"/api/v1/backups", "/api/v1/clock", "/api/v1/events"})
DOCUMENT = (Path(__file__).parents[2] / "node" / "API.md").read_text("utf-8")
_found = sorted(set(re.findall(r"`(GET|POST|PATCH|DELETE|PUT) (/[^`\s?]*)`", DOCUMENT)))
ROUTES = [(method, path) for method, path in _found if path not in LEFT_OUT]
NAMES = sorted(set(re.findall(r"`([a-z_]{2,24})`", DOCUMENT)))  # of fields and parameters, and other words
_said = ["en", "food", "offer", "hub", "2026-11-22T10:00:00Z", "0" * 64, "../.."]
_texts = st.text(max_size=12) | st.sampled_from(_said)
_plain = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | _texts
_ids = st.sampled_from(["0" * 32, "0" * 64, "x", "%00", "..", "9" * 400])


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the hub's own socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(hub: Victim, method: str, target: str, body: bytes | None = None) -> tuple[int, Any]:
    """Ask once, on a connection of its own."""
    connection = UnixConnection(str(hub.daemon.folder / "run" / "api.sock"))
    try:
        connection.request(method, target, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        is_json = "json" in (response.headers.get("Content-Type") or "")
        return response.status, json.loads(text) if is_json and text else text
    finally:
        connection.close()


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_whatever_is_asked_is_answered(hub: Victim, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(ROUTES))
    while "{" in path:
        path = path[: path.index("{")] + quote(data.draw(_ids), safe="%") + path[path.index("}") + 1 :]
    keys = st.sampled_from(NAMES)
    values = st.recursive(_plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
    query = data.draw(st.dictionaries(keys, _texts, max_size=2))
    target = path + "".join(
        f"{'&' if at else '?'}{name}={quote(text)}" for at, (name, text) in enumerate(query.items())
    )
    value = data.draw(st.dictionaries(keys, values, max_size=5) | values)
    body = None if method == "GET" else json.dumps(value).encode()
    status, said = ask(hub, method, target, body)
    assert status < 500 or (status, said.get("code")) == (503, "busy"), (method, target, body, said)


def test_the_hub_is_well_afterwards(hub: Victim) -> None:
    assert hub.daemon.node.status()["state"] == "member"
