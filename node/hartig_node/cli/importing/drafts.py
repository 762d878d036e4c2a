"""From a row to a draft: texts by language, numbers and lists read, a long title cut at a word.

In: a row's cells and the mapping. Out: a draft for the node, or a reason why not. Which codes and choices there are is
for the node to judge. Called by `command`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hartig_node.cli.drafting import CODE_LISTS, moment
from hartig_node.cli.importing.columns import BY_LANGUAGE, Columns, Target
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.recurring import rule_of

TITLE_BYTES_MAX = 480  # SPEC, part N; the whole of a longer one goes into the text
_ELLIPSIS = "…"
_WHOLE = ("people", "reach_km", "smallest_part")
_TIMES = ("best_before", "closes", "expires_at")
_LOWER = ("kind", "category", "mode", "urgency", "level", "rule", "audience", "area")
_SERIES = frozenset({"repeats", "repeats_until", "repeats_except", "time_zone"})
_RULE_AND_TIME = re.compile(r"(?P<rule>\S.*?)\s+(at\s+)?(?P<start>[0-9][0-9T:+Z-]*)", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}([.,]\d{3})+")
_SEPARATORS = re.compile(r"[\s,;|]+")


class Reading(NamedTuple):
    """A row's draft; `is_cut` where its title was too long."""

    draft: dict[str, Any]
    is_cut: bool


class BadRowError(Exception):
    """A row cannot become a draft; the message says which cell and why."""


def read_row(cells: Sequence[str], columns: Columns) -> Reading:
    """Return a row's draft; raises `BadRowError`."""
    said = dict(columns.same)
    said.update({target: cells[number] for number, target in columns.by_column.items() if cells[number].strip()})
    language = said.pop(Target("language"), "").strip()
    draft: dict[str, Any] = {}
    window, series = {}, {}
    for target, value in sorted(said.items(), key=lambda item: (item[0].field, item[0].tag or "")):
        text = value.strip()
        if target.field in BY_LANGUAGE:
            tag = target.tag or language or columns.languages[target.field]
            draft.setdefault(target.field, {})[tag] = text
        elif target.field in {"window_from", "window_to"}:
            window[target.field.removeprefix("window_")] = _time(target.field, text)
        elif target.field in _SERIES:
            series[target.field] = text
        else:
            draft[target.field] = _value(target.field, text)
    if window:
        draft["window"] = _whole_window(window)
    if series:
        draft["repeats"] = _series(series)
    return Reading(draft, _fit_titles(draft))


def _value(field: str, text: str) -> Any:
    if field in _LOWER:
        return text.lower()
    if field == "unit":
        return text.upper()
    if field == "quantity":
        return _decimal(field, text)
    if field in _WHOLE:
        return _whole(field, text)
    if field == "days":
        return float(_decimal(field, text))
    if field in _TIMES:
        return _time(field, text)
    if field in CODE_LISTS:
        return [code for code in _SEPARATORS.split(text.lower()) if code]
    if field == "dates":
        return [_time(field, one.strip()) for one in text.split(";") if one.strip()]
    return text


def _decimal(field: str, text: str) -> str:
    """Return a number with a point; one that may mean two things is refused rather than guessed."""
    plain = text.replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
    if _THOUSANDS.fullmatch(plain):
        raise BadRowError(f"{field} {text!r:.40} may mean two numbers: write it without a sign between its digits")
    plain = plain.replace(",", ".")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", plain):
        raise BadRowError(f"{field} {text!r:.40} is no number")
    return plain


def _whole(field: str, text: str) -> int:
    number = float(_decimal(field, text))
    if not number.is_integer():
        raise BadRowError(f"{field} {text!r:.40} is no whole number")
    return int(number)


def _time(field: str, text: str) -> str:
    try:
        return str(moment(text, is_end=field not in {"window_from", "dates"}))
    except UsageError as error:
        raise BadRowError(f"{field}: {error.detail}; {error.hint}") from error


def _whole_window(window: Mapping[str, str]) -> dict[str, str]:
    if set(window) != {"from", "to"}:
        raise BadRowError("a window needs both window_from and window_to")
    return dict(window)


def _series(said: Mapping[str, str]) -> dict[str, Any]:
    """Return how a post repeats: `tuesday,friday 18:00`, or a rule of RFC 5545 and a time; from a day on with a day."""
    found = _RULE_AND_TIME.fullmatch(said.get("repeats", ""))
    if found is None:
        wrong = f" {said['repeats']!r:.60}" if "repeats" in said else ""
        raise BadRowError(f"repeats{wrong}: write days and a time, as tuesday,friday 18:00")
    rule = found["rule"]
    try:
        repeats: dict[str, Any] = {
            "rule": rule if "=" in rule else rule_of(re.sub(r"\s*,\s*", ",", rule)),
            "start": re.sub(r"^(\d):", r"0\1:", found["start"]),
        }
    except UsageError as error:
        raise BadRowError(f"repeats: {error.detail}; {error.hint}") from error
    if until := said.get("repeats_until"):
        repeats["until"] = until
    if left_out := said.get("repeats_except"):
        repeats["except"] = [day for day in _SEPARATORS.split(left_out) if day]
    if zone := said.get("time_zone"):
        repeats["time_zone"] = zone
    return repeats


def _fit_titles(draft: dict[str, Any]) -> bool:
    """Cut titles that are too long, and make one where there is only a text; return whether anything was cut."""
    titles, texts = draft.get("title") or {}, dict(draft.get("text") or {})
    if not titles and texts:
        tag = next(iter(texts))
        titles = {tag: texts[tag]}
        draft["title"] = titles
    is_cut = False
    for tag, title in list(titles.items()):
        line = " ".join(title.split())
        if len(line.encode()) <= TITLE_BYTES_MAX:
            titles[tag] = line
            continue
        is_cut = True
        titles[tag] = cut_at_word(line, TITLE_BYTES_MAX)
        if texts.get(tag) != title:
            texts[tag] = f"{title}\n\n{texts[tag]}" if tag in texts else title
    texts = {tag: text for tag, text in texts.items() if titles.get(tag) != text}
    draft.pop("text", None)
    if texts:
        draft["text"] = texts
    return is_cut


def cut_at_word(text: str, bytes_max: int) -> str:
    """Return the beginning of a text, at most so many bytes in UTF-8, ending at a word where there is one."""
    room = bytes_max - len(_ELLIPSIS.encode())
    start = text.encode()[:room].decode("utf-8", "ignore")
    at_word = start.rpartition(" ")[0]
    # A script without spaces, or one endless word: cut where it is full.
    return (at_word if len(at_word) > len(start) // 2 else start).rstrip() + _ELLIPSIS
