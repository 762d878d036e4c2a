"""Records and names of a peer: dealt with at once, or in their turn where too much comes (SPEC, part S).

In: `Records` and `Have` messages, and the time. Out: calls of `inbound` and `pulling`, and acknowledgements of what was
dealt with, so that the window of a sender that is too quick stays full, and it chooses what goes first. While something
of a link waits, its cursor rests (`inbound.commit_cursor`), and an answer is over when all its parts were dealt with.
"""

from collections import Counter
from collections.abc import Sequence

from hartig_protocol.errors import MessageError
from hartig_protocol.limits import (
    INTAKE_COST,
    INTAKE_COST_NAME,
    INTAKE_HELD_MAX,
    INTAKE_LINK_MAX,
    RECORDS_PER_FRAME,
    SHORT_BYTES,
)
from hartig_protocol.sync import feeding, inbound, pulling
from hartig_protocol.sync.fairness import Branch, branch_of
from hartig_protocol.sync.intake import (
    NAMES,
    NAMES_BRANCH,
    Item,
    Part,
    author_claimed,
    names_item,
    weight_of,
    weight_of_names,
)
from hartig_protocol.sync.messages import ANSWER, Have, Records
from hartig_protocol.sync.state import Session, Step, SyncState


def records_received(state: SyncState, session: Session, step: Step, message: Records) -> None:
    """Deal with records, or let them wait."""
    several_received(state, session, step, (message,))


def several_received(state: SyncState, session: Session, step: Step, messages: Sequence[Records]) -> None:
    """Deal with messages that came together, for the same reason and in this order, as if they were one."""
    why = messages[-1].why
    if _must_wait(state, session, step, why):
        for message in messages:
            if session.link in state.sessions:
                _hold_records(state, session, step, message)
                _bound(state, session, step)
        return
    inbound.take(state, session, step, why, [wire for message in messages for wire in message.records])
    if why == ANSWER:
        inbound.part_taken(state, session, step, final=messages[-1].final)  # only the last may end an answer
    inbound.commit_cursor(state, session, step)
    inbound.dealt(session, step, sum(_weight(message) for message in messages))
    inbound.ask(session, step)


def _must_wait(state: SyncState, session: Session, step: Step, why: int) -> bool:
    """Whether records wait for their turn: behind others of their link, or where there are no tokens."""
    state.intake.pool.refill(step.now.steady_ms)
    if why == ANSWER and session.into.parts:
        return True  # answers end in the order in which they were asked for
    if feeding.is_on_credit(state, session, step, why):
        return False
    return session.into.held > 0 or not state.intake.takes(step.now.steady_ms, session.peer_hub)


def have_received(state: SyncState, session: Session, step: Step, message: Have) -> None:
    """Note what the peer names, or let it wait; what is here already needs no thought."""
    if session.into.held or not state.intake.takes(step.now.steady_ms, session.peer_hub):
        _wait(state, session, step, NAMES_BRANCH, names_item(session.link, session.peer_hub, message))
        _bound(state, session, step)
        return
    _take_names(state, session, step, message)
    inbound.dealt(session, step, weight_of_names(message.short))


def _take_names(state: SyncState, session: Session, step: Step, message: Have) -> None:
    state.intake.pool.spend(len(message.short) // SHORT_BYTES * INTAKE_COST_NAME)
    pulling.have_received(state, session, step, message)


def _weight(message: Records) -> int:
    return max(1, sum(map(weight_of, message.records)))


# --- What waits


def _hold_records(state: SyncState, session: Session, step: Step, message: Records) -> None:
    """Let records wait; what cannot be one is refused at once, and costs nothing more."""
    into, part, dropped = session.into, None, 0
    if message.why == ANSWER:
        if message.final and sum(one.final for one in into.parts) >= len(into.questions):
            raise MessageError("bad_message", "an answer that nobody asked for")
        part = Part(len(message.records), message.final)
        into.parts.append(part)
        into.answered_ms = step.now.steady_ms
    for wire in message.records:
        author = author_claimed(wire)
        if author is None:
            into.refused += 1
            dropped += weight_of(wire)
            if part is not None:
                part.left -= 1
            continue
        item = Item(session.link, message.why, wire, weight_of(wire), author, part, session.peer_hub)
        _wait(state, session, step, branch_of(state.catalog, author), item)
    _finish(state, session, step)
    if dropped or not message.records:
        inbound.dealt(session, step, dropped or 1)


def _wait(state: SyncState, session: Session, step: Step, branch: Branch, item: Item) -> None:
    into = session.into
    if not into.lane:
        into.lane = (*state.branch_of_peer(session.peer_hub), b"%d" % session.link)
    into.held += item.weight
    state.intake.wait(into.lane, branch, item, step.now.steady_ms)


def _bound(state: SyncState, session: Session, step: Step) -> None:
    """End a link of which more waits than an honest sender ever has under way; and if too much waits in all, one.

    That is the link with the most in the heaviest branch, level by level: its sender may send it again.
    """
    if session.into.held + len(session.into.parts) > INTAKE_LINK_MAX:
        step.close(state, session, "too_often", "sends more than its window allows")
    elif sum(one.into.held for one in state.sessions.values()) > INTAKE_HELD_MAX:
        step.close(state, _heaviest(state), "too_often", "too much waits here, and most of it came this way")


def _heaviest(state: SyncState) -> Session:
    found, depth = [one for one in state.sessions.values() if one.into.held], 0
    while len(found) > 1:
        held: Counter[Branch] = Counter()
        for one in found:
            held[one.into.lane[depth : depth + 1]] += one.into.held
        most = max(held, key=lambda key: (held[key], key))
        found, depth = [one for one in found if one.into.lane[depth : depth + 1] == most], depth + 1
    return found[0]


def drain(state: SyncState, step: Step) -> None:
    """Deal with those whose turn it is, of each link and reason together; acknowledge it at once."""
    groups: dict[tuple[int, int], list[Item]] = {}
    for item in state.intake.turn(step.now.steady_ms, RECORDS_PER_FRAME):
        groups.setdefault((item.link, item.why), []).append(item)
    for (link, why), items in groups.items():
        session = state.sessions[link]
        if why == NAMES:
            items.extend(_names_of_a_turn(state, session, items))
        session.into.held -= sum(item.weight for item in items)
        session.into.weight += sum(item.weight for item in items)
        if why == NAMES:
            for item in items:
                _take_names(state, session, step, item.what)
        else:
            inbound.take(state, session, step, why, [item.what for item in items])
        for item in items:
            if item.part is not None:
                item.part.left -= 1
        _finish(state, session, step)
        inbound.commit_cursor(state, session, step)
        inbound.acknowledge(session, step)
        inbound.ask(session, step)


def _names_of_a_turn(state: SyncState, session: Session, items: Sequence[Item]) -> list[Item]:
    """Take more names of a link, as many as may come for the price of the records in whose turn these are."""
    left, found = INTAKE_COST * len(items) - sum(map(_cost_of_names, items)), list[Item]()
    while left > 0 and (more := state.intake.queue.pop_own((*session.into.lane, *NAMES_BRANCH), 1)):
        left -= _cost_of_names(more[0])
        found += more
    return found


def _cost_of_names(item: Item) -> int:
    return len(item.what.short) // SHORT_BYTES * INTAKE_COST_NAME


def _finish(state: SyncState, session: Session, step: Step) -> None:
    """End those parts of answers of which nothing waits any more, in the order in which they came."""
    parts = session.into.parts
    while parts and not parts[0].left:
        inbound.part_taken(state, session, step, final=parts.popleft().final)
