"""A node's partner networks, seen through its API: `Node.partners`.

    with Node.find() as node:
        tried = node.partners.propose(code, kinds=["offer"], areas=["u33"], preview=True)
        print(tried["gained_count"], "posts would be shared")

Networks are named by their id, by the first digits of it that no other shares, or by a name that only one has.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hartig_node.client.deals import new_key
from hartig_node.client.errors import AmbiguousIdError, AnswerError, NotFoundError
from hartig_node.client.transport import segment

if TYPE_CHECKING:
    from hartig_node.client.node import Node

Json = dict[str, Any]
_ID = re.compile(r"[0-9a-f]{32}")
_SHORT_ID = re.compile(r"[0-9a-f]{4,31}")


class Partners:
    """The partner networks of one node."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def __repr__(self) -> str:
        return f"<Partners of {self._node!r}>"

    # --- Looking

    def overview(self) -> Json:
        """The partner networks (`items`), and which of our hubs speak with them (`speakers`)."""
        return _object(self._node.read("/partners"))

    def get(self, who: str) -> Json:
        """One, with how many of our posts it gets."""
        return _object(self._node.read(f"/partners/{self.full_id(who)}"))

    def shared(self, who: str, state: str = "shared") -> Iterator[Json]:
        """Which of our posts it gets (`shared`), or does not and why (`kept`), or both (`all`); page by page."""
        return self._node.pages(f"/partners/{self.full_id(who)}/shared", {"state": state})

    def code(self) -> Json:
        """The code that another network's organisers need."""
        return _object(self._node.read("/partners/code"))

    def proposals(self) -> list[Json]:
        """The networks that ask to be our partner."""
        return _items(self._node.read("/partners/proposals"))

    def full_id(self, who: str) -> str:
        """Return the id that short digits or a name stand for, of partner networks and those that ask to be one."""
        digits = who.lower()
        if _ID.fullmatch(digits):
            return digits
        known = {str(one["id"]): str(one.get("name") or "") for one in [*self.proposals(), *_items(self.overview())]}
        found = [one for one in known if _SHORT_ID.fullmatch(digits) and one.startswith(digits)]
        found = found or [one for one, name in known.items() if name.casefold() == who.casefold()]
        if not found:
            problem = {"code": "not_found", "detail": f"no partner network has the name or the id {who[:40]!r}"}
            raise NotFoundError(404, {**problem, "hint": "`hartig partner` lists them"})
        if len(found) > 1:
            raise AmbiguousIdError(f"{len(found)} networks have this name or begin so", "give more of the id")
        return found[0]

    # --- Changing

    def propose(self, code: str, **wishes: Any) -> Json:
        """Ask the network with this code to be our partner, or with `preview` say what that would share.

        Args:
            code: what its `hartig partner code` printed.
            wishes: kinds, categories, areas, retention_days, days; preview, signer, record.
        """
        return self._say("", {"code": code, **wishes})

    def accept(self, who: str, **wishes: Any) -> Json:
        """Say yes to a network that asks, on its own terms but for these wishes."""
        return self._say(f"/{self.full_id(who)}/accept", wishes)

    def change(self, who: str, **wishes: Any) -> Json:
        """Share something else, ask for another time, or let our side last longer."""
        return self._say(f"/{self.full_id(who)}/change", wishes)

    def leave(self, who: str, **wishes: Any) -> Json:
        """End our side."""
        return self._say(f"/{self.full_id(who)}/leave", wishes)

    def dismiss(self, who: str) -> None:
        """Say no to a network that asks."""
        self._node.delete(f"/partners/proposals/{self.full_id(who)}")

    # --- What they suggest

    def suggestions(self) -> list[Json]:
        """Whom partner networks have removed, and the posts that they flag, as far as nobody has taken or left it."""
        return _items(self._node.read("/partners/suggestions"))

    def take(self, suggestion: str, *, flag: bool = False) -> None:
        """Hide at this hub that post, or whatever that key posts; or `flag` it for all our hubs to read."""
        said = {"flag": True} if flag else {}
        self._node.post_once(f"/partners/suggestions/{segment(suggestion)}/take", said, new_key())

    def pass_over(self, suggestion: str) -> None:
        """Leave it."""
        self._node.post_once(f"/partners/suggestions/{segment(suggestion)}/leave", {}, new_key())

    def _say(self, path: str, wishes: Json) -> Json:
        body = {name: one for name, one in wishes.items() if one is not None}
        return _object(self._node.post_once(f"/partners{path}", body, new_key()))


def _items(value: Any) -> list[Json]:
    items = _object(value).get("items")
    if not isinstance(items, list):
        raise AnswerError("the node's list is not of the expected form", "are both of the same version?")
    return [_object(one) for one in items]


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise AnswerError("the node's answer is not of the expected form", "are both of the same version?")
    return value
