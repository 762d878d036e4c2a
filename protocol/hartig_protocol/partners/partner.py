"""One partner network: what is agreed with it, its records as this hub holds them, and what it is served of ours.

*Theirs* is a core of its own, with a store of its own, for the partner's records: every hub of our network has one from
the moment at which our own side of the agreement stands. *Ours* stands in hubs that speak for the network (`serving`).
Any change of a side makes the epochs of both others, so that no cursor outlives it (SPEC X5). Who calls: `federation`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hartig_protocol.catalog.entry import GOVERNANCE
from hartig_protocol.events import Now
from hartig_protocol.hub import Hub
from hartig_protocol.limits import EPOCH_BYTES
from hartig_protocol.partners.serving import Serving
from hartig_protocol.records.governance import Charter
from hartig_protocol.records.keys import PREFIX_PARTITION, sha256
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Kind
from hartig_protocol.sync.greeting import judge_node
from hartig_protocol.sync.state import Enclosure, LoadedRows, SyncState, load_state
from hartig_protocol.trust.selection import Selection

_CARD = int(Kind.CARD)


@dataclass
class Partner:
    """A network with which there is an agreement, or our own side of one.

    `named`: nodes that a person named as speaking for it. `mark` names the agreement that is gone by. `changing`: how
    many new agreements held posts are still being looked at by; meanwhile nobody is synced with. `seen` is the verdict
    on its governance that was looked at last.
    """

    network: bytes
    own_pact: Pact
    their_pact: Pact | None = None
    theirs: Hub | None = None
    ours: Serving | None = None
    named: tuple[bytes, ...] = ()
    mark: bytes = b""
    changing: int = 0
    seen: tuple[int, int] | None = None
    ours_by: bytes = b""  # the side of ours that `ours` follows
    sifted_by: tuple[tuple[str, ...], ...] | None = None  # the terms by which all that is held was looked at last
    failed: Counter[bytes] = field(default_factory=Counter)  # greetings that came to nothing, by node
    _store_epoch: bytes = b""

    @property
    def name(self) -> str:
        """The name in its charter; empty while that has not come."""
        charter: Charter | None = self.theirs.catalog.charter if self.theirs else None
        return charter.name if charter else ""

    @property
    def is_in_force(self) -> bool:
        """Whether both sides stand."""
        return self.their_pact is not None

    @property
    def terms(self) -> tuple[tuple[str, ...], ...] | None:
        """What of its records crosses to us, as its side says."""
        pact = self.their_pact
        return None if pact is None else (pact.kinds, pact.categories, pact.areas)

    @property
    def is_ready(self) -> bool:
        """Whether its records can be synced."""
        return self.theirs is not None and not self.changing

    @property
    def serves(self) -> bool:
        """Whether it can be served what is ours."""
        return self.ours is not None and self.ours.is_ready

    def open(self, home: SyncState, loaded: LoadedRows, now: Now) -> Hub:
        """Make the core of its records from what their store holds."""
        self._store_epoch, self.sifted_by = loaded.epoch, None
        state = load_state(self.network, home.hub_key, home.node_id, loaded, seed=sha256(self.network, home.seed))
        state.card, state.enclosure = None, Enclosure(home.catalog, takes=True)
        self.theirs = Hub(state, now)
        return self.theirs

    # --- What is agreed

    def selection(self, home: SyncState) -> Selection:
        """Return what of its records crosses to us."""
        return Selection(self.network, home.network, self.their_pact)

    def new_mark(self) -> bytes:
        """Return what names the agreement: both sides, or ours alone."""
        return mark_of(self.own_pact.id, self.their_pact.id if self.their_pact else b"")

    def epoch(self, mark: bytes) -> bytes:
        """Return the epoch under which our arrivals of its records are told (SPEC X5)."""
        return epoch_of(self._store_epoch, mark)

    def posts(self) -> Sequence[bytes]:
        """Return the ids of all that crosses by the agreement alone: what is no proof and no card, but for steps."""
        assert self.theirs is not None
        entries = self.theirs.catalog.entries.values()
        return [one.id for one in entries if not one.is_chain and one.kind not in GOVERNANCE and one.kind != _CARD]

    @property
    def short(self) -> dict[bytes, int]:
        """Of each hub that serves us, by the last audit, how many records fewer than we have from others."""
        sessions = self.theirs.state.open_sessions() if self.theirs else []
        return {one.peer_hub: one.short_by for one in sessions if one.is_source and one.short_by}

    # --- Who speaks for it

    def judge(self, hub: bytes, node: bytes) -> tuple[str, str] | None:
        """Return why this node does not speak for the partner network, or None."""
        assert self.theirs is not None
        refusal = judge_node(self.theirs.state, hub, node)
        if refusal is None and not speaks(self.theirs.state, hub):
            return NOT_SPEAKING
        return refusal

    def nodes(self) -> list[bytes]:
        """Return the nodes that speak for it: those that were named, then those of its hubs that may."""
        state = self.theirs.state if self.theirs else None
        by_cards = state.nodes_of_hub.items() if state else ()
        known = {node for hub, nodes in by_cards if state and speaks(state, hub) for node in nodes}
        return [*self.named, *sorted(known - set(self.named))]

    @property
    def speakers_seen(self) -> tuple[int, int]:
        """What changes whenever somebody else may come to speak for it: the verdict on it, and how many cards."""
        assert self.theirs is not None
        return id(self.theirs.catalog.authority), self.theirs.state.cards_seen


NOT_SPEAKING = ("not_a_gateway", "the hub may not speak for its network; a trustee or an organiser lets it")


def mark_of(own: bytes, their: bytes) -> bytes:
    """Return what names an agreement by the ids of both sides, the second empty where there is none (SPEC X5)."""
    return sha256(PREFIX_PARTITION, own, their)


def epoch_of(store_epoch: bytes, mark: bytes) -> bytes:
    """Return the epoch, 16 bytes, under which arrivals in such a store are told while this is agreed (SPEC X5)."""
    return sha256(PREFIX_PARTITION, store_epoch, mark)[:EPOCH_BYTES]


def speaks(state: SyncState, hub: bytes) -> bool:
    """Tell whether a hub may speak for its network, as its grant says."""
    standing = state.catalog.authority.standing(hub)
    return standing is not None and standing.gateway
