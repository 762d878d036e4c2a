"""How what is new gets to every hub: records at once on eager links, names in batches on the others (SPEC, part S).

In: what `inbound` has just accepted, and what peers prefer. Out: records and names to all who keep up; the others come
later, by `outbound`. For each origin hub the eager links become a tree: who gets a record twice asks the second sender
to name that origin's records only; who had to pull one, or lost the link that brought them, asks for them at once
(Plumtree: Leitão, Pereira, Rodrigues, SRDS 2007, with a tree for each origin). A hub sends its own records to all its
neighbours. The first record of an origin is not flooded further but named at once, and pulled from whoever names it
first: so trees are built without copies.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum

from hartig_protocol.catalog.entry import Entry
from hartig_protocol.limits import (
    ANNOUNCE_AFTER_MS,
    ANNOUNCE_LATER_MS,
    ANNOUNCED_MAX,
    MESH_ANNOUNCE_AFTER_MS,
    MESH_ANNOUNCE_LATER_MS,
    ORIGINS_MAX,
    SHORT_BYTES,
)
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.sync import outbound, overlay
from hartig_protocol.sync.intake import weight_of
from hartig_protocol.sync.messages import LIVE, Prefer
from hartig_protocol.sync.state import Session, Step, SyncState
from hartig_protocol.trust.authority import is_governance

Item = tuple[Entry, Record]


def origin_of(state: SyncState, author: bytes) -> bytes | None:
    """Return the name (8 bytes) of the hub that an author belongs to; None where that is not known."""
    standing = state.catalog.authority.standing(author)
    while standing is not None and standing.rank < Rank.HUB and standing.grant is not None:
        author = state.catalog.governance[standing.grant].head.author
        standing = state.catalog.authority.standing(author)
    return None if standing is None or standing.grant is None else author[:SHORT_BYTES]


def forward(
    state: SyncState,
    step: Step,
    accepted: Sequence[Item],
    source: Session | None,
    sent: AbstractSet[bytes],
    before: int,
    *,
    live: bool,
) -> None:
    """Send newly accepted records to every peer that keeps up, or name them; the others get them from the store later.

    `sent` are the ids that `source` has just sent; others may have waited for them. `before` is the last arrival number
    before them all.
    """
    shared = [item for item in accepted if not item[0].is_private]
    origins, is_mesh = _origins_of(state, shared), overlay.is_mesh(state)
    known = list(dict.fromkeys(origins))
    shares: dict[tuple[tuple[Way, ...], bool], _Share] = {}
    for session in state.open_sessions():
        if not outbound.is_in_turn(session, before):
            outbound.pump(state, session, step)
            continue
        session.out.sent = state.catalog.last_n
        outbound.through_later(session, step)
        ways = tuple(_way(state, session, one, source, is_mesh) if live else Way.NAME_LATER for one in known)
        share = shares.get((ways, session is source))
        if share is None:
            left_out = sent if session is source else frozenset[bytes]()
            share = _share(shared, origins, dict(zip(known, ways, strict=True)), left_out)
            shares[ways, session is source] = share
        over: Sequence[bytes] = ()
        if share.entries and outbound.must_wait(session, share.weight):
            over = outbound.let_wait(state, session, step, share.entries, before)
        else:
            share.sessions.append(session)
            if share.named_now:
                outbound.send_names(session, step, share.named_now, now=True)
        name_later(session, step, [*over, *share.named_later])
        flush_later(session, step, is_mesh)
        if len(session.out.named) > ANNOUNCED_MAX:
            outbound.fall_behind(session, before)
    for share in shares.values():
        if share.sent:
            outbound.send_records(share.sessions, step, LIVE, share.sent)


@dataclass
class _Share:
    """What those peers get for which all origins have the same ways: rows, names and ids.

    `entries` are those that are sent or named at once, `weight` what the former count in a window.
    """

    entries: list[Entry] = field(default_factory=list)
    weight: int = 0
    sent: list[Wire] = field(default_factory=list)
    named_now: list[bytes] = field(default_factory=list)
    named_later: list[bytes] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)


def _share(
    items: Iterable[Item],
    origins: Iterable[bytes | None],
    ways: Mapping[bytes | None, "Way"],
    left_out: AbstractSet[bytes],
) -> _Share:
    """Sort what was accepted by the way of its origin, in its order."""
    share = _Share()
    for (entry, record), origin in zip(items, origins, strict=True):
        if entry.id in left_out:
            continue
        way = ways[origin]
        if way is Way.NAME_LATER:
            share.named_later.append(entry.id)
            continue
        share.entries.append(entry)
        if way is Way.SEND:
            share.sent.append(record.wire)
            share.weight += weight_of(record.wire)
        else:
            share.named_now.append(entry.id[:SHORT_BYTES])
    return share


class Way(IntEnum):
    """How a peer learns of a record that is new."""

    SEND = 0
    NAME_NOW = 1
    NAME_LATER = 2


def _way(
    state: SyncState,
    session: Session,
    origin: bytes | None,
    source: Session | None,
    is_mesh: bool,  # noqa: FBT001 - asked once for all
) -> Way:
    """Choose as the peer prefers, or as is usual while it has not said.

    Own records are sent. Those of others are named: at once if the peer may have no other way to them, which it then
    shows by pulling; later where all are linked with all, since their origin sends them to everybody.
    """
    if origin is None:
        return Way.SEND if source is None or not is_mesh else Way.NAME_LATER
    eager = session.out.preferences.get(origin)
    if eager or (eager is None and origin == state.hub_key.public[:SHORT_BYTES]):
        return Way.SEND
    return Way.NAME_NOW if eager is None and not is_mesh else Way.NAME_LATER


def _origins_of(state: SyncState, items: Iterable[Item]) -> list[bytes | None]:
    """Return the origin of each; many that come together have few authors."""
    known: dict[bytes, bytes | None] = {}
    origins = []
    for entry, _ in items:
        if entry.author not in known:
            known[entry.author] = origin_of(state, entry.author)
        origins.append(None if is_governance(entry.kind) else known[entry.author])
    return origins


def name_later(session: Session, step: Step, ids: Iterable[bytes]) -> None:
    """Gather names for a peer, which `flush_later` has sent unless it shows before that it holds them."""
    named = session.out.named
    for record_id in ids:
        named[record_id[:SHORT_BYTES]] = record_id
    if len(named) >= ANNOUNCED_MAX // 2:
        outbound.flush_names(session, step)


def flush_later(session: Session, step: Step, is_mesh: bool) -> None:  # noqa: FBT001 - asked once for all
    """Have the names that were gathered sent together after a while."""
    out = session.out
    if not out.named or out.named_due_ms is not None:
        return
    after_ms = MESH_ANNOUNCE_AFTER_MS if is_mesh else ANNOUNCE_AFTER_MS
    if not session.opened_by_us:
        after_ms += MESH_ANNOUNCE_LATER_MS if is_mesh else ANNOUNCE_LATER_MS
    out.named_due_ms = step.now.steady_ms + after_ms


# --- Who sends what at once


def prefer_received(session: Session, message: Prefer) -> None:
    """Remember of which hubs a peer wants records at once, or only names."""
    preferences = session.out.preferences
    for at in range(0, len(message.origins), SHORT_BYTES):
        origin = message.origins[at : at + SHORT_BYTES]
        if origin in preferences or len(preferences) < ORIGINS_MAX:
            preferences[origin] = message.eager


def prefer(session: Session, step: Step, origins: Iterable[bytes], *, eager: bool) -> None:
    """Ask a peer to send these hubs' records at once, or to name them only, unless that was the last word."""
    preferred, own = session.into.preferred, session.peer_hub[:SHORT_BYTES]
    news = []
    for origin in origins:
        known = preferred.get(origin, True if origin == own else None)
        if known is not eager and (origin in preferred or len(preferred) < ORIGINS_MAX):
            preferred[origin] = eager
            news.append(origin)
    if news:
        step.send(session, Prefer(b"".join(news), eager))


