"""What the parts of the core share: the hub's identity, its sets, its sessions, and the actions of one step.

`Hub` owns one `SyncState`; every function of this package takes it, reads it and changes it. `Step` collects what one
event leads to and puts it in the one order that is safe: store, then send, then tell.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import Entry, register_of_head
from hartig_protocol.catalog.fingerprint import AuditSet
from hartig_protocol.catalog.waiting import WaitingPlace
from hartig_protocol.events import Action, CloseLink, Commit, Cursor, Notice, Now, PeerChanged, SendFrame, Told
from hartig_protocol.limits import AUDITS_PER_MINUTE_MAX
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Kind, Record, Wire
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.messages import REASON_BYTES_MAX, Bye, Message, pack


@dataclass(frozen=True)
class PendingInvite:
    """An invite that this hub wants to use: whom to ask, and with what."""

    inviter_node: bytes
    secret: bytes
    recovery: tuple[bytes, bytes] | None = None


class Phase(Enum):
    """Where a session stands.

    GREETING: nobody is known yet; the side that dialled speaks first, so that a stranger learns nothing.
    JOINING: an invite was held out (by us or by them) and no answer has come. OPEN: a member, everything flows.
    """

    GREETING = "greeting"
    JOINING = "joining"
    OPEN = "open"


@dataclass
class Outbound:
    """Our stream to one peer. `sent`: through which arrival number it was sent; `told`: what we last told.

    While `governance_upto` stands, proofs are sent first; `proofs_sent` says how far.
    `unacked` holds (message number, records in it); a full window stops sending until the peer has caught up.
    """

    sent: int = 0
    told: int = -1
    number: int = 0
    unacked: deque[tuple[int, int]] = field(default_factory=deque)
    window_used: int = 0
    reading: bool = False
    governance_upto: int | None = None
    proofs_sent: int = 0
    serve: deque[bytes] = field(default_factory=deque)
    push: deque[bytes] = field(default_factory=deque)
    fetching: int | None = None  # ANSWER or PUSH: why records are being read by id just now


@dataclass
class Inbound:
    """What one peer sends us. `pending` is a "complete through" that waits until nothing is set aside.

    `wanted` is to be asked for, in its order; `asked` was asked for since the last audit and is not asked again.
    """

    spilled: bool = False
    pending: tuple[int, bytes] | None = None
    final: bool = False
    wanted: dict[bytes, None] = field(default_factory=dict)
    asking: bool = False
    asked: set[bytes] = field(default_factory=set)
    old_threads: deque[bytes] = field(default_factory=deque)
    refused: int = 0


@dataclass
class AuditRun:
    """The state of auditing with one peer."""

    due_ms: int = 0
    as_of: int | None = None
    listed: list[bytes] = field(default_factory=list)
    equal_at_ms: int | None = None
    listed_ms: int | None = None  # when (steady ms) we last sent our list


@dataclass
class Session:
    """One link to one node."""

    link: int
    peer_node: bytes
    opened_by_us: bool
    nonce: bytes
    opened_ms: int
    heard_ms: int
    pinged_ms: int
    phase: Phase = Phase.GREETING
    peer_hub: bytes = b""
    peer_epoch: bytes = b""
    out: Outbound = field(default_factory=Outbound)
    into: Inbound = field(default_factory=Inbound)
    audit: AuditRun = field(default_factory=AuditRun)
    audits_heard_ms: deque[int] = field(default_factory=lambda: deque(maxlen=AUDITS_PER_MINUTE_MAX))

    def __repr__(self) -> str:
        return (
            f"<Session {self.link} {self.phase.value} node {self.peer_node.hex()[:8]} sent {self.out.sent} "
            f"unacked {self.out.window_used}>"
        )

    @property
    def is_open(self) -> bool:
        """Whether the other side is a known member and everything flows."""
        return self.phase is Phase.OPEN


@dataclass
class SyncState:
    """All that the core remembers."""

    network: bytes
    hub_key: SigningKey
    node_id: bytes
    epoch: bytes
    catalog: Catalog
    cursors: Cursors
    card: Wire | None = None
    invite: PendingInvite | None = None
    waiting: WaitingPlace = field(default_factory=WaitingPlace)
    sessions: dict[int, Session] = field(default_factory=dict)

    nodes_of_hub: dict[bytes, frozenset[bytes]] = field(default_factory=dict)
    hub_seen_at: dict[bytes, bytes] = field(default_factory=dict)
    _hub_cards: dict[bytes, dict[int, tuple[frozenset[bytes], Wire | None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.audit_set = AuditSet(self.catalog)

    def card_accepted(self, record: Record) -> None:
        """Remember which nodes speak for a hub, as its cards say, and our own card for our hello (SPEC C2).

        Wants every accepted record: a card counts until another version, an ended one too, or another thread takes its
        place. A card that goes because its hub lost its proof is not forgotten: a new grant finds the hub by its nodes.
        """
        head = record.head
        cards, names = self._hub_cards.get(head.author, {}), _names_nodes(head)
        if head.is_chain or not (names or head.place in cards):
            return
        register = register_of_head(head)
        if register is None or register[1] != "place":
            return
        cards = {place: card for place, card in cards.items() if place != head.place}
        if names:
            wire = record.wire if head.author == self.hub_key.public else None
            cards[head.place or 0] = (frozenset(head.facts["nodes"]), wire)
        self._hub_cards[head.author] = cards
        self._cards_changed(head.author)

    def _cards_changed(self, hub: bytes) -> None:
        cards = self._hub_cards[hub]
        self.nodes_of_hub[hub] = frozenset[bytes]().union(*(nodes for nodes, _ in cards.values()))
        self.hub_seen_at = {n: seen for n, seen in self.hub_seen_at.items() if n in self.nodes_of_hub[seen]}
        if not cards:
            del self._hub_cards[hub], self.nodes_of_hub[hub]
        if hub == self.hub_key.public:
            self.card = cards[min(cards)][1] if cards else None

    def hub_of(self, node: bytes) -> bytes | None:
        """Return the hub that a node spoke for when it was last here, or the only one whose card names it.

        A card can name any node, so this only chooses a cursor; whoever greets is judged by its own hub's card.
        """
        claimants = [hub for hub, nodes in self.nodes_of_hub.items() if node in nodes]
        return self.hub_seen_at.get(node) or (claimants[0] if len(claimants) == 1 else None)

    @property
    def is_member(self) -> bool:
        """Whether this hub's own key stands."""
        return self.catalog.authority.standing(self.hub_key.public) is not None

    def open_sessions(self) -> list[Session]:
        """The sessions with members, by link number."""
        return [self.sessions[link] for link in sorted(self.sessions) if self.sessions[link].is_open]


