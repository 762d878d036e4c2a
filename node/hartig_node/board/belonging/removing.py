"""Removing somebody from the network, with what is to stay given again in the same commit.

With a key goes all that rests on it. So whom it had invited may be granted anew (`keep`), a successor gets what it had,
and whoever it had removed stays removed, by this hub's word from now on, but for those of `returns` (`falling`). Who
came by the key's own recovery kit in place of an older one is removed with that, or its kit could name another.

In: keys. Out: what it did, or would do. Called by `changing`.
"""

from collections.abc import Sequence
from typing import Any

from hartig_node.board.belonging.allowed import WITH_A_KEY, not_allowed, only_by_rules, was_removed
from hartig_node.board.belonging.census import Census
from hartig_node.board.belonging.falling import Without
from hartig_node.board.belonging.own import OwnKey
from hartig_node.board.belonging.people import RANK_NAMES, Person, State, is_over
from hartig_node.board.belonging.signed import publish_whole
from hartig_node.board.errors import BoardError
from hartig_node.board.signing import Signed
from hartig_node.wording import how_many
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.record import Record
from hartig_protocol.values import value


@value
class Removal:
    """What a removal did: who was removed, is kept, stays removed; who does not belong any more, and who does again."""

    removed: tuple[bytes, ...]
    kept: tuple[bytes, ...]
    stay_removed: tuple[bytes, ...]
    fell: tuple[Person, ...]
    returned: tuple[Person, ...]

    def as_json(self) -> dict[str, Any]:
        """The removal as the node API gives it."""
        keys = {name: [key.hex() for key in getattr(self, name)] for name in ("removed", "kept", "stay_removed")}
        return {**keys, **{name: [one.as_json() for one in getattr(self, name)] for name in ("fell", "returned")}}


@value
class _Wanted:
    """A membership to be given anew: no longer than it was, and with the invites that whom it let in need at least."""

    key: bytes
    facts: dict[str, Any]
    until_ms: int
    needs: int


