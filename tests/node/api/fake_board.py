"""A board in memory: real invites, tokens and events, posts in a dict.

In: drafts. Out: views. Who calls: the tests of the API, which are about HTTP and not about signing.
"""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from hartig_node.board.belonging.invites import Invites
from hartig_node.board.belonging.pairing import Pairing
from hartig_node.board.belonging.tokens import Tokens
from hartig_node.board.board import Board
from hartig_node.board.drafts.drafts import read_draft
from hartig_node.board.drafts.merging import merged
from hartig_node.board.drafts.views import KIND_NAMES, PostView, quantity_text
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import ListPage, ListQuery, PublishedRecord
from hartig_node.feed import Feed
from hartig_node.ports import FeedItem
from hartig_protocol.events import Now, PrivateRow
from hartig_protocol.records.posts import ATTRIBUTE_LISTS

NOW_MS = 1_795_400_000_000
HUB = "ab" * 32


class FakeClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def now(self) -> Now:
        return Now(self.now_ms, self.now_ms, trusted=True)


class FakeStore:
    """Private rows and the feed."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, bytes], bytes] = {}
        self.items: list[FeedItem] = []
        self.lowest = 1

    async def private_get(self, space: str, key: bytes) -> bytes | None:
        return self.rows.get((space, key))

    async def private_list(self, space: str) -> list[tuple[bytes, bytes]]:
        return sorted((key, value) for (held, key), value in self.rows.items() if held == space)

    async def feed(self, after: int, count_max: int) -> list[FeedItem]:
        return [item for item in self.items if item.seq > after][:count_max]

    async def feed_bounds(self) -> tuple[int, int]:
        return (self.lowest, self.items[-1].seq) if self.items else (0, 0)


class FakeContext:
    """What invites, tokens and events need of a node."""

    def __init__(self) -> None:
        self.store, self.clock = FakeStore(), FakeClock()
        self.engine = SimpleNamespace(feed=Feed(), stuck=None)
        catalog = SimpleNamespace(charter=None)
        self.pen = SimpleNamespace(network=bytes(16), catalog=catalog, free_place=lambda *_: 1)
        self.node_id = bytes(32)
        self._drawn = 0

    def random_bytes(self, count: int) -> bytes:
        self._drawn += 1
        return self._drawn.to_bytes(count, "big")

    async def keep_private(self, rows: Sequence[PrivateRow]) -> None:
        for row in rows:
            if row.value is None:
                self.store.rows.pop((row.space, row.key), None)
            else:
                self.store.rows[row.space, row.key] = row.value


class FakePosts:
    """Needs and offers in a dict, newest last."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[dict[str, Any], PostView]] = {}
        self.queries: list[ListQuery] = []
        self.records: list[tuple[bytes, bytes, bytes | None]] = []
        self.failure: Exception | None = None

    async def publish(self, draft: Any) -> PostView:
        return self._keep(f"{len(self.held) + 1:032x}", draft, 1)

    def _keep(self, thread: str, draft: Any, seq: int) -> PostView:
        if self.failure is not None:
            raise self.failure
        fields = read_draft(draft)
        category, area, unit, smallest_part = fields.fixed
        body = fields.body
        view = PostView(
            id=thread,
            record=f"{thread}{seq:032x}"[::-1],
            kind=KIND_NAMES[fields.kind],
            state="standing",
            category=category,
            area=area,
            audience=fields.audience,
            title=body["title"],
            text=body.get("text", {}),
            attributes={name: body[name] for name in ATTRIBUTE_LISTS if name in body},
            source=body.get("source"),
            quantity=quantity_text(fields.facts.get("quantity"), smallest_part),
            unit=unit,
            smallest_part=smallest_part,
            facts=fields.facts,
            author=HUB,
            author_name="Garden hub",
            is_mine=True,
            seq=seq,
            published_ms=NOW_MS,
            expires_ms=fields.expires_ms or NOW_MS + fields.life_ms,
        )
        self.held[thread] = (draft, view)
        return view

    async def publish_many(self, drafts: list[Any], *, dry_run: bool) -> list[PostView | BoardError | None]:
        if len(drafts) > 100:
            raise BoardError("too_large", f"{len(drafts)} drafts at once", "send at most 100 at a time")
        results: list[PostView | BoardError | None] = []
        for draft in drafts:
            try:
                read_draft(draft)
                results.append(None if dry_run else await self.publish(draft))
            except BoardError as error:
                results.append(error)
        return results

    async def publish_record(self, wire: tuple[bytes, bytes, bytes | None]) -> PublishedRecord:
        self.records.append(wire)
        view = await self.publish({"kind": "need", "category": "food", "title": "Signed elsewhere"})
        return PublishedRecord(view.record, view.id, 16, view)

    async def get(self, thread: str) -> PostView:
        if self.failure is not None:
            raise self.failure
        if thread not in self.held:
            raise BoardError("not_found", "no such post is held here", "it may have ended")
        return self.held[thread][1]

    async def _own(self, thread: str, if_match: str | None) -> PostView:
        view = await self.get(thread)
        if if_match not in (None, view.etag):
            raise BoardError("precondition_failed", "this is not the version that you have read", "read it again")
        return view

    async def revise(self, thread: str, patch: Any, if_match: str | None) -> PostView:
        view = await self._own(thread, if_match)
        return self._keep(thread, merged(self.held[thread][0], patch), view.seq + 1)

    async def withdraw(self, thread: str, if_match: str | None, *, force: bool = False) -> PostView:
        view = replace(await self._own(thread, if_match), state="ended")
        self.held[thread] = (self.held[thread][0], view)
        return view

    async def renew(self, thread: str, days: float | None, if_match: str | None) -> PostView:
        view = await self._own(thread, if_match)
        return self._keep(thread, {**self.held[thread][0], "days": days or 14}, view.seq + 1)

    async def list(self, query: ListQuery) -> ListPage:
        self.queries.append(query)
        views = [view for _draft, view in self.held.values() if query.kind in (None, view.kind)]
        begin = int((query.cursor or "n0")[1:])
        page = views[begin : begin + query.limit]
        more = begin + len(page) < len(views)
        return ListPage(page, f"n{begin + len(page)}" if more else None)

    async def raw(self, record_id: str) -> dict[str, Any]:
        if not self.records or record_id != "aa" * 32:
            raise BoardError("not_found", "no such record is held here")
        head, signature, body = self.records[-1]
        return {"id": record_id, "head": head.hex(), "signature": signature.hex(), "body": body and body.hex()}


