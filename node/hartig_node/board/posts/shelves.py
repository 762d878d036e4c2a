"""Open shelves: a neighbour says that one is nearly empty, and the hub passes it on.

In: the id of an open shelf of any hub. Out: the shelf as it is shown then. No person is stored, not even in a private
row, so nobody can tell whether the same one says it twice: it is taken at a pace at which people come by. One mark of
this hub says it for each shelf, and counts how many did since the holder said the level last; it is over when the
holder says the level anew, or counts. Who calls: the pages for neighbours, the API.
"""

import asyncio
from collections import deque

from hartig_node.board.accounts.lows import Low, LowMarks
from hartig_node.board.accounts.refusing import Rule, stopped
from hartig_node.board.context import Context, thread_of
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import Posts
from hartig_node.board.signing import Signed
from hartig_protocol.limits import DAY_MS, HOUR_MS, LIFE_LOW_MS_MAX, MINUTE_MS, PEOPLE_MAX
from hartig_protocol.records.marks import LOW
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind

LOW_LIFE_MS = 3 * DAY_MS  # then it is old news: others came by and said nothing
PACE_MS = 5 * MINUTE_MS  # of one shelf: then the next person may have come by
SAID_PER_HOUR_MAX = 30  # of all shelves: each is a record on every hub; more than the open shelves of a district


class Shelves:
    """What people say of open shelves."""

    def __init__(self, context: Context, posts: Posts, lows: LowMarks) -> None:
        self._context, self._posts, self._lows = context, posts, lows
        self._saying = asyncio.Lock()  # one at a time, so that each counts what the one before said
        self._said_at: deque[int] = deque(maxlen=SAID_PER_HOUR_MAX)  # on the steady clock

    def __repr__(self) -> str:
        return f"<Shelves {len(self._said_at)} said lately>"

    async def mark_low(self, post: str) -> PostView:
        """Say that an open shelf is nearly empty; said again within five minutes nothing is written.

        Raises `BoardError`: `not_found`, `not_allowed` (`not_a_shelf`, `over`), `too_many`, `stopped_signing`.
        """
        async with self._saying:
            view = await self._posts.get(post)
            _check(view)
            thread = thread_of(post)
            own = await self._lows.own(thread)
            level_at_ms = view.facts.get("level_at", 0)
            if own is not None and own.level_at_ms == level_at_ms and self._is_fresh(own):
                return view
            self._check_pace()
            signed = await self._sign(view, thread, own)
            await self._context.publish_one(signed.record, signed.private)
            self._said_at.append(self._context.clock.now().steady_ms)
        return await self._posts.get(post)

    def _is_fresh(self, own: Low) -> bool:
        return 0 <= self._context.clock.reading().wall_ms - own.stamp_ms < PACE_MS

    def _check_pace(self) -> None:
        began_ms = self._context.clock.now().steady_ms - HOUR_MS
        if len(self._said_at) == SAID_PER_HOUR_MAX and self._said_at[0] > began_ms:
            detail = f"this hub has passed on {SAID_PER_HOUR_MAX} such words within an hour"
            raise BoardError("too_many", detail, "tell the people of the shelf, or come back in an hour")

    async def _sign(self, shelf: PostView, thread: bytes, own: Low | None) -> Signed:
        """Sign this hub's mark: its next version, or the first."""
        pen, now_ms = self._context.pen, self._context.clock.reading().wall_ms
        level_at_ms, expires_ms = shelf.facts.get("level_at", 0), now_ms + LOW_LIFE_MS
        is_counted = own is not None and own.level_at_ms == level_at_ms and own.expires_ms > now_ms
        count = min(PEOPLE_MAX, own.count + 1) if own is not None and is_counted else 1
        facts = {"what": LOW, "count": count} | ({"level_at": level_at_ms} if level_at_ms else {})
        stored = None if own is None else await self._context.store.read_record(own.id)
        if stored is not None:
            before = open_record(stored.wire, verify_signature=False)
            return pen.next_version(before, facts, None, expires_ms, LIFE_LOW_MS_MAX)
        audience = "hub" if shelf.audience == "hub" else "network"
        place = pen.free_place(Kind.MARK, audience, expires_ms)
        return pen.first(Kind.MARK, thread, [], audience, facts, None, expires_ms, place, LIFE_LOW_MS_MAX)


def _check(view: PostView) -> None:
    if view.network is not None:
        raise BoardError("not_yours", "a hub of a partner network holds this shelf", "tell the people there")
    if view.kind == "offer" and view.state != "standing":
        raise stopped(Rule.OVER, "this is not there any more", "look for another one")
    if "level" not in view.facts:
        hint = "say this of an open shelf, from which people take what they need"
        raise stopped(Rule.NOT_A_SHELF, "this is no open shelf", hint)
