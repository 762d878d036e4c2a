"""The dates of a post, version by version.

In: what a draft or the version before says, and what time it is. Out: facts and body with dates; of an open shelf, when
its level was said last (SPEC N4), so that what was said of it before is over. A change touches what lies ahead only:
dates that have passed, and those that somebody was promised, stay as they are; a rule gives the rest anew whenever a
version is signed, so keeping a post up goes on with its series. Who calls: `posts`.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

from hartig_node.board.drafts.drafts import PostFields, with_closes, wrong
from hartig_node.board.errors import BoardError
from hartig_node.board.repeats.instants import Instants, expand
from hartig_node.board.repeats.recurrence import wrong_rule
from hartig_node.board.repeats.repeating import Series, read_text
from hartig_node.clock import Clock
from hartig_node.reckoning import Reading
from hartig_protocol.limits import DATES_MAX, DAY_MS, LIFE_MS_MAX
from hartig_protocol.records.record import Record
from hartig_protocol.values import value


def merged_dates(before: Iterable[int], said: Iterable[int], now_ms: int, bound: Collection[int] = ()) -> list[int]:
    """Return the dates of a post's next version: those that have passed or are `bound` stay, those ahead are as `said`.

    Of more than 52 the oldest go first, and then the furthest; what is bound by a promise never goes.
    """
    kept = {date for date in before if date <= now_ms or date in bound}
    dates = sorted(kept | {date for date in said if date > now_ms})
    passed = [date for date in dates if date <= now_ms and date not in bound]
    ahead = [date for date in reversed(dates) if date > now_ms and date not in bound]
    dropped = set((passed + ahead)[: max(0, len(dates) - DATES_MAX)])
    return [date for date in dates if date not in dropped]


@value
class Carried:
    """What a post's next version says where nobody changes it; `life_ms` is how long it is to stand if it repeats."""

    facts: dict[str, Any]
    body: dict[str, Any] | bytes | None
    life_ms: int | None = None

    def lasting(self, fields: PostFields) -> PostFields:
        """Return a draft's fields that last as long as the dates, where the draft does not say how long."""
        return fields if self.life_ms is None or fields.says_life else replace(fields, life_ms=self.life_ms)


async def _none_bound(_thread: bytes) -> Collection[int]:
    return ()


class Dating:
    """Gives posts their dates. `bound` tells which dates of a thread somebody was promised; at first, none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.bound: Callable[[bytes], Awaitable[Collection[int]]] = _none_bound

    def first(self, fields: PostFields) -> PostFields:
        """Return the fields of a new post with the dates of its series, and until when people may ask."""
        reading = self._clock.reading()
        if fields.series is not None:
            made = _new(fields.series, reading)
            fields = _with(fields, made.dates, made, reading)
        return _levelled(_closing(fields, reading), reading.wall_ms)

    async def again(self, fields: PostFields, before: Record, said: Collection[str]) -> PostFields:
        """Return the fields of a post's next version; `said` names what of it was said just now."""
        dated = await self._dated_again(fields, before, is_new="repeats" in said)
        reading, level_at = self._clock.reading(), before.head.facts.get("level_at", 0)
        if "level" in said:
            level_at = max(reading.wall_ms, level_at + 1)
        return _levelled(_closing(dated, reading, before.head.expires), level_at)

    async def _dated_again(self, fields: PostFields, before: Record, *, is_new: bool) -> PostFields:
        bound, reading = await self.bound(before.head.thread), self._clock.reading()
        dates_before = before.head.facts.get("dates", [])
        if fields.series is not None:
            made = _new(fields.series, reading) if is_new else _still(fields.series, reading, dates_before)
            return _with(fields, merged_dates(dates_before, made.dates, reading.wall_ms, bound), made, reading)
        said = fields.facts.get("dates", [])
        if len(said) > DATES_MAX:
            raise wrong("dates", f"dates must be a list of at most {DATES_MAX}", "change it, and try again")
        if any(date <= reading.wall_ms and date not in dates_before for date in said):
            raise wrong("dates", "a date that has passed cannot be added", "leave it out")
        return replace(fields, facts=_dated(fields.facts, merged_dates(dates_before, said, reading.wall_ms, bound)))

    async def carried(self, before: Record) -> Carried:
        """Return a version's facts and body as they are, but with the dates that its series gives from now on."""
        facts, body = before.head.facts, before.body or {}
        series = read_text(body.get("repeats"))
        if series is None:
            return Carried(facts, before.body_bytes)
        bound, reading = await self.bound(before.head.thread), self._clock.reading()
        dates_before = facts.get("dates", [])
        made = _still(series, reading, dates_before)
        dates = merged_dates(dates_before, made.dates, reading.wall_ms, bound)
        return Carried(_dated(facts, dates), {**body, "repeats": made.series.as_text()}, _life_ms(made, reading))


def _closing(fields: PostFields, reading: Reading, expires_ms: int | None = None) -> PostFields:
    """Say until when people may ask; a post's next version stands at least until `expires_ms`."""
    end_ms = fields.expires_ms or reading.wall_ms + fields.life_ms
    return with_closes(fields, reading.wall_ms, max(end_ms, expires_ms or 0))


def _levelled(fields: PostFields, level_at_ms: int) -> PostFields:
    """Say of an open shelf when its level was said."""
    is_said = "level" in fields.facts and level_at_ms
    return replace(fields, facts={**fields.facts, "level_at": level_at_ms}) if is_said else fields


def _new(series: Series, reading: Reading) -> Instants:
    """Expand a series that was said just now; one that gives nothing is refused."""
    made = expand(series, reading)
    if not made.dates:
        hint = "look at its days, its UNTIL or COUNT and its start; every Tuesday is FREQ=WEEKLY;BYDAY=TU"
        wrong_rule(f"this gives no date within the next {LIFE_MS_MAX // DAY_MS} days", hint)
    return made


def _still(series: Series, reading: Reading, dates_before: list[int]) -> Instants:
    """Expand a series that was said before; where it cannot be done any more, the dates stay as they are.

    So with a zone that this machine does not know, or a start that lies too far back by a clock that was put forward.
    """
    try:
        return expand(series, reading, is_new=False)
    except BoardError:
        return Instants(dates_before, series)


def _with(fields: PostFields, dates: list[int], made: Instants, reading: Reading) -> PostFields:
    life_ms = None if fields.says_life else _life_ms(made, reading)
    return replace(
        fields,
        facts=_dated(fields.facts, dates),
        body={**fields.body, "repeats": made.series.as_text()},
        life_ms=fields.life_ms if life_ms is None else life_ms,
    )


def _life_ms(made: Instants, reading: Reading) -> int | None:
    """Return how long a post that repeats is to stand: until a day after the last of its dates."""
    is_ahead = bool(made.dates) and made.dates[-1] > reading.wall_ms
    return min(LIFE_MS_MAX, made.dates[-1] + DAY_MS - reading.wall_ms) if is_ahead else None


def _dated(facts: dict[str, Any], dates: list[int]) -> dict[str, Any]:
    others = {name: value for name, value in facts.items() if name != "dates"}
    return {**others, "dates": dates} if dates else others
