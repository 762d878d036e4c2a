"""Who may change who belongs, and the records that do it: granting, renewing, taking back.

In: what a person wants, by key. Out: signed records, and the `Person`s after it. What the network's authority would not
count is refused before it is signed, with the rule that stops it and what would be allowed. This hub's own key signs;
whoever holds another key signs in the command line. Called by the board's doors; `removing` has its own module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hartig_node.board.belonging.allowed import WITH_A_KEY, not_allowed, only_by_rules, was_removed
from hartig_node.board.belonging.invites import PASS_ON_DEFAULT
from hartig_node.board.belonging.looking import People
from hartig_node.board.belonging.own import OwnKey
from hartig_node.board.belonging.people import Person, State
from hartig_node.board.belonging.removing import Removal, Removing
from hartig_node.board.belonging.signed import publish_whole
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.signing import Signed
from hartig_node.wording import how_many
from hartig_protocol.records.governance import GRANTED_RANKS, Rank
from hartig_protocol.records.record import Record
from hartig_protocol.trust.authority import Standing

MEMBER_PLACES_DEFAULT = 200  # for a person's own notes and marks


class Changing:
    """Changes who belongs, with this hub's key."""

    def __init__(self, context: Context, people: People) -> None:
        self._context, self._own = context, OwnKey(context, people)

    # --- Granting

    async def grant(
        self,
        key: bytes,
        rank: str = "hub",
        places: int | None = None,
        invites: int | None = None,
        days: float | None = None,
        *,
        gateway: bool | None = None,
    ) -> Person:
        """Let a key belong, or change what this hub granted it; how much is bounded by what this hub has itself.

        `gateway`: whether a hub speaks for the network with partner networks. Whom an organiser had removed whom it
        makes less stays so, by this hub's word.
        """
        standing = self._own.standing()
        if rank not in ("member", "hub"):
            hint = "a trustee does it with `hartig member organiser KEY --key seat-1.key`"
            raise not_allowed("rank", f"a hub or an organiser cannot make an {rank}", hint, "/rank", "member, hub")
        self._check_not_removed(key, rank)
        before = self._own_grant(key)
        held = before.head.facts if before is not None and not before.head.ends else {}
        default_places = standing.places if rank == "hub" else min(standing.places, MEMBER_PLACES_DEFAULT)
        places = held.get("places", default_places) if places is None else places
        left = self._own.census.invites_left(self._own.key, None if before is None else before.head.place)
        default_invites = min(PASS_ON_DEFAULT, max(left - 1, 0)) if rank == "hub" else 0
        invites = held.get("invites", default_invites) if invites is None else invites
        _check_bounds(standing, left, places, invites)
        facts = {**self._own.recovery_of(key), **held, "rank": rank, "places": places, "invites": invites}
        facts = _speaking(facts, gateway=gateway)
        signed = self._own.sign_grant(key, facts, self._own.end_ms(days), before, set())
        await self._publish_instead(before, signed)
        return self._own.people.get(key)

    def _check_not_removed(self, key: bytes, rank: str) -> None:
        if self._own.pen.catalog.authority.revoked.get(key, 0) > GRANTED_RANKS[rank]:
            raise was_removed("/key")

    async def renew(self, key: bytes, days: float | None = None, *, gateway: bool | None = None) -> Person:
        """Let what this hub granted last longer, by default as long as may be; `gateway` as for `grant`."""
        self._own.standing()
        before = self._granted_by_us(key)
        facts = _speaking(before.head.facts, gateway=gateway)
        signed = self._own.pen.next_version(before, facts, None, self._own.end_ms(days))
        await publish_whole(self._context, [signed.record], signed.private)
        return self._own.people.get(key)

    async def end(self, key: bytes) -> Person:
        """Take back what this hub granted; whom an organiser had removed stays so, by this hub's word.

        Of somebody who was removed that frees the invite, which it uses until then (SPEC A3).
        """
        self._own.standing()
        before, person = self._granted_by_us(key, also_removed=True), self._own.people.get(key)
        await self._publish_instead(
            before, self._own.pen.next_version(before, {"ends": True}, None, before.head.expires or 0)
        )
        # Nobody knows a key any more that went on for another, and stood by what is taken back.
        return self._own.census.by_key.get(key) or replace(person, state=State.OVER)

    async def _publish_instead(self, before: Record | None, given: Signed) -> None:
        """Publish what is granted in place of `before`, with the removals that counted by that alone."""
        without = self._own.people.without((), () if before is None else (before.id,))
        signed = [given, *self._own.sign_removals(without)]
        rows = [row for one in signed for row in one.private]
        await publish_whole(self._context, [one.record for one in signed], rows)

    def _granted_by_us(self, key: bytes, *, also_removed: bool = False) -> Record:
        known, grant = self._own.census.by_key.get(key), self._own_grant(key)
        if known is not None and known.state is State.REMOVED:
            # One whose kit was used has a successor that stands by the same grant.
            is_held = grant is not None and not grant.head.ends and self._own.census.holder_of(grant) == key
            if not (also_removed and is_held):
                raise was_removed("/key")
        if grant is not None and not grant.head.ends:
            return grant
        person = self._own.people.get(key)
        if person.rank is Rank.SEAT:
            raise only_by_rules(person)
        inviter = person.invited_by and self._own.census.by_key.get(person.invited_by)
        hint = f"ask {inviter}, {WITH_A_KEY}" if inviter else "`hartig member add KEY` lets it belong again"
        detail = f"only who invited {person} can renew its membership or take it back, and that was not this hub"
        raise not_allowed("inviter", detail, hint)

    def _own_grant(self, key: bytes) -> Record | None:
        """Return what this hub granted: that by which the key stands, else the one that lasts longest."""
        catalog, census = self._own.pen.catalog, self._own.census
        standing = catalog.authority.standing(key)
        if standing is not None and standing.grant is not None:
            counts = catalog.governance[standing.grant]
            if counts.head.author == self._own.key:
                return counts
        own = [one for one in census.given_by(self._own.key) if one.head.subject == key]
        return max(own, key=lambda one: (not one.head.ends, one.head.expires or 0, one.id), default=None)

    async def remove(
        self,
        key: bytes,
        keep: Sequence[bytes] = (),
        successor: bytes | None = None,
        returns: Sequence[bytes] = (),
        *,
        preview: bool = False,
    ) -> Removal:
        """Remove a key from the network for good: see `removing`."""
        return await Removing(self._own, key, keep, successor, returns).do(preview=preview)


def _speaking(facts: Mapping[str, Any], *, gateway: bool | None) -> dict[str, Any]:
    """Return what a grant says, with whether its hub speaks with partner networks; None leaves that as it was."""
    if gateway is None:
        return dict(facts)
    others = {name: one for name, one in facts.items() if name != "gateway"}
    return {**others, "gateway": True} if gateway else others


def _check_bounds(standing: Standing, left: int, places: int, invites: int) -> None:
    if not 1 <= places <= standing.places:
        detail = f"this hub has {how_many(standing.places, 'place')} itself, and cannot give {places}"
        raise not_allowed("places", detail, f"give 1 to {standing.places}", "/places", str(standing.places))
    if left < 1:
        raise BoardError("no_invites", "all invites of this hub are used up", f"ask another hub, {WITH_A_KEY}")
    if not 0 <= invites < left:
        detail = f"this hub can invite {left} more, and each one that it lets others invite counts as one of them"
        raise not_allowed("invites", detail, f"give 0 to {left - 1}", "/invites", str(left - 1))
