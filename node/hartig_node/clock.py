"""The node's clock: asks the machine, keeps the reckoning, says what time it is and how far to believe it (design 6).

Boards without a clock battery boot in 1970. Who vouches for the time is decided in `reckoning`; here are the system's
clocks, the log of what changed, and one delay: where records of ours wait to be written again with true dates, the core
is told that the clock is trusted only when that is done (`hold_back`, `let_go`), or they would expire before.
Who calls: the engine with every event, the board, the daemon, and the store's writer from its own thread.
"""

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hartig_node.reckoning import APART_MS_MAX, RELEASE_MS, ClockTrust, Moment, Reading, Reckoning, Source
from hartig_protocol.events import Now

logger = logging.getLogger(__name__)

_TIME_ERROR = 5  # adjtimex(2): "the system clock is not synchronized to a reliable server"
_TIMEX_BYTES = 512  # struct timex has 208 bytes on 64-bit Linux; room to spare
_TIMESYNC_MARK = Path("/run/systemd/timesync/synchronized")
_ASK_EVERY_S = 30.0
_QUICK_MS = 1_000  # for so long the last answer is counted on, as long as the system's clock runs on as it did
_STEP_MS_MAX = 20
_NOT_QUICK = (0, 0, -1, False, False)
_LIBC = ctypes.CDLL(None, use_errno=True)  # the C library that this process has loaded already


def is_synchronised() -> bool:
    """Tell whether the system says that its clock is synchronised (adjtimex, or systemd-timesyncd's mark)."""
    if _TIMESYNC_MARK.exists():
        return True
    state: int = _LIBC.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= state < _TIME_ERROR


def founding_ms() -> int:
    """Return the time for the first records of a network: a person sits before this machine and sees its clock."""
    return max(int(time.time() * 1000), RELEASE_MS)  # noqa: TID251 - the system's clock itself is wanted


class Clock:
    """Says what time it is, and who vouches for it. `wall` and `steady` are seconds, for tests."""

    def __init__(
        self,
        trust: ClockTrust = "auto",
        wall: Callable[[], float] = time.time,  # noqa: TID251 - the one place that asks the system
        steady: Callable[[], float] = time.monotonic,
        synchronised: Callable[[], bool] = is_synchronised,
    ) -> None:
        self._wall, self._steady, self._synchronised = wall, steady, synchronised
        self._lock = threading.Lock()  # the store's writer reads from its own thread
        self._reckoning = Reckoning(trust, int(steady() * 1000))
        self._asked_s, self._answer = float("-inf"), False
        self._said: tuple[Reading, int] | None = None  # the last reading, and when on the steady clock
        self._held_back = False
        # The last answer of `now`: gap of the clocks, time less steady, until when, trusted, first hand. One tuple, so
        # that it is read whole without the lock: the engine asks with every event.
        self._quick = _NOT_QUICK
        self.on_trust: Callable[[], None] = lambda: None  # called when a person or hubs may have made it trusted

    def __repr__(self) -> str:
        return f"<Clock {self.reading().source.value}{' held back' if self._held_back else ''}>"

    # --- What time it is

    def now(self) -> Now:
        """Return both clocks in ms, and whether things may expire by the first."""
        wall_ms, steady_ms = at = int(self._wall() * 1000), int(self._steady() * 1000)
        gap_ms, ahead_ms, until_ms, trusted, first_hand = self._quick
        if steady_ms > until_ms or not -_STEP_MS_MAX < wall_ms - steady_ms - gap_ms < _STEP_MS_MAX:
            with self._lock:
                reading = self._read(Moment(*at))
                trusted = reading.trusted and not self._held_back
                first_hand = reading.source is not Source.HUBS
                ahead_ms = reading.wall_ms - steady_ms
                self._quick = (wall_ms - steady_ms, ahead_ms, steady_ms + _QUICK_MS, trusted, first_hand)
        return Now(steady_ms + ahead_ms, steady_ms, trusted, first_hand)

    def is_trusted(self) -> bool:
        """Tell whether things may expire by this clock."""
        return self.now().trusted

    def reading(self) -> Reading:
        """Return the time that goes into records, and who vouches for it."""
        with self._lock:
            return self._read(self._moment())

    # --- What the hub learns

    def start_from(self, known_ms: int | None, stamp_ms: int) -> None:
        """Begin with the last known time that the store holds, if any, and the newest of our own stamps."""
        with self._learning() as at:
            self._reckoning.stored(known_ms, stamp_ms, at)
            if known_ms is not None:
                self._said = (Reading(known_ms, Source.NOBODY), at.steady_ms)

    def saw(self, stamp_ms: int) -> None:
        """Lift the time that nobody vouches for: this stamp, our own or a hub's whose word counts, is past."""
        with self._learning() as at:
            self._reckoning.witnessed(stamp_ms, at)

    def heard(self, hub: bytes, wall_ms: int, *, trusted: bool) -> None:
        """Take what a hub says, which seats or organisers granted; call it when its hello was heard."""
        with self._learning() as at:
            self._reckoning.heard(hub, wall_ms, at, trusted=trusted)
        self.on_trust()

    def retain(self, keep: Callable[[bytes], bool]) -> None:
        """Forget what hubs said whose word does not count any more."""
        with self._learning():
            self._reckoning.retain(keep)

    def confirm(self, time_ms: int | None = None) -> None:
        """Take a person's word that the time shown is right, or that this is the time; until the next start."""
        with self._learning() as at:
            shown = self._read(at)
            if time_ms is not None:
                self._reckoning.confirmed(time_ms, at)
            elif shown.source is not Source.SYSTEM:
                self._reckoning.confirmed(shown.wall_ms, at)
        self.on_trust()

    # --- The delay before the core is told

    @property
    def is_held_back(self) -> bool:
        """Whether the core is not told yet that this clock is trusted."""
        return self._held_back

    def hold_back(self) -> None:
        """Let the core expire nothing, also by a trusted clock, until `let_go`."""
        with self._learning():
            self._held_back = True

    def let_go(self) -> None:
        """Tell the core from now on as it is."""
        with self._learning():
            self._held_back = False

    # --- Inside

    @contextmanager
    def _learning(self) -> Iterator[Moment]:
        """Hold the lock while something is learnt; afterwards everything is asked anew."""
        with self._lock:
            yield self._moment()
            self._quick = _NOT_QUICK

    # --- With the lock held

    def _moment(self) -> Moment:
        return Moment(int(self._wall() * 1000), int(self._steady() * 1000))

    def _read(self, at: Moment) -> Reading:
        """Read; the system is asked at most every half minute whether its clock is right."""
        steady_s = at.steady_ms / 1000
        if self._reckoning.setting == "auto" and steady_s - self._asked_s >= _ASK_EVERY_S:
            self._asked_s, self._answer = steady_s, self._synchronised()
        reading = self._reckoning.read(at, synchronised=self._answer)
        self._note(reading, at.steady_ms)
        return reading

    def _note(self, reading: Reading, steady_ms: int) -> None:
        """Log when somebody else vouches for the time than before, and when it went back; it orders no records."""
        before = self._said
        self._said = (reading, steady_ms)
        if before is None:
            return
        last, last_steady_ms = before
        if reading.source is not last.source:
            logger.info("the time is vouched for by: %s", reading.source.value)
        back_ms = last.wall_ms + steady_ms - last_steady_ms - reading.wall_ms
        if back_ms > APART_MS_MAX:
            logger.warning("the time went back by %d seconds (now by: %s)", back_ms // 1000, reading.source.value)
