"""From a draft, as people and programs write it, to the fields of a record (`node/API.md`, "Drafts").

In: a JSON-like map. Out: `PostFields`, or `BoardError("bad_draft")` with a JSON pointer. Text is written in NFC,
without control and bidi-override characters; codes must be of the shipped lists.
"""

import re
import unicodedata
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from hartig_node.board.errors import BoardError
from hartig_node.board.repeats.repeating import Series, read_repeats
from hartig_node.board.times import parse_rfc3339
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import CONTACT_TEXT_BYTES, DAY_MS, HOUR_MS, LIFE_MS_MAX, QUANTITY_MAX
from hartig_protocol.records import attributes, categories, units
from hartig_protocol.records.posts import ATTRIBUTE_LISTS, LEVELS, MODES, RULES, URGENCIES
from hartig_protocol.records.record import Kind
from hartig_protocol.values import value

DRAFT_FIELDS = (
    "kind", "category", "title", "text", "language", "quantity", "unit", "smallest_part", "mode", "urgency", "level",
    "area", "reach_km", "people", "rule", "closes", "window", "dates", "repeats", "best_before", "requires", "avoids",
    "satisfies", "contains", "unknown", "source", "audience", "days", "expires_at", "parent",
    "contact",
)  # fmt: skip
FIXED_FIELDS = ("kind", "category", "area", "unit", "smallest_part", "audience")
KINDS = {"need": Kind.NEED, "offer": Kind.OFFER}
NEED_LIFE_MS = 14 * DAY_MS
OFFER_LIFE_MS = 30 * DAY_MS
COOKED_LIFE_MS = 12 * HOUR_MS
PERISHABLE_LIFE_MS = 3 * DAY_MS
_DIVISIBLE = frozenset({"mass", "volume", "length", "area", "energy", "time"})
CLOSES_AFTER_MS = DAY_MS  # from when a draft that shares fairly says that, where it does not say until when
FAIR, OPEN = "fair", "open"
_CHOICES = {"mode": MODES, "urgency": URGENCIES, "rule": RULES, "level": LEVELS}
PROGRAMS_NAMES = frozenset({"Hub", "Our hub"})
_CONTROL_KEPT = "\n\t"
_NETWORK_ID = re.compile(r"[0-9a-fA-F]{32}")
_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@value
class PostFields:
    """What a draft says, in the record's terms. `life_ms` or `expires_ms` says how long.

    A series is here as it was said: its dates are made when the post is signed (`dating`). `contact` stands in no
    record: it is sealed for the other side of a deal (`contacts`).
    """

    kind: Kind
    fixed: list[Any]
    audience: str | bytes  # a network's id: for that partner network alone
    facts: dict[str, Any]
    body: dict[str, Any]
    life_ms: int
    expires_ms: int | None
    series: Series | None = None
    says_life: bool = False
    contact: str | None = None


def wrong(pointer: str, detail: str, hint: str = "") -> BoardError:
    """Make the error for one field of a draft."""
    return BoardError("bad_draft", detail, hint, f"/{pointer}")


_NAMES = {"reach": "reach_km"}
_LISTS = {"category": "categories", "unit": "units"}


def from_record_error(error: RecordError) -> BoardError:
    """Say in the draft's own terms what the record's rules found: `facts.reach: ...` is the draft's `/reach_km`."""
    field, _, problem = str(error).partition(": ")
    path = re.split(r"[.\[]", field.replace("]", ""))
    if error.code != "bad_field" or path[0] not in ("facts", "fixed", "body") or len(path) < 2:
        return BoardError("bad_draft", str(error), "change what it names, and try again")
    name = _NAMES.get(path[1], path[1])
    if name == "window" and len(path) > 2:
        path[2] = ("from", "to")[int(path[2])]
    return wrong("/".join([name, *path[2:]]), f"{name} {problem}", "change it, and try again")


def _escaped(part: str) -> str:
    """Escape one part of a JSON pointer (RFC 6901, section 3)."""
    return part.replace("~", "~0").replace("/", "~1")


def clean_text(text: str) -> str:
    """Return text as it is written into records: NFC, no control or bidi-override characters, no outer space."""
    kept = (
        one
        for one in text
        if (one in _CONTROL_KEPT or unicodedata.category(one) != "Cc") and one not in _BIDI_OVERRIDES
    )
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def name_on_card(text: str) -> str:
    """Return what a hub's card calls it; empty where that is only what programs say for want of a name."""
    name = clean_text(text)
    return "" if name in PROGRAMS_NAMES else name


