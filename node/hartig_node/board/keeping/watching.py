"""Which own posts are to be looked at when another post changes. Who calls: `keeper`."""


class Watching:
    """Which own posts are to be looked at when another post changes."""

    def __init__(self) -> None:
        self._others: dict[bytes, frozenset[bytes]] = {}
        self._watchers: dict[bytes, set[bytes]] = {}

    def put(self, own: bytes, others: frozenset[bytes]) -> None:
        """Let an own post depend on these others, and on no more."""
        before = self._others.pop(own, frozenset())
        for other in before - others:
            self._watchers[other].discard(own)
            if not self._watchers[other]:
                del self._watchers[other]
        for other in others - before:
            self._watchers.setdefault(other, set()).add(own)
        if others:
            self._others[own] = others

    def of(self, other: bytes) -> list[bytes]:
        """Return the own posts that depend on another, sorted."""
        return sorted(self._watchers.get(other, ()))
