"""Who may change who belongs, and the records that do it: granting, renewing, taking back, removing.

In: what a person wants, by key. Out: signed records, all of one change in one commit, and the `Person`s after it. What
the network's authority would not count is refused before it is signed, with the rule that stops it and what would be
allowed. This hub's own key signs; whoever holds another key signs in the command line. Called by the board's doors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hartig_node.board.belonging.invites import PASS_ON_DEFAULT
from hartig_node.board.belonging.people import RANK_NAMES, Census, People, Person, State
from hartig_node.board.context import Context, refused
from hartig_node.board.errors import BoardError
from hartig_node.board.signing import Signed
from hartig_protocol.limits import DAY_MS, LIFE_LONG_MS_MAX, LIFE_REVOKE_MS_MAX
from hartig_protocol.records.governance import GRANTED_RANKS, Rank
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.trust.authority import Standing

DAYS_MAX = LIFE_LONG_MS_MAX // DAY_MS
MEMBER_PLACES_DEFAULT = 200  # for a person's own notes and marks
WITH_A_KEY = "or sign with the key of one who may: `--key FILE`"
RULES = frozenset({"rank", "equals", "trustees", "inviter", "places", "invites", "removed", "own", "keep", "over"})


class NotAllowedError(BoardError):
    """What the rules of the network do not allow."""

    @property
    def title(self) -> str:
        """The kind of problem, for people."""
        return "The rules of this network do not allow this"


def not_allowed(rule: str, detail: str, hint: str, pointer: str = "", allowed: str = "") -> NotAllowedError:
    """Return the error for a rule of the network that would be broken."""
    return NotAllowedError("not_allowed", detail, hint, pointer, rule, allowed=allowed)


@dataclass(frozen=True)
class Removal:
    """What a removal did: the keys that were removed, who was granted anew, and who does not belong any more by it."""

    removed: tuple[bytes, ...]
    kept: tuple[bytes, ...]
    fell: tuple[Person, ...]

    def as_json(self) -> dict[str, Any]:
        """The removal as the node API gives it."""
        return {
            "removed": [key.hex() for key in self.removed],
            "kept": [key.hex() for key in self.kept],
            "fell": [one.as_json() for one in self.fell],
        }


class Changing:
    """Changes who belongs, with this hub's key."""

    def __init__(self, context: Context, people: People) -> None:
        self._context, self._people = context, people

    # --- Granting

    async def grant(
        self,
        key: bytes,
        rank: str = "hub",
        places: int | None = None,
        invites: int | None = None,
        days: float | None = None,
    ) -> Person:
        """Let a key belong, or change what this hub granted it; how much is bounded by what this hub has itself."""
        standing = self._own_standing()
        if rank not in ("member", "hub"):
            hint = "a trustee does it with `hartig member organiser KEY --key seat-1.key`"
            raise not_allowed("rank", f"a hub or an organiser cannot make an {rank}", hint, "/rank", "member, hub")
        self._check_not_removed(key, rank)
        before = self._own_grant(key)
        held = before.head.facts if before is not None and not before.head.ends else {}
        default_places = standing.places if rank == "hub" else min(standing.places, MEMBER_PLACES_DEFAULT)
        places = held.get("places", default_places) if places is None else places
        left = self._people.census.invites_left(self._own, None if before is None else before.head.place)
        default_invites = min(PASS_ON_DEFAULT, max(left - 1, 0)) if rank == "hub" else 0
        invites = held.get("invites", default_invites) if invites is None else invites
        _check_bounds(standing, left, places, invites)
        facts = {**held, "rank": rank, "places": places, "invites": invites}
        signed = self._sign_grant(key, facts, self._end_ms(days), before, set())
        await self._publish([signed])
        return self._people.get(key)

    def _check_not_removed(self, key: bytes, rank: str) -> None:
        if self._context.pen.catalog.authority.revoked.get(key, 0) > GRANTED_RANKS[rank]:
            hint = "whoever is to come back makes a new key, and that one is added"
            raise not_allowed("removed", "this key was removed from the network, and that is for good", hint, "/key")

    async def renew(self, key: bytes, days: float | None = None) -> Person:
        """Let what this hub granted last longer; by default as long as may be."""
        self._own_standing()
        before = self._granted_by_us(key)
        signed = self._context.pen.next_version(before, before.head.facts, None, self._end_ms(days))
        await self._publish([signed])
        return self._people.get(key)

    async def end(self, key: bytes) -> Person:
        """Take back what this hub granted."""
        self._own_standing()
        before = self._granted_by_us(key)
        signed = self._context.pen.next_version(before, {"ends": True}, None, before.head.expires or 0)
        await self._publish([signed])
        return self._people.get(key)

    def _granted_by_us(self, key: bytes) -> Record:
        grant = self._own_grant(key)
        if grant is not None and not grant.head.ends:
            return grant
        person = self._people.get(key)
        if person.rank is Rank.SEAT:
            raise _only_by_rules(person)
        inviter = person.invited_by and self._people.census.by_key.get(person.invited_by)
        hint = f"ask {inviter}, {WITH_A_KEY}" if inviter else "`hartig member add KEY` lets it belong again"
        detail = f"only who invited {person} can renew its membership or take it back, and that was not this hub"
        raise not_allowed("inviter", detail, hint)

    # --- Removing

    async def remove(self, key: bytes, keep: Sequence[bytes] = (), successor: bytes | None = None) -> Removal:
        """Remove a key from the network for good; `keep`: whom it invited and this hub grants anew, in one commit.

        With `successor` that key goes on in its place, with a grant of this hub. Who came by the key's own recovery
        kit in place of an older one is removed with that, or its kit could name another.
        """
        standing, census = self._own_standing(), self._people.census
        person = self._people.get(key)
        self._check_may_remove(standing, person)
        falling = self._people.falling_without(key)
        signed = [self._sign_revoke(one, successor if one == key else None) for one in self._to_revoke(census, key)]
        signed += self._sign_anew(census, standing, person, keep, successor)
        await self._publish(signed)
        now = self._people.census.by_key
        fell = tuple(one for one in falling if one.key not in now or now[one.key].state is not State.STANDING)
        return Removal(tuple(one.record.head.subject for one in signed if _is_revoke(one)), tuple(keep), fell)

    def _check_may_remove(self, standing: Standing, person: Person) -> None:
        if person.is_us:
            raise not_allowed("own", "a hub does not remove itself", "whoever invited it takes its membership back")
        if person.rank is Rank.SEAT:
            raise _only_by_rules(person)
        if standing.rank >= Rank.ORGANISER and standing.rank > person.rank:
            return
        own, other = RANK_NAMES[standing.rank], RANK_NAMES[person.rank]
        needed = Rank.ORGANISER if person.rank < Rank.ORGANISER else Rank.SEAT
        rule = "equals" if standing.rank >= Rank.ORGANISER else "rank"
        whose = "an organiser's" if needed is Rank.ORGANISER else "a trustee's"
        hint = f"ask {self._who_may(needed)}, or sign with {whose} key: `hartig revoke KEY --key FILE`"
        detail = f"only {whose.removesuffix(chr(39) + 's')} can remove {'an' if other[0] == 'o' else 'a'} {other}; "
        raise not_allowed(rule, f"{detail}this hub is {'an' if own[0] == 'o' else 'a'} {own}", hint)

    def _who_may(self, rank: Rank) -> str:
        """Name somebody who may, as near above this hub as there is one."""
        everybody = self._people.census.by_key
        above = [everybody[key] for key in reversed(everybody[self._own].path)]
        some = [*above, *self._people.everybody()]
        return next((str(one) for one in some if one.rank >= rank), "a trustee")

    def _to_revoke(self, census: Census, key: bytes) -> list[bytes]:
        """Return the key, and those in whose place it came by a recovery kit."""
        return [key, *census.predecessors_of(key)]

    def _sign_revoke(self, key: bytes, successor: bytes | None) -> Signed:
        pen, census = self._context.pen, self._people.census
        facts: dict[str, Any] = {} if successor is None else {"successor": successor}
        held = [one for one in census.revokes if (one.head.author, one.head.subject) == (self._own, key)]
        expires_ms = self._context.clock.now().wall_ms + LIFE_REVOKE_MS_MAX
        if held:
            return pen.next_version(held[0], {**held[0].head.facts, **facts}, None, expires_ms)
        return pen.first(Kind.REVOKE, key, [], "network", facts, None, expires_ms, None)

    def _sign_anew(
        self, census: Census, standing: Standing, person: Person, keep: Sequence[bytes], successor: bytes | None
    ) -> list[Signed]:
        """Grant anew what the removed key had given, and what it had to its successor, within what this hub has."""
        wanted = [] if successor is None else [(successor, _facts(person))]
        given = {
            census.holder_of(one): self._facts_of(census, one)
            for one in census.given_by(person.key)
            if not one.head.ends
        }
        for key in keep:
            if key not in given:
                hint = "`hartig member show KEY` lists them; who was invited by those stays with them"
                raise not_allowed("keep", f"{key.hex()[:16]} was not invited by {person}", hint, "/keep")
            wanted.append((key, given[key]))
        left = census.invites_left(self._own)
        taken: set[tuple[str, int]] = set()
        signed = []
        for at, (key, facts) in enumerate(wanted):
            if left < len(wanted) - at:
                detail = f"{len(wanted)} memberships would be given anew, and this hub can invite {left} more"
                raise not_allowed("invites", detail, f"keep fewer, {WITH_A_KEY}", "/keep", str(left))
            passed_on = min(facts.get("invites", 0), left - (len(wanted) - at))
            left -= 1 + passed_on
            bounded = {"places": min(facts["places"], standing.places), "invites": passed_on}
            signed.append(self._sign_grant(key, {**facts, **bounded}, self._end_ms(None), None, taken))
        return signed

    def _facts_of(self, census: Census, grant: Record) -> dict[str, Any]:
        """Return what a grant says, with the recovery key of who stands by it now."""
        facts, naming = grant.head.facts, census.naming_recovery(grant)
        if naming is None:
            return facts
        recovery = self._context.pen.catalog.governance[naming].head.facts.get("recovery")
        others = {name: one for name, one in facts.items() if name != "recovery"}
        return others if recovery is None else {**others, "recovery": recovery}

    # --- Inside

    @property
    def _own(self) -> bytes:
        return self._context.pen.key.public

    def _own_standing(self) -> Standing:
        standing = self._context.pen.catalog.authority.standing(self._own)
        if standing is None:
            hint = "found one with 'hartig init', or join one with 'hartig join'"
            raise BoardError("not_admitted", "this hub does not belong to a network", hint)
        if standing.rank < Rank.HUB:
            raise not_allowed("rank", "a member invites and removes nobody", f"ask a hub, {WITH_A_KEY}")
        return standing

    def _own_grant(self, key: bytes) -> Record | None:
        """Return what this hub granted: that by which the key stands, else the one that lasts longest."""
        catalog, census = self._context.pen.catalog, self._people.census
        standing = catalog.authority.standing(key)
        if standing is not None and standing.grant is not None:
            counts = catalog.governance[standing.grant]
            if counts.head.author == self._own:
                return counts
        own = [one for one in census.given_by(self._own) if one.head.subject == key]
        return max(own, key=lambda one: (not one.head.ends, one.head.expires or 0, one.id), default=None)

    def _end_ms(self, days: float | None) -> int:
        if days is not None and not 0 < days <= DAYS_MAX:
            hint = f"a membership lasts {DAYS_MAX} days at most, and can be renewed"
            raise BoardError("bad_request", f"days is a number up to {DAYS_MAX}", hint, "/days")
        life_ms = LIFE_LONG_MS_MAX if days is None else int(days * DAY_MS)
        return self._context.clock.now().wall_ms + life_ms

    def _sign_grant(
        self, key: bytes, facts: dict[str, Any], expires_ms: int, before: Record | None, taken: set[tuple[str, int]]
    ) -> Signed:
        pen = self._context.pen
        if before is not None:
            return pen.next_version(before, facts, None, expires_ms)
        place = pen.free_place(Kind.GRANT, "network", expires_ms, taken)
        return pen.first(Kind.GRANT, key, [], "network", facts, None, expires_ms, place)

    async def _publish(self, signed: Sequence[Signed]) -> None:
        """Publish all of one change in one commit."""
        rows = [row for one in signed for row in one.private]
        for refusal in await self._context.publish([one.record for one in signed], rows):
            if refusal is not None:
                raise refused(refusal)


def _check_bounds(standing: Standing, left: int, places: int, invites: int) -> None:
    if not 1 <= places <= standing.places:
        detail = f"this hub has {standing.places} places itself, and cannot give {places}"
        raise not_allowed("places", detail, f"give 1 to {standing.places}", "/places", str(standing.places))
    if left < 1:
        raise BoardError("no_invites", "all invites of this hub are used up", f"ask another hub, {WITH_A_KEY}")
    if not 0 <= invites < left:
        detail = f"this hub can invite {left} more, and each one that it lets others invite counts as one of them"
        raise not_allowed("invites", detail, f"give 0 to {left - 1}", "/invites", str(left - 1))


def _only_by_rules(person: Person) -> NotAllowedError:
    hint = "`hartig network draft --remove-trustee KEY` writes new rules, which the trustees sign"
    return not_allowed("trustees", f"{person} is a trustee: trustees change by new rules of the network alone", hint)


def _facts(person: Person) -> dict[str, Any]:
    return {"rank": RANK_NAMES[person.rank], "places": person.places, "invites": person.invites}


def _is_revoke(signed: Signed) -> bool:
    return signed.record.head.kind == Kind.REVOKE