def _names_nodes(head: Head) -> bool:
    """Whether this is a hub's card that has not ended."""
    return head.kind == Kind.CARD and head.facts.get("type") == "hub" and not head.ends


class Step:
    """What one event leads to."""

    def __init__(self, now: Now) -> None:
        self.now = now
        self.commit = Commit()
        self._sends: list[Action] = []
        self._tells: list[Action] = []

    def send(self, session: Session, message: Message) -> None:
        """Send a message after the commit is durable."""
        self._sends.append(SendFrame(session.link, pack(message)))
        session.pinged_ms = self.now.steady_ms

    def order(self, action: Action) -> None:
        """Read something, or ask the node something, after the commit is durable."""
        self._sends.append(action)

    def tell(self, action: Action) -> None:
        """Tell the node's people and programs, last of all."""
        self._tells.append(action)

    def notice(self, notice: Notice) -> None:
        """Write a line into the feed."""
        self.commit.notices.append(notice)

    def close(self, state: SyncState, session: Session, code: str, reason: str) -> None:
        """Say why, and end a session; it is forgotten at once."""
        self.send(session, Bye(code, shortened(reason)))
        self._sends.append(CloseLink(session.link, code, reason))
        self.forget(state, session, code, reason)

    def forget(self, state: SyncState, session: Session, code: str, reason: str) -> None:
        """Forget a session whose link is gone or about to go."""
        del state.sessions[session.link]
        was_open = session.is_open
        hub = session.peer_hub or None
        self.tell(PeerChanged(session.link, session.peer_node, hub, "closed" if was_open else "refused", code, reason))
        if any(other.peer_hub == session.peer_hub for other in state.sessions.values()):
            return
        state.waiting.forget_peer(session.peer_hub)
        if was_open:
            self.notice(Notice("peer.left", self.now.wall_ms, peer=session.peer_hub))

    def actions(self) -> list[Action]:
        """Return all of it in order: store, then send, then tell."""
        return [*([self.commit] if self.commit else []), *self._sends, *self._tells]


def load_state(
    network: bytes,
    hub_key: SigningKey,
    node_id: bytes,
    loaded: "LoadedRows",
    invite: PendingInvite | None = None,
) -> SyncState:
    """Build the state of a starting hub from what its store holds."""
    records = [open_record(wire, verify_signature=False) for wire in loaded.governance.values()]
    catalog = Catalog(network)
    catalog.load(loaded.entries, records, loaded.last_n, loaded.running)
    state = SyncState(network, hub_key, node_id, loaded.epoch, catalog, Cursors(loaded.cursors, loaded.told))
    state.invite = invite
    for record in sorted(records, key=lambda record: catalog.entries[record.id].n):
        state.card_accepted(record)
    return state


def shortened(text: str) -> str:
    """Cut a reason to what a message may carry, between characters."""
    return text.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


class LoadedRows(Protocol):
    """What a store hands to a starting core."""

    @property
    def epoch(self) -> bytes: ...  # noqa: D102
    @property
    def last_n(self) -> int: ...  # noqa: D102
    @property
    def running(self) -> bytes: ...  # noqa: D102
    @property
    def entries(self) -> Sequence[Entry]: ...  # noqa: D102
    @property
    def governance(self) -> Mapping[bytes, Wire]: ...  # noqa: D102
    @property
    def cursors(self) -> Sequence[Cursor]: ...  # noqa: D102
    @property
    def told(self) -> Sequence[Told]: ...  # noqa: D102
