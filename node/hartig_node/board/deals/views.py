"""What people and programs are shown of a deal, and of the account of a need or an offer.

In: what `showing` has read out of books and deals. Out: JSON for the node API, from which the pages and the command
line are made. Quantities are decimal text in the unit of the post that they belong to; what was not said is left out.
"""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from hartig_node.board.times import rfc3339
from hartig_protocol.values import value

# What can be done with a deal; the names are those of the use cases (`deals`).
ACTIONS = ("promise", "decline", "release", "hand_over", "returned", "cancel", "receive", "give_back")
OPEN_STATES = ("asked", "promised", "handed_over", "crossed", "lent", "given_back")


@value
class SideView:
    """One side of a deal: the need, or the offer that it asks. Of an offer that is not here only the id is known."""

    id: str
    is_held: bool = True
    title: dict[str, str] = field(default_factory=dict)
    category: str | None = None
    hub: str | None = None
    hub_name: str | None = None
    is_mine: bool = False
    unit: str | None = None
    smallest_part: int | None = None
    urgency: str | None = None  # of a need that says it
    ended: str | None = None  # why nothing more comes of it: "closed", or the reason for which its account has ended
    network: str | None = None  # the partner network that it is of, and what that calls itself; None for our own
    network_name: str | None = None
    part_of: str | None = None  # of our own part that is asked of a partner network: the need for which it asks

    @property
    def post(self) -> str:
        """The post that people know: of a part that is asked of a partner network the need itself."""
        return self.part_of or self.id

    def as_json(self) -> dict[str, Any]:
        """The side as the node API gives it."""
        return _said(
            {
                "id": self.id,
                "held": self.is_held,
                "title": self.title or None,
                "category": self.category,
                "hub": self.hub,
                "hub_name": self.hub_name or None,
                "mine": self.is_mine,
                "unit": self.unit,
                "smallest_part": self.smallest_part,
                "urgency": self.urgency,
                "ended": self.ended,
                "network": self.network,
                "network_name": self.network_name or None,
                "part_of": self.part_of,
            }
        )


@value
class DealView:
    """What was asked of an offer for a need, and what became of it.

    `quantity`, `received` and `given_back` are in the need's unit; `asks`, `promised` (what is open, or was promised
    last) and `handed_over` in that of the offer.
    """

    id: str
    state: str
    need: SideView
    lot: SideView
    quantity: str
    asks: str | None
    promised: str | None
    handed_over: str | None
    how: str | None
    received: str | None
    given_back: str | None
    date_ms: int | None
    lot_date_ms: int | None
    asked_ms: int
    promised_ms: int | None
    hold_min: int | None  # powered-on minutes that the open promise holds
    is_loan: bool
    marks: Sequence[str]
    what_next: Sequence[str]  # of ACTIONS, what can be done here and now

    @property
    def role(self) -> str | None:
        """Whether this hub gives, receives, does both, or only looks on (None)."""
        if self.need.is_mine:
            return "both" if self.lot.is_mine else "receiving"
        return "giving" if self.lot.is_mine else None

    @property
    def is_open(self) -> bool:
        """Whether something is still to come of it."""
        return self.state in OPEN_STATES

    def as_json(self) -> dict[str, Any]:
        """The deal as the node API gives it."""
        return _said(
            {
                "id": self.id,
                "state": self.state,
                "open": self.is_open,
                "role": self.role,
                "need": self.need.as_json(),
                "lot": self.lot.as_json(),
                "quantity": self.quantity,
                "asks": self.asks,
                "promised": self.promised,
                "handed_over": self.handed_over,
                "how": self.how,
                "received": self.received,
                "given_back": self.given_back,
                "date": _moment(self.date_ms),
                "lot_date": _moment(self.lot_date_ms),
                "asked_at": rfc3339(self.asked_ms),
                "promised_at": _moment(self.promised_ms),
                "hold_minutes": self.hold_min,
                "loan": self.is_loan,
                "marks": list(self.marks),
                "what_next": list(self.what_next),
            }
        )


