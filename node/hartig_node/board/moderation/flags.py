"""Flags: a hub says of a post or of another hub that people should look at it again, and why (SPEC D12).

In: an id, a reason, a few words. Out: a mark in a place of this hub, which all hubs read; what others have flagged. Of
a post that partner networks read, or that is theirs, they read the flag, too, as a suggestion (SPEC X4).
Nothing is hidden by it, and it takes nobody's room but that of who says it. One counts of each key of rank member or
above; flags of hubs that are muted here count for nothing here. Who calls: `posts`, the API, the organisers' pages.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from hartig_node.board.context import Context, thread_of
from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.errors import BoardError
from hartig_node.board.marks import Marks, Place, Said
from hartig_node.board.moderation.hiding import Hiding
from hartig_node.board.moderation.paging import cursor_of, page_of, place_of
from hartig_node.board.moderation.subjects import hub_of, other_hub, other_post, readers_of, short_text
from hartig_node.board.signing import Signed
from hartig_node.board.times import rfc3339
from hartig_protocol.limits import FLAG_TEXT_BYTES_MAX, KEY_BYTES, LANGUAGES_MAX, LIFE_MS_MAX, THREAD_ID_BYTES
from hartig_protocol.records.fields import LANGUAGE_FORM
from hartig_protocol.records.marks import FLAG, FLAG_REASONS
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record

LOOKED_AT_MAX = 2_000  # for one page, about 10 ms; what follows is for the next
SHOWN_MAX = 5  # beside a post; whoever wants all of them lists them
_POST_DIGITS = 2 * THREAD_ID_BYTES  # longer ids are those of hubs
_SAYS_NO_MORE = {"what": FLAG, "ends": True}


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag that counts. `subject` is the thread of a post, or a hub's key."""

    id: bytes
    subject: bytes
    why: str
    author: bytes
    author_name: str
    is_mine: bool
    at_ms: int
    expires_ms: int

    @property
    def is_of_hub(self) -> bool:
        """Whether it is about a hub with all its posts."""
        return len(self.subject) == KEY_BYTES

    @property
    def place(self) -> tuple[int, bytes]:
        """Where it stands in a list, the newest first."""
        return (-self.at_ms, self.id)

    def as_json(self, text: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What the node API says of it; its text where that was asked for."""
        said = {
            "about": "hub" if self.is_of_hub else "post",
            "why": self.why,
            "hub": self.author.hex(),
            "hub_name": self.author_name,
            "mine": self.is_mine,
            "at": rfc3339(self.at_ms),
        }
        if text is None:
            return said
        return {**said, "id": self.subject.hex(), "expires_at": rfc3339(self.expires_ms), "text": dict(text)}


@dataclass(frozen=True)
class FlagPage:
    """Flags with what people wrote beside each, newest first."""

    items: Sequence[tuple[Flag, Mapping[str, str]]]
    cursor: str | None


class Flags:
    """The use cases of flags."""

    def __init__(self, context: Context, marks: Marks, hiding: Hiding) -> None:
        self._context, self._marks, self._hiding = context, marks, hiding
        self._saying = asyncio.Lock()  # one at a time, so that there is one of each thing

    def __repr__(self) -> str:
        return f"<Flags in {self._marks!r}>"

    # --- Saying

    async def flag(self, subject: str, why: str, text: str | Mapping[str, str] = "") -> Flag:
        """Flag a post of another hub, or another hub; said again it says what is said now.

        Raises `BoardError`: `not_found`, `bad_request`, `no_room`, `stopped_signing`.
        """
        if why not in FLAG_REASONS:
            raise BoardError("bad_request", "this is no reason for a flag", f"one of {', '.join(FLAG_REASONS)}", "/why")
        said = self._texts(text)
        key = await self._subject(subject)
        async with self._saying:
            before = await self._own(key)
            facts, body = {"what": FLAG, "why": why}, {"text": said} if said else None
            if before is None:
                signed = await self._first(key, facts, body)
            else:
                signed = self._next(before, facts, body)
            await self._context.publish_one(signed.record, signed.private)
        return self._flag_of(_said_of(signed.record), key)

    async def take_back(self, subject: str) -> None:
        """Take a flag of this hub back; raises `BoardError` where it has none."""
        key = _key_of(subject)
        async with self._saying:
            before = await self._own(key)
            if before is None:
                raise BoardError("not_found", "this hub has not flagged this", "only who flagged it takes it back")
            await self._end(before)

    async def date_anew(self) -> None:
        """Write own flags with true dates that were written while nobody knew the time."""
        async with self._saying:
            own = [one for _, one in await self._marks.newest(FLAG, own=True) if self._marks.standing(one, Kind.MARK)]
            for record_id in own:
                before = await self._record(record_id)
                if before is not None and before.head.facts.get("approx"):
                    signed = self._next(before, before.head.facts, before.body_bytes)
                    await self._context.publish_one(signed.record, signed.private)

    def _texts(self, text: str | Mapping[str, str]) -> dict[str, str]:
        texts = {self._context.settings.languages[0]: text} if isinstance(text, str) else text
        cleaned = {tag: short_text(one, FLAG_TEXT_BYTES_MAX, "/text") for tag, one in texts.items()}
        if len(cleaned) > LANGUAGES_MAX or not all(LANGUAGE_FORM.fullmatch(tag) for tag in cleaned):
            hint = f"send at most {LANGUAGES_MAX} texts by language, such as es or zh-Hant"
            raise BoardError("bad_request", "text does not say its languages", hint, "/text")
        return {tag: one for tag, one in cleaned.items() if one}

    async def _subject(self, text: str) -> bytes:
        return await other_post(self._context, text) if len(text) <= _POST_DIGITS else other_hub(self._context, text)

    async def _first(self, subject: bytes, facts: dict[str, Any], body: dict[str, Any] | None) -> Signed:
        pen, expires_ms = self._context.pen, self._expires_ms()
        audience = "network" if len(subject) == KEY_BYTES else await readers_of(self._context, subject)
        try:
            place = pen.free_place(Kind.MARK, audience, expires_ms)
        except BoardError as error:
            hint = "take back flags that no longer matter, withdraw posts that are over, or ask for more room"
            raise replace(error, hint=hint if error.code == "no_room" else error.hint) from error
        return pen.first(Kind.MARK, subject, [], audience, facts, body, expires_ms, place)

    def _next(self, before: Record, facts: Mapping[str, Any], body: Any) -> Signed:
        return self._context.pen.next_version(before, dict(facts), body, self._expires_ms())

    async def _end(self, before: Record) -> None:
        signed = self._context.pen.next_version(before, _SAYS_NO_MORE, None, before.head.expires or 0)
        await self._context.publish_one(signed.record, signed.private)

    def _expires_ms(self) -> int:
        return self._context.clock.reading().wall_ms + LIFE_MS_MAX

    async def _own(self, subject: bytes) -> Record | None:
        own = self._context.pen.key.public
        said = await self._marks.of(FLAG, subject, Kind.MARK)
        return await self._record(next((one.id for one in said if one.author == own), b""))

    async def _record(self, record_id: bytes) -> Record | None:
        stored = await self._context.store.read_record(record_id)
        return None if stored is None else open_record(stored.wire, verify_signature=False)

    # --- Looking

    async def of(self, thread: bytes, author: bytes) -> list[Flag]:
        """Return the flags of a post and of the hub that posted it: ours first, then by rank, then the oldest."""
        found = [*await self._of(thread), *await self._of(author)]
        return sorted(found, key=self._order)

    async def page(
        self, about: str | None = None, *, mine: bool = False, cursor: str | None = None, limit: int = 50
    ) -> FlagPage:
        """List flags with their texts, the newest first: all, of one post or hub, or those of this hub (`mine`)."""
        if about is None:
            page, following = await self._newest(place_of(cursor, limit), limit, mine=mine)
        else:
            found = [flag for flag in await self._of(_key_of(about)) if flag.is_mine or not mine]
            page, following = page_of(found, cursor, limit)
        return FlagPage([(flag, await self.text_of(flag)) for flag in page], following)

    async def _newest(self, after: Place | None, limit: int, *, mine: bool) -> tuple[list[Flag], str | None]:
        """Return so many flags behind one, and the cursor of what follows; fewer where many count no more."""
        muted, places = await self._hiding.muted(), await self._marks.newest(FLAG, own=mine)
        found: list[Flag] = []
        looked_at = 0
        for place in islice(places, 0 if after is None else bisect_right(places, after), None):
            if self._marks.author_of(place[1]) in muted:
                continue
            standing = self._marks.standing(place[1], Kind.MARK)
            if standing is not None and not self._is_over(standing[1]):
                found.append(self._flag_of(standing[1], standing[0]))
            looked_at += 1
            if len(found) > limit:
                return found[:limit], cursor_of(found[limit - 1].place)
            if looked_at == LOOKED_AT_MAX:
                return found, cursor_of(place)
        return found, None

    async def text_of(self, flag: Flag) -> dict[str, str]:
        """Return what its people wrote, by language."""
        record = await self._record(flag.id)
        texts = {} if record is None or record.body is None else record.body.get("text", {})
        return {tag: clean_text(text) for tag, text in texts.items()}

    async def _of(self, subject: bytes) -> list[Flag]:
        said, muted = await self._marks.of(FLAG, subject, Kind.MARK), await self._hiding.muted()
        return [self._flag_of(one, subject) for one in said if not self._is_over(one) and one.author not in muted]

    def _is_over(self, said: Said) -> bool:
        now = self._context.clock.now()
        return now.trusted and said.expires_ms <= now.wall_ms

    def _flag_of(self, said: Said, subject: bytes) -> Flag:
        context, author = self._context, said.author
        name, is_mine = context.names().get(author, ""), author == context.pen.key.public
        return Flag(said.id, subject, said.facts[0], author, name, is_mine, said.stamp_ms, said.expires_ms)

    def _order(self, flag: Flag) -> tuple[Any, ...]:
        standing = self._context.pen.catalog.authority.standing(flag.author)
        return (not flag.is_mine, 0 if standing is None else -standing.rank, flag.at_ms, flag.id)


def flags_json(flags: Sequence[Flag]) -> dict[str, Any] | None:
    """Return what the node API says of them beside a post: how many there are, and the first few; None of none."""
    return {"count": len(flags), "first": [flag.as_json() for flag in flags[:SHOWN_MAX]]} if flags else None


def _said_of(record: Record) -> Said:
    head = record.head
    return Said(head.expires or 0, head.seq, record.id, head.author, head.stamp, (head.facts["why"],))


def _key_of(subject: str) -> bytes:
    return thread_of(subject) if len(subject) <= _POST_DIGITS else hub_of(subject)
