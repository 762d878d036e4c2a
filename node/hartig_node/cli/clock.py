"""`hartig clock`, `hartig clock confirm`: what time the hub thinks it is, and a person's word on it."""

import argparse
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.words import moment

_FORM = "YYYY-MM-DDTHH:MM"  # no true-looking example: it would be copied
_SOURCES = {
    "system": "this machine's time service says so",
    "person": "somebody here has said that it is right",
    "hubs": "three other hubs agree on it",
}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("show", "confirm"), default="show", help="what to do (show)")
    parser.add_argument("--time", metavar="TIME", help=f"confirm: what time it is instead, local time as {_FORM}")


def _run(session: Session, options: argparse.Namespace) -> int:
    if options.action == "show":
        if options.time:
            raise UsageError("--time says what time it is", f"say: hartig clock confirm --time {_FORM}")
        return _say(session, session.node.clock())
    return _say(session, session.node.confirm_clock(_time(options.time) if options.time else None))


def _time(text: str) -> str:
    """Return a moment as the API reads it; without an offset it is this machine's local time."""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{text!r:.40} is not a time", f"write it as {_FORM}") from None


def _say(session: Session, clock: Mapping[str, Any]) -> int:
    out = session.out
    out.json(clock)
    if out.is_json:
        return exits.OK
    out.line(moment(clock.get("now"), with_year=True))
    source = clock.get("source")
    if source:
        out.note(f"It is taken for right: {_SOURCES.get(str(source), str(source))}.")
    else:
        out.note("Nobody vouches for the time: it is counted on from when it was last known, and stood still while the")
        out.note("hub was off. Until somebody says what time it is, dates are about right, and nothing expires.")
        out.note(f"Look at a watch. The same: hartig clock confirm. Another: hartig clock confirm --time {_FORM}")
    return exits.OK


CLOCK = Recipe(
    _options,
    _run,
    "hartig clock",
    f"`hartig clock confirm` where a watch says the same, else `hartig clock confirm --time {_FORM}`.",
    "A machine without a clock battery forgets the time when it is switched off. A time service or three other hubs\n"
    "that agree tell it; where there is neither, a person has to. That counts until the hub starts again. For a\n"
    'machine whose clock is always right, write clock = "trusted" into hartig.toml.',
)
