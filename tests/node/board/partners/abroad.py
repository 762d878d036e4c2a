"""A partner network for tests: real records in a set of its own, with the store's twin, beside a bench's network."""

from collections.abc import Sequence
from typing import Any

from hartig_node.store.memory import MemoryStore
from hartig_node.store.memory_disk import MemoryDisk
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Commit, Notice, Now
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.records.writing import pact_head
from support.boards import Bench
from support.records import NOW_MS, Network, key

EVERYTHING: dict[str, Any] = {"kinds": ["offer"], "categories": [], "areas": [], "retention_days": 30}


class Abroad:
    """A network with a seat and one hub, and what of it is held by a bench."""

    def __init__(self, seed: int = 7) -> None:
        self.network = Network(seed=seed, seat=key(f"seat of {seed}"))
        self.hub = key(f"hub of {seed}")
        self.catalog = Catalog(self.network.id)
        self.store = MemoryStore(MemoryDisk())
        self.short: dict[bytes, int] = {}

    ours = None

    @property
    def theirs(self) -> "Abroad":
        return self

    @property
    def id(self) -> bytes:
        return self.network.id

    def proofs(self, *, gateway: bool = True) -> list[Record]:
        """The charter, the hub's grant and its card."""
        card = self.network.card(self.hub, name="Abroad hub")
        grant = self.network.grant(self.hub.public, **({"gateway": True} if gateway else {}))
        return [self.network.charter, grant, card]

    def pact(self, about: bytes, *, author: SigningKey | None = None, place: int = 1, **more: Any) -> Record:
        """The network's side of an agreement, by its seat unless somebody else says it."""
        return pact(self.network.id, about, self.network.seat if author is None else author, place=place, **more)

    async def take(self, *records: Record) -> None:
        """Hold records, as if they had come."""
        commit = Commit()
        verdicts = self.catalog.take(records, Now(NOW_MS, 0), commit)
        assert all(one.id in self.catalog.entries for one in records), verdicts
        for entry, record in commit.added:
            commit.notices.append(Notice("record.added", NOW_MS, entry.thread, record.id, entry.kind))
        await self.store.commit(commit)

    def wires(self, about: bytes, **more: Any) -> Sequence[Wire]:
        """What a hub of it shows to propose an agreement."""
        return [one.wire for one in (*self.proofs(), self.pact(about, **more))]


def pact(
    network: bytes, about: bytes, author: SigningKey, *, place: int = 1, days: int = 100, seq: int = 1,
    ends: bool = False, **terms: Any,
) -> Record:  # fmt: skip
    """One side of an agreement."""
    made = pact_head(
        network=network,
        author=author.public,
        place=place,
        partner=about,
        stamp=NOW_MS,
        expires=NOW_MS + days * DAY_MS,
        seq=seq,
        terms=None if ends else {**EVERYTHING, **terms},
    )
    return sign_record(made, None, [author])


async def open_partner(bench: Bench, abroad: Abroad, *, agreed: bool = True) -> None:
    """Let a bench hold a partner network's records, with its side of an agreement."""
    await abroad.take(*abroad.proofs())
    if agreed:
        await abroad.take(abroad.pact(bench.founding.network))
    bench.board.context.partners = {**bench.board.context.partners, abroad.id: abroad}
