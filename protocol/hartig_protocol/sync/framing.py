"""Frames: one table of messages, both directions (SPEC, part M).

A frame is a strict msgpack array whose first item is the message's number. In: a frame. Out: one of the dataclasses of
`messages` with every field checked, or a `MessageError`, which closes the link.
"""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, get_args

from hartig_protocol.encoding import decode, decode_untyped, encode_again
from hartig_protocol.errors import EncodingError, MessageError
from hartig_protocol.limits import (
    CHECK_BYTES,
    ENCLOSING_BYTES,
    EPOCH_BYTES,
    FRAME_BYTES_MAX,
    FRAME_ITEMS_MAX,
    HELLO_RECORDS_MAX,
    HOUR_MS,
    IDS_PER_FRAME_MAX,
    INTEGER_MAX,
    JOIN_RECORDS_MAX,
    KEY_BYTES,
    LACKS_PER_FRAME_MAX,
    NETWORK_ID_BYTES,
    NONCE_BYTES,
    PULLS_PER_FRAME_MAX,
    RECENT_AGES,
    RECORD_ID_BYTES,
    RECORDS_PER_FRAME_MAX,
    SECRET_BYTES,
    SHORT_BYTES,
    SHORT_PER_FRAME_MAX,
    SIGNATURE_BYTES,
    SKETCH_ID_BYTES,
    SYMBOL_BYTES_PER_FRAME_MAX,
    VERSION_HIGHEST,
    VERSION_LOWEST,
    WANTS_PER_FRAME_MAX,
)
from hartig_protocol.sync.messages import (
    ANSWER,
    BEHIND,
    LIVE,
    REASON_BYTES_MAX,
    Abroad,
    Ack,
    Admit,
    Audit,
    Bye,
    Checked,
    Enclosed,
    Equal,
    Have,
    Hello,
    Ids,
    Join,
    Lack,
    List,
    Message,
    More,
    Ping,
    Pong,
    Prefer,
    Pull,
    Recent,
    Records,
    Sketch,
    Through,
    Want,
)

Check = Callable[[Any], Any]
HOUR_NUMBER_MAX = INTEGER_MAX // HOUR_MS  # so that its ms are an integer that may travel
SAID_MAX = 2**32 - 1


