"""What becomes of own posts whose accounts may not go on: after a restore, a copy, a new key (design, section 4).

Nobody can tell any more what was promised in them, and whoever waited, or fetched what the others have first, was shown
to promise twice. So each is ended for good, with the longest life and a raised number of its version, and never written
in again. What people then have to do is kept in a private row of the same commit: count what is there and offer it
anew, or confirm how much is still needed. A new offer names the old one as its parent.

In: books of own posts. Out: the records that end them, problems for people, and posts begun anew. Who calls: `keeper`.
"""

import copy
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import msgpack

from hartig_node.board.accounts.books import Book
from hartig_node.board.accounts.kin import is_child_abroad
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.accounts.quantities import read_parts
from hartig_node.board.contact.texts import SPACE_CONTACT
from hartig_node.board.context import Context, thread_of
from hartig_node.board.deals.desk import count_facts
from hartig_node.board.drafts.merging import draft_of
from hartig_node.board.drafts.views import pick, quantity_text
from hartig_node.board.ending import way_on
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import Posts
from hartig_node.board.signing import BEFORE_THE_FIRST, Signed
from hartig_node.board.times import parse_rfc3339, rfc3339
from hartig_node.clock import Clock
from hartig_node.wording import how_many
from hartig_protocol.events import PrivateRow
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.steward import after_restore
from hartig_protocol.limits import INTEGER_MAX, LIFE_REVOKE_MS_MAX
from hartig_protocol.records import categories
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.records.steps import Why

logger = logging.getLogger(__name__)

SPACE_ANEW = "anew"
_LATER = frozenset({"not_admitted", "disk_full", "stopped_signing"})
NEVER_GOES_ON = frozenset({EndReason.FORKED, EndReason.RESTORED})
NAMED_MAX = 5  # posts that one problem names
_WHY = {
    EndReason.FORKED: "two copies of this hub have written about them",
    EndReason.RESTORED: "this hub was restored from an older copy, or its disk was damaged",
    EndReason.VOID: "this hub has a new key",
}


@dataclass(frozen=True)
class Begun:
    """A post that was ended so, and what a person has to do about it. `new` is what was begun for it.

    `again`: nothing was said about it and it promises nothing, so it is posted again by itself, as it was.
    """

    thread: bytes
    kind: int
    reason: EndReason
    draft: dict[str, Any]
    quantities: Mapping[int | None, int]  # by date, in smallest parts: what was free, promised, or still needed
    new: bytes | None = None
    again: bool = False

    @property
    def is_need(self) -> bool:
        """Whether it is a need, of which somebody confirms how much is still needed."""
        return self.kind == Kind.NEED

    def as_json(self) -> dict[str, Any]:
        """What the node API gives of it; `quantity` is in all, as decimal text in `unit`."""
        part = self.draft["smallest_part"]
        return {
            "id": self.thread.hex(),
            "kind": "need" if self.is_need else "offer",
            "title": self.draft["title"],
            "reason": self.reason.value,
            "quantity": quantity_text(sum(self.quantities.values()), part),
            "unit": self.draft["unit"],
            "level": self.draft.get("level"),
            "dates": [
                {"date": rfc3339(date), "quantity": quantity_text(parts, part)}
                for date, parts in self.quantities.items()
                if date is not None
            ],
        }

    def said(self) -> str:
        """A few words for people."""
        return f"{pick(self.draft['title'], 'en')} ({self.draft.get('level') or self.as_json()['quantity']})"

    def row(self, until_ms: int | None) -> PrivateRow:
        """The private row that keeps it."""
        quantities = [[date, parts] for date, parts in self.quantities.items()]
        value = [self.kind, self.reason.value, self.draft, quantities, self.new, self.again]
        return PrivateRow(SPACE_ANEW, self.thread, msgpack.packb(value), until_ms)

    @classmethod
    def read(cls, thread: bytes, value: bytes) -> "Begun":
        """Read what `row` wrote."""
        kind, reason, draft, quantities, new, *again = msgpack.unpackb(value)
        return cls(thread, kind, EndReason(reason), draft, dict(quantities), new, again == [True])


