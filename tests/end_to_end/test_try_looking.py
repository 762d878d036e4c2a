"""What the demo sees of a hub whose lists lag a moment behind its fingerprint."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "deploy"))

from demo.looking import look
from demo.picture import HubView


class HubThatStores:
    """Says that five posts are accepted; `listed` of them are stored so far."""

    def __init__(self) -> None:
        self.listed = 2

    def status(self) -> dict[str, Any]:
        fingerprint = {"as_of": "2026-11-22T19:00:00Z", "count": 5, "hash": "same"}
        return {"hub": "ab", "state": "member", "records": 5, "posts": self.listed, "fingerprint": fingerprint}

    def peers(self) -> list[dict[str, Any]]:
        return []

    def posts(self, *, kind: str, limit: int) -> list[dict[str, Any]]:
        assert limit > 0
        return [{"id": str(number)} for number in range(self.listed if kind == "need" else 0)]


def test_posts_that_are_stored_later_are_counted_though_the_fingerprint_stays() -> None:
    hub = HubThatStores()
    first = look(hub, HubView("Kitchen"))  # type: ignore[arg-type]
    assert first.needs == 2
    hub.listed = 5
    assert look(hub, first).needs == 5  # type: ignore[arg-type]
