"""How long people asked their posts to stand, where the record itself says something longer.

A post that was written while nobody vouched for the time has the longest life; what was asked for is kept here, in a
private row of the same commit, until the post is written again with true dates. Because a post's `expires` never
shrinks, it may then still be longer than asked; and so it is where the hub keeps a post up because something is open in
it. Then the row stays, and the hub ends the post by itself when it is time and nothing is open.
In: what was asked. Out: rows for the commit, and what they say. Who calls: `posts`; `timekeeper`, which acts on them.
"""

from dataclasses import dataclass

import msgpack

from hartig_node.ports import Store
from hartig_protocol.events import PrivateRow

SPACE_ASKED = "asked"


@dataclass(frozen=True)
class Asked:
    """What was asked for one post: a life from when it was written, or an end.

    `run` and `steady_ms` say when it was written, while it waits to be written again with true dates; else `run` is
    empty, and the post ends at `end_ms`.
    """

    life_ms: int
    end_ms: int | None
    run: bytes = b""
    steady_ms: int = 0

    @property
    def waits(self) -> bool:
        """Whether the post's dates are about right only."""
        return bool(self.run)

    def end_from(self, now_ms: int, run: bytes, steady_ms: int) -> int:
        """Return when the post is to end, now that the time is known.

        How long it stood in an earlier run nobody knows, so that is not counted: rather too long than lost.
        """
        if self.end_ms is not None:
            return self.end_ms
        lived_ms = steady_ms - self.steady_ms if self.run == run else 0
        return now_ms + max(0, self.life_ms - lived_ms)


class AskedLives:
    """All rows, in memory as they are in the store. `run` is this run of the program."""

    def __init__(self, store: Store, run: bytes) -> None:
        self._store, self.run = store, run
        self._held: dict[bytes, Asked] = {}

    def __repr__(self) -> str:
        return f"<AskedLives of {len(self._held)} posts>"

    async def load(self) -> None:
        """Read what earlier runs left; call it before anything is posted."""
        for thread, value in await self._store.private_list(SPACE_ASKED):
            life_ms, end_ms, run, steady_ms = msgpack.unpackb(value)
            self._held[thread] = Asked(life_ms, end_ms, run, steady_ms)

    def waiting(self) -> list[bytes]:
        """Return the posts that wait for true dates."""
        return sorted(thread for thread, asked in self._held.items() if asked.waits)

    def over(self, now_ms: int) -> list[bytes]:
        """Return the posts that have stood as long as was asked."""
        return sorted(thread for thread in self._held if self.is_over(thread, now_ms))

    def is_over(self, thread: bytes, now_ms: int) -> bool:
        """Tell whether a post has stood as long as was asked; it may stand on because something is open in it."""
        one = self._held.get(thread)
        return one is not None and not one.waits and one.end_ms is not None and one.end_ms <= now_ms

    def of(self, thread: bytes) -> Asked | None:
        """Return what was asked for a post, where its record says something else."""
        return self._held.get(thread)

    def end_of(self, thread: bytes, expires_ms: int) -> int:
        """Return when a post ends: when its record does, or earlier because that was asked."""
        asked = self._held.get(thread)
        return expires_ms if asked is None or asked.end_ms is None else min(expires_ms, asked.end_ms)

    def rows(self, thread: bytes, asked: Asked | None) -> tuple[PrivateRow, ...]:
        """Return what the commit of a record has to say of this; None: the record itself says what was asked."""
        if asked is not None:
            value = msgpack.packb([asked.life_ms, asked.end_ms, asked.run, asked.steady_ms])
            return (PrivateRow(SPACE_ASKED, thread, value),)
        return (PrivateRow(SPACE_ASKED, thread, None),) if thread in self._held else ()

    def put(self, thread: bytes, asked: Asked | None) -> None:
        """Remember it; call it when the commit is durable."""
        if asked is None:
            self._held.pop(thread, None)
        else:
            self._held[thread] = asked
