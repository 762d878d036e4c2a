"""Greetings between two networks, by hubs that speak for them (SPEC X7, X8).

The side that opened the link speaks first; each shows charters, the grants down to its hub, its card, and its network's
side of the agreement. Who is no partner yet is looked at apart from everything else, and only so often: what it proves
is a proposal for people to look at, and nothing more. Who calls: `federation`.
"""

from collections import deque
from collections.abc import Sequence

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.errors import MessageError, RecordError
from hartig_protocol.events import Now, PactProposed
from hartig_protocol.limits import (
    ABROAD_GREETINGS_PER_MINUTE,
    EPOCH_BYTES,
    MINUTE_MS,
    VERSION_HIGHEST,
    VERSION_LOWEST,
)
from hartig_protocol.partners.agreeing import OVER
from hartig_protocol.partners.partner import NOT_SPEAKING, speaks
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Kind, Record, Wire
from hartig_protocol.sync import inbound
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.greeting import fitting, judge_node
from hartig_protocol.sync.messages import Abroad
from hartig_protocol.sync.proving import TOO_OFTEN, prove
from hartig_protocol.sync.state import Step, SyncState
from hartig_protocol.trust.agreements import standing_pact

NOT_READY = ("not_ready", "this hub is getting ready; try again in a moment")


def greeting_for(state: SyncState, network: bytes, peer_node: bytes, pact: Record | None) -> Abroad:
    """Return our greeting to a hub that speaks for another network.

    What proves the author of the pact comes before what proves this hub, unless it is among that.
    """
    path = state.catalog.path_of(state.hub_key.public)
    others = state.catalog.path_of(pact.head.author) if pact is not None else []
    if not {one.id for one in others} <= {one.id for one in path}:
        path = [*others, *(one for one in path if one.head.kind != Kind.CHARTER)]
    wires = [record.wire for record in path]
    wires += [state.card] if state.card is not None else []
    return Abroad(
        VERSION_LOWEST,
        VERSION_HIGHEST,
        state.network,
        network,
        state.node_id,
        peer_node,
        state.hub_key.public,
        fitting(wires),
        None if pact is None else pact.wire,
    )


def check_ends(state: SyncState, peer_node: bytes, greeting: Abroad) -> None:
    """Raise `MessageError` unless a greeting is about these two networks and the two ends of the channel."""
    if greeting.other != state.network or greeting.network == state.network:
        raise MessageError("other_network", "the greeting is for another network")
    if greeting.own_node != peer_node or greeting.peer_node != state.node_id:
        raise MessageError("wrong_node", "the greeting names other nodes than the channel has proven")


def take_proofs(state: SyncState, step: Step, greeting: Abroad) -> bool:
    """Take what proves a partner's hub, and its side of the agreement; false where there was no time to look."""
    is_looked_at = prove(state, step, greeting.hub, greeting.own_node, greeting.records)
    pact = read_pact(greeting)
    if pact is not None and judge_node(state, greeting.hub, greeting.own_node) is None:
        author = pact.head.author
        prove(state, step, author, None, _path_to(author, greeting.records))
        inbound.ingest(state, step, [pact], None)
    return is_looked_at


def _path_to(author: bytes, wires: Sequence[Wire]) -> Sequence[Wire]:
    """Return what stands before the last grant to this key, and that; nothing where there is none."""
    for at in range(len(wires), 0, -1):
        try:
            head = open_record(wires[at - 1], verify_signature=False).head
        except RecordError:
            continue
        if head.kind == Kind.GRANT and head.subject == author:
            return wires[:at]
    return ()


def read_pact(greeting: Abroad) -> Record | None:
    """Return the side of the agreement that a greeting shows, if it is one about these two networks."""
    if greeting.pact is None:
        return None
    try:
        record = open_record(greeting.pact)
    except RecordError:
        return None
    head = record.head
    is_one = head.kind == Kind.PACT and (head.network, head.subject) == (greeting.network, greeting.other)
    return record if is_one else None


class Strangers:
    """Greetings of networks with which there is no agreement; each is judged on its own, and forgotten."""

    def __init__(self) -> None:
        self._looked_ms: deque[int] = deque(maxlen=ABROAD_GREETINGS_PER_MINUTE)

    def __repr__(self) -> str:
        return f"<Strangers {len(self._looked_ms)} looked at>"

    def look(self, home: SyncState, greeting: Abroad, now: Now) -> PactProposed | tuple[str, str]:
        """Return what is proposed, or why there is nothing."""
        looked = self._looked_ms
        if len(looked) == looked.maxlen and now.steady_ms - looked[0] < MINUTE_MS:
            return TOO_OFTEN
        looked.append(now.steady_ms)
        catalog = Catalog(greeting.network)
        state = SyncState(
            greeting.network, home.hub_key, home.node_id, bytes(EPOCH_BYTES), catalog, Cursors()
        )  # thrown away with what it takes
        step = Step(now)
        take_proofs(state, step, greeting)
        refusal = judge_node(state, greeting.hub, greeting.own_node)
        if refusal is None and not speaks(state, greeting.hub):
            refusal = NOT_SPEAKING
        if refusal is not None:
            return refusal
        pact = standing_pact(catalog.governance.values(), catalog.authority, greeting.other, _wall_ms(now))
        if pact is None:
            return OVER
        return PactProposed(greeting.network, shown(catalog, greeting.hub, greeting.records[-1], pact))


def shown(catalog: Catalog, hub: bytes, card: Wire, pact: Pact) -> tuple[Wire, ...]:
    """Return what proves a proposal to whoever looks at it later, offline: proofs, the hub's card, the pact last."""
    records = [*catalog.path_of(hub), *catalog.path_of(catalog.governance[pact.id].head.author)]
    wires = {record.id: record.wire for record in records}
    return (*wires.values(), card, catalog.governance[pact.id].wire)


def _wall_ms(now: Now) -> int | None:
    return now.wall_ms if now.trusted else None
