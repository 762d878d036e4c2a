"""How long needs and offers stand: renewed by people and by their hub, dated anew, ended when they were meant to.

In: own posts. Out: their next versions. A post that its hub keeps up because something is open in it, or that was
written while nobody knew the time, stands longer than was asked; the end that people meant is remembered beside it
(`asked`), and the hub ends it then, or as soon as nothing is open in it. Who calls: `posts` for people; `keeper` and
`timekeeper` for what a hub does by itself.
"""

from hartig_node.board.drafts.drafts import read_draft
from hartig_node.board.drafts.merging import draft_of
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.writing import PostWriting, ending
from hartig_node.board.signing import logged
from hartig_protocol.limits import HOLD_MIN_MAX, MINUTE_MS


class PostLives(PostWriting):
    """The use cases of how long posts stand."""

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
            words = self.pick_ups.kept((await self.pick_ups.keys()).get(record.head.thread), signed.record)
            contact = await self.contact_texts.kept(signed.record)
            return await self._put(signed, self._asked_by(fields, signed, expires_ms), *words, *contact)

    async def keep_up(self, thread: str, for_ms: int) -> None:
        """Let a post stand so much longer because something is open in it; it still ends when people meant it to."""
        async with self._change_of(thread):
            record = await self._own(thread, None)
            carried = await self.dating.carried(record)
            expires_ms = self._context.clock.reading().wall_ms + for_ms
            signed = self._context.pen.next_version(record, carried.facts, carried.body, expires_ms)
            contact = await self.contact_texts.kept(signed.record)
            await self._put(signed, self._asked_before(record, signed), *contact)

    async def end_over(self, thread: str) -> bool:
        """End a post that has stood as long as was asked; False where something is open in it, and it stays."""
        async with self._change_of(thread):
            record = await self._own(thread, None)
            if await self._guard.is_open(record):
                return False
            await self._end(record)
            return True

    async def date_anew(self, thread: str, word: bytes | None = None) -> None:
        """Write a post again with true dates, for as long as was asked; end one that has stood so long.

        One in which something is open stands until that is settled, and is ended then (`end_over`).
        `word` is the key of its pick-up word. Raises `BoardError` where there is nothing to write again.
        """
        async with self._change_of(thread):
            record = await self._own(thread, None)
            now_ms = self._context.clock.reading().wall_ms
            end_ms = self._end_of(record)
            if end_ms <= now_ms or record.body_bytes is None:
                if not await self._guard.is_open(record):
                    await self._end(record)
                    return
                if record.body_bytes is None:  # without its text nothing can be said but its end
                    return
            carried = await self.dating.carried(record)
            stands_ms = end_ms if end_ms > now_ms else now_ms + HOLD_MIN_MAX * MINUTE_MS
            signed = self._context.pen.next_version(record, carried.facts, carried.body, stands_ms)
            rows = [logged(record, now_ms), *self.pick_ups.kept(word, signed.record)]
            rows += await self.contact_texts.kept(signed.record)
            await self._put(signed, ending(signed, end_ms), *rows)

    async def forget_asked(self, thread: bytes) -> None:
        """Forget what was asked for a post that is not held any more."""
        await self._context.keep_private(self.asked.rows(thread, None))
        self.asked.put(thread, None)
