"""A second, small writer of sketches, by SPEC F5 to F9 alone: plain loops, no code of the package.

In: the nonces of a link, record ids. Out: short ids, items, indices, symbols as they travel. `audits` makes vectors of
it.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from math import ceil, sqrt

from protocol.vector_parts.composing import digest

FACTOR = 0xDA942042E4DD58B5


def key_of(dialler_nonce: bytes, acceptor_nonce: bytes) -> bytes:
    """The key of a link's short ids (F5)."""
    return digest("sketch", dialler_nonce, acceptor_nonce)[:16]


def short_of(key: bytes, record_id: bytes) -> int:
    """The short id of a record (F5)."""
    return int.from_bytes(blake2b(record_id, key=key, digest_size=6).digest(), "big")


def item_of(short: int) -> int:
    """The short id and its check value (F5)."""
    return short * 2**24 + (short**2 // 2**36) % 2**24


def indices_of(short: int, upto: int) -> list[int]:
    """The symbols below `upto` that hold a short id (F6)."""
    index, state, indices = 0, short * 2**16 + 1, []
    while index < upto:
        indices.append(index)
        state = state * FACTOR % 2**64
        upper = state // 2**32
        index += ceil((index + 1.5) * (65536 / sqrt(upper + 0.5) - 1))
    return indices


def tally_of(shorts: Iterable[int]) -> bytes:
    """The 32 bytes before symbol 0 (F7)."""
    levels = [0, 0, 0, 0]
    for short in shorts:
        level = next((level for level in range(3) if short % 4 ** (level + 1)), 3)
        levels[level] ^= 2 ** (short // 2**42)
    return b"".join(level.to_bytes(8, "big") for level in levels)


def symbols_of(key: bytes, ids: Iterable[bytes], first: int, upto: int) -> bytes:
    """The symbols from `first` to below `upto`, with the tally where they begin with symbol 0 (F7)."""
    shorts = [short_of(key, one) for one in ids]
    sums, counts = [0] * upto, [0] * upto
    for short in shorts:
        for index in indices_of(short, upto):
            sums[index] += item_of(short)
            counts[index] += 1
    symbols = [
        (sums[index] % 2**72).to_bytes(9, "big") + (counts[index] % 2**8).to_bytes(1, "big")
        for index in range(first, upto)
    ]
    return (b"" if first else tally_of(shorts)) + b"".join(symbols)


def first_flight(asker_count: int, asked_count: int) -> int:
    """How many symbols answer an audit at first (F8)."""
    difference = abs(asker_count - asked_count)
    worth = min(65_536, max(16, (34 * asked_count // 3) // 10))
    return min(worth, max(16, min(128, 8 + difference + difference // 2)))


def age_of(stamp: int, as_of: int) -> int:
    """The age of a record, stamp and T in ms (F9)."""
    return next((k for k in range(12) if stamp >= as_of - 2**k * 3_600_000), 12)


def older_of(key: bytes, as_of: int, stamps: Mapping[bytes, int]) -> bytes:
    """For each age the sum of the short ids of all that is older (F9)."""
    aged = [(age_of(stamp, as_of), short_of(key, one)) for one, stamp in stamps.items()]
    sums = [sum(short for age, short in aged if age > k) for k in range(12)]
    return b"".join((one % 2**48).to_bytes(6, "big") for one in sums)


def joined(key: bytes, *ids: bytes) -> bytes:
    """Short ids as they travel in `Lack` (F8)."""
    return b"".join(short_of(key, one).to_bytes(6, "big") for one in ids)
