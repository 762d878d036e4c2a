"""A form that is sent twice is posted once."""

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
