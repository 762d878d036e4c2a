"""Commits that wait until there is room: nothing is acknowledged on a full disk, and nothing is lost.

In: a store and a commit. Out: the feed lines of the commit, once it is durable. Who calls: `engine` for the home store,
`partitions` for those of partner networks.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from hartig_node.ports import FeedItem, Store, StoreFullError
from hartig_protocol.events import Commit

logger = logging.getLogger(__name__)

FULL_RETRY_S = 5.0


class FullDisk:
    """Whether something waits for room, and what the store says of it."""

    def __init__(self) -> None:
        self.stuck: str | None = None

    async def commit(
        self, store: Store, commit: Commit, is_over: Callable[[], bool] = lambda: False
    ) -> Sequence[FeedItem]:
        """Make a commit durable, however long that takes; one that nobody waits for any more is given up."""
        while not is_over():
            try:
                items = await store.commit(commit)
            except StoreFullError as error:
                if self.stuck is None:
                    logger.error("the disk is full; waiting for room: %s", error)  # noqa: TRY400 - no traceback helps
                self.stuck = str(error)
                await asyncio.sleep(FULL_RETRY_S)
            else:
                self.stuck = None
                return items
        self.stuck = None
        return ()
