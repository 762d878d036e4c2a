"""What this hub calls people who have a key and no card: private rows, which never leave it.

In: keys, names. Out: names beside those on hubs' cards, which go before. Who calls: `membership` at the start, the API.
"""

from hartig_node.board.belonging.looking import People
from hartig_node.board.belonging.people import Person
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.subjects import short_text
from hartig_protocol.events import PrivateRow

SPACE_LABEL = "label"
LABEL_BYTES_MAX = 120
LABELS_MAX = 10_000  # more people than a hub's organisers know by name; below 2 MB


async def learn_labels(context: Context) -> None:
    """Read what people are called here; call it before names on cards are learnt."""
    for key, name in await context.store.private_list(SPACE_LABEL):
        context.hub_names.setdefault(key, name.decode())


class Labels:
    """The use case of naming people."""

    def __init__(self, context: Context, people: People) -> None:
        self._context, self._people = context, people

    async def put(self, key: bytes, name: str) -> Person:
        """Call somebody so from now on, on this hub alone; an empty name takes that back. Raises `BoardError`."""
        name, names = short_text(name, LABEL_BYTES_MAX, "/name"), self._context.hub_names
        self._people.get(key)
        held = dict(await self._context.store.private_list(SPACE_LABEL))
        if names.get(key) not in (None, held.get(key, b"").decode()):
            detail = f"this hub has a name of its own: {names[key]}"
            raise BoardError("bad_request", detail, "only people and hubs without a card are named here", "/name")
        if name and key not in held and len(held) >= LABELS_MAX:
            raise BoardError("too_many", f"{LABELS_MAX} are named here already", "take back some names", "/name")
        await self._context.keep_private([PrivateRow(SPACE_LABEL, key, name.encode() or None)])
        if name:
            names[key] = name
        else:
            names.pop(key, None)
        return self._people.get(key)
