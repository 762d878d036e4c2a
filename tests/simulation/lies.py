"""Hubs that lie: each lie turns one frame that an honest core wanted to send into what goes out in its place.

In: frames. Out: frames, none or several. A lying hub is a member with a good key: what it says must cost the others
one link, one record or one question, and never a record that somebody acknowledged. `LIES` is the table. What a liar
says is `consistent`: the check of a link is against faults, and no lie shows in it.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from random import Random
from typing import Any

from hartig_protocol.limits import HOUR_MS
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.messages import (
    Ack,
    Audit,
    Checked,
    Equal,
    Have,
    Hello,
    Ids,
    Lack,
    Ping,
    Prefer,
    Pull,
    Records,
    Sketch,
    Through,
    Want,
)
from simulation.remembered import unpack

Lie = Callable[[bytes], list[bytes]]
FLOOD_FRAMES = 6  # more for each honest one
FLOOD_FRAMES_MAX = 240

_AUDIT = frozenset({Audit, Sketch, Ids, Lack})


def consistent(frame: bytes, said: int) -> bytes:
    """Return a frame with the check of what really went out before it."""
    message = unpack(frame)
    return pack(replace(message, said=said)) if isinstance(message, Checked) else frame


def twice(random: Random) -> Lie:
    """Some frames come twice."""
    return lambda frame: [frame, frame] if random.random() < 0.3 else [frame]


def late(random: Random) -> Lie:
    """Some frames come after the one that was said after them."""
    kept: list[bytes] = []

    def lie(frame: bytes) -> list[bytes]:
        if not kept and random.random() < 0.3:
            kept.append(frame)
            return []
        out = [frame, *kept]
        kept.clear()
        return out

    return lie


def never(random: Random) -> Lie:
    """Some frames never come, and the link stands."""
    return lambda frame: [] if random.random() < 0.2 else [frame]


def without_acknowledging(_random: Random) -> Lie:
    """Nothing is ever acknowledged."""
    return lambda frame: [] if type(unpack(frame)) is Ack else [frame]


def flooding(random: Random) -> Lie:
    """Questions and names without end, all of what does not exist."""
    left = [FLOOD_FRAMES_MAX]

    def lie(frame: bytes) -> list[bytes]:
        if type(unpack(frame)) is Hello or not left[0]:
            return [frame]
        left[0] -= FLOOD_FRAMES
        return [frame, *(pack(_anything(random)) for _ in range(FLOOD_FRAMES))]

    return lie


def _anything(random: Random) -> Any:
    eights = random.randbytes(8 * random.randint(1, 40))
    return random.choice(
        [
            Want(tuple(random.randbytes(32) for _ in range(20))),
            Pull(eights),
            Have(eights, *(random.random() < 0.5 for _ in fields(Have)[1:])),
            Prefer(eights, random.random() < 0.5),
            Ping(random.getrandbits(40)),
            Records(random.choice([0, 2]), ((b"nothing", b"at all", None), [1]), final=False),
        ]
    )


def _changing(change: Callable[[Random, Any], Any]) -> Callable[[Random], Lie]:
    """Make a lie of a function that returns a message in the place of another."""

    def lying(random: Random) -> Lie:
        return lambda frame: [pack(change(random, unpack(frame)))]

    lying.__name__ = change.__name__
    lying.__doc__ = change.__doc__
    return lying


@_changing
def far_through(random: Random, message: Any) -> Any:
    """Says "complete through" much more than it has sent, or with another running hash."""
    if type(message) is not Through:
        return message
    if random.random() < 0.5:
        return replace(message, n=message.n + random.randint(1, 40), final=True)
    return replace(message, check=random.randbytes(16))


@_changing
def naming_nothing(random: Random, message: Any) -> Any:
    """Names records that do not exist, wherever records are named."""
    match message:
        case Have():
            return replace(message, short=message.short + random.randbytes(24))
        case Ids(as_of, ids, final):
            return Ids(as_of, tuple(sorted({*ids, random.randbytes(32)})), final)
        case Hello():
            return replace(message, newest=random.randbytes(32))
        case Lack(as_of, _, final):
            return Lack(as_of, random.randbytes(60), final)
        case _:
            return message


@_changing
def wrong_count(random: Random, message: Any) -> Any:
    """Audits with another count, another fingerprint or another hour."""
    if type(message) is not Audit:
        return message
    return random.choice(
        [
            replace(message, count=random.randint(0, 200)),
            replace(message, fingerprint=random.randbytes(16)),
            replace(message, as_of=message.as_of + random.choice([-2, -1, 1, 5]) * HOUR_MS),
        ]
    )


@_changing
def wrong_symbols(random: Random, message: Any) -> Any:
    """Sketches of nothing, or of many ids that are none."""
    if type(message) is not Sketch:
        return message
    return random.choice(
        [
            replace(message, symbols=random.randbytes(len(message.symbols))),
            replace(message, count=random.randint(0, 10**6)),
            replace(message, symbols=message.symbols[:-1]),
        ]
    )


@_changing
def always_equal(_random: Random, message: Any) -> Any:
    """Every audit is answered with "equal"."""
    return Equal(message.as_of) if type(message) in _AUDIT else message


@_changing
def empty_answers(_random: Random, message: Any) -> Any:
    """Frames of records come without the records."""
    return replace(message, records=()) if type(message) is Records else message


@_changing
def strange_hello(random: Random, message: Any) -> Any:
    """Greets with a cursor, a count and a time that are none."""
    if type(message) is not Hello:
        return message
    epoch = random.choice([message.epoch, random.randbytes(16)])
    return replace(
        message,
        cursor=(epoch, random.randint(0, 60), random.randbytes(16)),
        count=random.choice([0, 10**9]),
        time=random.choice([0, 2**52]),
        eager=random.random() < 0.5,
        alone=True,
    )


LIES: tuple[Callable[[Random], Lie], ...] = (
    twice,
    late,
    never,
    without_acknowledging,
    flooding,
    far_through,
    naming_nothing,
    wrong_count,
    wrong_symbols,
    always_equal,
    empty_answers,
    strange_hello,
)
