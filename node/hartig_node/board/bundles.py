"""Bundles: all that this hub may share as one file, and what becomes of a file that another hub has written.

A bundle is for the hubs of our own network, or for those of a partner network: then it holds what crosses to that, and
before the partner has agreed, what asks it to. In: nothing, or the bytes of a bundle in pieces. Out: bytes in pieces,
or a report (`bundle_reading`). Neither ever holds more than a portion. Who calls: the API.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from hartig_node.board.belonging.allowed import not_allowed
from hartig_node.board.bundle_reading import Reading
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.partners.agreed import standing_in
from hartig_node.board.partners.proposals import Proposals
from hartig_node.ports import Store
from hartig_protocol.catalog.stock import START_CHECK
from hartig_protocol.errors import LocalError
from hartig_protocol.events import Now
from hartig_protocol.limits import EPOCH_BYTES, RECORD_BYTES_PER_FRAME
from hartig_protocol.partners.abroad import shown
from hartig_protocol.partners.partner import speaks
from hartig_protocol.partners.serving import Serving
from hartig_protocol.records.record import Wire
from hartig_protocol.sync.bundle import new_header
from hartig_protocol.sync.bundle_file import BundleError, BundleHeader, BundleWriter

BUNDLE_BYTES_MAX = 2 * 1024**3  # a million records of 2 KB: far beyond any network that fits on one hub
SLICE_BYTES = 16 * 1024  # looked through at once: 40 records, less than a millisecond
PORTION_RECORDS = 64  # written at once: three milliseconds


class Portions(Protocol):
    """What a bundle is written from."""

    def __call__(self, *, governance: bool) -> AsyncIterator[Sequence[Wire]]:
        """Yield records in portions, in the order in which they came here: at least all proofs, or all."""


class Bundles:
    """Writes bundles, as many at once as are asked for, and reads one at a time."""

    def __init__(self, context: Context, proposals: Proposals) -> None:
        self._context, self._proposals = context, proposals
        self._is_reading = False

    def __repr__(self) -> str:
        return f"<Bundles of {self._context.engine!r}>"

    async def write(self, partner: bytes | None = None) -> "NewBundle":
        """Begin a bundle of all that is accepted now, or of what a partner network gets; raises `BoardError`."""
        context = self._context
        state = context.engine.hub.state
        if not state.is_member:
            hint = "join a network first; a bundle of that network can be read meanwhile"
            raise BoardError("not_admitted", "there is nothing to write into a bundle yet", hint)
        now = context.clock.now()
        if partner is None:
            header, portions = new_header(state, now), _all_of(context.store, state.catalog.last_n)
        else:
            header, portions = self._for_partner(partner, now)
        await context.publish([])  # when this is answered, all that was accepted before it is in the store
        return NewBundle(BundleWriter(context.pen.key, header), portions)

    def _for_partner(self, partner: bytes, now: Now) -> tuple[BundleHeader, Portions]:
        """Return what a partner network gets; before it has agreed, what a greeting would show (SPEC B7)."""
        context, state = self._context, self._context.engine.hub.state
        ours, held = standing_in(state.catalog, partner, now), context.partners.get(partner)
        if ours is None or held is None:
            hint = "`hartig partner propose CODE` asks it; then this writes what it needs to say yes"
            raise BoardError("not_found", f"there is no agreement with the network {partner.hex()[:8]}", hint, "/for")
        if not speaks(state, state.hub_key.public):
            hint = "write it at another hub, or let this one: `hartig member renew KEY --partners`"
            raise not_allowed("speakers", "this hub does not speak with partner networks", hint)
        if held.theirs is None or state.card is None or (held.ours is not None and not held.ours.is_ready):
            raise BoardError("starting", "what that network gets is not gathered yet", "try again in a moment")
        if held.ours is not None:
            header = new_header(held.ours.hub.state, now, partner)
            return header, self._served(partner, held.ours, header.n)
        wires = shown(state.catalog, state.hub_key.public, state.card, ours)
        proposal = (bytes(EPOCH_BYTES), 0, START_CHECK, len(wires), now.wall_ms, partner)
        return BundleHeader(state.network, state.hub_key.public, *proposal), _these(wires)

    def _served(self, partner: bytes, ours: Serving, upto: int) -> Portions:
        """Return what a partner is served, as long as it is that."""

        async def portions(*, governance: bool) -> AsyncIterator[Sequence[Wire]]:
            after = 0
            while after < upto:
                ids, after = ours.arrivals(after, upto, PORTION_RECORDS, governance=governance)
                rows = await self._context.store.read_records(ids)
                held = self._context.partners.get(partner)
                if held is None or held.ours is not ours:
                    raise BoardError("not_found", "what is agreed has changed meanwhile", "write it again")
                yield ours.as_served(rows)

        return portions

    async def read(self, pieces: AsyncIterator[bytes]) -> dict[str, Any]:
        """Take over what is in a bundle; return what became of it. Raises `BoardError`.

        What was taken over before an error stays.
        """
        if self._is_reading:
            raise BoardError("too_many", "another bundle is being read", "wait until it is done")
        self._is_reading = True
        try:
            reading = Reading(self._context, self._proposals)
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
    "other_network": "it is for hubs of its own network; one for a partner: `hartig bundle write FILE --for NETWORK`",
}


class NewBundle:
    """A bundle on its way out."""

    def __init__(self, writer: BundleWriter, portions: Portions) -> None:
        self._writer, self._portions = writer, portions

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


def _all_of(store: Store, upto: int) -> Portions:
    """Return all that is accepted of our own network."""

    async def portions(*, governance: bool) -> AsyncIterator[Sequence[Wire]]:
        after = 0
        while after < upto:
            wires, through = await store.read_arrivals(
                after, upto, PORTION_RECORDS, RECORD_BYTES_PER_FRAME, governance=governance
            )
            if through <= after:
                raise LocalError(f"the store does not hold what was accepted through {upto}")
            after = through
            yield wires

    return portions


def _these(wires: Sequence[Wire]) -> Portions:
    async def portions(**_: bool) -> AsyncIterator[Sequence[Wire]]:
        yield wires

    return portions
