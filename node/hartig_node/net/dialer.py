"""The dialer: keeps trying to have one link to every wanted node, each on its own, none delaying another.

Comes in: which nodes are wanted (`want`, `drop`), that one was heard of (`wake`), that a link is open or
gone, and where nodes may be (`address_book.py`). Goes out: links, to `on_link`, whose run is the link's life.
Who calls: the daemon.

Each wanted node has one task that goes round:

    idle (a link is open)  --link gone-->  dial all its addresses (`race.py`)  --one works-->  serve the link
                                              ^                 |
                                              +--- wait <--all failed   (`backoff.py`; `wake` ends the wait)

The time, the jitter and the dial are handed in, so a test needs neither a clock nor a socket.
"""

import asyncio
import contextlib
import functools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from hartig_node.net.address_book import AddressBook, Candidate
from hartig_node.net.backoff import retry_delay_s
from hartig_node.net.dial_slots import DialSlots
from hartig_node.net.links import Link, serve_link
from hartig_node.net.race import race
from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError

logger = logging.getLogger(__name__)

STAGGER_S = 0.25  # RFC 8305, section 8: "Connection Attempt Delay", recommended value
AT_ONCE_A_NODE_MAX = 3  # one less than what a node's gate takes from one address
LINK_S_GOOD = 10.0  # guess: a link that held so long was no mistake, so the next dial begins without a wait

Dial = Callable[[bytes, Candidate], Awaitable[Link]]


class Timer(Protocol):
    """What the dialer needs of time."""

    def now(self) -> float:
        """Return seconds that only ever grow."""
        ...

    async def wait(self, event: asyncio.Event, delay_s: float) -> None:
        """Return when `event` is set or `delay_s` seconds have gone by."""
        ...


