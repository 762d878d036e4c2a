"""What all changes of needs and offers share: reading an own post, signing what follows, making it durable, showing it.

In: records and fields of own posts. Out: versions with the private rows that belong in the same commit, and views. Each
change happens under the lock of the post's account. Who builds on it: `lives`, `posts`.
"""

import asyncio
from dataclasses import replace

from hartig_node.board.accounts.guard import DealGuard
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.accounts.progress import Progressing
from hartig_node.board.contact.texts import ContactTexts
from hartig_node.board.context import Context, thread_of
from hartig_node.board.drafts.dating import Dating
from hartig_node.board.drafts.drafts import PostFields
from hartig_node.board.drafts.views import PostView, record_view
from hartig_node.board.errors import BoardError
from hartig_node.board.marks import Marks
from hartig_node.board.moderation.flags import Flags, flags_json
from hartig_node.board.moderation.hiding import Hiding
from hartig_node.board.partners.foreign import Foreign
from hartig_node.board.posts.asked import Asked, AskedLives
from hartig_node.board.posts.pickup import PickUps
from hartig_node.board.signing import Signed
from hartig_node.ports import StoredPost
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import LIFE_MS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Record

RUN_BYTES = 8


class PostWriting:
    """Reads, signs and shows own posts."""

    def __init__(self, context: Context, ledger: Ledger) -> None:
        self._context, self._ledger = context, ledger
        self.pick_ups = PickUps(context)
        self.asked = AskedLives(context.store, context.random_bytes(RUN_BYTES))
        self.dating = Dating(context.clock)
        self.contact_texts = ContactTexts(context)
        marks = Marks(context)
        self.progressing = Progressing(context, ledger, marks)
        self.hiding = Hiding(context)
        self.foreign = Foreign(context)
        self.flags = Flags(context, marks, self.hiding)
        self._guard = DealGuard(ledger)
        self.dating.bound = self._guard.bound

    # --- How long

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
        return ending(signed, end_ms)

    def _steady_ms(self) -> int:
        return self._context.clock.now().steady_ms

    async def _put(self, signed: Signed, asked: Asked | None, *rows: PrivateRow) -> PostView:
        """Publish one version of a post, with what is remembered beside it.

        What the catalog has taken becomes durable also where the disk is full for now, or nobody waits for the answer.
        """
        try:
            await self._context.publish_one(signed.record, (*self._rows(signed, asked), *rows))
        finally:
            if self._context.pen.has_taken(signed):
                self.asked.put(signed.record.head.thread, asked)
        return await self._shown(signed.record)

    def _rows(self, signed: Signed, asked: Asked | None) -> tuple[PrivateRow, ...]:
        return (*signed.private, *self.asked.rows(signed.record.head.thread, asked))

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
        return ending(signed, self._end_of(record))

    # --- What is held

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

    async def _stored(self, thread: str) -> StoredPost:
        stored = await self._context.store.post(thread_of(thread))
        if stored is not None:
            return stored
        if await self.foreign.find(thread_of(thread)) is not None:
            raise BoardError("not_yours", "a hub of a partner network posted this", "ask the people there")
        raise missing()

    async def _end(self, record: Record) -> PostView:
        signed = self._context.pen.next_version(record, {"ends": True}, None, record.head.expires or 0)
        return await self._put(signed, None, *self.contact_texts.rows(signed.record, None))

    # --- Views

    def _expiry_ms(self) -> int:
        """The time by which things have expired; with a clock that is not trusted nothing has."""
        now = self._context.clock.now()
        return now.wall_ms if now.trusted else 0

    def _view_of(self, record: Record) -> PostView:
        context = self._context
        return self._as_asked(record_view(record, context.pen.key.public, context.names(), self._expiry_ms()))

    async def _shown(self, record: Record) -> PostView:
        """Return a post with how far it has come, who flagged it, and why lists here leave it out."""
        view = self._view_of(record)
        progress = (await self.progressing.of_post(record, view)).as_json()
        return await self._judged(replace(view, progress=progress))

    async def _judged(self, view: PostView) -> PostView:
        thread, author = bytes.fromhex(view.id), bytes.fromhex(view.author)
        hidden = None if view.is_mine else await self.hiding.why(thread, author)
        flags = flags_json(await self.flags.of(thread, author))
        return replace(view, flags=flags, hidden=None if hidden is None else hidden.as_json())

    async def _foreign_view(self, network: bytes, stored: StoredPost) -> PostView:
        view = await self.foreign.view(network, stored, self._expiry_ms())
        progress = await self.progressing.of_post(open_record(stored.wire, verify_signature=False), view)
        return await self._judged(replace(view, progress=progress.as_json()))

    async def _stored_view(self, stored: StoredPost) -> PostView:
        return await self._shown(open_record(stored.wire, verify_signature=False))

    def _as_asked(self, view: PostView) -> PostView:
        """Show when a post of ours ends, where its record has to say something later."""
        if not view.is_mine or view.approx:
            return view
        return replace(view, expires_ms=self.asked.end_of(bytes.fromhex(view.id), view.expires_ms))


def missing() -> BoardError:
    """Say that a post is held neither of our network nor of a partner's."""
    return BoardError("not_found", "no such post is held here", "it may have ended, or not have arrived yet")


def is_approx(record: Record) -> bool:
    """Whether a record says that its dates are about right only."""
    return record.head.facts.get("approx") is True


def ending(signed: Signed, end_ms: int) -> Asked | None:
    """Return what is to be remembered of a post with true dates: its end, if the record had to say a later one."""
    return Asked(0, end_ms) if (signed.record.head.expires or 0) > end_ms else None
