"""The node's two clocks, and whether the wall clock may be trusted (design, section 6).

Boards without a clock battery boot in 1970. A clock is trusted when the kernel says that it is synchronised, or when
a person confirmed it in the configuration. Until then it is the latest of the system's time, the time of this
release, and the newest time that this hub has seen, counted on from its start; and nothing expires by it.
"""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from hartig_protocol.events import Now

ClockTrust = Literal["auto", "trusted", "untrusted"]

# The release's own date (2026-11-22): no true time lies before it.
RELEASE_MS = 1_795_305_600_000
_TIME_ERROR = 5  # adjtimex(2): "the system clock is not synchronized to a reliable server"
_TIMEX_BYTES = 512  # struct timex has 208 bytes on 64-bit Linux; room to spare
_TIMESYNC_MARK = Path("/run/systemd/timesync/synchronized")
_ASK_EVERY_S = 30.0
_LIBC = ctypes.CDLL(None, use_errno=True)  # the C library that this process has loaded already


def is_synchronised() -> bool:
    """Tell whether the system says that its clock is synchronised (adjtimex, or systemd-timesyncd's mark)."""
    if _TIMESYNC_MARK.exists():
        return True
    state: int = _LIBC.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return 0 <= state < _TIME_ERROR


class Clock:
    """Says what time it is, and how far that may be believed.

    `seen_ms` is the newest time known from our own store; `wall` and `steady` are seconds, for tests.
    """

    def __init__(
        self,
        trust: ClockTrust = "auto",
        seen_ms: int = 0,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - the one place that asks the system
        steady: Callable[[], float] = time.monotonic,
        synchronised: Callable[[], bool] = is_synchronised,
    ) -> None:
        self._trust = trust
        self._wall, self._steady, self._synchronised = wall, steady, synchronised
        self._started_s = steady()
        self._floor_ms = max(seen_ms, RELEASE_MS)
        self._asked_s = float("-inf")
        self._answer = False

    def __repr__(self) -> str:
        return f"<Clock {'trusted' if self.is_trusted() else 'untrusted'}>"

    def saw(self, stamp_ms: int) -> None:
        """Lift the untrusted clock to a time that was seen for sure (our own last stamp)."""
        up_ms = int((self._steady() - self._started_s) * 1000)
        self._floor_ms = max(self._floor_ms, stamp_ms - up_ms)

    def is_trusted(self) -> bool:
        """Tell whether things may expire by this clock; the system is asked at most every half minute."""
        if self._trust != "auto":
            return self._trust == "trusted"
        now_s = self._steady()
        if now_s - self._asked_s >= _ASK_EVERY_S:
            self._asked_s, self._answer = now_s, self._synchronised()
        return self._answer

    def now(self) -> Now:
        """Return both clocks in ms."""
        steady_s = self._steady()
        wall_ms = int(self._wall() * 1000)
        trusted = self.is_trusted()
        if not trusted:
            wall_ms = max(wall_ms, self._floor_ms + int((steady_s - self._started_s) * 1000))
        return Now(wall_ms, int(steady_s * 1000), trusted)
