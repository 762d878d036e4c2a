"""What this hub does not show: posts that it hides, and all posts of hubs that it mutes.

In: ids, a note why, and who does it. Out: private rows, which never leave this hub; what lists leave out, and what is
said beside a post that is shown all the same (to organisers, and to who asks for it). Nothing is dropped and nobody
else notices: deals go on, and everything is back when it is undone. Who calls: `posts`, the API, the organisers' pages.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgpack

from hartig_node.board.context import Context, thread_of
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.paging import page_of
from hartig_node.board.moderation.subjects import hub_of, other_hub, other_post, short_text
from hartig_node.board.times import rfc3339
from hartig_node.ports import PostFilter
from hartig_protocol.events import PrivateRow

POST, HUB = "hidden", "muted"  # what is not shown, as the spaces of private rows are called
ROWS_MAX: Mapping[str, int] = {POST: 10_000, HUB: 1_000}  # more than anybody reads through; about 2 MB in memory
NOTE_BYTES_MAX = 480
WHO_CHARACTERS_MAX = 120


@dataclass(frozen=True, slots=True)
class Hidden:
    """One thing that is not shown here: a post (`space` POST, by its thread) or a hub (`space` HUB, by its key)."""

    space: str
    subject: bytes
    at_ms: int
    who: str
    note: str

    @property
    def place(self) -> tuple[int, bytes]:
        """Where it stands in a list, the newest first."""
        return (-self.at_ms, self.subject)

    def as_json(self) -> dict[str, Any]:
        """What the node API says of it, beside its post or hub; `by` and `note` to whoever may write."""
        said = {"by": self.who, "note": self.note}
        return {"why": self.space, "at": rfc3339(self.at_ms)} | {name: text for name, text in said.items() if text}


class Hiding:
    """The use cases of what is not shown."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows: dict[str, dict[bytes, Hidden]] = {POST: {}, HUB: {}}
        self._changing = asyncio.Lock()
        self._is_loaded = False

    def __repr__(self) -> str:
        return f"<Hiding {len(self._rows[POST])} posts, {len(self._rows[HUB])} hubs>"

    # --- Doing and undoing

    async def hide(self, post: str, note: str = "", who: str = "") -> Hidden:
        """Hide a post of another hub; raises `BoardError` (`not_found`, `bad_request`, `too_many`)."""
        return await self._put(POST, await other_post(self._context, post), note, who)

    async def show(self, post: str) -> None:
        """Show a post again."""
        await self._remove(POST, thread_of(post))

    async def mute(self, hub: str, note: str = "", who: str = "") -> Hidden:
        """Hide all that another hub posts, now and later; raises `BoardError` as `hide` does."""
        return await self._put(HUB, other_hub(self._context, hub), note, who)

    async def unmute(self, hub: str) -> None:
        """Show again what a hub posts."""
        await self._remove(HUB, hub_of(hub))

    async def _put(self, space: str, key: bytes, note: str, who: str) -> Hidden:
        note = short_text(note, NOTE_BYTES_MAX, "/note")
        await self._load()
        async with self._changing:
            rows = self._rows[space]
            gone = await self._gone() if space == POST and len(rows) >= ROWS_MAX[POST] else ()
            if key not in rows and len(rows) - len(gone) >= ROWS_MAX[space]:
                what = "posts are hidden" if space == POST else "hubs are muted"
                raise BoardError("too_many", f"{ROWS_MAX[space]} {what} already", "undo some that no longer matter")
            hidden = Hidden(space, key, self._context.clock.now().wall_ms, who[:WHO_CHARACTERS_MAX], note)
            value = bytes(msgpack.packb([hidden.at_ms, hidden.who, hidden.note]))
            put = PrivateRow(space, key, value)
            await self._context.keep_private([put, *(PrivateRow(space, one, None) for one in gone)])
            for one in gone:
                del rows[one]
            rows[key] = hidden
        return hidden

    async def _gone(self) -> list[bytes]:
        """Return hidden posts that nobody holds any more."""
        return [key for key in self._rows[POST] if await self._context.store.post(key) is None]

    async def _remove(self, space: str, key: bytes) -> None:
        await self._load()
        async with self._changing:
            if key not in self._rows[space]:
                what = "this post is not hidden here" if space == POST else "this hub is not muted here"
                raise BoardError("not_found", what, "the list shows what is")
            await self._context.keep_private([PrivateRow(space, key, None)])
            del self._rows[space][key]

    # --- Looking

    async def page(self, space: str, cursor: str | None = None, limit: int = 50) -> tuple[list[Hidden], str | None]:
        """Return what is hidden (`POST`) or muted (`HUB`), the newest first, and the cursor of what follows."""
        await self._load()
        return page_of(self._rows[space].values(), cursor, limit)

    async def why(self, thread: bytes, author: bytes) -> Hidden | None:
        """Return why a post is not shown here; None where it is."""
        await self._load()
        return self._rows[POST].get(thread) or self._rows[HUB].get(author)

    async def muted(self) -> Collection[bytes]:
        """Return whose words are not shown here."""
        await self._load()
        return self._rows[HUB]

    async def leave_out(self, wanted: PostFilter) -> PostFilter:
        """Return a filter that leaves all this out as well; the same where nothing is hidden."""
        await self._load()
        posts, hubs = (space if rows else None for space, rows in self._rows.items())
        return replace(wanted, unless_thread_in=posts, unless_author_in=hubs)

    async def _load(self) -> None:
        if not self._is_loaded:
            async with self._changing:
                for space, rows in self._rows.items():
                    held = await self._context.store.private_list(space)
                    rows.update((key, Hidden(space, key, *msgpack.unpackb(value))) for key, value in held)
                self._is_loaded = True
