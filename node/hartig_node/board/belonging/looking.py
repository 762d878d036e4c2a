"""Looking at who belongs: lists, one person with whom it invited, and what would follow if somebody did not belong.

In: the catalog, names. Out: `Person`s, and views as the node API gives them. Nothing is changed here (`changing`,
`removing`). Called by the board, which hands it to the API, the pages and the reminders.
"""

from collections.abc import Collection
from typing import Any

from hartig_node.board.belonging.census import Census
from hartig_node.board.belonging.falling import Without, removals_json, without
from hartig_node.board.belonging.people import Person, State, ends_soon, hex_of, is_over, naming_recovery
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.times import rfc3339
from hartig_protocol.records.record import Record

FALLING_SHOWN_MAX = 200
PAGE_MAX = 200


class People:
    """What this hub knows of who belongs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen: Census | None = None

    @property
    def census(self) -> "Census":
        """Everybody as of now; made anew when the catalog, its verdict or a name is another."""
        catalog, names = self._context.pen.catalog, {**self._context.labels, **self._context.names()}
        seen = self._seen
        if seen is None or seen.authority is not catalog.authority or seen.names != names:
            self._seen = seen = Census(catalog, names, self._context.pen.key.public)
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
            "invites_in_use": census.invites_in_use(person.key),
            "removals_made": sum(one.head.author == person.key for one in census.revokes),
            "replaces": [key.hex() for key in census.predecessors_of(person.key)],
            "recovery": hex_of(naming_recovery(census.catalog, person.key)),
        }

    def falling_without(self, key: bytes) -> list[Person]:
        """Return who would not belong any more if this key did not, without the key itself."""
        return self.without({key}).falls

    def without(self, keys: Collection[bytes], grants: Collection[bytes] = ()) -> Without:
        """Return what would follow if these keys did not belong any more, nor anybody by these grants (their ids)."""
        return without(self.census, self._context.clock.now(), keys, grants)

    def without_json(self, keys: Collection[bytes], grants: Collection[bytes] = ()) -> dict[str, Any]:
        """Return what would follow, as the node API gives it."""
        without = self.without(keys, grants)
        return {
            "falls": [one.as_json() for one in without.falls[:FALLING_SHOWN_MAX]],
            "falls_count": len(without.falls),
            "returns": [one.as_json() for one in without.returns[:FALLING_SHOWN_MAX]],
            "returns_count": len(without.returns),
            "removals": removals_json(self.census, without),
        }

    def _brief(self, grant: Record) -> dict[str, Any]:
        """An invitation as its giver goes on with it: which number it has, and what its last version says."""
        head, key, now = grant.head, self.census.holder_of(grant), self._context.clock.now()
        is_removed = self.census.by_key[key].state is State.REMOVED
        state = State.REMOVED if is_removed else State.OVER if is_over(head, now) else State.STANDING
        return {
            "key": key.hex(),
            "state": str(state),
            "name": self.census.names.get(key),
            "rank": head.facts.get("rank"),
            "number": head.place,
            "until": rfc3339(head.expires or 0),
            "ended": head.ends,
            "ends_soon": not is_removed and ends_soon(head, now),
            "invites_needed": self.census.invites_needed(grant),
            "record": grant.id.hex(),
            "recovery": hex_of(self.census.naming_recovery(grant)),
        }
