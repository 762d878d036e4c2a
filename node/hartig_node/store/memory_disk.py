"""What a twin store has durable, in dicts: it survives the `MemoryStore` that writes to it.

In: changes, each whole. Out: feed lines; what is held lies open to whoever reads. Who calls: `memory`, and simulations
that run the core without asyncio.
"""

from dataclasses import dataclass, field
from itertools import islice

from hartig_node.ports import (
    FeedItem,
    StoreFullError,
)
from hartig_node.store.applying import EXPIRED_PER_COMMIT_MAX, FEED_LINES_MAX
from hartig_node.store.facts import PostFacts, StepFacts
from hartig_node.store.reading import NO_RUNNING
from hartig_node.store.rows import Added, Change, FeedLines, RecordRow
from hartig_node.store.writer import FULL_PROBLEM
from hartig_protocol.catalog.entry import Body
from hartig_protocol.errors import LocalError
from hartig_protocol.events import Cursor, Told
from hartig_protocol.limits import EPOCH_BYTES, TOLD_PER_PEER_MAX


@dataclass
class MemoryDisk:
    """Everything durable. `is_full` refuses what needs room."""

    epoch: bytes = bytes(EPOCH_BYTES)
    last_n: int = 0
    last_seq: int = 0
    running: bytes = NO_RUNNING
    rows: dict[int, RecordRow] = field(default_factory=dict)
    numbers: dict[bytes, int] = field(default_factory=dict)  # id -> arrival number
    posts: dict[int, PostFacts] = field(default_factory=dict)
    steps: dict[int, StepFacts] = field(default_factory=dict)
    unindexed: set[int] = field(default_factory=set)
    cursors: dict[bytes, Cursor] = field(default_factory=dict)
    told: dict[tuple[bytes, int], Told] = field(default_factory=dict)
    feed: dict[int, FeedItem] = field(default_factory=dict)
    private: dict[tuple[str, bytes], tuple[bytes, int | None]] = field(default_factory=dict)
    meta: dict[str, int | bytes | str] = field(default_factory=dict)
    is_full: bool = False
    was_closed: bool = True

    def apply(self, change: Change, now_ms: int | None = None) -> list[FeedItem]:
        """Make a change durable and return its feed lines."""
        if self.is_full and not change.only_frees:
            raise StoreFullError(FULL_PROBLEM)
        if change.balance:
            self._records(change)
        self._bodies(change)
        for cursor in change.cursors:
            self.cursors[cursor.peer] = cursor
        for told in change.told:
            self._tell(told)
        self._private(change, now_ms)
        if not change.notices:
            return []
        items = [FeedItem(*row) for row in FeedLines(self.last_seq + 1, change.notices).rows()]
        self.last_seq += len(items)
        self.feed.update((item.seq, item) for item in items)
        for seq in [seq for seq in islice(self.feed, len(items)) if seq <= self.last_seq - FEED_LINES_MAX]:
            del self.feed[seq]
        return items

    def _records(self, change: Change) -> None:
        adding = []
        leaving = []
        for record_id, balance in change.balance.items():
            added, n = change.added.get(record_id), self.numbers.get(record_id)
            if added is not None and n == added.row.n:
                continue
            if n is not None and (added is None or balance <= 0):
                leaving.append(n)
            if added is not None and balance + (n is not None) > 0:
                adding.append(added)
        self._check_free(adding, leaving)
        for n in leaving:
            self._remove(n)
        for added in adding:
            self._add(added)
        if change.last is not None and change.last[0] > self.last_n:
            self.last_n, self.running = change.last

    def _check_free(self, adding: list[Added], leaving: list[int]) -> None:
        """No two records claim one arrival number; found before anything is changed."""
        for added in adding:
            n = self.numbers.get(added.row.id, added.row.n)
            if (n in self.rows and n not in leaving) or (added.row.n in self.rows and added.row.n not in leaving):
                raise LocalError(
                    f"record {added.row.id.hex()[:12]} cannot be arrival {added.row.n}: the store holds {n}"
                )

    def _add(self, added: Added) -> None:
        n = added.row.n
        self.rows[n] = added.row
        self.numbers[added.row.id] = n
        if added.post is not None:
            self.posts[n] = added.post
            if added.row.body is not None:
                self.unindexed.add(n)
        if added.step is not None:
            self.steps[n] = added.step

    def _remove(self, n: int) -> None:
        row = self.rows.pop(n)
        del self.numbers[row.id]
        self.posts.pop(n, None)
        self.steps.pop(n, None)
        self.unindexed.discard(n)

    def _bodies(self, change: Change) -> None:
        for record_id, body in change.bodies_added:
            n = self.numbers.get(record_id)
            if n is not None and self.rows[n].body is None:
                self.rows[n] = self.rows[n]._replace(body=body, body_state=int(Body.HERE))
                if n in self.posts:
                    self.unindexed.add(n)
        for record_id in change.bodies_removed:
            n = self.numbers.get(record_id)
            if n is not None and self.rows[n].body is not None:
                self.rows[n] = self.rows[n]._replace(body=None, body_state=int(Body.GONE))
                self.unindexed.discard(n)

    def _tell(self, told: Told) -> None:
        self.told[(told.peer, told.n)] = told
        if len(self.told) <= TOLD_PER_PEER_MAX:
            return
        numbers = sorted(n for peer, n in self.told if peer == told.peer)
        for n in numbers[:-TOLD_PER_PEER_MAX]:
            del self.told[(told.peer, n)]

    def _private(self, change: Change, now_ms: int | None) -> None:
        for row in change.private:
            if row.value is None:
                self.private.pop((row.space, row.key), None)
            else:
                self.private[(row.space, row.key)] = (row.value, row.expires_ms)
        if now_ms is not None:
            over = [key for key, (_, expires_ms) in self.private.items() if (expires_ms or now_ms) < now_ms]
            for key in over[:EXPIRED_PER_COMMIT_MAX]:
                del self.private[key]
