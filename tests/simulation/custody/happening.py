"""What may happen next in the small model: frames arrive, folders fail, are put back and copied, lots are opened anew.

In: a `World`, the `Rules`, the names of what may happen. Out: every next world, with what a reader of a trace is told.
A partition is frames that do not arrive: any hub may hear any other at any time, or never again.

Whoever hears of steps that its own key signed and its folder does not know was put back or copied (design, section 4):
it raises its seq and ends all that it must end after `restore`; the second time it stops. What was signed before its
seq was raised is of its own past: after `restore` it ends that thread alone. If it had no warning, a copy may be
running which goes on in the old threads, and may have handed over since the count: it ends all again, and people count
again.
"""

from collections.abc import Callable, Iterator

from hartig_protocol.exchange import steward
from hartig_protocol.exchange.need import ClaimState
from hartig_protocol.records.record import Kind
from hartig_protocol.records.steps import Verb, Why
from simulation.custody.rules import Rules
from simulation.custody.said import Thread, merged, step_of, thread_of
from simulation.custody.state import SHELVES, Hub, World
from simulation.custody.writing import (
    HOLD_MIN,
    Writing,
    chain_of,
    committed,
    free_in,
    may_write,
    own_lots,
    own_need,
    uncounted,
)

CLAIMS_TOLERATED = 1
Told = tuple[object, ...]
Moves = Iterator[tuple[Told, World]]


def moves(rules: Rules, world: World, allowed: frozenset[str]) -> Moves:
    """Return everything that can happen next."""
    for at, hub in enumerate(world.hubs):
        if hub.pending is not None:
            yield from _pending(world, at)
            continue
        if not hub.is_stopped:
            yield from _written(rules, world, at, allowed)
        for name, other_moves in OTHERS.items():
            if name in allowed:
                yield from other_moves(rules, world, at)
        for other in range(len(world.hubs)):
            if other != at and world.hubs[other].pending is None:
                yield from _heard(rules, world, at, other)


def _written(rules: Rules, world: World, at: int, allowed: frozenset[str]) -> Moves:
    hub = world.hubs[at]
    crashes = "crashes" in allowed and world.may("crashes")
    for name, writing in may_write(rules, world, at, allowed):
        told = (hub.name, name, *writing)
        yield told, committed(world, at, writing)
        if crashes:
            yield (*told, "(not durable yet)"), world.with_hub(at, hub._replace(pending=writing))


def _pending(world: World, at: int) -> Moves:
    """What was signed becomes durable, or the power fails first: nobody was told, and nothing was carried."""
    hub = world.hubs[at]
    assert hub.pending is not None
    yield (hub.name, "commits"), committed(world, at, Writing(*hub.pending))
    yield (hub.name, "crashes before its commit"), world.spent("crashes").with_hub(at, hub._replace(pending=None))


# --- Frames


def _heard(rules: Rules, world: World, at: int, other: int) -> Moves:
    """A hub hears all that another holds."""
    hub, says = world.hubs[at], world.hubs[other]
    changed = merged(hub.chains, says.chains)
    ends = says.ended - hub.ended
    if not (changed or ends or hub.waits_for == "sync"):
        return
    hub = hub.with_chains(changed)._replace(ended=hub.ended | ends)
    unknown = {thread for thread in changed if thread.author == hub.author}
    ended_elsewhere = any(thread.author == hub.author for thread in ends)
    after = world.with_hub(at, hub._replace(waits_for=hub.waits_for.replace("sync", "")))
    if (unknown or ended_elsewhere) and rules.after_restore == "end" and not hub.is_stopped:
        after = _noticed(rules, after, at, unknown, ended_elsewhere=ended_elsewhere)
    yield (hub.name, "hears", says.name), after


def all_heard(rules: Rules, world: World) -> World:
    """Return the world after everybody has heard everybody, until there is nothing new."""
    while True:
        before = world
        for at in range(len(world.hubs)):
            for other in range(len(world.hubs)):
                world = next((after for _, after in _heard(rules, world, at, other)), world)
        if world == before:
            return world


