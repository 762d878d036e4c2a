"""The client against the real API at both doors: what the fake node promises is what the API does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hartig_node.api.door import loopback_door, unix_door
from hartig_node.api.server import ApiServer
from hartig_node.client import ChangedError, DeniedError, Node, NotFoundError, Place, ProblemError
from hartig_node.net.gate import Gate, GateLimits
from hartig_node.net.sockets import open_listeners, open_unix_listener
from hartig_node.ports import DoorCaps, ProtocolFactory
from node.api.fake_board import FakeBoard

PATIENCE_S = 30.0
DRAFT = {"kind": "need", "category": "water.drinking", "title": {"ht": "Dlo"}, "quantity": "40", "unit": "LTR"}
Value = TypeVar("Value")


class Doors:
    """A node at the socket and one at the port of loopback; `ask` runs their blocking calls beside the server."""

    def __init__(self, board: FakeBoard, folder: Path, gates: list[Gate]) -> None:
        self.board, self.folder = board, folder
        self.url = f"http://127.0.0.1:{gates[0].addresses[0][1]}"

    async def ask(self, question: Callable[[Node], Value], token: str | None = None) -> Value:
        place = Place(str(self.folder), self.url if token else None, token)

        def answer() -> Value:
            with Node(place) as node:
                return question(node)

        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.to_thread(answer)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    board: Any = FakeBoard()
    gates: list[Gate] = []

    def make_gate(name: str, factory: ProtocolFactory, caps: DoorCaps) -> Gate:
        limits = GateLimits(caps.connections_max, caps.per_address_max, caps.per_loopback_max, first_head_s=PATIENCE_S)
        gates.append(Gate(name, limits, factory))
        return gates[-1]

    (tmp_path / "run").mkdir()
    server = ApiServer(board, make_gate)
    await server.open(loopback_door(), open_listeners([("127.0.0.1", 0)]))
    await server.open(unix_door(), [open_unix_listener(tmp_path / "run" / "api.sock")])
    yield Doors(board, tmp_path, gates)
    await server.close()


async def test_a_post_lives_its_life(doors: Doors) -> None:
    made = await doors.ask(lambda node: node.publish(DRAFT))
    short = made["id"][:8]
    assert (await doors.ask(lambda node: node.post(short)))["title"] == {"ht": "Dlo"}
    assert [one["id"] for one in await doors.ask(lambda node: list(node.posts(author="me")))] == [made["id"]]
    assert (await doors.ask(lambda node: node.revise(short, {"urgency": "high"})))["urgency"] == "high"
    await doors.ask(lambda node: node.renew(short, days=3))
    assert (await doors.ask(lambda node: node.withdraw(short)))["state"] == "ended"


async def test_a_version_that_is_no_longer_is_refused(doors: Doors) -> None:
    made = await doors.ask(lambda node: node.publish(DRAFT))
    with pytest.raises(ChangedError):
        await doors.ask(lambda node: node.withdraw(made["id"], if_match='"other"'))


async def test_a_batch_answers_draft_by_draft(doors: Doors) -> None:
    bad = {**DRAFT, "category": "watr"}
    results = await doors.ask(lambda node: node.publish_many([DRAFT, bad], dry_run=True))
    assert ["problem" in result for result in results] == [False, True]
    assert results[1]["problem"]["pointer"].endswith("/category")
    results = await doors.ask(lambda node: node.publish_many([bad, DRAFT]))
    assert results[1]["post"]["title"] == {"ht": "Dlo"}


async def test_invites_and_tokens_are_made_listed_and_ended(doors: Doors) -> None:
    token = await doors.ask(lambda node: node.add_token("sign", ["read"], days=3))
    assert [one["id"] for one in await doors.ask(Node.tokens)] == [token["id"]]
    assert await doors.ask(lambda node: list(node.posts()), token["token"]) == []
    with pytest.raises(DeniedError):
        await doors.ask(lambda node: node.publish(DRAFT), token["token"])
    await doors.ask(lambda node: node.revoke_token(token["id"]))
    with pytest.raises(DeniedError):
        await doors.ask(lambda node: list(node.posts()), token["token"])
    with pytest.raises(NotFoundError):
        await doors.ask(lambda node: node.revoke_invite("0" * 16))


async def test_vocabulary_and_state_are_read(doors: Doors) -> None:
    assert "Dlo" in [one["label"] for one in await doors.ask(lambda node: node.categories("ht"))]
    assert await doors.ask(Node.units)
    assert await doors.ask(Node.attributes)
    assert (await doors.ask(Node.status))["state"]
    assert isinstance(await doors.ask(Node.peers), list)
    assert (await doors.ask(Node.ready))[0] in {True, False}


async def test_events_come_after_a_number(doors: Doors) -> None:
    doors.board.happen(5)
    events = await doors.ask(lambda node: list(islice(node.events(after=2), 3)))
    assert [(event.number, event.name) for event in events] == [(number, "post.added") for number in (3, 4, 5)]
    assert events[0].value["post"] == "00" * 16


# --- Backups


async def test_a_backup_is_written_where_the_socket_asks_for_it(doors: Doors, tmp_path: Path) -> None:
    written: list[str] = []

    async def backup(path: str) -> None:
        written.append(path)

    doors.board.backup = backup  # type: ignore[attr-defined]
    path = str(tmp_path / "hub.backup")
    assert await doors.ask(lambda node: node.backup(path)) == {"path": path}
    assert written == [path]


async def test_a_backup_is_never_made_by_token(doors: Doors, tmp_path: Path) -> None:
    token = (await doors.ask(lambda node: node.add_token("admin", ["admin"])))["token"]
    with pytest.raises(DeniedError, match="own socket"):
        await doors.ask(lambda node: node.backup(str(tmp_path / "x")), token)


@pytest.mark.parametrize("path", ["", "hub.backup", "/nowhere/at/all/x", "/tmp", "/\0", "/" + "x" * 5000])
async def test_a_backup_needs_the_path_of_a_new_file(doors: Doors, path: str) -> None:
    with pytest.raises(ProblemError) as caught:
        await doors.ask(lambda node: node.backup(path))
    assert (caught.value.code, caught.value.pointer) == ("bad_request", "/path")
    assert caught.value.hint
