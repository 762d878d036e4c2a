"""How to reach the people of a post: a private row beside it, in no record (design, P6 and P11).

In: the field `contact` of a draft. Out: rows for the commit of the post's version, and the text, for `contacts`, which
seals it. A row goes when its post ends, and by its own date when the post expires.
"""

from hartig_node.board.context import Context
from hartig_node.board.drafts.drafts import clean_text
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import CONTACT_TEXT_BYTES
from hartig_protocol.records.record import Record

SPACE_CONTACT = "contact"


class ContactTexts:
    """The texts of this hub's own posts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def of(self, thread: bytes) -> str | None:
        """Return what was said with a post, or None."""
        held = await self._context.store.private_get(SPACE_CONTACT, thread)
        return None if held is None else held.decode()

    def default(self, post: Record) -> str:
        """Return what is told where nothing was said: the hub, and in which area. So contact never fails to come."""
        area = post.head.fixed[1]
        named = clean_text(self._context.settings.name)
        text = f"{named} ({area})" if area else named
        return text.encode()[:CONTACT_TEXT_BYTES].decode(errors="ignore")

    def rows(self, post: Record, text: str | None) -> tuple[PrivateRow, ...]:
        """Return the row that goes with a new version of a post; without a text, or with an end, what was is deleted.

        Where dates are about right only, the row stays until the post has true ones.
        """
        head = post.head
        if text is None or head.ends:
            return (PrivateRow(SPACE_CONTACT, head.thread, None),)
        until_ms = None if head.facts.get("approx") else head.expires
        return (PrivateRow(SPACE_CONTACT, head.thread, text.encode(), until_ms),)

    async def kept(self, post: Record) -> tuple[PrivateRow, ...]:
        """Return the row that goes with a version that says nothing new of it."""
        text = await self.of(post.head.thread)
        return () if text is None else self.rows(post, text)
