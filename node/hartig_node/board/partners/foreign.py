"""Posts of partner networks, shown beside our own: which network each is of, and what its hub is called there.

In: what the store of a partner's set finds. Out: views that name their network. Our own posts come first, then those of
each partner, by its id; a cursor names the network that it goes on with. What this hub hides is left out here, since
the rows that say so stand in its own store. Who calls: `posts`.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from hartig_node.board.context import Context
from hartig_node.board.drafts.views import PostView, record_view
from hartig_node.board.errors import BoardError
from hartig_node.board.partners.held import given_up, held_of, name_of, open_sets
from hartig_node.ports import PostFilter, StoredPost
from hartig_protocol.limits import NETWORK_ID_BYTES
from hartig_protocol.records.opening import open_record

logger = logging.getLogger(__name__)

Shown = Callable[[bytes, StoredPost], Awaitable[PostView | None]]


def network_of(text: str, pointer: str = "/network") -> bytes:
    """Read the id of a network; raises `BoardError`."""
    try:
        network = bytes.fromhex(text)
    except ValueError:
        network = b""
    if len(network) != NETWORK_ID_BYTES:
        hint = "an id has 32 hexadecimal digits: `hartig partner` shows them"
        raise BoardError("bad_request", f"{text[:60]!r} is no id of a network", hint, pointer)
    return network


class Foreign:
    """What partner networks have put up."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __repr__(self) -> str:
        return f"<Foreign posts of {len(self._context.partners)} networks>"

    async def find(self, thread: bytes) -> tuple[bytes, StoredPost] | None:
        """Return a post that a partner network shares, with the network; None where none does."""
        for network, (_, store) in open_sets(self._context.partners):
            with given_up(network):
                stored = await store.post(thread)
                if stored is not None:
                    return network, stored
        return None

    async def view(self, network: bytes, stored: StoredPost, now_ms: int) -> PostView:
        """Show one; no hub of ours has posted it."""
        held = held_of(self._context.partners.get(network))
        names = await self._context.cards.names(network)
        record = open_record(stored.wire, verify_signature=False)
        view = record_view(record, self._context.pen.key.public, names, now_ms)
        view = replace(view, network=network.hex(), is_mine=False)
        return view if held is None else replace(view, network_name=name_of(held[0]))

    # --- Lists

    async def page(
        self, wanted: PostFilter, network: bytes | None, cursor: str, limit: int, shown: Shown
    ) -> tuple[list[PostView], str | None]:
        """Return some that a filter wants, of one network or of all, and the cursor of what follows.

        `cursor` is one that this made, or `p` for the beginning; `shown` makes views, None of what is left out.
        """
        wanted = replace(wanted, unless_thread_in=None, unless_author_in=None)
        begin, place = _place_of(cursor)
        views: list[PostView] = []
        for at, (_, store) in open_sets(self._context.partners):
            if network not in (None, at) or at < begin:
                continue
            after = place if at == begin else None
            with given_up(at):
                while len(views) < limit:
                    page = await store.posts(wanted, after, limit - len(views))
                    found = [await shown(at, stored) for stored in page.posts]
                    views += [view for view in found if view is not None]
                    after = page.after
                    if after is None:
                        break
                else:
                    return views, f"p{at.hex()}.{'' if after is None else after}"
        return views, None


def _place_of(cursor: str) -> tuple[bytes, int | None]:
    """Return the network and the arrival number with which a list goes on."""
    network, _, after = cursor.removeprefix("p").partition(".")
    return bytes.fromhex(network), int(after) if after else None
