"""Needs and offers: publish, find, change, end.

In: drafts and ids. Out: views, durable before they are returned. Who calls: API, site, and through them everybody.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

from hartig_node.board.asked import Asked, AskedLives
from hartig_node.board.context import Context, refused, thread_of
from hartig_node.board.drafts import FIXED_FIELDS, PostFields, read_draft
from hartig_node.board.errors import BoardError
from hartig_node.board.merging import draft_of, merged
from hartig_node.board.pickup import PickUps
from hartig_node.board.signing import Signed, logged
from hartig_node.board.views import KIND_NAMES, PostView, post_view, record_view
from hartig_node.ports import PostFilter, StoredPost
from hartig_node.searching import terms
from hartig_protocol.errors import RecordError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import LIFE_MS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire

BATCH_MAX = 100
RUN_BYTES = 8
LIMIT_MAX = 200
_POSTS = (Kind.NEED, Kind.OFFER)
_KINDS = {name: int(kind) for kind, name in KIND_NAMES.items()}


@dataclass(frozen=True)
class ListQuery:
    """Which posts are wanted; see `node/API.md` for each field."""

    kind: str | None = None
    category: str | None = None
    author: str | None = None
    area: str | None = None
    urgency: str | None = None
    level: str | None = None
    mode: str | None = None
    state: str = "standing"
    q: str | None = None
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True)
class ListPage:
    """One page; `cursor` continues it."""

    items: list[PostView]
    cursor: str | None


@dataclass(frozen=True)
class PublishedRecord:
    """A record signed elsewhere that this hub has taken."""

    id: str
    thread: str
    kind: int
    view: PostView | None


class Posts:
    """The use cases of needs and offers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.pick_ups = PickUps(context)
        self.asked = AskedLives(context.store, context.random_bytes(RUN_BYTES))
        self._changes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- Publishing

    async def publish(self, draft: Any) -> PostView:
        """Sign a draft and publish it."""
        signed, asked = self._sign(read_draft(draft))
        return await self._put(signed, asked)

    async def publish_for_neighbour(self, draft: Any) -> tuple[PostView, str]:
        """Publish a draft, and return the pick-up word that finds it again; both are durable together."""
        signed, asked = self._sign(read_draft(draft))
        word, row = self.pick_ups.make(signed.record)
        return await self._put(signed, asked, row), word

    async def publish_many(self, drafts: Sequence[Any], *, dry_run: bool) -> list[PostView | BoardError | None]:
        """Publish up to 100 drafts; each stands or falls alone. With `dry_run` only check: None where it is good."""
        if len(drafts) > BATCH_MAX:
            raise BoardError("too_large", f"{len(drafts)} drafts at once", f"send at most {BATCH_MAX} at a time")
        results: list[PostView | BoardError | None] = []
        signed: list[tuple[int, Signed, Asked | None]] = []
        taken: set[tuple[str, int]] = set()
        for draft in drafts:
            try:
                made = self._sign(read_draft(draft), taken)
            except BoardError as error:
                results.append(error)
                continue
            signed.append((len(results), *made))
            results.append(None)
        if signed and not dry_run:
            rows = [row for _, one, asked in signed for row in self._rows(one, asked)]
            refusals = await self._context.publish([one.record for _, one, _ in signed], rows)
            for (index, one, asked), refusal in zip(signed, refusals, strict=True):
                if refusal is None:
                    self.asked.put(one.record.head.thread, asked)
                results[index] = self._view_of(one.record) if refusal is None else refused(refusal)
        return results

    async def publish_record(self, wire: Wire) -> PublishedRecord:
        """Take a record that a client signed with a key of its own."""
        try:
            record = open_record(wire)
        except RecordError as error:
            hint = "sign it again as the protocol says"
            raise BoardError("bad_record", f"{error} ({error.code})", hint) from error
        await self._context.publish_one(record)
        view = self._view_of(record) if record.head.kind in _POSTS else None
        return PublishedRecord(record.id.hex(), record.head.thread.hex(), record.head.kind, view)

    def _sign(self, fields: PostFields, taken: set[tuple[str, int]] | None = None) -> tuple[Signed, Asked | None]:
        """Sign the first version of a post; `taken` holds the places that others of one batch have."""
        pen = self._context.pen
        expires_ms = self._expires(fields)
        place = pen.free_place(fields.kind, fields.audience, expires_ms, taken)
        signed = pen.first(
            fields.kind, pen.nonce(), fields.fixed, fields.audience, fields.facts, fields.body, expires_ms, place
        )
        return signed, self._asked_by(fields, signed, expires_ms)

    def _expires(self, fields: PostFields) -> int:
        """Return until when a post is to stand; while nobody knows the time, as long as possible."""
        reading = self._context.clock.reading()
        if not reading.trusted:
            return reading.wall_ms + LIFE_MS_MAX
        if fields.expires_ms is None:
            return reading.wall_ms + fields.life_ms
        if fields.expires_ms <= reading.wall_ms:
            raise BoardError("bad_draft", "expires_at lies in the past", "choose a later time", "/expires_at")
        return fields.expires_ms

    def _asked_by(self, fields: PostFields, signed: Signed, end_ms: int) -> Asked | None:
        """Return what is to be remembered of a draft's life beside its record."""
        if is_approx(signed.record):
            return Asked(fields.life_ms, fields.expires_ms, self.asked.run, self._steady_ms())
        return _ending(signed, end_ms)

    def _steady_ms(self) -> int:
        return self._context.clock.now().steady_ms

    async def _put(self, signed: Signed, asked: Asked | None, *rows: PrivateRow) -> PostView:
        """Publish one version of a post, with what is remembered beside it."""
        await self._context.publish_one(signed.record, (*self._rows(signed, asked), *rows))
        self.asked.put(signed.record.head.thread, asked)
        return self._view_of(signed.record)

    def _rows(self, signed: Signed, asked: Asked | None) -> tuple[PrivateRow, ...]:
        return (*signed.private, *self.asked.rows(signed.record.head.thread, asked))

    # --- Changing

    async def revise(self, thread: str, patch: Any, if_match: str | None = None) -> PostView:
        """Publish the next version, with a JSON merge patch (RFC 7396) applied to the draft."""
        async with self._change_of(thread):
            record = await self._own(thread, if_match)
            if not isinstance(patch, dict):
                raise BoardError("bad_draft", "a change is an object", "send only the fields that change")
            before = draft_of(record)
            after = merged(before, patch)
            fields = read_draft(after)
            self._check_fixed(record, fields, patch)
            renews = "days" in patch or "expires_at" in patch
            before_ms = self._end_of(record)
            expires_ms = self._expires(fields) if renews else before_ms
            if expires_ms < before_ms:
                detail = "a post cannot be given less time than it has"
                pointer = "/expires_at" if "expires_at" in patch else "/days"
                raise BoardError("fixed_field", detail, "withdraw it when it is over", pointer)
            signed = self._context.pen.next_version(record, fields.facts, fields.body, expires_ms)
            asked = self._asked_by(fields, signed, expires_ms) if renews else self._asked_before(record, signed)
            return await self._put(signed, asked)

    def _end_of(self, record: Record) -> int:
        """Return when a post ends by what was asked; one whose dates are about right only, by its record."""
        head, asked = record.head, self.asked.of(record.head.thread)
        if asked is not None and asked.waits and self._context.clock.reading().trusted:
            now = self._context.clock.now()
            return asked.end_from(now.wall_ms, self.asked.run, now.steady_ms)
        return self.asked.end_of(head.thread, head.expires or 0)

    def _asked_before(self, record: Record, signed: Signed) -> Asked | None:
        """Return what is to be remembered when a change says nothing of how long."""
        if is_approx(signed.record):
            asked = self.asked.of(record.head.thread)
            end_ms = self.asked.end_of(record.head.thread, record.head.expires or 0)
            waits = Asked(0, end_ms, self.asked.run, self._steady_ms())
            return asked if asked is not None and asked.waits else waits
        return _ending(signed, self._end_of(record))

    def _check_fixed(self, record: Record, fields: PostFields, patch: dict[str, Any]) -> None:
        head = record.head
        if [fields.kind, *fields.fixed, fields.audience] == [head.kind, *head.fixed, head.audience]:
            return
        changed = next((name for name in FIXED_FIELDS if name in patch), "category")
        hint = "withdraw this post and write a new one"
        raise BoardError("fixed_field", f"{changed} cannot be changed once it is posted", hint, f"/{changed}")

    async def withdraw(self, thread: str, if_match: str | None = None) -> PostView:
        """End a post: every honest hub drops its text at once."""
        async with self._change_of(thread):
            record = await self._own(thread, if_match)
            return await self._end(record)

    async def _end(self, record: Record) -> PostView:
        signed = self._context.pen.next_version(record, {"ends": True}, None, record.head.expires or 0)
        return await self._put(signed, None)

    async def renew(self, thread: str, days: float | None = None, if_match: str | None = None) -> PostView:
        """Keep a post up for longer; also one that has expired and is still held with its text."""
        async with self._change_of(thread):
            record = await self._own(thread, if_match)
            if record.body_bytes is None:
                raise BoardError("ended", "its text is gone already", "write it again as a new post")
            again = {**draft_of(record), **({} if days is None else {"days": days})}
            fields = read_draft(again)
            expires_ms = self._expires(fields)
            signed = self._context.pen.next_version(record, record.head.facts, record.body_bytes, expires_ms)
            return await self._put(signed, self._asked_by(fields, signed, expires_ms))

    async def date_anew(self, thread: str, word: bytes | None = None) -> None:
        """Write a post again with true dates, for as long as was asked; end one that has stood so long.

        `word` is the key of its pick-up word. Raises `BoardError` where there is nothing to write again.
        """
        async with self._change_of(thread):
            record = await self._own(thread, None)
            now_ms = self._context.clock.reading().wall_ms
            end_ms = self._end_of(record)
            if end_ms <= now_ms or record.body_bytes is None:
                await self._end(record)
                return
            signed = self._context.pen.next_version(record, record.head.facts, record.body_bytes, end_ms)
            rows = [logged(record, now_ms), *self.pick_ups.kept(word, signed.record)]
            await self._put(signed, _ending(signed, end_ms), *rows)

    async def forget_asked(self, thread: bytes) -> None:
        """Forget what was asked for a post that is not held any more."""
        await self._context.keep_private(self.asked.rows(thread, None))
        self.asked.put(thread, None)

    def _change_of(self, thread: str) -> asyncio.Lock:
        """Let changes of one post follow each other: the next reads what the one before has made durable."""
        return self._changes.setdefault(thread, asyncio.Lock())

    async def _own(self, thread: str, if_match: str | None) -> Record:
        """Return the held version of a post of this hub that has not ended."""
        stored = await self._stored(thread)
        record = open_record(stored.wire, verify_signature=False)
        if record.head.author != self._context.pen.key.public:
            raise BoardError("not_yours", "another hub posted this", "ask the people there")
        if record.head.ends:
            raise BoardError("ended", "this post was withdrawn", "write a new one")
        if if_match is not None and if_match not in ("*", self._view_of(record).etag):
            hint = "read it again, and repeat your change on the new version"
            raise BoardError("precondition_failed", "this is not the version that you have read", hint)
        return record

    # --- Finding

    async def get(self, thread: str) -> PostView:
        """Return one post, standing or not."""
        return self._stored_view(await self._stored(thread))

    async def _stored(self, thread: str) -> StoredPost:
        stored = await self._context.store.post(thread_of(thread))
        if stored is None:
            raise BoardError("not_found", "no such post is held here", "it may have ended, or not have arrived yet")
        return stored

    async def list(self, query: ListQuery) -> ListPage:
        """List posts, newest first, searching for all words of `q`."""
        wanted = self._filter(query)
        after = _cursor(query.cursor)
        if not 1 <= query.limit <= LIMIT_MAX:
            hint = f"limit is from 1 to {LIMIT_MAX}"
            raise BoardError("bad_request", f"limit {query.limit} is out of range", hint, "/limit")
        page = await self._context.store.posts(wanted, after, query.limit)
        cursor = None if page.after is None else f"n{page.after}"
        return ListPage([self._stored_view(stored) for stored in page.posts], cursor)

    def _filter(self, query: ListQuery) -> PostFilter:
        if query.kind is not None and query.kind not in _KINDS:
            raise BoardError("bad_request", f"there is no kind {query.kind!r}", "kind is need or offer", "/kind")
        if query.state not in ("standing", "all"):
            raise BoardError("bad_request", f"there is no state {query.state!r}", "state is standing or all", "/state")
        return PostFilter(
            now_ms=self._expiry_ms(),
            kind=None if query.kind is None else _KINDS[query.kind],
            category=query.category,
            author=self._author(query.author),
            area=query.area,
            urgency=query.urgency,
            level=query.level,
            mode=query.mode,
            standing=query.state == "standing",
            terms=terms(query.q or ""),
        )

    def _expiry_ms(self) -> int:
        """The time by which things have expired; with a clock that is not trusted nothing has."""
        now = self._context.clock.now()
        return now.wall_ms if now.trusted else 0

    def _author(self, author: str | None) -> bytes | None:
        if author is None:
            return None
        if author == "me":
            return self._context.pen.key.public
        try:
            key = bytes.fromhex(author)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise BoardError("bad_request", "author is the id of a hub, or me", "", "/author")
        return key

    async def raw(self, record_id: str) -> dict[str, Any]:
        """Return a record as it travels, in hexadecimal."""
        try:
            wanted = bytes.fromhex(record_id)
        except ValueError:
            wanted = b""
        stored = await self._context.store.read_record(wanted) if len(wanted) == 32 else None
        if stored is None:
            raise BoardError("not_found", "no such record is held here")
        head, signature, body = stored.wire
        return {
            "id": record_id,
            "head": head.hex(),
            "signature": signature.hex(),
            "body": None if body is None else body.hex(),
        }

    # --- By pick-up word

    async def find_by_word(self, word: str) -> PostView:
        """Return the post that a pick-up word belongs to."""
        return await self.get((await self.pick_ups.thread_of(word)).hex())

    async def change_by_word(self, word: str, action: str) -> PostView:
        """Withdraw or renew the post that a pick-up word belongs to."""
        thread = (await self.pick_ups.thread_of(word)).hex()
        return await (self.withdraw(thread) if action == "withdraw" else self.renew(thread))

    # --- Views

    def _view_of(self, record: Record) -> PostView:
        context = self._context
        return self._as_asked(record_view(record, context.pen.key.public, context.names(), self._expiry_ms()))

    def _stored_view(self, stored: StoredPost) -> PostView:
        context = self._context
        return self._as_asked(post_view(stored, context.pen.key.public, context.names(), self._expiry_ms()))

    def _as_asked(self, view: PostView) -> PostView:
        """Show when a post of ours ends, where its record has to say something later."""
        if not view.is_mine or view.approx:
            return view
        return replace(view, expires_ms=self.asked.end_of(bytes.fromhex(view.id), view.expires_ms))


def is_approx(record: Record) -> bool:
    """Whether a record says that its dates are about right only."""
    return record.head.facts.get("approx") is True


def _ending(signed: Signed, end_ms: int) -> Asked | None:
    """Return what is to be remembered of a post with true dates: its end, if the record had to say a later one."""
    return Asked(0, end_ms) if (signed.record.head.expires or 0) > end_ms else None


def _cursor(text: str | None) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"n(\d{1,15})", text)
    if found is None:
        raise BoardError("bad_cursor", "this cursor was not made by this hub", "begin without a cursor", "/cursor")
    return int(found[1])
