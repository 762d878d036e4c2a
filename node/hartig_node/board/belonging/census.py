"""Everybody, as follows from one state of the catalog: who stands, by whom, with how many invites left.

In: the catalog's authority, the governance records that it rests on, names. Out: `Person`s in the order of a tree:
whoever was invited stands below who invited. Who calls: `looking`, which keeps one, and whoever changes who belongs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from hartig_node.board.belonging.people import Person, State
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.limits import INTEGER_MAX
from hartig_protocol.records.governance import GRANTED_RANKS, Charter, Rank
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.trust.authority import Standing, authority_of


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
        return self._former(key) if standing is None else self.standing_so(key, standing)

    def standing_so(self, key: bytes, standing: Standing) -> Person:
        """Return somebody who stands in this way, or would."""
        grant = None if standing.grant is None else self.catalog.governance[standing.grant]
        until_ms = None if standing.until_ms == INTEGER_MAX else standing.until_ms
        return Person(
            key, self.names.get(key), standing.rank, State.STANDING, standing.places, standing.invites, until_ms,
            None if grant is None else grant.head.author, self._path(key), standing.grant, None, key == self._own,
            standing.gateway,
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
        """Return the key that goes on for one that was removed: the highest-ranked revoker's, then the lower id.

        A recovery kit's word counts only where it hands something on (SPEC A9): a thief can have made one, too.
        """
        said = [one for one in self.revokes if one.head.subject == key and one.head.facts.get("successor")]
        said = [one for one in said if self.rank_of(one.head.author) or one.id in self._handing]
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
    def _handing(self) -> frozenset[bytes]:
        """The revocations by which somebody who stands came after another."""
        return frozenset(one for standing in self.authority.standings.values() for one in standing.via)

    @cached_property
    def _holders(self) -> dict[bytes, bytes]:
        return {one.grant: key for key, one in self.authority.standings.items() if one.grant is not None}

    def rank_of(self, key: bytes) -> int:
        """Return the rank in which a key stands; 0 where it does not."""
        standing = self.authority.standing(key)
        return 0 if standing is None else standing.rank

    def ever_rank_of(self, key: bytes) -> int:
        """Return the rank that a key has or had: its removals count also after its time is over (SPEC A8)."""
        standing = self._ever.get(key)
        return 0 if standing is None else standing.rank

    @cached_property
    def _ever(self) -> Mapping[bytes, Standing]:
        return authority_of(self.catalog.charter, self.catalog.governance.values(), None).standings

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
        """Return with how many invites a grant must come so that all stand who stand by it now (SPEC A3, A4)."""
        key = self.holder_of(grant)
        standing = self.authority.standing(key)
        return 0 if standing is None or standing.grant != grant.id else self.invites_in_use(key)

    def invites_in_use(self, key: bytes) -> int:
        """Return how many invites a key must have so that all stand whom it let in.

        What each takes follows from those with lower numbers; only the last may be given less than it has.
        """
        standing = self.authority.standing(key)
        if standing is None or standing.rank < Rank.HUB:
            return 0
        left, before_last, last = standing.invites, 0, None
        for given in self.given_by(key):
            if not given.head.ends and left > 0:
                before_last, last = standing.invites - left, given
                left -= 1 + min(given.head.facts["invites"], left - 1)
        if last is None:
            return 0
        return max(before_last + 1 + self.invites_needed(last), (last.head.place or 0) + 1)


def _counting(given: Iterable[Record], without: int | None) -> Iterator[Any]:
    return (one.head for one in given if not one.head.ends and one.head.place != without)
