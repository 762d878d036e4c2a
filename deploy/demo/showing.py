"""Shows a story while it is told: on the terminal, as progress lines, or only its end.

In: a `Story`, whose picture changes. Out: what a person or a program reads; results on stdout, progress of `--once` on
stderr. Who calls: `__main__`, beside the story.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import TextIO

from demo import advice, plain, screen
from demo.picture import Picture
from demo.shelter import Shelter
from demo.story import Story
from demo.terminal import Terminal, can_draw

ONCE_S_MAX = 60.0
REDRAW_S = 1.0  # a person who waits sees the seconds go, and a resized window is drawn again


# --- Once


async def show_once(story: Story, *, is_json: bool) -> int:
    """Wait until all three hold the same, print the result, and return the exit code."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ONCE_S_MAX - story.elapsed_s):
            await _until_complete(story, None if is_json else sys.stderr)
    picture = story.picture
    if is_json:
        show_json(picture)
    else:
        _say(plain.summary(picture), sys.stdout)
    if picture.is_complete:
        return 0
    _say([f"deploy/try: after {story.elapsed_s:.0f} s something is missing:", *picture.missing()], sys.stderr)
    return 1


def show_json(picture: Picture, failure: str = "") -> None:
    """Print the one JSON object."""
    _say([json.dumps(plain.as_json(picture, failure), ensure_ascii=False)], sys.stdout)


async def _until_complete(story: Story, progress: TextIO | None) -> None:
    shown = story.picture
    while not shown.is_complete:
        changed = story.changed
        if shown is story.picture:
            await changed.wait()
        if progress is not None:
            _say(_timed(story, plain.news(shown, story.picture)), progress)
        shown = story.picture


# --- Live


async def show_live(story: Story, shelter: Shelter) -> int:
    """Show what each hub holds, until cancelled."""
    if can_draw(sys.stdout, os.environ):
        await _draw(story, shelter)
    else:
        await _list(story, shelter)
    return 0


async def _draw(story: Story, shelter: Shelter) -> None:
    with Terminal() as terminal:
        while True:
            changed = story.changed
            terminal.show(screen.lines(story.picture, _help(story, shelter), story.elapsed_s, *terminal.size))
            with suppress(TimeoutError):
                async with asyncio.timeout(REDRAW_S):
                    await changed.wait()


async def _list(story: Story, shelter: Shelter) -> None:
    _say([f"Three hubs start on this machine. {_help(story, shelter).ending}"], sys.stdout)
    shown, has_helped = story.picture, False
    while True:
        changed = story.changed
        if shown is story.picture:
            await changed.wait()
        picture = story.picture
        _say(_timed(story, plain.news(shown, picture)), sys.stdout)
        if picture.seconds_to_equal is not None and not has_helped:
            has_helped = True
            known = _help(story, shelter)
            about = ["", *plain.summary(picture), "", advice.INVITATION, f"token {known.token}"]
            _say([*about, *known.commands, "", known.ending, ""], sys.stdout)
        shown = picture


def _help(story: Story, shelter: Shelter) -> screen.Help:
    commands = tuple(advice.curl_lines(story.picture.hubs[0].api, story.token_file)) if story.token else ()
    return screen.Help(story.token, commands, advice.ending(shelter.path, is_kept=shelter.is_kept))


def _timed(story: Story, lines: list[str]) -> list[str]:
    return [f"{story.elapsed_s:5.1f} s  {line}" for line in lines]


def _say(lines: list[str], out: TextIO) -> None:
    if lines:
        out.write("\n".join(lines) + "\n")
        out.flush()
