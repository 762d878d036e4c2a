"""What the parts of the core share: the hub's identity, its sets, its sessions, and the actions of one step.

`Hub` owns one `SyncState`; every function of this package takes it, reads it and changes it. `Step` collects what one
event leads to and puts it in the one order that is safe: store, then send, then tell.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from zlib import crc32

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import Entry, register_of_head
from hartig_protocol.catalog.fingerprint import AuditSet
from hartig_protocol.catalog.jobs import Job
from hartig_protocol.catalog.waiting import WaitingPlace
from hartig_protocol.events import (
    Action,
    CloseLink,
    Commit,
    ContinueWork,
    Cursor,
    Notice,
    Now,
    PeerChanged,
    SendFrame,
    Told,
)
from hartig_protocol.limits import HUB_CARDS_MAX
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Kind, Record, Wire
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.fairness import NOBODYS, Branch, branch_of
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.intake import Intake
from hartig_protocol.sync.messages import (
    REASON_BYTES_MAX,
    Bye,
    Message,
)
from hartig_protocol.sync.overlay_state import OverlayState
from hartig_protocol.sync.session import Inbound, Outbound, Phase, Question, Session
from hartig_protocol.values import value


@value
class Joining:
    """How this hub, which does not stand yet, wants to become a member: whom it asks, and with what.

    The daemon makes it when it starts (`daemon/joining.py`) and hands it to `load_state`; it goes when the hub stands.
    `nodes`: whom to ask; empty: any node of the network that a link leads to, and then there is no secret.
    `records`: at most `JOIN_RECORDS_MAX` wire forms of governance records that prove the key where it stands already,
    such as a re-keyed hub's revocation of its old key. `recovery`: for the grant to carry (SPEC G8).
    """

    nodes: tuple[bytes, ...] = ()
    secret: bytes = b""
    records: tuple[Wire, ...] = ()
    recovery: tuple[bytes, bytes] | None = None

    def asks(self, node: bytes) -> bool:
        """Whether this node is one to ask."""
        return not self.nodes or node in self.nodes


@dataclass
class Enclosure:
    """What is other in the core of a partner network's records, whose sessions share links that others have judged.

    `home`: by whose grants the hubs of our own network take turns. `takes`: whether it takes records from its peers;
    what we serve of our own network's is changed by that alone (SPEC X6).
    """

    home: Catalog
    takes: bool


@dataclass
class Missing:
    """A record that was named and is not here. `links`: who named it and was not asked yet, in order.

    `due_ms` (steady): when the next of them is asked. `live`: it was named while nothing else was catching up, so that
    whoever brings it is asked for the next of its origin at once. `asked`: somebody was asked already.
    """

    links: deque[int]
    due_ms: int
    live: bool
    asked: bool = False


@dataclass
class Feeding:
    """From which link we catch up, since when (steady ms), when it was last heard, and how much it holds."""

    link: int
    since_ms: int
    heard_ms: int
    hub: bytes = b""
    total: int = 0


@dataclass
class Carried:
    """What was seen since the last bundle ended: threads superseded here, and whether steps of one were lost.

    `waited` is what was left of each hub's last bundle, by the name under which it waits.
    """

    old_threads: deque[bytes] = field(default_factory=deque)
    spilled: bool = False
    waited: dict[bytes, frozenset[bytes]] = field(default_factory=dict)


@value
class _HubCard:
    """What a hub's card that is held says of its nodes; `wire` only of our own."""

    id: bytes
    nodes: frozenset[bytes]
    wire: Wire | None


