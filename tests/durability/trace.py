"""Lines of strace become calls: `strace -f -y -xx` in, `Call` out, in the order of the trace.

`durability.recorder` asks. Strings and paths are all hex (`-xx`), so no quote, comma or bracket inside one can
mislead. A call during which another thread was seen comes twice: when it begins (no result yet) and when it is over.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

_BYTES = r"(?:\\x[0-9a-f]{2})*"
_RESULT = r" += (\?|0x[0-9a-f]+|-?\d+)"
_WHOLE = re.compile(rf"(\d+) +(\w+)\((.*)\){_RESULT}")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*?)(?:, *)? *<unfinished \.\.\.>")
_RESUMED = re.compile(rf"(\d+) +<\.\.\. (\w+) resumed>(.*)\){_RESULT}")
# Ends of processes, signals, and a call that never came back because its process was killed in it.
_NOISE = re.compile(r"\d+ +(\+\+\+|---|<\.\.\. \w+ resumed>.*<unfinished \.\.\.>\) += \?)")
_VECTOR = re.compile(rf'iov_base="({_BYTES})"')
_DESCRIPTOR = re.compile(rf"(\d+)<({_BYTES})>(\(deleted\))?")
_PATH = re.compile(rf'(?:(?:AT_FDCWD|\d+)<({_BYTES})>(?:\(deleted\))?, )?"({_BYTES})"')


class RecordingError(Exception):
    """The recording cannot be trusted: something happened that it does not show."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """An open file as strace shows it; `deleted` says that the path no longer leads to it."""

    number: int
    path: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A system call of one thread; `result` is None when it only begins, or never came back."""

    thread: int
    name: str
    arguments: str
    result: int | None

    def descriptor(self, position: int = 0) -> Descriptor | None:
        """The `position`-th open file among the arguments, or None where there are fewer."""
        found = next(islice(_DESCRIPTOR.finditer(self.arguments), position, None), None)
        return None if found is None else Descriptor(int(found[1]), _text(found[2]), found[3] is not None)

    def paths(self) -> list[tuple[str, str]]:
        """All path arguments, each with the folder that a relative one starts from (empty: not said)."""
        return [(_text(one[1] or ""), _text(one[2])) for one in _PATH.finditer(self.arguments)]

    def data(self) -> bytes:
        """The bytes of a write or a send, cut to those that the call took if it is over.

        Raises:
            RecordingError: strace left some out.
        """
        if '"...' in self.arguments:
            raise RecordingError(f"strace cut the data of a {self.name}; raise STRING_BYTES_MAX")
        # No quote is inside a string, so the pieces between quotes are strings by turns; much quicker than a pattern.
        strings = _VECTOR.findall(self.arguments) or self.arguments.split('"', 2)[1:2]
        return _unhex("".join(strings))[: self.result]

    def number(self, position: int) -> int:
        """The plain number at `position` among the arguments, counted from either end.

        Raises:
            RecordingError: something else stands there.
        """
        text = self.arguments.split(", ")[position]
        if not text.isdecimal():
            raise RecordingError(f"{self.name} has {text[:80]!r} where a number was expected")
        return int(text)


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """Read a trace line by line.

    Raises:
        RecordingError: a line that strace is not known to write; with its number and its beginning.
    """
    begun: dict[int, Call] = {}
    for number, line in enumerate(lines, 1):
        if _NOISE.match(line):
            continue
        if whole := _WHOLE.match(line):
            yield Call(int(whole[1]), whole[2], whole[3], _number(whole[4]))
        elif start := _BEGUN.match(line):
            call = begun[int(start[1])] = Call(int(start[1]), start[2], start[3], None)
            yield call
        elif (over := _RESUMED.match(line)) and (first := begun.pop(int(over[1]), None)):
            arguments = f"{first.arguments}, {over[3].lstrip(', ')}" if over[3] else first.arguments
            yield Call(first.thread, first.name, arguments, _number(over[4]))
        else:
            raise RecordingError(f"line {number} of the trace is not understood: {line[:200]!r}")


def _number(text: str) -> int | None:
    return None if text == "?" else int(text, 0)


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _text(text: str) -> str:
    return _unhex(text).decode("utf-8", "surrogateescape")
