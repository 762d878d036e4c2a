"""A form that is sent twice is posted once."""

import asyncio
from typing import Any, cast

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.site.receipts import RECEIPTS_MAX, Receipt, Receipts


class Publisher:
    def __init__(self, failures: int = 0) -> None:
        self.calls, self.failures = 0, failures

    async def __call__(self) -> Receipt:
        self.calls += 1
        if self.calls <= self.failures:
            raise BoardError("disk_full", "full")
        return cast("Any", f"view {self.calls}"), f"word {self.calls}"


async def test_the_same_content_is_published_once() -> None:
    receipts, publish = Receipts(), Publisher()
    assert await receipts.once(b"a", publish) == await receipts.once(b"a", publish)
    assert (await receipts.once(b"b", publish))[1] == "word 2"


async def test_an_error_is_not_remembered() -> None:
    receipts, publish = Receipts(), Publisher(failures=1)
    with pytest.raises(BoardError):
        await receipts.once(b"a", publish)
    assert (await receipts.once(b"a", publish))[1] == "word 2"


async def test_the_oldest_receipt_goes_first() -> None:
    receipts, publish = Receipts(), Publisher()
    for number in range(RECEIPTS_MAX + 1):
        await receipts.once(str(number).encode(), publish)
    assert len(receipts) == RECEIPTS_MAX
    assert (await receipts.once(b"1", publish))[1] == "word 2"
    assert (await receipts.once(b"0", publish))[1] == f"word {RECEIPTS_MAX + 2}"


async def test_what_came_to_nothing_takes_no_place() -> None:
    receipts, publish = Receipts(), Publisher(failures=1)
    with pytest.raises(BoardError):
        await receipts.once(b"a", publish)
    assert len(receipts) == 0


async def test_a_failure_does_not_part_those_who_wait_from_those_who_come_after() -> None:
    receipts, publish, second_began = Receipts(), Publisher(failures=1), asyncio.Event()

    async def slow() -> Receipt:
        if publish.calls:
            second_began.set()
        await asyncio.sleep(0)  # so that whoever comes finds it at work
        return await publish()

    async def come_after() -> Receipt:
        await second_began.wait()
        return cast("Receipt", await receipts.once(b"a", slow))

    asked = receipts.once(b"a", slow), receipts.once(b"a", slow), come_after()
    failed, *came = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(failed, BoardError)
    assert [cast("Receipt", one)[1] for one in came] == ["word 2", "word 2"]


async def test_what_is_kept_for_a_while_is_let_go_of_then() -> None:
    receipts, publish = Receipts(kept_s=60.0), Publisher()
    assert (await receipts.once(b"a", publish, 0.0))[1] == "word 1"
    assert (await receipts.once(b"a", publish, 60.0))[1] == "word 1"
    assert (await receipts.once(b"b", publish, 61.0))[1] == "word 2"
    assert len(receipts) == 1
    assert (await receipts.once(b"a", publish, 61.0))[1] == "word 3"
