"""What the hubs of partner networks say of themselves on their cards: names, and the keys to seal to.

In: partner networks' sets, as they are held. Out: cards by hub key, for one network at a time: the same key may
be a hub of several. What was read is kept, and looked through again when something has come. Who calls: whoever shows a
post or a deal of a partner network, and `contacts`.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hartig_node.board.drafts.drafts import name_on_card
from hartig_node.board.partners.held import Held, HeldPartners, given_up, held_of, open_sets
from hartig_node.ports import Store
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.errors import RecordError
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind
from hartig_protocol.values import value

logger = logging.getLogger(__name__)


@value
class HubCard:
    """A hub's name, empty where it says none, and its box key, None where it has none."""

    hub: bytes
    name: str = ""
    box: bytes | None = None


@dataclass
class _Read:
    """The cards of one network, by their ids, as of which arrival."""

    catalog: Catalog
    as_of: int = -1
    by_id: dict[bytes, HubCard] = field(default_factory=dict)


class PartnerCards:
    """The cards of all partner networks' hubs."""

    def __init__(self, partners: Callable[[], HeldPartners]) -> None:
        """`partners` returns what is held, as it is at the moment."""
        self._partners = partners
        self._read: dict[bytes, _Read] = {}

    def __repr__(self) -> str:
        return f"<PartnerCards of {len(self._read)} networks>"

    async def of(self, network: bytes) -> Mapping[bytes, HubCard]:
        """Return the cards of a network's hubs; none where nothing of it is held."""
        held = held_of(self._partners().get(network))
        if held is None:
            self._read.pop(network, None)
            return {}
        catalog, _ = held
        known = self._read.get(network)
        if known is None or known.catalog is not catalog:
            known = self._read[network] = _Read(catalog)
        if known.as_of != catalog.last_n:
            with given_up(network):
                await _look_through(known, held)
        return {one.hub: one for one in known.by_id.values()}

    async def names(self, network: bytes) -> dict[bytes, str]:
        """Return what a network's hubs are called, by their keys; those without a name are left out."""
        return {hub: card.name for hub, card in (await self.of(network)).items() if card.name}

    async def find_name(self, hub: bytes) -> str | None:
        """Return what a hub of any partner network is called; None where that is not known."""
        for network, _ in open_sets(self._partners()):
            if name := (await self.names(network)).get(hub):
                return name
        return None

    async def boxes(self) -> dict[bytes, bytes]:
        """Return the keys to seal to, of all partner networks' hubs, by network and hub, one after the other."""
        found = {}
        for network, _ in open_sets(self._partners()):
            cards = (await self.of(network)).values()
            found.update({network + card.hub: card.box for card in cards if card.box is not None})
        return found


async def _look_through(known: _Read, held: Held) -> None:
    catalog, store = held
    as_of, found, is_all = catalog.last_n, dict[bytes, HubCard](), True
    for entry in list(catalog.registers.of_kind(Kind.CARD)):
        card = known.by_id.get(entry.id) or await _card(store, entry.id, entry.author)
        if card is None:
            is_all = False
        else:
            found[entry.id] = card
    known.as_of, known.by_id = as_of if is_all else -1, found


async def _card(store: Store, card: bytes, hub: bytes) -> HubCard | None:
    """Read a card; None of one that is not on the disk yet."""
    stored = await store.read_record(card)
    if stored is None:
        return None
    try:
        record = open_record(stored.wire, verify_signature=False)
    except RecordError as error:
        logger.warning("a card of a partner network cannot be read: %s", error)
        return HubCard(hub)
    return HubCard(hub, name_on_card(record.body["name"]) if record.body else "", record.head.facts.get("box"))
