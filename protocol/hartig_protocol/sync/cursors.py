"""Cursors: how far we hold each peer's arrivals, and how far we told each peer about ours (SPEC, part S).

Only speed hangs on them, never correctness. A cursor counts if its epoch is ours and its check is the running hash
that we remember for that n; otherwise it is void and the peer starts from nothing.
"""

from collections.abc import Callable, Iterable

from hartig_protocol.events import Cursor, Told
from hartig_protocol.limits import PEERS_KNOWN_MAX, TOLD_PER_PEER_MAX


class Cursors:
    """Both directions of "complete through n", in memory; the store keeps the same rows."""

    def __init__(self, ours: Iterable[Cursor] = (), told: Iterable[Told] = ()) -> None:
        self._ours = {cursor.peer: cursor for cursor in ours}
        self._told: dict[bytes, dict[int, bytes]] = {}
        for item in told:
            self._told.setdefault(item.peer, {})[item.n] = item.check

    def __repr__(self) -> str:
        return f"<Cursors of {len(self._ours)} peers>"

    def ours(self, peer: bytes) -> tuple[bytes, int, bytes] | None:
        """Return epoch, n and check of what we hold of a peer, for the hello."""
        cursor = self._ours.get(peer)
        return (cursor.epoch, cursor.n, cursor.check) if cursor else None

    def advance(self, cursor: Cursor) -> bool:
        """Remember how far we hold a peer's arrivals; false where that is no news."""
        held = self._ours.get(cursor.peer)
        if held == cursor or (held is None and len(self._ours) >= PEERS_KNOWN_MAX):
            return False
        self._ours[cursor.peer] = cursor
        return True

    def tell(self, told: Told) -> bool:
        """Remember what we are about to tell a peer; false where it was told already."""
        held = self._told.get(told.peer)
        if held is None:
            if len(self._told) >= PEERS_KNOWN_MAX:
                return False
            held = self._told[told.peer] = {}
        if held.get(told.n) == told.check:
            return False
        held[told.n] = told.check
        while len(held) > TOLD_PER_PEER_MAX:
            del held[min(held)]
        return True

    def confirmed(
        self,
        peer: bytes,
        epoch: bytes,
        cursor: tuple[bytes, int, bytes] | None,
        running_at: Callable[[int], bytes | None],
    ) -> int:
        """Return from which arrival number a peer's cursor lets us start: its n, or 0 where it is void.

        What we told lately confirms it, and so does the record that took that number while it is held (`running_at`):
        a peer that was cut off while we went on telling is not sent everything again.
        """
        if cursor is None or cursor[0] != epoch:
            return 0
        _, n, check = cursor
        return n if check in (self._told.get(peer, {}).get(n), running_at(n)) else 0
