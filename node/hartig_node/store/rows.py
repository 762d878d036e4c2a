"""Records, entries and notices <-> rows.

In: a `Commit` of the core. Out: a `Change`, the same as plain tuples, made before the first await: the core goes on
changing its entries while the commit waits for its turn. And back: entries, wires and feed lines from rows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple, overload

from hartig_node.ports import FeedItem
from hartig_node.store.facts import PostFacts, StepFacts, post_facts, step_facts
from hartig_protocol.catalog.entry import Body, Entry
from hartig_protocol.events import Commit, Cursor, Notice, PrivateRow, Told
from hartig_protocol.limits import TOLD_PER_PEER_MAX
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.values import value

ENTRY_COLUMNS = "n, id, kind, author, thread, place, audience, seq, prev, stamp, expires, ends, body_state, running"
RECORD_COLUMNS = f"{ENTRY_COLUMNS}, head, signature, body"
WIRE_COLUMNS = "head, signature, body"
_HERE, _GONE = int(Body.HERE), int(Body.GONE)
_BODY = Entry._fields.index("body")


class RecordRow(NamedTuple):
    """One row of `records`, in the order of `RECORD_COLUMNS`."""

    n: int
    id: bytes
    kind: int
    author: bytes
    thread: bytes
    place: int | None
    audience: str | bytes
    seq: int
    prev: bytes | None
    stamp: int
    expires: int | None
    ends: bool
    body_state: int
    running: bytes
    head: bytes
    signature: bytes
    body: bytes | None

    @classmethod
    def of(cls, entry: Entry, record: Record) -> "RecordRow":
        """Describe an accepted record; the columns come from the entry, in its order, the bytes from the record."""
        body = record.body_bytes
        return cls._make(
            (*entry[:_BODY], _body_state(entry, body), entry.running, record.head_bytes, record.signature, body)
        )

    @property
    def wire(self) -> Wire:
        """The record as it travels."""
        return (self.head, self.signature, self.body)


def _body_state(entry: Entry, body: bytes | None) -> int:
    """Say whether the bytes are here. The entry may know already that they are due to go; that commit follows."""
    if body is not None:
        return _HERE
    return _GONE if entry.body is Body.HERE else int(entry.body)


def entry_of(row: tuple[Any, ...]) -> Entry:
    """Read the columns of `ENTRY_COLUMNS`; raises `ValueError` for a state of bodies that there is not."""
    columns = [*row]
    columns[11:13] = bool(row[11]), Body(row[12])
    return Entry._make(columns)


def entries_of(rows: Iterable[tuple[Any, ...]]) -> Iterator[Entry]:
    """Read many rows of `ENTRY_COLUMNS`, quickly: `ends` and `body` stay plain numbers, which nobody has looked at."""
    return map(partial(tuple.__new__, Entry), rows)


class Added(NamedTuple):
    """An accepted record with what it is found by, if it is a post or a step."""

    row: RecordRow
    post: PostFacts | None
    step: StepFacts | None


@value
class Change:
    """A `Commit` as plain values.

    `added` holds at most one row for an id: the last. `balance` says for each id that was added or removed how often
    it was added, less how often it was removed: a record may come and go within one step, and only its order in the
    core would tell which came first. With the count and with what was held before, the outcome is certain.
    """

    added: dict[bytes, Added]
    balance: dict[bytes, int]
    last: tuple[int, bytes] | None  # highest arrival number given, and the running hash there
    bodies_added: tuple[tuple[bytes, bytes], ...]
    bodies_removed: tuple[bytes, ...]
    cursors: tuple[Cursor, ...]
    told: tuple[Told, ...]
    private: tuple[PrivateRow, ...]
    notices: tuple[Notice, ...]

    @classmethod
    def of(cls, commit: Commit) -> "Change":
        """Copy what the commit says now."""
        bodies_added, bodies_removed = _bodies(commit) if commit.bodies_added or commit.bodies_removed else ((), ())
        newest = max([entry for entry, _ in commit.added], key=attrgetter("n")) if commit.added else None
        return cls(
            added={
                entry.id: Added(RecordRow.of(entry, record), post_facts(record, entry.n), step_facts(record, entry.n))
                for entry, record in commit.added
            },
            balance=_balance(commit) if commit.added or commit.removed else {},
            last=None if newest is None else (newest.n, newest.running),
            bodies_added=bodies_added,
            bodies_removed=bodies_removed,
            cursors=tuple({cursor.peer: cursor for cursor in commit.cursors}.values()),
            told=_newest_told(commit.told),
            private=tuple(commit.private),
            notices=tuple(commit.notices),
        )

    @property
    def only_frees(self) -> bool:
        """Whether it takes hardly any room and claims nothing: what a full disk still lets pass."""
        claims = self.added or self.bodies_added or self.cursors or self.told
        return not claims and all(row.value is None for row in self.private)

    @property
    def forgets(self) -> bool:
        """Whether anything goes that may not be found in any file afterwards."""
        goes = any(balance < 0 for balance in self.balance.values()) or any(row.value is None for row in self.private)
        return goes or bool(self.bodies_removed)

    @property
    def touched(self) -> set[object]:
        """The ids and private keys that it changes: a later change of the same must not overtake it."""
        return {
            *self.balance,
            *(record_id for record_id, _ in self.bodies_added),
            *self.bodies_removed,
            *((row.space, row.key) for row in self.private),
        }


def _balance(commit: Commit) -> dict[bytes, int]:
    balance = Counter([entry.id for entry, _ in commit.added])
    balance.subtract(commit.removed)
    return dict(balance)


def _newest_told(told: list[Told]) -> tuple[Told, ...]:
    """Leave out what would be written and fall out at once: of each peer the newest are kept."""
    if len(told) <= TOLD_PER_PEER_MAX:
        return tuple(told)
    by_peer: dict[bytes, dict[int, Told]] = {}
    for one in told:
        by_peer.setdefault(one.peer, {})[one.n] = one
    return tuple(some[n] for some in by_peer.values() for n in sorted(some)[-TOLD_PER_PEER_MAX:])


def _bodies(commit: Commit) -> tuple[tuple[tuple[bytes, bytes], ...], tuple[bytes, ...]]:
    """Return the bodies that come and the ids of those that go.

    A body comes and goes in turns, so what does both as often is where it was, and else only the last turn counts.
    """
    turns = Counter([record.id for record in commit.bodies_added])
    turns.subtract(commit.bodies_removed)
    coming = {record.id: record.body_bytes for record in commit.bodies_added if turns[record.id] > 0}
    removed = tuple(record_id for record_id, balance in turns.items() if balance < 0)
    return tuple((record_id, body) for record_id, body in coming.items() if body is not None), removed


class FeedLines(Sequence[FeedItem]):
    """The notices of a commit, numbered. An item is made when somebody reads it, since mostly nobody does."""

    def __init__(self, first_seq: int, notices: Sequence[Notice]) -> None:
        self._first_seq = first_seq
        self._notices = notices

    def __len__(self) -> int:
        return len(self._notices)

    @overload
    def __getitem__(self, index: int) -> FeedItem: ...
    @overload
    def __getitem__(self, index: slice) -> list[FeedItem]: ...
    def __getitem__(self, index: int | slice) -> FeedItem | list[FeedItem]:
        """Make one item, or those of a slice."""
        place = range(len(self._notices))[index]
        if isinstance(place, range):
            return [self[one] for one in place]
        return FeedItem(self._first_seq + place, *self._notices[place])

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows of the table `feed`."""
        return [(seq, *notice) for seq, notice in enumerate(self._notices, self._first_seq)]
