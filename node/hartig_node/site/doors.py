"""What the pages ask of the board, and no more: a page cannot reach invites, tokens or keys even by mistake.

`hartig_node.board.board.Board` fits as it is; tests bring a board of their own.
"""

from collections.abc import Callable
from typing import Any, Protocol

from hartig_node.board.fetching import Fetching
from hartig_node.board.posts import ListPage, ListQuery
from hartig_node.board.views import PostView
from hartig_protocol.events import Now

Clock = Callable[[], Now]


class PostsDoor(Protocol):
    """The use cases of a neighbour without a key; all raise `BoardError` alone."""

    async def publish_for_neighbour(self, draft: Any) -> tuple[PostView, str]:
        """Publish a draft and return its pick-up word."""

    async def get(self, thread: str) -> PostView:
        """Return one post."""

    async def list(self, query: ListQuery) -> ListPage:
        """Return one page of posts, newest first."""

    async def find_by_word(self, word: str) -> PostView:
        """Return the post that a pick-up word belongs to."""

    async def change_by_word(self, word: str, action: str) -> PostView:
        """Withdraw or renew the post that a pick-up word belongs to."""


class SettingsDoor(Protocol):
    """What the configuration tells neighbours."""

    @property
    def name(self) -> str:
        """The hub's name."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The hub's languages, the first before all."""


class BoardDoor(Protocol):
    """The board as the pages see it."""

    @property
    def posts(self) -> PostsDoor:
        """Needs and offers."""

    @property
    def config(self) -> SettingsDoor:
        """The hub's name and languages."""

    def fetching(self) -> Fetching:
        """Return how far this hub has come in fetching what the others have."""
