"""How much a hub takes in, before any signature is checked, and what waits where more comes (SPEC, part S).

One pool of tokens for all peers bounds the work: a bucket for each would let it grow with their number. It is full
after a quiet while, so that what people do at once, and what comes after a time apart, is taken at full speed. When it
is empty, records wait unopened in a fair queue: first turn by turn between the neighbours, whom the channel has proven,
each with its subtree; then, of one link, between those whose records they say they are, which nobody has proven yet. So
who lies about authors, or sends what does not verify, takes turns from its own link alone. Nothing is dropped.

In: what comes, and the time. Out: whether it is taken now, and whose turn it is. Who calls: `receiving`.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hartig_protocol.limits import (
    GREETINGS_BURST_RECORDS,
    GREETINGS_RECORDS_PER_S,
    INTAKE_BURST_RECORDS,
    INTAKE_COST,
    INTAKE_RECORDS_PER_S,
    INTAKE_TICK_MS,
    KEY_BYTES,
    PEERS_KNOWN_MAX,
    SHORT_BYTES,
    WEIGHT_BYTES,
)
from hartig_protocol.sync.credit import Credit
from hartig_protocol.sync.fairness import NOBODYS, Branch, FairQueue
from hartig_protocol.sync.messages import Have
from hartig_protocol.values import value

NAMES = -1  # in the place of a reason why records come
NAMES_A_WEIGHT = 16  # so many names count as one record in a window
_HEAD_BEGINS, _NETWORK_BEGINS, _KEY_BEGINS = b"\x9f", b"\xc4\x10", b"\xc4\x20"  # an array of 15; strings of 16, of 32
_KIND_AT, _LONG_KIND = 20, b"\xcc"


def weight_of(wire: Any) -> int:
    """Return what a record counts in a window, whatever it is that came in its place."""
    parts = wire if type(wire) in (list, tuple) else ()
    return 1 + sum(len(part) for part in parts if type(part) is bytes) // WEIGHT_BYTES


def weight_of_names(short: bytes) -> int:
    """Return what names count in a window."""
    return 1 + len(short) // (SHORT_BYTES * NAMES_A_WEIGHT)


def author_claimed(wire: Any) -> bytes | None:
    """Return whose record this says it is, by the place of the key in every head; None where it cannot be a record."""
    if type(wire) not in (list, tuple) or len(wire) != 3:
        return None
    head, signature, body = wire
    if type(head) is not bytes or type(signature) is not bytes or type(body) not in (bytes, type(None)):
        return None
    at = _KIND_AT + (2 if head[_KIND_AT : _KIND_AT + 1] == _LONG_KIND else 1)
    author = head[at + 2 : at + 2 + KEY_BYTES]
    is_head = head[:1] == _HEAD_BEGINS and head[2:4] == _NETWORK_BEGINS and head[at : at + 2] == _KEY_BEGINS
    return author if is_head and len(author) == KEY_BYTES else None


@dataclass(slots=True)
class Part:
    """A part of an answer: how many of its records wait, and whether it is the last."""

    left: int
    final: bool


@value
class Item:
    """A record that waits unopened, or names; `author` is whose it says it is, `peer` the hub that sent it."""

    link: int
    why: int
    what: Any
    weight: int
    author: bytes = b""
    part: Part | None = None
    peer: bytes = b""


class Pool:
    """Tokens, in thousandths of a record; they may be overdrawn by what came together."""

    def __init__(self, burst: int, per_s: int) -> None:
        self.tokens = self._most = burst * INTAKE_COST
        self._per_s = per_s
        self._since_ms = 0

    @property
    def is_full(self) -> bool:
        """Whether nobody has taken anything for a while."""
        return self.tokens >= self._most

    def refill(self, now_ms: int) -> None:
        """Let the tokens of the time that went by come."""
        came = (now_ms - self._since_ms) * self._per_s * INTAKE_COST // 1_000
        self.tokens = min(self._most, self.tokens + came)
        self._since_ms = now_ms

    def spend(self, cost: int) -> None:
        """Pay with tokens."""
        self.tokens -= cost


@dataclass
class Intake:
    """The pools, the credit and what waits. `due_ms` (steady): when the next turn is.

    `owed` is what a neighbour has cost beyond its records while there were no tokens for it: its links sit out turns
    of that worth, so that it waits and others do not.
    `greetings` is for those that prove nothing, so that strangers take nothing from members.
    """

    pool: Pool = field(default_factory=lambda: Pool(INTAKE_BURST_RECORDS, INTAKE_RECORDS_PER_S))
    greetings: Pool = field(default_factory=lambda: Pool(GREETINGS_BURST_RECORDS, GREETINGS_RECORDS_PER_S))
    credit: Credit = field(default_factory=Credit)
    queue: FairQueue[Item] = field(default_factory=FairQueue)
    due_ms: int | None = None
    owed: Counter[bytes] = field(default_factory=Counter)

    def takes(self, now_ms: int, peer: bytes) -> bool:
        """Whether what comes now from this neighbour is taken now."""
        self.pool.refill(now_ms)
        if self.pool.is_full:
            self.owed.clear()  # nobody has waited for long
        return self.pool.tokens > 0 and not self.queue and peer not in self.owed

    def owe(self, peer: bytes, cost: int) -> None:
        """Pay with what tokens there are for what a neighbour has cost beyond its records; the rest it owes."""
        paid = max(0, min(cost, self.pool.tokens))
        self.pool.spend(paid)
        if cost > paid and (peer in self.owed or len(self.owed) < PEERS_KNOWN_MAX):
            self.owed[peer] += cost - paid

    def spend(self, payer: Branch, cost: int, count: int, held: int) -> None:
        """Pay for so many records, after which so many are `held`: where somebody has credit, so far as it pays."""
        if payer:
            rest = cost - self.credit.pay(payer, cost, count, held)
            self.pool.spend(rest)
            self.credit.wasted(payer, max(0, min(rest, -self.pool.tokens)))
        else:
            self.pool.spend(cost)

    def wait(self, lane: Branch, branch: Branch, item: Item, now_ms: int) -> None:
        """Let something wait in the lane of its link."""
        self.queue.push((*lane, *branch), item)
        if self.due_ms is None:
            self.due_ms = now_ms + INTAKE_TICK_MS

    def turn(self, now_ms: int, count_max: int) -> list[Item]:
        """Take out those whose turn it is, as far as there are tokens; say when the next turn is."""
        self.pool.refill(now_ms)
        items: list[Item] = []
        turns = min(count_max, -(-self.pool.tokens // INTAKE_COST))
        while turns > 0 and self.queue:
            turns -= 1
            if self._sits_out(self.queue.first().peer):
                self.queue.skip()
            else:
                items.append(self.queue.pop())
        self.due_ms = now_ms + INTAKE_TICK_MS if self.queue else None
        return items

    def _sits_out(self, peer: bytes) -> bool:
        """Whether this neighbour pays with its turn for what it owes."""
        owed = self.owed.pop(peer, 0)
        self.pool.spend(min(owed, INTAKE_COST))
        if owed > INTAKE_COST:
            self.owed[peer] = owed - INTAKE_COST
        return owed > 0

    def forget(self, lane: Branch) -> None:
        """Let go of what came on a link that has ended: its sender has no word that it was dealt with."""
        if lane:
            self.queue.drop(lane)
        if not self.queue:
            self.due_ms = None

    def authors(self) -> Counter[bytes]:
        """Return how many records wait, by whose they say they are."""
        return Counter(item.author for item in self.queue if item.why != NAMES)


def names_item(link: int, peer: bytes, message: Have) -> Item:
    """Return names as something that waits."""
    return Item(link, NAMES, message, weight_of_names(message.short), peer=peer)


NAMES_BRANCH: Branch = (b"names",)
assert NAMES_BRANCH != NOBODYS
