"""Greetings: hello between members, join and admit between a member and a newcomer (SPEC, part H).

The side that opened the link speaks first. A hello carries the charter, the grants down to the speaker's hub and its
card, so that any member can judge a newcomer at once, also one that was admitted while everyone else was away.
"""

from collections.abc import Sequence

from hartig_protocol.errors import MessageError
from hartig_protocol.events import (
    Admitted,
    AskAdmission,
    NewcomerAdmitted,
    NewcomerRefused,
    Notice,
    PeerChanged,
)
from hartig_protocol.limits import GREETING_BYTES_MAX, HELLO_TIMEOUT_MS, NODES_MAX, VERSION_HIGHEST, VERSION_LOWEST
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import PREFIX_JOIN, SigningKey, verify
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire
from hartig_protocol.sync import feeding, inbound, outbound, overlay, timekeeping
from hartig_protocol.sync.messages import Admit, Hello, Join, Ping
from hartig_protocol.sync.proving import TOO_OFTEN, prove
from hartig_protocol.sync.state import Joining, Phase, Session, Step, SyncState


def greet(state: SyncState, session: Session, step: Step) -> None:
    """Speak first on a link that we opened: hello as a member, join as a newcomer at a node that it asks."""
    if state.is_member or state.enclosure is not None:
        _send_hello(state, session, step)
    elif state.joining is not None and state.joining.asks(session.peer_node):
        session.phase = Phase.JOINING
        step.send(session, join_of(state.network, state.hub_key, state.node_id, session.peer_node, state.joining))
    else:
        step.close(state, session, "not_a_member", "this hub belongs to no network yet")


def join_of(network: bytes, hub_key: SigningKey, own_node: bytes, peer_node: bytes, joining: Joining) -> Join:
    """Return a newcomer's greeting; a network that it does not know yet is all zero (SPEC H5)."""
    return Join(
        VERSION_LOWEST,
        VERSION_HIGHEST,
        network,
        own_node,
        peer_node,
        joining.secret,
        hub_key.public,
        joining.recovery,
        hub_key.sign(join_proof(network, own_node, peer_node)),
        joining.records,
    )


def join_proof(network: bytes, newcomer_node: bytes, inviter_node: bytes) -> bytes:
    """Return what the newcomer's hub key signs: it binds the key to both ends of the channel."""
    return PREFIX_JOIN + network + newcomer_node + inviter_node


def _send_hello(state: SyncState, session: Session, step: Step) -> None:
    own, records = state.hub_key.public, list[Wire]()
    if state.enclosure is None:
        records += [record.wire for record in state.catalog.path_of(own)]
        records += [] if state.card is None else [state.card]
    step.send(
        session,
        Hello(
            VERSION_LOWEST,
            VERSION_HIGHEST,
            state.network,
            state.node_id,
            session.peer_node,
            session.nonce,
            own,
            fitting(records),
            state.epoch,
            _cursor_for(state, session),
            _newest_for(state, session),
            step.now.wall_ms,
            timekeeping.vouched(step.now),
            state.catalog.shared_count,
            feeding.claim(state, session, step),
            overlay.asks_in(state, session),
        ),
    )


def fitting(wires: Sequence[Wire]) -> tuple[Wire, ...]:
    """Return these records; without the first charters, which come first, where all would not fit a frame."""
    sizes = [sum(len(part or b"") for part in wire) for wire in wires]
    too_many, bytes_left = 0, sum(sizes) + 16 * len(sizes) - GREETING_BYTES_MAX
    while bytes_left > 0:
        bytes_left -= sizes[too_many] + 16
        too_many += 1
    return tuple(wires[too_many:])


def _cursor_for(state: SyncState, session: Session) -> tuple[bytes, int, bytes] | None:
    """Our cursor at this peer: known by its hub, which the dialling side looks up by its card's node."""
    hub = session.peer_hub or state.hub_of(session.peer_node)
    return state.cursors.ours(hub) if hub else None


def _newest_for(state: SyncState, session: Session) -> bytes | None:
    hub = session.peer_hub or state.hub_of(session.peer_node)
    return state.catalog.newest_of.get(hub) if hub else None


