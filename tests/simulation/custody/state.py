"""The state of the small model: what each folder holds, what lies on each shelf, and what people have carried away.

In: nothing but values. Out: values. A `Hub` is a running copy of a folder; a clone is another one with the same author.
What is written here is durable; `pending` is what was signed and is not. People and things are real: `shelves` and
`gone` change when something is carried, whatever the hubs believe.
"""

from collections.abc import Mapping
from typing import NamedTuple

from hartig_protocol.records.record import Kind
from simulation.custody.said import EMPTY, Chains, Facts, Held, Thread, chain_map, held_of, sign, thread_of

SHELVES = ("a", "b")  # who has a place where things lie
CARRIED_TO = {"a": "b", "b": "a"}  # what a sets aside lies at b, what b surrenders goes back


class Hub(NamedTuple):
    """One running copy of a folder."""

    name: str
    author: str
    life: str
    chains: Chains = ()
    ended: frozenset[Thread] = frozenset()  # threads whose register says `ends`
    accepted: frozenset[bytes] = frozenset()  # allotments of which it has opened a lot (private rows)
    pending: tuple[Thread, str, Facts] | None = None
    image: "Hub | None" = None  # the last backup
    era: int = 0  # how often its seq was raised
    claimed: int = 0  # how often it was shown what its key had signed elsewhere
    is_stopped: bool = False
    is_fooled: bool = False  # an old image or a copy that does not know it: nobody in the model looks at this
    waits_for: str = ""  # after a restore, where a planted rule says to wait and then go on
    offered: int = 0  # what its offer says, where a planted rule believes that

    def held(self, thread: Thread) -> Held:
        """The chain of a thread."""
        for one, held in self.chains:
            if one is thread:
                return held
        return EMPTY

    def knows(self, thread: Thread) -> bool:
        """Whether it has heard of a thread at all."""
        return any(one is thread for one, _ in self.chains)

    def with_chain(self, thread: Thread, held: Held) -> "Hub":
        """This hub after a chain has changed."""
        return self.with_chains({thread: held})

    def with_chains(self, changed: Mapping[Thread, Held]) -> "Hub":
        """This hub after several chains have changed."""
        return Hub(*self[:3], chain_map({**dict(self.chains), **changed}.items()), *self[4:])

    def signed(self, thread: Thread, verb: str, facts: Facts) -> bytes:
        """The name of the next step that it would sign in a chain."""
        return sign(self.held(thread), thread, self.life, verb, facts)

    def alive(self, thread: Thread) -> bool:
        """Whether, as far as this hub knows, a chain goes on."""
        return thread not in self.ended and self.held(thread).fork is None


class World(NamedTuple):
    """Everything at one moment. `left` says how many backups, restores, ... may still come."""

    hubs: tuple[Hub, ...]
    shelves: tuple[int, ...]
    gone: int = 0
    served: frozenset[bytes] = frozenset()  # claims whose people have carried something home
    void: frozenset[Thread] = frozenset()  # of copies that have stopped: their people were told
    lives: int = 0
    left: tuple[tuple[str, int], ...] = ()

    def shelf(self, place: str) -> int:
        """How many lie at a place."""
        return self.shelves[SHELVES.index(place)]

    def carried(self, place: str, quantity: int, to: str | None = None) -> "World":
        """The world after something was carried from a place to another, or home."""
        shelves = list(self.shelves)
        shelves[SHELVES.index(place)] -= quantity
        if to is None:
            return self._replace(shelves=tuple(shelves), gone=self.gone + quantity)
        shelves[SHELVES.index(to)] += quantity
        return self._replace(shelves=tuple(shelves))

    def with_hub(self, at: int, hub: Hub) -> "World":
        """The world after one hub has changed."""
        return World((*self.hubs[:at], hub, *self.hubs[at + 1 :]), *self[1:])

    def may(self, what: str) -> bool:
        """Whether a rare event may still happen."""
        return any(name == what and count for name, count in self.left)

    def spent(self, what: str) -> "World":
        """The world after a rare event."""
        return self._replace(left=tuple((name, count - (name == what)) for name, count in self.left))


def first_world(
    wishes: tuple[tuple[str, int], ...], units: int, left: tuple[tuple[str, int], ...] = (), *, begun: str = "counted"
) -> World:
    """Return a world where `a` offers something and the others need some; all know of the offer.

    `begun`: "" (nothing is counted yet), "counted", "asked" (`a` knows how much the others want), "set aside" (`b` has
    one of them on its shelf and knows it), "handed on" (`b` has made an offer of that one, and set it aside for `a`,
    where it lies again), or "given back" (`b` has surrendered it, `a` knows that, and how much the others want). Each
    hub has been backed up in this state.
    """
    lot = thread_of(Kind.OFFER, "a", place="a")
    steps = (("count", (("quantity", units), ("why", "opened"))),) if begun else ()
    asides = (*steps, ("allot", (("hub", "b"), ("quantity", 1))))
    is_aside = begun in {"set aside", *_FURTHER}
    offered = ((lot, _written(lot, asides if is_aside else steps)),)
    accepted = frozenset[bytes]()
    if begun in _FURTHER:
        accepted = frozenset(offered[0][1].steps[1:])
        child = thread_of(Kind.OFFER, "b", subject=min(accepted), place="b")
        offered = (*offered, (child, _written(child, (_OPENED_ONE, _FURTHER[begun]))))
    is_asked = begun in {"asked", "given back"}
    needs = tuple((_need(name), _wish(name, quantity, lot if is_asked else None)) for name, quantity in wishes)
    hubs = [Hub("a", "a", "", chain_map(offered + (needs if is_asked else ())), offered=units)]
    hubs += [Hub(need.author, need.author, "", chain_map((*offered, (need, held)))) for need, held in needs]
    hubs = [hub._replace(accepted=accepted if hub.author == "b" else hub.accepted) for hub in hubs]
    shelves = (units - 1, 1) if begun == "set aside" else (units, 0)
    return World(tuple(hub._replace(image=hub) for hub in hubs), shelves, left=left)


_OPENED_ONE = ("count", (("quantity", 1), ("why", "opened")))
# What `b` has said of its offer of what was set aside for it: either way the thing lies at `a` again.
_FURTHER: dict[str, tuple[str, Facts]] = {
    "handed on": ("allot", (("hub", "a"), ("quantity", 1))),
    "given back": ("surrender", (("quantity", 1),)),
}


def _written(thread: Thread, said: tuple[tuple[str, Facts], ...]) -> Held:
    held = EMPTY
    for verb, facts in said:
        held = held_of((*held.steps, sign(held, thread, "", verb, facts)))
    return held


def _need(name: str) -> Thread:
    return thread_of(Kind.NEED, name)


def _wish(name: str, quantity: int, lot: Thread | None) -> Held:
    need = _need(name)
    held = held_of((sign(EMPTY, need, "", "count", (("quantity", quantity), ("why", "needed"))),))
    if lot is None:
        return held
    return held_of((*held.steps, sign(held, need, "", "claim", claim_facts(lot, quantity))))


def claim_facts(lot: Thread, quantity: int) -> Facts:
    """The facts of a claim, in the same parts on both sides."""
    return (("asks", quantity), ("lot", lot), ("quantity", quantity))
