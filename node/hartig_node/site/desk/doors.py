"""What the desk asks of the board beside what the neighbours' pages ask: all of a deal, on both of its sides.

`hartig_node.board.board.Board` fits as it is. All use cases raise `BoardError` alone; what each does stands in
`hartig_node.board.deals.deals`. Who calls: the pages of the desk.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hartig_node.board.deals.views import BookView, DealPage, DealView, SetAsidePage
from hartig_node.board.drafts.views import PostView
from hartig_node.board.keeping.anew import Begun
from hartig_node.site import doors
from hartig_node.site.desk.session import PairingDoor


class PostsDoor(doors.PostsDoor, Protocol):
    """Own posts, changed by who keeps them."""

    async def revise(self, thread: str, patch: Any, if_match: str | None = None) -> PostView:
        """Change fields of a post."""

    async def withdraw(self, thread: str, if_match: str | None = None, *, force: bool = False) -> PostView:
        """End a post; with `force` also one of which something is promised."""

    async def renew(self, thread: str, days: float | None = None, if_match: str | None = None) -> PostView:
        """Keep a post up for longer."""


class DealsDoor(doors.DealsDoor, Protocol):
    """All that is said in deals and accounts."""

    async def ask(
        self,
        need: str,
        lot: str,
        quantity: str | None = None,
        date: str | None = None,
        lot_date: str | None = None,
    ) -> DealView:
        """Ask an offer for an own need."""

    async def promise(self, claim: str, quantity: str | None = None) -> DealView:
        """Promise what was asked."""

    async def decline(self, claim: str) -> DealView:
        """Say that nothing will be promised."""

    async def release(self, claim: str, why: str = "cancelled") -> DealView:
        """Take a promise back."""

    async def hand_over(
        self, claim: str | None, quantity: str | None = None, lot: str | None = None, date: str | None = None
    ) -> DealView | BookView:
        """Say that it was handed over: for a deal, or with `lot` to whoever came."""

    async def returned(self, claim: str, quantity: str | None = None) -> DealView:
        """Count what was lent and came back."""

    async def give_back(self, claim: str, quantity: str | None = None) -> DealView:
        """Say that what was lent goes back."""

    async def count(
        self, post: str, quantity: str, why: str | None = None, dates: Sequence[str] | None = None
    ) -> BookView:
        """Count what is there, or say how much is needed."""

    async def set_aside(self, lot: str, hub: str, quantity: str, date: str | None = None) -> BookView:
        """Set stock aside for a hub."""

    async def accept(self, allotment: str, overrides: Mapping[str, Any] | None = None) -> BookView:
        """Make an offer of what was set aside for this hub."""

    async def surrender(self, lot: str, quantity: str | None = None, date: str | None = None) -> BookView:
        """Give stock back to the hub that had set it aside."""

    async def close(self, thread: str) -> BookView:
        """End an account in good order."""

    async def deals(
        self, role: str | None = None, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> DealPage:
        """List deals of own posts."""

    async def set_aside_for_us(self, limit: int = 50, cursor: str | None = None) -> SetAsidePage:
        """List what other hubs set aside for this one."""

    def hubs(self) -> Sequence[tuple[str, str]]:
        """Return the other hubs for which stock can be set aside: id and name."""


class ContactTextsDoor(Protocol):
    """What was said with own posts of how to reach their people."""

    async def of(self, thread: bytes) -> str | None:
        """Return what was said with a post."""


class ContactsDoor(doors.ContactsDoor, Protocol):
    """How the people of one deal reach each other."""

    @property
    def texts(self) -> ContactTextsDoor:
        """What this hub's own people have said."""


class ElsewhereDoor(Protocol):
    """What else there is."""

    async def offers(self, need: str) -> list[PostView]:
        """Return offers that a need could ask now."""


class AnewDoor(Protocol):
    """Posts that have ended and wait for a person's count."""

    def waiting(self) -> list[Begun]:
        """Return what waits."""

    async def open(self, thread: str, quantity: str | float) -> str | None:
        """Begin a post anew with what was counted; return its id, None where nothing is left."""


class KeeperDoor(Protocol):
    """What a hub does by itself with its accounts."""

    @property
    def anew(self) -> AnewDoor:
        """What it has ended and cannot begin anew by itself."""


class DeskDoor(doors.BoardDoor, Protocol):
    """The board as the desk sees it."""

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
    def elsewhere(self) -> ElsewhereDoor:
        """What else a need could ask."""

    @property
    def keeper(self) -> KeeperDoor:
        """What waits for a person's count."""

    @property
    def pairing(self) -> PairingDoor:
        """The paired devices."""
