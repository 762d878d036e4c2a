"""Where a command writes: results on stdout, everything else on stderr; JSON or lines for people.

With `--json` exactly one JSON value goes to stdout, and an error is one JSON object on stderr. Colours only on a
terminal, and never with NO_COLOR (no-color.org) or TERM=dumb.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from hartig_node.cli.width import clean

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "picture": "97;40"}
COLUMNS_DEFAULT = 80
COLUMNS_MIN = 40


class Output:
    """The two streams of one command."""

    def __init__(
        self, *, is_json: bool, stdout: TextIO | None = None, stderr: TextIO | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.is_json = is_json
        self._out, self._err = stdout or sys.stdout, stderr or sys.stderr
        self._environment = os.environ if environment is None else environment
        self._progress_open = False

    # --- Results

    def line(self, text: str = "") -> None:
        """Write a line of the result for people; nothing with --json."""
        if not self.is_json:
            print(text, file=self._out)

    def lines(self, texts: Iterable[str]) -> None:
        """Write lines of the result."""
        for text in texts:
            self.line(text)

    def json(self, value: Any) -> None:
        """Write the result for programs; nothing without --json."""
        if self.is_json:
            indent = 2 if self.is_terminal else None
            print(json.dumps(value, ensure_ascii=not self._speaks_unicode(), indent=indent), file=self._out)

    def raw(self, text: str) -> None:
        """Write to stdout in either case."""
        print(text, file=self._out)

    # --- Everything else

    def note(self, text: str) -> None:
        """Say something beside the result."""
        self._end_progress()
        print(text, file=self._err)

    def progress(self, text: str) -> None:
        """Show how far we are: one line that is written over on a terminal, and nothing elsewhere."""
        if self._err.isatty():
            self._progress_open = True
            print(f"\r\x1b[K{clean(text)}", end="", file=self._err, flush=True)

    def error(self, detail: str, hint: str = "", facts: Mapping[str, Any] | None = None) -> None:
        """Say what went wrong and what to do."""
        self._end_progress()
        if self.is_json:
            value = dict(facts) if facts else {"detail": detail, **({"hint": hint} if hint else {})}
            print(json.dumps({"error": value}, ensure_ascii=True), file=self._err)
            return
        print(f"{self.paint('hartig:', 'red', self._err)} {clean(detail)}", file=self._err)
        if hint:
            print(f"        {clean(hint)}", file=self._err)

    def flush(self) -> None:
        """Write out what is still held back."""
        self._end_progress()
        self._out.flush()
        self._err.flush()

    # --- The terminal

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at the result."""
        return self._out.isatty()

    @property
    def columns(self) -> int | None:
        """How wide lines may be; None where nobody looks and nothing need be cut."""
        said = self._environment.get("COLUMNS", "")
        if said.isdecimal() and int(said):
            return max(COLUMNS_MIN, int(said))
        if not self.is_terminal:
            return None
        try:
            return max(COLUMNS_MIN, os.get_terminal_size(self._out.fileno()).columns or COLUMNS_DEFAULT)
        except (OSError, ValueError):
            return COLUMNS_DEFAULT

    def paint(self, text: str, colour: str, stream: TextIO | None = None) -> str:
        """Return text in a colour where colours are wanted."""
        wanted = (stream or self._out).isatty() and not self._environment.get("NO_COLOR")
        if not wanted or self._environment.get("TERM") == "dumb":
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"

    def _speaks_unicode(self) -> bool:
        return (self._out.encoding or "ascii").lower().replace("-", "").startswith("utf")

    def _end_progress(self) -> None:
        if self._progress_open:
            self._progress_open = False
            print("\r\x1b[K", end="", file=self._err)
