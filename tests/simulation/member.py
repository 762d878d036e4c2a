"""Who lives in a world: one hub with its disk and its links, and one direction of a link.

In: nothing. Out: what `world` moves, `story` troubles and `invariants` look at.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from hartig_protocol.events import Action
from hartig_protocol.records.record import Wire
from support.cores import Core

Lie = Callable[[bytes], list[bytes]]


@dataclass(eq=False)
class Member:
    """One hub of the neighbourhood, alive or not.

    `place` is its own; `number` is its key's, which a clone shares. `lie` turns a frame into those that it sends in its
    place, `altered_rows` what it reads from its store.
    """

    core: Core
    place: int
    ahead_ms: int = 0
    trusted: bool = True
    is_up: bool = False
    is_retired: bool = False
    life: int = 0
    pipeline: deque[Action] = field(default_factory=deque)
    is_committing: bool = False
    links: dict[int, "Member"] = field(default_factory=dict)
    wanted: tuple[bytes, ...] = ()
    timer_ms: int | None = None
    has_lied: bool = False
    was_put_back: bool = False  # to an older disk
    lie: Lie | None = None
    altered_rows: Callable[[tuple[Wire, ...]], tuple[Wire, ...]] | None = None

    def __repr__(self) -> str:
        return f"<Member {self.place} {'up' if self.is_up else 'down'} {len(self.links)} links>"

    @property
    def number(self) -> int:
        return self.core.number


@dataclass(eq=False)
class Way:
    """One direction of a link: when its last frame comes, and what is held up while the way is blocked.

    `said` is the CRC-32 of all frames so far, which a liar knows, too. `together` is what was said last, at `said_ms`.
    """

    last_ms: int = 0
    said: int = 0
    said_ms: int = -1
    together: list[bytes] = field(default_factory=list)
    held: deque[bytes] = field(default_factory=deque)
