"""From the bytes of a CSV file to rows with the number of the line on which each begins.

In: a file. Out: `Table` with its header and an iterator of rows, in which a bad one is a `BadLine` that says why.
Called by `command`. Dialect: RFC 4180, with the delimiter and the encoding found out where they are not said.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hartig_node.cli.parsing import UsageError
from hartig_node.wording import how_many

FILE_BYTES_MAX = 64 * 1024 * 1024  # 20,000 posts (what a hub has places for) of 3 KiB each
CELL_CHARACTERS_MAX = 64 * 1024  # a text has at most 8 KiB; one quote too many swallows the whole file
COLUMNS_MAX = 200
SNIFFED_ROWS = 50
DELIMITERS = (",", ";", "\t", "|")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Row(NamedTuple):
    """One good row; `line` is where it begins, counted from 1, the header's line included."""

    line: int
    cells: list[str]


class BadLine(NamedTuple):
    """A row that cannot be read, and why."""

    line: int
    reason: str


class Table(NamedTuple):
    """A CSV file as it was understood; `guessed_encoding` where it is not UTF-8 and nobody said what it is."""

    header: list[str]
    rows: Iterator[Row | BadLine]
    encoding: str
    delimiter: str
    guessed_encoding: bool


def read_table(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Table:
    """Open a CSV file; raises `UsageError` where nothing of it can be used."""
    content = _read(path)
    text, found, guessed = _decode(content, encoding)
    if not text.strip():
        raise UsageError(f"{path} is empty", "it needs a line with the names of its columns, and a line for each post")
    separator = delimiter or _sniff(text)
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    rows = _rows(text, separator)
    first = next(rows, None)
    if not isinstance(first, Row):
        reason = first.reason if first else "no line can be read"
        raise UsageError(f"the first line of {path} cannot be read: {reason}", "it must name the columns")
    header = [cell.strip() for cell in first.cells]
    if len(header) > COLUMNS_MAX:
        detail = f"{path} has {how_many(len(header), 'column')}, more than {COLUMNS_MAX}"
        raise UsageError(detail, "say how it is divided: --delimiter")
    return Table(header, _checked(rows, len(header)), found, separator, guessed)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise UsageError(f"{path} is larger than {FILE_BYTES_MAX // 2**20} MiB", "divide it into several files")
    return content


def _decode(content: bytes, encoding: str | None) -> tuple[str, str, bool]:
    """Return the text, its encoding, and whether that is a guess."""
    named = encoding or next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(named), named, False
    except LookupError as error:
        raise UsageError(f"there is no encoding {named!r:.40}", "such as utf-8, latin-1, cp1252, gb18030") from error
    except UnicodeDecodeError as error:
        if encoding or named != "utf-8":
            raise UsageError(
                f"the file is not in {named}: byte {error.start}", "say another with --encoding"
            ) from error
    # What Windows calls ANSI, then what takes any byte.
    for guess in ("cp1252", "latin-1"):
        try:
            return content.decode(guess), guess, True
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 takes any byte")


def _sniff(text: str) -> str:
    """Return the delimiter that gives the most rows as many cells as the header has, and then the most cells."""

    def fitness(delimiter: str) -> tuple[int, int]:
        rows = [
            row.cells for row, _ in zip(_rows(text, delimiter), range(SNIFFED_ROWS), strict=False) if type(row) is Row
        ]
        width = len(rows[0]) if rows else 0
        return (sum(len(cells) == width for cells in rows) if width > 1 else 0), width

    return max(DELIMITERS, key=fitness)


def _rows(text: str, delimiter: str) -> Iterator[Row | BadLine]:
    """Yield all rows but empty ones, whatever is in them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadLine(line, _why(str(error)))
            continue
        if any(cell.strip() for cell in cells):
            yield Row(line, cells)


def _checked(rows: Iterator[Row | BadLine], width: int) -> Iterator[Row | BadLine]:
    for row in rows:
        if isinstance(row, Row) and len(row.cells) != width:
            reason = f"it has {how_many(len(row.cells), 'cell')} and the first line names {how_many(width, 'column')}"
            yield BadLine(row.line, f"{reason}: is a quote or a delimiter missing or too many?")
        else:
            yield row


def _why(error: str) -> str:
    if "field limit" in error or "field larger" in error:
        return f"a cell has more than {CELL_CHARACTERS_MAX:,} characters: is a closing quote missing?"
    if "unexpected end" in error:
        return "the file ends within quotes"
    if "expected after" in error:
        return 'text after a closing quote; write " within quotes as ""'
    return error
