"""Strict msgpack: one value has one encoding, and nothing else is read (SPEC, part E).

In: bytes of a bounded length, or a plain value. Out: a value of nil, booleans, integers, byte strings, text, lists and
dicts, or bytes. Called by records and messages. The msgpack library reads duplicate keys, long forms, floats, NaN,
extension types and deep nesting without a word; everything it lets pass is caught here.
"""

from typing import Any

import msgpack

from hartig_protocol.errors import EncodingError, LocalError
from hartig_protocol.limits import DEPTH_MAX, INTEGER_MAX

_SCALARS = frozenset({type(None), bool, bytes})


def encode(value: Any) -> bytes:
    """Encode a value as strict msgpack, with the keys of every map sorted.

    Raises `LocalError` for anything that `decode` would refuse.
    """
    try:
        _check(value, DEPTH_MAX, ascii_only=False)
    except EncodingError as error:
        raise LocalError(f"not encodable as strict msgpack: {error}") from error
    try:
        return _pack(_sorted(value))
    except UnicodeEncodeError as error:
        raise LocalError(f"not encodable as strict msgpack: text is no valid UTF-8: {error.reason}") from error


def decode(data: bytes, bytes_max: int, *, ascii_only: bool = False) -> Any:
    """Decode strict msgpack.

    `bytes_max` is checked before anything is read. With `ascii_only` all text must be ASCII (heads).
    Raises `EncodingError` with codes `too_large`, `not_msgpack`, `not_strict`, `too_deep`.
    """
    if len(data) > bytes_max:
        raise EncodingError("too_large", f"{len(data)} bytes where at most {bytes_max} are allowed")
    try:
        value = msgpack.unpackb(
            data, raw=False, strict_map_key=False, object_pairs_hook=_map, ext_hook=_refuse_extension
        )
    except EncodingError:
        raise
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise EncodingError("not_msgpack", f"not msgpack: {str(error) or type(error).__name__}") from error
    _check(value, DEPTH_MAX, ascii_only=ascii_only)
    if _pack(value) != data:
        raise EncodingError("not_strict", "not the shortest encoding of its value")
    return value


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=True)
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
