"""Tables for a terminal: columns and rows in, lines out that fit its width.

The last column takes what is left and is cut; the others are as wide as their widest cell, up to a bound.
"""

from collections.abc import Sequence
from typing import NamedTuple

from hartig_node.cli.width import clean, isolate, pad, shorten, width

GAP = 2
LAST_COLUMNS_MIN = 16  # below that even a short title says nothing


class Column(NamedTuple):
    """A column's head, and how wide it may become."""

    head: str
    columns_max: int = 24


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[str]], columns_all: int | None) -> list[str]:
    """Return the head and the rows as lines of at most `columns_all` columns; None for as wide as they are."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [_width(column, [row[index] for row in cells], columns_all) for index, column in enumerate(columns)]
    if columns_all is not None:
        _fit(widths, columns_all)
    heads = [column.head for column in columns]
    return [_line(row, widths) for row in (heads, *cells)]


def _width(column: Column, cells: Sequence[str], columns_all: int | None) -> int:
    widest = max((width(cell) for cell in cells), default=0)
    bounded = widest if columns_all is None else min(widest, column.columns_max)
    return max(bounded, width(column.head))


def _fit(widths: list[int], columns_all: int) -> None:
    """Narrow the widest of the first columns until the last has room, then give that the rest."""
    gaps = GAP * (len(widths) - 1)
    while len(widths) > 1 and sum(widths[:-1]) + gaps + LAST_COLUMNS_MIN > columns_all and max(widths[:-1]) > 4:
        widest = widths.index(max(widths[:-1]))
        widths[widest] -= 1
    widths[-1] = max(LAST_COLUMNS_MIN, columns_all - sum(widths[:-1]) - gaps)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = []
    for cell, columns in zip(row, widths, strict=True):
        short = shorten(cell, columns)
        cells.append(isolate(short) + " " * (columns - width(short)) if short else pad("", columns))
    return (" " * GAP).join(cells).rstrip()
