"""The board: all use cases of one node, composed. API, site and command line call nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from typing import Any

from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.belonging.changing import Changing
from hartig_node.board.belonging.invites import Invites
from hartig_node.board.belonging.labels import Labels
from hartig_node.board.belonging.looking import People
from hartig_node.board.belonging.membership import Membership
from hartig_node.board.belonging.pairing import Pairing
from hartig_node.board.belonging.reminding import ENDS_SOON, Reminders
from hartig_node.board.belonging.rules import Rules
from hartig_node.board.belonging.tokens import Tokens
from hartig_node.board.belonging.waiting import waiting_json
from hartig_node.board.bundles import Bundles
from hartig_node.board.contact.contacts import Contacts
from hartig_node.board.context import Context, Settings
from hartig_node.board.deals.deals import Deals
from hartig_node.board.deals.elsewhere import Elsewhere
from hartig_node.board.drafts.views import KIND_NAMES
from hartig_node.board.errors import BoardError
from hartig_node.board.fetching import Fetching
from hartig_node.board.keeping.keeper import Keeper
from hartig_node.board.partners.minding import ENDS_SOON as AGREEMENT_ENDS_SOON
from hartig_node.board.partners.minding import SHORT
from hartig_node.board.partners.partners import Partners
from hartig_node.board.partners.proposals import ASKED
from hartig_node.board.posts.posts import Posts
from hartig_node.board.posts.shelves import Shelves
from hartig_node.board.status import Status
from hartig_node.board.timekeeper import Timekeeper
from hartig_node.board.times import rfc3339
from hartig_node.feed import Listener
from hartig_node.ports import FeedItem, StoreError
from hartig_protocol.events import Commit
from hartig_protocol.records.record import Kind

HEARTBEAT_S = 15.0
FEED_PAGE = 256
EVENT_NAMES = (
    "post.added", "post.changed", "post.ended", "member.added", "member.changed", "member.ended", ENDS_SOON,
    "removal.added", "removal.changed", "card.added", "card.changed", "card.ended", "network.added",
    "network.changed", "network.forked", "agreement.added", "agreement.changed", "agreement.ended", ASKED,
    AGREEMENT_ENDS_SOON, SHORT, "record.added", "record.changed", "record.ended", "deal.changed", "peer.connected",
    "peer.left",
)  # fmt: skip


class Board:
    """One node's use cases."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.ledger = Ledger(context)
        self.posts = Posts(context, self.ledger)
        self.flags, self.hiding = self.posts.flags, self.posts.hiding
        self.deals = Deals(context, self.ledger, self.posts)
        context.engine.on_committed = self._committed
        self._follow_partners()
        self.contacts = Contacts(context, self.ledger)
        self.keeper = Keeper(context, self.ledger, self.posts, self.deals, self.contacts)
        self.ledger.on_touched = self.keeper.touched
        self.elsewhere = Elsewhere(context, self.ledger, self.posts)
        self.shelves = Shelves(context, self.posts, self.posts.progressing.lows)
        self.people = People(context)
        self.changing = Changing(context, self.people)
        self.labels = Labels(context, self.people)
        self.rules = Rules(context, self.people)
        self.partners = Partners(context, self.people, self.hiding, self.flags)
        self.invites = Invites(context)
        self.tokens = Tokens(context)
        self.pairing = Pairing(context)
        self.membership = Membership(context, self.invites)
        self.membership.on_restored = self.keeper.look_at_all
        self.membership.on_boxes_changed = self.keeper.boxes_changed
        self.timekeeper = Timekeeper(context, self.posts, self.membership)
        self.timekeeper.before_expiry = self.keeper.keep_up_open
        self._reminders = Reminders(context, self.rules)
        self.timekeeper.on_hour = self._remind
        self.status = Status(context, self.membership, self.rules, self.timekeeper)
        self.status.other_problems, self.status.partners = self._problems, self.partners.minding.figures
        self.status.desk = self.pairing.door
        self.bundles = Bundles(context, self.partners.proposals)

    def __repr__(self) -> str:
        return f"<Board of {self._context.engine!r}>"

    async def _remind(self) -> None:
        await self._reminders.look()
        await self.partners.minding.look()

    async def _problems(self) -> Sequence[tuple[str, str, str]]:
        return [*self.keeper.problems(), *await self.partners.minding.problems()]

    def _follow_partners(self) -> None:
        """Hear what becomes durable of partner networks, and which sets come and go."""
        partners = self._context.engine.partners
        partners.on_committed = self._committed_abroad
        partners.on_opened.append(lambda _network, _loaded: self.keeper.partner_opened())
        partners.on_left.append(self._partner_left)

    def _committed_abroad(self, commit: Commit) -> None:
        self.ledger.committed(commit)
        if any(entry.kind == Kind.CARD for entry, _ in commit.added):
            self.keeper.partner_cards_changed()

    def _partner_left(self, network: bytes) -> None:
        self.ledger.left(network)
        self.keeper.partner_left()

    def _committed(self, commit: Commit) -> None:
        """Take what has become durable, before anybody is told of it."""
        self.timekeeper.committed(commit)
        self.posts.progressing.committed(commit)
        self.keeper.committed(commit)
        self.ledger.committed(commit)

    @property
    def context(self) -> Context:
        """What the use cases share, for doors that keep private rows of their own."""
        return self._context

    @property
    def config(self) -> Settings:
        """What the configuration says that people or programs are shown."""
        return self._context.settings

    def waiting(self) -> dict[str, Any]:
        """Return what is here and does not count yet, by neighbour."""
        return waiting_json(self._context)

    def fetching(self) -> Fetching:
        """Return how far this hub has come in fetching what the others have."""
        return self.status.fetching()

    async def backup(self, path: str) -> None:
        """Write a consistent copy of everything but the keys to a new file."""
        try:
            await self._context.store.backup(path)
        except (StoreError, OSError) as error:
            raise BoardError("bad_request", str(error), "choose another file", "/path") from error

    async def events(self, after: int | None = None) -> AsyncIterator[FeedItem | None]:
        """Yield the feed's lines after number `after` (None: from now on), then new ones as they come.

        None is yielded at the start, and when nothing has happened for 15 seconds.
        Raises `BoardError("feed_gone")` where lines after `after` are no longer kept.
        """
        feed, store = self._context.engine.feed, self._context.store
        lowest, highest = await store.feed_bounds()
        if after is not None and (after > highest or after < lowest - 1):
            raise BoardError("feed_gone", f"events after number {after} are no longer kept", "list the posts anew")
        last = highest if after is None else after
        with closing(_Listening(feed.listen(), feed.close)) as listening:
            yield None  # the question was good, so the answer can begin
            while True:
                listening.listener.restart()
                while items := await store.feed(last, FEED_PAGE):
                    for item in items:
                        last = item.seq
                        yield item
                async for fresh in self._fresh(listening.listener, last):
                    if fresh is not None:
                        last = fresh.seq
                    yield fresh

    async def _fresh(self, listener: Listener, last: int) -> AsyncIterator[FeedItem | None]:
        """Yield new items until this listener has missed some."""
        while not listener.lagged:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    item = await listener.next()
            except TimeoutError:
                yield None
                continue
            if item.seq > last:
                last = item.seq
                yield item


class _Listening:
    """Ends listening when its reader goes."""

    def __init__(self, listener: Listener, end: Any) -> None:
        self.listener, self._end = listener, end

    def close(self) -> None:
        self._end(self.listener)


def event_json(item: FeedItem) -> dict[str, Any]:
    """Return a line of the feed as the node API gives it."""
    view: dict[str, Any] = {"seq": item.seq, "name": item.name, "at": rfc3339(item.at_ms)}
    if item.kind in (Kind.NEED, Kind.OFFER):
        view["kind"] = KIND_NAMES[Kind(item.kind)]
        view["post"] = item.thread.hex()
    elif item.kind == Kind.STEP:
        view["thread"] = item.thread.hex()
    if item.record:
        view["record"] = item.record.hex()
    if item.peer:
        view["hub"] = item.peer.hex()
    return view
