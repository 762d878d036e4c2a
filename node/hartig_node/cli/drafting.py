"""From options to a draft, as `node/API.md` has it: every field of a draft can be said on the command line.

In: the options of `need`, `offer` and `revise`. Out: a JSON-like map. What fields may hold is for the node
to judge; here only numbers and times are read.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from hartig_node.cli.parsing import UsageError
from hartig_node.cli.recurring import add_repeat_options, repeats_from
from hartig_node.cli.words import language

Draft = dict[str, Any]

FILE_BYTES_MAX = 64 * 1024  # what the node takes for one draft
CODE_LISTS = ("requires", "avoids", "satisfies", "contains", "unknown")
_CODE_HELP = {
    "requires": "what it must be: diet.vegan, access.step-free",
    "avoids": "what it must not have: allergen.nuts",
    "satisfies": "what it is: condition.new, storage.frozen",
    "contains": "what is in it: allergen.gluten",
    "unknown": "what nobody knows of it: allergen.milk",
}


def add_draft_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for what may be changed later; `add_fixed_options` adds the rest."""
    words = parser.add_argument_group("words")
    words.add_argument("--text", metavar="TEXT", help="more words, in --language")
    words.add_argument("--language", metavar="TAG", help="of title and text: en, es, ht, ... (else this terminal's)")
    words.add_argument("--title-in", nargs=2, action="append", metavar=("TAG", "TITLE"), help="in another language too")
    words.add_argument("--text-in", nargs=2, action="append", metavar=("TAG", "TEXT"), help="in another language too")
    words.add_argument("--contact", metavar="TEXT", help="how to reach you: shown to the other side of a deal alone")
    words.add_argument("--source", metavar="TEXT", help="where this comes from, if not from here")
    much = parser.add_argument_group("how much, how, for whom")
    much.add_argument("--quantity", metavar="NUMBER", help="how much or how many: 40, 2.5")
    much.add_argument("--people", type=_whole, metavar="NUMBER", help="for how many people")
    much.add_argument("--mode", metavar="MODE", help="give, lend, in-place, do, ride or fund-record")
    much.add_argument("--urgency", metavar="HOW", help="low, normal, high or urgent")
    much.add_argument("--level", metavar="LEVEL", help="an open shelf, offers only: plenty, some, low or gone")
    much.add_argument("--rule", metavar="RULE", help="who gets it: open, first, fair or ask")
    much.add_argument("--closes", metavar="TIME", help="with --rule fair: until when people may ask")
    much.add_argument("--reach-km", type=_whole, metavar="KM", help="how far it can come or go")
    for name in CODE_LISTS:
        much.add_argument(f"--{name}", nargs="+", action="extend", metavar="CODE", help=_CODE_HELP[name])
    when = parser.add_argument_group("when (2026-11-24T18:00 is in this machine's time zone)")
    when.add_argument("--days", type=_number, metavar="DAYS", help="how long it stands (need 14, offer 30 by default)")
    when.add_argument("--expires-at", metavar="TIME", help="until when it stands, instead of --days")
    when.add_argument("--window", nargs=2, metavar=("FROM", "TO"), help="when it is needed or can be had")
    when.add_argument("--date", action="append", metavar="TIME", help="one of several times; may be repeated")
    when.add_argument("--best-before", metavar="TIME", help="when it spoils")
    add_repeat_options(parser)
    files = parser.add_argument_group("from a file")
    files.add_argument("--file", metavar="FILE", help="a JSON object of fields, - for stdin; options go before it")


def add_fixed_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for what can be said only once, when a post is made."""
    fixed = parser.add_argument_group("said once, never changed")
    fixed.add_argument("--unit", metavar="CODE", help="what the quantity counts: LTR, KGM, H87 (pieces, the default)")
    fixed.add_argument("--smallest-part", type=_whole, metavar="NUMBER", help="how many parts one unit can be split in")
    fixed.add_argument("--area", metavar="GEOHASH", help="roughly where, at most 5 characters (about 5 km)")
    fixed.add_argument(
        "--for", "--audience", dest="audience", metavar="WHO",
        help="who may see it: network (the default), hub, partners (partner networks, too), or one of those by name",
    )  # fmt: skip
    fixed.add_argument("--parent", metavar="ID", help="the post that this one belongs to or follows")


def draft_from(options: argparse.Namespace) -> Draft:
    """Return the fields that the options and --file say; options win."""
    draft = read_file(options.file) if options.file else {}
    tag = options.language or (draft.get("language") if isinstance(draft.get("language"), str) else None) or language()
    for name in ("contact", "source", "quantity", "people", "mode", "urgency", "level", "rule", "reach_km", "days"):
        _put(draft, name, getattr(options, name))
    for name in CODE_LISTS:
        _put(draft, name, getattr(options, name))
    for name in ("unit", "smallest_part", "area", "audience"):
        _put(draft, name, getattr(options, name, None))
    for name in ("expires_at", "best_before", "closes"):
        _put(draft, name, moment(getattr(options, name), is_end=True))
    if options.window:
        draft["window"] = {"from": moment(options.window[0]), "to": moment(options.window[1], is_end=True)}
    if options.date:
        draft["dates"] = [moment(one) for one in options.date]
    if repeats := repeats_from(options):
        draft["repeats"] = repeats
    _put_texts(draft, "title", getattr(options, "title", None), options.title_in, tag)
    _put_texts(draft, "text", options.text, options.text_in, tag)
    if "language" in draft and options.language:
        draft["language"] = options.language
    return draft


def _put(draft: Draft, name: str, value: Any) -> None:
    if value is not None:
        draft[name] = value


def _put_texts(draft: Draft, name: str, text: str | None, others: list[list[str]] | None, tag: str) -> None:
    """Put texts by language, keeping those of a file in other languages."""
    said = {} if text is None else {tag: text}
    said.update(dict(others or ()))
    if not said:
        return
    before = draft.get(name)
    if isinstance(before, str):
        before = {tag: before}
    draft[name] = {**before, **said} if isinstance(before, dict) else said


def moment(text: str | None, *, is_end: bool = False) -> str | None:
    """Return a time as RFC 3339 with its offset; without one it is in this machine's time zone.

    A date alone is its beginning, or where it ends something its last minute.
    """
    if text is None:
        return None
    from datetime import datetime

    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r:.60} is no time", "write it as 2026-11-24 or 2026-11-24T18:00") from error
    if is_end and len(text) <= 10:
        read = read.replace(hour=23, minute=59)
    return (read if read.tzinfo else read.astimezone()).isoformat()


def read_file(name: str) -> Draft:
    """Return the JSON object in a file, or on stdin for `-`."""
    where = "stdin" if name == "-" else name
    try:
        if name == "-":
            content = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(f"cannot read {where}: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise UsageError(
            f"{where} is larger than {FILE_BYTES_MAX // 1024} KiB", "one post each; `hartig import` for many"
        )
    try:
        draft = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is no JSON: {error}") from error
    if not isinstance(draft, dict):
        raise UsageError(f"{where} holds no JSON object", '{"category": "food", "title": {"en": "Bread"}}')
    return draft


def _whole(text: str) -> int:
    return int(text)


def _number(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() else number


# Argparse names these in its messages: "invalid whole number value: 'x'".
_whole.__name__ = "whole number"
_number.__name__ = "number"