def hello_received(state: SyncState, session: Session, step: Step, hello: Hello) -> None:
    """Judge a member's hello; answer with ours where they spoke first; open the session and start the stream.

    What it carries is judged at once or not at all (`proving`): a stranger sets nothing aside in a member's name.
    """
    _check_ends(state, session, hello)
    if session.phase is not Phase.GREETING:
        raise MessageError("bad_message", "a second greeting on one link")
    if state.enclosure is not None:
        _check_enclosed(session, hello)
    else:
        is_looked_at = prove(state, step, hello.hub, session.peer_node, hello.records)
        refusal = _judge_member(state, session, hello)
        if refusal is not None:
            step.close(state, session, *(refusal if is_looked_at else TOO_OFTEN))
            return
    same = {other.peer_node for other in state.open_sessions() if other.peer_hub == hello.hub} - {session.peer_node}
    if len(same) >= NODES_MAX:
        step.close(state, session, "full", f"{NODES_MAX} nodes of this hub have a link already")
        return
    session.peer_hub, session.peer_epoch, session.peer_nonce = hello.hub, hello.epoch, hello.nonce
    refusal = overlay.admit(state, session, hello.alone)
    if refusal is not None:
        step.close(state, session, *refusal)
        return
    if not session.opened_by_us:
        _send_hello(state, session, step)
    _open(state, session, step, hello)


def _check_enclosed(session: Session, hello: Hello) -> None:
    """Hold a greeting about a partner network's records to what the link is known for; who may speak was judged."""
    if hello.hub != session.peer_hub or hello.records:
        raise MessageError("bad_message", "a greeting about a partner network's records that names another hub")


def _check_ends(state: SyncState, session: Session, greeting: Hello | Join) -> None:
    if greeting.network != state.network and not _asks_for_network(greeting):
        raise MessageError("other_network", "the other hub belongs to another network")
    if greeting.own_node != session.peer_node or greeting.peer_node != state.node_id:
        raise MessageError("wrong_node", "the greeting names other nodes than the channel has proven")


def _asks_for_network(greeting: Hello | Join) -> bool:
    return isinstance(greeting, Join) and not any(greeting.network) and not greeting.secret


def _judge_member(state: SyncState, session: Session, hello: Hello) -> tuple[str, str] | None:
    """Return why this is no member's node, or None."""
    if hello.hub == state.hub_key.public:
        return (
            "own_key",
            "a hub with this hub's own key: two copies of one folder are running; stop one of them",
        )
    return judge_node(state, hello.hub, session.peer_node)


def judge_node(state: SyncState, hub: bytes, node: bytes) -> tuple[str, str] | None:
    """Return why this node does not speak for a member's hub, or None."""
    refusal = judge_standing(state, hub)
    if refusal is None and node not in state.nodes_of_hub.get(hub, ()):
        return "wrong_card", "the hub's card does not name this node"
    return refusal


def judge_standing(state: SyncState, hub: bytes) -> tuple[str, str] | None:
    """Return why this key is no member's hub, or None."""
    standing = state.catalog.authority.standing(hub)
    if standing is not None and standing.rank >= Rank.HUB:
        return None
    if hub in state.catalog.authority.revoked:
        return "revoked", "the hub's key was revoked"
    return "not_a_member", "no grant for this hub stands: it has ended, or has not come yet"


def _open(state: SyncState, session: Session, step: Step, hello: Hello) -> None:
    for other in state.open_sessions():
        if other.peer_node == session.peer_node and other is not session:
            is_race = session.opened_ms - other.opened_ms < HELLO_TIMEOUT_MS
            older_stays = is_race and _stays(state, other) and not _stays(state, session)
            step.close(state, session if older_stays else other, "doubled", "two links to one hub; one is enough")
            if older_stays:
                return
    is_news = all(other.peer_hub != hello.hub for other in state.open_sessions())
    session.phase = Phase.OPEN
    state.overlay.links_changed = True
    session.audit.due_ms = step.now.steady_ms
    if hello.alone:
        overlay.evict(state, step, session)
    feeding.opened(state, session, hello.count)
    if state.enclosure is None:
        state.hub_seen_at[session.peer_node] = hello.hub
        timekeeping.heard(state, step, hello)
    step.tell(PeerChanged(session.link, session.peer_node, hello.hub, "open"))
    if is_news and state.enclosure is None:
        step.notice(Notice("peer.connected", step.now.wall_ms, peer=hello.hub))
    if hello.newest is not None and hello.newest not in state.catalog.entries:
        inbound.want(session.into, [hello.newest])  # anybody can say so; the record itself is the proof
        inbound.ask(session, step)
    step.send(session, Ping(step.now.steady_ms))  # measures the round trip, which timers for pulling follow
    outbound.start_stream(state, session, step, hello)