class FakeStatus:
    """A status that a test writes."""

    def __init__(self) -> None:
        self.problems: list[dict[str, Any]] = []

    async def report(self) -> dict[str, Any]:
        return {"hub": HUB, "state": "member", "problems": self.problems}

    def peers(self) -> list[dict[str, Any]]:
        return [{"node": "cd" * 32, "state": "open"}]

    async def ready(self) -> tuple[bool, list[dict[str, Any]]]:
        return not self.problems, self.problems

    async def partners(self) -> list[dict[str, Any]]:
        return [{"id": "ab" * 16, "records": 5, "links": 2}]

    async def metrics(self) -> dict[str, float]:
        return {"hartig_posts": 3, "hartig_arrivals_total": 7}


class FakeBoard(Board):
    """The real board's events, invites, tokens and paired devices over the fakes above."""

    def __init__(self) -> None:
        self._context = FakeContext()  # type: ignore[assignment]
        self.posts: FakePosts = FakePosts()  # type: ignore[assignment]
        self.status: FakeStatus = FakeStatus()  # type: ignore[assignment]
        self.invites, self.tokens = Invites(self._context), Tokens(self._context)
        self.invites._invites_left = lambda: 100  # type: ignore[method-assign] - nobody belongs here
        self.pairing = Pairing(self._context)

    def happen(self, count: int = 1) -> None:
        """Make some events durable and hand them out."""
        store, feed = self.context.store, self.context.engine.feed
        first = store.items[-1].seq + 1 if store.items else 1
        items = [
            FeedItem(seq, "post.added", NOW_MS, bytes(16), bytes(32), 16, bytes(32))
            for seq in range(first, first + count)
        ]
        store.items += items
        feed.publish(items)