class Anew:
    """Ends what may not go on, and begins it anew when a person has counted."""

    def __init__(self, context: Context, ledger: Ledger, posts: Posts) -> None:
        self._context, self._ledger, self._posts = context, ledger, posts
        self._held: dict[bytes, Begun] = {}

    async def load(self) -> None:
        """Read what earlier runs left."""
        for thread, value in await self._context.store.private_list(SPACE_ANEW):
            self._held[thread] = Begun.read(thread, value)

    # --- Ending

    async def end(self, book: Book) -> None:
        """End an own post whose account may not go on; what a person has to do is durable with it."""
        thread = book.thread
        async with self._ledger.writing(thread):
            found = await self._ledger.book(thread)
            if found is None or found.ended not in NEVER_GOES_ON or found.post.head.ends:
                return
            begun = begun_of(found, found.ended)
            pen = self._context.pen
            signed = pen.next_version(found.post, {"ends": True}, None, INTEGER_MAX)
            rows = [*signed.private, *self._posts.asked.rows(thread, None)]
            if begun is not None:
                rows.append(begun.row(kept_until(self._context.clock)))
            try:
                await self._context.publish_one(signed.record, rows)
            finally:
                if pen.has_taken(signed):  # it becomes durable, whoever waits for that
                    self._posts.asked.put(thread, None)
                    if begun is not None:
                        self._held[thread] = begun

    async def advise(self, book: Book, reason: EndReason) -> None:
        """Remember what a person has to do about a post that this hub cannot end: it signs no more, or anew."""
        begun = None if book.thread in self._held or book.post.head.ends else begun_of(book, reason)
        if begun is not None:
            await self._context.keep_private([begun.row(kept_until(self._context.clock))])
            self._held[book.thread] = begun

    # --- What people have to do

    def waiting(self) -> list[Begun]:
        """Return what still waits for a person, by id."""
        return [begun for _, begun in sorted(self._held.items()) if begun.new is None and not begun.again]

    def problems(self) -> list[tuple[str, str, str]]:
        """Return (code, what, hint) for `status` and `doctor`: one for offers, one for needs."""
        offers = [begun for begun in self.waiting() if not begun.is_need]
        needs = [begun for begun in self.waiting() if begun.is_need]
        sides = ((offers, "offer", way_on(Kind.OFFER)), (needs, "need", way_on(Kind.NEED)))
        return [("count_anew", _named(some, what), hint) for some, what, hint in sides if some]

    async def open(self, thread: str, quantity: str | float | None, level: str | None = None) -> str | None:
        """Begin a post anew with what a person has counted or confirmed; return its id, None where nothing is left.

        Of an open shelf it can be said how full it is instead; one that is counted is as full as it was. The same asked
        twice answers the same. Raises `BoardError`.
        """
        begun = self._held.get(thread_of(thread))
        if begun is None:
            hint = "it was begun anew long ago, or its account goes on"
            raise BoardError("not_found", "no such post waits to be counted", hint)
        if (quantity is None) is (level is None) or (level is not None and "level" not in begun.draft):
            detail = "say how much there is, or of an open shelf how full it is"
            raise BoardError("bad_request", detail, "for example 12, or plenty", "/quantity")
        async with self._ledger.writing(begun.thread):
            begun = self._held[begun.thread]
            if begun.new is None and level is None and _is_nothing(quantity):
                await self._forget(begun)
                return None
            if begun.new is None:
                said = begun if level is None else replace(begun, draft={**begun.draft, "level": level})
                with _counted_as(begun):
                    begun = await self._publish(said, quantity)
        assert begun.new is not None
        return begun.new.hex()

    def again(self) -> list[bytes]:
        """Return what is still to be posted again by itself."""
        return [thread for thread, begun in sorted(self._held.items()) if begun.again and begun.new is None]

    async def publish_again(self) -> None:
        """Post again what needs nobody to count it.

        What cannot be posted now, as while the hub waits to be admitted, is tried again with the next call.
        """
        for thread in self.again():
            async with self._ledger.writing(thread):
                try:
                    await self._publish(self._held[thread], None)
                except BoardError as error:
                    if error.code in _LATER:
                        return
                    logger.warning("post %s is for a person to write anew: %s", thread.hex(), error)
                    self._held[thread] = replace(self._held[thread], again=False)

    async def _forget(self, begun: Begun) -> None:
        await self._context.keep_private([PrivateRow(SPACE_ANEW, begun.thread, None)])
        del self._held[begun.thread]

    async def _publish(self, begun: Begun, quantity: str | float | None) -> Begun:
        """Post it anew with its first count; that it was is durable with them, so it is posted once.

        Without a quantity it says what it said before, and nothing is counted.
        """
        pen, reading = self._context.pen, self._context.clock.reading()
        is_shelf = "level" in begun.draft
        draft = dict(begun.draft) if quantity is None or is_shelf else {**begun.draft, "quantity": quantity}
        if not begun.is_need:
            draft["parent"] = begun.thread.hex()
        if "dates" in draft:
            draft["dates"] = [date for date in draft["dates"] if parse_rfc3339(date) > reading.wall_ms]
        follow = await self._following(begun.thread)
        made: list[Record] = []

        def count(post: Record) -> Signed:
            facts, why = post.head.facts, Why.NEEDED if begun.is_need else Why.OPENED
            parts = read_parts(quantity, post.head) if is_shelf else facts["quantity"]
            return pen.step(post, count_facts(parts, why, facts.get("dates", ())), None, BEFORE_THE_FIRST)

        def rows(post: Record) -> list[PrivateRow]:
            made.append(post)
            return [replace(begun, new=post.head.thread).row(kept_until(self._context.clock)), *follow(post)]

        try:
            await self._posts.publish_counted(draft, pen.nonce(), None if quantity is None else count, rows)
        finally:
            # Who waited may have gone, or read of a full disk: what the core has taken becomes durable all the same.
            if made and pen.is_standing(made[0].head):
                self._held[begun.thread] = replace(begun, new=made[0].head.thread)
        return self._held[begun.thread]

    async def _following(self, thread: bytes) -> Callable[[Record], list[PrivateRow]]:
        """Return what moves the private rows of whoever posted it (pick-up word, contact) to the post made for it."""
        words, texts = self._posts.pick_ups, self._posts.contact_texts
        word, text = (await words.keys()).get(thread), await texts.of(thread)

        def rows(post: Record) -> list[PrivateRow]:
            gone = [] if text is None else [PrivateRow(SPACE_CONTACT, thread, None), *texts.rows(post, text)]
            return [*words.kept(word, post), *gone]

        return rows


