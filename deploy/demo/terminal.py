"""Puts lines on a terminal, calmly: a screen of its own, redrawn only where something has changed.

In: lines of `screen`. Out: ANSI (ECMA-48; the second screen is xterm's 1049). What stood there before comes back at the
end. Who calls: `__main__`.
"""

import os
import sys
from collections.abc import Mapping
from typing import Self, TextIO

from demo.screen import COLUMNS_MIN, ROWS_MIN, Line, drawn

ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
LEAVE = "\x1b[?25h\x1b[?1049l"
HOME, CLEAR_LINE, CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def can_draw(out: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether the display can and should be drawn; else plain lines are written."""
    if not out.isatty() or environment.get("NO_COLOR") or environment.get("TERM", "dumb") == "dumb":
        return False
    if "utf" not in (out.encoding or "").lower():
        return False
    columns, rows = os.get_terminal_size(out.fileno())
    return columns >= COLUMNS_MIN and rows >= ROWS_MIN


class Terminal:
    """A display in the terminal's second screen."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._shown = ""

    def __enter__(self) -> Self:
        self._write(ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        self._write(LEAVE)

    @property
    def size(self) -> os.terminal_size:
        """The terminal's columns and rows now; people resize windows."""
        return os.get_terminal_size(self._out.fileno())

    def show(self, found: list[Line]) -> None:
        """Show these lines and nothing else."""
        columns, rows = self.size
        # Never a line end after the last row: the terminal would scroll.
        text = HOME + f"{CLEAR_LINE}\n".join(drawn(line, columns) for line in found[:rows]) + CLEAR_LINE + CLEAR_BELOW
        if text != self._shown:
            self._write(text)
            self._shown = text

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
