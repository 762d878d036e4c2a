"""The difference of two sets, read out of the symbols of both (SPEC F7, F8).

In: the other side's symbols, from a peer that may lie, and an encoder of our own set. Out: the short ids that only they
hold and those that only we hold, or how many symbols to ask for, or that no number of them will do. A lie costs a
bounded amount: no more items are taken out than there are symbols, and each only once.
"""

from collections.abc import Iterator, Sequence
from math import exp, hypot, log, sqrt

from hartig_protocol.sync.sketch import (
    CHECK_BITS,
    COUNT_BITS,
    COUNT_HALF,
    SUM_MASK,
    TALLY_BYTES,
    density,
    indices_below,
    item_of,
    tally_part,
    unpack_symbols,
)
from hartig_protocol.sync.sketch_coding import Encoder, SlicedJob

SYMBOLS_PER_SLICE = 2_000
ITEMS_PER_SLICE = 150  # about 20 places each
MARGIN_FEW = 1.7  # in standard deviations; few differences often decode at once, so that few need a third flight
MARGIN = 3.0  # many need a second one for certain: then one in a hundred is followed by another
FEW = 24
TALLY_WORTH = 18  # the tally tells as much as so many pairs of symbols (measured)


class Decoder:
    """Reads one difference. Give symbols with `add`, run `decode`, look at `is_done`, `is_broken` or `estimate`."""

    def __init__(self, own: Encoder, own_count: int, their_count: int) -> None:
        self.theirs: dict[int, None] = {}
        self.ours: dict[int, None] = {}
        self.is_broken = False
        self._own = own
        self.their_count = their_count
        self._surplus = their_count - own_count
        self._tally = b""
        self._received: list[int] = []
        self._cells: list[int] = []
        self._squares = 0.0  # how far the counts lie from what is expected, before anything was taken out
        self._estimate = 0

    def __repr__(self) -> str:
        return f"<Decoder {len(self._received)} symbols {len(self.theirs)} theirs {len(self.ours)} ours>"

    @property
    def received(self) -> int:
        """How many symbols have come."""
        return len(self._received)

    @property
    def is_done(self) -> bool:
        """Whether the whole difference is found: the first symbol holds every item, and it is empty."""
        return not self.is_broken and bool(self._cells) and not _value(self._cells[0]) and not self._cells[0] & 255

    def add(self, joined: bytes) -> None:
        """Take the tally at first, and symbols that follow those that have come; else raises `MessageError`."""
        if not self._received:
            self._tally, joined = joined[:TALLY_BYTES], joined[TALLY_BYTES:]
        self._received.extend(unpack_symbols(joined))

    def decode(self) -> SlicedJob:
        """Return the job that makes our own symbols, subtracts them and takes out what can be taken out."""
        return SlicedJob(self._decoded)

    def _decoded(self) -> Iterator[float]:
        first, upto = len(self._cells), len(self._received)
        yield from self._own.extended(upto)
        for start in range(first, upto, SYMBOLS_PER_SLICE):
            stretch = slice(start, min(start + SYMBOLS_PER_SLICE, upto))
            pairs = zip(self._received[stretch], self._own.symbols[stretch], strict=True)
            cells = [theirs - ours for theirs, ours in pairs]
            self._cells += cells
            self._squares += sum(self._square(start + offset, cell) for offset, cell in enumerate(cells))
            yield len(cells) / SYMBOLS_PER_SLICE
        yield from self._taken_out_before(first, upto)
        yield from self._peeled(first)
        if not self.is_done:
            self._estimate = self._estimated()  # of the counts as they came; mostly nobody needs to ask on

    def _taken_out_before(self, first: int, upto: int) -> Iterator[float]:
        """Take what is known already out of the symbols that have just come."""
        known = [(short, 1) for short in self.theirs] + [(short, -1) for short in self.ours]
        for start in range(0, len(known), ITEMS_PER_SLICE):
            for short, sign in known[start : start + ITEMS_PER_SLICE]:
                taken = sign * (item_of(short) << COUNT_BITS | 1)
                for index in indices_below(short, upto):
                    if index >= first:
                        self._cells[index] -= taken
            yield 1.0

    def _peeled(self, first: int) -> Iterator[float]:
        """Take out the item of every symbol that holds one alone, until there is none."""
        cells, upto = self._cells, len(self._cells)
        todo = list(range(upto - 1, first - 1, -1))
        looked_at = 0
        while todo:
            looked_at += 1
            if looked_at % ITEMS_PER_SLICE == 0:
                yield 1.0
            index = todo.pop()
            sign = _SIGNS.get(cells[index] & 255)
            if sign is None:
                continue
            value = sign * _value(cells[index]) & SUM_MASK
            short = value >> CHECK_BITS
            if item_of(short) != value:
                continue
            indices = indices_below(short, upto)
            if index not in indices:
                continue
            if short in self.theirs or short in self.ours or len(self.theirs) + len(self.ours) == upto:
                self.is_broken = True  # no set holds an id twice
                return
            (self.theirs if sign > 0 else self.ours)[short] = None
            taken = sign * (value << COUNT_BITS | 1)
            for place in indices:
                cells[place] -= taken
                if cells[place] & 255 in _SIGNS:
                    todo.append(place)

    def likely(self) -> int:
        """Return how many symbols in all will do in half of all cases."""
        return self._needed(0.0)

    def needed(self) -> int:
        """Return how many symbols in all will most probably do."""
        return self._needed(MARGIN_FEW if self._estimate < FEW else MARGIN)

    def _needed(self, margin: float) -> int:
        differences = max(self._estimate, len(self.theirs) + len(self.ours) + 1)
        unsure = 1.35 * differences / sqrt(len(self._received) / 2.0 + TALLY_WORTH)
        luck = 1.2 * sqrt(differences)
        return max(len(self._received) + 4, round(_symbols_for(differences) + margin * hypot(unsure, luck)))

    def _square(self, index: int, cell: int) -> float:
        """Return how far off a symbol's count lies, squared, beside what one id that differs adds to its variance.

        Each does so, whichever side holds it, by density · (1 - density); the first symbol only says what sizes say.
        """
        if not index:
            return 0.0
        part = density(index)
        off = ((cell & 255) - self._surplus * part + 128.0) % 256.0 - 128.0
        return off * off / (part * (1.0 - part))

    def _estimated(self) -> int:
        """Return the most likely number of ids that differ, by the counts of the symbols and by the tallies."""
        turned = [
            (int.from_bytes(self._tally[8 * level : 8 * level + 8], "big") ^ own).bit_count()
            for level, own in enumerate(self._own.tally)
        ]
        guesses: list[float] = [max(1, abs(self._surplus)) * 1.04**power for power in range(300)]
        likely: float = max(guesses, key=lambda guess: _likelihood(guess, len(self._cells) - 1, self._squares, turned))
        return round(likely)


def _likelihood(differences: float, symbols: int, squares: float, turned: Sequence[int]) -> float:
    """Return the logarithm of how likely so many differences make counts lie so far off, and turn so many bits."""
    likelihood = -(symbols * log(differences) + squares / differences) / 2.0
    for level, bits in enumerate(turned):
        part = max(1e-9, (1.0 - exp(-differences * tally_part(level) / 32.0)) / 2.0)
        likelihood += bits * log(part) + (64 - bits) * log(1.0 - part)
    return likelihood


_SIGNS = {1: 1, 255: -1}


def _value(cell: int) -> int:
    """Return the sum in a symbol, whatever the sign of its count."""
    return cell + COUNT_HALF >> COUNT_BITS & SUM_MASK


def _symbols_for(differences: float) -> float:
    """Return how many symbols decode so many differences, as a mean (measured; the paper's limit is 1.35 each)."""
    return 1.35 * differences + 0.9 * sqrt(differences) + 1.0
