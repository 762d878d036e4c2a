"""The rateless sketch: short ids, where they go, and symbols on the wire (SPEC F5 to F7).

Two hubs whose sets differ find the difference from about 1.4 symbols for each id in it, however many they share
(Yang, Gilad, Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM 2024). This module is the arithmetic that both
sides must do alike; `sketch_coding` makes symbols of a set, `sketch_decoding` reads the difference out of them.

An item is a short id with its check value. Symbols add items as integers instead of joining them by exclusive or: so
one addition to one Python integer updates sum and count, and a symbol that holds one item of ours and one of theirs
cannot pass for an empty one. A symbol in memory is `sum << COUNT_BITS | count`; sum and count are reduced on the wire.
"""

from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from math import ceil, sqrt
from typing import Final

from hartig_protocol.errors import MessageError
from hartig_protocol.limits import SKETCH_ID_BYTES
from hartig_protocol.records.keys import PREFIX_SKETCH, sha256

SKETCH_CHECK_BYTES: Final = 3  # a wrong item must pass this, the count and the mapping: one sketch of 10^6 or fewer
SYMBOL_BYTES: Final = SKETCH_ID_BYTES + SKETCH_CHECK_BYTES + 1
SKETCH_SYMBOLS_MAX: Final = 65_536  # 640 KiB; decodes 48,000 differences
SYMBOLS_PER_FRAME_MAX: Final = 64 * 1024 // SYMBOL_BYTES
FIRST_FLIGHT: Final = 16  # enough for nearly all differences of up to 8 ids
FIRST_FLIGHT_MAX: Final = 128  # tells well how many more it takes, and what is recent may need none of them
TALLY_LEVELS: Final = 4  # the last takes one id of 64: tells differences up to about 10,000
TALLY_BYTES: Final = 8 * TALLY_LEVELS
LIST_PART: Final = 3  # symbols may cost a third of the list: then the list is the safer way
LISTED_ID_BYTES: Final = 34  # on the wire, with its length

COUNT_BITS: Final = 32  # in memory: more than any set, so that sum and count never touch
SUM_BITS: Final = 8 * (SKETCH_ID_BYTES + SKETCH_CHECK_BYTES)
SUM_MASK: Final = (1 << SUM_BITS) - 1
COUNT_HALF: Final = 1 << (COUNT_BITS - 1)
CHECK_BITS: Final = 8 * SKETCH_CHECK_BYTES
CHECK_MASK: Final = (1 << CHECK_BITS) - 1
CHECK_SHIFT: Final = 36  # the middle of the square, where every bit of the short id has had its say
STATE_MASK: Final = (1 << 64) - 1
STATE_SHIFT: Final = 16
STATE_FACTOR: Final = 0xDA942042E4DD58B5  # full period over odd states, good spectrum (Steele, Vigna 2022)


def sketch_key(dialler_nonce: bytes, acceptor_nonce: bytes) -> bytes:
    """Return the key of a link's sketches, 16 bytes: nobody can choose records whose short ids collide (SPEC F5)."""
    return sha256(PREFIX_SKETCH, dialler_nonce, acceptor_nonce)[:16]


def short_id(key: bytes, record_id: bytes) -> int:
    """Return the keyed short id of a record, a number below 2^48 (SPEC F5)."""
    return int.from_bytes(blake2b(record_id, digest_size=SKETCH_ID_BYTES, key=key).digest(), "big")


def first_state(short: int) -> int:
    """Return the state from which a short id's places follow (SPEC F6)."""
    return short << STATE_SHIFT | 1


def join_shorts(shorts: Collection[int]) -> bytes:
    """Return short ids as they travel in `Lack`: 6 bytes each (SPEC F8)."""
    return b"".join(short.to_bytes(SKETCH_ID_BYTES, "big") for short in shorts)


def split_shorts(joined: bytes) -> tuple[int, ...]:
    """Read joined short ids."""
    starts = range(0, len(joined), SKETCH_ID_BYTES)
    return tuple(int.from_bytes(joined[at : at + SKETCH_ID_BYTES], "big") for at in starts)


def item_of(short: int) -> int:
    """Return what a symbol adds up for a short id: the short id, then its check value (SPEC F6).

    The check is not linear, so that a sum of several items is not taken for one.
    """
    return short << CHECK_BITS | short * short >> CHECK_SHIFT & CHECK_MASK


def indices_below(short: int, upto: int) -> list[int]:
    """Return the indices of all symbols below `upto` that hold a short id, rising (SPEC F6)."""
    index, state, indices = 0, first_state(short), []
    while index < upto:
        indices.append(index)
        state = state * STATE_FACTOR & STATE_MASK
        index += ceil((index + 1.5) * (65536.0 / sqrt((state >> 32) + 0.5) - 1.0))
    return indices


def density(index: int) -> float:
    """Return which part of all items a symbol holds."""
    return 1.0 / (1.0 + index / 2.0)


def tally_place(short: int) -> tuple[int, int]:
    """Return the level of the tally that counts a short id, and the bit in it (SPEC F7).

    The level is how often the short id can be divided by 4, at most the last; the bit its first six bits.
    """
    low = short & -short or 1 << 47
    return min(TALLY_LEVELS - 1, low.bit_length() - 1 >> 1), short >> 42


def tally_part(level: int) -> float:
    """Return which part of all ids a level of the tally counts."""
    return 0.25**level * (1.0 if level == TALLY_LEVELS - 1 else 0.75)


def pack_symbols(symbols: Sequence[int]) -> bytes:
    """Return symbols as they travel: sum modulo 2^72, count modulo 2^8, 10 bytes each (SPEC F7).

    The paper sends counts as differences to what is expected. The lowest byte says as much, since the receiver knows
    both sets' sizes, and keeps floating point out of the format.
    """
    return b"".join(
        ((symbol >> COUNT_BITS & SUM_MASK) << 8 | symbol & 255).to_bytes(SYMBOL_BYTES, "big") for symbol in symbols
    )


def unpack_symbols(joined: bytes) -> Iterator[int]:
    """Read symbols as they travel; raises `MessageError` unless there are some, and whole ones (SPEC F7)."""
    if not joined or len(joined) % SYMBOL_BYTES or len(joined) > SYMBOLS_PER_FRAME_MAX * SYMBOL_BYTES:
        raise MessageError("bad_message", f"not 1 to {SYMBOLS_PER_FRAME_MAX} symbols of {SYMBOL_BYTES} bytes")
    for at in range(0, len(joined), SYMBOL_BYTES):
        packed = int.from_bytes(joined[at : at + SYMBOL_BYTES], "big")
        yield packed >> 8 << COUNT_BITS | packed & 255


def symbols_worth(listed: int) -> int:
    """Return how many symbols are worth sending before a full list of so many ids is the safer way (SPEC F8)."""
    return min(SKETCH_SYMBOLS_MAX, max(FIRST_FLIGHT, listed * LISTED_ID_BYTES // LIST_PART // SYMBOL_BYTES))


def first_flight(asker_count: int, asked_count: int) -> int:
    """Return how many symbols answer an audit at once: both sides know both counts, so both know it (SPEC F8)."""
    least = abs(asker_count - asked_count)
    enough = min(FIRST_FLIGHT // 2 + least + least // 2, FIRST_FLIGHT_MAX)
    return min(max(FIRST_FLIGHT, enough), symbols_worth(asked_count))