def _noticed(rules: Rules, world: World, at: int, unknown: set[Thread], *, ended_elsewhere: bool) -> World:
    hub = world.hubs[at]
    is_past = not ended_elsewhere and all(thread.era < hub.era for thread in unknown)
    if is_past and not hub.claimed:
        return world.with_hub(at, hub._replace(ended=hub.ended | unknown))
    if is_past:
        return world.with_hub(at, ended_all(rules, hub._replace(is_fooled=False)))
    if hub.claimed >= CLAIMS_TOLERATED:
        void = frozenset(thread for thread in own_lots(hub) if thread.life == hub.life)
        return world.with_hub(at, hub._replace(is_stopped=True, is_fooled=False))._replace(void=world.void | void)
    hub = ended_all(rules, hub._replace(claimed=hub.claimed + 1, era=hub.era + 1, is_fooled=False))
    return world.with_hub(at, hub)


def ended_all(rules: Rules, hub: Hub) -> Hub:
    """End what a hub must end when it knows that it was put back."""
    own = {thread: chain_of(rules, hub, thread) for thread, _ in hub.chains if thread.author == hub.author}
    ended = frozenset(one.thread for one in steward.after_restore(own))  # type: ignore[arg-type]
    return hub._replace(ended=hub.ended | ended)  # type: ignore[arg-type]


# --- Folders


def _back_up(_rules: Rules, world: World, at: int) -> Moves:
    hub = world.hubs[at]
    image = hub._replace(image=None)
    if world.may("backs up") and hub.image != image and not hub.is_stopped:
        yield (hub.name, "backs up"), world.spent("backs up").with_hub(at, hub._replace(image=image))


def _restore(rules: Rules, world: World, at: int) -> Moves:
    """`restore` from the last backup; it knows that it was."""
    image = world.hubs[at].image
    if world.may("restores") and image is not None:
        back = image._replace(life=f"r{world.lives}", era=image.era + 1, image=image)
        is_real = rules.after_restore == "end"
        back = ended_all(rules, back) if is_real else back._replace(waits_for=rules.after_restore)
        after = world.spent("restores")._replace(lives=world.lives + 1)
        yield (back.name, "is restored"), after.with_hub(at, back)


def _put_back(_rules: Rules, world: World, at: int) -> Moves:
    """The card is replaced by an old image; the node does not know."""
    image = world.hubs[at].image
    if world.may("is put back") and image is not None:
        back = image._replace(life=f"o{world.lives}", is_fooled=True, image=image)
        after = world.spent("is put back")._replace(lives=world.lives + 1)
        yield (back.name, "runs on an old image"), after.with_hub(at, back)


def _clone(_rules: Rules, world: World, at: int) -> Moves:
    """A copy of the folder runs beside it, for the same shelf."""
    hub = world.hubs[at]
    if world.may("is cloned") and not hub.is_stopped:
        life = f"c{world.lives}"
        copy = hub._replace(name=f"{hub.name}'", life=life, is_fooled=True)
        hubs = world.with_hub(at, hub._replace(is_fooled=True)).hubs
        after = world.spent("is cloned")._replace(lives=world.lives + 1, hubs=(*hubs, copy))
        yield (hub.name, "is cloned"), after


def _wait(_rules: Rules, world: World, at: int) -> Moves:
    """After a restore all holds pass, as a planted rule wants it."""
    hub = world.hubs[at]
    if hub.waits_for == "hold":
        yield (hub.name, "waits out the hold"), world.with_hub(at, hub._replace(waits_for=""))


# --- Lots begin


def _open_anew(rules: Rules, world: World, at: int) -> Moves:
    """A person counts what is there, after the old lots have ended, and offers it anew."""
    hub = world.hubs[at]
    quantity = uncounted(rules, world, hub)
    if hub.era and not hub.is_stopped and not hub.waits_for and quantity > 0:
        yield (hub.name, "counts and offers anew", quantity), _open(world, at, quantity)