@value
class DealPage:
    """One page of deals; `cursor` continues it."""

    items: Sequence[DealView]
    cursor: str | None


@value
class SetAsideView:
    """Stock that one hub has set aside for another: for whom, how much, and what became of it as far as is known.

    `accepted` is the id of the offer that was made from it, where that is here.
    """

    id: str
    lot: SideView
    hub: str  # for which it was set aside
    hub_name: str
    is_for_us: bool
    quantity: str
    unit: str
    date_ms: int | None
    accepted: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The stock set aside as the node API gives it."""
        return _said(
            {
                "id": self.id,
                "lot": self.lot.as_json(),
                "hub": self.hub,
                "hub_name": self.hub_name or None,
                "for_us": self.is_for_us,
                "quantity": self.quantity,
                "unit": self.unit,
                "date": _moment(self.date_ms),
                "accepted": self.accepted,
            }
        )


@value
class SetAsidePage:
    """One page of what was set aside for this hub; `cursor` continues it."""

    items: Sequence[SetAsideView]
    cursor: str | None


@value
class AccountView:
    """One line of an account, for one date where there are dates.

    Of an offer: counted, free, promised, set_aside, handed_over, given_up (back to the hub that had set it aside). Of a
    need: needed, left (not asked for yet), asked, received.
    """

    date_ms: int | None
    amounts: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """The line as the node API gives it."""
        return _said({"date": _moment(self.date_ms), **self.amounts})


@value
class BrokenView:
    """Something that was written and that the account did not allow: it is held, and counts for nothing."""

    record: str
    rule: str
    hint: str

    def as_json(self) -> dict[str, Any]:
        """The record, the rule that it breaks, and what would have been allowed."""
        return {"record": self.record, "rule": self.rule, "hint": self.hint}


@value
class EndView:
    """Why nothing more can be written in an account, and what people can do about it."""

    reason: str  # "closed", or an `EndReason`
    detail: str
    hint: str

    def as_json(self) -> dict[str, Any]:
        """The end as the node API gives it."""
        return {"reason": self.reason, "detail": self.detail, "hint": self.hint}


@value
class BookView:
    """The account of a need or an offer: what there is, what became of it, and its deals.

    `deals` are at most 200, those first of which something is still to come; `deals_total` says how many there are.
    """

    post: SideView
    kind: str
    progress: dict[str, Any]
    is_opened: bool
    total: AccountView
    accounts: Sequence[AccountView]
    set_aside: Sequence[SetAsideView]
    deals: Sequence[DealView]
    deals_total: int
    broken: Sequence[BrokenView]
    ended: EndView | None
    written: int  # how much was written in this account
    room: int  # how much more fits
    note: str | None  # what people should know, such as that it is nearly full
    source: SetAsideView | None = None  # of an offer that was made from stock set aside for its hub
    parts: Sequence[dict[str, Any]] = ()  # of a group need: id, title and progress of each part

    def as_json(self) -> dict[str, Any]:
        """The account as the node API gives it."""
        return _said(
            {
                **self.post.as_json(),
                "kind": self.kind,
                "progress": self.progress,
                "opened": self.is_opened,
                "total": self.total.as_json(),
                "accounts": [account.as_json() for account in self.accounts],
                "set_aside": [one.as_json() for one in self.set_aside],
                "deals": [deal.as_json() for deal in self.deals],
                "deals_total": self.deals_total,
                "broken": [one.as_json() for one in self.broken],
                "ended": None if self.ended is None else self.ended.as_json(),
                "written": self.written,
                "room": self.room,
                "note": self.note,
                "source": None if self.source is None else self.source.as_json(),
                "parts": list(self.parts) or None,
            }
        )


def _moment(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else rfc3339(moment_ms)


def _said(view: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in view.items() if value is not None}
