"""The waiting place: authentic records that lack their body, predecessor, register or proof (SPEC, part W).

Bounded per neighbour. What waits holds that neighbour's cursor, is not shown, spread, audited or counted, and is
tried again when what it waits for may have come.
"""

from hartig_protocol.limits import WAITING_PER_PEER_MAX
from hartig_protocol.records.record import Kind, Record, thread_due


class WaitingPlace:
    """Per neighbour, in order of arrival: what waits, and for what."""

    def __init__(self) -> None:
        self._by_peer: dict[bytes, dict[bytes, tuple[Record, tuple[str, bytes]]]] = {}

    def __repr__(self) -> str:
        return f"<WaitingPlace {len(self)} records>"

    def __len__(self) -> int:
        return sum(len(held) for held in self._by_peer.values())

    def count(self, peer: bytes) -> int:
        """How many records of this neighbour wait."""
        return len(self._by_peer.get(peer, ()))

    def add(self, peer: bytes, record: Record, waits_for: tuple[str, bytes]) -> bool:
        """Set a record aside; false where this neighbour's room is full and the record was let go."""
        held = self._by_peer.setdefault(peer, {})
        if record.id not in held and len(held) >= WAITING_PER_PEER_MAX:
            return False
        held[record.id] = (record, waits_for)
        return True

    def remove(self, record_id: bytes) -> None:
        """Let go of a record, whoever sent it."""
        for peer in list(self._by_peer):
            self._by_peer[peer].pop(record_id, None)
            self._tidy(peer)

    def forget_peer(self, peer: bytes) -> None:
        """Let go of all that a neighbour sent: what it knows it can send again."""
        self._by_peer.pop(peer, None)

    def peers(self) -> list[bytes]:
        """Under whose names anything waits."""
        return sorted(self._by_peer)

    def ids(self, peer: bytes) -> frozenset[bytes]:
        """What of this neighbour waits."""
        return frozenset(self._by_peer.get(peer, ()))

    def held(self, peer: bytes) -> list[tuple[Record, tuple[str, bytes]]]:
        """What of this neighbour waits, in order of arrival, and for what."""
        return list(self._by_peer.get(peer, {}).values())

    def forget_as_of(self, peer: bytes, hour_ms: int, among: frozenset[bytes]) -> None:
        """Let go of what an audit of this neighbour's set as of an hour has looked at; the rest goes on waiting."""
        held = self._by_peer.get(peer, {})
        over = [key for key, item in held.items() if key in among and _is_inside(item[0], hour_ms)]
        for key in over:
            del held[key]
        self._tidy(peer)

    def forget_thread(self, thread: bytes) -> None:
        """Let go of the steps of a thread that is known to be superseded."""
        for peer in list(self._by_peer):
            held = self._by_peer[peer]
            for record, _ in list(held.values()):
                if record.head.is_chain and record.head.thread == thread:
                    del held[record.id]
            self._tidy(peer)

    def release(self, keys: set[tuple[str, bytes]], *, proofs: bool) -> list[tuple[bytes, Record]]:
        """Take out what waits for one of `keys`, and with `proofs` all that waits for a proof, to be tried again."""
        out = []
        for peer in list(self._by_peer):
            for record, waits_for in list(self._by_peer[peer].values()):
                if waits_for in keys or (proofs and waits_for[0] == "proof"):
                    del self._by_peer[peer][record.id]
                    out.append((peer, record))
            self._tidy(peer)
        return out

    def release_peer(self, peer: bytes) -> list[Record]:
        """Take out all of one neighbour's, when time itself may have completed it."""
        return [record for record, _ in self._by_peer.pop(peer, {}).values()]

    def _tidy(self, peer: bytes) -> None:
        if not self._by_peer.get(peer):
            self._by_peer.pop(peer, None)


def _is_inside(record: Record, hour_ms: int) -> bool:
    due_ms = thread_due(record.head.expires)
    is_written = record.head.stamp < hour_ms or record.head.kind == Kind.CHARTER
    return is_written and (due_ms is None or due_ms > hour_ms)
