"""Contact: how the people of one deal reach each other, once something is promised (SPEC D2, L8; design, P6).

Each side's hub says it by itself, as soon as it holds claim and promise, sealed to the other side's hub; never earlier,
and then without fail. In: deals of the ledger. Out: the step that is due (`due`, or `bring` to write it), and for the
people of a deal what the other side has said (`contact_of`), as long as it may be kept: 48 hours after the deal.

Who calls: `keeper` for every deal that was touched, and once a minute; API and pages for the people of a deal.
"""

import logging
from typing import Any

from hartig_node.board.accounts.books import Book, Deal
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.contact.seals import Seals
from hartig_node.board.contact.texts import ContactTexts
from hartig_node.board.context import Context
from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.sealing import Binding, SealingError, seal
from hartig_protocol.events import PrivateRow
from hartig_protocol.exchange.lot import LotChain, Promise, PromiseState
from hartig_protocol.exchange.need import ClaimState, NeedChain
from hartig_protocol.limits import CONTACT_KEPT_MS
from hartig_protocol.records.steps import Verb
from hartig_protocol.values import value

logger = logging.getLogger(__name__)

GIVING, RECEIVING = "giving", "receiving"


@value
class ContactDue:
    """A step that is to be written in an own chain: `Ledger.write(thread, facts, body, [private])`; then `wrote`."""

    thread: bytes
    facts: dict[str, Any]
    body: dict[str, Any]
    private: PrivateRow


@value
class _Side:
    """One side of a deal: its own book, the other's, and the claim or promise of the own chain."""

    own: Book
    other: Book
    about: bytes
    settled_ms: int | None


