"""Somebody who belongs to the network, or did, as the API and the pages are given them; and what is read off one grant.

Out: `Person`, made by `census` and looked at through `looking`. Called by all that has to do with belonging.
"""

from enum import StrEnum
from typing import Any

from hartig_node.board.errors import BoardError
from hartig_node.board.times import rfc3339
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Now
from hartig_protocol.limits import DAY_MS, KEY_BYTES
from hartig_protocol.records.governance import GRANTED_RANKS, Rank
from hartig_protocol.records.keys import is_strict_key
from hartig_protocol.records.record import Head
from hartig_protocol.values import value

RANK_NAMES = {Rank.SEAT: "trustee", **{rank: name for name, rank in GRANTED_RANKS.items()}}
REMINDED_MS = 60 * DAY_MS  # two monthly meetings before a membership ends


class State(StrEnum):
    """Whether somebody belongs."""

    STANDING = "standing"
    OVER = "over"  # it ended, was taken back, or who invited does not belong any more
    REMOVED = "removed"


@value
class Person:
    """A key that stands or stood: a trustee, an organiser, a hub, a member.

    `path` leads from a trustee down to the key itself; `grant` is the record by which it stands or stood last, and
    `until_ms` the earliest end on its path; None for a trustee.
    """

    key: bytes
    name: str | None
    rank: Rank
    state: State
    places: int
    invites: int
    until_ms: int | None
    invited_by: bytes | None
    path: tuple[bytes, ...]
    grant: bytes | None
    successor: bytes | None
    is_us: bool
    speaks: bool = False  # for the network, with partner networks

    def as_json(self) -> dict[str, Any]:
        """The person as the node API gives it."""
        return {
            "key": self.key.hex(),
            "name": self.name,
            "rank": RANK_NAMES[self.rank],
            "state": str(self.state),
            "places": self.places,
            "invites": self.invites,
            "until": None if self.until_ms is None else rfc3339(self.until_ms),
            "invited_by": hex_of(self.invited_by),
            "path": [key.hex() for key in self.path],
            "record": hex_of(self.grant),
            "successor": hex_of(self.successor),
            "gateway": self.speaks,
            "us": self.is_us,
        }

    def __str__(self) -> str:
        return self.name or f"{RANK_NAMES[self.rank]} {self.key.hex()[:8]}"


def naming_recovery(catalog: Catalog, key: bytes) -> bytes | None:
    """Return the record that says what the recovery key of somebody who belongs is, or would say it."""
    standing = catalog.authority.standing(key)
    return None if standing is None else standing.via[-1] if standing.via else standing.grant


def recovery_named(catalog: Catalog, key: bytes) -> Any:
    """Return what is said of the recovery key of somebody who belongs, so that the next who lets it in says it, too."""
    naming = naming_recovery(catalog, key)
    return None if naming is None else catalog.governance[naming].head.facts.get("recovery")


def is_over(grant: Head, now: Now) -> bool:
    """Tell whether what a grant gave has been taken back, or its time is over."""
    return grant.ends or (now.trusted and (grant.expires or 0) <= now.wall_ms)


def ends_soon(grant: Head, now: Now) -> bool:
    """Tell whether what a grant gives ends within 60 days."""
    expires = grant.expires or 0
    return now.trusted and not grant.ends and now.wall_ms < expires <= now.wall_ms + REMINDED_MS


def key_of(text: object, pointer: str = "/key") -> bytes:
    """Read a key of 64 hexadecimal digits; raises `BoardError`."""
    try:
        key = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or not is_strict_key(key):
        hint = "a key has 64 hexadecimal digits: `hartig status --json` shows a hub's own as `hub`"
        raise BoardError("bad_request", f"{str(text)[:70]!r} is no key", hint, pointer)
    return key


def hex_of(data: bytes | None) -> str | None:
    """Return bytes as the node API gives them."""
    return None if data is None else data.hex()
