"""Needs and offers: publish, find, change, end.

In: drafts and ids. Out: views, durable before they are returned. Who calls: API, site, and through them everybody.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from hartig_node.board.context import refused, thread_of
from hartig_node.board.drafts.drafts import FIXED_FIELDS, PostFields, read_draft
from hartig_node.board.drafts.merging import draft_of, merged
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.flags import Flag
from hartig_node.board.moderation.hiding import Hidden
from hartig_node.board.partners.agreed import partners_of
from hartig_node.board.partners.foreign import network_of
from hartig_node.board.posts.asked import Asked
from hartig_node.board.posts.listing import LIMIT_MAX, ListPage, ListQuery, cursor_of, filter_of, place_of
from hartig_node.board.posts.lives import PostLives
from hartig_node.board.posts.writing import is_approx, missing
from hartig_node.board.privacy.linting import Found, look_through
from hartig_node.board.signing import Signed
from hartig_node.ports import PostFilter, StoredPost
from hartig_protocol.errors import RecordError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import KEY_BYTES
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire
from hartig_protocol.values import value

logger = logging.getLogger(__name__)

__all__ = ["BATCH_MAX", "LIMIT_MAX", "ListPage", "ListQuery", "Posts", "PublishedRecord", "is_approx"]

BATCH_MAX = 100
_POSTS = (Kind.NEED, Kind.OFFER)
Published = PostView | BoardError | tuple[Found, ...] | None  # what became of one draft of several


@value
class PublishedRecord:
    """A record signed elsewhere that this hub has taken."""

    id: str
    thread: str
    kind: int
    view: PostView | None


class Posts(PostLives):
    """The use cases of needs and offers."""

    # --- Publishing

    async def publish(self, draft: Any) -> PostView:
        """Sign a draft and publish it."""
        signed, asked = self._sign(read_draft(draft))
        return replace(await self._put(signed, asked), warnings=look_through(draft))

    async def publish_for_neighbour(self, draft: Any) -> tuple[PostView, str]:
        """Publish a draft, and return the pick-up word that finds it again; both are durable together."""
        signed, asked = self._sign(read_draft(draft))
        word, row = self.pick_ups.make(signed.record)
        return await self._put(signed, asked, row), word

    async def publish_many(self, drafts: Sequence[Any], *, dry_run: bool) -> list[Published]:
        """Publish up to 100 drafts; each stands or falls alone.

        With `dry_run` only check: None where a draft is good, or what its writer should look at once more.
        """
        if len(drafts) > BATCH_MAX:
            raise BoardError("too_large", f"{len(drafts)} drafts at once", f"send at most {BATCH_MAX} at a time")
        results: list[Published] = []
        signed: list[tuple[int, Signed, Asked | None]] = []
        taken: set[tuple[str, int]] = set()
        for draft, found in zip(drafts, await _looked_through(drafts), strict=True):
            try:
                made = self._sign(read_draft(draft), taken)
            except BoardError as error:
                results.append(error)
                continue
            signed.append((len(results), *made))
            results.append(found or None)
        if signed and not dry_run:
            rows = [row for _, one, asked in signed for row in self._rows(one, asked)]
            refusals = await self._context.publish([one.record for _, one, _ in signed], rows)
            for (index, one, asked), refusal in zip(signed, refusals, strict=True):
                if refusal is None:
                    self.asked.put(one.record.head.thread, asked)
                results[index] = await self._posted(one, results[index]) if refusal is None else refused(refusal)
        return results

    async def _posted(self, signed: Signed, found: Published) -> PostView:
        view = await self._shown(signed.record)
        return replace(view, warnings=found) if isinstance(found, tuple) else view

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
        self,
        draft: Any,
        subject: bytes,
        count: Callable[[Record], Signed] | None,
        rows: Callable[[Record], Sequence[PrivateRow]],
    ) -> PostView:
        """Publish a post with its first count, where there is one, and private rows, together.

        `subject` is a nonce, or what was set aside, of which the offer is made.
        """
        signed, asked = self._sign(read_draft(draft), subject=subject)
        private = [*self._rows(signed, asked), *rows(signed.record)]
        records = [signed.record]
        if count is not None:
            counted = count(signed.record)
            records.append(counted.record)
            private += counted.private
        for refusal in await self._context.publish(records, private):
            if refusal is not None:
                raise refused(refusal)
        self.asked.put(signed.record.head.thread, asked)
        return await self._shown(signed.record)

    def _sign(
        self, fields: PostFields, taken: set[tuple[str, int]] | None = None, subject: bytes | None = None
    ) -> tuple[Signed, Asked | None]:
        """Sign the first version of a post; `taken` holds the places that others of one batch have."""
        self._check_audience(fields)
        if subject is None:
            _check_part(fields)
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

    def _check_audience(self, fields: PostFields) -> None:
        if isinstance(fields.audience, bytes) and fields.audience not in partners_of(self._context):
            hint = "`hartig partner` shows the partner networks and their ids"
            raise BoardError("bad_draft", "this is no partner network of ours", hint, "/audience")

    # --- Changing

    async def revise(self, thread: str, patch: Any, if_match: str | None = None) -> PostView:
        """Publish the next version, with a JSON merge patch (RFC 7396) applied to the draft."""
        async with self._change_of(thread):
            record = await self._own(thread, if_match)
            if not isinstance(patch, dict):
                raise BoardError("bad_draft", "a change is an object", "send only the fields that change")
            before = draft_of(record)
            after = merged(before, patch)
            fields = await self.dating.again(read_draft(after), record, patch)
            self._check_fixed(record, fields, patch)
            if "parent" in patch:
                _check_part(fields)
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
            return replace(await self._put(signed, asked, *contact), warnings=look_through(patch))

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

    # --- Finding

    async def get(self, thread: str) -> PostView:
        """Return one post, standing or not, of our network or of a partner's."""
        stored = await self._context.store.post(thread_of(thread))
        if stored is not None:
            return await self._stored_view(stored)
        found = await self.foreign.find(thread_of(thread))
        if found is None:
            raise missing()
        return await self._foreign_view(*found)

    async def list(self, query: ListQuery) -> ListPage:
        """List posts, newest first, searching for all words of `q`: ours, then those of each partner network."""
        after = place_of(query)
        wanted = filter_of(query, self._context.pen.key.public, self._expiry_ms())
        network = None if query.network is None else network_of(query.network)
        views: Sequence[PostView] = ()
        if not isinstance(after, str) and network in (None, self._context.pen.network):
            views, cursor = await self._own_page(query, wanted, after)
            if cursor is not None or network is not None or query.author == "me":
                return ListPage([*views], cursor)

        async def shown(of: bytes, stored: StoredPost) -> PostView | None:
            view = await self._view_or_none(stored, of)
            return view if view is None or query.hidden or view.hidden is None else None

        begin = after if isinstance(after, str) else "p"
        others, cursor = await self.foreign.page(wanted, network, begin, query.limit - len(views), shown)
        return ListPage([*views, *others], cursor)

    async def _own_page(
        self, query: ListQuery, wanted: PostFilter, after: int | None
    ) -> tuple[Sequence[PostView], str | None]:
        if not query.hidden:
            wanted = await self.hiding.leave_out(wanted)
        page = await self._context.store.posts(wanted, after, query.limit)
        views = [await self._view_or_none(stored) for stored in page.posts]
        shown = [view for view in views if view is not None and not view.asks_abroad]
        return shown, None if page.after is None else cursor_of(page.after)

    async def _view_or_none(self, stored: StoredPost, network: bytes | None = None) -> PostView | None:
        """Return the view of a post; None of one that an older version took in, knowing less of what may be in it."""
        try:
            return await (self._stored_view(stored) if network is None else self._foreign_view(network, stored))
        except RecordError as error:
            logger.warning("the post with arrival number %d cannot be read: %s", stored.n, error)
            return None

    async def called(self, subject: Hidden | Flag) -> dict[str, Any]:
        """Return what a post or a hub that is hidden or flagged is called, as far as it is held: `title` or `name`."""
        if len(subject.subject) == KEY_BYTES:
            name = self._context.names().get(subject.subject) or await self._context.cards.find_name(subject.subject)
            return {} if name is None else {"name": name}
        if await self._context.holder_of(subject.subject) is None:
            return {}
        return {"title": (await self.get(subject.subject.hex())).title}

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


def _check_part(fields: PostFields) -> None:
    """Refuse what only asking posts: as a part of a need for a partner network it would stand in no list."""
    if fields.kind is Kind.NEED and "parent" in fields.facts and isinstance(fields.audience, bytes):
        hint = "ask an offer of that network for the need itself; what they have to know is posted for them"
        raise BoardError("bad_draft", "a part of a need is not posted for a partner network", hint, "/parent")


async def _looked_through(drafts: Sequence[Any]) -> list[tuple[Found, ...]]:
    """Look through many drafts before the first is signed; a hundred long texts may not hold up others."""
    found = []
    for draft in drafts:
        found.append(look_through(draft))
        await asyncio.sleep(0)
    return found


def _with(signed: Signed, rows: Sequence[PrivateRow]) -> Signed:
    """Return a signed record with further rows for the same commit."""
    return replace(signed, private=(*signed.private, *rows))
