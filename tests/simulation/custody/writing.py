"""What people and nodes of the small model may write next; the real functions decide whether a chain allows it.

In: a `World`, the `Rules`, which hub. Out: steps that it may sign now. `committed` makes one durable, and then what it
says is carried: people wait for the answer. A hold may be over at any time, so minutes need no counter.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from hartig_protocol.exchange import steward
from hartig_protocol.exchange.need import ClaimState
from hartig_protocol.records.steps import Verb, Why
from simulation.custody.rules import Rules
from simulation.custody.said import Facts, Thread, facts_of, held_of, state, step_of
from simulation.custody.state import CARRIED_TO, SHELVES, Hub, World, claim_facts

HOLD_MIN = 1
SET_ASIDE = 1
_LEAVES = {Verb.PROMISE, Verb.ALLOT, Verb.SURRENDER}


class Writing(NamedTuple):
    """A step that may be signed now."""

    thread: Thread
    verb: str
    facts: Facts


Writings = Iterator[Writing]


def chain_of(rules: Rules, hub: Hub, thread: Thread) -> Any:
    """The state of a chain as this hub sees it."""
    return state(rules.fold, thread, hub.held(thread), thread in hub.ended)


def own_lots(hub: Hub) -> Iterator[Thread]:
    """Its offers that go on, as far as it knows."""
    return (thread for thread, _ in hub.chains if thread.is_lot and thread.author == hub.author and hub.alive(thread))


def own_need(hub: Hub) -> Thread | None:
    """Its need, if that goes on."""
    needs = (thread for thread, _ in hub.chains if not thread.is_lot and thread.author == hub.author)
    return next((thread for thread in needs if hub.alive(thread)), None)


def committed(world: World, at: int, writing: Writing) -> World:
    """The world after a step was signed and became durable, and what it says was carried."""
    hub, thread = world.hubs[at], writing.thread
    name, held = hub.signed(*writing), hub.held(thread)
    hub = hub.with_chain(thread, held_of((*held.steps, name), held.fork))._replace(pending=None)
    world, step = world.with_hub(at, hub), step_of(name)
    if step.verb == Verb.HANDOVER:
        claim = step_of(step.facts["of"]).facts["claim"] if "of" in step.facts else name
        return world.carried(thread.place, step.facts["quantity"])._replace(served=world.served | {claim})
    if step.verb in (Verb.ALLOT, Verb.SURRENDER):
        return world.carried(thread.place, step.facts["quantity"], CARRIED_TO[thread.place])
    return world


def free_in(rules: Rules, hub: Hub, lot: Thread) -> int:
    """What a hub believes to be free in a lot of its own."""
    total = chain_of(rules, hub, lot).total
    return int(hub.offered - total.promised - total.allotted if rules.revises else total.free)


def uncounted(rules: Rules, world: World, hub: Hub) -> int:
    """What lies on its shelf and is in none of its lots: a person looks."""
    if hub.author not in SHELVES:
        return 0
    totals = [chain_of(rules, hub, lot).total for lot in own_lots(hub)]
    return world.shelf(hub.author) - sum(total.free + total.promised for total in totals)


def _allowed(rules: Rules, hub: Hub, writing: Writing) -> bool:
    step = step_of(hub.signed(*writing))
    if rules.revises and step.verb in _LEAVES and step.facts["quantity"] > free_in(rules, hub, writing.thread):
        return False
    return chain_of(rules, hub, writing.thread).judge(step) is None


# --- Needs


def asks(rules: Rules, world: World, at: int) -> Writings:
    """A need asks a lot for what is left."""
    hub = world.hubs[at]
    need = own_need(hub)
    left = chain_of(rules, hub, need).total.left if need else 0
    for lot, _ in hub.chains if left else ():
        if lot.is_lot and not chain_of(rules, hub, lot).is_over:
            yield Writing(need, Verb.CLAIM, claim_facts(lot, left))  # type: ignore[arg-type]


def cancels(rules: Rules, world: World, at: int) -> Writings:
    """People no longer want it, it took too long, or its lot has ended."""
    return _of_each_claim(rules, world, at, Verb.CANCEL)


def receives(rules: Rules, world: World, at: int) -> Writings:
    """What was carried home is noted, whatever the hubs believe."""
    for writing in _of_each_claim(rules, world, at, Verb.RECEIVE):
        if dict(writing.facts)["of"] in world.served:
            yield writing


def _of_each_claim(rules: Rules, world: World, at: int, verb: Verb) -> Writings:
    hub = world.hubs[at]
    need = own_need(hub)
    for claim in chain_of(rules, hub, need).claims.values() if need else ():
        more: dict[str, Any] = {} if verb == Verb.CANCEL else {"how": "ok", "quantity": claim.quantity}
        writing = Writing(need, verb, facts_of({"of": claim.id, **more}))  # type: ignore[arg-type]
        if _allowed(rules, hub, writing):
            yield writing


# --- Lots


def promises(rules: Rules, world: World, at: int) -> Writings:
    """A hub promises what is free in a lot of its own to a claim that has come."""
    hub = world.hubs[at]
    for lot in own_lots(hub) if not hub.waits_for else ():
        for claim in _claims_on(rules, hub, lot):
            quantity = _promised(rules, hub, lot, claim)
            writing = Writing(lot, Verb.PROMISE, _promise_facts(claim.id, quantity))
            if quantity > 0 and _allowed(rules, hub, writing):
                yield writing


def _promised(rules: Rules, hub: Hub, lot: Thread, claim: Any) -> int:
    """As the node answers; after a release a person may promise anew."""
    if not rules.revises:
        waiting = [steward.Asked(claim.id, claim.asks, None, 0)]
        drafts = steward.answers(chain_of(rules, hub, lot), "first", None, waiting, 0, HOLD_MIN)
        if drafts:
            return int(drafts[0].facts["quantity"])
    return min(int(claim.asks), free_in(rules, hub, lot))


def _promise_facts(claim: bytes, quantity: int) -> Facts:
    return facts_of({"claim": claim, "quantity": quantity, "hold": HOLD_MIN})


def _claims_on(rules: Rules, hub: Hub, lot: Thread) -> Iterator[Any]:
    for need, _ in hub.chains:
        chain = None if need.is_lot else chain_of(rules, hub, need)
        for claim in chain.claims.values() if chain and not chain.is_over else ():
            if claim.lot == lot and claim.state is ClaimState.OPEN:
                yield claim


def releases(rules: Rules, world: World, at: int) -> Writings:
    """The hold of a promise is over, or its claim was cancelled."""
    hub = world.hubs[at]
    for lot in own_lots(hub):
        chain = chain_of(rules, hub, lot)
        for promise in chain.open_promise_of.values():
            for draft in steward.lapsed(chain, {promise: HOLD_MIN}):
                yield Writing(lot, draft.verb, facts_of(draft.facts))
        for allotment in chain.allotments if rules.allotments_lapse else ():
            yield Writing(lot, Verb.RELEASE, facts_of({"of": allotment, "why": Why.LAPSED.value}))


def handovers(rules: Rules, world: World, at: int) -> Writings:
    """People come for what they were promised, once for each claim; an empty shelf gives nothing."""
    hub = world.hubs[at]
    for lot in own_lots(hub):
        chain = chain_of(rules, hub, lot)
        for claim, promise in chain.open_promise_of.items():
            quantity = chain.promises[promise].quantity
            if claim not in world.served and quantity <= world.shelf(lot.place):
                yield Writing(lot, Verb.HANDOVER, facts_of({"of": promise, "quantity": quantity}))


def opens(rules: Rules, world: World, at: int) -> Writings:
    """A person counts what is offered for the first time."""
    hub = world.hubs[at]
    for lot in own_lots(hub):
        writing = Writing(lot, Verb.COUNT, (("quantity", world.shelf(lot.place)), ("why", Why.OPENED.value)))
        if not hub.held(lot).steps and _allowed(rules, hub, writing):
            yield writing


def gifts(rules: Rules, world: World, at: int) -> Writings:
    """Somebody takes one without having asked."""
    hub = world.hubs[at]
    for lot in own_lots(hub):
        if min(free_in(rules, hub, lot), world.shelf(lot.place)) > 0:
            yield Writing(lot, Verb.HANDOVER, (("quantity", 1),))


# --- Lots and their children


def allots(rules: Rules, world: World, at: int) -> Writings:
    """`a` sets one aside for `b`, which carries it to its own shelf."""
    return _set_aside(rules, world, at, [lot for lot in own_lots(world.hubs[at]) if lot.author == "a"])


def allots_further(rules: Rules, world: World, at: int) -> Writings:
    """What was set aside for a hub it sets aside for the other one, which carries it to its own shelf."""
    return _set_aside(rules, world, at, [lot for lot in own_lots(world.hubs[at]) if lot.subject])


def _set_aside(rules: Rules, world: World, at: int, lots: list[Thread]) -> Writings:
    for lot in lots:
        writing = Writing(lot, Verb.ALLOT, (("hub", CARRIED_TO[lot.place]), ("quantity", SET_ASIDE)))
        if world.shelf(lot.place) >= SET_ASIDE and _allowed(rules, world.hubs[at], writing):
            yield writing


def surrenders(rules: Rules, world: World, at: int) -> Writings:
    """A hub gives back what is free of what was set aside for it, and carries it back."""
    hub = world.hubs[at]
    for lot in own_lots(hub):
        quantity = free_in(rules, hub, lot) if lot.subject else 0
        if 0 < quantity <= world.shelf(lot.place):
            yield Writing(lot, Verb.SURRENDER, (("quantity", quantity),))


def counts_back(rules: Rules, world: World, at: int) -> Writings:
    """The lot that set stock aside counts what was surrendered, once."""
    hub = world.hubs[at]
    for child, _ in hub.chains:
        if not child.subject:
            continue
        for lot in own_lots(hub):
            if child.subject not in chain_of(rules, hub, lot).allotments:
                continue
            for surrender in chain_of(rules, hub, child).surrenders.values():
                facts = {"of": surrender.id, "quantity": surrender.quantity, "why": Why.SURRENDERED.value}
                writing = Writing(lot, Verb.COUNT, facts_of(facts))
                if _allowed(rules, hub, writing):
                    yield writing


WRITERS: dict[str, Callable[[Rules, World, int], Writings]] = {
    "asks": asks,
    "cancels": cancels,
    "receives": receives,
    "opens": opens,
    "promises": promises,
    "releases": releases,
    "hands over": handovers,
    "gives": gifts,
    "sets aside": allots,
    "sets aside further": allots_further,
    "surrenders": surrenders,
    "counts back": counts_back,
}


@cache
def writings(rules: Rules, alone: World, allowed: frozenset[str]) -> tuple[tuple[str, Writing], ...]:
    """All that the only hub of a world may write, each with its name."""
    named = ((name, writer) for name, writer in WRITERS.items() if name in allowed)
    return tuple((name, writing) for name, writer in named for writing in writer(rules, alone, 0))


def may_write(rules: Rules, world: World, at: int, allowed: frozenset[str]) -> tuple[tuple[str, Writing], ...]:
    """All that a hub may write now. It looks at nothing but itself, the shelves and who was served."""
    hub = world.hubs[at]._replace(image=None)
    return writings(rules, World((hub,), world.shelves, served=world.served), allowed)
