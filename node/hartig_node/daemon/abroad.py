"""Where the hubs of partner networks are: what their cards say, and what people have named.

In: cards accepted in partitions, as they are opened and as they come; whom the board tells of. Out: `PartnerNamed`, and
addresses of those nodes with which the core wants links (`GatewaysWanted`), and of no others: a network of a thousand
hubs must not push our own neighbours out of the address book. Who calls: `network` asks, `node` tells.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from hartig_node.board.partners.code import Speaker
from hartig_node.engine import Engine
from hartig_node.net.address_book import Source
from hartig_node.ports import Loaded, StoreError
from hartig_protocol.errors import RecordError
from hartig_protocol.events import PartnerNamed
from hartig_protocol.limits import PEERS_KNOWN_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire

logger = logging.getLogger(__name__)

AddPlaces = Callable[[bytes, Iterable[str], Source], None]


class Abroad:
    """Addresses of nodes of partner networks."""

    def __init__(self, engine: Engine, add: AddPlaces) -> None:
        """`add` is told of addresses of nodes that are wanted."""
        self._engine, self._add = engine, add
        self._said: dict[bytes, dict[bytes, tuple[str, ...]]] = {}  # by network and node, what cards say
        self._named: dict[bytes, dict[bytes, tuple[str, ...]]] = {}  # the same, what people have said
        engine.partners.on_opened.append(self._opened)
        engine.partners.on_left.append(self._left)

    def __repr__(self) -> str:
        return f"<Abroad {sum(map(len, self._said.values()))} nodes of {len(self._said)} networks>"

    @property
    def wanted(self) -> Sequence[bytes]:
        """The nodes of partner networks with which links are wanted, but for those that are hubs of our own."""
        hub_of = self._engine.hub.state.hub_of
        return [node for node in self._engine.gateways if hub_of(node) is None]

    def look(self) -> None:
        """Say all that is known of those who are wanted now."""
        wanted = set(self.wanted)
        for places, source in ((self._named, Source.PARTNER), (self._said, Source.CARD)):
            for said in places.values():
                for node in sorted(wanted & set(said)):
                    self._add(node, said[node], source)

    def named(self, network: bytes, speakers: Sequence[Speaker]) -> None:
        """People have named hubs that speak for a network. A hint: who answers there has to prove it."""
        self._named[network] = {one.node: one.addresses for one in speakers}
        self._engine.handle(PartnerNamed(network, tuple(self._named[network])))
        self.look()

    async def card_changed(self, record_id: bytes) -> None:
        """Take a card that has come in a partition."""
        for store in list(self._engine.stores.values()):
            try:
                stored = await store.read_record(record_id)
            except StoreError:  # of one that is being dropped, or fails: the engine deals with it
                continue
            if stored is not None:
                self._take(stored.wire)

    def _opened(self, network: bytes, loaded: Loaded) -> None:
        self._said[network] = {}
        kinds = {entry.id: entry.kind for entry in loaded.entries if entry.id in loaded.governance}
        for record_id, wire in loaded.governance.items():
            if kinds.get(record_id) == Kind.CARD:
                self._take(wire)

    def _left(self, network: bytes) -> None:
        self._said.pop(network, None)

    def _take(self, wire: Wire) -> None:
        try:
            card = open_record(wire, verify_signature=False)
        except RecordError:
            logger.exception("an accepted card cannot be read")
            return
        said = self._said.get(card.head.network)
        if said is not None:
            self._take_card(card, said)

    def _take_card(self, card: Record, said: dict[bytes, tuple[str, ...]]) -> None:
        addresses = tuple(card.head.facts.get("addresses", ()))
        for node in card.head.facts.get("nodes", ()):
            if node in said or len(said) < PEERS_KNOWN_MAX:
                said[node] = addresses
            if node in self.wanted:
                self._add(node, addresses, Source.CARD)
