"""What was just done, told once more on the page that follows; and the pick-up word of what was just put up.

After a form a browser is led to a page by an address that it may keep and send around, so nothing that people wrote,
and no pick-up word, stands in it: only a short-lived id of what is kept here. In memory alone. Who calls: `acting.py`,
`taking.py`.
"""

import secrets
from collections import OrderedDict
from typing import Generic, TypeVar

from hartig_node.board.drafts.views import PostView
from hartig_node.site.words import Tongue
from hartig_protocol.values import value

KEPT_MAX = 512  # some hundred bytes each; a busy desk does a few hundred things in an hour
KEPT_S = 3600.0  # long enough to find a printer
_ID_BYTES = 12

Kept = TypeVar("Kept")


@value
class Notice:
    """A sentence before translation, and the amount that it names, if it does; `is_new` where something was done."""

    sentence: str
    amount: str = ""
    unit: str = ""
    is_new: bool = True

    def text(self, tongue: Tongue) -> str:
        """Return what people read."""
        said = tongue.say(self.sentence)
        return said % {"amount": tongue.amount(self.amount, self.unit)} if self.amount else said


@value
class Taken:
    """A post that was taken in, and its pick-up word."""

    view: PostView
    word: str


class Shelf(Generic[Kept]):
    """Keeps a bounded number of things for a while, each under an id that nobody can guess."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[float, Kept]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Shelf of {len(self._held)}>"

    def put(self, thing: Kept, now_s: float) -> str:
        """Keep a thing from now (of the steady clock) on, and return its id."""
        self._forget(now_s)
        if len(self._held) >= KEPT_MAX:
            self._held.popitem(last=False)
        key = secrets.token_urlsafe(_ID_BYTES)
        self._held[key] = (now_s, thing)
        return key

    def get(self, key: str, now_s: float) -> Kept | None:
        """Return a thing, or None where its time is over or it was never here."""
        self._forget(now_s)
        return self._held[key][1] if key in self._held else None

    def _forget(self, now_s: float) -> None:
        """Let go of what has been kept for long enough; the oldest stands first."""
        while self._held and now_s - next(iter(self._held.values()))[0] > KEPT_S:
            self._held.popitem(last=False)