def _integer(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= INTEGER_MAX:
        raise MessageError("bad_message", f"{value!r:.40} where an integer from 0 was expected")
    return value


def _hour(value: Any) -> int:
    """Full hours travel as their number; inside they are ms like every moment."""
    if _integer(value) > HOUR_NUMBER_MAX:
        raise MessageError("bad_message", f"{value!r:.40} where the number of an hour was expected")
    return int(value) * HOUR_MS


def _said(value: Any) -> int:
    if _integer(value) > SAID_MAX:
        raise MessageError("bad_message", f"{value!r:.40} where a CRC-32 was expected")
    return int(value)


def _why(value: Any) -> int:
    if type(value) is not int or value not in (LIVE, ANSWER, BEHIND):
        raise MessageError("bad_message", f"{value!r:.40} is no reason to send records")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise MessageError("bad_message", f"{value!r:.40} where true or false was expected")
    return value


def _bytes(length: int) -> Check:
    def check(value: Any) -> bytes:
        if type(value) is not bytes or len(value) != length:
            raise MessageError("bad_message", f"{value!r:.40} where {length} bytes were expected")
        return value

    return check


def _short_ids(count_max: int, each_bytes: int = SHORT_BYTES) -> Check:
    """Short ids or keys, joined: a string of whole ones."""

    def check(value: Any) -> bytes:
        if type(value) is not bytes or len(value) % each_bytes or len(value) > count_max * each_bytes:
            raise MessageError("bad_message", f"not joined short ids of {each_bytes} bytes, at most {count_max}")
        return value

    return check


def _older(value: Any) -> bytes:
    if type(value) is not bytes or len(value) not in (0, RECENT_AGES * SKETCH_ID_BYTES):
        raise MessageError("bad_message", f"{value!r:.40} where {RECENT_AGES} sums or none were expected")
    return value


def _age(value: Any) -> int:
    if _integer(value) >= RECENT_AGES:
        raise MessageError("bad_message", f"{value!r:.40} is no age")
    return int(value)


def _joined(bytes_max: int) -> Check:
    def check(value: Any) -> bytes:
        if type(value) is not bytes or len(value) > bytes_max:
            raise MessageError("bad_message", f"not a byte string of at most {bytes_max} bytes")
        return value

    return check


def _secret(value: Any) -> bytes:
    return b"" if value == b"" else bytes(_bytes(SECRET_BYTES)(value))


def _text(value: Any) -> str:
    if type(value) is not str or len(value.encode()) > REASON_BYTES_MAX:
        raise MessageError("bad_message", f"{value!r:.40} where short text was expected")
    return value


def _optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _tuple_of(*checks: Check) -> Check:
    def check_all(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(checks):
            raise MessageError("bad_message", f"{value!r:.40} where {len(checks)} items were expected")
        return tuple([check(item) for check, item in zip(checks, value, strict=True)])

    return check_all


def _list_of(check: Check, items_max: int) -> Check:
    def check_all(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) > items_max:
            raise MessageError("bad_message", f"not a list of at most {items_max}")
        return tuple([check(item) for item in value])

    return check_all


def _as_it_is(value: Any) -> Any:
    return value


def _getter(names: tuple[str, ...]) -> Callable[[Message], tuple[Any, ...]]:
    """Return what reads the fields of a message."""
    read = attrgetter(*names)
    return read if len(names) > 1 else lambda message: (read(message),)


_key, _id, _signature = _bytes(KEY_BYTES), _bytes(RECORD_ID_BYTES), _bytes(SIGNATURE_BYTES)
_network, _running = _bytes(NETWORK_ID_BYTES), _bytes(CHECK_BYTES)
_few_records = _list_of(_as_it_is, HELLO_RECORDS_MAX)
_epoch, _nonce = _bytes(EPOCH_BYTES), _bytes(NONCE_BYTES)

# Number -> class and the check of each field, in wire order. A new message is one line here.
TABLE: dict[int, tuple[type[Message], tuple[Check, ...]]] = {
    1: (
        Hello,
        (
            _integer,
            _integer,
            _network,
            _key,
            _key,
            _nonce,
            _key,
            _few_records,
            _epoch,
            _optional(_tuple_of(_epoch, _integer, _running)),
            _optional(_id),
            _integer,
            _boolean,
            _integer,
            _boolean,
            _boolean,
        ),
    ),
    2: (
        Join,
        (
            _integer,
            _integer,
            _network,
            _key,
            _key,
            _secret,
            _key,
            _optional(_tuple_of(_id, _signature)),
            _signature,
            _list_of(_as_it_is, JOIN_RECORDS_MAX),
        ),
    ),
    3: (Admit, (_few_records,)),
    4: (Records, (_why, _list_of(_as_it_is, RECORDS_PER_FRAME_MAX), _boolean)),
    5: (Ack, (_integer,)),
    6: (Want, (_list_of(_id, WANTS_PER_FRAME_MAX), _said)),
    7: (Audit, (_hour, _boolean, _hour, _integer, _bytes(16), _said)),
    8: (Equal, (_hour, _said)),
    9: (Ids, (_hour, _list_of(_id, IDS_PER_FRAME_MAX), _boolean)),
    10: (Ping, (_integer,)),
    11: (Pong, (_integer,)),
    12: (Bye, (_text, _text)),
    13: (Through, (_integer, _running, _boolean, _said)),
    14: (Have, (_short_ids(SHORT_PER_FRAME_MAX), _boolean)),
    15: (Pull, (_short_ids(PULLS_PER_FRAME_MAX), _said)),
    16: (Prefer, (_short_ids(SHORT_PER_FRAME_MAX), _boolean)),
    17: (Sketch, (_hour, _integer, _integer, _joined(SYMBOL_BYTES_PER_FRAME_MAX))),
    18: (More, (_hour, _integer, _older)),
    19: (List, (_hour,)),
    20: (Lack, (_hour, _short_ids(LACKS_PER_FRAME_MAX, SKETCH_ID_BYTES), _boolean, _said)),
    21: (Recent, (_hour, _age, _short_ids(LACKS_PER_FRAME_MAX, SKETCH_ID_BYTES), _boolean)),
    22: (Enclosed, (_network, _integer, _joined(FRAME_BYTES_MAX - ENCLOSING_BYTES))),
    23: (
        Abroad,
        (
            _integer,
            _integer,
            _network,
            _network,
            _key,
            _key,
            _key,
            _few_records,
            _optional(_tuple_of(_as_it_is, _as_it_is, _as_it_is)),
        ),
    ),
}
NUMBERS = {cls: number for number, (cls, _) in TABLE.items()}
_FIELDS_OF = {cls: _getter(tuple(field.name for field in fields(cls))) for cls in NUMBERS}
_HOURS_AT = {cls: [at for at, check in enumerate(checks, 1) if check is _hour] for cls, checks in TABLE.values()}
_CHECKED = frozenset(get_args(Checked))
_GREETINGS = frozenset({1, 2, 23})
# Messages of which every part is held to a type and bounds; in the others records travel unread.
_HELD_TO_TYPES = frozenset(TABLE) - {NUMBERS[cls] for cls in (Hello, Join, Admit, Records, Abroad)}


def pack(message: Message, said: int | None = None) -> bytes:
    """Return the frame of a message; `said` goes in the place of its own, where it has one."""
    cls = type(message)
    items = [NUMBERS[cls], *_FIELDS_OF[cls](message)]
    for at in _HOURS_AT[cls]:
        items[at] //= HOUR_MS
    if said is not None and cls in _CHECKED:
        items[-1] = said
    return encode_again(items)  # numbers of our own, and bytes that were read strictly


def unpack(frame: bytes) -> Message:
    """Read a frame.

    The first three items of a greeting (its number, the lowest and the highest version) keep their places for ever,
    so that two versions can always tell each other which of them must upgrade.
    Raises `MessageError`; with code `version` when no common version exists.
    """
    if len(frame) <= FRAME_ITEMS_MAX:  # an item has a byte at least, so these are not too many
        items = decode_untyped(frame)
        if type(items) is list and items and type(items[0]) is int and items[0] in _HELD_TO_TYPES:
            try:
                return _message_of(items)
            except MessageError:
                _read(frame)  # if it is not even strict, that is what is wrong with it
                raise
    return _message_of(_read(frame))


def _read(frame: bytes) -> Any:
    try:
        return decode(frame, FRAME_BYTES_MAX, items_max=FRAME_ITEMS_MAX)
    except EncodingError as error:
        raise MessageError(error.code, f"a frame that cannot be read: {error}") from error


def _message_of(items: Any) -> Message:
    if type(items) is not list or not items or type(items[0]) is not int or items[0] not in TABLE:
        raise MessageError("bad_message", "a frame that is no message of this protocol")
    cls, checks = TABLE[items[0]]
    if items[0] in _GREETINGS and len(items) >= 3:
        check_versions(_integer(items[1]), _integer(items[2]))
    if len(items) != len(checks) + 1:
        raise MessageError("bad_message", f"{cls.__name__} has {len(checks)} fields, not {len(items) - 1}")
    return cls(*[check(item) for check, item in zip(checks, items[1:], strict=True)])


def check_versions(lowest: int, highest: int) -> None:
    """Raise `MessageError` with code `version` unless we share a protocol version with the other side."""
    if lowest > VERSION_HIGHEST:
        raise MessageError("version", _must_upgrade(VERSION_LOWEST, VERSION_HIGHEST, lowest, highest))
    if highest < VERSION_LOWEST:
        raise MessageError("version", _must_upgrade(lowest, highest, VERSION_LOWEST, VERSION_HIGHEST))


def _must_upgrade(lowest: int, highest: int, newer_lowest: int, newer_highest: int) -> str:
    """Say which hub must upgrade in words that are true on both sides, since the reason travels in a `Bye`."""
    return (
        f"one hub speaks protocol versions {lowest} to {highest}, the other {newer_lowest} to {newer_highest}: "
        f"the one with {lowest} to {highest} must be upgraded"
    )