@dataclass
class SyncState:
    """All that the core remembers.

    `seed`, 32 random bytes, is the only randomness; `jobs` is long work with what follows it. `enclosure` stands in
    the core of a partner network's records. `missing` holds what was
    named and is not here, `refused_lately` what need not be pulled again, `parents` which link brings an origin's
    records first. `intake` bounds what is taken in. `feeding` is the one peer from which we catch up; `complete_ms`
    (steady) when that last ended well. `released` and `ended` tell the hub, at the end of an event, that feeding has
    ended and which links are gone.
    """

    network: bytes
    hub_key: SigningKey
    node_id: bytes
    epoch: bytes
    catalog: Catalog
    cursors: Cursors
    card: Wire | None = None
    joining: Joining | None = None
    enclosure: Enclosure | None = None
    waiting: WaitingPlace = field(default_factory=WaitingPlace)
    sessions: dict[int, Session] = field(default_factory=dict)
    seed: bytes = bytes(32)
    overlay: OverlayState = field(default_factory=OverlayState)
    missing: dict[bytes, Missing] = field(default_factory=dict)
    missing_due: list[tuple[int, bytes]] = field(default_factory=list)  # a heap of when to look at which name
    missing_busy: dict[bytes, None] = field(default_factory=dict)  # named while another fed us
    refused_lately: dict[bytes, None] = field(default_factory=dict)
    parents: dict[bytes, int] = field(default_factory=dict)
    intake: Intake = field(default_factory=Intake)
    carried: Carried = field(default_factory=Carried)
    feeding: Feeding | None = None
    complete_ms: int | None = None
    jobs: deque[tuple[Job, Callable[["Step"], None]]] = field(default_factory=deque)

    nodes_of_hub: dict[bytes, frozenset[bytes]] = field(default_factory=dict)
    cards_seen: int = 0  # rises with every card that comes or goes
    cards_changed: bool = False  # so that those who have a link are judged anew
    hub_seen_at: dict[bytes, bytes] = field(default_factory=dict)
    released: bool = False
    ended: list[Session] = field(default_factory=list)
    _is_working: bool = False
    _hub_cards: dict[bytes, dict[int, "_HubCard"]] = field(default_factory=dict)
    _card_places: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)  # author and place of each card above

    def __post_init__(self) -> None:
        self.audit_set = AuditSet(self.catalog)

    def card_accepted(self, record: Record) -> None:
        """Remember which nodes speak for a hub, as its cards say, and our own card for our hello (SPEC C2).

        Wants every accepted record: a card counts until it goes (`records_gone`), or another thread takes its place.
        """
        head = record.head
        cards, names = self._hub_cards.get(head.author, {}), _names_nodes(head)
        if head.is_chain or not (names or head.place in cards):
            return
        register = register_of_head(head)
        if register is None or register[1] != "place":
            return
        place = head.place or 0
        cards = {one: card for one, card in cards.items() if one != place}
        if names:
            wire = record.wire if head.author == self.hub_key.public else None
            cards[place] = _HubCard(record.id, frozenset(head.facts["nodes"]), wire)
            self._card_places[record.id] = (head.author, place)
        self._cards_changed(head.author, cards)

    def records_gone(self, ids: Iterable[bytes]) -> None:
        """Forget cards that are not held any more; wants every record that has gone, cards or not."""
        for record_id in ids:
            author, place = self._card_places.pop(record_id, (b"", 0))
            cards = self._hub_cards.get(author, {})
            if author and place in cards and cards[place].id == record_id:
                self._cards_changed(author, {one: card for one, card in cards.items() if one != place})

    def _cards_changed(self, hub: bytes, cards: dict[int, "_HubCard"]) -> None:
        """Take a hub's cards as they are by now; those in the lowest places count."""
        self.overlay.cards_changed()
        self.cards_changed = True
        self.cards_seen += 1
        counting = [cards[place] for place in sorted(cards)[:HUB_CARDS_MAX]]
        self._hub_cards[hub] = cards
        self.nodes_of_hub[hub] = frozenset[bytes]().union(*(card.nodes for card in counting))
        self.hub_seen_at = {n: seen for n, seen in self.hub_seen_at.items() if n in self.nodes_of_hub.get(seen, ())}
        if not cards:
            del self._hub_cards[hub], self.nodes_of_hub[hub]
        if hub == self.hub_key.public:
            self.card = counting[0].wire if counting else None

    def hub_of(self, node: bytes) -> bytes | None:
        """Return the hub that a node spoke for when it was last here, or the only one whose card names it.

        A card can name any node, so this only chooses a cursor; whoever greets is judged by its own hub's card.
        """
        claimants = [hub for hub, nodes in self.nodes_of_hub.items() if node in nodes]
        return self.hub_seen_at.get(node) or (claimants[0] if len(claimants) == 1 else None)

    def branch_of_peer(self, hub: bytes) -> Branch:
        """Return the keys from a seat down to a hub that sends us something, which may be of our own network."""
        own = branch_of(self.catalog, hub)
        return own if self.enclosure is None or own is not NOBODYS else branch_of(self.enclosure.home, hub)

    def into_of(self, source: Session | None) -> Inbound | Carried:
        """Return where is noted what came: from a session, or out of bundles."""
        return self.carried if source is None else source.into

    @property
    def is_member(self) -> bool:
        """Whether this hub's own key stands."""
        return self.catalog.authority.standing(self.hub_key.public) is not None

    def end_feeding(self) -> None:
        """Nobody feeds us any more; what has waited for that goes on at the end of the event."""
        self.feeding, self.released = None, True

    def start_job(self, step: "Step", job: Job, then: Callable[["Step"], None]) -> None:
        """Do long work in slices, the loop in between; `then` runs in the step in which it ends."""
        self.jobs.append((job, then))
        self._order_work(step)

    def continue_jobs(self, step: "Step") -> None:
        """Do one slice of the job whose turn it is."""
        self._is_working = False
        if self.jobs:
            job, then = self.jobs.popleft()
            if job.step():
                then(step)
            else:
                self.jobs.append((job, then))
        self._order_work(step)

    def _order_work(self, step: "Step") -> None:
        if self.jobs and not self._is_working:
            self._is_working = True
            step.order(ContinueWork())

    def open_sessions(self) -> list[Session]:
        """The sessions with members, in the order in which their links came."""
        return [session for session in self.sessions.values() if session.phase is Phase.OPEN]


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
        self._gone_seen = 0

    def gone(self) -> list[bytes]:
        """Return the ids of what has gone since this was asked last."""
        gone = self.commit.removed[self._gone_seen :]
        self._gone_seen += len(gone)
        return gone

    def send(self, session: Session, message: Message) -> None:
        """Send a message after the commit is durable."""
        self.send_frame(session, pack(message, session.out.said))

    def send_frame(self, session: Session, frame: bytes) -> None:
        """Send a packed message after the commit is durable."""
        session.out.said = crc32(frame, session.out.said)
        self._sends.append(SendFrame(session.link, frame))
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
        state.overlay.links_changed = True
        was_open = session.is_open
        state.ended.append(session)
        state.intake.forget(session.into.lane)
        if state.feeding is not None and state.feeding.link == session.link:
            state.end_feeding()
        hub = session.peer_hub or None
        self.tell(PeerChanged(session.link, session.peer_node, hub, "closed" if was_open else "refused", code, reason))
        if any(other.peer_hub == session.peer_hub for other in state.sessions.values()):
            return
        state.waiting.forget_peer(session.peer_hub)
        if was_open and state.enclosure is None:
            self.notice(Notice("peer.left", self.now.wall_ms, peer=session.peer_hub))

    def actions(self) -> list[Action]:
        """Return all of it in order: store, then send, then tell."""
        return [*([self.commit] if self.commit else []), *self._sends, *self._tells]


def load_state(
    network: bytes,
    hub_key: SigningKey,
    node_id: bytes,
    loaded: "LoadedRows",
    joining: Joining | None = None,
    *,
    seed: bytes = bytes(32),
) -> SyncState:
    """Build the state of a starting hub from what its store holds."""
    records = [open_record(wire, verify_signature=False) for wire in loaded.governance.values()]
    catalog = Catalog(network)
    catalog.load(loaded.entries, records, loaded.last_n, loaded.running, loaded.said)
    state = SyncState(network, hub_key, node_id, loaded.epoch, catalog, Cursors(loaded.cursors, loaded.told))
    state.joining, state.seed = joining, seed
    for record in sorted(records, key=lambda record: catalog.entries[record.id].n):
        state.card_accepted(record)
    return state


def shortened(text: str) -> str:
    """Cut a reason to what a message may carry, between characters."""
    return text.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


__all__ = [
    "Feeding",
    "Inbound",
    "Joining",
    "LoadedRows",
    "Missing",
    "Outbound",
    "Phase",
    "Question",
    "Session",
    "Step",
    "SyncState",
    "load_state",
    "shortened",
]


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
    @property
    def said(self) -> Sequence[tuple[int, str, bytes]]: ...  # noqa: D102