def kept_until(clock: Clock) -> int | None:
    """Return until when it is kept: as long as the log of what was signed; for good while nobody knows the time."""
    reading = clock.reading()
    return reading.wall_ms + LIFE_REVOKE_MS_MAX if reading.trusted else None


def begun_of(book: Book, reason: EndReason) -> Begun | None:
    """Return what a person has to do about a post; None where nothing was left or needed in it."""
    if is_child_abroad(book.post.head):
        return None  # the need for which it asks goes on, and says how much
    chain = copy.copy(book.chain)
    chain.ended = None  # that it may not go on is why this is asked
    left = [item for anew in after_restore({book.thread: chain}) for item in anew.quantities.items()]
    quantities = {date: parts for date, parts in left if parts > 0}
    again = reason is EndReason.VOID and not chain.seq and book.kind == Kind.NEED
    if again or (isinstance(chain, LotChain) and not chain.seq):
        quantities = _as_posted(book.post)
    if not quantities:
        return None
    draft = draft_of(book.post)
    draft.setdefault("title", {"en": categories.label(book.post.head.fixed[0], "en")})
    if draft.get("rule") == "fair":
        draft.pop("closes", None)  # people have to ask anew
    return Begun(book.thread, book.kind, reason, draft, quantities, None, again)


def _as_posted(post: Record) -> dict[int | None, int]:
    """Return what an offer says that there is, where nothing is known to have been counted; 0 where it does not say."""
    facts = post.head.facts
    return dict.fromkeys(facts.get("dates") or [None], facts.get("quantity", 0))


@contextmanager
def _counted_as(begun: Begun) -> Iterator[None]:
    """Let a quantity that cannot be read say what somebody has to count."""
    try:
        yield
    except BoardError as error:
        if error.pointer == "/quantity":
            counted = "how much is still needed" if begun.is_need else "how much is there"
            part = begun.draft["smallest_part"]
            parts = "whole numbers" if part == 1 else f"no smaller parts than 1/{part}"
            error.hint = f"say {counted}, in {parts}; 0 where it is nothing"
        raise


def _is_nothing(quantity: object) -> bool:
    try:
        return Decimal(str(quantity)) == 0
    except InvalidOperation:
        return False


def _named(some: Sequence[Begun], what: str) -> str:
    named = ", ".join(begun.said() for begun in some[:NAMED_MAX])
    more = f" and {len(some) - NAMED_MAX} more" if len(some) > NAMED_MAX else ""
    ended = how_many(len(some), f"{what} was", f"{what}s were")
    return f"{ended} ended, because {_WHY[some[0].reason]}: {named}{more}"
