"""How far this hub has come in fetching what the others have: for people, pages and programs.

In: the core's state. Out: a `Fetching`. Who calls: `status`, and the board for the neighbours' pages.
"""

from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.times import rfc3339
from hartig_protocol.sync import feeding
from hartig_protocol.values import value


@value
class Fetching:
    """A hub of which much is being fetched, or None; how much is here of how much; when all was here last (ms)."""

    hub: bytes | None
    hub_name: str | None
    held: int
    total: int
    complete_ms: int | None
    is_connected: bool

    @property
    def is_behind(self) -> bool:
        """Whether there is something to wait for."""
        return self.hub is not None and self.held < self.total

    def as_json(self) -> dict[str, Any] | None:
        """From whom and how much, as the node API gives it; None while nothing is being fetched."""
        if self.hub is None:
            return None
        return {"hub": self.hub.hex(), "hub_name": self.hub_name, "held": self.held, "total": self.total}

    @property
    def complete_at(self) -> str | None:
        """When all that the others have was here last, as the node API gives it."""
        return None if self.complete_ms is None else rfc3339(self.complete_ms)


def look(context: Context) -> Fetching:
    """Look how far it has come."""
    said = feeding.progress(context.engine.hub.state)
    now = context.clock.now()
    complete_ms = None if said.complete_ms is None else now.wall_ms - now.steady_ms + said.complete_ms
    return Fetching(
        hub=said.hub or None,
        hub_name=context.names().get(said.hub),
        held=said.held,
        total=said.total,
        complete_ms=complete_ms,
        is_connected=bool(context.engine.peers.open()),
    )
