"""Who belongs to the network, and who did: the people and hubs behind its keys.

In: the catalog's authority and the governance records that it rests on, and the names on hubs' cards. Out: `Person`s,
in the order of a tree: whoever was invited stands below who invited. Nothing is changed here (`changing`). Called by
the board, which hands it to the API, the pages and the reminders.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.times import rfc3339
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Now
from hartig_protocol.limits import DAY_MS, INTEGER_MAX, KEY_BYTES
from hartig_protocol.records.governance import GRANTED_RANKS, Charter, Rank
from hartig_protocol.records.keys import is_strict_key
from hartig_protocol.records.record import Head, Kind, Record
from hartig_protocol.trust.authority import Standing, authority_of

RANK_NAMES = {Rank.SEAT: "trustee", **{rank: name for name, rank in GRANTED_RANKS.items()}}
FALLING_SHOWN_MAX = 200
PAGE_MAX = 200
REMINDED_MS = 60 * DAY_MS  # two monthly meetings before a membership ends


class State(StrEnum):
    """Whether somebody belongs."""

    STANDING = "standing"
    OVER = "over"  # it ended, was taken back, or who invited does not belong any more
    REMOVED = "removed"


@dataclass(frozen=True)
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
            "invited_by": _hex(self.invited_by),
            "path": [key.hex() for key in self.path],
            "record": _hex(self.grant),
            "successor": _hex(self.successor),
            "us": self.is_us,
        }

    def __str__(self) -> str:
        return self.name or f"{RANK_NAMES[self.rank]} {self.key.hex()[:8]}"


class People:
    """What this hub knows of who belongs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen: Census | None = None

    @property
    def census(self) -> "Census":
        """Everybody as of now; made anew when the catalog, its verdict or a name is another."""
        catalog, names = self._context.pen.catalog, self._context.names()
        seen = self._seen
        if seen is None or seen.authority is not catalog.authority or seen.names != names:
            self._seen = seen = Census(catalog, dict(names), self._context.pen.key.public)
        return seen

    def everybody(self, *, also_former: bool = False) -> list[Person]:
        """Return everybody who belongs, and with `also_former` those who did."""
        return [one for one in self.census.everybody if also_former or one.state is State.STANDING]

    def get(self, key: bytes) -> Person:
        """Return one; raises `BoardError` for a key that nobody here knows."""
        person = self.census.by_key.get(key)
        if person is None:
            hint = "`hartig member list --all` shows everybody who belongs or did"
            raise BoardError("not_found", f"nobody with the key {key.hex()[:16]} is known here", hint)
        return person

    def page(self, limit: int, cursor: str | None, *, also_former: bool) -> tuple[list[Person], str | None]:
        """Return some, beginning after the key that the cursor names; and the next cursor."""
        people = self.everybody(also_former=also_former)
        begin = 0
        if cursor is not None:
            keys = [one.key.hex() for one in people]
            if cursor not in keys:
                raise BoardError("bad_cursor", "this page begins after somebody who is not in the list", "list anew")
            begin = keys.index(cursor) + 1
        some = people[begin : begin + limit]
        return some, some[-1].key.hex() if begin + limit < len(people) else None

    def details(self, person: Person) -> dict[str, Any]:
        """Return one with whom it invited, whose belonging rests on it, and what it can still give."""
        census, given = self.census, self.census.given_by(person.key)
        falling = self.falling_without(person.key)
        return {
            **person.as_json(),
            "invited": [self._brief(grant) for grant in given],
            "rests_on_it": [one.as_json() for one in falling[:FALLING_SHOWN_MAX]],
            "rests_on_it_count": len(falling),
            "invites_left": census.invites_left(person.key),
            "replaces": [key.hex() for key in census.predecessors_of(person.key)],
            "recovery": _hex(naming_recovery(census.catalog, person.key)),
        }

    def falling_without(self, key: bytes) -> list[Person]:
        """Return who would not belong any more if this key did not, without the key itself."""
        now, census, catalog = self._context.clock.now(), self.census, self._context.pen.catalog
        less = [one for one in catalog.governance.values() if key not in (one.head.author, one.head.subject)]
        after = authority_of(catalog.charter, less, now.wall_ms if now.trusted else None).standings
        return [one for one in census.everybody if one.state is State.STANDING and one.key not in {*after, key}]

    def _brief(self, grant: Record) -> dict[str, Any]:
        """An invitation as its giver goes on with it: which number it has, and what its last version says."""
        head, key, now = grant.head, self.census.holder_of(grant), self._context.clock.now()
        is_removed = self.census.by_key[key].state is State.REMOVED
        state = State.REMOVED if is_removed else State.OVER if is_over(head, now) else State.STANDING
        return {
            "key": key.hex(),
            "state": str(state),
            "name": self._context.names().get(key),
            "rank": head.facts.get("rank"),
            "number": head.place,
            "until": rfc3339(head.expires or 0),
            "ended": head.ends,
            "ends_soon": not is_removed and ends_soon(head, now),
            "invites_needed": self.census.invites_needed(grant),
            "record": grant.id.hex(),
            "recovery": _hex(self.census.naming_recovery(grant)),
        }


