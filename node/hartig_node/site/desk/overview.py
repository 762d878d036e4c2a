"""What there is to do today: everything that waits for people at this hub, the most urgent first.

In: deals, what was set aside, posts that wait for a count, own posts. Out: `Section`s, each with how many there are and
the first twenty. Urgent is what is urgent for people, then what has its date soon, then what has waited longest. Who
calls: `app.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiohttp import web

from hartig_node.board.deals.views import DealView, SetAsideView
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import ListQuery
from hartig_node.site.desk.acting import desk_of, desk_page
from hartig_node.site.desk.doors import DeskDoor
from hartig_node.site.progress import is_done
from hartig_node.site.words import URGENCIES
from hartig_protocol.limits import INTEGER_MAX, MINUTE_MS
from hartig_protocol.records import categories
from hartig_protocol.values import value

SHOWN_MAX = 20
LOOKED_AT_MAX = 1_000  # deals of one side; beyond it the page says "more than"
_PAGE = 200
_URGENCY = {code: rank for rank, code in enumerate(reversed(tuple(URGENCIES)))}
_COMING = frozenset({"handed_over", "crossed", "promised"})
_LENT = frozenset({"lent", "given_back"})


@value
class Section:
    """Some of what waits: `total` of them in all, or more where not all were looked at."""

    name: str
    items: Sequence[Any]
    total: int
    is_more: bool = False


async def show_today(request: web.Request) -> web.Response:
    """Show what there is to do."""
    board = desk_of(request)
    deals = await deals_waiting(board)
    waiting = [*deals, await _set_aside(board), _recounts(board)]
    have, need = await _own(board, "offer"), await _own(board, "need")
    values = {
        "waiting": waiting,
        "have": have,
        "need": need,
        "free": await free_of(board, deals[0]),
        "fetching": board.fetching(),
        "ending": len(board.rules.ending()),
    }
    return desk_page(request, "today.html", values)


# --- Deals


async def deals_waiting(board: DeskDoor) -> list[Section]:
    """Return what waits in deals: asked of us, to hand over, on its way to us, lent."""
    giving, is_more_given = await _open_deals(board, "giving")
    receiving, is_more_received = await _open_deals(board, "receiving")
    asked = (deal for deal in giving if deal.state == "asked")
    promised = (deal for deal in giving if deal.state == "promised")
    coming = (deal for deal in receiving if deal.state in _COMING)
    lent = {deal.id: deal for deal in (*giving, *receiving) if deal.state in _LENT and _is_ours_to_settle(deal)}
    return [
        _section("asked", asked, _by_urgency, is_more=is_more_given),
        _section("promised", promised, _by_hold, is_more=is_more_given),
        _section("coming", coming, _by_arrival, is_more=is_more_received),
        _section("lent", lent.values(), _by_urgency, is_more=is_more_given or is_more_received),
    ]


async def free_of(board: DeskDoor, asked: Section) -> dict[str, str]:
    """Return how much is free of each offer that is asked, where its account says so."""
    offers = sorted({deal.lot.id for deal in asked.items})
    said = {offer: await _progress(board, offer) for offer in offers}
    return {offer: progress["free"] for offer, progress in said.items() if "free" in progress}


async def _progress(board: DeskDoor, offer: str) -> dict[str, Any]:
    try:
        return (await board.posts.get(offer)).progress or {}
    except BoardError as error:
        if error.code != "not_found":
            raise
        return {}  # gone since its deals were read


async def _open_deals(board: DeskDoor, role: str) -> tuple[list[DealView], bool]:
    found: list[DealView] = []
    cursor: str | None = None
    while len(found) < LOOKED_AT_MAX:
        page = await board.deals.deals(role, "open", _PAGE, cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found, False
    return found, True


def _section(name: str, deals: Iterable[DealView], order: Callable[[DealView], Any], *, is_more: bool) -> Section:
    ordered = sorted(deals, key=order)
    return Section(name, ordered[:SHOWN_MAX], len(ordered), is_more)


def _is_ours_to_settle(deal: DealView) -> bool:
    """Whether a loan is with us, or is ours to have back."""
    return bool(deal.what_next)


def _date(deal: DealView) -> int:
    dates = [date for date in (deal.date_ms, deal.lot_date_ms) if date is not None]
    return min(dates, default=INTEGER_MAX)


def _by_urgency(deal: DealView) -> tuple[int, int, int, str]:
    return _URGENCY.get(deal.need.urgency or "normal", len(_URGENCY)), _date(deal), deal.asked_ms, deal.id


def _by_hold(deal: DealView) -> tuple[int, int, str]:
    """What is held for the shortest time first: then it is free again, or spoilt."""
    held_until_ms = (deal.promised_ms or deal.asked_ms) + (deal.hold_min or 0) * MINUTE_MS
    return _date(deal), held_until_ms, deal.id


def _by_arrival(deal: DealView) -> tuple[bool, int, int, str]:
    """What has left its hub first."""
    return deal.state == "promised", _date(deal), deal.promised_ms or deal.asked_ms, deal.id


# --- All else that waits


async def _set_aside(board: DeskDoor) -> Section:
    found, is_more = await set_aside(board)
    return Section("aside", found[:SHOWN_MAX], len(found), is_more)


async def set_aside(board: DeskDoor) -> tuple[list[SetAsideView], bool]:
    """Return what other hubs set aside for us and nobody has accepted, oldest first, and whether there is more."""
    found: list[SetAsideView] = []
    cursor: str | None = None
    while len(found) < LOOKED_AT_MAX:
        page = await board.deals.set_aside_for_us(_PAGE, cursor)
        found += [one for one in page.items if one.accepted is None]
        cursor = page.cursor
        if cursor is None:
            return found, False
    return found, True


def _recounts(board: DeskDoor) -> Section:
    waiting = board.keeper.anew.waiting()
    return Section("recounts", waiting[:SHOWN_MAX], len(waiting))


# --- What we have, what we need


async def _own(board: DeskDoor, kind: str) -> Section:
    page = await board.posts.list(ListQuery(kind=kind, author="me", limit=_PAGE))
    ordered = sorted(page.items, key=_by_use if kind == "offer" else _by_need)
    return Section(kind, ordered[:SHOWN_MAX], len(ordered), page.cursor is not None)


def _by_need(view: PostView) -> tuple[bool, int, int, str]:
    urgency = _URGENCY.get(view.facts.get("urgency", "normal"), len(_URGENCY))
    return is_done(view), urgency, view.next_ms or view.expires_ms, view.id


def _by_use(view: PostView) -> tuple[bool, bool, int, str]:
    """What spoils, or is over soonest, first."""
    return is_done(view), not categories.is_perishable(view.category), view.next_ms or view.expires_ms, view.id
