"""Small things that several commands say: moments, texts in the reader's language, short ids, counts."""

import os
from collections.abc import Mapping
from typing import Any

from hartig_node import wording

how_many = wording.how_many  # as all that speaks to people counts
SHORT_ID_CHARACTERS = 8


def language(environment: Mapping[str, str] | None = None) -> str:
    """Return the language of this terminal (LC_ALL, LC_MESSAGES, LANG), as a tag such as `ht`; English by default."""
    environment = os.environ if environment is None else environment
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if said := environment.get(name):
            tag = said.partition(".")[0].partition("@")[0].replace("_", "-")
            return "en" if tag in {"C", "POSIX", ""} else tag
    return "en"


def in_language(texts: Any, wanted: str) -> str:
    """Return the text in a language, its base language, English, or the first by language tag."""
    if not isinstance(texts, dict):
        return texts if isinstance(texts, str) else ""
    for tag in (wanted, wanted.partition("-")[0], "en"):
        if tag in texts:
            return str(texts[tag])
    return str(texts[min(texts)]) if texts else ""


def short_id(post: Mapping[str, Any]) -> str:
    """Return the first digits of a post's id."""
    return str(post.get("id", ""))[:SHORT_ID_CHARACTERS]


def moment(text: Any, *, with_year: bool = False) -> str:
    """Return an RFC 3339 moment as people here write it; as it is where it cannot be read."""
    from datetime import datetime

    try:
        local = datetime.fromisoformat(str(text)).astimezone()
    except (ValueError, OverflowError, OSError):
        return str(text)
    return local.strftime("%a %d %b %Y %H:%M" if with_year else "%d %b %H:%M")


def amount(post: Mapping[str, Any], wanted: str) -> str:
    """Return what a post says of how much: `40 litres`, or how full an open shelf is."""
    if level := post.get("level"):
        return str(level)
    quantity = post.get("quantity")
    if quantity is None:
        return ""
    from hartig_protocol.records import units

    unit = str(post.get("unit", "H87"))
    return str(quantity) if unit in {"H87", "C62"} else f"{quantity} {units.label(unit, wanted)}"


def duration(seconds: Any) -> str:
    """Return how long something has been: `3 min`, `5 h 20 min`, `2 days`."""
    if not isinstance(seconds, int | float) or seconds < 0:
        return "unknown"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min" if minutes else f"{int(seconds)} s"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} days"
