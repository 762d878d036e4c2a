"""The dialer: keeps trying to have one link to every wanted node, each on its own, none delaying another.

Comes in: which nodes are wanted (`want`, `drop`), that one was heard of (`wake`), that a link is open or
gone, why one ended that is no failure (`excuse`), and where nodes may be (`address_book.py`). Goes out: links,
to `on_link`, whose run is the link's life, and word of nodes that answer nowhere, to `on_unreachable`.
Who calls: the daemon.

Each wanted node has one task that goes round:

    idle (a link is open)  --link gone-->  dial all its addresses (`race.py`)  --one works-->  serve the link
                                              ^                 |
                                              +--- wait <--all failed   (`backoff.py`; `wake` ends the wait, and
                                                                         brings new addresses into the race)

When a node answers that had failed before, what kept it away may have kept others away: all that fail are
dialled anew. The time, the jitter and the dial are handed in, so a test needs neither a clock nor a socket.
"""

import asyncio
import contextlib
import functools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from hartig_node.net.address_book import AddressBook, Candidate
from hartig_node.net.backoff import retry_delay_s
from hartig_node.net.dial_slots import DialSlots
from hartig_node.net.links import Link, serve_link
from hartig_node.net.race import race
from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError
from hartig_protocol.values import value

logger = logging.getLogger(__name__)

STAGGER_S = 0.25  # RFC 8305, section 8: "Connection Attempt Delay", recommended value
AT_ONCE_A_NODE_MAX = 3  # one less than what a node's gate takes from one address
# Where three packets in ten are lost, half of all dials hang. A first packet is sent again after a second, and what is
# lost after that waits three (RFC 6298, 5.7): a new dial is better. The first round ends within 6 s.
AGAIN_S, AGAIN_FOR_S = 0.5, 3.5
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
    rest_s: float | None = None  # after a link that ended for a reason which is no failure: how long to leave it alone
    is_resting: bool = False  # it is left alone for now
    is_serving: bool = False  # a link that was dialled here
    woken: asyncio.Event = field(default_factory=asyncio.Event)  # something changed: look again
    task: asyncio.Task[None] | None = None
    last_error: str = ""


