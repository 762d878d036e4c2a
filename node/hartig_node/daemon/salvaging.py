"""What could be read of a damaged store -> the core, in an order in which it can be proven.

In: the wires that the store read, once at a start, and word of new memberships. Out: records that the core has judged
like a stranger's. Called by `node`.

Memberships, rules and removals go first and together, then posts and cards, then what was agreed, by seq. What cannot
be proven yet stays here, private records too, since nobody else has those; a note in the store says so, and a start
reads the file that was set aside again.
"""

import logging
from collections.abc import Iterator, Sequence

from hartig_node.engine import Engine
from hartig_node.store.damage import SALVAGE_WAITS
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.errors import RecordError
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire

logger = logging.getLogger(__name__)

SALVAGE_BATCH = 128
_GOVERNANCE = (Kind.CHARTER, Kind.GRANT, Kind.REVOKE, Kind.PACT)
WAITING_MAX = 10_000  # records that cannot be proven yet; what is beyond is read again at the next start


class Salvage:
    """Takes over what is left of a damaged store, and what has to wait when it can be proven."""

    def __init__(self, store: SqliteStore, engine: Engine) -> None:
        self._store, self._engine = store, engine
        self._waiting: list[Record] = []

    async def take(self) -> None:
        """Take over what can be proven now; each record is verified, and the rest is pulled from other hubs."""
        wires = await self._store.salvaged()
        if wires:
            await self._judge(list(_opened(wires)))
            logger.warning("took over %d records of a damaged store; %d wait", len(wires), len(self._waiting))
        await self._note()

    async def again(self) -> None:
        """Take over what has waited for what has come by now."""
        if self._waiting:
            waited, self._waiting = self._waiting, []
            await self._judge(waited)
            await self._note()

    async def _judge(self, records: Sequence[Record]) -> None:
        governance = sorted([one for one in records if one.head.kind in _GOVERNANCE], key=lambda one: one.head.kind)
        chains = sorted([one for one in records if one.head.is_chain], key=lambda one: one.head.seq)
        others = [one for one in records if not (one.head.is_chain or one.head.kind in _GOVERNANCE)]
        if governance:
            await self._publish(governance)
        for some in (others, chains):
            for start in range(0, len(some), SALVAGE_BATCH):
                await self._publish(some[start : start + SALVAGE_BATCH])

    async def _publish(self, records: Sequence[Record]) -> None:
        refusals = await self._engine.publish(records)
        waits = [one for one, why in zip(records, refusals, strict=True) if why and why.code.startswith("waits_")]
        self._waiting += waits[: WAITING_MAX - len(self._waiting)]

    async def _note(self) -> None:
        name = await self._store.meta_get("damaged") or await self._store.meta_get(SALVAGE_WAITS)
        await self._store.meta_set(SALVAGE_WAITS, name if self._waiting else None)
        await self._store.meta_set("damaged", None)


def _opened(wires: Sequence[Wire]) -> Iterator[Record]:
    for wire in wires:
        try:
            yield open_record(wire)
        except RecordError as error:
            logger.warning("a record of a damaged store is not what was signed: %s", error)
