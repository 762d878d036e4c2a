"""What is agreed with each partner network: our side, theirs, and who of our hubs speaks with them.

In: the catalogs, ours and those of partner networks. Out: `Agreement`s, and the records that stand. Nothing is changed
here. Who calls: `saying`, `partners`, and `posts` for whom a post may be meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.partners.held import given_up, held_of, name_of
from hartig_node.board.partners.terms import Terms, terms_of
from hartig_node.board.times import rfc3339
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Now
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.trust.agreements import standing_pact
from hartig_protocol.values import value


@value
class Side:
    """One network's side, as its record says it."""

    terms: Terms
    expires_ms: int
    author: bytes
    record: bytes

    def as_json(self, names: dict[bytes, str]) -> dict[str, Any]:
        """The side as the node API gives it."""
        said = {"until": rfc3339(self.expires_ms), "by": self.author.hex(), "by_name": names.get(self.author)}
        return {**self.terms.as_json(), **said, "record": self.record.hex()}


@value
class Agreement:
    """What is agreed with one network, or asked of it. `name` is empty until its rules have come."""

    network: bytes
    name: str
    ours: Side
    theirs: Side | None
    has_left: bool  # their side stood, and was ended
    heard_ms: int | None
    links: int
    speakers: int = 0  # so many hubs of theirs speak for it
    short: Mapping[bytes, int] = field(default_factory=dict)  # hubs of theirs that gave so many fewer than others (X7)

    @property
    def state(self) -> str:
        """Return `agreed` where both sides stand, `left` where they have ended theirs, `waiting` for an answer."""
        return "agreed" if self.theirs is not None else "left" if self.has_left else "waiting"

    def __str__(self) -> str:
        return self.name or f"network {self.network.hex()[:8]}"


def at_ms(now: Now) -> int | None:
    """Return the time by which agreements end; None where nobody vouches for it."""
    return now.wall_ms if now.trusted else None


def standing_in(catalog: Catalog, partner: bytes, now: Now) -> Pact | None:
    """Return the side that stands of the network that a catalog is of, about a partner."""
    return standing_pact(catalog.governance.values(), catalog.authority, partner, at_ms(now))


def pacts_of(catalog: Catalog, partner: bytes | None = None) -> Sequence[Record]:
    """Return all sides that a network's organisers have written, of all partners or of one; also what ended."""
    records = catalog.governance.values()
    return [one for one in records if one.head.kind == Kind.PACT and partner in (None, one.head.subject)]


def partners_of(context: Context) -> Sequence[bytes]:
    """Return the networks about which our own side stands, by id."""
    catalog, now = context.pen.catalog, context.clock.now()
    known = sorted({one.head.subject for one in pacts_of(catalog)})
    return [network for network in known if standing_in(catalog, network, now) is not None]


def side_of(catalog: Catalog, partner: bytes, now: Now) -> Side | None:
    """Return what stands, as people read it."""
    pact = standing_in(catalog, partner, now)
    if pact is None:
        return None
    return Side(terms_of(pact), pact.expires_ms, catalog.governance[pact.id].head.author, pact.id)


async def agreements(context: Context) -> Sequence[Agreement]:
    """Return what is agreed with other networks, or asked of them by us."""
    found = [await agreement_of(context, network) for network in partners_of(context)]
    return [one for one in found if one is not None]


async def agreement_of(context: Context, network: bytes) -> Agreement | None:
    """Return what is agreed with a network; None where our own side does not stand."""
    now, own = context.clock.now(), context.pen.network
    ours = side_of(context.pen.catalog, network, now)
    if ours is None:
        return None
    held = held_of(context.partners.get(network))
    if held is None:
        return Agreement(network, "", ours, None, has_left=False, heard_ms=None, links=0)
    catalog, store = held
    theirs = side_of(catalog, own, now)
    heard_ms = None
    with given_up(network):
        _, last = await store.feed_bounds()
        for item in await store.feed(last - 1, 1) if last else ():
            heard_ms = item.at_ms
    links, speakers = _links(context, catalog), sum(one.gateway for one in catalog.authority.standings.values())
    short, has_left = context.partners[network].short, bool(pacts_of(catalog, own))
    return Agreement(network, name_of(catalog), ours, theirs, has_left, heard_ms, links, speakers, short)


def _links(context: Context, catalog: Catalog) -> int:
    """Return with how many hubs that belong to a partner network this hub speaks now."""
    open_hubs = {peer.hub for peer in context.engine.peers.open()}
    return sum(hub is not None and catalog.authority.standing(hub) is not None for hub in open_hubs)
