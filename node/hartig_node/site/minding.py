"""Before a text goes up that seems to tell of people: the form again, with what to look at, and a button all the same.

In: what somebody typed, and the draft made of it. Out: `Minded`, empty where there is nothing to look at, or where they
have just seen just that and want it so: then the form holds its mark. Who calls: `posting.py`, the desk's `taking.py`.
"""

import hashlib
from typing import Any

from hartig_node.board.privacy.linting import Found, look_through
from hartig_node.site.forms import Typed
from hartig_protocol.values import value

FIELD = "anyway"
_MARK_CHARACTERS = 16


@value
class Minded:
    """What to look at once more, and the mark of it that the second sending brings back."""

    found: tuple[Found, ...] = ()
    mark: str = ""


NOTHING = Minded()


def mind(typed: Typed, draft: dict[str, Any]) -> Minded:
    """Return what somebody should look at before this goes up; what they were shown before and kept, no more."""
    found = look_through(draft)
    if not found:
        return NOTHING
    mark = hashlib.sha256(repr(found).encode()).hexdigest()[:_MARK_CHARACTERS]
    return NOTHING if typed[FIELD] == mark else Minded(found, mark)