class Contacts:
    """Writes what is due of this hub's own sides, and opens what other hubs have sealed to it."""

    def __init__(self, context: Context, ledger: Ledger) -> None:
        self._context, self._ledger = context, ledger
        self.texts = ContactTexts(context)
        self.seals = Seals(context)

    # --- Saying

    async def due(self, deal: Deal) -> ContactDue | None:
        """Return the step to write for a deal; None where nothing is promised, all is said, or both sides are here.

        Also while the other hub's card has no box key: then it is due when such a card has come.
        """
        promise = deal.promise
        if promise is None or deal.lot is None or deal.lot.is_mine == deal.need.is_mine:
            return None
        side = _giver(deal, deal.lot, promise) if deal.lot.is_mine else _receiver(deal, deal.lot)
        if deal.claim.state is not ClaimState.OPEN or not _is_under_way(promise, is_giver=deal.lot.is_mine):
            return None
        if not _is_writable(side.own) or side.other.ended is not None or self.is_said(side.own.chain, side.about):
            return None
        return await self._sealed(side)

    def is_said(self, chain: LotChain | NeedChain, about: bytes) -> bool:
        """Tell whether a claim or promise of an own chain has its contact, as its reader can open it."""
        return about in chain.contacts and about not in self.seals.stale

    def wrote(self, due: ContactDue) -> None:
        """Remember that a step that was due is durable; its reader may have named another key meanwhile."""
        self.seals.wrote(due.private)

    async def learn_abroad(self) -> set[bytes]:
        """Learn to which keys hubs of partner networks want to be written; return whose are new or have changed."""
        context = self._context
        before, context.boxes_abroad = context.boxes_abroad, await context.cards.boxes()
        return {hub for hub, box in context.boxes_abroad.items() if before.get(hub) != box}

    async def _sealed(self, side: _Side) -> ContactDue | None:
        own, other = self._context.pen, side.other.post.head
        recipient, is_abroad = other.author, other.network != own.network
        address = other.network + recipient if is_abroad else recipient
        box_key = (self._context.boxes_abroad if is_abroad else self._context.hub_boxes).get(address)
        if box_key is None:
            return None
        text = await self.texts.of(side.own.thread) or self.texts.default(side.own.post)
        try:
            box = seal(text, box_key, Binding(own.network, own.key.public, side.own.thread, recipient, side.about))
        except SealingError as error:
            logger.info("no contact for hub %s: %s", recipient.hex()[:12], error)
            return None
        row = await self.seals.row(side.about, address, box_key)
        facts: dict[str, Any] = {"verb": Verb.CONTACT.value, "of": side.about}
        if is_abroad:
            facts["to"] = other.network  # else what is sealed never leaves this network (SPEC X4)
        return ContactDue(side.own.thread, facts, {"box": box}, row)

    async def bring(self, claim: bytes) -> bool:
        """Write what is due for a deal, under the lock of the chain; tell whether there was anything.

        Raises `BoardError` as `Ledger.write` does.
        """
        deal = await self._ledger.deal(claim)
        due = None if deal is None else await self.due(deal)
        if due is None:
            return False
        async with self._ledger.writing(due.thread):
            deal = await self._ledger.deal(claim)  # what was said meanwhile counts
            due = None if deal is None else await self.due(deal)
            if due is None:
                return False
            await self._ledger.write(due.thread, due.facts, due.body, [due.private])
            self.wrote(due)
            return True

    # --- Reading

    async def contact_of(self, claim: bytes, role: str | None = None) -> str | None:
        """Return how to reach the other side of a deal; None where it has not come, is over, or is not ours to read.

        `role` says for whom where both sides are posts of this hub: for who is `giving` (the default) or `receiving`.
        """
        deal = await self._ledger.deal(claim)
        if deal is None or deal.lot is None or deal.promise is None:
            return None
        giver, receiver = _giver(deal, deal.lot, deal.promise), _receiver(deal, deal.lot)
        if giver.own.is_mine and receiver.own.is_mine:
            return await self._told_here(giver if role == RECEIVING else receiver)
        if giver.own.is_mine:
            return await self._opened(receiver)
        return await self._opened(giver) if receiver.own.is_mine else None

    async def _told_here(self, side: _Side) -> str | None:
        """What was said with a post of this hub, for the people of another one."""
        due_ms = None if side.settled_ms is None else side.settled_ms + CONTACT_KEPT_MS
        if self._is_over(due_ms) or side.own.ended is not None:
            return None
        return await self.texts.of(side.own.thread) or self.texts.default(side.own.post)

    async def _opened(self, side: _Side) -> str | None:
        """What another hub has sealed to this one; `side` is its own."""
        step = side.own.chain.contacts.get(side.about)
        if step is None or self._is_over(side.own.contact_due_ms(step)):
            return None
        record = await self._ledger.shelves.record(step)
        if record is None or not record.body:
            return None
        head, own = record.head, self._context.pen.key.public
        try:
            text = self._context.box.open(
                record.body["box"], Binding(head.network, head.author, head.thread, own, side.about)
            )
        except SealingError as error:
            logger.info("contact %s cannot be read: %s", record.id.hex()[:12], error)
            return None
        return clean_text(text)

    def _is_over(self, due_ms: int | None) -> bool:
        """Whether a contact is due to go, though the sweep that takes it may not have come by."""
        now = self._context.clock.now()
        return due_ms is not None and now.trusted and due_ms <= now.wall_ms


def _giver(deal: Deal, lot: Book, promise: Promise) -> _Side:
    return _Side(lot, deal.need, promise.id, promise.settled_ms)


def _receiver(deal: Deal, lot: Book) -> _Side:
    return _Side(deal.need, lot, deal.claim.id, deal.claim.settled_ms)


def _is_under_way(promise: Promise, *, is_giver: bool) -> bool:
    """Whether people still have to meet; who receives may learn of a promise when the thing is on its way already."""
    return promise.state is PromiseState.OPEN or (promise.state is PromiseState.HANDED_OVER and not is_giver)


def _is_writable(book: Book) -> bool:
    chain = book.chain
    return not chain.is_over and chain.stopped is None
