"""Where each known node was, is, or is said to be; bounded however much is announced.

Comes in: candidates (from mDNS, cards, invites, codes, a person, an earlier run) and how dials to them went. Goes
out: the order in which to try them. Who calls: the daemon fills it and keeps it across restarts; `dialer.py`
asks and tells; the gate is told for whom it keeps room.

No clock: what was good last is told by a counter, so that a book from an earlier run or another boot needs no
dates.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import IntEnum

from hartig_protocol.values import value

SPACE_ADDRESSES, KEY_GOOD = "address", b"good"  # the private row that keeps what `good_ones` gave
CANDIDATES_MAX = 8  # a node: its addresses on two networks in both families, and as many old ones
NODES_MAX = 2_048  # hubs that one could meet: a network of a thousand, and machines that were replaced


class Source(IntEnum):
    """Who says that a node is there; the lower, the sooner it is tried."""

    MDNS = 0  # announced a moment ago
    TYPED = 1
    INVITE = 2
    PARTNER = 3  # the code that organisers of another network have handed over
    CARD = 4
    REMEMBERED = 5  # of an earlier run

    @property
    def label(self) -> str:
        """The name for status pages and for disk."""
        return self.name.lower()


@value
class Candidate:
    """One place where a node may answer.

    Attributes:
        last_success: number of the book's last success here, 0 for none; a higher one is later.
        failures: dials in a row that failed here.
        added: number of the book's last word of it; a higher one is later.
    """

    host: str
    port: int
    source: Source
    last_success: int = 0
    failures: int = 0
    added: int = 0


def order_to_try(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates as to dial them: the last good one, those that never failed, by source."""
    ranked = sorted(candidates, key=_rank)
    good = max(ranked, key=lambda one: one.last_success, default=None)
    if good is None or good.last_success == 0:
        return ranked
    # A good address that has begun to fail waits its turn: the node may have moved.
    return ranked if good.failures else [good, *(one for one in ranked if one is not good)]


def _rank(one: Candidate) -> tuple[bool, int, int, int, int]:
    return one.failures > 0, one.source, one.failures, -one.last_success, -one.added


def least_worth(candidates: Iterable[Candidate]) -> Candidate:
    """Return the candidate to forget when there are too many.

    Never the last good one or one that a person typed, as long as there are others: announcements are free,
    and nobody may push those out by making up addresses.
    """
    ranked = sorted(candidates, key=lambda one: (one.last_success, one.added))
    last_good = ranked[-1] if ranked[-1].last_success else None
    spare = [one for one in ranked if one is not last_good and one.source is not Source.TYPED]
    return max(spare or ranked[:-1] or ranked, key=lambda one: (one.failures, -one.last_success, -one.added))


class AddressBook:
    """Candidates by node id."""

    def __init__(self) -> None:
        self._nodes: dict[bytes, list[Candidate]] = {}
        self._count = 0

    def __repr__(self) -> str:
        return f"<AddressBook {len(self._nodes)} nodes, {sum(map(len, self._nodes.values()))} candidates>"

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[bytes]:
        """The node ids, in order."""
        return iter(sorted(self._nodes))

    def candidates(self, node_id: bytes) -> list[Candidate]:
        """Return where to try a node, in the order to try."""
        return order_to_try(self._nodes.get(node_id, ()))

    def add(self, node_id: bytes, host: str, port: int, source: Source) -> bool:
        """Note that a node may be somewhere; returns whether that is new. What is known of a place stays."""
        known = self._find(node_id, host, port)
        self._count += 1
        if known is not None:
            # An announcement says "I am here now", so what failed before counts no more.
            failures = 0 if source is Source.MDNS else known.failures
            source = min(known.source, source)
            self._put(node_id, known, replace(known, source=source, failures=failures, added=self._count))
            return False
        self._make_room(node_id)
        self._nodes[node_id].append(Candidate(host, port, source, added=self._count))
        return True

    def succeeded(self, node_id: bytes, host: str, port: int) -> None:
        """Note that the node answered there; a place forgotten meanwhile is known again."""
        self.add(node_id, host, port, Source.REMEMBERED)
        known = self._find(node_id, host, port)
        assert known is not None
        self._put(node_id, known, replace(known, last_success=self._count, failures=0))

    def failed(self, node_id: bytes, host: str, port: int) -> None:
        """Note that the node did not answer there."""
        known = self._find(node_id, host, port)
        if known is not None:
            self._put(node_id, known, replace(known, failures=known.failures + 1))

    def withdraw_announced(self, node_id: bytes) -> None:
        """Note that discovery lost the node: what it announced was good once or is forgotten."""
        kept = [
            replace(one, source=Source.REMEMBERED) if one.source is Source.MDNS else one
            for one in self._nodes.get(node_id, ())
            if one.source is not Source.MDNS or one.last_success
        ]
        self._set(node_id, kept)

    def forget(self, node_id: bytes) -> None:
        """Forget a node altogether."""
        self._nodes.pop(node_id, None)

    def is_at(self, nodes: Iterable[bytes], host: str) -> bool:
        """Tell whether one of these nodes was, is, or is said to be at an address."""
        return any(one.host.partition("%")[0] == host for node in nodes for one in self._nodes.get(node, ()))

    def good_ones(self) -> list[tuple[bytes, str, int]]:
        """Return what is worth keeping across a restart: (node id, host, port), the oldest success first."""
        good = [(one, node_id) for node_id, held in self._nodes.items() for one in held if one.last_success]
        good.sort(key=lambda pair: (pair[0].last_success, pair[1]))
        return [(node_id, one.host, one.port) for one, node_id in good]

    def remember(self, good: Iterable[tuple[bytes, str, int]]) -> None:
        """Take over the good places of an earlier run, as `good_ones` gave them."""
        for node_id, host, port in good:
            self.succeeded(node_id, host, port)

    def _find(self, node_id: bytes, host: str, port: int) -> Candidate | None:
        held = self._nodes.get(node_id, ())
        return next((one for one in held if one.host == host and one.port == port), None)

    def _put(self, node_id: bytes, old: Candidate, new: Candidate) -> None:
        self._nodes[node_id] = [new if one is old else one for one in self._nodes[node_id]]

    def _set(self, node_id: bytes, held: list[Candidate]) -> None:
        if held:
            self._nodes[node_id] = held
        else:
            self.forget(node_id)

    def _make_room(self, node_id: bytes) -> None:
        held = self._nodes.get(node_id)
        if held is None:
            if len(self._nodes) >= NODES_MAX:
                self.forget(min(self._nodes, key=self._node_worth))
            self._nodes[node_id] = []
        elif len(held) >= CANDIDATES_MAX:
            worst = least_worth(held)
            self._nodes[node_id] = [one for one in held if one is not worst]

    def _node_worth(self, node_id: bytes) -> tuple[int, bool, int]:
        """Nodes that answered before are worth most, then those that a person named, then the latest word."""
        held = self._nodes[node_id]
        named = any(one.source in {Source.TYPED, Source.INVITE, Source.PARTNER} for one in held)
        return max(one.last_success for one in held), named, max(one.added for one in held)