@value
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
        on_unreachable: Callable[[bytes], None] = lambda _node_id: None,
        jitter: Callable[[], float],
        timer: Timer | None = None,
        tasks: Tasks | None = None,
        slots: DialSlots | None = None,
        stagger_s: float = STAGGER_S,
        again_s: float = AGAIN_S,
    ) -> None:
        """Prepare; nothing is dialled before `want`.

        Args:
            book: where nodes may be; told how each dial went.
            dial: makes one link or raises `RemoteError` or `OSError`, within a bounded time.
            on_link: serves a link for all its life; what it raises costs that link alone.
            on_unreachable: told of a node when the first round of dials to all its addresses has failed, or when it
                has no address.
            jitter: returns a new number from 0 to 1 each time.
            timer: the time, the event loop's if not given.
            tasks: holder of the dialler's tasks.
            slots: how many dials run at once.
            stagger_s: how long one address keeps the next waiting.
            again_s: after how long an address that hangs is dialled once more beside the dial that hangs.
        """
        self._book = book
        self._dial = dial
        self._on_link = on_link
        self._on_unreachable = on_unreachable
        self._jitter = jitter
        self._timer = timer or LoopTimer()
        self._tasks = tasks or Tasks()
        self._slots = slots or DialSlots()
        self._stagger_s = stagger_s
        self._again_s = again_s
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
        """Stop dialling this node; an open link lives on until somebody ends it."""
        wanted = self._wanted.pop(node_id, None)
        if wanted is not None and wanted.task is not None and not wanted.is_serving:
            wanted.task.cancel()

    def excuse(self, node_id: bytes, rest_s: float) -> None:
        """The node has ended our link for a reason that is no failure: leave it alone so long, and forget failures."""
        wanted = self._wanted.get(node_id)
        if wanted is not None:
            wanted.failures, wanted.rest_s = 0, rest_s

    def wake(self, node_id: bytes) -> None:
        """The node was heard of, or has a new address: forget the failures and dial now."""
        wanted = self._wanted.get(node_id)
        if wanted is not None:
            wanted.failures = 0
            wanted.woken.set()

    def hint(self, node_id: bytes) -> None:
        """The node was heard of once more: dial now, unless it is left alone because of what it has said itself."""
        wanted = self._wanted.get(node_id)
        if wanted is not None and not wanted.is_resting:
            self.wake(node_id)

    def wake_all(self) -> None:
        """This machine's own network changed: dial everybody now."""
        for node_id in sorted(self._wanted):
            self.wake(node_id)

    def link_opened(self, node_id: bytes) -> None:
        """A link that the node opened is in use: no dials until `link_closed`."""
        self._links[node_id] += 1
        wanted = self._wanted.get(node_id)
        if wanted is not None:
            wanted.last_error = ""  # of a dial before this link: when this one ends, it is not the reason
            self._answered(wanted)

    def link_closed(self, node_id: bytes) -> None:
        """A link that the node had opened is gone."""
        self._gone(node_id)

    def states(self) -> dict[bytes, DialState]:
        """Return how it stands with each wanted node."""
        return {
            node_id: DialState(self._links[node_id] > 0, one.failures, one.last_error)
            for node_id, one in sorted(self._wanted.items())
        }

    def failures(self, node_id: bytes) -> int:
        """Return how many rounds of dials to a node have failed in a row."""
        wanted = self._wanted.get(node_id)
        return 0 if wanted is None else wanted.failures

    async def close(self) -> None:
        """Stop all dials and end the links dialled here."""
        self._wanted.clear()
        await self._tasks.close()

    async def _keep(self, node_id: bytes, wanted: _Wanted) -> None:
        while self._wanted.get(node_id) is wanted:
            if self._links[node_id]:
                wanted.woken.clear()
                await wanted.woken.wait()
                continue
            wanted.woken.clear()
            candidates = self._book.candidates(node_id)
            link = await self._try_all(node_id, wanted, candidates)
            if link is not None:
                await self._serve(node_id, wanted, link)
            else:
                self._failed(node_id, wanted, has_addresses=bool(candidates))
            # Without any address there is nothing to wait for but word of one.
            await self._pause(node_id, wanted, has_addresses=bool(candidates))

    async def _try_all(self, node_id: bytes, wanted: _Wanted, candidates: list[Candidate]) -> Link | None:
        tried: set[tuple[str, int]] = set()
        is_woken = False

        def attempts(found: list[Candidate]) -> list[functools.partial[Coroutine[Any, Any, Link]]]:
            new = [one for one in found if (one.host, one.port) not in tried]
            tried.update((one.host, one.port) for one in new)
            return [functools.partial(self._try, node_id, wanted, one) for one in new]

        async def heard_meanwhile() -> list[functools.partial[Coroutine[Any, Any, Link]]]:
            nonlocal is_woken
            await wanted.woken.wait()
            wanted.woken.clear()
            is_woken = True
            return attempts(self._book.candidates(node_id))

        try:
            return await race(
                attempts(candidates),
                stagger_s=self._stagger_s,
                at_once_max=AT_ONCE_A_NODE_MAX,
                discard=lambda link: link.abort("another dial to the same node was quicker"),
                more=heard_meanwhile,
                again_s=self._again_s,
                again_for_s=AGAIN_FOR_S,
            )
        finally:
            if is_woken:
                wanted.woken.set()  # what failed before it was heard of may work now: no wait before the next round

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

    def _failed(self, node_id: bytes, wanted: _Wanted, *, has_addresses: bool) -> None:
        """No address has answered, or none is known."""
        wanted.failures += has_addresses
        if not has_addresses:
            wanted.last_error = "not found on the network yet"
        if wanted.failures <= 1:
            self._on_unreachable(node_id)

    async def _serve(self, node_id: bytes, wanted: _Wanted, link: Link) -> None:
        begun = self._timer.now()
        failures, wanted.rest_s, wanted.is_serving = wanted.failures, None, True
        self._answered(wanted)
        self._links[node_id] += 1
        try:
            await serve_link(link, self._on_link)
        finally:
            wanted.is_serving = False
            self._gone(node_id)
        wanted.last_error = "" if self._links[node_id] else link.closed_because or ""
        wanted.woken.clear()  # what was heard while the link was open is no news any more
        # A node that takes the handshake and then hangs up again and again is a failure like any other,
        # unless it hung up because there is another link to it, or for a reason that was excused.
        lasted = self._timer.now() - begun >= LINK_S_GOOD
        is_good = lasted or self._links[node_id] or wanted.rest_s is not None
        wanted.failures = 0 if is_good else failures + 1

    def _answered(self, wanted: _Wanted) -> None:
        """A node is there: whoever failed together with it is dialled anew, and no failure is forgotten for that."""
        if wanted.failures:
            wanted.failures = 0
            for other in self._wanted.values():
                if other.failures:
                    other.woken.set()

    def _gone(self, node_id: bytes) -> None:
        self._links[node_id] -= 1
        if self._links[node_id] <= 0:
            del self._links[node_id]
        wanted = self._wanted.get(node_id)
        if wanted is not None:
            wanted.woken.set()

    async def _pause(self, node_id: bytes, wanted: _Wanted, *, has_addresses: bool) -> None:
        if self._wanted.get(node_id) is not wanted:
            return
        if not has_addresses:
            await wanted.woken.wait()
            return
        rest_s, wanted.rest_s = wanted.rest_s, None
        if rest_s or wanted.failures:
            wanted.is_resting = bool(rest_s)
            await self._timer.wait(wanted.woken, rest_s or retry_delay_s(wanted.failures, self._jitter()))
            wanted.is_resting = False