def _stays(state: SyncState, session: Session) -> bool:
    """Of two links between the same nodes, the one that the lower node id opened stays."""
    return session.opened_by_us == (state.node_id < session.peer_node)


def join_received(state: SyncState, session: Session, step: Step, join: Join) -> None:
    """Check a newcomer's greeting: one that stands is admitted, else the node is asked whether it may be.

    What it carries is judged at once or not at all, as in a hello.
    """
    _check_ends(state, session, join)
    if session.phase is not Phase.GREETING or session.opened_by_us:
        raise MessageError("bad_message", "a join belongs at the start of a link, from the side that opened it")
    message = join_proof(join.network, join.own_node, join.peer_node)
    if not verify(join.hub, message, join.proof):
        raise MessageError("bad_signature", "the newcomer's proof does not verify")
    session.phase = Phase.JOINING
    session.peer_hub = join.hub
    names_network = join.network == state.network
    if not prove(state, step, join.hub, None, join.records):
        step.close(state, session, *TOO_OFTEN)
        return
    if names_network and state.catalog.authority.standing(join.hub) is not None:
        _send_admit(state, session, step)
        return
    if join.hub in state.catalog.authority.revoked:
        _close_revoked(state, session, step)
        return
    ask = AskAdmission(session.link, session.peer_node, join.hub, join.secret, join.recovery, names_network)
    step.order(ask)


def newcomer_admitted(state: SyncState, session: Session | None, step: Step, event: NewcomerAdmitted) -> None:
    """Publish the grant that the node has signed, and answer with the path down to it.

    A newcomer that has gone finds the door open next time. One that does not stand by the grant uses no invite.
    """
    record = open_record(event.grant)
    inbound.ingest(state, step, [record], None)
    stands = state.catalog.authority.standing(record.head.subject) is not None
    if record.id in state.catalog.entries:
        step.commit.private.extend(event.private + (event.used if stands else ()))
    if session is None:
        return
    if stands:
        _send_admit(state, session, step)
    elif record.head.subject in state.catalog.authority.revoked:
        _close_revoked(state, session, step)
    else:
        step.close(state, session, "no_invites", "the inviting hub has no invites left; ask another hub or a trustee")


def _close_revoked(state: SyncState, session: Session, step: Step) -> None:
    step.close(state, session, "revoked", "the hub's key was revoked; join with a new key")


def _send_admit(state: SyncState, session: Session, step: Step) -> None:
    """Send the newcomer its path, and our own with our card, by which it knows whom to greet next."""
    paths = [*state.catalog.path_of(session.peer_hub), *state.catalog.path_of(state.hub_key.public)]
    wires = {record.id: record.wire for record in paths}
    step.send(session, Admit(fitting([*wires.values(), *([state.card] if state.card else [])])))


def newcomer_refused(state: SyncState, session: Session, step: Step, event: NewcomerRefused) -> None:
    """Tell a newcomer why it is not let in; who may know which network this is sees the charters, lowest first."""
    if event.shows_network:
        path = state.catalog.path_of(state.hub_key.public)
        step.send(session, Admit(tuple(record.wire for record in path if record.head.kind == Kind.CHARTER)))
    step.close(state, session, event.code, event.reason)


def admit_received(state: SyncState, session: Session, step: Step, admit: Admit) -> None:
    """Become a member: take the charter and the path, and close; the next link begins with a hello."""
    if session.phase is not Phase.JOINING or not session.opened_by_us:
        raise MessageError("bad_message", "an admission that nobody asked for")
    records: list[Record] = inbound.open_all(state, session, admit.records)
    charters = [record for record in records if record.head.kind == Kind.CHARTER]
    inbound.ingest(state, step, [*charters, *records], None)
    if not state.is_member:
        reason = "the inviter's answer does not prove that this hub belongs: is the time right, here and there?"
        step.close(state, session, "bad_admission", reason)
        return
    state.joining = None
    step.tell(Admitted())
    step.close(state, session, "admitted", "admitted; greeting again as a member")
