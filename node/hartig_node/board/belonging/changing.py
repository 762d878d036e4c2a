"""Who may change who belongs, and the records that do it: granting, renewing, taking back, removing.

In: what a person wants, by key. Out: signed records, all of one change in one commit, and the `Person`s after it. What
the network's authority would not count is refused before it is signed, with the rule that stops it and what would be
allowed. This hub's own key signs; whoever holds another key signs in the command line. Called by the board's doors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hartig_node.board.belonging.invites import PASS_ON_DEFAULT
from hartig_node.board.belonging.people import RANK_NAMES, Census, People, Person, State, is_over, recovery_named
from hartig_node.board.belonging.signed import publish_whole
from hartig_node.board.context import Context
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


@dataclass(frozen=True)
class _Wanted:
    """A membership to be given anew: no longer than it was, and with the invites that whom it let in need at least."""

    key: bytes
    facts: dict[str, Any]
    until_ms: int
    needs: int


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
        facts = {**self._recovery_of(key), **held, "rank": rank, "places": places, "invites": invites}
        signed = self._sign_grant(key, facts, self._end_ms(days), before, set())
        await self._publish([signed])
        return self._people.get(key)

    def _check_not_removed(self, key: bytes, rank: str) -> None:
        if self._context.pen.catalog.authority.revoked.get(key, 0) > GRANTED_RANKS[rank]:
            raise _removed("/key")

    def _recovery_of(self, key: bytes) -> dict[str, Any]:
        """Return what is known of a key's recovery key: only the grant by which it stands can name it (SPEC A9)."""
        recovery = recovery_named(self._context.pen.catalog, key)
        return {} if recovery is None else {"recovery": recovery}

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
        known = self._people.census.by_key.get(key)
        if known is not None and known.state is State.REMOVED:
            raise _removed("/key")
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
        self._check_named(person, keep, successor)
        before = self._people.everybody()
        signed = [self._sign_revoke(one, successor if one == key else None) for one in self._to_revoke(census, key)]
        signed += self._sign_anew(census, standing, person, keep, successor)
        await self._publish(signed)
        now = self._people.census.by_key
        removed = tuple(one.record.head.subject for one in signed if _is_revoke(one))
        gone = (one for one in before if one.key not in now or now[one.key].state is not State.STANDING)
        return Removal(removed, tuple(keep), tuple(one for one in gone if one.key not in removed))

    def _check_named(self, person: Person, keep: Sequence[bytes], successor: bytes | None) -> None:
        """Refuse who cannot stay, or go on."""
        known = self._people.census.by_key
        for pointer, keys in (("/keep", keep), ("/successor", () if successor is None else (successor,))):
            if any(key in known and known[key].state is State.REMOVED and key != person.key for key in keys):
                raise _removed(pointer)
        named = [*keep, *(() if successor is None else (successor,))]
        if len(set(named)) < len(named):
            raise BoardError(
                "bad_request", "one key is named twice", "name each once, to stay or as successor", "/keep"
            )
        if successor is None:
            return
        is_trustee = successor in known and known[successor].rank is Rank.SEAT
        if is_trustee or successor in (person.key, self._own):
            whose = "a trustee's" if is_trustee else "this hub's own" if successor == self._own else "the removed one"
            hint = "name the new key of who is removed"
            raise BoardError("bad_request", f"the successor's key is {whose}", hint, "/successor")

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
        wanted = [] if successor is None else [self._for_successor(census, person, successor)]
        given = {census.holder_of(one): one for one in census.given_by(person.key) if not one.head.ends}
        for key in keep:
            if key not in given:
                hint = "`hartig member show KEY` lists them; who was invited by those stays with them"
                raise not_allowed("keep", f"{key.hex()[:16]} was not invited by {person}", hint, "/keep")
            if is_over(given[key].head, self._context.clock.now()):
                detail = f"the membership that {person} gave {key.hex()[:16]} is over already"
                raise not_allowed("over", detail, "`hartig member add KEY` lets it belong again", "/keep")
            facts = self._facts_of(census, given[key])
            wanted.append(_Wanted(key, facts, given[key].head.expires or 0, census.invites_needed(given[key])))
        left = census.invites_left(self._own)
        spare = left - sum(1 + one.needs for one in wanted)
        if wanted and spare < 0:
            detail = f"{len(wanted)} memberships and whom those invited need {left - spare} invites of this hub, "
            raise not_allowed(
                "invites", f"{detail}which has {left} left", f"keep fewer, {WITH_A_KEY}", "/keep", str(left)
            )
        taken: set[tuple[str, int]] = set()
        signed = []
        for at, one in enumerate(wanted):
            more = max(0, min(one.facts.get("invites", 0) - one.needs, spare // (len(wanted) - at)))
            spare -= more
            bounded = {"places": min(one.facts["places"], standing.places), "invites": one.needs + more}
            until_ms = min(one.until_ms, self._end_ms(None))
            signed.append(self._sign_grant(one.key, {**one.facts, **bounded}, until_ms, None, taken))
        return signed

    def _for_successor(self, census: Census, person: Person, successor: bytes) -> "_Wanted":
        grant = None if person.grant is None else census.catalog.governance[person.grant].head
        if grant is None or is_over(grant, self._context.clock.now()):
            hint = "remove it without a successor, and let the new key in: `hartig member add KEY`"
            raise not_allowed("over", f"the membership of {person} is over already", hint, "/successor")
        facts = {"rank": RANK_NAMES[person.rank], "places": person.places, "invites": person.invites}
        return _Wanted(successor, {**facts, **self._recovery_of(successor)}, grant.expires or 0, 0)

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
        await publish_whole(self._context, [one.record for one in signed], rows)


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


def _removed(pointer: str) -> NotAllowedError:
    hint = "whoever is to come back makes a new key, and that one is added"
    return not_allowed("removed", "this key was removed from the network, and that is for good", hint, pointer)


def _is_revoke(signed: Signed) -> bool:
    return signed.record.head.kind == Kind.REVOKE
