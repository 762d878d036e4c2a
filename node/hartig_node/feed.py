"""The feed: durable, numbered lines of what happened, handed to listeners through bounded queues.

The store numbers a line when it commits it; listeners get it afterwards. A listener that does not keep up is told so
(`lagged`) and reads on from the store by number: nothing is lost, and no queue grows.
"""

import asyncio
from collections.abc import Sequence

from hartig_node.ports import FeedItem

QUEUE_ITEMS_MAX = 256


class Listener:
    """One reader's queue."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[FeedItem] = asyncio.Queue(QUEUE_ITEMS_MAX)
        self.lagged = False

    def offer(self, item: FeedItem) -> None:
        """Queue an item, or remember that it was missed."""
        if self._queue.full():
            self.lagged = True
        else:
            self._queue.put_nowait(item)

    async def next(self) -> FeedItem:
        """Wait for the next item."""
        return await self._queue.get()

    def restart(self) -> None:
        """Empty the queue and forget the lag: the reader is about to read on from the store."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self.lagged = False


class Feed:
    """All listeners."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self.last_seq = 0

    def __len__(self) -> int:
        return len(self._listeners)

    def publish(self, items: Sequence[FeedItem]) -> None:
        """Hand out what was just made durable."""
        for item in items:
            self.last_seq = max(self.last_seq, item.seq)
            for listener in self._listeners:
                listener.offer(item)

    def listen(self) -> Listener:
        """Begin to listen; `close` ends it."""
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def close(self, listener: Listener) -> None:
        """Stop listening."""
        self._listeners.discard(listener)
