"""What must be true of the small model in every state, and when it may be wrong for a while.

In: a `World`. Out: nothing, or a sentence that says what is promised twice. Looked at is what anybody at all holds:

* of each shelf, what the chains that go on promise, on all their branches, lies there;
* of each shelf, what they say is free or promised lies there: so the tree of lots conserves its stock;
* what was handed over and what lies on shelves is all there ever was.

A chain goes on until its author signs its end, somebody holds proof of its fork, or its author stops for good. A hub on
an old image or beside its copy (`is_fooled`) may be wrong until it hears of it, and a lot that was begun after the
backup can be ended only by a hub that has heard of it again: these are the two windows, and there are no others.
"""

from functools import cache
from typing import NamedTuple

from simulation.custody.rules import Rules
from simulation.custody.said import Held, Thread, branches, state
from simulation.custody.state import SHELVES, World


class Stock(NamedTuple):
    """What the branches of a chain say."""

    promises: tuple[tuple[bytes, int], ...]  # by claim
    there: int

    def owed(self, served: frozenset[bytes]) -> int:
        """What is promised to people who have not come yet."""
        return sum(quantity for claim, quantity in self.promises if claim not in served)


@cache
def _stock(rules: Rules, thread: Thread, chains: frozenset[Held]) -> Stock:
    each = [state(rules.fold, thread, held, False) for held in branches(chains)]
    open_ones = {name: chain.promises[name] for chain in each for name in chain.open_promise_of.values()}
    promises = tuple((promise.claim, promise.quantity) for promise in open_ones.values())
    promised = sum(quantity for _, quantity in promises)
    said = () if rules.revises else (chain.total.free + chain.total.promised for chain in each)
    return Stock(promises, max((promised, *said)))


def going_on(world: World) -> dict[Thread, frozenset[Held]]:
    """Return the lots that nobody knows to have ended, each with all that is held of it anywhere."""
    over = world.void.union(*(hub.ended for hub in world.hubs))
    chains: dict[Thread, set[Held]] = {}
    for hub in world.hubs:
        for thread, held in hub.chains:
            if thread.is_lot and thread not in over:
                chains.setdefault(thread, set()).add(held)
    return {
        thread: frozenset(each) for thread, each in chains.items() if not any(held.fork is not None for held in each)
    }


def is_window(world: World, author: str, lots: dict[Thread, frozenset[Held]]) -> bool:
    """Whether this author cannot know yet that something is wrong."""
    running = [hub for hub in world.hubs if hub.author == author and not hub.is_stopped]
    own = [thread for thread in lots if thread.author == author]
    return any(hub.is_fooled or any(not hub.knows(thread) for thread in own) for hub in running)


class Verdict(NamedTuple):
    """What is wrong, whether that is allowed for a while, and whether things are promised that are not there."""

    wrong: str = ""
    is_promised: bool = False
    is_window: bool = False


def judge(rules: Rules, world: World, units: int) -> Verdict:
    """Say what is wrong in a state."""
    lots = going_on(world)
    if sum(world.shelves) + world.gone != units or min(world.shelves) < 0:
        return Verdict("things came from nowhere")
    for place in SHELVES:
        stocks = [_stock(rules, thread, chains) for thread, chains in lots.items() if thread.place == place]
        promised, there = sum(one.owed(world.served) for one in stocks), sum(one.there for one in stocks)
        shelf = world.shelf(place)
        if there > shelf:
            wrong = f"{promised} are promised" if promised > shelf else f"{there} are said to be there"
            wrong = f"{wrong}, and {shelf} lie at {place}"
            return Verdict(wrong, promised > shelf, is_window(world, place, lots))
    return Verdict()
