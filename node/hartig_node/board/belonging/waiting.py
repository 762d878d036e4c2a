"""What is here and does not count yet, because something that it needs has not come.

In: the waiting place of the core. Out: how much of which neighbour waits, for what, and the first of it. Called by the
board for the API and the pages.
"""

from collections import Counter
from typing import Any

from hartig_node.board.context import Context

FIRST_SHOWN = 10


def waiting_json(context: Context) -> dict[str, Any]:
    """Return what waits, by the neighbour that sent it, as the node API gives it."""
    place, names = context.engine.hub.state.waiting, context.names()
    neighbours = []
    for peer in place.peers():
        held = place.held(peer)
        first = [
            {
                "record": record.id.hex(),
                "kind": record.head.kind,
                "author": record.head.author.hex(),
                "author_name": names.get(record.head.author),
                "waits_for": what,
                "of": key.hex(),
            }
            for record, (what, key) in held[:FIRST_SHOWN]
        ]
        counts = Counter(what for _, (what, _) in held)
        neighbours.append(
            {"hub": peer.hex(), "name": names.get(peer), "count": len(held), "for": dict(counts), "first": first}
        )
    return {"count": len(place), "neighbours": neighbours}
