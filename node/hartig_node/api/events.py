"""Events as they happen: server-sent events on the durable feed, from any number on.

In: `board.events`, which reads from the store whatever a reader has missed. Out: `id:`, `event:`, `data:` for every
line of the feed, a comment while nothing happens. A reader resumes with `Last-Event-ID` and neither misses nor repeats
an event. Nothing is queued here: the next event is read when the last one is written, so a slow reader costs the
buffers of its own connection, and is cut when it takes nothing for `slow_reader_s`. Whether it may still read is asked
at each heartbeat, and at events every `RECHECK_S`: a stream ends with its token. Who calls: `app`.

    opening --(feed_gone: 410)--> open --(hub stops, token gone: clean end | reader gone, too slow: cut)--> closed
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from aiohttp import web

from hartig_node.api.door import DOOR
from hartig_node.api.endpoints import PREFIX, READ, Endpoint
from hartig_node.api.guard import check_scope
from hartig_node.api.problems import problem_json
from hartig_node.board.board import Board, event_json
from hartig_node.board.errors import BoardError
from hartig_node.ports import FeedItem
from hartig_node.tasks import Tasks

STREAMS_MAX = 50  # 10 kB each (measured); the goals ask for 50
SLOW_READER_S = 30.0
OPENING_S = 1.0  # a wrong number is known after one read of the store; without one nothing may come for long
RECHECK_S = 1.0  # a read of the store for every event would be dear
RETRY_MS = 2_000
_SEQ_DIGITS_MAX = 15
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # a proxy before us must not hold events back
}


class Streams:
    """All open event streams, at all doors together."""

    def __init__(self, board: Board, *, slow_reader_s: float = SLOW_READER_S) -> None:
        self.board, self.slow_reader_s = board, slow_reader_s
        self._tasks = Tasks()
        self._open: dict[_Stream, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        return f"<Streams {len(self)} open>"

    def __len__(self) -> int:
        return len(self._open)

    def endpoints(self) -> list[Endpoint]:
        """Return the route of events."""
        return [Endpoint("GET", f"{PREFIX}/events", self.serve, READ, ("after",))]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one reader until it goes, falls behind for too long, or the hub stops."""
        stream = _Stream(request, self._events(_read_after(request)), self.slow_reader_s)
        self._make_room()
        pump = self._open[stream] = self._tasks.start(stream.pump(), "API: event stream")
        try:
            return await stream.run(pump)
        finally:
            pump.cancel()
            self._open.pop(stream, None)

    async def close(self, app: web.Application) -> None:
        """End every stream of one door cleanly; their handlers finish by themselves."""
        pumps = [pump for stream, pump in self._open.items() if stream.app is app]
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    def _events(self, after: int | None) -> AsyncIterator[FeedItem | None]:
        return self.board.events(after)

    def _make_room(self) -> None:
        """Refuse one stream too many; those whose reader has gone without a word do not count."""
        self._open = {stream: pump for stream, pump in self._open.items() if not stream.is_gone}
        if len(self._open) >= STREAMS_MAX:
            hint = "close a stream that nobody reads, or read the list of posts instead"
            raise BoardError("too_many", f"{STREAMS_MAX} programs read events already", hint)


class _Stream:
    """One reader."""

    def __init__(self, request: web.Request, events: AsyncIterator[FeedItem | None], slow_reader_s: float) -> None:
        self.app = request.app
        self._request, self._events, self._slow_reader_s = request, events, slow_reader_s
        self._response = web.StreamResponse(headers=_HEADERS)
        self._answered = asyncio.Event()  # the board has said whether it has these events
        self._writable = asyncio.Event()  # our head is out
        self._checked_s = asyncio.get_running_loop().time()
        self._problem: BoardError | None = None
        self._is_lost = False

    @property
    def is_gone(self) -> bool:
        """Whether the reader closed its connection."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def run(self, pump: asyncio.Task[None]) -> web.StreamResponse:
        """Open the answer, let the pump fill it, and end it as its end demands."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OPENING_S):
                await self._answered.wait()
        if self._problem is not None:
            raise self._problem
        await self._response.prepare(self._request)
        await self._response.write(f"retry: {RETRY_MS}\n\n".encode())
        self._writable.set()
        await asyncio.wait({pump})
        await self._end()
        return self._response

    async def pump(self) -> None:
        """Write events until there is nobody to write them to."""
        try:
            async with contextlib.aclosing(self._events) as events:  # type: ignore[type-var]
                async for item in events:
                    is_opening = not self._answered.is_set()
                    self._answered.set()
                    if item is None and is_opening:
                        continue
                    await self._writable.wait()
                    await self._recheck(is_heartbeat=item is None)
                    async with asyncio.timeout(self._slow_reader_s):
                        await self._response.write(_frame(item))
        except BoardError as error:
            self._problem = error
        except OSError:  # the reader has gone, or took nothing for too long
            self._is_lost = True
        finally:
            self._answered.set()

    async def _recheck(self, *, is_heartbeat: bool) -> None:
        """Refuse whoever may no longer read; on a Unix socket the other end stays who it was."""
        door, now_s = self._request.app[DOOR], asyncio.get_running_loop().time()
        if door.asks_for_tokens and (is_heartbeat or now_s - self._checked_s >= RECHECK_S):
            self._checked_s = now_s
            await check_scope(self._request, door, READ)

    async def _end(self) -> None:
        if self._is_lost:
            # A clean end would wait for the reader, and pretend that all was said.
            if self._request.transport is not None:
                self._request.transport.abort()
            return
        if self._problem is not None:
            await self._response.write(_problem_frame(self._problem))
        await self._response.write_eof()


def _frame(item: FeedItem | None) -> bytes:
    """Return an event as it is sent; a comment where nothing has happened."""
    if item is None:
        return b": still here\n\n"
    data = json.dumps(event_json(item), ensure_ascii=False, separators=(",", ":"))
    return f"id: {item.seq}\nevent: {item.name}\ndata: {data}\n\n".encode()


def _problem_frame(error: BoardError) -> bytes:
    """Return a problem as the last event; the empty id lets a browser begin anew instead of asking again."""
    return f"id:\nevent: problem\ndata: {json.dumps(problem_json(error), ensure_ascii=False)}\n\n".encode()


def _read_after(request: web.Request) -> int | None:
    """Return the number after which to begin: the header of a reader that comes back goes before the parameter."""
    header = request.headers.get("Last-Event-ID", "")
    text = header or request.query.get("after")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _SEQ_DIGITS_MAX):
        where = "Last-Event-ID" if header else "after"
        hint = "send the number of the last event that you have, or leave it out"
        raise BoardError(
            "bad_request", f"{where} {text[:20]!r} is no number of an event", hint, "" if header else "/after"
        )
    return int(text)
