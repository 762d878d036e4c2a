"""What follows when somebody does not belong any more: who falls with them, whom they had removed and who returns.

A removal counts while whoever made it stands (SPEC A5): when that key is removed, goes on under another, or leaves by
new rules, those whom it had removed would belong again. So whoever changes that signs anew what is to stay removed, in
the same change, with what the removals said of successors. Taken along is what would fall and voids somebody now: a
removal of an equal counts for nothing, and under a higher key it would.

In: a census, keys. Out: people, removals. Who calls: `looking`, `removing`, and `keeping/rekeying` for a new key.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from hartig_node.board.belonging.census import Census
from hartig_node.board.belonging.people import RANK_NAMES, Person, State, hex_of
from hartig_protocol.events import Now
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.record import Record
from hartig_protocol.trust.authority import authority_of
from hartig_protocol.values import value


@value
class Without:
    """What would follow if some keys did not belong any more; none of those keys is in it.

    `removals` would not count any more, those first without which somebody would belong again (`returns`): of a key
    in `freed`, which is the one that would return, or one that it goes on for by a recovery kit.
    """

    falls: list[Person]
    returns: list[Person]
    removals: list[Record]
    freed: frozenset[bytes]


def without(census: Census, now: Now, keys: Collection[bytes], grants: Collection[bytes] = ()) -> Without:
    """Return what would follow if these keys did not belong any more, nor anybody by these grants (their ids)."""
    catalog, people = census.catalog, census.by_key
    less = [
        one
        for one in catalog.governance.values()
        if one.id not in grants and not {one.head.author, one.head.subject} & set(keys)
    ]
    after = authority_of(catalog.charter, less, now.wall_ms if now.trusted else None)
    others = [one for one in census.everybody if one.key not in keys]
    returns = [one for one in others if one.state is not State.STANDING and one.key in after.standings]
    unknown = sorted(after.standings.keys() - people.keys() - set(keys))  # by a recovery kit that would count again
    returns += [replace(census.standing_so(key, after.standings[key]), state=State.OVER) for key in unknown]
    via = (revoke for one in returns for revoke in after.standings[one.key].via)
    freed = frozenset({one.key for one in returns}.union(catalog.governance[one].head.subject for one in via))
    counting = _by_subject(census, (one for one in census.revokes if one.id in after.proven))
    removals = [
        one
        for one in census.revokes
        if one.id not in after.proven
        and counting.get(one.head.subject, 0) < (rank := revoking_rank(census, one))
        and people[one.head.subject].rank < rank
        and people[one.head.subject].state is State.REMOVED
        and one.head.subject not in keys
    ]
    return Without(
        [one for one in others if one.state is State.STANDING and one.key not in after.standings],
        returns,
        sorted(removals, key=lambda one: _urgency(census, one, freed)),
        freed,
    )


def revoking_rank(census: Census, removal: Record) -> int:
    """Return the rank by which a removal counts; 0 for one that does not, or that a recovery key made (SPEC A6)."""
    rank = census.ever_rank_of(removal.head.author)
    counts = removal.id in census.authority.proven and not removal.head.facts.get("consent")
    return rank if counts and rank >= Rank.ORGANISER else 0


def _by_subject(census: Census, removals: Iterable[Record]) -> dict[bytes, int]:
    """Return the highest rank by which each key is removed."""
    ranks: dict[bytes, int] = {}
    for one in removals:
        ranks[one.head.subject] = max(ranks.get(one.head.subject, 0), revoking_rank(census, one))
    return ranks


def _urgency(census: Census, removal: Record, freed: Collection[bytes]) -> tuple[bool, bool, int, bytes]:
    """Order removals where not all can be signed anew: those of keys that nobody here let in are the last.

    Of several of one key the highest-ranked comes first, whose successor is the one that counts.
    """
    subject = removal.head.subject
    return subject not in freed, census.by_key[subject].grant is None, -revoking_rank(census, removal), removal.id


def removals_json(census: Census, without: Without) -> list[dict[str, Any]]:
    """Return removals as the node API gives them: by whom, of whom, with what was said of successors."""
    return [
        {
            "record": one.id.hex(),
            "by": one.head.author.hex(),
            "key": one.head.subject.hex(),
            "name": census.by_key[one.head.subject].name,
            "rank": RANK_NAMES[census.by_key[one.head.subject].rank],
            "successor": hex_of(one.head.facts.get("successor")),
            "recovery": [part.hex() for part in one.head.facts.get("recovery") or ()],
            "would_return": one.head.subject in without.freed,
        }
        for one in without.removals
    ]


def signed_again(
    removals: Iterable[Record], returns: Collection[bytes], room: int
) -> list[tuple[bytes, dict[str, Any]]]:
    """Return of whom removals are signed anew and what they say, at most `room`: once each, but for `returns`."""
    said: dict[bytes, dict[str, Any]] = {}
    for head in (one.head for one in removals):
        if head.subject not in returns and head.subject not in said and len(said) < room:
            said[head.subject] = {name: one for name, one in head.facts.items() if name in ("successor", "recovery")}
    return list(said.items())
