"""A node that is not one, with deals: what the command line is told of them, and what it says."""

from pathlib import Path
from typing import Any

from node.client.fake_node import FakeNode, Json, Request, problem

NEED, OFFER = "1f2e3d4c" + "0" * 24, "9a8b7c6d" + "0" * 24
DEAL, ASIDE = "3c4d5e6f" + "0" * 56, "5e6f7a8b" + "0" * 56
KITCHEN = "ee" * 32


def side(post_id: str, title: str, **more: Any) -> Json:
    return {"id": post_id, "held": True, "title": {"en": title}, "hub": KITCHEN, "mine": False, "unit": "H87", **more}


def deal(state: str = "asked", **more: Any) -> Json:
    """A deal as the API gives it: of eight blankets that the kitchen asks of this hub."""
    return {
        "id": DEAL,
        "state": state,
        "open": True,
        "role": "giving",
        "need": side(NEED, "Blankets for 8", hub_name="Strike kitchen"),
        "lot": side(OFFER, "Wool blankets", mine=True),
        "quantity": "8",
        "asks": "8",
        "asked_at": "2026-11-22T12:00:00Z",
        "loan": False,
        "marks": ["asked"],
        "what_next": ["promise", "hand_over", "decline"],
        **more,
    }


def book(**more: Any) -> Json:
    """The account of the blankets."""
    return {
        **side(OFFER, "Wool blankets", mine=True),
        "kind": "offer",
        "progress": {"state": "partly_promised", "counted": "20", "free": "14", "promised": "6"},
        "opened": True,
        "total": {},
        "accounts": [{"counted": "20", "free": "14", "promised": "6"}],
        "set_aside": [],
        "deals": [],
        "deals_total": 0,
        "broken": [],
        "written": 2,
        "room": 4094,
        **more,
    }


class DealingNode(FakeNode):
    """Answers every action with `deals[0]`, and everything about accounts with `book`."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.deals: list[Json] = []
        self.book: Json | None = None
        self.contact: str | None = None
        self.set_aside: list[Json] = []
        self.recounts: list[Json] = []
        self.begun: Json | None = None
        self.alternatives: list[Json] | None = None

    def said(self) -> tuple[str, Json]:
        """What was said last: below which address, and with which members."""
        last = self.requests[-1]
        return last.path.removeprefix("/api/v1"), last.value

    def answer(self, request: Request) -> tuple[int, Any]:
        parts = request.path.removeprefix("/api/v1").strip("/").split("/")
        match request.method, parts:
            case "GET", ["deals"]:
                return 200, {"items": self._wanted(request.query.get("state")), "next": None}
            case "GET", ["allotments"]:
                return 200, {"items": self.set_aside, "next": None}
            case "GET", ["recounts"]:
                return 200, {"items": self.recounts, "next": None}
            case "POST", ["recounts", _]:
                return (201, self.begun) if self.begun else (200, {"post": None})
            case "GET", ["needs", _, "alternatives"] if self.alternatives is not None:
                return 200, {"items": self.alternatives, "next": None}
            case "GET", ["deals", deal_id, "contact"]:
                return 200, {"deal": deal_id, "contact": self.contact}
            case "POST", ["posts", post_id, "low"]:
                return 200, next(one for one in self.posts if one["id"] == post_id)
            case ("POST", ["needs", _, "claims"]) | (_, ["deals", *_]):
                return (200, self.deals[0]) if self.deals else (404, problem(404, "not_found", "there is no such deal"))
            case (_, ["posts", _, "book" | "counts" | "close"]) | ("POST", ["offers" | "allotments", _, _]):
                return (200, self.book) if self.book else (404, problem(404, "not_found", "there is no such post"))
        return super().answer(request)

    def _wanted(self, state: str | None) -> list[Json]:
        if state in ("open", "over"):
            return [one for one in self.deals if one["open"] == (state == "open")]
        return [one for one in self.deals if state in (None, one["state"])]
