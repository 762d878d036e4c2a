"""A bundle on its way in: whose records it holds, where they belong, and what became of each.

Records of our own network go to our own set; those of a partner network that wrote for ours go to the set that is kept
of it, through the filter of what is agreed. Of a network with which nothing is agreed nothing is kept but that it asks,
if it proves it. In: bytes in pieces. Out: a report. Who calls: `bundles`.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.partners.agreed import standing_in
from hartig_node.board.partners.held import held_of
from hartig_node.board.partners.proposals import Proposal, Proposals
from hartig_node.board.times import rfc3339
from hartig_node.ports import StoreError
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.errors import RecordError
from hartig_protocol.events import CarriedAnswered, Commit
from hartig_protocol.limits import RECORD_BYTES_PER_FRAME, RECORDS_PER_FRAME
from hartig_protocol.partners.abroad import shown
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire, record_id
from hartig_protocol.sync.bundle import PASSING
from hartig_protocol.sync.bundle_file import BundleHeader, BundleReader
from hartig_protocol.trust.selection import Selection

DURABLE_S_MAX = 20.0  # a client waits 30 seconds for any answer
LOOKED_AT_MAX = 512  # records of a network with which nothing is agreed; what asks for it is a few, and comes first


class Reading:
    """One bundle that is being read."""

    def __init__(self, context: Context, proposals: Proposals) -> None:
        self._context, self._proposals = context, proposals
        self._reader = BundleReader(context.pen.network)
        self._asking: _Asking | None = None
        self._is_begun = False
        self._batch: list[Wire] = []
        self._batch_bytes = 0
        self._refused: Counter[str] = Counter()
        self._new = self._set_aside = self._waiting = 0

    def __repr__(self) -> str:
        return f"<Reading {self._reader!r}>"

    async def feed(self, data: bytes) -> None:
        """Look through some bytes, and hand on the records in them."""
        await self._take(self._reader.feed(data))
        await asyncio.sleep(0)

    async def finish(self) -> dict[str, Any]:
        """Hand on the rest, move on what is known of the hub that wrote it, and report."""
        await self._take(self._reader.finish())
        header = self._reader.header
        assert header is not None, "a reader without a header has raised"
        if self._asking is not None:
            return self._asked(header, await self._asking.propose(self._proposals))
        await self._hand_on(header)
        is_complete = self._reader.is_whole and self._refused.keys() <= PASSING
        if is_complete:
            said = (header.hub, header.epoch, header.n, header.check, self._partition(header))
            self._waiting = (await self._durable(self._context.engine.end_bundle(*said))).waiting
            is_complete = self._waiting == 0
        return await self._report(header, is_complete=is_complete)

    # --- Where it goes

    def _begin(self, header: BundleHeader) -> None:
        self._is_begun = True
        if self._partition(header) is not None and header.network not in self._context.partners:
            self._asking = _Asking(self._context, header)

    def _partition(self, header: BundleHeader) -> bytes | None:
        """Return of which partner network the records are; None where they are of our own."""
        return None if header.network == self._context.pen.network else header.network

    def _catalog(self, header: BundleHeader) -> Catalog:
        """Return the set that they belong to."""
        if self._partition(header) is None:
            return self._context.pen.catalog
        held = held_of(self._context.partners.get(header.network))
        if held is None:
            raise _not_open()
        return held[0]

    # --- What becomes of it

    async def _take(self, wires: Sequence[Wire]) -> None:
        header = self._reader.header
        if header is None:
            return
        if not self._is_begun:
            self._begin(header)
        if self._asking is not None:
            self._asking.take(wires)
            return
        for wire in wires:
            self._batch.append(wire)
            self._batch_bytes += len(wire[0]) + len(wire[1]) + len(wire[2] or b"")
            if len(self._batch) >= RECORDS_PER_FRAME or self._batch_bytes >= RECORD_BYTES_PER_FRAME:
                await self._hand_on(header)

    async def _hand_on(self, header: BundleHeader) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if not batch:
            return
        catalog, ids = self._catalog(header), [record_id(wire[0]) for wire in batch]
        unknown, agreed = {one for one in ids if one not in catalog.entries}, catalog.selection
        answer = await self._carry(header, batch)
        if catalog.selection is not agreed:  # by what was in it; so more of it may belong here
            answer = await self._carry(header, batch)
        held = self._catalog(header).entries
        self._refused.update(refusal.code for refusal in answer.refusals if refusal is not None)
        self._new += sum(one in held for one in unknown)
        taken = {one for one, refusal in zip(ids, answer.refusals, strict=True) if refusal is None}
        self._set_aside += sum(one not in held for one in taken)
        self._waiting = answer.waiting

    async def _carry(self, header: BundleHeader, batch: Sequence[Wire]) -> CarriedAnswered:
        return await self._durable(self._context.engine.carry(header.hub, batch, self._partition(header)))

    async def _durable(self, asked: Coroutine[Any, Any, CarriedAnswered]) -> CarriedAnswered:
        """Wait for the core's answer, which means that what it accepted is durable; not for ever on a full disk."""
        try:
            async with asyncio.timeout(DURABLE_S_MAX):
                return await asked
        except TimeoutError as error:
            detail = self._context.engine.stuck or "the hub's disk does not take it in time"
            hint = "free some space on the hub's disk, then read the bundle again; nothing was lost"
            raise BoardError("disk_full", detail, hint) from error
        except StoreError as error:
            raise _not_open() from error

    # --- The report

    async def _report(self, header: BundleHeader, *, is_complete: bool) -> dict[str, Any]:
        is_own, context = self._partition(header) is None, self._context
        waiting = min(self._waiting, self._set_aside)
        new = self._new + self._set_aside - waiting
        names = context.names() if is_own else await context.cards.names(header.network)
        charter = self._catalog(header).charter
        return {
            **self._said(header, charter.name if charter else None, names.get(header.hub)),
            "new": new,
            "known": max(0, self._reader.count - new - self._refused.total() - waiting),
            "waiting": waiting,
            "refused": [{"code": code, "count": count} for code, count in sorted(self._refused.items())],
            "complete": is_complete,
        }

    def _asked(self, header: BundleHeader, proposal: Proposal) -> dict[str, Any]:
        said = self._said(header, proposal.name or None, None)
        return {**said, "asks": True, "complete": self._reader.is_whole}

    def _said(self, header: BundleHeader, name: str | None, hub_name: str | None) -> dict[str, Any]:
        reader = self._reader
        return {
            "network": header.network.hex(),
            "network_name": name,
            "asks": False,
            "hub": header.hub.hex(),
            "hub_name": hub_name,
            "written_at": rfc3339(header.stamp),
            "records": reader.count,
            "new": 0,
            "known": 0,
            "waiting": 0,
            "refused": [],
            "damaged_places": reader.damages,
            "bytes_lost": reader.bytes_lost,
            "bytes_after": reader.bytes_after,
            "gave_up": reader.gave_up,
            "ending": reader.ending.value,
        }


