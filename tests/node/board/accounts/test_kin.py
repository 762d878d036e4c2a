"""Parts of group needs: an author's needs are read once, wholly, and followed from then on."""

import asyncio
from typing import Any

import pytest

from hartig_node.board.accounts import kin as kin_module
from hartig_node.board.accounts.kin import Kin
from hartig_node.ports import PostFilter, PostPage
from hartig_protocol.events import Commit
from hartig_protocol.records.record import Record
from node.board.ledgers import NEED, posted
from support.boards import Bench


class SlowPosts:
    """A store whose lists take some turns, and may fail once."""

    def __init__(self, store: Any) -> None:
        self._store, self.lists, self.fails = store, 0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def posts(self, wanted: PostFilter, after: int | None, count_max: int) -> PostPage:
        self.lists += 1
        page: PostPage = await self._store.posts(wanted, after, count_max)
        for _turn in range(3):
            await asyncio.sleep(0)
        if self.fails:
            self.fails = False
            raise OSError("the disk is away")
        return page


@pytest.fixture
def slow(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> SlowPosts:
    slow = SlowPosts(bench.store)
    monkeypatch.setattr(bench.board._context, "store", slow)
    return slow


async def group(bench: Bench, parts: int) -> tuple[bytes, list[bytes]]:
    parent = await posted(bench, NEED)
    return parent, sorted([await posted(bench, {**NEED, "parent": parent.hex()}) for _ in range(parts)])


async def test_all_who_ask_while_needs_are_read_hear_of_all_parts(
    bench: Bench, slow: SlowPosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kin_module, "_PAGE", 2)
    parent, parts = await group(bench, 5)
    kin = Kin(bench.board._context)
    slow.lists = 0
    answers = await asyncio.gather(*(kin.parts_of(bench.key.public, parent) for _ in range(3)))
    assert answers == [parts] * 3
    assert slow.lists == 3  # six needs, once
    assert repr(kin) == "<Kin of 1 authors>"


async def test_what_is_posted_while_needs_are_read_is_a_part(bench: Bench, slow: SlowPosts) -> None:
    parent, parts = await group(bench, 1)
    kin = Kin(bench.board._context)
    bench.engine.on_committed = kin.committed
    answer, part = await asyncio.gather(
        kin.parts_of(bench.key.public, parent), posted(bench, {**NEED, "parent": parent.hex()})
    )
    assert set(answer) in ({*parts}, {*parts, part})
    assert await kin.parts_of(bench.key.public, parent) == sorted([*parts, part])


async def test_needs_that_could_not_be_read_are_read_again(bench: Bench, slow: SlowPosts) -> None:
    parent, parts = await group(bench, 1)
    kin = Kin(bench.board._context)
    slow.fails = True
    with pytest.raises(OSError, match="away"):
        await kin.parts_of(bench.key.public, parent)
    assert await kin.parts_of(bench.key.public, parent) == parts


async def test_more_authors_than_are_remembered_are_read_anew(
    bench: Bench, slow: SlowPosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kin_module, "AUTHORS_MAX", 1)
    parent, parts = await group(bench, 1)
    kin = Kin(bench.board._context)
    answers = await asyncio.gather(kin.parts_of(bench.key.public, parent), kin.parts_of(bytes(32), parent))
    assert answers == [parts, []]
    assert await kin.parts_of(bench.key.public, parent) == parts


async def test_only_needs_that_name_a_parent_are_opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, parts = await group(bench, 1)
    opened: list[Record] = []
    real = kin_module.open_record

    def noted(wire: Any, *, verify_signature: bool) -> Record:
        opened.append(real(wire, verify_signature=verify_signature))
        return opened[-1]

    monkeypatch.setattr(kin_module, "open_record", noted)
    kin = Kin(bench.board._context)
    assert await kin.parts_of(bench.key.public, parent) == parts
    assert [record.head.thread for record in opened] == parts


async def test_a_need_that_names_itself_is_no_part_of_itself(bench: Bench) -> None:
    parent, parts = await group(bench, 1)
    await bench.board.posts.revise(parts[0].hex(), {"parent": parts[0].hex()})
    kin = Kin(bench.board._context)
    assert await kin.parts_of(bench.key.public, parts[0]) == []
    kin.committed(Commit())
    assert await kin.parts_of(bench.key.public, parent) == []