class Removing:
    """One removal by this hub's key; raises `BoardError` where it may not, or who is named cannot stay or go on."""

    def __init__(
        self, own: OwnKey, key: bytes, keep: Sequence[bytes], successor: bytes | None, returns: Sequence[bytes]
    ) -> None:
        self._own, self._standing, self._person = own, own.standing(), own.people.get(key)
        self._census, self._keep, self._successor, self._returns = own.census, keep, successor, returns
        self._check_may_remove()
        self._check_named()

    async def do(self, *, preview: bool) -> Removal:
        """Do it in one commit, or only say what it would do."""
        before, key = self._census, self._person.key
        gone = [key, *before.predecessors_of(key)]
        without = self._own.people.without(gone)
        self._check_returns(without)
        again = self._own.sign_removals(without, self._returns, len(gone))
        removals = [self._own.sign_removal(one, self._facts(one)) for one in gone]
        signed = [*again, *removals, *self._sign_anew()]
        rows = [row for one in signed for row in one.private]
        records = [one.record for one in signed]
        catalog = await publish_whole(self._own.context, records, rows, preview=preview)
        after = Census(catalog, before.names, self._own.key)
        named = {*gone, *(one.head.subject for one in records)}
        return Removal(
            tuple(gone),
            tuple(self._keep),
            tuple(one.record.head.subject for one in again),
            tuple(one for one in _standing(before) if one.key not in gone and after.rank_of(one.key) == 0),
            tuple(one for one in _standing(after) if one.key not in named and before.rank_of(one.key) == 0),
        )

    def _facts(self, key: bytes) -> dict[str, Any]:
        return {"successor": self._successor} if self._successor and key == self._person.key else {}

    # --- Who may be named

    def _check_named(self) -> None:
        """Refuse who cannot stay, or go on."""
        person, successor, known = self._person, self._successor, self._census.by_key
        named = [*self._keep, *(() if successor is None else (successor,))]
        for at, key in enumerate(named):
            if key in known and known[key].state is State.REMOVED and key != person.key:
                raise was_removed("/keep" if at < len(self._keep) else "/successor")
        if len({*named, *self._returns}) < len(named) + len(self._returns):
            hint = "name each once, to stay, as successor, or to return"
            raise BoardError("bad_request", "one key is named twice", hint, "/keep")
        if successor is None:
            return
        is_trustee = successor in known and known[successor].rank is Rank.SEAT
        if is_trustee or successor in (person.key, self._own.key):
            is_own = successor == self._own.key
            whose = "a trustee's" if is_trustee else "this hub's own" if is_own else "the removed one"
            hint = "name the new key of who is removed"
            raise BoardError("bad_request", f"the successor's key is {whose}", hint, "/successor")

    def _check_returns(self, without: Without) -> None:
        removed = {one.head.subject for one in without.removals}
        for key in self._returns:
            if key not in removed:
                detail = f"{key.hex()[:16]} is not removed by the word of {self._person} alone"
                hint = "the preview lists who is; whom others removed, too, stays removed"
                raise not_allowed("keep", detail, hint, "/returns")

    def _check_may_remove(self) -> None:
        person, standing = self._person, self._standing
        if person.is_us:
            raise not_allowed("own", "a hub does not remove itself", "whoever invited it takes its membership back")
        if person.rank is Rank.SEAT:
            raise only_by_rules(person)
        if standing.rank >= Rank.ORGANISER and standing.rank > person.rank:
            return
        own, other = RANK_NAMES[standing.rank], RANK_NAMES[person.rank]
        needed = Rank.ORGANISER if person.rank < Rank.ORGANISER else Rank.SEAT
        rule = "equals" if standing.rank >= Rank.ORGANISER else "rank"
        who = "an organiser" if needed is Rank.ORGANISER else "a trustee"
        hint = f"ask {self._who_may(needed)}, or sign with {who}'s key: `hartig revoke KEY --key FILE`"
        detail = f"only {who} can remove {'an' if other[0] == 'o' else 'a'} {other}; "
        raise not_allowed(rule, f"{detail}this hub is {'an' if own[0] == 'o' else 'a'} {own}", hint)

    def _who_may(self, rank: Rank) -> str:
        """Name somebody who may, as near above this hub as there is one."""
        everybody = self._census.by_key
        above = [everybody[key] for key in reversed(everybody[self._own.key].path)]
        return next((str(one) for one in [*above, *_standing(self._census)] if one.rank >= rank), "a trustee")

    # --- What is given anew

    def _sign_anew(self) -> list[Signed]:
        """Grant anew what the removed key had given, and what it had to its successor, within what this hub has."""
        census, person = self._census, self._person
        wanted = [] if self._successor is None else [self._for_successor(self._successor)]
        given = {census.holder_of(one): one for one in census.given_by(person.key) if not one.head.ends}
        for key in self._keep:
            if key not in given:
                hint = "`hartig member show KEY` lists them; who was invited by those stays with them"
                raise not_allowed("keep", f"{key.hex()[:16]} was not invited by {person}", hint, "/keep")
            if is_over(given[key].head, self._own.context.clock.now()):
                detail = f"the membership that {person} gave {key.hex()[:16]} is over already"
                raise not_allowed("over", detail, "`hartig member add KEY` lets it belong again", "/keep")
            facts = self._facts_of(given[key])
            wanted.append(_Wanted(key, facts, given[key].head.expires or 0, census.invites_needed(given[key])))
        left = census.invites_left(self._own.key)
        spare = left - sum(1 + one.needs for one in wanted)
        if wanted and spare < 0:
            who, needed = how_many(len(wanted), "membership"), how_many(left - spare, "invite")
            detail = f"{who} and whom those invited need {needed} of this hub, "
            raise not_allowed(
                "invites", f"{detail}which has {left} left", f"keep fewer, {WITH_A_KEY}", "/keep", str(left)
            )
        taken: set[tuple[str, int]] = set()
        signed = []
        for at, one in enumerate(wanted):
            more = max(0, min(one.facts.get("invites", 0) - one.needs, spare // (len(wanted) - at)))
            spare -= more
            bounded = {"places": min(one.facts["places"], self._standing.places), "invites": one.needs + more}
            until_ms = min(one.until_ms, self._own.end_ms(None))
            signed.append(self._own.sign_grant(one.key, {**one.facts, **bounded}, until_ms, None, taken))
        return signed

    def _for_successor(self, successor: bytes) -> _Wanted:
        person = self._person
        grant = None if person.grant is None else self._census.catalog.governance[person.grant].head
        if grant is None or is_over(grant, self._own.context.clock.now()):
            hint = "remove it without a successor, and let the new key in: `hartig member add KEY`"
            raise not_allowed("over", f"the membership of {person} is over already", hint, "/successor")
        facts = {"rank": RANK_NAMES[person.rank], "places": person.places, "invites": person.invites}
        return _Wanted(successor, {**facts, **self._own.recovery_of(successor)}, grant.expires or 0, 0)

    def _facts_of(self, grant: Record) -> dict[str, Any]:
        """Return what a grant says, with the recovery key of who stands by it now."""
        facts, naming = grant.head.facts, self._census.naming_recovery(grant)
        if naming is None:
            return facts
        recovery = self._own.pen.catalog.governance[naming].head.facts.get("recovery")
        others = {name: one for name, one in facts.items() if name != "recovery"}
        return others if recovery is None else {**others, "recovery": recovery}


def _standing(census: Census) -> list[Person]:
    return [one for one in census.everybody if one.state is State.STANDING]
