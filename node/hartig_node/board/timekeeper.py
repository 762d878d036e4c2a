"""What this hub does about the time: learns it, keeps it, and puts right what was written without it (design 6).

While nobody vouches for the time it takes stamps of hubs whose word counts. When somebody does, for the first time,
it writes this hub's own posts, card and grants again with true dates, and only then lets the core expire anything.
After that it stores the time at most hourly, so that a board without a battery comes up near the right date, and ends
posts that had to be given more time than was asked. Who calls: the daemon (`load`, then `run` as a task), the API, and
the board with what is durable (`committed`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack

from hartig_node.board.belonging.membership import Membership
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import Posts, is_approx
from hartig_node.board.signing import SPACE_SETTING
from hartig_node.board.times import rfc3339
from hartig_node.reckoning import RELEASE_MS, Source
from hartig_protocol.events import Commit, PrivateRow
from hartig_protocol.limits import HOUR_MS, LIFE_LONG_MS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync import timekeeping

logger = logging.getLogger(__name__)

KEY_TIME = b"time"
LOOK_EVERY_S = 30.0  # as often as the clock asks the system
STORE_EVERY_MS = HOUR_MS
AT_ONCE_MAX = 32  # posts that are written again together: they share commits


async def _nothing_is_open() -> None:
    """Keep nothing up, where nobody looks after deals."""


class Timekeeper:
    """The hub's clock, and what hangs on it.

    `before_expiry` is awaited when the time is known at last, before anything expires by it: what is open is kept up;
    `on_hour` then, and hourly.
    """

    def __init__(self, context: Context, posts: Posts, membership: Membership) -> None:
        self._context, self._posts, self._membership = context, posts, membership
        self._wake = asyncio.Event()
        self._looking = asyncio.Lock()  # a person's word wakes `run` too: what is dated anew is so once
        self._stored_ms: int | None = None  # when, on the steady clock
        self.before_expiry: Callable[[], Awaitable[None]] = _nothing_is_open
        self.on_hour: Callable[[], Awaitable[None]] = _nothing_is_open

    def __repr__(self) -> str:
        return f"<Timekeeper {self._context.clock!r}>"

    # --- For people and programs

    def report(self) -> dict[str, Any]:
        """Return what time it is and who vouches for it, ready for JSON."""
        clock = self._context.clock
        reading = clock.reading()
        source = reading.source.value if reading.trusted else None
        return {"now": rfc3339(reading.wall_ms), "trusted": clock.is_trusted(), "source": source}

    async def confirm(self, time_ms: int | None = None) -> dict[str, Any]:
        """Take a person's word that the time shown is right, or that this is the time; until the next start."""
        clock = self._context.clock
        if time_ms is not None and time_ms < RELEASE_MS:
            detail = "this time lies before this version of the program was made"
            raise BoardError("bad_request", detail, "look at the year, and say it again", "/now")
        clock.confirm(time_ms)
        if time_ms is not None and clock.reading().source is not Source.PERSON:
            detail = "a time service sets this machine's clock, and it is believed before a person"
            raise BoardError("bad_request", detail, "leave the time out, or mend the time service", "/now")
        await self.look()
        return self.report()

    # --- For the daemon

    async def load(self) -> None:
        """Read what earlier runs left; call it before the engine starts."""
        await self._posts.asked.load()
        clock = self._context.clock
        clock.on_trust = self._wake.set
        if self._posts.asked.waiting() or not clock.reading().trusted:
            clock.hold_back()

    async def run(self) -> None:
        """Look after the time for as long as the hub runs."""
        while True:
            self._wake.clear()
            await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()

    async def look(self) -> None:
        """Do what is due now."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        clock = self._context.clock
        clock.retain(lambda hub: timekeeping.counts(self._context.engine.hub.state, hub))
        if not clock.reading().trusted:
            clock.hold_back()
            await self._look_for_stamps()
            return
        try:
            if clock.is_held_back or self._is_hour_over():
                await self._date_anew()
                if clock.is_held_back:
                    await self.before_expiry()
                clock.let_go()
                await self._store_time()
                await self.on_hour()
            await self._end_what_is_over()
        except BoardError as error:  # the disk is full: nothing expires until what was written is safe
            logger.warning("cannot write with true dates yet, and try again: %s", error)

    # --- While nobody vouches for the time

    def committed(self, commit: Commit) -> None:
        """Lift our time to stamps that have come, before anything follows from them, such as a newcomer's own card.

        No hello may tell: who joins at a hub whose word on time does not count may reach no other.
        """
        if commit.added and not self._context.clock.reading().trusted:
            for _, record in commit.added:
                self._take_stamp(record)

    async def _look_for_stamps(self) -> None:
        """Lift our time to stamps whose author's word has come to count, or that an earlier run has left."""
        catalog = self._context.pen.catalog
        for hub, newest in sorted(catalog.newest_of.items()):
            entry = catalog.entries.get(newest)
            if entry is not None and self._is_ahead(entry.stamp, hub):
                stored = await self._context.store.read_record(newest)
                if stored is not None:
                    self._take_stamp(open_record(stored.wire, verify_signature=False))

    def _take_stamp(self, record: Record) -> None:
        """Lift our time to this stamp, but for one that is about right only."""
        if self._is_ahead(record.head.stamp, record.head.author) and not is_approx(record):
            self._context.clock.saw(record.head.stamp)

    def _is_ahead(self, stamp_ms: int, hub: bytes) -> bool:
        context = self._context
        return stamp_ms > context.clock.reading().wall_ms and timekeeping.counts(context.engine.hub.state, hub)

    # --- When somebody does

    async def _date_anew(self) -> None:
        """Write again, with true dates, what this hub wrote without knowing them."""
        await self._membership.announce()
        for grant in self._approx_grants():
            await self._grant_anew(grant)
        await self._posts.flags.date_anew()
        waiting = self._posts.asked.waiting()
        if waiting:
            logger.info("writing %d posts again with true dates", len(waiting))
        words = await self._posts.pick_ups.keys() if waiting else {}
        for start in range(0, len(waiting), AT_ONCE_MAX):
            some = waiting[start : start + AT_ONCE_MAX]
            await asyncio.gather(*(self._post_anew(thread, words.get(thread)) for thread in some))

    def _approx_grants(self) -> list[Record]:
        own, catalog = self._context.pen.key.public, self._context.pen.catalog
        grants = [one for one in catalog.governance.values() if one.head.kind == Kind.GRANT and one.head.author == own]
        return sorted((one for one in grants if is_approx(one) and not one.head.ends), key=lambda one: one.id)

    async def _grant_anew(self, grant: Record) -> None:
        context = self._context
        expires_ms = context.clock.reading().wall_ms + LIFE_LONG_MS_MAX
        try:
            signed = context.pen.next_version(grant, grant.head.facts, None, expires_ms)
            await context.publish_one(signed.record, signed.private)
        except BoardError as error:
            _let_be(error, "a grant")

    async def _post_anew(self, thread: bytes, word: bytes | None) -> None:
        try:
            await self._posts.date_anew(thread.hex(), word)
        except BoardError as error:
            _let_be(error, f"post {thread.hex()}")
            await self._forget_if_gone(thread, error)

    async def _end_what_is_over(self) -> None:
        """End posts that have stood as long as was asked, where their record had to say more.

        One in which something is open is tried again until that is settled.
        """
        for thread in self._posts.asked.over(self._context.clock.reading().wall_ms):
            try:
                await self._posts.end_over(thread.hex())
            except BoardError as error:
                _let_be(error, f"post {thread.hex()}")
                await self._forget_if_gone(thread, error)

    async def _forget_if_gone(self, thread: bytes, error: BoardError) -> None:
        """Forget how long a post was meant to stand once there is nothing to end; what stops it else may pass."""
        if error.code in ("not_found", "not_yours", "ended"):
            await self._posts.forget_asked(thread)

    def _is_hour_over(self) -> bool:
        return self._stored_ms is None or self._context.clock.now().steady_ms - self._stored_ms >= STORE_EVERY_MS

    async def _store_time(self) -> None:
        """Store the time: where a clock battery is missing, this is where the next start goes on from."""
        now = self._context.clock.now()
        await self._context.keep_private([PrivateRow(SPACE_SETTING, KEY_TIME, msgpack.packb(now.wall_ms))])
        self._stored_ms = now.steady_ms


def _let_be(error: BoardError, what: str) -> None:
    """Go on with the next one, but for a full disk, which concerns all."""
    if error.code == "disk_full":
        raise error
    logger.warning("%s stays as it was written: %s", what, error)
