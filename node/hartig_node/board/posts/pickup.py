"""Pick-up words: what a neighbour without an account gets in return, and finds the post again with.

A word is kept as a hash only; which post it belongs to is a private row that never travels. Three parts from a list of
256 words and a number: about 2^33, against tries that the site bounds.
"""

import unicodedata
from importlib import resources

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import THREAD_KEPT_MS
from hartig_protocol.records.keys import sha256
from hartig_protocol.records.record import Record

SPACE_PICK_UP = "pickup"
_PREFIX = b"hartig/1 pick-up word\x00"
WORD_PARTS = 3


def word_list() -> list[str]:
    """Return the 256 words: short, common, hard to mishear, none of them a thing to be ashamed of."""
    text = resources.files("hartig_node.board").joinpath("words.txt").read_text("utf-8")
    return text.split()


class PickUps:
    """Makes and finds pick-up words."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def make(self, record: Record) -> tuple[str, PrivateRow]:
        """Return a fresh word for a post, and the private row that remembers it as long as the post may be held."""
        words = word_list()
        drawn = self._context.random_bytes(WORD_PARTS + 2)
        number = int.from_bytes(drawn[WORD_PARTS:], "big") % 90 + 10
        word = "-".join([*(words[index] for index in drawn[:WORD_PARTS]), str(number)])
        return word, self._row(_key(word), record)

    def _row(self, key: bytes, record: Record) -> PrivateRow:
        """The row of a word; where dates are about right only, it stays until the post has true ones."""
        until_ms = (record.head.expires or 0) + THREAD_KEPT_MS + THREAD_KEPT_MS
        return PrivateRow(SPACE_PICK_UP, key, record.head.thread, None if record.head.facts.get("approx") else until_ms)

    async def keys(self) -> dict[bytes, bytes]:
        """Return the key of each post's word, by post."""
        return {thread: key for key, thread in await self._context.store.private_list(SPACE_PICK_UP)}

    def kept(self, key: bytes | None, record: Record) -> tuple[PrivateRow, ...]:
        """Return the row that keeps a word as long as this version of its post may be held."""
        return () if key is None else (self._row(key, record),)

    async def thread_of(self, word: str) -> bytes:
        """Return the thread that a word belongs to; raises `BoardError`."""
        thread = await self._context.store.private_get(SPACE_PICK_UP, _key(word))
        if thread is None:
            hint = "look at the spelling: three words and a number, such as maple-otter-river-42"
            raise BoardError("not_found", "no post belongs to this word here", hint)
        return thread


def _key(word: str) -> bytes:
    """Hash a word as it was meant: case, accents, spaces and dashes make no difference."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    parts = "".join(one if one.isalnum() else " " for one in folded).split()
    return sha256(_PREFIX, "-".join(parts).encode())