class Census:
    """Everybody, as follows from one state of the catalog."""

    def __init__(self, catalog: Catalog, names: dict[bytes, str], own: bytes) -> None:
        self.catalog, self.names, self._own = catalog, names, own
        self.authority = catalog.authority
        records = catalog.governance.values()
        self.grants = [one for one in records if one.head.kind == Kind.GRANT]
        self.revokes = [one for one in records if one.head.kind == Kind.REVOKE]

    @cached_property
    def by_key(self) -> dict[bytes, Person]:
        """Everybody by key."""
        former = {one.head.subject for one in (*self.grants, *self.revokes)}
        keys = sorted({*self.authority.standings, *former, *self._seats})
        return {key: self._person(key) for key in keys}

    @cached_property
    def _seats(self) -> frozenset[bytes]:
        """The keys of all who are or were trustees."""
        return frozenset(key for one in self.catalog.charters.path for key, _ in Charter.of(one.head).seats)

    @cached_property
    def everybody(self) -> Sequence[Person]:
        """Everybody, whoever was invited below who invited; at each height the higher rank first, then by name."""
        height = {key: (-one.rank, one.name or "\U0010ffff", key) for key, one in self.by_key.items()}
        lowest = (0, "", b"")
        return sorted(self.by_key.values(), key=lambda one: [height.get(key, lowest) for key in one.path])

    def _person(self, key: bytes) -> Person:
        standing = self.authority.standing(key)
        return self._former(key) if standing is None else self._standing(key, standing)

    def _standing(self, key: bytes, standing: Standing) -> Person:
        grant = None if standing.grant is None else self.catalog.governance[standing.grant]
        until_ms = None if standing.until_ms == INTEGER_MAX else standing.until_ms
        return Person(
            key, self.names.get(key), standing.rank, State.STANDING, standing.places, standing.invites, until_ms,
            None if grant is None else grant.head.author, self._path(key), standing.grant, None, key == self._own,
        )  # fmt: skip

    def _former(self, key: bytes) -> Person:
        """Somebody who does not stand: as the last said who invited it."""
        said = [one for one in self.grants if one.head.subject == key]
        last = max(said, key=lambda one: (not one.head.ends, one.head.expires or 0, one.id), default=None)
        facts = {} if last is None else last.head.facts
        rank = Rank.SEAT if last is None and key in self._seats else GRANTED_RANKS[facts.get("rank", "member")]
        inviter = None if last is None else last.head.author
        return Person(
            key, self.names.get(key), rank, State.REMOVED if key in self.authority.revoked else State.OVER,
            facts.get("places", 0), facts.get("invites", 0), None if last is None else last.head.expires, inviter,
            (*(() if inviter is None else self._path(inviter)), key), None if last is None else last.id,
            self.successor_of(key), key == self._own,
        )  # fmt: skip

    def _path(self, key: bytes) -> tuple[bytes, ...]:
        """Return the keys from a trustee down to this one."""
        path = [key]
        standing = self.authority.standing(key)
        while standing is not None and standing.grant is not None:
            path.append(self.catalog.governance[standing.grant].head.author)
            standing = self.authority.standing(path[-1])
        return tuple(reversed(path))

    def successor_of(self, key: bytes) -> bytes | None:
        """Return the key that goes on for one that was removed: the highest-ranked revoker's, then the lower id."""
        said = [one for one in self.revokes if one.head.subject == key and one.head.facts.get("successor")]
        best = min(said, key=lambda one: (-self.rank_of(one.head.author), one.id), default=None)
        return None if best is None else bytes(best.head.facts["successor"])

    def predecessors_of(self, key: bytes) -> list[bytes]:
        """Return the keys that this one goes on for by their recovery kits, the nearest first (SPEC A9)."""
        standing = self.authority.standing(key)
        via = () if standing is None else standing.via
        return [self.catalog.governance[revoke].head.subject for revoke in reversed(via)]

    def holder_of(self, grant: Record) -> bytes:
        """Return the key that stands by a grant: its own, or the one that goes on for it by a recovery kit."""
        return self._holders.get(grant.id, grant.head.subject)

    def naming_recovery(self, grant: Record) -> bytes | None:
        """Return the record that names the recovery key of whoever stands by a grant; None where it is the grant."""
        standing = self.authority.standing(self.holder_of(grant))
        return standing.via[-1] if standing is not None and standing.grant == grant.id and standing.via else None

    @cached_property
    def _holders(self) -> dict[bytes, bytes]:
        return {one.grant: key for key, one in self.authority.standings.items() if one.grant is not None}

    def rank_of(self, key: bytes) -> int:
        """Return the rank in which a key stands; 0 where it does not."""
        standing = self.authority.standing(key)
        return 0 if standing is None else standing.rank

    def given_by(self, key: bytes) -> list[Record]:
        """Return the newest versions of what a key granted, by number; also what ended."""
        return self._given.get(key, [])

    @cached_property
    def _given(self) -> dict[bytes, list[Record]]:
        given: dict[bytes, list[Record]] = {}
        for one in sorted(self.grants, key=lambda one: one.head.place or 0):
            given.setdefault(one.head.author, []).append(one)
        return given

    def invites_left(self, key: bytes, without: int | None = None) -> int:
        """Return how many a key may still invite, each with what it is to pass on (SPEC A4).

        `without`: an invite number that is to be given anew, which then costs nothing.
        """
        standing = self.authority.standing(key)
        left = 0 if standing is None or standing.rank < Rank.HUB else standing.invites
        for head in _counting(self.given_by(key), without):
            if left < 1:
                return 0
            left -= 1 + min(head.facts["invites"], left - 1)
        return left

    def invites_needed(self, grant: Record) -> int:
        """Return with how many invites a grant must come so that all stand who stand by it now (SPEC A3, A4).

        What each takes follows from those with lower numbers; only the last may be given less than it has.
        """
        key = self.holder_of(grant)
        standing = self.authority.standing(key)
        if standing is None or standing.grant != grant.id or standing.rank < Rank.HUB:
            return 0
        left, before_last, last = standing.invites, 0, None
        for given in self.given_by(key):
            if not given.head.ends and left > 0:
                before_last, last = standing.invites - left, given
                left -= 1 + min(given.head.facts["invites"], left - 1)
        if last is None:
            return 0
        return max(before_last + 1 + self.invites_needed(last), (last.head.place or 0) + 1)


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


def _counting(given: Iterable[Record], without: int | None) -> Iterator[Any]:
    return (one.head for one in given if not one.head.ends and one.head.place != without)


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


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()
