"""How many dials run at once, and who is next.

Who calls: `dialer.py` around each attempt. Attempts at nodes that did not fail lately go first, and some
slots are theirs alone: a neighbourhood full of dead hubs never delays the one that is there.
"""

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator

SLOTS_MAX = 16  # each dial holds up to three sockets, and some 300 KiB once one stands, for at most 5 s
SLOTS_FOR_FAILED_MAX = 12  # of them: so many may wait for nodes that failed before


class DialSlots:
    """A bounded number of dials, the least often failed first."""

    def __init__(self, slots_max: int = SLOTS_MAX, for_failed_max: int = SLOTS_FOR_FAILED_MAX) -> None:
        self._slots_max = slots_max
        self._for_failed_max = for_failed_max
        self._running = 0
        self._running_failed = 0
        self._arrivals = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    def __repr__(self) -> str:
        return f"<DialSlots {self._running} of {self._slots_max}, {len(self._waiting)} waiting>"

    @contextlib.asynccontextmanager
    async def slot(self, failures: int) -> AsyncIterator[None]:
        """Wait for a slot and hold it; `failures` is how often the node failed in a row."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        heapq.heappush(self._waiting, (failures, self._arrivals, turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(failures)  # its turn and its end came in the same moment
            raise
        try:
            yield
        finally:
            self._release(failures)

    def _release(self, failures: int) -> None:
        self._running -= 1
        self._running_failed -= failures > 0
        self._admit()

    def _admit(self) -> None:
        # The heap has the unfailed first: when its top may not start, nobody may.
        while self._waiting and self._running < self._slots_max:
            failures, _arrival, turn = self._waiting[0]
            if turn.done():  # cancelled while it waited
                heapq.heappop(self._waiting)
                continue
            if failures > 0 and self._running_failed >= self._for_failed_max:
                return
            heapq.heappop(self._waiting)
            self._running += 1
            self._running_failed += failures > 0
            turn.set_result(None)
