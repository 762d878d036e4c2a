"""What else there is for a need of this hub: below the need itself, and below a deal of it that came to nothing.

In: a deal or a need as `node/API.md` has it. Out: offers that the need could ask now, and lines about the first of
them. Called by `deals` and `showing`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hartig_node.cli.accounts import still
from hartig_node.cli.dealwords import INDENT, came_to_nothing, side
from hartig_node.cli.session import Session
from hartig_node.cli.words import short_id
from hartig_node.client.errors import NotFoundError

Offers = Sequence[Mapping[str, Any]]

OFFERS_SHOWN = 3  # below a deal: enough to go on with; `hartig show NEED` shows all that were found
_STILL_NEEDED = frozenset({"open", "partly_promised"})


def alternatives(session: Session, deal: Mapping[str, Any]) -> Offers:
    """Return what else a deal's need could ask, where the deal came to nothing and the need of this hub stands."""
    need = deal.get("need") or {}
    is_ours = need.get("mine") and need.get("held", True) and not need.get("ended")
    return _found(session, str(need.get("part_of") or need["id"])) if is_ours and came_to_nothing(deal) else ()


def others_of_need(session: Session, post: Mapping[str, Any]) -> Offers:
    """Return what a need of this hub could ask, while something is still needed."""
    is_needed = (post.get("progress") or {}).get("state") in _STILL_NEEDED
    is_ours = post.get("kind") == "need" and post.get("mine") and post.get("state") == "standing"
    return _found(session, str(post["id"])) if is_ours and is_needed else ()


def _found(session: Session, need: str) -> Offers:
    try:
        return session.node.deals.alternatives(need)
    except NotFoundError:
        return ()  # it went meanwhile


def alternative_lines(deal: Mapping[str, Any], offers: Offers) -> Iterator[str]:
    """Yield the first of what else there is for a deal's need, and how to ask for it."""
    for offer in offers[:OFFERS_SHOWN]:
        yield f"{INDENT}there is also {_offer(offer)}"
    yield from (f"{INDENT}{line}" for line in _how_to_ask(deal["need"], offers[:OFFERS_SHOWN]))


def others_for(need: Mapping[str, Any], offers: Offers) -> Iterator[str]:
    """Yield what a need could ask, and how."""
    if offers:
        yield ""
        yield "What there is for it:"
    yield from (f"  {_offer(offer)}" for offer in offers)
    yield from (f"  {line}" for line in _how_to_ask(need, offers))


def _how_to_ask(need: Mapping[str, Any], offers: Offers) -> Iterator[str]:
    if any("level" not in offer for offer in offers):
        known_as = {"id": need.get("part_of") or need["id"]}
        yield f"`hartig ask {short_id(known_as)} OFFER` asks for one of them"


def _offer(offer: Mapping[str, Any]) -> str:
    named = side({**offer, "hub": offer.get("author"), "hub_name": offer.get("author_name")})
    if "level" in offer:
        return f"{named}: an open shelf ({offer['level']}), just come"
    much = still(offer)
    return f"{named}: {much}" if much else named
