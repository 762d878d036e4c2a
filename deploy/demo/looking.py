"""What one hub says of itself, through the Python client.

In: a client. Out: a `HubView`. Needs and offers are counted again until all that the hub has stored is counted: what
it has just accepted is in the fingerprint a moment before it is in a list. Who calls: `story`, in a thread, since the
client waits.
"""

from dataclasses import replace
from typing import Any

from demo.picture import Fingerprint, HubView, Seen, Stage
from hartig_node.client import Node

COUNTED_MAX = 2_000  # somebody may import thousands while the demo runs; ten pages at most for each look


def look(node: Node, before: HubView) -> HubView:
    """Return what the hub is and holds now; may raise a `ClientError`."""
    status = node.status()
    fingerprint = Fingerprint(**{name: status["fingerprint"][name] for name in ("as_of", "count", "hash")})
    view = replace(
        before,
        stage=Stage.MEMBER if status["state"] == "member" else Stage.LOOKING,
        id=status["hub"],
        seen=tuple(_seen(peer) for peer in node.peers() if peer["state"] == "open"),
        records=status["records"],
        fingerprint=fingerprint,
    )
    is_counted = before.needs + before.offers == status["posts"]
    if fingerprint.hash == before.fingerprint.hash and is_counted:
        return view
    return replace(view, needs=_count(node, "need"), offers=_count(node, "offer"))


def _seen(peer: dict[str, Any]) -> Seen:
    return Seen(peer["hub"] or "", peer["name"] or "", peer["found_by"] or "")


def _count(node: Node, kind: str) -> int:
    return sum(1 for _ in node.posts(kind=kind, limit=COUNTED_MAX))
