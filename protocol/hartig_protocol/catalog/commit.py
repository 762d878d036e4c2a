"""What one step of the core makes durable, and the clocks that it was judged by.

`Commit` is the first of the actions; it stands down here because the catalog writes its changes into it.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from hartig_protocol.catalog.entry import Entry
from hartig_protocol.records.record import Record
from hartig_protocol.values import value


@value
class Now:
    """The two clocks of a hub at one moment.

    `wall_ms`: milliseconds since 1970, which may jump. `trusted`: whether it may be used to let things expire.
    `steady_ms`: milliseconds of a clock that never jumps; its zero means nothing. `first_hand`: whether the trust comes
    from the system or a person; what other hubs have told is not told on as if we knew it.
    """

    wall_ms: int
    steady_ms: int
    trusted: bool = True
    first_hand: bool = True


@value
class PrivateRow:
    """A row that never travels: a token, an invite, a pick-up word, the log of what we signed. None deletes it."""

    space: str
    key: bytes
    value: bytes | None
    expires_ms: int | None = None


class Notice(NamedTuple):
    """One line of the feed. `name` is stable (`post.added` ...); the store numbers it when it commits."""

    name: str
    at_ms: int
    thread: bytes = b""
    record: bytes = b""
    kind: int = 0
    peer: bytes = b""


@value
class Cursor:
    """We hold everything that `peer` had accepted through `n` of its store `epoch`; `check` is its running hash."""

    peer: bytes
    epoch: bytes
    n: int
    check: bytes


@value
class Told:
    """We told `peer` "complete through n", when our running hash was `check`."""

    peer: bytes
    n: int
    check: bytes


@dataclass
class Commit:
    """Everything of one step that must be durable before anything after it is sent or told.

    All of it goes into one transaction; a commit that is repeated changes nothing more.
    """

    added: list[tuple[Entry, Record]] = field(default_factory=list)
    bodies_added: list[Record] = field(default_factory=list)
    removed: list[bytes] = field(default_factory=list)
    bodies_removed: list[bytes] = field(default_factory=list)
    cursors: list[Cursor] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    private: list[PrivateRow] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def __bool__(self) -> bool:
        records = self.added or self.removed or self.bodies_added or self.bodies_removed
        return bool(records or self.cursors or self.told or self.private or self.notices)
