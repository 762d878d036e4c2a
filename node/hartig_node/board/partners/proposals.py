"""Proposals: networks that ask to be our partner, each with its side of an agreement; until people here say yes or no.

In: what a hub of another network has shown. That is a stranger's word: all of it is verified here again, offline, and
nothing is kept of it but what the proof says. Out: private rows, one of each network, of which few are kept: when there
are more, those go first that nobody has seen, the oldest before all. One that was dismissed stays away until that
network asks for something else. Who calls: the engine (`PartnerSide`), `partners`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgpack

from hartig_node.board.context import Context
from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.errors import BoardError
from hartig_node.board.partners.agreed import standing_in
from hartig_node.board.partners.code import ADDRESSES_MAX, Speaker
from hartig_node.board.partners.held import name_of
from hartig_node.board.partners.terms import Terms, terms_of
from hartig_node.board.times import rfc3339
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.commit import Commit
from hartig_protocol.errors import RecordError
from hartig_protocol.events import Notice, PrivateRow
from hartig_protocol.limits import HELLO_RECORDS_MAX, PARTNERS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire

logger = logging.getLogger(__name__)

SPACE_PROPOSAL, ASKED = "partner_proposal", "agreement.asked"
KEPT_MAX = PARTNERS_MAX
SHOWN_BYTES_MAX = 256 * 1024  # of all that one network shows: what fits one frame; kept are about 500 bytes of it
NAME_CHARACTERS_MAX = 80


@dataclass(frozen=True)
class Proposal:
    """What one network asks for. `record` is its side of an agreement, `speaker` the hub that showed it."""

    network: bytes
    name: str
    terms: Terms
    expires_ms: int
    record: bytes
    speaker: Speaker
    at_ms: int
    is_seen: bool = False
    is_dismissed: bool = False

    def as_json(self) -> dict[str, Any]:
        """The proposal as the node API gives it."""
        return {
            "id": self.network.hex(),
            "name": self.name,
            "terms": {**self.terms.as_json(), "until": rfc3339(self.expires_ms)},
            "record": self.record.hex(),
            "at": rfc3339(self.at_ms),
        }

    @property
    def row(self) -> PrivateRow:
        """The private row that keeps it until its time is over."""
        terms = [list(self.terms.kinds), list(self.terms.categories), list(self.terms.areas), self.terms.retention_days]
        speaker = [self.speaker.node, list(self.speaker.addresses)]
        seen = [self.is_seen, self.is_dismissed]
        said = [self.name, terms, self.expires_ms, self.record, speaker, self.at_ms, seen]
        return PrivateRow(SPACE_PROPOSAL, self.network, msgpack.packb(said), self.expires_ms)

    @classmethod
    def read(cls, network: bytes, value: bytes) -> "Proposal":
        """Read it off its private row."""
        name, terms, expires_ms, record, (node, addresses), at_ms, seen = msgpack.unpackb(value)
        kinds, categories, areas, days = terms
        return cls(
            network, name, Terms(tuple(kinds), tuple(categories), tuple(areas), days), expires_ms, record,
            Speaker(node, tuple(addresses)), at_ms, *seen,
        )  # fmt: skip


class Proposals:
    """The use cases of what other networks ask for."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # --- As the engine hears of them

    async def pact_proposed(self, network: bytes, records: Sequence[Wire]) -> None:
        """Take what a hub of another network has shown; whatever does not prove itself is dropped."""
        proposal = self._verified(network, records)
        if proposal is None:
            return
        held = await self._all()
        before = held.pop(network, None)
        notices = []
        if before is not None and before.record == proposal.record:
            proposal = replace(proposal, is_seen=before.is_seen, is_dismissed=before.is_dismissed)
        elif not self._is_agreed(proposal):
            notices = [Notice(ASKED, proposal.at_ms, b"", proposal.record, int(Kind.PACT))]
        kept = sorted(held.values(), key=lambda one: (one.is_seen, one.at_ms, one.network))
        gone = kept[: max(0, len(kept) + 1 - KEPT_MAX)]
        rows = [proposal.row, *(PrivateRow(SPACE_PROPOSAL, one.network, None) for one in gone)]
        try:
            await self._context.keep_private(rows, notices)
        except BoardError as error:  # as with a full disk; it is shown again when that hub calls again
            logger.warning("a proposal of another network is not kept: %s", error)

    def _verified(self, network: bytes, wires: Sequence[Wire]) -> Proposal | None:
        size = sum(len(head) + len(signature) + len(body or b"") for head, signature, body in wires)
        if len(wires) > HELLO_RECORDS_MAX + 1 or size > SHOWN_BYTES_MAX:
            return None
        try:
            records = [open_record(wire) for wire in wires]
        except RecordError as error:
            logger.info("a proposal of network %s is not right: %s", network.hex()[:8], error)
            return None
        context, now = self._context, self._context.clock.now()
        catalog = Catalog(network)
        catalog.take(records, now, Commit())
        standing = standing_in(catalog, context.pen.network, now)
        speaker = _speaker(catalog, records)
        if standing is None or speaker is None or network == context.pen.network:
            return None
        name = clean_text(name_of(catalog))[:NAME_CHARACTERS_MAX]
        return Proposal(network, name, terms_of(standing), standing.expires_ms, standing.id, speaker, now.wall_ms)

    # --- For people

    async def list(self) -> list[Proposal]:
        """Return what is asked of us and has not been dismissed, the newest first; from then on it counts as seen."""
        shown = [one for one in (await self._all()).values() if not one.is_dismissed and not self._is_agreed(one)]
        unseen = [replace(one, is_seen=True).row for one in shown if not one.is_seen]
        if unseen:
            await self._context.keep_private(unseen)
        return sorted(shown, key=lambda one: (-one.at_ms, one.network))

    async def get(self, network: bytes) -> Proposal | None:
        """Return what one network asks for; None where it asks for nothing."""
        found = (await self._all()).get(network)
        return None if found is None or found.is_dismissed else found

    async def dismiss(self, network: bytes) -> None:
        """Say no, until that network asks for something else; raises `BoardError` where it asks for nothing."""
        found = await self.get(network)
        if found is None:
            hint = "`hartig partner` lists what is asked"
            raise BoardError("not_found", "this network does not ask for anything", hint)
        await self._context.keep_private([replace(found, is_seen=True, is_dismissed=True).row])

    async def answered(self, network: bytes) -> None:
        """Forget what was asked, now that our own side stands."""
        if network in await self._all():
            await self._context.keep_private([PrivateRow(SPACE_PROPOSAL, network, None)])

    def _is_agreed(self, proposal: Proposal) -> bool:
        """Whether our own side stands already, so that theirs needs no answer."""
        return standing_in(self._context.pen.catalog, proposal.network, self._context.clock.now()) is not None

    async def _all(self) -> dict[bytes, Proposal]:
        now = self._context.clock.now()
        rows = await self._context.store.private_list(SPACE_PROPOSAL)
        found = (Proposal.read(network, value) for network, value in rows)
        return {one.network: one for one in found if not now.trusted or one.expires_ms > now.wall_ms}


def _speaker(catalog: Catalog, records: Sequence[Record]) -> Speaker | None:
    """Return the hub that shows all this, by its card: one that stands and may speak for its network."""
    for record in records:
        head = record.head
        standing = catalog.authority.standing(head.author)
        if head.kind == Kind.CARD and record.id in catalog.entries and standing is not None and standing.gateway:
            facts = head.facts
            addresses = tuple(facts.get("addresses", ()))[:ADDRESSES_MAX]
            return Speaker(facts["nodes"][0], addresses) if facts.get("nodes") else None
    return None
