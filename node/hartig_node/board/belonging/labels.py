"""What this hub calls people who have a key and no card: private rows, which never leave it.

In: keys, names. Out: `Context.labels`, which `looking` merges with the names on hubs' cards; those go before. No
neighbour reads them. Who calls: `membership` at the start, the API.
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
    """Read what people are called here."""
    context.labels = {key: name.decode() for key, name in await context.store.private_list(SPACE_LABEL)}


class Labels:
    """The use case of naming people."""

    def __init__(self, context: Context, people: People) -> None:
        self._context, self._people = context, people

    async def put(self, key: bytes, name: str) -> Person:
        """Call somebody so from now on, on this hub alone; an empty name takes that back. Raises `BoardError`."""
        name, labels = short_text(name, LABEL_BYTES_MAX, "/name"), self._context.labels
        self._people.get(key)
        if name and key in self._context.hub_names:
            detail = f"this hub has a name of its own: {self._context.hub_names[key]}"
            raise BoardError("bad_request", detail, "only people and hubs without a card are named here", "/name")
        if name and key not in labels and len(labels) >= LABELS_MAX:
            raise BoardError("too_many", f"{LABELS_MAX} are named here already", "take back some names", "/name")
        await self._context.keep_private([PrivateRow(SPACE_LABEL, key, name.encode() or None)])
        if name:
            labels[key] = name
        else:
            labels.pop(key, None)
        return self._people.get(key)
