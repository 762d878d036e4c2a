"""Needs and offers: publish, find, change, end.

In: drafts and ids. Out: views, durable before they are returned. Who calls: API, site, and through them everybody.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hartig_node.board.asked import Asked, AskedLives
from hartig_node.board.contact_texts import ContactTexts
from hartig_node.board.context import Context, refused, thread_of
from hartig_node.board.dating import Dating
from hartig_node.board.dealguard import DealGuard
from hartig_node.board.drafts import FIXED_FIELDS, PostFields, read_draft
from hartig_node.board.errors import BoardError
from hartig_node.board.kin import Kin
from hartig_node.board.ledger import Ledger
from hartig_node.board.merging import draft_of, merged
from hartig_node.board.pickup import PickUps
from hartig_node.board.postlist import LIMIT_MAX, ListPage, ListQuery, cursor_of, filter_of, place_of
from hartig_node.board.progress import Progressing
from hartig_node.board.signing import Signed, logged
from hartig_node.board.views import PostView, record_view
from hartig_node.ports import StoredPost
from hartig_protocol.errors import RecordError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import HOLD_MIN_MAX, LIFE_MS_MAX, MINUTE_MS
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire

__all__ = ["BATCH_MAX", "LIMIT_MAX", "ListPage", "ListQuery", "Posts", "PublishedRecord", "is_approx"]

BATCH_MAX = 100
RUN_BYTES = 8
_POSTS = (Kind.NEED, Kind.OFFER)


@dataclass(frozen=True)
class PublishedRecord:
    """A record signed elsewhere that this hub has taken."""

    id: str
    thread: str
    kind: int
    view: PostView | None


class Posts:
    """The use cases of needs and offers."""

    def __init__(self, context: Context, ledger: Ledger) -> None:
        self._context, self._ledger = context, ledger
        self.pick_ups = PickUps(context)
        self.asked = AskedLives(context.store, context.random_bytes(RUN_BYTES))
        self.dating = Dating(context.clock)
        self.contact_texts = ContactTexts(context)
        self.progressing = Progressing(context, ledger, Kin(context))
        self._guard = DealGuard(ledger)
        self.dating.bound = self._guard.bound

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
                results[index] = await self._shown(one.record) if refusal is None else refused(refusal)
        return results

    async def publish_record(self, wire: Wire) -> PublishedRecord:
        """Take a record that a client signed with a key of its own."""
        try:
            record = open_record(wire)
        except RecordError as error:
            hint = "sign it again as the protocol says"
            raise BoardError("bad_record", f"{error} ({error.code})", hint) from error
        await self._context.publish_one(record)
        view = await self._shown(record) if record.head.kind in _POSTS else None
        return PublishedRecord(record.id.hex(), record.head.thread.hex(), record.head.kind, view)

    async def publish_counted(
        self, draft: Any, subject: bytes, count: Callable[[Record], Signed], row: Callable[[Record], PrivateRow]
    ) -> PostView:
        """Publish an offer made from what was set aside (`subject`), its first count and a private row, together."""
        signed, asked = self._sign(read_draft(draft), subject=subject)
        counted = count(signed.record)
        rows = (*self._rows(signed, asked), *counted.private, row(signed.record))
        for refusal in await self._context.publish([signed.record, counted.record], rows):
            if refusal is not None:
                raise refused(refusal)
        self.asked.put(signed.record.head.thread, asked)
        return await self._shown(signed.record)

    def _sign(
        self, fields: PostFields, taken: set[tuple[str, int]] | None = None, subject: bytes | None = None
    ) -> tuple[Signed, Asked | None]:
        """Sign the first version of a post; `taken` holds the places that others of one batch have."""
        pen, fields = self._context.pen, self.dating.first(fields)
        expires_ms = self._expires(fields)
        place = pen.free_place(fields.kind, fields.audience, expires_ms, taken)
        signed = pen.first(
            fields.kind,
            pen.nonce() if subject is None else subject,
            fields.fixed,
            fields.audience,
            fields.facts,
            fields.body,
            expires_ms,
            place,
        )
        signed = _with(signed, self.contact_texts.rows(signed.record, fields.contact) if fields.contact else ())
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
        return await self._shown(signed.record)

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
            fields = await self.dating.again(read_draft(after), record, is_new="repeats" in patch)
            self._check_fixed(record, fields, patch)
            await self._guard.check_quantity(record, fields.facts)
            renews = "days" in patch or "expires_at" in patch
            before_ms = self._end_of(record)
            expires_ms = self._expires(fields) if renews else before_ms
            if expires_ms < before_ms:
                detail = "a post cannot be given less time than it has"
                pointer = "/expires_at" if "expires_at" in patch else "/days"
                raise BoardError("fixed_field", detail, "withdraw it when it is over", pointer)
            signed = self._context.pen.next_version(record, fields.facts, fields.body, expires_ms)
            asked = self._asked_by(fields, signed, expires_ms) if renews else self._asked_before(record, signed)
            texts, post = self.contact_texts, signed.record
            contact = texts.rows(post, fields.contact) if "contact" in patch else await texts.kept(post)
            return await self._put(signed, asked, *contact)

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

    async def withdraw(self, thread: str, if_match: str | None = None, *, force: bool = False) -> PostView:
        """End a post: every honest hub drops its text at once.

        Where something of an offer is promised this is refused at first, and says to whom; with `force` the promises
        are void with the post, and those who wait read so.
        """
        async with self._change_of(thread):
            record = await self._own(thread, if_match)
            if not force:
                await self._guard.check_promises(record)
            return await self._end(record)

    async def _end(self, record: Record) -> PostView:
        signed = self._context.pen.next_version(record, {"ends": True}, None, record.head.expires or 0)
        return await self._put(signed, None, *self.contact_texts.rows(signed.record, None))

    async def renew(self, thread: str, days: float | None = None, if_match: str | None = None) -> PostView:
        """Keep a post up for longer; also one that has expired and is still held with its text."""
        async with self._change_of(thread):
            record = await self._own(thread, if_match)
            if record.body_bytes is None:
                raise BoardError("ended", "its text is gone already", "write it again as a new post")
            again = {**draft_of(record), **({} if days is None else {"days": days})}
            carried = await self.dating.carried(record)
            fields = carried.lasting(read_draft(again))
            expires_ms = self._expires(fields)
            signed = self._context.pen.next_version(record, carried.facts, carried.body, expires_ms)
            contact = await self.contact_texts.kept(signed.record)
            return await self._put(signed, self._asked_by(fields, signed, expires_ms), *contact)

    async def date_anew(self, thread: str, word: bytes | None = None) -> None:
        """Write a post again with true dates, for as long as was asked; end one that has stood so long.

        One of which something is still promised stands until that is settled, and is ended then (`AskedLives.over`).
        `word` is the key of its pick-up word. Raises `BoardError` where there is nothing to write again.
        """
        async with self._change_of(thread):
            record = await self._own(thread, None)
            now_ms = self._context.clock.reading().wall_ms
            end_ms = self._end_of(record)
            is_over = end_ms <= now_ms and await self._guard.promising(record) is None
            if is_over or record.body_bytes is None:
                await self._end(record)
                return
            carried = await self.dating.carried(record)
            stands_ms = end_ms if end_ms > now_ms else now_ms + HOLD_MIN_MAX * MINUTE_MS
            signed = self._context.pen.next_version(record, carried.facts, carried.body, stands_ms)
            rows = [logged(record, now_ms), *self.pick_ups.kept(word, signed.record)]
            rows += await self.contact_texts.kept(signed.record)
            await self._put(signed, _ending(signed, end_ms), *rows)

    async def forget_asked(self, thread: bytes) -> None:
        """Forget what was asked for a post that is not held any more."""
        await self._context.keep_private(self.asked.rows(thread, None))
        self.asked.put(thread, None)

    def _change_of(self, thread: str) -> asyncio.Lock:
        """Let changes of a post and its account follow each other: the next reads what the one before made durable."""
        return self._ledger.writing(thread_of(thread))

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
        return await self._stored_view(await self._stored(thread))

    async def _stored(self, thread: str) -> StoredPost:
        stored = await self._context.store.post(thread_of(thread))
        if stored is None:
            raise BoardError("not_found", "no such post is held here", "it may have ended, or not have arrived yet")
        return stored

    async def list(self, query: ListQuery) -> ListPage:
        """List posts, newest first, searching for all words of `q`."""
        after = place_of(query)
        wanted = filter_of(query, self._context.pen.key.public, self._expiry_ms())
        page = await self._context.store.posts(wanted, after, query.limit)
        cursor = None if page.after is None else cursor_of(page.after)
        return ListPage([await self._stored_view(stored) for stored in page.posts], cursor)

    def _expiry_ms(self) -> int:
        """The time by which things have expired; with a clock that is not trusted nothing has."""
        now = self._context.clock.now()
        return now.wall_ms if now.trusted else 0

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

    async def change_by_word(self, word: str, action: str, *, force: bool = False) -> PostView:
        """Withdraw or renew the post that a pick-up word belongs to."""
        thread = (await self.pick_ups.thread_of(word)).hex()
        return await (self.withdraw(thread, force=force) if action == "withdraw" else self.renew(thread))

    # --- Views

    def _view_of(self, record: Record) -> PostView:
        context = self._context
        return self._as_asked(record_view(record, context.pen.key.public, context.names(), self._expiry_ms()))

    async def _shown(self, record: Record) -> PostView:
        """Return a post with how far it has come."""
        view = self._view_of(record)
        return replace(view, progress=(await self.progressing.of_post(record, view)).as_json())

    async def _stored_view(self, stored: StoredPost) -> PostView:
        return await self._shown(open_record(stored.wire, verify_signature=False))

    def _as_asked(self, view: PostView) -> PostView:
        """Show when a post of ours ends, where its record has to say something later."""
        if not view.is_mine or view.approx:
            return view
        return replace(view, expires_ms=self.asked.end_of(bytes.fromhex(view.id), view.expires_ms))


def _with(signed: Signed, rows: Sequence[PrivateRow]) -> Signed:
    """Return a signed record with further rows for the same commit."""
    return replace(signed, private=(*signed.private, *rows))


def is_approx(record: Record) -> bool:
    """Whether a record says that its dates are about right only."""
    return record.head.facts.get("approx") is True


def _ending(signed: Signed, end_ms: int) -> Asked | None:
    """Return what is to be remembered of a post with true dates: its end, if the record had to say a later one."""
    return Asked(0, end_ms) if (signed.record.head.expires or 0) > end_ms else None