def _accept(rules: Rules, world: World, at: int) -> Moves:
    """A hub opens the lot of what was set aside for it, once; a person looks whether it is there."""
    hub = world.hubs[at]
    if hub.is_stopped:
        return
    known = {thread.subject for thread, _ in hub.chains}
    for thread, _ in hub.chains:
        if not thread.is_lot or thread.author == hub.author or not hub.alive(thread):
            continue
        for allotment in chain_of(rules, hub, thread).allotments.values():
            if allotment.hub != hub.author or (rules.accepts_once and allotment.id in hub.accepted | known):
                continue
            there = uncounted(rules, world, hub) if rules.accepts_once else allotment.quantity
            if there > 0:
                after = _open(world, at, min(allotment.quantity, there), allotment.id)
                opened = after.hubs[at]
                after = after.with_hub(at, opened._replace(accepted=hub.accepted | {allotment.id}))
                yield (hub.name, "accepts what was set aside"), after


def _open(world: World, at: int, quantity: int, subject: bytes = b"", place: str = "") -> World:
    hub = world.hubs[at]
    number = sum(thread.is_lot and thread.life == hub.life for thread, _ in hub.chains)
    lot = thread_of(Kind.OFFER, hub.author, hub.era, hub.life, number, subject, place or hub.author)
    count = (("quantity", quantity), ("why", Why.OPENED.value))
    return committed(world, at, Writing(lot, Verb.COUNT, count))


# --- Planted


def _promise_of_others(rules: Rules, world: World, at: int) -> Moves:
    """Planted: a hub promises to its own need from stock that it sees at another."""
    hub = world.hubs[at]
    need = own_need(hub) if rules.anybody_promises else None
    claims = chain_of(rules, hub, need).claims.values() if need else ()
    for claim in claims:
        lot = claim.lot
        seen = min(free_in(rules, hub, lot), claim.asks) if lot.author != hub.author else 0
        if claim.state is ClaimState.OPEN and seen > 0:
            opened = _open(world, at, seen, place=lot.place)
            mine = next(one for one in own_lots(opened.hubs[at]) if one not in dict(hub.chains))
            facts = (("claim", claim.id), ("hold", HOLD_MIN), ("quantity", seen))
            after = committed(opened, at, Writing(mine, Verb.PROMISE, facts))
            yield (hub.name, f"promises itself {seen} of what it sees at", lot.author), after


def _revise(rules: Rules, world: World, at: int) -> Moves:
    """Planted: a person sees the shelf and revises the offer."""
    hub = world.hubs[at]
    if rules.revises and hub.author == "a" and hub.offered != world.shelf("a"):
        yield (
            (hub.name, "revises its offer to", world.shelf("a")),
            world.with_hub(at, hub._replace(offered=world.shelf("a"))),
        )


def _paper(rules: Rules, world: World, at: int) -> Moves:
    """People come with a promise that a hub on an old image does not know, and take what they were promised."""
    hub = world.hubs[at]
    if not hub.is_fooled or hub.author not in SHELVES:
        return
    for other in world.hubs:
        for thread, held in other.chains if other.author != hub.author else ():
            if thread.author != hub.author or not thread.is_lot:
                continue
            known = hub.held(thread).steps
            for name in held.steps:
                step = step_of(name)
                if step.verb != Verb.PROMISE or name in known or step.facts["claim"] in world.served:
                    continue
                if step.facts["quantity"] <= world.shelf(thread.place):
                    after = world.carried(thread.place, step.facts["quantity"])
                    after = after._replace(served=world.served | {step.facts["claim"]})
                    yield (hub.name, "hands over what it does not know it promised"), after


OTHERS: dict[str, Callable[[Rules, World, int], Moves]] = {
    "backs up": _back_up,
    "restores": _restore,
    "is put back": _put_back,
    "is cloned": _clone,
    "waits": _wait,
    "opens anew": _open_anew,
    "accepts": _accept,
    "promises of others": _promise_of_others,
    "revises": _revise,
    "paper": _paper,
}
