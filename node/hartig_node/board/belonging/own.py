"""This hub's own key where it says who belongs: what it may, and what it signs.

In: keys, facts. Out: signed records, which the callers publish together. Called by `changing` and `removing`.
"""

from collections.abc import Collection
from typing import Any

from hartig_node.board.belonging.allowed import WITH_A_KEY, not_allowed
from hartig_node.board.belonging.census import Census
from hartig_node.board.belonging.falling import Without, signed_again
from hartig_node.board.belonging.looking import People
from hartig_node.board.belonging.people import recovery_named
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.signing import Pen, Signed
from hartig_protocol.limits import DAY_MS, LIFE_LONG_MS_MAX, LIFE_REVOKE_MS_MAX, REVOKES_MAX
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.trust.authority import Standing

DAYS_MAX = LIFE_LONG_MS_MAX // DAY_MS


class OwnKey:
    """What this hub's key may say of who belongs."""

    def __init__(self, context: Context, people: People) -> None:
        self.context, self.people = context, people

    @property
    def pen(self) -> Pen:
        """The pen that signs."""
        return self.context.pen

    @property
    def key(self) -> bytes:
        """The key itself."""
        return self.pen.key.public

    @property
    def census(self) -> Census:
        """Everybody as of now."""
        return self.people.census

    def standing(self) -> Standing:
        """Return how this hub stands; raises `BoardError` where it may let nobody belong."""
        standing = self.pen.catalog.authority.standing(self.key)
        if standing is None:
            hint = "`hartig status` says why, and what to do"
            raise BoardError("not_admitted", "it can let in and remove nobody", hint)
        if standing.rank < Rank.HUB:
            raise not_allowed("rank", "a member invites and removes nobody", f"ask a hub, {WITH_A_KEY}")
        return standing

    def recovery_of(self, key: bytes) -> dict[str, Any]:
        """Return what is known of a key's recovery key: only the grant by which it stands can name it (SPEC A9)."""
        recovery = recovery_named(self.pen.catalog, key)
        return {} if recovery is None else {"recovery": recovery}

    def end_ms(self, days: float | None) -> int:
        """Return when a membership of so many days ends; None for as long as may be."""
        if days is not None and not 0 < days <= DAYS_MAX:
            hint = f"a membership lasts {DAYS_MAX} days at most, and can be renewed"
            raise BoardError("bad_request", f"days is a number up to {DAYS_MAX}", hint, "/days")
        life_ms = LIFE_LONG_MS_MAX if days is None else int(days * DAY_MS)
        return self.context.clock.now().wall_ms + life_ms

    def sign_grant(
        self, key: bytes, facts: dict[str, Any], expires_ms: int, before: Record | None, taken: set[tuple[str, int]]
    ) -> Signed:
        """Sign a membership: the next version of one, or a new one in an invite that is not in `taken`."""
        if before is not None:
            return self.pen.next_version(before, facts, None, expires_ms)
        place = self.pen.free_place(Kind.GRANT, "network", expires_ms, taken)
        return self.pen.first(Kind.GRANT, key, [], "network", facts, None, expires_ms, place)

    def sign_removal(self, key: bytes, facts: dict[str, Any]) -> Signed:
        """Sign that a key is removed: the next version of what this hub said, where it did before."""
        held = [one for one in self.census.revokes if (one.head.author, one.head.subject) == (self.key, key)]
        expires_ms = self.context.clock.now().wall_ms + LIFE_REVOKE_MS_MAX
        if held:
            return self.pen.next_version(held[0], {**held[0].head.facts, **facts}, None, expires_ms)
        return self.pen.first(Kind.REVOKE, key, [], "network", facts, None, expires_ms, None)

    def sign_removals(self, without: Without, returns: Collection[bytes] = (), others: int = 0) -> list[Signed]:
        """Sign anew the removals that would fall, but for `returns`; `others` more are signed beside them.

        None where this hub may remove nobody: what it granted made nobody an organiser, then.
        """
        if self.standing().rank < Rank.ORGANISER:
            return []
        room = REVOKES_MAX - others - sum(one.head.author == self.key for one in self.census.revokes)
        return [self.sign_removal(key, facts) for key, facts in signed_again(without.removals, returns, room)]
