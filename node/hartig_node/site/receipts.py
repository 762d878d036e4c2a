"""A form that is sent twice is posted once: impatient thumbs and slow Wi-Fi are the rule.

Every form carries a ticket that nobody can guess. What came of it is kept for a while under the ticket and all that
was typed, so that sending the same again shows the same pick-up word, and a changed text is a new post. Who calls:
`posting.py`. Nothing of it is ever written to disk.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from hartig_node.board.drafts.views import PostView

RECEIPTS_MAX = 256  # at 300 posts an hour: longer than anybody waits before pressing again
Receipt = tuple[PostView, str]
Came = TypeVar("Came")


class _Slot(Generic[Came]):
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.receipt: Came | None = None


class Receipts(Generic[Came]):
    """Remembers what came of the forms sent lately."""

    def __init__(self) -> None:
        self._slots: OrderedDict[bytes, _Slot[Came]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Receipts {len(self._slots)}>"

    def __len__(self) -> int:
        return len(self._slots)

    async def once(self, content: bytes, publish: Callable[[], Awaitable[Came]]) -> Came:
        """Publish what `content` says, or return what came of the same content before.

        `content` is the whole form as it was sent, ticket and all. An error is not remembered.
        """
        slot = self._slot(hashlib.sha256(content).digest())
        async with slot.lock:
            if slot.receipt is None:
                slot.receipt = await publish()
            return slot.receipt

    def _slot(self, key: bytes) -> _Slot[Came]:
        slot = self._slots.setdefault(key, _Slot[Came]())
        self._slots.move_to_end(key)
        while len(self._slots) > RECEIPTS_MAX:
            self._slots.popitem(last=False)
        return slot