class LoopTimer:
    """The event loop's own clock."""

    def now(self) -> float:
        """Return the loop's time in seconds."""
        return asyncio.get_running_loop().time()

    async def wait(self, event: asyncio.Event, delay_s: float) -> None:
        """Return when `event` is set or the delay is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await event.wait()


@dataclass(slots=True, eq=False)
class _Wanted:
    """One node that we want a link to."""

    failures: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)  # something changed: look again
    task: asyncio.Task[None] | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class DialState:
    """What the status pages show of one wanted node."""

    connected: bool
    failures: int
    last_error: str


class Dialer:
    """Dials every wanted node until it has a link, and again when that is gone."""

    def __init__(
        self,
        book: AddressBook,
        dial: Dial,
        on_link: Callable[[Link], Awaitable[None]],
        *,
        jitter: Callable[[], float],
        timer: Timer | None = None,
        tasks: Tasks | None = None,
        slots: DialSlots | None = None,
        stagger_s: float = STAGGER_S,
    ) -> None:
        """Prepare; nothing is dialled before `want`.

        Args:
            book: where nodes may be; told how each dial went.
            dial: makes one link or raises `RemoteError` or `OSError`, within a bounded time.
            on_link: serves a link for all its life; what it raises costs that link alone.
            jitter: returns a new number from 0 to 1 each time.
            timer: the time, the event loop's if not given.
            tasks: holder of the dialler's tasks.
            slots: how many dials run at once.
            stagger_s: how long one address keeps the next waiting.
        """
        self._book = book
        self._dial = dial
        self._on_link = on_link
        self._jitter = jitter
        self._timer = timer or LoopTimer()
        self._tasks = tasks or Tasks()
        self._slots = slots or DialSlots()
        self._stagger_s = stagger_s
        self._wanted: dict[bytes, _Wanted] = {}
        self._links: Counter[bytes] = Counter()  # open ones, by node, whoever opened them

    def __repr__(self) -> str:
        linked = sum(1 for node_id in self._wanted if self._links[node_id])
        return f"<Dialer {linked} of {len(self._wanted)} nodes linked, {self._slots!r}>"

    def want(self, node_id: bytes) -> None:
        """Keep a link to this node from now on; asking again changes nothing."""
        if node_id in self._wanted:
            return
        wanted = self._wanted[node_id] = _Wanted()
        wanted.task = self._tasks.start(self._keep(node_id, wanted), f"dials to {node_id.hex()[:12]}")

    def drop(self, node_id: bytes) -> None:
        """Stop dialling this node, and end a link that was dialled here."""
        wanted = self._wanted.pop(node_id, None)
        if wanted is not None and wanted.task is not None:
            wanted.task.cancel()

    def wake(self, node_id: bytes) -> None:
        """The node was heard of, or has a new address: forget the failures and dial now."""
        wanted = self._wanted.get(node_id)
        if wanted is not None:
            wanted.failures = 0
            wanted.woken.set()

    def wake_all(self) -> None:
        """This machine's own network changed: dial everybody now."""
        for node_id in sorted(self._wanted):
            self.wake(node_id)

    def link_opened(self, node_id: bytes) -> None:
        """A link that the node opened is in use: no dials until `link_closed`."""
        self._links[node_id] += 1
        wanted = self._wanted.get(node_id)
        if wanted is not None:
            wanted.failures = 0

    def link_closed(self, node_id: bytes) -> None:
        """A link that the node had opened is gone."""
        self._gone(node_id)
        wanted = self._wanted.get(node_id)
        if wanted is not None:
            wanted.woken.set()

    def states(self) -> dict[bytes, DialState]:
        """Return how it stands with each wanted node."""
        return {
            node_id: DialState(self._links[node_id] > 0, one.failures, one.last_error)
            for node_id, one in sorted(self._wanted.items())
        }

    async def close(self) -> None:
        """Stop all dials and end the links dialled here."""
        self._wanted.clear()
        await self._tasks.close()

    async def _keep(self, node_id: bytes, wanted: _Wanted) -> None:
        while True:
            if self._links[node_id]:
                wanted.woken.clear()
                await wanted.woken.wait()
                continue
            wanted.woken.clear()
            candidates = self._book.candidates(node_id)
            link = await self._try_all(node_id, wanted, candidates)
            if link is not None:
                await self._serve(node_id, wanted, link)
            elif candidates:
                wanted.failures += 1
            # Without any address there is nothing to wait for but word of one.
            await self._pause(wanted, has_addresses=bool(candidates))

    async def _try_all(self, node_id: bytes, wanted: _Wanted, candidates: list[Candidate]) -> Link | None:
        return await race(
            [functools.partial(self._try, node_id, wanted, one) for one in candidates],
            stagger_s=self._stagger_s,
            at_once_max=AT_ONCE_A_NODE_MAX,
            discard=lambda link: link.abort("another dial to the same node was quicker"),
        )

    async def _try(self, node_id: bytes, wanted: _Wanted, candidate: Candidate) -> Link:
        async with self._slots.slot(wanted.failures):
            try:
                link = await self._dial(node_id, candidate)
            except (RemoteError, OSError) as error:
                wanted.last_error = str(error)
                self._book.failed(node_id, candidate.host, candidate.port)
                raise
        self._book.succeeded(node_id, candidate.host, candidate.port)
        return link

    async def _serve(self, node_id: bytes, wanted: _Wanted, link: Link) -> None:
        begun = self._timer.now()
        self._links[node_id] += 1
        try:
            await serve_link(link, self._on_link)
        finally:
            self._gone(node_id)
        wanted.last_error = link.closed_because or ""
        wanted.woken.clear()  # what was heard while the link was open is no news any more
        # A node that takes the handshake and then hangs up again and again is a failure like any other,
        # unless it hung up because there is another link to it.
        lasted = self._timer.now() - begun >= LINK_S_GOOD
        wanted.failures = 0 if lasted or self._links[node_id] else wanted.failures + 1

    def _gone(self, node_id: bytes) -> None:
        self._links[node_id] -= 1
        if self._links[node_id] <= 0:
            del self._links[node_id]

    async def _pause(self, wanted: _Wanted, *, has_addresses: bool) -> None:
        if not has_addresses:
            await wanted.woken.wait()
        elif wanted.failures:
            await self._timer.wait(wanted.woken, retry_delay_s(wanted.failures, self._jitter()))
