"""Bundles: all that this hub may share as one file, and what becomes of a file that another hub has written.

In: nothing, or the bytes of a bundle in pieces. Out: bytes in pieces, or a report that says of every record what became
of it. Neither ever holds more than a portion. Who calls: the API.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.times import rfc3339
from hartig_protocol.errors import LocalError
from hartig_protocol.events import CarriedAnswered
from hartig_protocol.limits import RECORD_BYTES_PER_FRAME, RECORDS_PER_FRAME
from hartig_protocol.records.record import Wire, record_id
from hartig_protocol.sync.bundle import PASSING, new_header
from hartig_protocol.sync.bundle_file import BundleError, BundleHeader, BundleReader, BundleWriter

BUNDLE_BYTES_MAX = 2 * 1024**3  # a million records of 2 KB: far beyond any network that fits on one hub
SLICE_BYTES = 16 * 1024  # looked through at once: 40 records, less than a millisecond
PORTION_RECORDS = 64  # written at once: three milliseconds
DURABLE_S_MAX = 20.0  # a client waits 30 seconds for any answer


class Bundles:
    """Writes bundles, as many at once as are asked for, and reads one at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._is_reading = False

    def __repr__(self) -> str:
        return f"<Bundles of {self._context.engine!r}>"

    async def write(self) -> "NewBundle":
        """Begin a bundle of all that is accepted now; raises `BoardError`."""
        context = self._context
        state = context.engine.hub.state
        if not state.is_member:
            hint = "join a network first; a bundle of that network can be read meanwhile"
            raise BoardError("not_admitted", "there is nothing to write into a bundle yet", hint)
        header = new_header(state, context.clock.now())
        await context.publish([])  # when this is answered, all that was accepted before it is in the store
        return NewBundle(context, header)

    async def read(self, pieces: AsyncIterator[bytes]) -> dict[str, Any]:
        """Take over what is in a bundle; return what became of it. Raises `BoardError`.

        What was taken over before an error stays.
        """
        if self._is_reading:
            raise BoardError("too_many", "another bundle is being read", "wait until it is done")
        self._is_reading = True
        try:
            reading = _Reading(self._context)
            async for piece in pieces:
                for start in range(0, len(piece), SLICE_BYTES):
                    await reading.feed(piece[start : start + SLICE_BYTES])
            return await reading.finish()
        except BundleError as error:
            raise BoardError("bad_bundle", str(error), _HINTS[error.code]) from error
        finally:
            self._is_reading = False


_HINTS = {
    "not_a_bundle": "name a file that `hartig bundle write` has made",
    "version": "install the newest version of hartig on both hubs",
    "damaged_bundle": "let the hub write it again, on another stick if need be",
    "other_network": "a bundle can be read by hubs of its own network alone",
}


class NewBundle:
    """A bundle on its way out."""

    def __init__(self, context: Context, header: BundleHeader) -> None:
        self.header = header
        self._store = context.store
        self._writer = BundleWriter(context.pen.key, header)

    def __repr__(self) -> str:
        return f"<NewBundle {self._writer!r}>"

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield all bytes, read from the store in portions."""
        yield self._writer.begin()
        async for wires in self._portions(governance=True):
            yield self._writer.proofs(wires)
        for are_steps in (False, True):  # a register that was changed came here after steps that need it
            async for wires in self._portions(governance=False):
                yield self._writer.records(wires, are_steps=are_steps)
        yield self._writer.end()

    async def _portions(self, *, governance: bool) -> AsyncIterator[Sequence[Wire]]:
        after, upto = 0, self.header.n
        while after < upto:
            wires, through = await self._store.read_arrivals(
                after, upto, PORTION_RECORDS, RECORD_BYTES_PER_FRAME, governance=governance
            )
            if through <= after:
                raise LocalError(f"the store does not hold what was accepted through {upto}")
            after = through
            yield wires


class _Reading:
    """A bundle on its way in."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader = BundleReader(context.pen.network)
        self._batch: list[Wire] = []
        self._batch_bytes = 0
        self._refused: Counter[str] = Counter()
        self._new = self._set_aside = self._waiting = 0

    async def feed(self, data: bytes) -> None:
        """Look through some bytes, and hand on the records in them."""
        await self._take(self._reader.feed(data))
        await asyncio.sleep(0)

    async def finish(self) -> dict[str, Any]:
        """Hand on the rest, move on what is known of the hub that wrote it, and report."""
        await self._take(self._reader.finish())
        await self._hand_on()
        header = self._reader.header
        assert header is not None, "a reader without a header has raised"
        is_complete = self._reader.is_whole and self._refused.keys() <= PASSING
        if is_complete:
            ended = self._context.engine.end_bundle(header.hub, header.epoch, header.n, header.check)
            self._waiting = (await self._durable(ended)).waiting
            is_complete = self._waiting == 0
        return self._report(header, is_complete=is_complete)

    async def _take(self, wires: Sequence[Wire]) -> None:
        for wire in wires:
            self._batch.append(wire)
            self._batch_bytes += len(wire[0]) + len(wire[1]) + len(wire[2] or b"")
            if len(self._batch) >= RECORDS_PER_FRAME or self._batch_bytes >= RECORD_BYTES_PER_FRAME:
                await self._hand_on()

    async def _hand_on(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        header = self._reader.header
        if not batch or header is None:
            return
        held = self._context.pen.catalog.entries
        ids = [record_id(wire[0]) for wire in batch]
        unknown = {one for one in ids if one not in held}
        answer = await self._durable(self._context.engine.carry(header.hub, batch))
        self._refused.update(refusal.code for refusal in answer.refusals if refusal is not None)
        self._new += sum(one in held for one in unknown)
        taken = {one for one, refusal in zip(ids, answer.refusals, strict=True) if refusal is None}
        self._set_aside += sum(one not in held for one in taken)
        self._waiting = answer.waiting

    async def _durable(self, asked: Coroutine[Any, Any, CarriedAnswered]) -> CarriedAnswered:
        """Wait for the core's answer, which means that what it accepted is durable; not for ever on a full disk."""
        try:
            async with asyncio.timeout(DURABLE_S_MAX):
                return await asked
        except TimeoutError as error:
            detail = self._context.engine.stuck or "the hub's disk does not take it in time"
            hint = "free some space on the hub's disk, then read the bundle again; nothing was lost"
            raise BoardError("disk_full", detail, hint) from error

    def _report(self, header: BundleHeader, *, is_complete: bool) -> dict[str, Any]:
        reader, waiting = self._reader, min(self._waiting, self._set_aside)
        new = self._new + self._set_aside - waiting
        refused = self._refused.total()
        return {
            "hub": header.hub.hex(),
            "hub_name": self._context.names().get(header.hub),
            "written_at": rfc3339(header.stamp),
            "records": reader.count,
            "new": new,
            "known": max(0, reader.count - new - refused - waiting),
            "waiting": waiting,
            "refused": [{"code": code, "count": count} for code, count in sorted(self._refused.items())],
            "damaged_places": reader.damages,
            "bytes_lost": reader.bytes_lost,
            "bytes_after": reader.bytes_after,
            "gave_up": reader.gave_up,
            "ending": reader.ending.value,
            "complete": is_complete,
        }
