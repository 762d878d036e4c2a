"""`hartig pair` and `hartig devices`: what a person at the hub reads, and what the hub is asked."""

import json

import pytest

from hartig_node.cli import exits
from hartig_node.glossary import words_used
from node.cli.conftest import Hartig
from node.client.fake_node import NOW, FakeNode

FINGERPRINT = ":".join(f"{number:02X}" for number in range(32))
OPEN = {
    "state": "open",
    "addresses": ["https://hub.local:4280/", "https://192.168.1.20:4280/"],
    "fingerprint": FINGERPRINT,
    "reason": None,
}
MADE = {"code": "7KQ4-M2XA-9TDE", "expires_at": NOW, **OPEN}
BLOCKED = {**MADE, "state": "blocked", "addresses": [], "fingerprint": None, "reason": "the port is taken"}
DEVICE = {"id": "5f1c22aa90b3d4e6", "name": "Phone at the desk", "paired_at": NOW, "expires_at": "2027-02-20T12:00:00Z"}


def test_the_code_is_the_result_and_the_rest_is_said_beside_it(hartig: Hartig, fake: FakeNode) -> None:
    fake.plan(201, MADE)
    code, out, err = hartig("pair", "Phone")
    assert (code, out) == (exits.OK, "7KQ4-M2XA-9TDE\n")
    assert (fake.requests[0].method, fake.requests[0].path) == ("POST", "/api/v1/pairing/codes")
    assert fake.requests[0].value == {"name": "Phone"}
    for part in (*OPEN["addresses"], "22 Nov 12:00", FINGERPRINT[:47], FINGERPRINT[48:]):  # type: ignore[misc]
        assert part in err
    assert words_used(err) == []
    assert max(len(line) for line in err.splitlines()) <= 100


def test_a_program_gets_all_of_it_as_json(hartig: Hartig, fake: FakeNode) -> None:
    fake.plan(201, MADE)
    code, out, err = hartig("pair", "--json")
    assert (code, json.loads(out), err) == (exits.OK, MADE, "")
    assert fake.requests[0].value == {}


def test_a_terminal_shows_the_address_to_scan_and_never_the_code(
    hartig: Hartig, fake: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned: list[str] = []
    monkeypatch.setattr("hartig_node.cli.pairing.picture_lines", lambda text: scanned.append(text) or ["▄▀"])
    monkeypatch.setattr("hartig_node.cli.output.Output.is_terminal", property(lambda _: True))
    fake.plan(201, MADE)
    assert "▄▀" in hartig("pair").out
    assert scanned == ["https://hub.local:4280/"]


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_a_door_that_does_not_open_makes_a_code_useless(hartig: Hartig, fake: FakeNode, extra: tuple[str, ...]) -> None:
    fake.plan(201, BLOCKED)
    code, _, err = hartig("pair", *extra)
    assert code == exits.PARTLY
    assert extra or "the port is taken" in err


def test_a_refusal_says_what_to_do(hartig: Hartig, fake: FakeNode) -> None:
    fake.plan(
        400,
        {
            "status": 400,
            "code": "bad_request",
            "title": "This cannot be done as it was asked",
            "detail": "the organisers' pages are switched off",
            "hint": "set desk = true in hartig.toml, and start the hub again",
        },
    )
    code, _, err = hartig("pair")
    assert code == exits.REFUSED
    assert "desk = true" in err


def test_devices_are_listed(hartig: Hartig, fake: FakeNode) -> None:
    fake.plan(200, {"items": [DEVICE], "next": None})
    code, out, _ = hartig("devices")
    assert code == exits.OK
    assert all(part in out for part in (DEVICE["id"], DEVICE["name"], "22 Nov 12:00", "20 Feb 12:00"))
    fake.plan(200, {"items": [], "next": None})
    assert "hartig pair" in hartig("devices", "list").err
    fake.plan(200, {"items": [DEVICE], "next": None})
    assert json.loads(hartig("devices", "--json").out) == [DEVICE]


def test_a_device_is_removed(hartig: Hartig, fake: FakeNode) -> None:
    fake.plan(200, {})
    code, out, _ = hartig("devices", "remove", DEVICE["id"])
    assert code == exits.OK
    assert DEVICE["id"] in out
    assert (fake.requests[0].method, fake.requests[0].path) == ("DELETE", f"/api/v1/devices/{DEVICE['id']}")
    assert hartig("devices", "remove").code == exits.USAGE
    assert len(fake.requests) == 1


def test_a_device_that_is_not_there_is_not_found(hartig: Hartig, fake: FakeNode) -> None:
    assert hartig("devices", "remove", "gone").code == exits.NOT_FOUND


@pytest.mark.parametrize(
    ("desk", "line"),
    [
        (OPEN, "  organisers https://hub.local:4280/\n"),
        ({"state": "shut"}, "  organisers no device is paired (`hartig pair`)\n"),
        ({"state": "off"}, "  organisers their pages are switched off in hartig.toml\n"),
        ({"state": "blocked"}, "  organisers their door does not open, see below\n"),
    ],
)
def test_status_says_where_the_organisers_pages_are(
    hartig: Hartig, fake: FakeNode, desk: dict[str, object], line: str
) -> None:
    fake.status["desk"] = desk
    assert line in hartig("status").out


def test_the_status_of_an_older_hub_says_nothing_of_them(hartig: Hartig, fake: FakeNode) -> None:
    assert "organisers" not in hartig("status").out
