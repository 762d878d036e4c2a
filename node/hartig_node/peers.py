"""Who is connected, who was turned away and why: the list behind `hartig peers`, `status` and the dialer."""

from collections.abc import Callable
from dataclasses import replace

from hartig_node.outbox import LinkPort
from hartig_protocol.events import PeerChanged
from hartig_protocol.values import value

PEERS_MAX = 1024


@value
class Peer:
    """One node that we have, had, or refused a link with. Its addresses are shown to people, never logged."""

    node: bytes
    hub: bytes | None = None
    link: int | None = None
    state: str = "closed"
    found_by: str = ""
    opened_by_us: bool = False
    address: str = ""
    code: str = ""
    reason: str = ""


class Peers:
    """Keeps the newest word on each node."""

    def __init__(self) -> None:
        self._peers: dict[bytes, Peer] = {}
        self._links: dict[int, LinkPort] = {}
        self._found_by: dict[bytes, str] = {}
        self.on_change: Callable[[Peer], None] | None = None

    def linked(self, number: int, link: LinkPort) -> None:
        """Remember the channel behind a link number until the core has judged it."""
        self._links[number] = link

    def dialled(self, node: bytes, found_by: str) -> None:
        """Remember who had told us of the address at which a node answered."""
        self._found_by[node] = found_by
        while len(self._found_by) > PEERS_MAX:
            del self._found_by[next(iter(self._found_by))]

    def changed(self, change: PeerChanged) -> None:
        """Take the core's word on a link."""
        link = self._links.get(change.link)
        if change.state != "open":
            self._links.pop(change.link, None)
        held = self._peers.pop(change.peer_node, None) or Peer(change.peer_node)
        if change.state != "open" and held.link not in (None, change.link):
            self._peers[change.peer_node] = held  # an older or doubled link ended; the one that stands still stands
            return
        peer = replace(
            held,
            hub=change.peer_hub or held.hub,
            link=change.link if change.state == "open" else None,
            state=change.state,
            code=change.code,
            reason=change.reason,
        )
        if link is not None:
            host, port = link.peer_address[:2]
            found_by = self._found_by.get(change.peer_node, "") if link.opened_by_us else "incoming"
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            peer = replace(peer, opened_by_us=link.opened_by_us, address=address, found_by=found_by)
        self._peers[change.peer_node] = peer
        while len(self._peers) > PEERS_MAX:
            del self._peers[next(iter(self._peers))]
        if self.on_change is not None:
            self.on_change(peer)

    def all(self) -> list[Peer]:
        """Return every peer known, by node id."""
        return [self._peers[node] for node in sorted(self._peers)]

    def open(self) -> list[Peer]:
        """Return those with an open link."""
        return [peer for peer in self.all() if peer.state == "open"]
