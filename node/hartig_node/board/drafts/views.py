"""What people and programs are shown of a post: the one place where a record becomes a view."""

from decimal import Decimal
from typing import Any

from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.privacy.linting import Found
from hartig_node.board.repeats.repeating import Series, read_text
from hartig_node.board.times import rfc3339
from hartig_protocol.records.posts import ATTRIBUTE_LISTS
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.values import value

KIND_NAMES = {Kind.NEED: "need", Kind.OFFER: "offer"}


@value
class PostView:
    """One need or offer. Times in ms; `quantity` is decimal text in `unit`."""

    id: str
    record: str
    kind: str
    state: str  # "standing", "expired", "ended"
    category: str
    area: str
    audience: str
    title: dict[str, str]
    text: dict[str, str]
    attributes: dict[str, list[str]]
    source: str | None
    quantity: str | None
    unit: str
    smallest_part: int
    facts: dict[str, Any]
    author: str
    author_name: str
    is_mine: bool
    seq: int
    published_ms: int
    expires_ms: int
    approx: bool = False
    repeats: Series | None = None
    next_ms: int | None = None  # the first of its dates that lies ahead; None also while nobody knows the time
    progress: dict[str, Any] | None = None  # a state word and amounts (`progress`)
    flags: dict[str, Any] | None = None  # how many ask people to look at it again, and the first few (`flags`)
    hidden: dict[str, Any] | None = None  # why lists of this hub leave it out (`hiding`)
    warnings: tuple[Found, ...] = ()  # what its writer should look at once more (`privacy`); said to nobody else
    network: str | None = None  # of a post of a partner network: that network's id, and what it calls itself
    network_name: str = ""

    @property
    def asks_abroad(self) -> bool:
        """Whether it is the part of a need that is asked of a partner network: people see the need itself."""
        return self.kind == "need" and "parent" in self.facts and self.audience not in ("hub", "network", "partners")

    def title_in(self, language: str) -> str:
        """The title in a language, or in the first that there is."""
        return pick(self.title, language)

    def text_in(self, language: str) -> str:
        """The text in a language, or in the first that there is."""
        return pick(self.text, language)

    @property
    def etag(self) -> str:
        """The entity tag of this version (RFC 9110, section 8.8.3)."""
        return f'"{self.record[:32]}"'

    def as_json(self) -> dict[str, Any]:
        """The view as the node API gives it; what was not said is left out."""
        facts = self.facts
        view: dict[str, Any] = {
            "id": self.id,
            "record": self.record,
            "kind": self.kind,
            "state": self.state,
            "category": self.category,
            "area": self.area or None,
            "audience": self.audience,
            "title": self.title,
            "text": self.text or None,
            **self.attributes,
            "source": self.source,
            "quantity": self.quantity,
            "unit": self.unit,
            "smallest_part": self.smallest_part,
            "mode": facts.get("mode", "give"),
            "urgency": facts.get("urgency", "normal"),
            "rule": facts.get("rule", "open" if "level" in facts else "ask"),
            "closes": rfc3339(facts["closes"]) if "closes" in facts else None,
            "level": facts.get("level"),
            "level_at": rfc3339(facts["level_at"]) if "level_at" in facts else None,
            "people": facts.get("people"),
            "reach_km": facts.get("reach"),
            "window": _window(facts.get("window")),
            "dates": [rfc3339(moment) for moment in facts["dates"]] if "dates" in facts else None,
            "next_date": rfc3339(self.next_ms) if self.next_ms is not None else None,
            "repeats": self.repeats.as_draft() if self.repeats is not None else None,
            "best_before": rfc3339(facts["best_before"]) if "best_before" in facts else None,
            "parent": facts["parent"].hex() if "parent" in facts else None,
            "author": self.author,
            "author_name": self.author_name or None,
            "network": self.network,
            "network_name": self.network_name or None,
            "mine": self.is_mine,
            "seq": self.seq,
            "published_at": rfc3339(self.published_ms),
            "expires_at": rfc3339(self.expires_ms),
            "approx": self.approx or None,
            "progress": self.progress,
            "flags": self.flags,
            "hidden": self.hidden and {name: self.hidden[name] for name in ("why", "at")},
            "warnings": [one.as_json() for one in self.warnings] or None,
        }
        return {name: value for name, value in view.items() if value is not None}


def _window(window: list[int] | None) -> dict[str, str] | None:
    return None if window is None else {"from": rfc3339(window[0]), "to": rfc3339(window[1])}


def pick(texts: dict[str, str], language: str) -> str:
    """Return the text in a language, its base language, English, or the first by language tag."""
    for tag in (language, language.partition("-")[0], "en"):
        if tag in texts:
            return texts[tag]
    return texts[min(texts)] if texts else ""


def record_view(record: Record, own_hub: bytes, names: dict[bytes, str], now_ms: int) -> PostView:
    """Read a record of kind need or offer into a view. `names` maps hubs to the names on their cards."""
    head, body = record.head, record.body or {}
    category, area, unit, smallest_part = head.fixed
    expires_ms = head.expires or 0
    state = "ended" if head.ends else "expired" if expires_ms <= now_ms else "standing"
    audience = head.audience if isinstance(head.audience, str) else head.audience.hex()
    return PostView(
        id=head.thread.hex(),
        record=record.id.hex(),
        kind=KIND_NAMES[Kind(head.kind)],
        state=state,
        category=category,
        area=area,
        audience=audience,
        title=_clean(body.get("title", {})),
        text=_clean(body.get("text", {})),
        attributes={name: list(body[name]) for name in ATTRIBUTE_LISTS if body.get(name)},
        source=clean_text(body["source"]) if "source" in body else None,
        quantity=quantity_text(head.facts.get("quantity"), smallest_part),
        unit=unit,
        smallest_part=smallest_part,
        facts=head.facts,
        author=head.author.hex(),
        author_name=names.get(head.author, ""),
        is_mine=head.author == own_hub,
        seq=head.seq,
        published_ms=head.stamp,
        expires_ms=expires_ms,
        approx=head.facts.get("approx") is True,
        repeats=read_text(body.get("repeats")),
        next_ms=next((date for date in head.facts.get("dates", ()) if date > now_ms), None) if now_ms else None,
    )


def _clean(texts: dict[str, str]) -> dict[str, str]:
    """Clean text when it is shown, since others may have written it otherwise (SPEC E8)."""
    return {tag: clean_text(text) for tag, text in texts.items()}


def quantity_text(parts: int | None, smallest_part: int) -> str | None:
    """Return a quantity in smallest parts as decimal text in units, exactly where decimals allow it."""
    if parts is None:
        return None
    return format((Decimal(parts) / Decimal(smallest_part)).normalize(), "f")
