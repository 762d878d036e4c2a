"""Suggestions: whom a partner network has removed, and which posts it flags; people here take each over, or leave it.

Nothing happens by itself. To take one hides it at this hub, or flags it for our own hubs, as people do it themselves;
to leave one makes it stay away. What is taken back there, or over, is suggested no more. In: the records of partner
networks. Out: what they say, and private rows of what was settled. Who calls: `partners`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.flags import Flags
from hartig_node.board.moderation.hiding import Hiding
from hartig_node.board.partners.agreed import partners_of
from hartig_node.board.partners.held import Held, given_up, held_of, name_of
from hartig_node.board.times import rfc3339
from hartig_protocol.catalog.entry import Entry
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import KEY_BYTES, LIFE_REVOKE_MS_MAX
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.marks import FLAG
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.values import value

SPACE_LEFT = "suggestion_left"  # by the record of a removal, or the thread of a flag
SHOWN_MAX = 100  # of each sort and partner network, the newest: nobody looks through more
PER_AUTHOR_MAX = 10  # flags of one author, so that nobody's are pushed out of what is looked at


@value
class Suggestion:
    """That a partner network has removed somebody (`subject` is a key), or flags a post (its thread).

    `by` is None where a person's own key has said it. `belongs_here` tells whether it is of our network, too, `is_own`
    whether this hub has posted it: then it can be changed or withdrawn, and not hidden.
    """

    id: bytes
    network: bytes
    network_name: str
    subject: bytes
    name: str | None
    by: bytes | None
    by_name: str | None
    at_ms: int
    belongs_here: bool
    settled: bytes  # the key of the private row that says that it was taken or left
    is_own: bool = False
    why: str | None = None
    title: Mapping[str, str] | None = None
    text: Mapping[str, str] | None = None

    @property
    def is_of_hub(self) -> bool:
        """Whether it is about a hub with all its posts."""
        return len(self.subject) == KEY_BYTES

    def as_json(self) -> dict[str, Any]:
        """The suggestion as the node API gives it."""
        subject = self.subject.hex()
        return {
            "id": self.id.hex(),
            "network": self.network.hex(),
            "network_name": self.network_name,
            "about": "hub" if self.is_of_hub else "post",
            "key": subject if self.is_of_hub else None,
            "name": self.name,
            "post": None if self.is_of_hub else subject,
            "title": dict(self.title or {}),
            "why": self.why,
            "text": dict(self.text or {}),
            "by": None if self.by is None else self.by.hex(),
            "by_name": self.by_name,
            "at": rfc3339(self.at_ms),
            "belongs_here": self.belongs_here,
            "mine": self.is_own,
        }


class Suggestions:
    """The use cases of what partner networks suggest."""

    def __init__(self, context: Context, hiding: Hiding, flags: Flags) -> None:
        self._context, self._hiding, self._flags = context, hiding, flags

    async def list(self) -> list[Suggestion]:
        """Return what nobody here has taken or left, the newest first."""
        left = {key for key, _ in await self._context.store.private_list(SPACE_LEFT)}
        found: list[Suggestion] = []
        for network in partners_of(self._context):
            held = held_of(self._context.partners.get(network))
            if held is not None:
                with given_up(network):
                    found += await self._removals(network, held, left)
                    found += await self._flagged(network, held, left)
        return sorted(found, key=lambda one: (-one.at_ms, one.id))

    async def take(self, record: bytes, who: str = "", *, is_shared: bool = False) -> None:
        """Hide it here with a note of who suggested it, or (`is_shared`) flag it for all our hubs to read."""
        one = await self._get(record)
        subject, network = one.subject.hex(), one.network_name or "a partner network"
        if is_shared:
            await self._flags.flag(subject, one.why or "other")
        elif one.is_of_hub:
            await self._hiding.mute(subject, f"{network} has removed it", who)
            return  # as long as it is muted; whoever undoes that is asked again
        else:
            await self._hiding.hide(subject, f"{network} flags it as {one.why}", who)
        await self._settle(one)

    async def leave(self, record: bytes) -> None:
        """Do nothing, and do not show it again."""
        await self._settle(await self._get(record))

    async def _settle(self, one: Suggestion) -> None:
        await self._context.keep_private([PrivateRow(SPACE_LEFT, one.settled, b"", one.at_ms + LIFE_REVOKE_MS_MAX)])

    async def _get(self, record: bytes) -> Suggestion:
        for one in await self.list():
            if one.id == record:
                return one
        raise BoardError("not_found", "nothing of this kind is suggested", "the list shows what is")

    async def _names(self, network: bytes) -> dict[bytes, str]:
        return {**await self._context.cards.names(network), **self._context.names()}

    # --- Removals

    async def _removals(self, network: bytes, held: Held, left: set[bytes]) -> Sequence[Suggestion]:
        muted, names = await self._hiding.muted(), await self._names(network)
        said = [one for one in _removed(held) if one.id not in left and one.head.subject not in muted][:SHOWN_MAX]
        return [self._of_removal(network, held, one, names) for one in said]

    def _of_removal(self, network: bytes, held: Held, said: Record, names: dict[bytes, str]) -> Suggestion:
        key, by = said.head.subject, said.head.author
        belongs_here = self._context.pen.catalog.authority.standing(key) is not None
        return Suggestion(
            said.id, network, name_of(held[0]), key, names.get(key), by, names.get(by), said.head.stamp, belongs_here,
            settled=said.id,
        )  # fmt: skip

    # --- Flags

    async def _flagged(self, network: bytes, held: Held, left: set[bytes]) -> Sequence[Suggestion]:
        """Return the flags that count there, of posts that are held here: at most one of each author and post."""
        muted, names = await self._hiding.muted(), await self._names(network)
        found: dict[tuple[bytes, bytes], Suggestion] = {}
        entries = (one for one in self._flags_that_count(held) if one.thread not in left and one.author not in muted)
        for entry in islice(entries, SHOWN_MAX):
            one = await self._of_flag(network, held, entry, names)
            if one is not None:
                found.setdefault((entry.author, one.subject), one)
        return [*found.values()]

    def _flags_that_count(self, held: Held) -> Iterator[Entry]:
        catalog, now = held[0], self._context.clock.now()
        each = Counter[bytes]()
        standing = [one for one in catalog.registers.of_kind(Kind.MARK) if not one.ends]
        for one in sorted(standing, key=lambda one: (-one.stamp, one.id)):
            is_over = now.trusted and (one.expires or 0) <= now.wall_ms
            if is_over or not catalog.authority.may_write(one.author, Kind.MARK, one.place):
                continue
            each[one.author] += 1
            if each[one.author] <= PER_AUTHOR_MAX:
                yield one

    async def _of_flag(self, network: bytes, held: Held, entry: Entry, names: dict[bytes, str]) -> Suggestion | None:
        said = await _read(held, entry.id)
        if said is None or said.head.facts.get("what") != FLAG:
            return None
        thread, by = said.head.subject, entry.author
        at_home = await self._context.store.post(thread)
        stored = at_home or await held[1].post(thread)
        if stored is None:
            return None
        post = open_record(stored.wire, verify_signature=False)
        if await self._hiding.why(thread, post.head.author) is not None:
            return None
        standing = held[0].authority.standing(by)
        is_hub = standing is not None and standing.rank >= Rank.HUB
        is_own = at_home is not None and post.head.author == self._context.pen.key.public
        return Suggestion(
            said.id, network, name_of(held[0]), thread, names.get(post.head.author), by if is_hub else None,
            names.get(by) if is_hub else None, said.head.stamp, at_home is not None,
            settled=entry.thread, is_own=is_own, why=said.head.facts["why"],
            title=_texts(post, "title"), text=_texts(said, "text"),
        )  # fmt: skip


def _removed(held: Held) -> list[Record]:
    """Return the removals that count in a partner network, the newest first."""
    catalog = held[0]
    said = [one for one in catalog.governance.values() if one.head.kind == Kind.REVOKE]
    counting = [one for one in said if one.id in catalog.authority.proven]
    return sorted(counting, key=lambda one: (-one.head.stamp, one.id))


async def _read(held: Held, record: bytes) -> Record | None:
    stored = await held[1].read_record(record)
    return None if stored is None else open_record(stored.wire, verify_signature=False)


def _texts(record: Record, name: str) -> dict[str, str]:
    texts = {} if record.body is None else record.body.get(name, {})
    return {tag: clean_text(text) for tag, text in texts.items()}
