"""`hartig invite`: pictures in files, and letting a hub in by words."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from hartig_node.cli import exits
from hartig_node.glossary import words_used
from node.cli.conftest import Hartig
from node.client.fake_node import NOW, FakeNode

MADE = {"id": "0a" * 8, "uses": 1, "uses_left": 1, "expires_at": NOW, "link": "hartig:lwHEE", "label": ""}
ASKING = {"id": "1b" * 8, "hub": "2c" * 32, "words": "lusab babad gutih tugad gutuk bisog mudof sakat", "let_in": False}
DOOR = {"open_s": 600, "items": [ASKING], "network_open": False, "came_openly": 0}
NOBODY = {**DOOR, "items": []}


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Somebody at the terminal, who answers what is given."""

    def answers(*lines: str) -> None:
        said = io.StringIO("".join(f"{line}\n" for line in lines))
        monkeypatch.setattr(said, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", said)
        monkeypatch.setattr("hartig_node.cli.inviting.ASK_EVERY_S", 0)

    return answers


@pytest.mark.parametrize(("option", "begins"), [("--svg", b"<?xml"), ("--png", b"\x89PNG")])
def test_a_picture_is_for_its_owner_and_never_takes_another_files_place(
    hartig: Hartig, fake: FakeNode, tmp_path: Path, option: str, begins: bytes
) -> None:
    path = tmp_path / "invite"
    fake.plan(201, MADE)
    assert hartig("invite", option, str(path)).code == exits.OK
    assert path.read_bytes().startswith(begins)
    assert path.stat().st_mode & 0o777 == 0o600
    asked = len(fake.requests)
    code, _, err = hartig("invite", option, str(path))
    assert (code, "--force" in err, len(fake.requests)) == (exits.USAGE, True, asked)
    path.write_text("old")
    path.chmod(0o644)
    fake.plan(201, MADE)
    assert hartig("invite", option, str(path), "--force").code == exits.OK
    assert path.read_bytes().startswith(begins)
    assert path.stat().st_mode & 0o777 == 0o600


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_program_lets_a_hub_in_by_its_words(hartig: Hartig, fake: FakeNode) -> None:
    fake.plan(200, DOOR)
    code, out, _ = hartig("invite", "--words", "--json")
    assert (code, json.loads(out)["items"]) == (exits.OK, [ASKING])
    fake.plan(200, DOOR)
    assert str(ASKING["words"]) in in_one_line(hartig("invite", "--asking").out)
    fake.plan(200, DOOR)
    assert hartig("invite", "--let-in", str(ASKING["id"])).code == exits.OK
    fake.plan(204, None)
    assert hartig("invite", "--turn-away", str(ASKING["id"])).code == exits.OK
    said = [(request.method, request.path.removeprefix("/api/v1/invites/asking")) for request in fake.requests]
    assert said == [("POST", ""), ("GET", ""), ("POST", f"/{ASKING['id']}"), ("DELETE", f"/{ASKING['id']}")]


def test_a_person_compares_words_until_they_agree(hartig: Hartig, fake: FakeNode, person: Any) -> None:
    person("no", "yes")
    other = {**ASKING, "id": "3d" * 8, "words": "haguz biram tibup zujah lusab babad gutih tugad"}
    for status, value in ((200, NOBODY), (200, DOOR), (204, None), (200, {**DOOR, "items": [other]}), (200, DOOR)):
        fake.plan(status, value)
    code, out, err = hartig("invite", "--words")
    assert (code, str(ASKING["words"]) in in_one_line(out), str(other["words"]) in in_one_line(out)) == (0, True, True)
    assert [request.method for request in fake.requests] == ["POST", "GET", "DELETE", "GET", "POST"]
    assert fake.requests[-1].path.endswith(str(other["id"]))
    assert words_used(out + err) == []


def test_a_door_that_closes_by_itself_says_what_to_do(hartig: Hartig, fake: FakeNode, person: Any) -> None:
    person()
    fake.plan(200, NOBODY)
    fake.plan(200, {**NOBODY, "open_s": 0})
    code, _, err = hartig("invite", "--words")
    assert (code, "ten minutes" in err) == (exits.REFUSED, True)
