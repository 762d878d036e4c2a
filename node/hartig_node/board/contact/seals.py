"""For which key a contact was sealed, so that it is sealed anew when the other hub has lost that key.

In: private rows, one beside each contact that this hub writes, and the box keys on hubs' cards. Out: the claims and
promises whose contact its reader cannot open any more. A hub that changed its key again and again would fill our
accounts with contacts: so each is sealed a few times, and no more. Rows go by their own date; they name a hub by its
key, and one of a partner network by the network's id and the key. Who calls: `contacts`.
"""

from collections.abc import Collection

import msgpack

from hartig_node.board.context import Context
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import KEY_BYTES, LIFE_MS_MAX

SPACE_SEALED = "sealed"
SEALED_MAX = 4  # of one claim or promise: a hub loses its key once or twice in a deal, at worst


class Seals:
    """What must be sealed anew, by the id of a claim or a promise of this hub's own posts."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.stale: set[bytes] = set()

    async def look(self, hubs: Collection[bytes] | None = None) -> None:
        """Look through all contacts, at a start, or through those for hubs whose keys have changed."""
        for about, value in await self._context.store.private_list(SPACE_SEALED):
            recipient, key, times = msgpack.unpackb(value)
            if hubs is None or recipient in hubs:
                self._judge(about, recipient, key, times)

    def wrote(self, row: PrivateRow) -> None:
        """Remember that a contact is durable with its row."""
        recipient, key, times = msgpack.unpackb(row.value or b"")
        self._judge(row.key, recipient, key, times)

    def _judge(self, about: bytes, recipient: bytes, key: bytes, times: int) -> None:
        boxes = self._context.hub_boxes if len(recipient) == KEY_BYTES else self._context.boxes_abroad
        now_key = boxes.get(recipient)
        if now_key in (None, key) or times >= SEALED_MAX:
            self.stale.discard(about)
        else:
            self.stale.add(about)

    async def row(self, about: bytes, recipient: bytes, key: bytes) -> PrivateRow:
        """Return the row that goes into the commit of a contact."""
        held = await self._context.store.private_get(SPACE_SEALED, about)
        times = 0 if held is None else msgpack.unpackb(held)[2]
        until_ms = self._context.clock.reading().wall_ms + LIFE_MS_MAX
        return PrivateRow(SPACE_SEALED, about, msgpack.packb([recipient, key, times + 1]), until_ms)
