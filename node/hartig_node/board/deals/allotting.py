"""Setting aside: a hub gets stock of its own to promise from, also while it is cut off; and gives back what is left.

In: ids, hubs and quantities as people write them. Out: accounts, after what was said is durable. Three accounts take
part: the offer's sets aside, the receiving hub opens one of its own by `accept`, once, and what it gives back there is
counted by the first, once. Who calls: `deals`; `keeper` calls `count_surrendered`.

Two offers made from one stock would promise it twice. So what was accepted is remembered in a private row of the same
commit, for as long as a hub keeps its log; where the row is missing, an own offer of it that is held says the same. And
a hub that was restored, whose rows may be older than its deeds, makes no offer of what was set aside before it noticed
(design, section 4: only a physical count opens another).
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

import msgpack

from hartig_node.board.accounts.books import Book
from hartig_node.board.accounts.quantities import read_parts
from hartig_node.board.accounts.refusing import Rule, is_broken, stopped, too_much
from hartig_node.board.context import thread_of
from hartig_node.board.deals.dates import the_date
from hartig_node.board.deals.desk import Desk, Facts, count_facts, dated, id_of, lot_of
from hartig_node.board.deals.showing import SPACE_ACCEPTED
from hartig_node.board.deals.views import BookView, SetAsidePage, SetAsideView
from hartig_node.board.drafts.merging import draft_of, merged
from hartig_node.board.drafts.views import quantity_text
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import Posts
from hartig_node.board.signing import BEFORE_THE_FIRST, SPACE_SETTING, Signed
from hartig_node.board.times import rfc3339
from hartig_node.ports import PostFilter
from hartig_protocol.events import PrivateRow
from hartig_protocol.exchange import rules
from hartig_protocol.exchange.lot import Allotment, LotChain
from hartig_protocol.limits import LIFE_REVOKE_MS_MAX, RECORD_ID_BYTES, STAMP_AHEAD_MS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.records.steps import Verb, Why

KEY_RESTORED = b"restored_noticed"
PAGE = 200
_KEPT = ("kind", "category", "unit", "smallest_part", "audience")  # of the offer that it was taken from
_OWN = ("rule", "closes", "repeats", "level", "quantity", "dates", "parent")  # said anew, by what was set aside
OVERRIDES_REFUSED = (*_KEPT, "repeats", "level", "dates", "parent")


class Allotting:
    """The use cases of stock that changes hubs."""

    def __init__(self, desk: Desk, posts: Posts) -> None:
        self._desk, self._posts = desk, posts
        self._accepting: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._on_its_way: dict[bytes, Record] = {}  # offers that were handed in and whose commit nobody waited for

    # --- The hub that sets aside

    async def set_aside(self, lot: str, hub: str, quantity: Any, date: str | None) -> BookView:
        """Set stock aside for a hub."""
        thread, for_hub = thread_of(lot), self._hub(hub)
        async with self._desk.ledger.writing(thread):
            book = await self._desk.own(thread, Kind.OFFER)
            head = book.post.head
            if head.audience == "hub":
                hint = "post it anew for the whole network"
                raise stopped(Rule.STAYS_HERE, "this offer never leaves this hub, so no other hub reads it", hint)
            self._desk.check_room(book)
            for_date = the_date(book, date, self._desk.reading)
            opening = self._desk.opening(book, for_date)
            said: Facts = {"verb": Verb.ALLOT.value, "hub": for_hub, "quantity": read_parts(quantity, head)}
            await self._desk.write(head, [*opening, dated(said, for_date)])
        return await self._desk.book_view(thread)

    def _hub(self, text: Any) -> bytes:
        try:
            key = bytes.fromhex(text)
        except (TypeError, ValueError):
            key = b""
        pen = self._desk.context.pen
        if len(key) != 32:
            raise BoardError("bad_request", f"{str(text)[:70]!r} is no id of a hub", "see the list of hubs", "/hub")
        if key == pen.key.public:
            hint = "this hub promises from its own offer as it is"
            raise stopped(Rule.OWN_HUB, "it is this hub's own already", hint, "/hub")
        if not pen.catalog.authority.may_write(key, Kind.OFFER, 1):
            hint = "choose a hub that belongs to this network"
            raise stopped(Rule.NOT_A_HUB, "this is no hub that may offer anything here", hint, "/hub")
        return key

    async def count_surrendered(self, child: bytes) -> int:
        """Count what an offer made from our stock gave back; see `Deals.count_surrendered`."""
        book = await self._desk.ledger.book(child)
        found = None if book is None else await self._desk.showing.allotment_of(book)
        if book is None or found is None or not found[1].is_mine:
            return 0
        allotment, parent = found
        async with self._desk.ledger.writing(parent.thread):
            parent = await self._desk.own(parent.thread, Kind.OFFER)
            said = _given_up(allotment, book, parent)
            if said:  # most often there is nothing new
                counted = await self._counted_of_others(allotment, book.thread, lot_of(parent))
                said = _given_up(allotment, book, parent, counted)
            if said:
                await self._desk.write(parent.post.head, said)
        return len(said)

    async def _counted_of_others(self, allotment: Allotment, child: bytes, parent: LotChain) -> int:
        """Return what was counted of this stock already from other offers than `child`.

        No honest hub makes two of one: together they give back no more than was set aside.
        """
        store, total = self._desk.context.store, 0
        for step in await self._desk.steps_of(parent):
            if step.head.facts.get("why") != Why.SURRENDERED:
                continue
            surrender = await store.read_record(step.head.facts["of"])
            thread = None if surrender is None else open_record(surrender.wire, verify_signature=False).head.thread
            post = None if thread in (None, child) else await store.post(thread)
            if post is not None and open_record(post.wire, verify_signature=False).head.subject == allotment.id:
                total += step.head.facts["quantity"]
        return total

    def hubs(self) -> list[tuple[str, str]]:
        """Return the other hubs for which stock can be set aside: id and name, by name."""
        pen, names = self._desk.context.pen, self._desk.context.names()
        may_offer = pen.catalog.authority.may_write
        found = [(key.hex(), name) for key, name in names.items() if may_offer(key, Kind.OFFER, 1)]
        return sorted(
            (one for one in found if one[0] != pen.key.public.hex()), key=lambda one: (one[1].casefold(), one)
        )

    # --- The hub that it was set aside for

    async def set_aside_for_us(self, limit: int, cursor: str | None) -> SetAsidePage:
        """List what was set aside for this hub."""
        context, after = self._desk.context, _cursor(cursor)
        page = await context.store.allotments_to(context.pen.key.public, after, limit)
        views = [await self._view_of(open_record(stored.wire, verify_signature=False)) for stored in page]
        next_cursor = f"a{page[-1].n}" if len(page) == limit else None
        return SetAsidePage([view for view in views if view is not None], next_cursor)

    async def _view_of(self, step: Record) -> SetAsideView | None:
        found = await self._desk.showing.allotment(step.id)
        return None if found is None else await self._desk.showing.set_aside(*found, await self._accepted(step.id))

    async def _accepted(self, allotment_id: bytes) -> bytes | None:
        return await self._desk.context.store.private_get(SPACE_ACCEPTED, allotment_id)

    async def accept(self, allotment: str, overrides: Mapping[str, Any] | None) -> BookView:
        """Make an offer of what was set aside for this hub, once; see `Deals.accept`."""
        allotment_id = id_of(allotment)
        async with self._accepting.setdefault(allotment_id, asyncio.Lock()):
            accepted = await self._accepted(allotment_id)
            if accepted is None and (made := self._on_its_way.get(allotment_id)) is not None:
                accepted = made.head.thread
            if accepted is None:
                accepted = await self._accept(allotment_id, overrides or {})
        return await self._desk.book_view(accepted)

    async def _accept(self, allotment_id: bytes, overrides: Mapping[str, Any]) -> bytes:
        found = await self._desk.showing.allotment(allotment_id)
        if found is None:
            hint = "it may not have arrived yet, or the offer that it was taken from is over"
            raise BoardError("not_found", "nothing was set aside by this id", hint)
        allotment, parent = found
        context = self._desk.context
        if allotment.hub != context.pen.key.public:
            hint = "only that hub can make an offer of it"
            raise BoardError("not_yours", "this was set aside for another hub", hint)
        await self._check_not_from_before(allotment_id)
        await self._check_no_offer_of(allotment_id)
        draft = _draft(allotment, parent, overrides)
        parts = read_parts(draft["quantity"], parent.post.head)
        if parts > allotment.quantity:
            detail, most = "this is more than was set aside", allotment.quantity
            hint = f"at most {most} were set aside"
            raise too_much(Rule.MORE_THAN_SET_ASIDE, detail, hint, most, parent.post.head, "/quantity")

        def first_count(post: Record) -> Signed:
            facts = count_facts(parts, Why.OPENED, post.head.facts.get("dates", ()))
            return context.pen.step(post, facts, after=BEFORE_THE_FIRST)

        until_ms = self._desk.reading.wall_ms + LIFE_REVOKE_MS_MAX

        def remembered(post: Record) -> list[PrivateRow]:
            self._on_its_way[allotment_id] = post
            return [PrivateRow(SPACE_ACCEPTED, allotment_id, post.head.thread, until_ms)]

        is_durable = False
        try:
            view = await self._posts.publish_counted(draft, allotment_id, first_count, remembered)
            is_durable = True
        finally:
            # Who waited may have gone, or read of a full disk: what the core has taken becomes durable all the same.
            made = self._on_its_way.get(allotment_id)
            if made is not None and (is_durable or not context.pen.is_standing(made.head)):
                del self._on_its_way[allotment_id]
        return bytes.fromhex(view.id)

    async def _check_not_from_before(self, allotment_id: bytes) -> None:
        """Refuse what was set aside before this hub noticed that it was restored: it may have been accepted before."""
        context = self._desk.context
        floor = context.pen.seq_floor
        if not floor:
            return
        row = await context.store.private_get(SPACE_SETTING, KEY_RESTORED)
        noticed = None if row is None else msgpack.unpackb(row)
        if noticed is None or noticed[0] != floor:
            noticed = [floor, self._desk.reading.wall_ms]
            await context.keep_private([PrivateRow(SPACE_SETTING, KEY_RESTORED, msgpack.packb(noticed))])
        entry = context.pen.catalog.entries.get(allotment_id)
        if entry is None or entry.stamp <= noticed[1] + STAMP_AHEAD_MS_MAX:
            detail = "this hub was restored from an older copy since: it may have made an offer of this already"
            raise stopped(Rule.FROM_BEFORE, detail, "count what is there, and offer it anew")

    async def _check_no_offer_of(self, allotment_id: bytes) -> None:
        """Refuse what an own offer that is held was made of, ended or not, also where no row remembers it."""
        context, after = self._desk.context, None
        wanted = PostFilter(now_ms=0, kind=int(Kind.OFFER), author=context.pen.key.public, standing=False)
        while True:
            page = await context.store.posts(wanted, after, PAGE)
            heads = (open_record(stored.wire, verify_signature=False).head for stored in page.posts)
            if any(head.subject == allotment_id for head in heads):
                detail = "this hub has made an offer of this already"
                raise stopped(Rule.FROM_BEFORE, detail, "count what is there, and offer it anew")
            if page.after is None:
                return
            after = page.after

    async def surrender(self, lot: str, quantity: Any, date: str | None) -> BookView:
        """Give stock back to the hub that had set it aside."""
        thread = thread_of(lot)
        async with self._desk.ledger.writing(thread):
            book = await self._desk.own(thread, Kind.OFFER)
            head = book.post.head
            if len(head.subject) != RECORD_ID_BYTES:
                hint = "hand it over, or set it aside for that hub"
                raise stopped(Rule.NOT_SET_ASIDE, "no other hub had set this aside for this one", hint)
            for_date = the_date(book, date, self._desk.reading)
            account = lot_of(book).accounts.get(for_date)
            parts = read_parts(quantity, head) if quantity is not None else account.free if account else 0
            if not parts:
                raise is_broken(rules.not_free(0), head)
            said: Facts = {"verb": Verb.SURRENDER.value, "quantity": parts}
            await self._desk.write(head, [dated(said, for_date)])
        return await self._desk.book_view(thread)


def _given_up(allotment: Allotment, child: Book, parent: Book, counted_of_others: int = 0) -> list[Facts]:
    """Return counts of what came back and was not counted yet; never more in all than had been set aside."""
    counted, left = lot_of(parent).counted_back, max(0, allotment.quantity - counted_of_others)
    said: list[Facts] = []
    for surrender in lot_of(child).surrenders.values():
        quantity = min(surrender.quantity, left)
        left -= quantity
        if quantity and surrender.id not in counted:
            said.append(count_facts(quantity, Why.SURRENDERED, [allotment.date], surrender.id))
    return said


def _draft(allotment: Allotment, parent: Book, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the draft of an offer from what was set aside: as the offer that it was taken from, and as people say."""
    refused = next((name for name in overrides if name in OVERRIDES_REFUSED), None)
    if refused is not None:
        detail = f"{refused} is as it was set aside"
        raise BoardError("fixed_field", detail, "leave it out", f"/{refused}")
    before = draft_of(parent.post)
    draft = {name: value for name, value in before.items() if name not in _OWN}
    draft["quantity"] = quantity_text(allotment.quantity, parent.post.head.fixed[3])
    draft["parent"] = parent.thread.hex()
    if allotment.date is not None:
        draft["dates"] = [rfc3339(allotment.date)]
    changed: dict[str, Any] = merged(draft, dict(overrides))
    return {**changed, "quantity": changed.get("quantity", draft["quantity"])}


def _cursor(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.startswith("a") and text[1:].isascii() and text[1:].isdecimal() and len(text) <= 16):
        raise BoardError("bad_cursor", "this cursor was not made by this hub", "begin without a cursor", "/cursor")
    return int(text[1:])
