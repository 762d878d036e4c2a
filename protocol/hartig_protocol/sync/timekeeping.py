"""What other hubs' clocks are worth (SPEC, part L).

In: the hello of a hub that was just judged; and, from the node's clock, what was heard so far. Out: the order
`TimeHeard`; and what the hubs agree on. Who calls: `greeting` with every hello; the node's clock, which decides.

Think like an enemy. A hub can say any time: so one is never enough, it counts once however often it greets, and only if
a seat or an organiser granted it (a hub can invite any number of others, an organiser is somebody). Its clock must be
trusted first hand, or three liars who have won one hub would have won a fourth voice. Those who agree must be more than
half of all that were heard, so two camps of three move nothing. Against a lying majority among three there is no help.
"""

from collections.abc import Iterable, Sequence

from hartig_protocol.events import Now, TimeHeard
from hartig_protocol.limits import TIME_KEPT_MS, TIMES_APART_MS_MAX, TIMES_NEEDED
from hartig_protocol.records.governance import Rank
from hartig_protocol.sync.messages import Hello
from hartig_protocol.sync.state import Step, SyncState
from hartig_protocol.values import value


@value
class HeardTime:
    """What one hub said: `ahead_ms`, its time less our steady clock's at that moment, which was `heard_ms`."""

    ahead_ms: int
    heard_ms: int


def heard(state: SyncState, step: Step, hello: Hello) -> None:
    """Tell the node what time a hub says it is, if that hub's word on time counts."""
    if counts(state, hello.hub):
        step.order(TimeHeard(hello.hub, hello.time, hello.trusted))


def vouched(now: Now) -> bool:
    """Tell what a hello says as `trusted`: whether we know the time ourselves, from the system or from a person."""
    return now.trusted and now.first_hand


def counts(state: SyncState, hub: bytes) -> bool:
    """Tell whether a key's word on time counts: it is a seat, or its standing grant is a seat's or an organiser's."""
    catalog = state.catalog
    standing = catalog.authority.standing(hub)
    if standing is None or standing.grant is None:
        return standing is not None
    author = catalog.authority.standing(catalog.governance[standing.grant].head.author)
    return author is not None and author.rank >= Rank.ORGANISER


def agreed_ahead_ms(answers: Iterable[HeardTime], steady_ms: int) -> int | None:
    """Return by how much the true time is ahead of the steady clock, if enough hubs agree on it; else None.

    Args:
        answers: the last word of each hub whose own clock is trusted.
        steady_ms: the moment; what is older than a day is left out.
    """
    fresh = sorted(one.ahead_ms for one in answers if steady_ms - one.heard_ms < TIME_KEPT_MS)
    if len(fresh) < TIMES_NEEDED:
        return None
    middle = _middle(fresh)
    near = [one for one in fresh if abs(one - middle) <= TIMES_APART_MS_MAX]
    return _middle(near) if len(near) >= TIMES_NEEDED and 2 * len(near) > len(fresh) else None


def _middle(rising: Sequence[int]) -> int:
    """Return the lower median of sorted numbers; `statistics` would cost the memory of four modules."""
    return rising[(len(rising) - 1) // 2]