def named_again(state: SyncState, session: Session, step: Step, ids: Iterable[bytes]) -> None:
    """A peer has asked, by naming what is here already, how we want these origins' records: by name."""
    authors = dict.fromkeys(state.catalog.author_of(record_id, has_body=False) for record_id in ids)
    origins = (origin_of(state, author) for author in authors if author is not None)
    others = [one for one in origins if one is not None and state.parents.get(one) != session.link]
    prefer(session, step, dict.fromkeys(others), eager=False)


def came_first(state: SyncState, session: Session, authors: Iterable[bytes]) -> None:
    """Remember that this link brings these authors' records first."""
    for author in dict.fromkeys(authors):
        origin = origin_of(state, author)
        if origin is not None:
            state.parents[origin] = session.link
            if len(state.parents) > ORIGINS_MAX:
                del state.parents[next(iter(state.parents))]  # a name less costs a copy, or a pull, more


def pulled(state: SyncState, session: Session, step: Step, records: Iterable[Record]) -> None:
    """These had to be pulled from this peer: it is to send the next of their origins at once."""
    origins = (origin_of(state, record.head.author) for record in records)
    prefer(session, step, dict.fromkeys(one for one in origins if one is not None), eager=True)


def came_elsewhere(state: SyncState, session: Session, step: Step, records: Sequence[Record]) -> None:
    """Others who have named what this peer brings need only name the next of its origin; they waited to hear that."""
    if not state.missing or overlay.is_mesh(state):
        return  # all that anybody has named and that is not here is missing
    shorts = [(record.id[:SHORT_BYTES], record.head.author) for record in records]
    for other in state.open_sessions():
        named = other.into.named
        if named and other is not session:
            origins = (origin_of(state, author) for short, author in shorts if short in named)
            prefer(other, step, dict.fromkeys(one for one in origins if one is not None), eager=False)


def came_twice(state: SyncState, session: Session, step: Step, authors: Iterable[bytes]) -> None:
    """This link has sent what was here already: names will do from now on, from it or, if it is the origin, another."""
    origins = {origin: None for author in dict.fromkeys(authors) if (origin := origin_of(state, author)) is not None}
    second = []
    for origin in origins:
        first = state.sessions.get(state.parents.get(origin, 0))
        if first is session:
            continue
        overlay.seen_twice(state, session, step)
        if origin == session.peer_hub[:SHORT_BYTES] and first is not None and first.is_open:
            state.parents[origin] = session.link
            prefer(first, step, [origin], eager=False)
        else:
            second.append(origin)
    prefer(session, step, second, eager=False)


def link_ended(state: SyncState, step: Step, link: int) -> None:
    """A link is gone: whoever is left may send at once what it used to bring."""
    orphans = [origin for origin, parent in state.parents.items() if parent == link]
    for origin in orphans:
        del state.parents[origin]
    if orphans and not overlay.is_mesh(state):
        for session in state.open_sessions():
            prefer(session, step, orphans, eager=True)
