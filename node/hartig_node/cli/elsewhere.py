"""What else there is for a need of this hub, where a deal came to nothing: a few lines below it.

In: a deal as `node/API.md` has it. Out: offers that its need could ask now, and lines about the first of them. Called
by `deals`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hartig_node.cli.accounts import still
from hartig_node.cli.dealwords import INDENT, side
from hartig_node.cli.session import Session
from hartig_node.cli.words import short_id
from hartig_node.client.errors import NotFoundError

OFFERS_SHOWN = 3  # enough to go on with; `hartig list --kind offer` shows all
CAME_TO_NOTHING = frozenset({"declined", "void", "lapsed"})


def alternatives(session: Session, deal: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return what else a deal's need could ask, where the deal came to nothing and the need of this hub stands."""
    need = deal.get("need") or {}
    is_ours = need.get("mine") and need.get("held", True) and not need.get("ended")
    if not is_ours or deal.get("state") not in CAME_TO_NOTHING:
        return ()
    try:
        return session.node.deals.alternatives(str(need["id"]))
    except NotFoundError:
        return ()  # it went meanwhile


def alternative_lines(deal: Mapping[str, Any], offers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the first of what else there is, and how to ask for it."""
    for offer in offers[:OFFERS_SHOWN]:
        yield f"{INDENT}there is also {_offer(offer)}"
    if any("level" not in offer for offer in offers[:OFFERS_SHOWN]):
        yield f"{INDENT}`hartig ask {short_id(deal['need'])} OFFER` asks for one of them"


def _offer(offer: Mapping[str, Any]) -> str:
    named = side({**offer, "hub": offer.get("author"), "hub_name": offer.get("author_name")})
    if "level" in offer:
        return f"{named}: an open shelf ({offer['level']}), just come"
    much = still(offer)
    return f"{named}: {much}" if much else named
