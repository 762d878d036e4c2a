"""The waiting place: authentic records that lack their body, predecessor, register or proof (SPEC, part W).

Bounded per neighbour. What waits holds that neighbour's cursor, is not shown, spread, audited or counted. When what it
waits for may have come it is *ready*: it goes on waiting until `take_ready` takes it out, a few at a time, to be tried
again. So however many wait for one key, nothing is held up by it.
"""

from collections.abc import Iterable

from hartig_protocol.limits import WAITING_PER_PEER_MAX
from hartig_protocol.records.record import Kind, Record, thread_due

Key = tuple[str, bytes]  # what is lacking, and of what
_PROVEN_ALONE = frozenset({Kind.GRANT, Kind.REVOKE})


class WaitingPlace:
    """Per neighbour, in order of arrival: what waits, and for what.

    `is_worked_on` is for whoever takes out what is ready: whether it has been told to go on.
    """

    def __init__(self) -> None:
        self._by_peer: dict[bytes, dict[bytes, tuple[Record, Key]]] = {}
        self._by_key: dict[Key, dict[tuple[bytes, bytes], None]] = {}
        self._ready: dict[tuple[bytes, bytes], None] = {}
        self.is_worked_on = False

    def __repr__(self) -> str:
        return f"<WaitingPlace {len(self)} records>"

    def __len__(self) -> int:
        return sum(len(held) for held in self._by_peer.values())

    def count(self, peer: bytes) -> int:
        """How many records of this neighbour wait."""
        return len(self._by_peer.get(peer, ()))

    def add(self, peer: bytes, record: Record, waits_for: Key) -> bool:
        """Set a record aside; false where this neighbour's room is full and the record was let go."""
        held = self._by_peer.setdefault(peer, {})
        if record.id in held:
            self._let_go(peer, record.id)
        elif len(held) >= WAITING_PER_PEER_MAX:
            return False
        self._by_peer.setdefault(peer, held)[record.id] = (record, waits_for)
        for key in _keys_of(record, waits_for):
            self._by_key.setdefault(key, {})[peer, record.id] = None
        return True

    def forget_peer(self, peer: bytes) -> None:
        """Let go of all that a neighbour sent: what it knows it can send again."""
        for record_id in self.ids(peer):
            self._let_go(peer, record_id)

    def peers(self) -> list[bytes]:
        """Under whose names anything waits."""
        return sorted(self._by_peer)

    def ids(self, peer: bytes) -> frozenset[bytes]:
        """What of this neighbour waits."""
        return frozenset(self._by_peer.get(peer, ()))

    def held(self, peer: bytes) -> list[tuple[Record, Key]]:
        """What of this neighbour waits, in order of arrival, and for what."""
        return list(self._by_peer.get(peer, {}).values())

    def forget_as_of(self, peer: bytes, hour_ms: int, among: frozenset[bytes]) -> None:
        """Let go of what an audit of this neighbour's set as of an hour has looked at; the rest goes on waiting."""
        for record, _ in self.held(peer):
            if record.id in among and _is_inside(record, hour_ms):
                self._let_go(peer, record.id)

    def forget_thread(self, thread: bytes) -> None:
        """Let go of the steps of a thread that is known to be superseded."""
        for peer in list(self._by_peer):
            for record, _ in self.held(peer):
                if record.head.is_chain and record.head.thread == thread:
                    self._let_go(peer, record.id)

    def wake(self, keys: Iterable[Key]) -> None:
        """What waits for one of these is ready."""
        for key in sorted(self._by_key.keys() & keys):
            self._ready.update(self._by_key[key])

    def wake_all(self) -> None:
        """All that waits is ready, since time itself may have completed it."""
        for peer in self.peers():
            self._ready.update(dict.fromkeys((peer, record_id) for record_id in self._by_peer[peer]))

    @property
    def is_ready(self) -> bool:
        """Whether anything is ready."""
        return bool(self._ready)

    def take_ready(self, count: int) -> list[tuple[bytes, Record]]:
        """Take out so many of those that are ready, with the neighbour who sent each, to be tried again."""
        return [self._let_go(*next(iter(self._ready))) for _ in range(min(count, len(self._ready)))]

    def take_ready_of(self, peer: bytes) -> list[tuple[bytes, Record]]:
        """Take out all of this neighbour's that are ready."""
        return [self._let_go(*one) for one in list(self._ready) if one[0] == peer]

    def _let_go(self, peer: bytes, record_id: bytes) -> tuple[bytes, Record]:
        held = self._by_peer[peer]
        record, waits_for = held.pop(record_id)
        if not held:
            del self._by_peer[peer]
        self._ready.pop((peer, record_id), None)
        for key in _keys_of(record, waits_for):
            others = self._by_key[key]
            others.pop((peer, record_id), None)
            if not others:
                del self._by_key[key]
        return peer, record


def _keys_of(record: Record, waits_for: Key) -> set[Key]:
    """Return by what keys a record is found: a grant or a revocation may be proven by whoever it is about, too."""
    is_about = waits_for[0] == "proof" and record.head.kind in _PROVEN_ALONE
    return {waits_for, ("proof", record.head.subject)} if is_about else {waits_for}


def _is_inside(record: Record, hour_ms: int) -> bool:
    due_ms = thread_due(record.head.expires)
    is_written = record.head.stamp < hour_ms or record.head.kind == Kind.CHARTER
    return is_written and (due_ms is None or due_ms > hour_ms)
