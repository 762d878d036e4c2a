"""For how long this hub was powered on since it first saw what is open: promises, and what it asked for.

A hold runs in powered-on time, so that a board that was dark for two days lets nothing lapse that nobody could fetch
(design, section 5). One count of this hub's powered-on time is kept, by the steady clock, and for each thing the count
at which it was seen first. All of it goes to the disk together, at most once in ten minutes, and only while something
is open: an idle hub writes nothing. What a power cut takes back is less than that, and holds last so much longer.

In: the ids of what is open in an own post. Out: minutes. Who calls: `keeper` and its parts.
"""

import msgpack

from hartig_node.board.context import Context
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import MINUTE_MS

SPACE_HOLD = "hold"
KEY_POWERED = b"powered"
WRITE_EVERY_MS = 10 * MINUTE_MS


class Holds:
    """Since when everything is open, in powered-on time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._before_ms = 0  # powered-on time of earlier runs
        self._run_began_ms = context.clock.now().steady_ms
        self._since: dict[bytes, int] = {}  # by id of a promise or a claim
        self._open_in: dict[bytes, frozenset[bytes]] = {}  # by thread
        self._changed: set[bytes] = set()
        self._written_ms = self._run_began_ms

    def __repr__(self) -> str:
        return f"<Holds {len(self._since)} open, powered for {self.powered_ms() // MINUTE_MS} minutes>"

    def __len__(self) -> int:
        return len(self._since)

    async def load(self) -> None:
        """Read what earlier runs left."""
        for key, value in await self._context.store.private_list(SPACE_HOLD):
            if key == KEY_POWERED:
                self._before_ms = msgpack.unpackb(value)
                continue
            since_ms, thread = msgpack.unpackb(value)
            self._since[key] = since_ms
            self._open_in[thread] = self._open_in.get(thread, frozenset()) | {key}

    def powered_ms(self) -> int:
        """Return for how long this hub was powered on in all, as far as it was written down."""
        return self._before_ms + self._context.clock.now().steady_ms - self._run_began_ms

    def threads(self) -> list[bytes]:
        """Return the posts in which something was open when they were looked at last."""
        return sorted(self._open_in)

    def keep(self, thread: bytes, open_ids: frozenset[bytes]) -> None:
        """Count from now on what is open in a post, and no more what is not."""
        before = self._open_in.get(thread, frozenset())
        now_ms = self.powered_ms()
        for one in open_ids - before:
            self._since[one] = now_ms
        for one in before - open_ids:
            del self._since[one]
        self._changed |= open_ids ^ before
        if open_ids:
            self._open_in[thread] = open_ids
        else:
            self._open_in.pop(thread, None)

    def minutes(self, thread: bytes) -> dict[bytes, int]:
        """Return for how many whole minutes each has been open in a post."""
        now_ms = self.powered_ms()
        return {one: (now_ms - self._since[one]) // MINUTE_MS for one in self._open_in.get(thread, ())}

    def left_ms(self, one: bytes, hold_min: int) -> int:
        """Return how much of a hold is left."""
        return max(0, self._since[one] + hold_min * MINUTE_MS - self.powered_ms())

    # --- On disk

    def write_in_ms(self) -> int | None:
        """Return in how many ms this is to be written down; None where there is nothing to write."""
        if not self._since and not self._changed:
            return None
        return max(0, self._written_ms + WRITE_EVERY_MS - self._context.clock.now().steady_ms)

    async def write(self) -> None:
        """Write down what is due, in one commit; raises `BoardError` where the disk is full."""
        if self.write_in_ms() != 0:
            return
        thread_of = {one: thread for thread, ids in self._open_in.items() for one in ids}
        changed = sorted(self._changed)
        rows = [PrivateRow(SPACE_HOLD, KEY_POWERED, msgpack.packb(self.powered_ms()))]
        for one in changed:
            since_ms = self._since.get(one)
            value = None if since_ms is None else msgpack.packb([since_ms, thread_of[one]])
            rows.append(PrivateRow(SPACE_HOLD, one, value))
        self._written_ms = self._context.clock.now().steady_ms
        await self._context.keep_private(rows)
        self._changed.difference_update(one for one in changed if self._is_as_written(one, thread_of))

    def _is_as_written(self, one: bytes, thread_of: dict[bytes, bytes]) -> bool:
        """Tell whether nothing about one has changed while it was written."""
        return (one in self._since) == (one in thread_of)
