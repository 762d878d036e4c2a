"""`deploy/try`: arguments in, a display or one JSON object out, and everything gone at the end.

Exit codes: 0 all was well (or a person ended the display), 1 something was missing or failed, 2 wrong arguments,
128 + the signal's number where `--once` was interrupted. Results on stdout, progress and errors on stderr.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from demo import ports
from demo.advice import what_stays
from demo.hubs import Hub
from demo.shelter import DemoError, Shelter, open_shelter
from demo.showing import show_json, show_live, show_once
from demo.story import Story

SAMPLE = Path(__file__).parents[1] / "sample.json"
AnyError = TypeVar("AnyError", bound=Exception)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedError(Exception):
    """A person, or the system, asked for the end, by the signal of this number."""


def main() -> int:
    """Run the demo and return its exit code."""
    arguments = _parse()
    try:
        return asyncio.run(_run(arguments))
    except (DemoError, OSError) as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say what went wrong, if anybody still reads; a closed terminal or pipe is no reason for a second error."""
    try:
        sys.stderr.write(f"deploy/try: {error}\n")
        sys.stderr.flush()
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
    return 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="deploy/try",
        description="Start three hubs on this machine that find each other and share needs and offers, and watch them. "
        "Nothing leaves this machine; Ctrl-C ends all of it.",
    )
    parser.add_argument("--once", action="store_true", help="end as soon as all three hold the same")
    parser.add_argument("--json", action="store_true", help="with --once: print one JSON object, and no progress")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the hubs' folders in DIR (new or empty)")
    arguments = parser.parse_args()
    if arguments.json and not arguments.once:
        parser.error("--json goes with --once")
    return arguments


async def _run(arguments: argparse.Namespace) -> int:
    started_s = asyncio.get_running_loop().time()
    ended = _catch_signals()
    entries = json.loads(SAMPLE.read_text(encoding="utf-8"))["hubs"]
    shelter = open_shelter(arguments.keep)
    right = ports.reserve()
    hubs = []
    for number, entry in enumerate(entries):
        chosen = ports.choose(number, may_use_fixed=right is not None)
        hubs.append(Hub(entry, shelter.hub_folder(number), shelter, chosen))
    story = Story(hubs, shelter.path / "token", started_s)
    try:
        code = await _play(arguments, story, shelter, ended)
    finally:
        await asyncio.gather(*(hub.stop() for hub in hubs))
        await asyncio.to_thread(shelter.close)
        if right is not None:
            right.close()
    if not arguments.once:
        _say_farewell(f"All three hubs have ended. {what_stays(shelter.path, is_kept=shelter.is_kept)}")
    return code


def _catch_signals() -> "asyncio.Future[int]":
    """Return what is done once a signal asks for the end; the first counts."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end(number: int) -> None:
        if not ended.done():
            ended.set_result(number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` wants it ignored
            loop.add_signal_handler(number, end, number)
    return ended


async def _play(arguments: argparse.Namespace, story: Story, shelter: Shelter, ended: "asyncio.Future[int]") -> int:
    """Tell the story and show it, until it is over, it fails, or somebody asks for the end."""
    code = 0
    try:
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(story.tell()), group.create_task(_raise_when(ended))]
            code = await _show(arguments, story, shelter)
            for task in others:
                task.cancel()
    except* DemoError as errors:
        failure = _first(errors)
        if arguments.json:
            show_json(story.picture, str(failure))
        raise failure from None
    except* EndedError as errors:
        code = 128 + int(str(_first(errors))) if arguments.once else 0
        if not arguments.once:
            _say_farewell("The hubs are ending ...")
    except* OSError as errors:
        raise _first(errors) from None
    return code


def _say_farewell(line: str) -> None:
    """Print a line, if the terminal is still there: closing it is one of the ways to end."""
    with suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


async def _show(arguments: argparse.Namespace, story: Story, shelter: Shelter) -> int:
    if arguments.once:
        return await show_once(story, is_json=arguments.json)
    return await show_live(story, shelter)


async def _raise_when(ended: "asyncio.Future[int]") -> None:
    raise EndedError(await ended)


def _first(errors: BaseExceptionGroup[AnyError]) -> AnyError:
    """Return the first error itself; groups within groups are how the tasks were started, and nobody's news."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


if __name__ == "__main__":
    sys.exit(main())
