"""What pure functions have answered once they need not compute again in a thousand hubs that share one process.

In: nothing. Out: a context in which opening a record, verifying a signature and reading a frame are remembered by their
bytes, wherever the core calls them, and what was signed here is known to verify. Verdicts, sets and streams are
computed by every hub for itself.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from types import ModuleType
from typing import Any

from hartig_protocol.errors import RemoteError
from hartig_protocol.records import keys, opening
from hartig_protocol.sync import framing

FRAMES_MAX = 20_000  # read lately: a frame that goes to many links is read once
RECORDS_MAX = 400_000
GARBAGE_AFTER = 100_000  # objects; Python's own 700 costs a tenth of the time


_VERIFY, _OPEN, _UNPACK, _SIGN = keys.verify, opening.open_record, framing.unpack, keys.SigningKey.sign
_opened: dict[tuple[Any, ...], Any] = {}
_verified: dict[tuple[bytes, bytes, bytes], bool] = {}


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Verify once whatever is verified again and again in many worlds."""
    asked = (key, message, signature)
    known = _verified.get(asked)
    if known is None:
        known = _verified[asked] = _VERIFY(key, message, signature)
    return known


def sign(self: keys.SigningKey, message: bytes) -> bytes:
    """Sign, and know from then on that it verifies."""
    signature = _SIGN(self, message)
    _verified[self.public, message, signature] = True
    return signature


def open_record(wire: Any, *, verify_signature: bool = True, known_id: bytes | None = None) -> Any:
    """Open a record once; what it raised it raises again. `known_id` would only spare work."""
    if type(wire) not in (list, tuple) or len(wire) != 3:
        return _OPEN(wire, verify_signature=verify_signature)
    key = (wire[0], wire[1], wire[2], verify_signature)
    try:
        known = _opened.get(key)
    except TypeError:  # something in it is no byte string
        return _OPEN(wire, verify_signature=verify_signature)
    if known is None:
        known = _answer_of(lambda: _OPEN(wire, verify_signature=verify_signature))
        if len(_opened) < RECORDS_MAX:
            _opened[key] = known
    return _told(known)


def _answer_of(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except RemoteError as error:
        return error


def _told(known: Any) -> Any:
    if isinstance(known, RemoteError):
        raise known.with_traceback(None)
    return known


_read: dict[bytes, Any] = {}


@wraps(_UNPACK)
def unpack(frame: bytes) -> Any:
    """Read a frame once; messages are values that nobody changes."""
    known = _read.get(frame)
    if known is None:
        if len(_read) >= FRAMES_MAX:
            _read.clear()
        try:
            known = _UNPACK(frame)
        except RemoteError as error:
            known = error
        _read[frame] = known
    return _told(known) if isinstance(known, RemoteError) else known


_SWAPS: dict[Callable[..., Any], Callable[..., Any]] = {
    _VERIFY: verify,
    _OPEN: open_record,
    _UNPACK: unpack,
    _SIGN: sign,
}


@contextmanager
def remembered() -> Iterator[None]:
    """Let every module of the core use the remembering functions; a planted fault of theirs stays in its place."""
    gc.set_threshold(GARBAGE_AFTER, 20, 20)  # what is remembered is no garbage, and is much to look through
    swapped = [place for place in _places() if getattr(place[0], place[1]) is place[2]]
    for module, at, plain in swapped:
        setattr(module, at, _SWAPS[plain])
    try:
        yield
    finally:
        for module, at, plain in swapped:
            setattr(module, at, plain)


@cache
def _places() -> tuple[tuple[ModuleType | type, str, Callable[..., Any]], ...]:
    """Find, once, where the core's modules hold what is swapped, and the keys how they sign."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("hartig_protocol")]
    holders: tuple[ModuleType | type, ...] = (*modules, keys.SigningKey)
    return tuple(
        (module, at, held)
        for module in holders
        for at, held in vars(module).items()
        if any(held is plain for plain in _SWAPS)
    )
