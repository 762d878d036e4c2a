"""The links in use, and which of them are dead although nothing has said so.

TCP finds out by silence that the other side is gone, which takes half a minute. Two things tell it at once: this
machine has lost the address on which a link stands; and a node that has a link opens another, which a dialler does
only after it has lost the first (it moved, or was started again). Such links are aborted, so that the new one counts.
Who calls: `network`.
"""

from collections.abc import Callable
from typing import Protocol

# Two hubs that find each other dial at the same moment, each not knowing of the other's link: both are alive, and the
# core keeps one. The gate gives a handshake so long; where that were wrong, both links would end and be dialled again.
TOGETHER_S = 5.0


class OpenLink(Protocol):
    """What is needed of `hartig_node.net.links.Link`."""

    @property
    def peer_node_id(self) -> bytes:
        """The node on the other side."""

    @property
    def local_address(self) -> str:
        """This machine's address on which the link stands."""

    def abort(self, reason: str) -> None:
        """End the link at once."""


class OpenLinks:
    """All links that are being served."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Begin with none; `now_s` returns seconds that only grow."""
        self._now_s = now_s
        self._since_s: dict[OpenLink, float] = {}

    def __repr__(self) -> str:
        return f"<OpenLinks {len(self)}>"

    def __len__(self) -> int:
        return len(self._since_s)

    def opened(self, link: OpenLink, *, by_us: bool) -> None:
        """Count a new link in; one that the other side opened ends older links to that node."""
        now_s = self._now_s()
        if not by_us:
            for other, since_s in list(self._since_s.items()):
                if other.peer_node_id == link.peer_node_id and now_s - since_s >= TOGETHER_S:
                    other.abort("the other hub has opened a new link")
        self._since_s[link] = now_s

    def ended(self, link: OpenLink) -> None:
        """Count a link out."""
        del self._since_s[link]

    def addresses_are(self, addresses: frozenset[str]) -> None:
        """End the links that stand on an address which this machine has no more."""
        for link in list(self._since_s):
            if link.local_address.partition("%")[0] not in addresses:
                link.abort("this machine has lost the address of the link")
