"""Bundles as bytes: what a hub holds, as a file for a stick or a letter (SPEC, part B).

Out of a writer: text by which people and tools know the file, a signed header, one frame for each record, a signed end.
Into a reader: bytes in pieces of any size, of which it never holds more than the last piece and one frame. Out: records
in wire form, not yet judged; what is damaged is passed over up to the next frame, so one wrong byte costs one record.
Who calls: the board of a node, the command line, which looks at what it writes, and `bundle`, which names the header.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

from hartig_protocol.encoding import decode, encode
from hartig_protocol.errors import EncodingError, LocalError, RemoteError
from hartig_protocol.limits import (
    BUNDLE_FRAME_BYTES_MAX,
    BUNDLE_HEADER_BYTES_MAX,
    BUNDLE_TRIES_MAX,
    CHECK_BYTES,
    EPOCH_BYTES,
    HEAD_BYTES_MAX,
    KEY_BYTES,
    KIND_CHAIN_LOWEST,
    NETWORK_ID_BYTES,
)
from hartig_protocol.records.keys import (
    PREFIX_BUNDLE_CONTENT,
    PREFIX_BUNDLE_END,
    PREFIX_BUNDLE_HEADER,
    SigningKey,
    verify,
)
from hartig_protocol.records.record import HEAD_FIELDS, Kind, Wire
from hartig_protocol.values import value

# A mail program that changes line ends breaks it at once, and `type FILE` stops at its 1a (the idea is PNG's).
_NAME = b"Hartig bundle "
MAGIC = _NAME + b"1. To read it on a hub: hartig bundle read FILE\r\n\x1a\n"
VERSION = 1
_TAG = b"\xc1HB"  # c1 begins no msgpack value
_HEADER, _RECORD, _END = _TAG + b"h", _TAG + b"r", _TAG + b"e"
_LEAD_BYTES = 8  # tag and length
_GOVERNANCE = frozenset({Kind.CHARTER, Kind.GRANT, Kind.REVOKE, Kind.PACT})
_KIND, _AUDIENCE = HEAD_FIELDS.index("kind"), HEAD_FIELDS.index("audience")


class BundleError(RemoteError):
    """A file whose beginning is not that of a bundle which this reader can use; nothing of it is read."""


@value
class BundleHeader:
    """What a bundle says of itself: all that `hub` had accepted through `n` of its store `epoch` is in it.

    `count`: how many records that were when it began; `stamp`: when that was, by the hub's clock; `reader`: the network
    that it is for. For another one than its own it holds what crosses to that; with `n` 0, what proposes an agreement.
    """

    network: bytes
    hub: bytes
    epoch: bytes
    n: int
    check: bytes
    count: int
    stamp: int
    reader: bytes


class Ending(Enum):
    """How a bundle ended.

    MISSING: without an end that the hub has signed: cut off, or damaged there. CHANGED: its end does not belong to what
    stands before it. WHOLE: it is what the hub wrote, to the last byte.
    """

    MISSING = "missing"
    CHANGED = "changed"
    WHOLE = "whole"


# --- Writing


class BundleWriter:
    """Makes the bytes of one bundle: `begin`, all charters, grants and revocations, everything in its order, `end`."""

    def __init__(self, key: SigningKey, header: BundleHeader) -> None:
        if key.public != header.hub:
            raise LocalError("a hub signs its own bundles alone")
        self._key, self._header = key, header
        self._content = hashlib.sha256(PREFIX_BUNDLE_CONTENT)
        self.count = 0

    def __repr__(self) -> str:
        return f"<BundleWriter through {self._header.n}, {self.count} records so far>"

    def begin(self) -> bytes:
        """Return the first bytes of the file."""
        head = self._header
        fields = [VERSION, head.network, head.hub, head.epoch, head.n, head.check, head.count, head.stamp]
        fields.append(head.reader)
        return self._written(MAGIC + _frame(_HEADER, _sealed(self._key, PREFIX_BUNDLE_HEADER, fields)))

    def proofs(self, wires: Iterable[Wire]) -> bytes:
        """Return the frames of charters, grants and revocations, which go first."""
        return self._records([wire for wire in wires if _kind(wire) in _GOVERNANCE])

    def records(self, wires: Iterable[Wire], *, are_steps: bool | None = None) -> bytes:
        """Return the frames of records, without those that went first: of the registers, of the steps, or of both."""
        kinds = [(wire, _kind(wire)) for wire in wires]
        others = [(wire, kind >= KIND_CHAIN_LOWEST) for wire, kind in kinds if kind not in _GOVERNANCE]
        return self._records([wire for wire, is_step in others if are_steps in (None, is_step)])

    def end(self) -> bytes:
        """Return the last bytes of the file."""
        fields = [self.count, self._content.digest()]
        return _frame(_END, _sealed(self._key, PREFIX_BUNDLE_END, fields))

    def _records(self, wires: Sequence[Wire]) -> bytes:
        self.count += len(wires)
        return self._written(b"".join(_frame(_RECORD, encode(list(wire))) for wire in wires))

    def _written(self, data: bytes) -> bytes:
        self._content.update(data)
        return data


def _kind(wire: Wire) -> int:
    """Return the kind of a record that may leave its hub."""
    fields = decode(wire[0], HEAD_BYTES_MAX, ascii_only=True)
    if fields[_AUDIENCE] == "hub":
        raise LocalError("a record that never leaves its hub was about to be written into a bundle")
    return int(fields[_KIND])


def _frame(tag: bytes, payload: bytes) -> bytes:
    return tag + len(payload).to_bytes(4, "big") + payload


def _sealed(key: SigningKey, prefix: bytes, fields: list[Any]) -> bytes:
    said = encode(fields)
    return encode([said, key.sign(prefix + said)])


# --- Reading


class BundleReader:
    """Reads one bundle: `feed` it all bytes in their order, then `finish`.

    Attributes:
        header: what the bundle says of itself, as soon as it was read.
        count: records that were given out.
        ending: how it ended, so far.
        damages: stretches of bytes between good frames that could not be read.
        bytes_lost: bytes in these stretches.
        bytes_after: bytes behind the end, which nobody looks at.
        gave_up: whether it was damaged in so many places that the rest was not looked at; it counts as lost.
    """

    def __init__(self, network: bytes | None = None) -> None:
        """Prepare to read a bundle that is for this network, or for any."""
        self.header: BundleHeader | None = None
        self.count = self.damages = self.bytes_lost = self.bytes_after = 0
        self.ending = Ending.MISSING
        self._network, self._hub = network, b""
        self._buffer = bytearray()
        self._content = hashlib.sha256(PREFIX_BUNDLE_CONTENT)
        self._tries_left = BUNDLE_TRIES_MAX
        self._is_lost = False
        self._found: list[Wire] = []

    def __repr__(self) -> str:
        return f"<BundleReader {self.count} records, {self.bytes_lost} bytes lost, end {self.ending.value}>"

    @property
    def gave_up(self) -> bool:
        """Whether there was too much damage to go on."""
        return self._tries_left == 0

    @property
    def is_whole(self) -> bool:
        """Whether this is what its hub wrote, to the last byte."""
        return self.ending is Ending.WHOLE

    def feed(self, data: bytes) -> list[Wire]:
        """Take the next bytes; return the records that are complete by them.

        Raises `BundleError` where this is no bundle for this network: `not_a_bundle`, `version`, `damaged_bundle`,
        `other_network`.
        """
        return self._read(data, at_end=False)

    def finish(self) -> list[Wire]:
        """Return what is still found in the last bytes, now that no more come; raises as `feed` does."""
        return self._read(b"", at_end=True)

    def _read(self, data: bytes, *, at_end: bool) -> list[Wire]:
        self._buffer += data
        if self.header is None and not self._read_header(at_end=at_end):
            return []
        while not self._is_over() and self._next_frame(at_end=at_end):
            pass
        found, self._found = self._found, []
        return found

    def _is_over(self) -> bool:
        """Whether what is left is not looked at; it is counted and let go."""
        if self.ending is Ending.WHOLE:
            self.bytes_after += len(self._buffer)
        elif self.gave_up:
            self.bytes_lost += len(self._buffer)
        else:
            return False
        self._buffer.clear()
        return True

    def _read_header(self, *, at_end: bool) -> bool:
        buffer = self._buffer
        _check_magic(bytes(buffer[: len(MAGIC)]), at_end=at_end)
        begin = len(MAGIC) + _LEAD_BYTES
        end = begin + int.from_bytes(buffer[begin - 4 : begin], "big")
        if len(buffer) >= begin:
            if buffer[len(MAGIC) : begin - 4] != _HEADER or end - begin > BUNDLE_HEADER_BYTES_MAX:
                raise _damaged_header()
            if len(buffer) >= end:
                self.header = _header_of(bytes(buffer[begin:end]), self._network)
                self._hub = self.header.hub
                self._pass(end)
                return True
        if at_end:
            raise BundleError("damaged_bundle", "the file ends before its first record")
        return False

    def _next_frame(self, *, at_end: bool) -> bool:
        """Read the frame at the beginning of the buffer, or pass over what is none; false where more is needed."""
        buffer = self._buffer
        if not buffer:
            return False
        if not buffer.startswith(_TAG):
            if not at_end and _TAG.startswith(buffer):
                return False
            self._lose(at_end=at_end)
            return True
        length = int.from_bytes(buffer[4:_LEAD_BYTES], "big")
        end = _LEAD_BYTES + length
        if len(buffer) < _LEAD_BYTES or (length <= BUNDLE_FRAME_BYTES_MAX and len(buffer) < end):
            if not at_end:
                return False
        elif length <= BUNDLE_FRAME_BYTES_MAX and self._take(bytes(buffer[:4]), bytes(buffer[_LEAD_BYTES:end])):
            self._is_lost = False
            self._pass(end)
            return True
        self._tries_left -= 1
        self._lose(at_end=at_end)
        return True

    def _take(self, tag: bytes, payload: bytes) -> bool:
        """Take one frame; false where it is none."""
        if tag == _RECORD:
            wire = _wire_of(payload)
            if wire is None:
                return False
            self._found.append(wire)
            self.count += 1
            return True
        return tag == _END and self._take_end(payload)

    def _take_end(self, payload: bytes) -> bool:
        end = _unsealed(payload, PREFIX_BUNDLE_END, lambda _fields: self._hub)
        if end is None or len(end) != 2:
            return False
        is_true = end == [self.count, self._content.digest()] and not self.damages
        self.ending = Ending.WHOLE if is_true else Ending.CHANGED
        return True

    def _lose(self, *, at_end: bool) -> None:
        """Pass over bytes that belong to no frame, up to what may be the next one."""
        if not self._is_lost:
            self._is_lost = True
            self.damages += 1
        following = self._buffer.find(_TAG, 1)
        if following < 0:
            following = len(self._buffer) if at_end else max(1, len(self._buffer) - len(_TAG) + 1)
        self.bytes_lost += following
        self._pass(following)

    def _pass(self, count: int) -> None:
        self._content.update(self._buffer[:count])
        del self._buffer[:count]


def _check_magic(given: bytes, *, at_end: bool) -> None:
    if MAGIC.startswith(given) and not (at_end and len(given) < len(MAGIC)):
        return
    if given.startswith(_NAME) and given[len(_NAME) : len(_NAME) + 1] not in b"1":
        raise BundleError("version", "the bundle is of another version of hartig: upgrade this hub to read it")
    if given.startswith(_NAME):
        raise _damaged_header()
    raise BundleError("not_a_bundle", "it does not begin as bundles do")


def _header_of(payload: bytes, network: bytes | None) -> BundleHeader:
    fields = _unsealed(payload, PREFIX_BUNDLE_HEADER, _hub_of)
    if fields is None:
        raise _damaged_header()
    if fields[0] != VERSION:
        raise BundleError("version", "the bundle is of another version of hartig: upgrade this hub to read it")
    if not _is_header(fields):
        raise _damaged_header()
    header = BundleHeader(*fields[1:])
    if network is not None and header.reader != network:
        other, own = header.reader.hex()[:8], network.hex()[:8]
        raise BundleError("other_network", f"the bundle is for hubs of another network ({other}); this hub's is {own}")
    return header


def _damaged_header() -> BundleError:
    reason = "the beginning of the bundle is damaged or was changed, so nothing can be said about the rest"
    return BundleError("damaged_bundle", reason)


def _hub_of(fields: list[Any]) -> bytes:
    hub = fields[2] if len(fields) > 2 else b""
    return hub if type(hub) is bytes else b""


def _is_header(fields: list[Any]) -> bool:
    shape: tuple[int | type[int], ...] = (
        *(int, NETWORK_ID_BYTES, KEY_BYTES, EPOCH_BYTES),
        *(int, CHECK_BYTES, int, int, NETWORK_ID_BYTES),
    )
    return len(fields) == len(shape) and all(map(_fits, fields, shape))


def _fits(value: Any, shape: int | type[int]) -> bool:
    if shape is int:
        return type(value) is int and value >= 0
    return type(value) is bytes and len(value) == shape


def _unsealed(payload: bytes, prefix: bytes, signer_of: Callable[[list[Any]], bytes]) -> list[Any] | None:
    """Return what was signed, if its signer did sign it; None for anything else."""
    try:
        sealed = decode(payload, BUNDLE_FRAME_BYTES_MAX)
        if type(sealed) is not list or [type(part) for part in sealed] != [bytes, bytes]:
            return None
        said, signature = sealed
        fields = decode(said, BUNDLE_HEADER_BYTES_MAX)
    except EncodingError:
        return None
    if type(fields) is not list or not verify(signer_of(fields), prefix + said, signature):
        return None
    return fields


def _wire_of(payload: bytes) -> Wire | None:
    """Return a record's wire form where a payload has the shape of one."""
    try:
        wire = decode(payload, BUNDLE_FRAME_BYTES_MAX)
    except EncodingError:
        return None
    if type(wire) is not list or [type(part) for part in wire[:2]] != [bytes, bytes] or len(wire) != 3:
        return None
    head, signature, body = wire
    return (head, signature, body) if body is None or type(body) is bytes else None
