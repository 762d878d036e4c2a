"""Tables for a terminal: columns and rows in, lines out that fit its width.

The last column takes what is left and is cut; the others are as wide as their widest cell, up to a bound.
"""

from collections.abc import Sequence
from typing import NamedTuple

from hartig_node.cli.width import clean, isolate, pad, shorten, width

GAP = 2
LAST_COLUMNS_MIN = 24  # below that a title says little
NARROWED_MIN = 6


class Column(NamedTuple):
    """A column's head, how wide it may become, and whether its cells may be cut where there is little room."""

    head: str
    columns_max: int = 24
    may_be_cut: bool = False


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[str]], columns_all: int | None) -> list[str]:
    """Return the head and the rows as lines of at most `columns_all` columns; None for as wide as they are."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [_width(column, [row[index] for row in cells], columns_all) for index, column in enumerate(columns)]
    if columns_all is not None:
        _fit(columns, widths, columns_all)
    heads = [column.head for column in columns]
    return [_line(row, widths) for row in (heads, *cells)]


def _width(column: Column, cells: Sequence[str], columns_all: int | None) -> int:
    widest = max((width(cell) for cell in cells), default=0)
    bounded = widest if columns_all is None else min(widest, column.columns_max)
    return max(bounded, width(column.head))


def _fit(columns: Sequence[Column], widths: list[int], columns_all: int) -> None:
    """Narrow the columns that may be cut, the widest first, until the last has room; then give that the rest."""
    room = columns_all - GAP * (len(widths) - 1)
    while sum(widths[:-1]) + LAST_COLUMNS_MIN > room:
        wide = [index for index, one in enumerate(columns[:-1]) if one.may_be_cut and widths[index] > NARROWED_MIN]
        if not wide:
            break
        widths[max(wide, key=widths.__getitem__)] -= 1
    widths[-1] = max(1, room - sum(widths[:-1]))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = []
    for cell, columns in zip(row, widths, strict=True):
        short = shorten(cell, columns)
        cells.append(isolate(short) + " " * (columns - width(short)) if short else pad("", columns))
    return (" " * GAP).join(cells).rstrip()
