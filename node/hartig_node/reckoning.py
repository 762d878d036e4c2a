"""What time it is, as far as this hub can know: pure, from readings of the two clocks that are handed in.

In: readings of the system's clock and of the steady one, whether the system calls its clock synchronised, what a person
or other hubs say, and the newest time that the store knows. Out: the time, and who vouches for it. Who calls: `clock`.

| who vouches | time | until |
|---|---|---|
| the system | its own | 30 days after it last said so, or its clock is set |
| a person, by `clock = "trusted"` | the system's | the next start |
| a person, by `hartig clock confirm` | the system's and an offset | the next start, or the system's clock is set |
| three hubs that agree | the system's and an offset | 30 days after they last agreed, or the system's clock is set |
| nobody | the last time that was known, counted on, and at most 90 days more where somebody's stamp says so | |

The first that can vouch does. Nobody is believed who puts us before the release. A system clock that was set, or a
machine that slept (the steady clock stands still meanwhile), shows in that the two clocks moved apart.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Literal, NamedTuple

from hartig_protocol.limits import DAY_MS, MINUTE_MS, TIME_LIFT_MS_MAX, TIMES_KEPT_MAX
from hartig_protocol.sync.timekeeping import HeardTime, agreed_ahead_ms
from hartig_protocol.values import value

ClockTrust = Literal["auto", "trusted", "untrusted"]

# The release's own date (2026-11-22): no true time lies before it.
RELEASE_MS = 1_795_305_600_000
APART_MS_MAX = MINUTE_MS  # more than this, and the clock was set: a time service slews both clocks alike
TRUST_KEPT_MS = 30 * DAY_MS  # a crystal that is off by 100 ppm is then 4.3 minutes off; records are early from 10 on


class Source(StrEnum):
    """Who vouches for the time."""

    SYSTEM = "system"
    PERSON = "person"
    HUBS = "hubs"
    NOBODY = "nobody"


class Moment(NamedTuple):
    """One reading of the system's clock and of the steady one, in ms."""

    wall_ms: int
    steady_ms: int

    @property
    def gap_ms(self) -> int:
        """What the two clocks are apart; it stays unless one of them jumps."""
        return self.wall_ms - self.steady_ms


@value
class Reading:
    """The time, and who vouches for it."""

    wall_ms: int
    source: Source

    @property
    def trusted(self) -> bool:
        """Whether anybody vouches for it."""
        return self.source is not Source.NOBODY


@value
class _Trust:
    """Somebody vouches: the time is the system's and `offset_ms`, as long as the clocks stay `gap_ms` apart."""

    source: Source
    offset_ms: int
    gap_ms: int
    since_ms: int

    def holds(self, at: Moment) -> bool:
        aged = self.source is not Source.PERSON and at.steady_ms - self.since_ms > TRUST_KEPT_MS
        return not aged and abs(at.gap_ms - self.gap_ms) <= APART_MS_MAX


class Reckoning:
    """All that is known about the time. `setting` is what the configuration says of the system's clock.

    auto: it is right when the system says so. trusted: a person says that it always is. untrusted: it is never
    believed, whatever the system says; a person and other hubs are.
    """

    def __init__(self, setting: ClockTrust, steady_ms: int) -> None:
        self.setting = setting
        self._known = Moment(RELEASE_MS, steady_ms)  # a time that was known for sure, and when
        self._lift_ms = 0
        self._trust: _Trust | None = None
        self._heard: dict[bytes, tuple[HeardTime, int]] = {}  # by hub; with the gap of the clocks at that moment

    def __repr__(self) -> str:
        source = Source.NOBODY if self._trust is None else self._trust.source
        return f"<Reckoning {source.value}, {len(self._heard)} hubs heard, lifted by {self._lift_ms} ms>"

    # --- What becomes known

    def stored(self, known_ms: int | None, stamp_ms: int, at: Moment) -> None:
        """Take the last time that was known and the newest of our own stamps from the store.

        A stamp is only as good as the clock of its day: where a known time is there, it lifts that like any other.
        """
        self._known = Moment(max(RELEASE_MS, stamp_ms if known_ms is None else known_ms), at.steady_ms)
        self.witnessed(stamp_ms, at)

    def witnessed(self, stamp_ms: int, at: Moment) -> None:
        """Take a stamp of our own, or of a hub whose word counts, as a time that is past; lift by at most 90 days."""
        self._lift_ms = max(self._lift_ms, min(stamp_ms - self._counted_on(at), TIME_LIFT_MS_MAX))

    def heard(self, hub: bytes, wall_ms: int, at: Moment, *, trusted: bool) -> None:
        """Take what a hub says: its last word alone counts, and only if it trusts its own clock."""
        self._heard.pop(hub, None)
        if trusted and wall_ms >= RELEASE_MS:
            self._heard[hub] = (HeardTime(wall_ms - at.steady_ms, at.steady_ms), at.gap_ms)
            if len(self._heard) > TIMES_KEPT_MAX:
                del self._heard[next(iter(self._heard))]
            self.witnessed(wall_ms, at)
            self._ask_hubs(at)

    def retain(self, keep: Callable[[bytes], bool]) -> None:
        """Forget what hubs said whose word does not count any more."""
        self._heard = {hub: said for hub, said in self._heard.items() if keep(hub)}

    def confirmed(self, time_ms: int, at: Moment) -> None:
        """Take a person's word that this is the time now."""
        self._trust = _Trust(Source.PERSON, time_ms - at.wall_ms, at.gap_ms, at.steady_ms)

    # --- What follows

    def read(self, at: Moment, *, synchronised: bool) -> Reading:
        """Return the time at a moment; `synchronised` is what the system says of its clock."""
        vouching = self._vouching(at, synchronised=synchronised)
        if vouching is not None:
            self._trust = _Trust(vouching, 0, at.gap_ms, at.steady_ms)
        elif self._trust is not None and not self._trust.holds(at):
            self._trust = None
            self._ask_hubs(at)
        if self._trust is None:
            return Reading(self._counted_on(at) + self._lift_ms, Source.NOBODY)
        wall_ms = at.wall_ms + self._trust.offset_ms
        self._known, self._lift_ms = Moment(wall_ms, at.steady_ms), 0
        return Reading(wall_ms, self._trust.source)

    def _vouching(self, at: Moment, *, synchronised: bool) -> Source | None:
        """Return who says that the system's own clock is right, if anybody does."""
        if at.wall_ms < RELEASE_MS:
            return None
        if self.setting == "auto" and synchronised:
            return Source.SYSTEM
        confirmed = self._trust is not None and self._trust.source is Source.PERSON and self._trust.holds(at)
        return Source.PERSON if self.setting == "trusted" and not confirmed else None

    def _ask_hubs(self, at: Moment) -> None:
        """Believe the hubs if enough agree, unless somebody better vouches; what was heard before a jump is void."""
        if self._trust is not None and self._trust.source is not Source.HUBS:
            return
        said = [heard for heard, gap_ms in self._heard.values() if abs(at.gap_ms - gap_ms) <= APART_MS_MAX]
        ahead_ms = agreed_ahead_ms(said, at.steady_ms)
        if ahead_ms is not None:
            self._trust = _Trust(Source.HUBS, ahead_ms - at.gap_ms, at.gap_ms, at.steady_ms)

    def _counted_on(self, at: Moment) -> int:
        return self._known.wall_ms + at.steady_ms - self._known.steady_ms
