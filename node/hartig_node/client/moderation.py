"""What a node hides and flags, seen through its API: `Node.moderation`.

    with Node.find() as node:
        node.moderation.flag(post["id"], "unsafe", "The tins are bulging.")
        node.moderation.hide(post["id"], "until somebody has looked")

Flags are read by all hubs; what is hidden and muted is this hub's own affair. Everything may be said again.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hartig_node.client.deals import new_key
from hartig_node.client.errors import AnswerError
from hartig_node.client.transport import segment

if TYPE_CHECKING:
    from hartig_node.client.node import Node

Json = dict[str, Any]


class Moderation:
    """What one node hides, mutes and flags. Ids are whole: 32 digits of a post, 64 of a hub."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    def __repr__(self) -> str:
        return f"<Moderation of {self._node!r}>"

    def flags(self, about: str | None = None, *, mine: bool = False) -> Iterator[Json]:
        """Flags with their reasons, the newest first: all, those of one post or hub, or those of this hub."""
        return self._node.pages("/flags", {"about": about, "mine": "true" if mine else None})

    def flag(self, subject: str, why: str, text: str | Mapping[str, str] | None = None) -> Json:
        """Flag a post or a hub, for all hubs to read."""
        return self._say("/flags", {"id": subject, "why": why, "text": text})

    def take_back(self, subject: str) -> None:
        """Take a flag of this hub back."""
        self._node.delete(f"/flags/{segment(subject)}")

    def hidden(self) -> Iterator[Json]:
        """The posts that this hub hides, the newest first."""
        return self._node.pages("/hidden", {})

    def hide(self, post: str, note: str | None = None) -> Json:
        """Hide a post of another hub from the people of this one."""
        return self._say("/hidden", {"id": post, "note": note})

    def show(self, post: str) -> None:
        """Show a post again."""
        self._node.delete(f"/hidden/{segment(post)}")

    def muted(self) -> Iterator[Json]:
        """The hubs whose posts are all hidden here, the newest first."""
        return self._node.pages("/muted", {})

    def mute(self, hub: str, note: str | None = None) -> Json:
        """Hide all that another hub posts."""
        return self._say("/muted", {"id": hub, "note": note})

    def unmute(self, hub: str) -> None:
        """Show again what a hub posts."""
        self._node.delete(f"/muted/{segment(hub)}")

    def _say(self, path: str, said: Json) -> Json:
        body = {name: value for name, value in said.items() if value is not None}
        value = self._node.post_once(path, body, new_key())
        if not isinstance(value, dict):
            raise AnswerError("the node's answer is not of the expected form", "are both of the same version?")
        return value