class _Asking:
    """What a network shows with which nothing is agreed: a stranger's word, of which only the proof counts."""

    def __init__(self, context: Context, header: BundleHeader) -> None:
        own = context.pen.network
        self._context, self._header = context, header
        self._catalog = Catalog(header.network, Selection(header.network, own, None))
        self._card: Wire | None = None
        self._looked_at = 0

    def take(self, wires: Sequence[Wire]) -> None:
        """Look at the first of its records."""
        some = wires[: LOOKED_AT_MAX - self._looked_at]
        self._looked_at += len(some)
        records = [record for record in map(_opened, some) if record is not None]
        self._catalog.take(records, self._context.clock.now(), Commit())
        for record in records:
            if record.head.kind == Kind.CARD and record.head.author == self._header.hub:
                self._card = record.wire

    async def propose(self, proposals: Proposals) -> Proposal:
        """Keep what it asks for, for people to look at; raises `BoardError` where it proves nothing."""
        context, network = self._context, self._header.network
        pact = standing_in(self._catalog, context.pen.network, context.clock.now())
        if pact is not None and self._card is not None:
            await proposals.pact_proposed(network, shown(self._catalog, self._header.hub, self._card, pact))
            found = await proposals.get(network)
            if found is not None and found.record == pact.id:
                return found
        detail = f"nothing is agreed with network {network.hex()[:8]}, of which this file is, so nothing of it is kept"
        hint = "agree first: `hartig partner code` here, and there `hartig partner propose CODE`, or the other way"
        raise BoardError("not_found", detail, hint)


def _opened(wire: Wire) -> Record | None:
    try:
        return open_record(wire)
    except RecordError:
        return None


def _not_open() -> BoardError:
    detail = "what is kept of that partner network is being opened or fetched anew"
    return BoardError("starting", detail, "read it again in a moment; nothing was lost")
