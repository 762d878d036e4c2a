"""Strict msgpack: one value has one encoding, and nothing else is read (SPEC, part E).

In: bytes of a bounded length, or a plain value. Out: a value of nil, booleans, integers, byte strings, text, lists and
dicts, or bytes. Called by records and messages. The msgpack library reads duplicate keys, long forms, floats, NaN,
extension types and deep nesting without a word; everything it lets pass is caught here.

Nearly all that comes is well formed, and every record is read by everybody, so there are two ways. The quick one walks
a value level by level, in one loop, and says only yes or no. What it does not take is read once more, the careful way,
which names what is wrong; a sender of nonsense makes us read it twice, and no more.
"""

from typing import Any

import msgpack

from hartig_protocol.errors import EncodingError, LocalError
from hartig_protocol.limits import DEPTH_MAX, INTEGER_MAX

_SCALARS = frozenset({type(None), bool, bytes})
_NIL = b"\xc0"
_NOT_MSGPACK = (ValueError, TypeError, msgpack.UnpackException)


def encode(value: Any) -> bytes:
    """Encode a value as strict msgpack, with the keys of every map sorted.

    Raises `LocalError` for anything that `decode` would refuse.
    """
    try:
        if _is_strict(value, ascii_only=False):
            return _pack(value)
        _check(value, DEPTH_MAX, ascii_only=False)
        return _pack(_sorted(value))
    except EncodingError as error:
        raise LocalError(f"not encodable as strict msgpack: {error}") from error
    except UnicodeEncodeError as error:
        raise LocalError(f"not encodable as strict msgpack: text is no valid UTF-8: {error.reason}") from error


def encode_again(value: Any) -> bytes:
    """Encode what `decode` gave, or a part of it: it is known to be strict, so nothing is checked."""
    return _pack(value)


def decode(data: bytes, bytes_max: int, *, ascii_only: bool = False, items_max: int | None = None) -> Any:
    """Decode strict msgpack.

    `bytes_max` is checked before anything is read, `items_max` (of all arrays and maps together) while it is: a value
    of many small parts takes a hundred times as long as one of as many bytes. With `ascii_only` all text must be ASCII.
    Raises `EncodingError` with codes `too_large`, `not_msgpack`, `not_strict`, `too_deep`.
    """
    if len(data) > bytes_max:
        raise EncodingError("too_large", f"{len(data)} bytes where at most {bytes_max} are allowed")
    bounds = {} if items_max is None or len(data) <= items_max else _bounds(items_max)  # each has a byte at least
    value = _decode_bounded(data, bounds) if bounds else decode_untyped(data)
    if (value is not None or data == _NIL) and _is_strict(value, ascii_only=ascii_only):
        return value
    raise _refusal(data, bounds, ascii_only=ascii_only)


def _bounds(items_max: int) -> dict[str, Any]:
    """Return settings with which msgpack stops early."""
    left = items_max

    def count(items: list[Any]) -> list[Any]:
        nonlocal left
        left -= len(items)
        if left < 0:
            raise EncodingError("too_large", f"more than {items_max} items")
        return items

    return {"list_hook": count, "max_array_len": items_max, "max_map_len": items_max}


def _decode_bounded(data: bytes, bounds: dict[str, Any]) -> Any:
    """As `decode_untyped`, but it raises where there are too many items."""
    try:
        value = msgpack.unpackb(data, object_hook=bounds["list_hook"], **bounds)
        return value if _pack(value) == data else None
    except _NOT_MSGPACK:
        return None


def decode_untyped(data: bytes) -> Any:
    """Decode msgpack in the shortest form, with no key twice; nil, and anything else, gives None.

    This is `decode` without its walk over the value, for callers who hold every part to a type, to bounds and to keys
    that rise, and who leave what they do not take to `decode`. Never raises for bytes.
    """
    try:
        value = msgpack.unpackb(data)
        # Packing gives the same bytes only where no key came twice and every form was the shortest.
        return value if _pack(value) == data else None
    except _NOT_MSGPACK:
        return None


def _refusal(data: bytes, bounds: dict[str, Any], *, ascii_only: bool) -> EncodingError:
    """Read once more what is not strict, and name the first thing that is wrong."""
    try:
        value = msgpack.unpackb(
            data, raw=False, strict_map_key=False, object_pairs_hook=_map, ext_hook=_refuse_extension, **bounds
        )
        _check(value, DEPTH_MAX, ascii_only=ascii_only)
    except EncodingError as error:
        return error
    except _NOT_MSGPACK as error:
        return EncodingError("not_msgpack", f"not msgpack: {str(error) or type(error).__name__}")
    return EncodingError("not_strict", "not the shortest encoding of its value")


def _is_strict(value: Any, *, ascii_only: bool) -> bool:
    """Tell whether a value is one that may be written as it stands: its types, bounds, depth and sorted keys."""
    level, deeper_left = [value], DEPTH_MAX
    while level:
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is bytes or item is None or kind is bool:
                continue
            if kind is int:
                if not -INTEGER_MAX <= item <= INTEGER_MAX:
                    return False
            elif kind is str:
                if ascii_only and not item.isascii():
                    return False
            elif deeper_left == 0:
                return False
            elif kind is list or kind is tuple:
                below += item
            elif kind is dict and _has_rising_keys(item):
                below += item.values()
            else:
                return False
        level, deeper_left = below, deeper_left - 1
    return True


def _has_rising_keys(value: dict[Any, Any]) -> bool:
    previous = None
    for key in value:
        if type(key) is not str or not key.isascii() or (previous is not None and key <= previous):
            return False
        previous = key
    return True


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.Packer().pack(value)  # `packb` does this, after handing on settings
    return packed


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


def _map(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    previous = None
    for key, _ in pairs:
        _check_key(key)
        if previous is not None and key <= previous:
            raise EncodingError("not_strict", f"map key {key!r:.40} is repeated or out of order")
        previous = key
    return dict(pairs)


def _check_key(key: Any) -> None:
    if type(key) is not str:  # its repr could be a thousand lists deep, so only its type is shown
        raise EncodingError("not_strict", f"a map key of type {type(key).__name__} is not ASCII text")
    if not key.isascii():
        raise EncodingError("not_strict", f"map key {key!r:.40} is not ASCII text")


def _refuse_extension(code: int, _data: bytes) -> Any:
    raise EncodingError("not_strict", f"extension type {code} is not allowed")


def _check(value: Any, depth_left: int, *, ascii_only: bool) -> None:
    """Refuse types outside the allow-list, integers out of range and nesting deeper than `depth_left`."""
    kind = type(value)
    if kind is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise EncodingError("not_strict", "integer beyond 2^53-1")
    elif kind is str:
        if ascii_only and not value.isascii():
            raise EncodingError("not_strict", f"text {value!r:.40} is not ASCII")
    elif kind is list or kind is tuple:
        if depth_left == 0:
            raise EncodingError("too_deep", f"nested deeper than {DEPTH_MAX}")
        for item in value:
            _check(item, depth_left - 1, ascii_only=ascii_only)
    elif kind is dict:
        if depth_left == 0:
            raise EncodingError("too_deep", f"nested deeper than {DEPTH_MAX}")
        for key, item in value.items():
            _check_key(key)
            _check(item, depth_left - 1, ascii_only=ascii_only)
    elif kind not in _SCALARS:
        raise EncodingError("not_strict", f"values of type {kind.__name__} are not allowed")
