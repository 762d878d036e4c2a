"""How often somebody may try: a bounded count of recent tries, by address and in all.

In: an address and the steady clock. Out: zero, or how many seconds to wait. Who calls: `mine.py` before a pick-up word
is looked up, `posting.py` before a post is published.

Addresses on a LAN cost nothing (every phone shares the IPv6 prefix with all others), so the count of all tries is
bounded too. That also bounds the table: no more addresses have recent tries than tries are allowed in all.
"""

from collections import deque

WAIT_S_MIN = 0.001  # the resolution of the steady clock


class Pace:
    """Allows so many tries within a sliding window."""

    def __init__(self, per_address_max: int, total_max: int, window_s: float) -> None:
        """Allow `per_address_max` tries of one address and `total_max` of all within `window_s` seconds."""
        self._per_address_max, self._total_max, self._window_s = per_address_max, total_max, window_s
        self._tries: deque[tuple[float, str]] = deque()
        self._by_address: dict[str, deque[float]] = {}

    def __repr__(self) -> str:
        return f"<Pace {len(self._tries)}/{self._total_max} tries of {len(self._by_address)} addresses>"

    def __len__(self) -> int:
        return len(self._by_address)

    def take(self, address: str, now_s: float) -> float:
        """Count a try and return 0, or return the seconds after which the next one is allowed."""
        self._forget(now_s - self._window_s)
        own = self._by_address.get(address)
        if own is not None and len(own) >= self._per_address_max:
            return self._wait_s(own[0], now_s)
        if len(self._tries) >= self._total_max:
            return self._wait_s(self._tries[0][0], now_s)
        self._tries.append((now_s, address))
        self._by_address.setdefault(address, deque()).append(now_s)
        return 0.0

    def _wait_s(self, oldest_s: float, now_s: float) -> float:
        # Never 0, which means allowed: rounding may put the oldest try on both sides of the window's edge.
        return max(oldest_s + self._window_s - now_s, WAIT_S_MIN)

    def _forget(self, until_s: float) -> None:
        while self._tries and self._tries[0][0] <= until_s:
            _moment, address = self._tries.popleft()
            own = self._by_address[address]
            own.popleft()
            if not own:
                del self._by_address[address]