def read_draft(draft: Any) -> PostFields:
    """Check a draft and return its fields."""
    if not isinstance(draft, dict):
        raise BoardError("bad_draft", "a draft is an object", "send an object with at least kind, category and title")
    for name in draft:
        if name not in DRAFT_FIELDS:
            raise wrong(_escaped(str(name)), f"there is no field {name!r}", _did_you_mean(str(name), DRAFT_FIELDS))
    draft = {name: value for name, value in draft.items() if value is not None}
    named = draft.get("kind")
    kind = KINDS.get(named) if isinstance(named, str) else None
    if kind is None:
        raise wrong("kind", "kind must be need or offer")
    category = _code("category", draft.get("category"), categories.parse)
    unit = _code("unit", draft.get("unit", "H87"), units.parse)
    smallest_part = _smallest_part(draft, unit)
    life_ms, expires_ms = _life(draft, kind, category)
    return PostFields(
        kind,
        [category, _area(draft), unit, smallest_part],
        _audience(draft, category),
        _facts(draft, kind, smallest_part),
        _body(draft),
        life_ms,
        expires_ms,
        _series(draft),
        says_life="days" in draft or "expires_at" in draft,
        contact=_contact(draft),
    )


def _did_you_mean(name: str, known: tuple[str, ...]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"known fields: {', '.join(known)}"


def _code(name: str, value: Any, parse: Any) -> str:
    try:
        code: str = parse(value)
    except RecordError as error:
        detail = f"a post needs a {name}" if value is None else str(error)
        raise wrong(name, detail, f"see 'hartig help {_LISTS[name]}'" if name in _LISTS else "") from error
    return code


def _smallest_part(draft: dict[str, Any], unit: str) -> int:
    default = 1000 if units.dimension(unit) in _DIVISIBLE else 1
    value = draft.get("smallest_part", default)
    if type(value) is not int or not 1 <= value <= 1_000_000:
        raise wrong("smallest_part", "smallest_part is an integer from 1 to 1,000,000: parts that one unit has")
    return value


def _life(draft: dict[str, Any], kind: Kind, category: str) -> tuple[int, int | None]:
    if "days" in draft and "expires_at" in draft:
        raise wrong("days", "give days or expires_at, not both")
    if "expires_at" in draft:
        return 0, _moment("expires_at", draft["expires_at"])
    if "days" in draft:
        days = draft["days"]
        if type(days) not in (int, float) or not 0 < days <= LIFE_MS_MAX / DAY_MS:
            raise wrong("days", f"days is a number above 0 and up to {LIFE_MS_MAX // DAY_MS}")
        return max(1, int(days * DAY_MS)), None
    if categories.is_same_or_ancestor("food.cooked", category):
        return COOKED_LIFE_MS, None
    if categories.is_perishable(category) and kind is Kind.OFFER:
        return PERISHABLE_LIFE_MS, None
    return (NEED_LIFE_MS if kind is Kind.NEED else OFFER_LIFE_MS), None


def _area(draft: dict[str, Any]) -> str:
    area = draft.get("area", "")
    if not isinstance(area, str):
        raise wrong("area", "area is a geohash of at most 5 characters")
    return area.lower()


def _audience(draft: dict[str, Any], category: str) -> str | bytes:
    default = "hub" if categories.is_sensitive(category) else "network"
    audience = draft.get("audience", default)
    is_known = audience in ("hub", "network", "partners")
    if not is_known and not (isinstance(audience, str) and _NETWORK_ID.fullmatch(audience)):
        hint = "`hartig partner` shows the ids of partner networks"
        raise wrong("audience", "audience is hub, network, partners, or the id of a partner network", hint)
    if default == "hub" and audience != "hub":
        hint = "leave audience out: posts of this category stay on this hub"
        raise wrong("audience", f"{category} is a sensitive category: it never leaves this hub", hint)
    return str(audience) if is_known else bytes.fromhex(audience)


def _facts(draft: dict[str, Any], kind: Kind, smallest_part: int) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, allowed in _CHOICES.items():
        if name in draft:
            if not isinstance(draft[name], str) or draft[name] not in allowed:
                raise wrong(name, f"{name} is one of {', '.join(sorted(allowed))}")
            facts[name] = draft[name]
    if "level" in facts and kind is not Kind.OFFER:
        raise wrong("level", "only an offer has a level: an open shelf from which people take")
    if "quantity" in draft:
        facts["quantity"] = _quantity(draft["quantity"], smallest_part)
        if "level" in facts:
            raise wrong("quantity", "an open shelf has a level and no quantity")
    facts.update(_sharing(draft, facts))
    if "people" in draft:
        facts["people"] = _whole("people", draft["people"])
    if "reach_km" in draft:
        facts["reach"] = _whole("reach_km", draft["reach_km"])
    facts.update(_dates(draft))
    if "parent" in draft:
        facts["parent"] = _thread("parent", draft["parent"])
    return facts


def _sharing(draft: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """Return until when people may ask where it is shared fairly; `with_closes` says it where the draft does not."""
    rule = facts.get("rule")
    if "level" in facts and rule not in (None, OPEN):
        raise wrong("rule", "an open shelf has no rule but open: who comes takes")
    if "closes" not in draft:
        return {}
    if rule != FAIR:
        raise wrong("closes", "closes is for the rule fair: until when people may ask", "say null, or take that rule")
    return {"closes": _moment("closes", draft["closes"])}


def with_closes(fields: PostFields, now_ms: int, end_ms: int) -> PostFields:
    """Return fields that say until when people may ask: a day, or as long as the post stands, if that is shorter."""
    if fields.facts.get("rule") != FAIR or "closes" in fields.facts:
        return fields
    return replace(fields, facts={**fields.facts, "closes": min(now_ms + CLOSES_AFTER_MS, end_ms)})


def _dates(draft: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if "best_before" in draft:
        facts["best_before"] = _moment("best_before", draft["best_before"])
    if "window" in draft:
        window = draft["window"]
        if not isinstance(window, dict) or set(window) != {"from", "to"}:
            raise wrong("window", "window is an object with from and to")
        facts["window"] = [_moment(f"window/{end}", window[end]) for end in ("from", "to")]
    if "dates" in draft:
        if not isinstance(draft["dates"], list):
            raise wrong("dates", "dates is a list of times")
        facts["dates"] = sorted({_moment(f"dates/{index}", one) for index, one in enumerate(draft["dates"])})
    return facts


def _series(draft: dict[str, Any]) -> Series | None:
    if "repeats" not in draft:
        return None
    if "dates" in draft:
        hint = "leave dates out; or say the dates yourself, with null for repeats where a post has it already"
        raise wrong("dates", "repeats makes the dates by itself", hint)
    return read_repeats(draft["repeats"])


def _quantity(value: Any, smallest_part: int) -> int:
    """Return a quantity in smallest parts, exactly."""
    try:
        parts = Decimal(str(value)) * smallest_part if type(value) in (int, float, str) else None
    except InvalidOperation:
        parts = None
    if parts is None or not parts.is_finite() or not 0 < parts <= QUANTITY_MAX:
        hint = "leave it out where nobody knows how much"
        raise wrong("quantity", 'quantity is a number above 0, such as 5 or "2.5"', hint)
    if parts != parts.to_integral_value():
        raise wrong("quantity", f"quantity has parts smaller than 1/{smallest_part} of the unit", "round it")
    return int(parts)


def _whole(name: str, value: Any) -> int:
    if type(value) is not int or value < 0:
        raise wrong(name, f"{name} is a whole number")
    return value


def _moment(name: str, value: Any) -> int:
    try:
        return parse_rfc3339(value)
    except (TypeError, ValueError) as error:
        raise wrong(name, f"{name} is a time such as 2026-11-22T18:00:00Z") from error


def _thread(name: str, value: Any) -> bytes:
    try:
        thread = bytes.fromhex(value)
    except (TypeError, ValueError):
        thread = b""
    if len(thread) != 16:
        raise wrong(name, f"{name} is the id of a post: 32 hexadecimal digits")
    return thread


def _body(draft: dict[str, Any]) -> dict[str, Any]:
    language = draft.get("language", "en")
    body: dict[str, Any] = {"title": _texts("title", draft.get("title"), language)}
    if not body["title"]:
        raise wrong("title", "a post needs a title", "say in a few words what is needed or offered")
    if "text" in draft:
        body["text"] = _texts("text", draft["text"], language)
    for name in ATTRIBUTE_LISTS:
        if name in draft:
            body[name] = _attributes(name, draft[name])
    if "source" in draft:
        body["source"] = _text("source", draft["source"])
    return {name: value for name, value in body.items() if value not in ({}, [], "")}


def _texts(name: str, value: Any, language: Any) -> dict[str, str]:
    """Return text by language; plain text is taken to be in `language`."""
    if value is None:
        return {}
    if isinstance(value, str):
        value = {language: value}
    if not isinstance(value, dict):
        raise wrong(name, f"{name} is text, or an object from language to text")
    texts = {str(tag): _text(f"{name}/{_escaped(str(tag))}", text) for tag, text in value.items()}
    return {tag: text for tag, text in texts.items() if text}


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(name, f"{name} must be text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise wrong(name, f"{name} holds half a character (a lone surrogate)") from error
    return clean_text(value)


def _contact(draft: dict[str, Any]) -> str | None:
    text = _text("contact", draft.get("contact", ""))
    if len(text.encode()) > CONTACT_TEXT_BYTES:
        raise wrong("contact", f"contact has at most {CONTACT_TEXT_BYTES} bytes", "a name and a number are enough")
    return text or None


def _attributes(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise wrong(name, f"{name} is a list of codes")
    codes = [_code(f"{name}/{index}", code, attributes.parse) for index, code in enumerate(value)]
    return sorted(set(codes))
