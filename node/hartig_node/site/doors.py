"""What the pages ask of the board, and no more: a page cannot reach invites, tokens or keys even by mistake.

`hartig_node.board.board.Board` fits as it is; tests bring a board of their own.
"""

from collections.abc import Callable
from typing import Any, Protocol

from hartig_node.board.deals.views import BookView, DealView
from hartig_node.board.drafts.views import PostView
from hartig_node.board.fetching import Fetching
from hartig_node.board.posts.posts import ListPage, ListQuery
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

    async def change_by_word(self, word: str, action: str, *, force: bool = False) -> PostView:
        """Withdraw or renew the post that a pick-up word belongs to; with `force` also what is promised."""


class DealsDoor(Protocol):
    """What those say who need something; to promise and hand over is not for these pages."""

    async def book_view(self, thread: str) -> BookView:
        """Return the account of a post, with its deals."""

    async def deal(self, claim: str) -> DealView:
        """Return a deal."""

    async def cancel(self, claim: str) -> DealView:
        """Say that what was asked is not needed any more."""

    async def receive(self, claim: str, how: str = "ok", quantity: str | None = None) -> DealView:
        """Say how it arrived."""

    async def give_back(self, claim: str) -> DealView:
        """Say that what was lent goes back."""


class ContactsDoor(Protocol):
    """How the people of one deal reach each other."""

    async def contact_of(self, claim: bytes, role: str | None = None) -> str | None:
        """Return how to reach the other side, where it has said so."""


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
    def deals(self) -> DealsDoor:
        """What was asked, and what became of it."""

    @property
    def contacts(self) -> ContactsDoor:
        """How to reach the other side of a deal."""

    @property
    def config(self) -> SettingsDoor:
        """The hub's name and languages."""

    def fetching(self) -> Fetching:
        """Return how far this hub has come in fetching what the others have."""
