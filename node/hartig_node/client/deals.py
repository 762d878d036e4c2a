"""The deals of one node, seen through its API: `Node.deals`.

    with Node.find() as node:
        deal = node.deals.ask(need["id"], offer["id"])
        node.deals.promise(deal["id"])
        print(node.deals.contact(deal["id"]))

Each call that says something carries an `Idempotency-Key`: where the connection breaks off it is sent once more and
done once. Whoever wants to repeat a call later, after a restart of their own, passes the same `key` again. A
`ProblemError` with a `rule` names the rule that stops it; its hint says what would be allowed.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from hartig_node.client.errors import AmbiguousIdError, AnswerError, ClientError, NotFoundError
from hartig_node.client.transport import segment

if TYPE_CHECKING:
    from hartig_node.client.node import Node

Json = dict[str, Any]
Quantity = str | int | float

KEY_BYTES = 16
SHORT_ID_CHARACTERS = 8
_POST_ID = re.compile(r"[0-9a-f]{32}")
_DEAL_ID = re.compile(r"[0-9a-f]{64}")
_SHORT_ID = re.compile(rf"[0-9a-f]{{{SHORT_ID_CHARACTERS - 2},64}}")


def new_key() -> str:
    """Return a key for one thing to be done."""
    return os.urandom(KEY_BYTES).hex()


class Deals:
    """What one node knows of deals, and may say of them. Ids may be short: the first digits that no other shares."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def __repr__(self) -> str:
        return f"<Deals of {self._node!r}>"

    # --- Looking

    def list(self, *, role: str | None = None, state: str | None = None, limit: int | None = None) -> Iterator[Json]:
        """Deals of this hub's posts, page by page. `role`: giving, receiving; `state`: a deal's, or open, or over."""
        found = self._node.pages("/deals", {"role": role, "state": state}, limit)
        return found if limit is None else islice(found, limit)

    def get(self, deal_id: str) -> Json:
        """One deal."""
        return self._get(f"/deals/{self.full_id(deal_id)}")

    def contact(self, deal_id: str, *, role: str | None = None) -> str | None:
        """How to reach the people on the other side; None before something is promised, and when it is over."""
        contact = self._get(f"/deals/{self.full_id(deal_id)}/contact", {"role": role}).get("contact")
        return contact if isinstance(contact, str) else None

    def book(self, post_id: str) -> Json:
        """The account of a need or an offer: what there is, and what became of it."""
        return self._get(f"/posts/{self._node.full_id(post_id)}/book")

    def set_aside_for_us(self, *, limit: int | None = None) -> Iterator[Json]:
        """What other hubs have set aside for this one."""
        found = self._node.pages("/allotments", {}, limit)
        return found if limit is None else islice(found, limit)

    def alternatives(self, need_id: str) -> Sequence[Json]:
        """What else there is: at most 10 offers that a need could ask now, those that cover all of it first."""
        return _items(self._get(f"/needs/{self._node.full_id(need_id)}/alternatives"))

    def recounts(self) -> Sequence[Json]:
        """Posts of this hub that were ended and wait until somebody has counted."""
        return _items(self._get("/recounts"))

    def full_id(self, deal_id: str) -> str:
        """Return the whole id that a short one stands for, among the deals of this hub's posts."""
        deal_id = deal_id.lower()
        if _DEAL_ID.fullmatch(deal_id):
            return deal_id
        if not _SHORT_ID.fullmatch(deal_id):
            detail = f"{deal_id[:40]!r} is no id of a deal: {SHORT_ID_CHARACTERS} or more of the digits 0-9 and a-f"
            raise ClientError(detail, "`hartig deals` shows the ids")
        found = [deal["id"] for deal in self.list() if str(deal.get("id")).startswith(deal_id)]
        if not found:
            problem = {"code": "not_found", "detail": f"no deal has an id that begins with {deal_id}"}
            raise NotFoundError(404, {**problem, "hint": "`hartig deals` shows the ids"})
        if len(found) > 1:
            raise AmbiguousIdError(f"{len(found)} deals have an id that begins with {deal_id}", "give more digits")
        return str(found[0])

    # --- For who needs

    def ask(
        self, need_id: str, offer_id: str, quantity: Quantity | None = None, *, date: str | None = None,
        lot_date: str | None = None, key: str | None = None,
    ) -> Json:  # fmt: skip
        """Ask an offer for what a need of this hub is about; else for what is still needed, at most what is free."""
        need, lot = self._node.full_id(need_id, mine=True), self._node.full_id(offer_id)
        said = {"lot": lot, "quantity": quantity, "date": date, "lot_date": lot_date}
        return self._say(f"/needs/{need}/claims", said, key)

    def cancel(self, deal_id: str, *, key: str | None = None) -> Json:
        """Say that it is not needed any more."""
        return self._act(deal_id, "cancel", {}, key)

    def receive(
        self, deal_id: str, how: str = "ok", quantity: Quantity | None = None, *, key: str | None = None
    ) -> Json:
        """Say that it arrived: ok, short (and how much came good) or bad."""
        return self._act(deal_id, "receive", {"how": how, "quantity": quantity}, key)

    def give_back(self, deal_id: str, quantity: Quantity | None = None, *, key: str | None = None) -> Json:
        """Say that what was lent goes back; else all that is still here."""
        return self._act(deal_id, "give-back", {"quantity": quantity}, key)

    # --- For who holds it

    def promise(self, deal_id: str, quantity: Quantity | None = None, *, key: str | None = None) -> Json:
        """Promise what was asked, or so much of it."""
        return self._act(deal_id, "promise", {"quantity": quantity}, key)

    def decline(self, deal_id: str, *, key: str | None = None) -> Json:
        """Say that nothing will be promised."""
        return self._act(deal_id, "decline", {}, key)

    def release(self, deal_id: str, why: str | None = None, *, key: str | None = None) -> Json:
        """Take a promise back."""
        return self._act(deal_id, "release", {"why": why}, key)

    def hand_over(self, deal_id: str, quantity: Quantity | None = None, *, key: str | None = None) -> Json:
        """Say that it was handed over; else what was promised."""
        return self._act(deal_id, "hand-over", {"quantity": quantity}, key)

    def returned(self, deal_id: str, quantity: Quantity | None = None, *, key: str | None = None) -> Json:
        """Count what was lent and came back; else all that is still away."""
        return self._act(deal_id, "returned", {"quantity": quantity}, key)

    def hand_out(self, offer_id: str, quantity: Quantity, *, date: str | None = None, key: str | None = None) -> Json:
        """Say that somebody took some who had not asked here; returns the account."""
        return self._say(self._offer(offer_id, "handovers"), {"quantity": quantity, "date": date}, key)

    # --- Accounts

    def count(
        self, post_id: str, quantity: Quantity, why: str | None = None, dates: Sequence[str] | None = None, *,
        key: str | None = None,
    ) -> Json:  # fmt: skip
        """Count what is there (of an offer), or say how much is needed (of a need); returns the account."""
        post = self._node.full_id(post_id, mine=True)
        return self._say(f"/posts/{post}/counts", {"quantity": quantity, "why": why, "dates": dates}, key)

    def low(self, post_id: str, *, key: str | None = None) -> Json:
        """Say that an open shelf of any hub is nearly empty; returns it. Said again within minutes it counts once."""
        return self._say(f"/posts/{self._node.full_id(post_id)}/low", {}, key)

    def close(self, post_id: str, *, key: str | None = None) -> Json:
        """End an account in good order; returns it."""
        return self._say(f"/posts/{self._node.full_id(post_id, mine=True)}/close", {}, key)

    def set_aside(
        self, offer_id: str, hub_id: str, quantity: Quantity, *, date: str | None = None, key: str | None = None
    ) -> Json:
        """Set stock aside for a hub; returns the account."""
        said = {"hub": hub_id, "quantity": quantity, "date": date}
        return self._say(self._offer(offer_id, "allotments"), said, key)

    def surrender(
        self, offer_id: str, quantity: Quantity | None = None, *, date: str | None = None, key: str | None = None
    ) -> Json:
        """Give back what was set aside for this hub; else all that is free. Returns the account."""
        return self._say(self._offer(offer_id, "surrenders"), {"quantity": quantity, "date": date}, key)

    def accept(self, set_aside_id: str, draft: Mapping[str, Any] | None = None, *, key: str | None = None) -> Json:
        """Make an offer of what was set aside for this hub, with some fields of its draft; returns its account."""
        return self._say(f"/allotments/{segment(set_aside_id)}/accept", dict(draft or {}), key)

    def recount(
        self, post_id: str, quantity: Quantity | None = None, *, level: str | None = None, key: str | None = None
    ) -> Json | None:
        """Begin a post anew that waits to be counted; returns the new post, None where nothing is left.

        Of an open shelf `level` (`plenty`, `some`, `low`, `gone`) does instead of a quantity.
        """
        said = self._say(f"/recounts/{self._recount_id(post_id)}", {"quantity": quantity, "level": level}, key)
        return None if said.get("post", said) is None else said

    # --- Inside

    def _recount_id(self, post_id: str) -> str:
        """Return the whole id that a short one stands for, among the posts that wait to be counted."""
        post_id = post_id.lower()
        if _POST_ID.fullmatch(post_id):
            return post_id
        found = [str(one["id"]) for one in self.recounts() if str(one.get("id")).startswith(post_id)]
        if not found or len(post_id) < SHORT_ID_CHARACTERS - 2:
            problem = {"code": "not_found", "detail": f"no post that waits has an id that begins with {post_id[:40]!r}"}
            raise NotFoundError(404, {**problem, "hint": "`hartig recount` shows the ids"})
        if len(found) > 1:
            raise AmbiguousIdError(f"{len(found)} posts have an id that begins with {post_id}", "give more digits")
        return found[0]

    def _offer(self, offer_id: str, below: str) -> str:
        return f"/offers/{self._node.full_id(offer_id, mine=True)}/{below}"

    def _act(self, deal_id: str, action: str, said: Json, key: str | None) -> Json:
        return self._say(f"/deals/{self.full_id(deal_id)}/{action}", said, key)

    def _say(self, path: str, said: Json, key: str | None) -> Json:
        body = {name: value for name, value in said.items() if value is not None}
        return _object(self._node.post_once(path, body, key or new_key()))

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        return _object(self._node.read(path, query))


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise AnswerError("the node's answer is not of the expected form", "are both of the same version?")
    return value


def _items(page: Json) -> Sequence[Json]:
    """Return the items of a list that comes on one page."""
    items = page.get("items")
    if not isinstance(items, list):
        raise AnswerError("the node's answer is not of the expected form", "are both of the same version?")
    return [_object(one) for one in items]
