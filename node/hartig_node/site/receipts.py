"""A form that is sent twice is posted once: impatient thumbs and slow Wi-Fi are the rule.

Every form carries a ticket that nobody can guess. What came of it is kept for a while under the ticket and all that
was typed, so that sending the same again shows the same pick-up word, and a changed text is a new post. What
came to nothing is not kept. Who calls: `posting.py`, the desk's `acting.py` and `pairing.py`. Nothing of it is ever
written to disk.
"""

import asyncio
import hashlib
import math
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
        self.since_s = 0.0  # when what came of it was kept
        self.users = 0  # requests that are at work on it or wait for it


class Receipts(Generic[Came]):
    """Remembers what came of the forms sent lately."""

    def __init__(self, kept_s: float = math.inf) -> None:
        """Keep what came of a form for so long, by the clock of those who ask."""
        self._kept_s = kept_s
        self._slots: OrderedDict[bytes, _Slot[Came]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Receipts {len(self._slots)}>"

    def __len__(self) -> int:
        return len(self._slots)

    async def once(self, content: bytes, publish: Callable[[], Awaitable[Came]], now_s: float = 0.0) -> Came:
        """Publish what `content` says, or return what came of the same content before.

        `content` is the whole form as it was sent, ticket and all. An error is not remembered, nor is None.
        """
        self._forget(now_s)
        key = hashlib.sha256(content).digest()
        slot = self._slot(key)
        slot.users += 1
        try:
            async with slot.lock:
                if slot.receipt is not None:
                    return slot.receipt
                came = await publish()
                slot.receipt, slot.since_s = came, now_s
                return came
        finally:
            slot.users -= 1
            if slot.receipt is None and not slot.users and self._slots.get(key) is slot:
                del self._slots[key]

    def _forget(self, now_s: float) -> None:
        over = [key for key, slot in self._slots.items() if not slot.users and now_s - slot.since_s > self._kept_s]
        for key in over:
            del self._slots[key]

    def _slot(self, key: bytes) -> _Slot[Came]:
        slot = self._slots.setdefault(key, _Slot[Came]())
        self._slots.move_to_end(key)
        while len(self._slots) > RECEIPTS_MAX:
            self._slots.popitem(last=False)
        return slot
