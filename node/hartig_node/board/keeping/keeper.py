"""What a hub does by itself about deals, so that nothing waits for a person who has nothing to decide.

It promises where an offer's rule does (`lots`), releases what nobody fetched, gives up what nothing will come of
(`needs`), counts what was given back of stock set aside, tells the people of a deal how to reach each other,
renews own posts while something is open in them, and ends what may not go on after a restore (`anew`).

In: what has become durable (`committed`, `touched`). Out: steps and versions of own posts, and problems for people. One
task looks at one post after the other, a few in each turn, and sleeps until something comes or is due: an idle hub is
woken by nothing. What fails in one post is tried again later, and keeps no other waiting. Who calls: the board, the
daemon (`load`, then `run` as a task), status (`problems`), the API (`anew`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Protocol

from hartig_node.board.accounts.books import Book, lot_chain
from hartig_node.board.accounts.kin import is_child_abroad
from hartig_node.board.accounts.ledger import Ledger, Said
from hartig_node.board.contact.contacts import ContactDue, Contacts
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.keeping.anew import NEVER_GOES_ON, Anew
from hartig_node.board.keeping.holds import Holds
from hartig_node.board.keeping.lots import LotKeeping
from hartig_node.board.keeping.needs import NeedKeeping
from hartig_node.board.keeping.watching import Watching
from hartig_node.board.posts.posts import Posts
from hartig_node.board.signing import SPACE_SETTING
from hartig_node.ports import PostFilter
from hartig_protocol.catalog.entry import POSTS, Entry
from hartig_protocol.errors import RecordError
from hartig_protocol.events import Commit, PrivateRow
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import ClaimState, NeedChain
from hartig_protocol.limits import DAY_MS, HOUR_MS, MINUTE_MS, RECORD_ID_BYTES
from hartig_protocol.records import categories
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind

logger = logging.getLogger(__name__)

KEY_WROTE_AS = b"wrote_as"  # the key with which this hub wrote last
TURN_MAX = 16  # posts, each a few ms where it has something to do
PAUSE_S = 0.02  # before each turn: the API comes first, and what comes together is looked at together
LOOK_ANYWAY_MS = HOUR_MS  # what ends by itself, as an offer of another hub that expires, is noticed by then
TRY_AGAIN_MS = 10 * MINUTE_MS
AGAIN_MS = MINUTE_MS  # how often a hub that waits to be admitted looks whether it can post again
CONTACTS_AT_ONCE = 64  # in one commit, about 15 ms of sealing and signing
CONTACT_AGAIN_MS = MINUTE_MS  # while the other hub's card with its key has not come
RENEW_BEFORE_MS, RENEW_FOR_MS = DAY_MS, 3 * DAY_MS  # then a promise made now can be fetched, and a day is left
RENEW_PERISHABLE_BEFORE_MS, RENEW_PERISHABLE_FOR_MS = HOUR_MS, 5 * HOUR_MS  # the same: these hold for 4 hours
PAGE = 200
OWN_SPARE = 1_024  # own posts that may go before those that went are forgotten
_OVER = frozenset({"chain_ended", "stopped_signing"})  # nothing more can be written; people read it in other places


class Uses(Protocol):
    """What is needed of the use cases of deals."""

    async def count_surrendered(self, child: bytes) -> int:
        """Count, once each, what the offer `child` gave back to an own one; return how many were counted now."""


class Keeper:
    """Looks after a hub's own posts. `anew` is for what people have to count after a restore."""

    def __init__(self, context: Context, ledger: Ledger, posts: Posts, uses: Uses, contacts: Contacts) -> None:
        self._context, self._ledger, self._posts = context, ledger, posts
        self._uses, self._contacts = uses, contacts
        self._holds = Holds(context)
        self._lots = LotKeeping(context, ledger, self._holds, self._is_past_its_end)
        self._needs = NeedKeeping(context, ledger, self._holds)
        self.anew = Anew(context, ledger, posts)
        self._own: set[bytes] = set()
        self._own_bound = OWN_SPARE
        self._from_before: set[bytes] = set()  # own offers from before a restore that still stand
        self._children: set[bytes] = set()  # offers of other hubs, made of stock that this one has set aside
        self._searched: set[bytes] = set()  # hubs whose offers were looked through for these
        self._watching = Watching()
        self._queue: dict[bytes, None] = {}
        self._finds_claims = False  # among all own posts, in the next turn
        self._learns_boxes = False  # of partner networks, in the next turn
        self._due: dict[bytes, int] = {}  # by thread, on the steady clock
        self._wake = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Keeper of {len(self._own)} posts, {len(self._queue)} to look at, {self._holds!r}>"

    def problems(self) -> list[tuple[str, str, str]]:
        """Return (code, what, hint) for `status` and `doctor`."""
        return self.anew.problems()

    # --- What comes in

    def committed(self, commit: Commit) -> None:
        """Learn of own posts, and of offers made of stock that was set aside here."""
        catalog, own = self._context.pen.catalog, self._context.pen.key.public
        if self.anew.again():
            self._wake.set()  # it may be that which lets this hub in
        for entry, record in commit.added:
            if entry.kind not in POSTS:
                continue
            if entry.author == own:
                self._take_own(entry)
                if len(self._own) > self._own_bound:
                    self._forget_what_went()
            elif len(record.head.subject) == RECORD_ID_BYTES:
                allotment = catalog.entries.get(record.head.subject)
                if allotment is not None and allotment.author == own:
                    self._children.add(entry.thread)
                    self._ask_for([entry.thread])

    def touched(self, threads: Iterable[bytes]) -> None:
        """Look at what concerns this hub of the posts that have changed (ledger.on_touched)."""
        for thread in sorted(threads):
            if thread in self._own or thread in self._children:
                self._ask_for([thread])
            self._ask_for(self._watching.of(thread))

    def look_at_all(self) -> None:
        """Look at all own posts, as after a start or a restore."""
        self._own.clear()
        for entry in self._context.pen.own_posts():
            self._take_own(entry)
        self._own_bound = 2 * len(self._own) + OWN_SPARE
        said = self._own & self._context.pen.catalog.chains.keys()
        self._ask_for(sorted(said | self._from_before | set(self._holds.threads())))
        self._finds_claims = True
        self._wake.set()

    async def boxes_changed(self, hubs: Collection[bytes]) -> None:
        """Seal contacts of open deals anew for hubs whose box keys have changed (membership.on_boxes_changed)."""
        if hubs:
            await self._contacts.seals.look(hubs)
        if hubs and self._contacts.seals.stale:
            self._ask_for(self._holds.threads())

    def partner_opened(self) -> None:
        """Look at all own posts: what is held of a partner network may ask, or be asked, and can be read now."""
        self.look_at_all()
        self.partner_cards_changed()

    def partner_cards_changed(self) -> None:
        """Learn anew to which keys hubs of partner networks want to be written."""
        self._learns_boxes = True
        self._wake.set()

    def partner_left(self) -> None:
        """Look at all own posts: of a partner network, or of a life of its set, nothing is held any more."""
        self._lots.left()
        self.look_at_all()

    async def keep_up_open(self) -> None:
        """Keep up what is open and ends soon, before anything expires by a time that was not known until now.

        Raises `BoardError` where the disk is full: then nothing may expire yet.
        """
        for thread in self._holds.threads():
            try:
                await self._renew(thread)
            except BoardError as error:
                if error.code == "disk_full":
                    raise
                logger.warning("post %s is not kept up: %s", thread.hex(), error)
        self.look_at_all()

    def _forget_what_went(self) -> None:
        """Forget own posts that are not held any more; they are noticed by their number alone."""
        self._own = {entry.thread for entry in self._context.pen.own_posts()}
        self._own_bound = 2 * len(self._own) + OWN_SPARE

    def _take_own(self, entry: Entry) -> None:
        """Learn of an own post. One from before a restore is ended though nothing is known to have been said of it."""
        self._own.add(entry.thread)
        now = self._context.clock.now()
        is_over = entry.ends or (now.trusted and (entry.expires or 0) <= now.wall_ms)
        if entry.kind == Kind.OFFER and entry.seq < self._context.pen.seq_floor and not is_over:
            self._from_before.add(entry.thread)

    def _ask_for(self, threads: Iterable[bytes]) -> None:
        for thread in threads:
            self._queue[thread] = None
            self._wake.set()

    # --- For the daemon

    async def load(self) -> None:
        """Read what earlier runs left; call it before `run`, when the engine has started."""
        await self._holds.load()
        await self.anew.load()
        await self._contacts.learn_abroad()
        await self._contacts.seals.look()
        self.look_at_all()

    async def run(self) -> None:
        """Look after own posts for as long as the hub runs."""
        await self._look_for_new_key()
        while True:
            await asyncio.sleep(PAUSE_S)
            self._wake.clear()
            if await self._turn():
                continue
            await self.anew.publish_again()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._idle_s()):
                    await self._wake.wait()

    async def look(self) -> None:
        """Do all that is due now."""
        while await self._turn():
            pass

    def _idle_s(self) -> float | None:
        """Return for how long there is nothing to do; None where only something new can bring more."""
        now_ms = self._context.clock.now().steady_ms
        waits = [due_ms - now_ms for due_ms in self._due.values()]
        written_in_ms = self._holds.write_in_ms()
        if written_in_ms is not None:
            waits.append(written_in_ms)
        if self.anew.again():
            waits.append(AGAIN_MS)
        return max(0, min(waits)) / 1000 if waits else None

    async def _turn(self) -> bool:
        """Look at some posts; tell whether more are to be looked at now."""
        now_ms = self._context.clock.now().steady_ms
        for thread in [thread for thread, due_ms in self._due.items() if due_ms <= now_ms]:
            del self._due[thread]
            self._queue[thread] = None
        if self._learns_boxes:
            self._learns_boxes = False
            await self.boxes_changed(await self._contacts.learn_abroad())
        if self._finds_claims:  # one look-up for all posts, of which nothing was said of most
            self._finds_claims = False
            self._ask_for(sorted(self._own.intersection(await self._ledger.shelves.lots_asked())))
        for thread in list(islice(self._queue, TURN_MAX)):
            del self._queue[thread]
            self._due.pop(thread, None)
            in_ms = await self._look_safely(thread)
            if in_ms is not None:
                self._due[thread] = self._context.clock.now().steady_ms + in_ms
        await self._write_holds()
        return bool(self._queue)

    async def _look_safely(self, thread: bytes) -> int | None:
        try:
            return await self._look(thread)
        except (BoardError, RecordError) as error:
            if isinstance(error, BoardError) and error.code in _OVER:
                return None
            logger.warning("post %s is looked at again later: %s", thread.hex(), error)
            return TRY_AGAIN_MS

    async def _write_holds(self) -> None:
        try:
            await self._holds.write()
        except BoardError as error:  # the disk is full; holds last longer rather than shorter
            logger.warning("how long things have waited is written down later: %s", error)

    # --- One post

    async def _look(self, thread: bytes) -> int | None:
        """Do what is due about one post; return in how many ms it is to be looked at again, None where never."""
        book = await self._book(thread)
        if book is None:
            self._forget(thread)
            return None
        if not book.is_mine:
            await self._uses.count_surrendered(thread)
            return None
        if book.ended in NEVER_GOES_ON:
            await self._end(book)
        chain = book.chain
        if chain.is_over or chain.stopped is not None:
            self._forget(thread)
            return None
        if isinstance(chain, LotChain):
            await self._find_children(chain)
            due_ms = await self._lots.look(thread)
            self._watching.put(thread, self._lots.needs_of[thread])
        else:
            due_ms = await self._needs.look(thread)
            self._watching.put(thread, self._needs.lots_of[thread] | _parent_abroad(book))
            if await self._is_left_alone(book):
                await self._posts.withdraw(thread.hex())
                return None
        dues = [due_ms, await self._tell_contacts(thread)]
        if self._holds.minutes(thread):
            dues += [await self._renew(thread), LOOK_ANYWAY_MS]
        return min((due for due in dues if due is not None), default=None)

    async def _book(self, thread: bytes) -> Book | None:
        """Return the book of a post about which something was said, or may have been; others are not even read."""
        is_looked_at = thread in self._context.pen.catalog.chains or thread in self._from_before
        if not is_looked_at and not await self._ledger.shelves.is_asked(thread):
            return None
        return await self._ledger.book(thread)

    async def _is_left_alone(self, need: Book) -> bool:
        """Tell whether a partner network is asked for a need that is over, and nothing is still to be said of it.

        Of a need that was withdrawn nothing stays, whatever was asked for it.
        """
        for thread in _parent_abroad(need):
            parent = await self._ledger.book(thread)
            if parent is None or parent.ended is EndReason.WITHDRAWN:
                return True
            return parent.chain.is_over and not self._holds.minutes(need.thread) and not _may_go_back(need)
        return False

    def _forget(self, thread: bytes) -> None:
        self._from_before.discard(thread)
        self._holds.keep(thread, frozenset())
        self._watching.put(thread, frozenset())
        self._lots.forget(thread)
        self._needs.forget(thread)

    async def _end(self, book: Book) -> None:
        reason = book.ended
        if self._context.pen.stopped and reason is not None:
            await self.anew.advise(book, reason)
        else:
            await self.anew.end(book)

    async def _renew(self, thread: bytes) -> int | None:
        """Keep up an own post that ends soon while something is open in it; return in how many ms it is to be again.

        That is no longer life than people asked for: when nothing is open any more it ends as they meant it to.
        """
        now, book = self._context.clock.reading(), await self._ledger.book(thread)
        if not now.trusted or book is None or not book.is_mine:  # while nobody knows the time nothing expires
            return None
        head = book.post.head
        is_perishable = categories.is_perishable(head.fixed[0])
        before_ms = RENEW_PERISHABLE_BEFORE_MS if is_perishable else RENEW_BEFORE_MS
        for_ms = RENEW_PERISHABLE_FOR_MS if is_perishable else RENEW_FOR_MS
        left_ms = (head.expires or 0) - now.wall_ms
        if left_ms <= before_ms:
            await self._posts.keep_up(thread.hex(), for_ms)
            left_ms = for_ms
        return left_ms - before_ms

    def _is_past_its_end(self, thread: bytes) -> bool:
        """Whether a post stands only because something is open in it: then nothing new is promised by itself."""
        now = self._context.clock.now()
        return now.trusted and self._posts.asked.is_over(thread, now.wall_ms)

    # --- Contact

    async def _tell_contacts(self, thread: bytes) -> int | None:
        """Tell the other sides of an own post's deals how to reach its people; return when to try again."""
        claims = await self._without_contact(thread)
        if not claims:
            return None
        dues: list[ContactDue] = []
        waits = False
        async with self._ledger.writing(thread):
            for claim in claims[:CONTACTS_AT_ONCE]:
                deal = await self._ledger.deal(claim)
                due = None if deal is None else await self._contacts.due(deal)
                if due is not None and due.thread == thread:
                    dues.append(due)
                elif deal is not None and deal.lot is not None:
                    waits |= deal.lot.is_mine != deal.need.is_mine
            if dues:
                said: list[Said] = [(due.facts, due.body) for due in dues]
                await self._ledger.write_all(thread, said, [due.private for due in dues])
        for due in dues:
            self._contacts.wrote(due)
        if len(claims) > CONTACTS_AT_ONCE and dues:
            return 1
        return CONTACT_AGAIN_MS if waits else None

    async def _without_contact(self, thread: bytes) -> list[bytes]:
        """Return the claims of what is promised and still lacks this side's contact."""
        book = await self._ledger.book(thread)
        chain = None if book is None else book.chain
        if isinstance(chain, LotChain):
            promises = chain.open_promise_of.items()
            return [claim for claim, promise in promises if not self._contacts.is_said(chain, promise)]
        if not isinstance(chain, NeedChain):
            return []
        claims = []
        for claim in list(chain.claims.values()):
            if claim.state is ClaimState.OPEN and not self._contacts.is_said(chain, claim.id):
                lot = lot_chain(await self._ledger.book(claim.lot))
                if lot is not None and (claim.id in lot.open_promise_of or claim.id in lot.handed_over_to):
                    claims.append(claim.id)
        return claims

    # --- Stock set aside

    async def _find_children(self, lot: LotChain) -> None:
        """Find the offers that were made of what an own one has set aside; later ones come with their commits."""
        for hub in sorted({allotment.hub for allotment in lot.allotments.values()} - self._searched):
            self._searched.add(hub)
            after: int | None = None
            wanted = PostFilter(now_ms=0, kind=int(Kind.OFFER), author=hub, standing=False)
            while True:
                page = await self._context.store.posts(wanted, after, PAGE)
                heads = [open_record(stored.wire, verify_signature=False).head for stored in page.posts]
                found = [head.thread for head in heads if len(head.subject) == RECORD_ID_BYTES]
                self._children.update(found)
                self._ask_for(found)
                if page.after is None:
                    break
                after = page.after

    # --- A new key

    async def _look_for_new_key(self) -> None:
        """Tell people what to count where this hub wrote with another key before: those accounts never go on."""
        own, store = self._context.pen.key.public, self._context.store
        before = await store.private_get(SPACE_SETTING, KEY_WROTE_AS)
        if before == own:
            return
        for thread, _kind in [] if before is None else await store.chains_of(before):
            book = await self._ledger.book(thread)
            if book is not None:
                await self.anew.advise(book, EndReason.VOID)
        with contextlib.suppress(BoardError):  # the disk is full: the next start does it
            await self._context.keep_private([PrivateRow(SPACE_SETTING, KEY_WROTE_AS, own)])


def _parent_abroad(need: Book) -> frozenset[bytes]:
    """Return the need for which one asks a partner network; nothing where it asks for itself."""
    head = need.post.head
    return frozenset({head.facts["parent"]}) if is_child_abroad(head) else frozenset()


def _may_go_back(need: Book) -> bool:
    """Tell whether something of a need was lent, perhaps, and is not given back."""
    chain = need.chain
    assert isinstance(chain, NeedChain)
    is_lent = need.post.head.facts.get("mode") == "lend"
    return is_lent and any(claim.received > claim.given_back for claim in chain.claims.values())
