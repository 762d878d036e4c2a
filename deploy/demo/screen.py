"""The picture as lines of a terminal. Pure: no terminal is touched here.

In: a `Picture`, what a person can do, and the terminal's size. Out: styled lines that fit it. 23 lines of 80 columns
hold everything; on less, lines are cut. Who calls: `terminal`.
"""

from dataclasses import dataclass

from demo.advice import INVITATION
from demo.picture import HubView, Picture, Stage, short

COLUMNS_MIN, ROWS_MIN = 80, 24
COLUMNS_MAX = 110  # longer lines are hard to follow
BAR_COLUMNS_MIN, BAR_COLUMNS_MAX = 24, 50
INDENT = "  "

RESET = "\x1b[0m"
STYLES = {
    "plain": "",
    "strong": "\x1b[1m",
    "quiet": "\x1b[2m",
    "good": "\x1b[32m",
    "busy": "\x1b[33m",
    "address": "\x1b[36m",
}


@dataclass(frozen=True)
class Span:
    """Some text of one style."""

    text: str
    style: str = "plain"


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Help:
    """What stands below the hubs once they can be used."""

    token: str
    commands: tuple[str, ...]
    ending: str


def lines(picture: Picture, shown_help: Help, elapsed_s: float, columns: int, rows: int) -> list[Line]:
    """Return the whole display; where rows are short, empty lines go first."""
    columns = min(columns, COLUMNS_MAX)
    found: list[Line] = [_title(columns), ()]
    for hub in picture.hubs:
        found += [*_hub_lines(hub, picture, columns), ()]
    found.append(_state(picture, elapsed_s))
    found.append(())
    if shown_help.token:
        found.append((Span(INVITATION),))
        found.append((Span("token ", "quiet"), Span(shown_help.token, "quiet")))
        found += [(Span(part),) for command in shown_help.commands for part in command.split("\n")]
    found.append((Span(shown_help.ending, "strong"),))
    while len(found) > rows and () in found:
        found.remove(())
    return found


def _title(columns: int) -> Line:
    left, right = "Hartig", "three hubs on this machine, no server"
    return Span(left, "strong"), Span(" " * max(2, columns - len(left) - len(right))), Span(right, "quiet")


def _hub_lines(hub: HubView, picture: Picture, columns: int) -> list[Line]:
    gap = " " * max(2, columns - len(hub.name) - len(hub.page))
    heading = (Span(hub.name, "strong"), Span(gap), Span(hub.page, "address"))
    return [heading, _seen(hub), _holdings(hub, picture, columns)]


def _seen(hub: HubView) -> Line:
    if hub.stage is not Stage.MEMBER:
        return Span(INDENT), Span(hub.stage.value, "busy")
    if not hub.seen:
        return Span(INDENT), Span("sees nobody yet", "busy")
    names = [f"{one.name or 'a hub without a name yet'} ({one.how})" for one in hub.seen]
    return Span(f"{INDENT}sees ", "quiet"), Span(" and ".join(names))


def _holdings(hub: HubView, picture: Picture, columns: int) -> Line:
    style = "good" if picture.is_equal else "busy"
    counts = f"  {hub.needs:>3} needs {hub.offers:>3} offers"
    print_ = f"  fingerprint {short(hub.fingerprint)}" if hub.fingerprint.hash else ""
    room = columns - len(INDENT) - len(counts) - len("  fingerprint 12345678")
    width = max(BAR_COLUMNS_MIN, min(room, BAR_COLUMNS_MAX))
    full = filled(hub.posts, picture.target, width)
    bar = (Span(INDENT), Span("█" * full, style), Span("░" * (width - full), "quiet"))
    return (*bar, Span(counts), Span(print_, "quiet"))


def filled(held: int, target: int, width: int) -> int:
    """Return how many of a bar's columns are full: all only when nothing is missing."""
    return width if target and held >= target else held * width // max(target, 1)


def _state(picture: Picture, elapsed_s: float) -> Line:
    if picture.seconds_to_equal is None:
        missing = picture.missing()
        return Span("●", "busy"), Span(f" {elapsed_s:.0f} s: {missing[0] if missing else 'nearly there'}")
    if not picture.is_equal:
        return Span("●", "busy"), Span(" Something new is spreading.")
    peers_s, equal_s = picture.seconds_to_peers or 0.0, picture.seconds_to_equal
    found = f" All three hold the same {picture.target} posts: "
    when = f"met after {peers_s:.1f} s, equal after {equal_s:.1f} s."
    return Span("●", "good"), Span(found, "strong"), Span(when, "quiet")


def drawn(line: Line, columns: int) -> str:
    """Return a line with its styles, cut to the terminal's width."""
    parts, left = [], columns
    for span in line:
        text = span.text[:left]
        left -= len(text)
        code = STYLES[span.style]
        parts.append(f"{code}{text}{RESET}" if code and text else text)
    return "".join(parts)
