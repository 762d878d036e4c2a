"""Which devices of the organisers may use this hub's desk: set-up codes, and the devices that were paired with one.

A code is made by whoever runs the hub, typed once at the device, and lives in memory alone: a restart voids it. What
comes of it is the secret of a session; of that a private row keeps the hash. All devices are known in memory too, so
that a page does not wait for the disk. A hub that does not know the time dates no device: the dates would be wrong once
it does; `tidy` gives them then. Who calls: the API makes codes and ends devices, the desk's pages pair and
check, the daemon opens the door while `is_wanted`.

A code is one of 32^12 = 2^60, so up to 1.15 thousand million wrong tries leave the chance of a guess below 1e-9; it is
void long before. How often an address may try is the page's to count (`site/desk/pairing.py`).
"""

import base64
import contextlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgpack

from hartig_node.board.context import Context
from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.errors import BoardError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import DAY_MS, MINUTE_MS
from hartig_protocol.records.keys import sha256
from hartig_protocol.values import value

SPACE_DEVICE = "device"
DEVICES_MAX = 32  # of one desk; each is a row that is held in memory
NAME_CHARACTERS_MAX = 80
NAME_DEFAULT = "Device"
DEVICE_LIFE_MS = 90 * DAY_MS
RENEWED_AFTER_MS = DAY_MS  # a card wears out: what slides with use is written at most so often
CODE_LIFE_MS = 15 * MINUTE_MS  # powered on
# What the page lets all who try together reach in the life of a code, so nobody can void it before: 1.3e-14 of a guess.
WRONG_PER_CODE_MAX = 15_000
SECRET_CHARACTERS_MAX = 200  # ours have 43; nobody hashes megabytes for a stranger
# Crockford's: without I, L, O and U, which are misread or make words; what is typed in their place is read as meant.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_AS_MEANT = str.maketrans("ILO", "110")
CODE_CHARACTERS = 12
_GROUP = 4
_SECRET_BYTES = 32
_CODE_PREFIX = b"hartig/1 set-up code\x00"
_SECRET_PREFIX = b"hartig/1 desk session\x00"


@value
class SetUpCode:
    """A code as it is shown, once, and until when it is good by this hub's clock."""

    code: str
    until_ms: int


@value
class Paired:
    """A device that may use the desk. Times in ms.

    `is_renewed`: its time has just been made longer. `is_dated`: its end is kept; else it never ends, and `until_ms`
    is a guess by a clock that is not trusted.
    """

    id: str
    name: str
    since_ms: int
    until_ms: int
    is_renewed: bool = False
    is_dated: bool = True


