"""The rules of the network, and what is to be said about belonging before it is too late.

In: the charters that the catalog holds, and who belongs (`people`). Out: views of the rules that stand and of other
versions of them, this hub's own belonging for `status`, and problems: a membership that ends soon, two versions of the
rules. Called by the board, `status` and the API.
"""

from collections.abc import Sequence
from typing import Any

from hartig_node.board.belonging.census import Census
from hartig_node.board.belonging.looking import People
from hartig_node.board.belonging.people import REMINDED_MS, Person, State, ends_soon
from hartig_node.board.context import Context
from hartig_node.board.times import rfc3339
from hartig_protocol.records.governance import Charter, signing_seats
from hartig_protocol.records.record import Record

ENDING_SHOWN_MAX = 20
Said = Sequence[tuple[str, str, str]]


class Rules:
    """What the network's rules say, and who has to do something about belonging."""

    def __init__(self, context: Context, people: People) -> None:
        self._context, self._people = context, people

    def view(self) -> dict[str, Any]:
        """Return the rules that stand, and other versions of them, as the node API gives them."""
        catalog, names = self._context.pen.catalog, self._people.census.names
        charters = catalog.charters
        standing = charters.standing
        view: dict[str, Any] = {"id": self._context.pen.network.hex(), "version": charters.version, "others": []}
        if standing is None:
            return view
        others = [
            {"replaces": one.head.prev.hex() if one.head.prev else None, "signed_by": self._signed_by(one),
             **rules_json(one, names)}
            for one in charters.rivals
        ]  # fmt: skip
        return {**view, **rules_json(standing, names), "others": others}

    def _signed_by(self, charter: Record) -> int:
        """Return how many trustees of the version before signed one."""
        path = self._context.pen.catalog.charters.path
        return signing_seats(path[charter.head.seq - 2].head, charter.head)

    # --- For status

    def former_state(self) -> str | None:
        """Return `removed` or `over` where this hub belonged once and does not any more."""
        person = self._people.census.by_key.get(self._context.pen.key.public)
        return None if person is None or person.state is State.STANDING else str(person.state)

    def belonging(self) -> dict[str, Any]:
        """Return in what rank this hub belongs, until when, who invited it, and whose memberships it should renew."""
        census, own = self._people.census, self._context.pen.key.public
        person = census.by_key.get(own)
        ending = [{"key": one.key.hex(), "name": one.name, "until": rfc3339(until)} for one, until in self.ending()]
        belongs = person is not None and person.state is State.STANDING
        said = person.as_json() if person is not None else {}
        inviter = None if person is None or person.invited_by is None else census.names.get(person.invited_by)
        return {
            "rank": said["rank"] if belongs else None,
            "until": said["until"] if belongs else None,
            "invited_by": said.get("invited_by"),
            "invited_by_name": inviter,
            "invites_left": census.invites_left(own),
            "rules_version": self._context.pen.catalog.charters.version,
            "ending": ending[:ENDING_SHOWN_MAX],
            "ending_count": len(ending),
        }

    def ending(self) -> list[tuple[Person, int]]:
        """Return whose memberships this hub gave that end within 60 days, and when; the first to end first."""
        now = self._context.clock.now()
        census, own = self._people.census, self._context.pen.key.public
        soon = [one for one in census.given_by(own) if ends_soon(one.head, now)]
        found = [(census.by_key[census.holder_of(one)], one.head.expires or 0) for one in soon]
        return sorted(
            ((one, until) for one, until in found if one.state is State.STANDING),
            key=lambda item: (item[1], item[0].key),
        )

    def own_end(self) -> list[tuple[Person, int]]:
        """Return this hub and when its own membership ends, where that is within 60 days."""
        now, person = self._context.clock.now(), self._people.census.by_key.get(self._context.pen.key.public)
        until_ms = None if person is None or person.state is not State.STANDING else person.until_ms
        if person is None or until_ms is None or not now.trusted or until_ms > now.wall_ms + REMINDED_MS:
            return []
        return [(person, until_ms)]

    def problems(self) -> Said:
        """Return (code, what, hint) for `status` and `doctor`."""
        return [*self._own_problems(), *self._ending_problems(), *self._rival_problems()]

    def _own_problems(self) -> Said:
        census = self._people.census
        person = census.by_key.get(self._context.pen.key.public)
        if person is None:
            return []
        inviter = census.by_key.get(person.invited_by or b"")
        if person.state is State.REMOVED:
            return [_removed(census, person)]
        if person.state is State.OVER:
            what = "this hub does not belong to the network any more: its membership ended, or that of who invited it"
            return [("membership_over", what, "ask another hub or an organiser: `hartig member add KEY` there")]
        if not (ends := self.own_end()):
            return []
        what = f"this hub's membership ends on {rfc3339(ends[0][1])[:10]}"
        return [("membership_ends", what, f"ask {inviter} to renew it: `hartig member renew KEY` there")]

    def _ending_problems(self) -> Said:
        ending = self.ending()
        if not ending:
            return []
        first, until_ms = ending[0]
        more = f" and {len(ending) - 1} more" if len(ending) > 1 else ""
        what = f"the membership of {first}{more}, which this hub gave, ends soon: on {rfc3339(until_ms)[:10]}"
        return [("memberships_end", what, "`hartig member renew --all` renews those that this hub gave")]

    def _rival_problems(self) -> Said:
        rivals = self._context.pen.catalog.charters.rivals
        if not rivals:
            return []
        versions = ", ".join(str(one.head.seq) for one in rivals)
        what = f"there are two versions of the rules of this network (version {versions}): trustees signed both"
        return [("rules_forked", what, "trustees should talk, and look at both: `hartig network`")]


def _removed(census: Census, person: Person) -> tuple[str, str, str]:
    """Say who removed this hub's key, and what to do: another where the key was replaced than where it was not."""
    said = [one for one in census.revokes if one.head.subject == person.key]
    revoke = max(said, key=lambda one: (one.id in census.authority.proven, census.rank_of(one.head.author), one.id))
    remover = census.by_key.get(revoke.head.author)
    if person.successor is None:
        what = "this hub was removed from the network" + (f" by {remover}" if remover else "")
        hint = f"ask {remover or 'an organiser'} why; it is for good: to come back, stop this hub and say `hartig join`"
        return "removed", what, f"{hint} in an empty folder"
    by = f"{remover} has" if remover else "somebody with its recovery kit has"
    what = f"this hub's key is worthless: {by} put {person.successor.hex()[:8]} in its place"
    hint = "stop this hub: the one with the new key goes on. If none of you did that, ask an organiser or a trustee"
    return "removed", what, f'{hint} at once (deploy/GUIDE.md, "A hub that was removed")'


def rules_json(charter: Record, names: dict[bytes, str]) -> dict[str, Any]:
    """Return what one version of the rules says, as the node API gives it."""
    rules = Charter.of(charter.head)
    defaults = rules.defaults
    return {
        "record": charter.id.hex(),
        "version": charter.head.seq,
        "at": rfc3339(charter.head.stamp),
        "name": rules.name,
        "threshold": rules.threshold,
        "trustees": [{"key": key.hex(), "recovery": hash_.hex(), "name": names.get(key)} for key, hash_ in rules.seats],
        "signers": [key.hex() for key in charter.head.facts["signers"]],
        "defaults": {
            "open": defaults.open,
            "languages": list(defaults.languages),
            "places": defaults.places,
            "invites": defaults.invites,
            "retention_days": defaults.retention_days,
        },
    }