@value
class DeskReport:
    """The desk's door as it is: `open`, `shut` (nothing is paired), `off` (by the settings) or `blocked`, and why."""

    state: str = "shut"
    addresses: tuple[str, ...] = ()
    port: int | None = None
    fingerprint: str | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the door as the node API gives it."""
        return {
            "state": self.state,
            "addresses": list(self.addresses),
            "fingerprint": self.fingerprint,
            "reason": self.reason,
        }


@dataclass
class _LiveCode:
    digest: bytes
    name: str
    until_ms: int
    until_steady_ms: int
    wrong: int = 0


class Pairing:
    """The use cases of set-up codes and paired devices."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._devices: dict[bytes, Paired] = {}
        self._leaving: dict[str, bytes] = {}  # revoked, with the row still on a disk that may be full
        self._renewed_steady_ms: dict[bytes, int] = {}  # by a clock that is not trusted
        self._code: _LiveCode | None = None
        self.on_wanted: Callable[[bool], None] = lambda _is_wanted: None
        self.look_at_door: Callable[[], Awaitable[DeskReport]] = no_desk

    def __repr__(self) -> str:
        return f"<Pairing {len(self._devices)} devices, {'a' if self._live_code() else 'no'} code>"

    async def load(self) -> None:
        """Read the devices that were paired in earlier runs."""
        rows = await self._context.store.private_list(SPACE_DEVICE)
        guess_ms = self._context.clock.now().wall_ms + DEVICE_LIFE_MS
        leaving = frozenset(self._leaving.values())
        self._devices = {key: _paired(key, value, guess_ms) for key, value in rows if key not in leaving}

    async def tidy(self) -> None:
        """Take revoked devices off the disk where that is still to be done, and date the undated once time is known."""
        now, leaving = self._context.clock.now(), dict(self._leaving)
        undated = {key: device for key, device in self._devices.items() if now.trusted and not device.is_dated}
        dated = {key: _renewed(device, now.wall_ms) for key, device in undated.items()}
        rows = [_no_row(key) for key in leaving.values()] + [_row(key, device) for key, device in dated.items()]
        if not rows:
            return
        with contextlib.suppress(BoardError):  # a full disk: the next look tries again
            await self._context.keep_private(rows)
            for device_id in leaving:
                self._leaving.pop(device_id, None)
            # Whatever was revoked or used meanwhile stays as it is.
            self._devices.update({key: dated[key] for key in dated if self._devices.get(key) is undated[key]})

    # --- The door

    @property
    def is_wanted(self) -> bool:
        """Whether anybody could come in: a code is good, or a device is paired."""
        return self._live_code() is not None or bool(self._standing())

    @property
    def code_until_ms(self) -> int | None:
        """Until when the code is good by this hub's clock; None where there is none."""
        code = self._live_code()
        return None if code is None else code.until_ms

    @property
    def code_left_ms(self) -> int | None:
        """How long the code is still good, powered on; None where there is none."""
        code = self._live_code()
        return None if code is None else code.until_steady_ms - self._context.clock.now().steady_ms

    async def door(self) -> DeskReport:
        """Return how the door is, once it is as it should be."""
        return await self.look_at_door()

    # --- Set-up codes

    async def make_code(self, name: str | None = None) -> SetUpCode:
        """Make the code for one device, in place of one before; `name` is for the device, if it brings none."""
        if (await self.door()).state == "off":
            hint = "set desk = true in hartig.toml, and start the hub again"
            raise BoardError("bad_request", "the organisers' pages are switched off", hint)
        self._check_room()
        drawn = int.from_bytes(self._context.random_bytes(8), "big")
        code = "".join(ALPHABET[drawn >> 5 * place & 31] for place in range(CODE_CHARACTERS))
        now = self._context.clock.now()
        until_ms = now.wall_ms + CODE_LIFE_MS
        self._code = _LiveCode(_code_digest(code), _name(name or ""), until_ms, now.steady_ms + CODE_LIFE_MS)
        self._tell()
        grouped = "-".join(code[at : at + _GROUP] for at in range(0, CODE_CHARACTERS, _GROUP))
        return SetUpCode(grouped, until_ms)

    async def pair(self, code: str, device_name: str) -> str | None:
        """Use a code up and return the secret of the device's session; None where the code is not good."""
        live = self._live_code()
        if live is None:
            return None
        if not hmac.compare_digest(live.digest, _code_digest(code)):
            self._count_wrong(live)
            return None
        self._code = None
        name = _name(device_name)
        secret = base64.urlsafe_b64encode(self._context.random_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
        await self._add(_secret_key(secret), name or live.name or NAME_DEFAULT)
        return secret

    async def _add(self, key: bytes, name: str) -> None:
        """Take a device in; there is room, since there was when its code was made, and there is one code at a time."""
        now = self._context.clock.now()
        until_ms = now.wall_ms + DEVICE_LIFE_MS
        # Before the disk: with neither a code nor a device the door would shut in this browser's face.
        device = self._devices[key] = Paired(key[:8].hex(), name, now.wall_ms, until_ms, is_dated=now.trusted)
        self._renewed_steady_ms[key] = now.steady_ms
        try:
            await self._context.keep_private([_row(key, device)])
        except BoardError:
            self._forget(key)
            raise
        finally:
            self._tell()

    def _count_wrong(self, live: _LiveCode) -> None:
        live.wrong += 1
        if live.wrong >= WRONG_PER_CODE_MAX:
            self._code = None
            self._tell()

    def _live_code(self) -> _LiveCode | None:
        if self._code is not None and self._code.until_steady_ms <= self._context.clock.now().steady_ms:
            self._code = None
        return self._code

    # --- Devices

    async def check(self, secret: str) -> Paired | None:
        """Return whose session a secret is, or None; a session lasts 90 days from its last use.

        It is looked up by its hash, so timing tells nothing of others.
        """
        if len(secret) > SECRET_CHARACTERS_MAX:
            return None
        key = _secret_key(secret)
        device = self._devices.get(key)
        if device is None or self._is_over(device):
            return None
        now = self._context.clock.now()
        if not now.trusted:
            return replace(device, is_renewed=self._is_long_ago(key, now.steady_ms))
        renewed = _renewed(device, now.wall_ms)
        if device.is_dated and abs(renewed.until_ms - device.until_ms) < RENEWED_AFTER_MS:
            return device
        self._devices[key] = renewed
        with contextlib.suppress(BoardError):  # a full disk does not shut the desk
            await self._context.keep_private([_row(key, renewed)])
        return replace(renewed, is_renewed=True) if key in self._devices else None  # it may be revoked by now

    def _is_long_ago(self, key: bytes, steady_ms: int) -> bool:
        """Tell whether a browser should be told anew how long its session lasts, where the disk is told nothing."""
        last_ms = self._renewed_steady_ms.get(key)
        if last_ms is not None and steady_ms - last_ms < RENEWED_AFTER_MS:
            return False
        self._renewed_steady_ms[key] = steady_ms
        return True

    async def list(self) -> list[Paired]:
        """Return the devices whose session is not over, oldest first."""
        return sorted(self._standing(), key=lambda one: (one.since_ms, one.id))

    async def revoke(self, device_id: str) -> None:
        """End a device's session at once; where the disk takes no change, ask again, or a restart brings it back."""
        keys = {device.id: key for key, device in self._devices.items()} | self._leaving
        if device_id not in keys:
            raise BoardError("not_found", f"there is no device {device_id[:40]!r}", "see 'hartig devices'")
        key = self._leaving[device_id] = keys[device_id]
        self._forget(key)
        self._tell()
        await self._context.keep_private([_no_row(key)])
        self._leaving.pop(device_id, None)

    def _forget(self, key: bytes) -> None:
        self._devices.pop(key, None)
        self._renewed_steady_ms.pop(key, None)

    def _check_room(self) -> None:
        for key in [key for key, device in self._devices.items() if self._is_over(device)]:
            self._forget(key)
        if len(self._devices) >= DEVICES_MAX:
            hint = "end those that nobody uses: 'hartig devices'"
            raise BoardError("too_many", f"{DEVICES_MAX} devices are paired already", hint)

    def _standing(self) -> Sequence[Paired]:
        return [device for device in self._devices.values() if not self._is_over(device)]

    def _is_over(self, device: Paired) -> bool:
        now = self._context.clock.now()
        return now.trusted and device.is_dated and device.until_ms <= now.wall_ms

    def _tell(self) -> None:
        self.on_wanted(self.is_wanted)


async def no_desk() -> DeskReport:
    """Return a door that nobody opens: of a board without a daemon around it."""
    return DeskReport()


def _renewed(device: Paired, wall_ms: int) -> Paired:
    """Return a device as it is when it is used at a time that is known."""
    return replace(device, until_ms=wall_ms + DEVICE_LIFE_MS, is_dated=True)


def _paired(key: bytes, value: bytes, guess_ms: int) -> Paired:
    name, since_ms, until_ms = msgpack.unpackb(value)
    is_dated = until_ms is not None
    return Paired(key[:8].hex(), name, since_ms, until_ms if is_dated else guess_ms, is_dated=is_dated)


def _row(key: bytes, device: Paired) -> PrivateRow:
    until_ms = device.until_ms if device.is_dated else None
    return PrivateRow(SPACE_DEVICE, key, msgpack.packb([device.name, device.since_ms, until_ms]), until_ms)


def _no_row(key: bytes) -> PrivateRow:
    return PrivateRow(SPACE_DEVICE, key, None)


def _name(text: str) -> str:
    """Return a device's name as one line, cut where it is too long."""
    return " ".join(clean_text(text).split())[:NAME_CHARACTERS_MAX]


def _code_digest(typed: str) -> bytes:
    """Hash a code as it was meant: case, spaces, dashes and look-alikes make no difference."""
    folded = "".join(one for one in typed[:SECRET_CHARACTERS_MAX].upper() if one.isalnum()).translate(_AS_MEANT)
    return sha256(_CODE_PREFIX, folded.encode())


def _secret_key(secret: str) -> bytes:
    # A cookie may hold any bytes; those that are no text come as lone surrogates.
    return sha256(_SECRET_PREFIX, secret.encode("utf-8", "surrogatepass"))
