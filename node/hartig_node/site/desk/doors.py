"""What the desk asks of the board beside what the neighbours' pages ask: all of a deal, on both of its sides.

`hartig_node.board.board.Board` fits as it is. All use cases raise `BoardError` alone; what each does stands in
`hartig_node.board.deals.deals`. Who calls: the pages of the desk.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hartig_node.board.belonging.asking import AskingView
from hartig_node.board.belonging.invites import InviteView
from hartig_node.board.belonging.people import Person
from hartig_node.board.belonging.removing import Removal
from hartig_node.board.deals.views import BookView, DealPage, DealView, SetAsidePage
from hartig_node.board.drafts.views import PostView
from hartig_node.board.keeping.anew import Begun
from hartig_node.board.moderation.flags import Flag, FlagPage
from hartig_node.board.moderation.hiding import Hidden
from hartig_node.board.partners.partners import Partners
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

    async def called(self, subject: Hidden | Flag) -> dict[str, Any]:
        """Return what a post or a hub that is hidden or flagged is called."""


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

    async def open(self, thread: str, quantity: str | float | None, level: str | None = None) -> str | None:
        """Begin a post anew with what was counted; return its id, None where nothing is left."""


class KeeperDoor(Protocol):
    """What a hub does by itself with its accounts."""

    @property
    def anew(self) -> AnewDoor:
        """What it has ended and cannot begin anew by itself."""


class PeopleDoor(Protocol):
    """Who belongs."""

    def everybody(self, *, also_former: bool = False) -> list[Person]:
        """Return everybody, whoever was invited after who invited."""

    def get(self, key: bytes) -> Person:
        """Return one."""

    def falling_without(self, key: bytes) -> list[Person]:
        """Return who would not belong any more without one."""


class ChangingDoor(Protocol):
    """Changes who belongs, with this hub's key."""

    async def grant(self, key: bytes, rank: str = "hub") -> Person:
        """Let a key belong."""

    async def renew(self, key: bytes, *, gateway: bool | None = None) -> Person:
        """Let what this hub granted last longer; `gateway`: whether it speaks with partner networks."""

    async def end(self, key: bytes) -> Person:
        """Take back what this hub granted."""

    async def remove(self, key: bytes, keep: Sequence[bytes] = ()) -> Removal:
        """Remove a key for good; whom it invited and is kept is granted anew."""


class RulesDoor(Protocol):
    """The rules of the network."""

    def view(self) -> dict[str, Any]:
        """Return them as the node API gives them."""

    def ending(self) -> list[tuple[Person, int]]:
        """Return whose memberships this hub gave that end soon, and when (ms)."""


class AskingDoor(Protocol):
    """Hubs that ask to be let in."""

    @property
    def open_ms(self) -> int:
        """How long they can ask yet; 0 where they cannot."""

    def open(self) -> None:
        """Let them ask for ten minutes."""

    def close(self) -> None:
        """Let nobody else in."""

    async def list(self) -> list[AskingView]:
        """Return who asks, with the words."""

    def let_in(self, asking_id: str) -> None:
        """Let one in."""

    def turn_away(self, asking_id: str) -> None:
        """Turn one away."""


class InvitesDoor(Protocol):
    """Invites of this hub."""

    @property
    def asking(self) -> AskingDoor:
        """Who asks without one."""

    async def create(
        self, *, uses: int = 1, days: float = 7.0, addresses: Sequence[str] = (), label: str = ""
    ) -> InviteView:
        """Make one; its link is in this answer alone."""

    async def list(self) -> list[InviteView]:
        """Return those that can still be used."""

    async def revoke(self, invite_id: str) -> None:
        """Make one worthless."""


class HidingDoor(Protocol):
    """What this hub does not show."""

    async def hide(self, post: str, note: str = "", who: str = "") -> Hidden:
        """Hide a post of another hub."""

    async def show(self, post: str) -> None:
        """Show a post again."""

    async def mute(self, hub: str, note: str = "", who: str = "") -> Hidden:
        """Hide all that another hub posts."""

    async def unmute(self, hub: str) -> None:
        """Show again what a hub posts."""

    async def page(self, space: str, cursor: str | None = None, limit: int = 50) -> tuple[list[Hidden], str | None]:
        """Return what is hidden or muted, the newest first."""


class FlagsDoor(Protocol):
    """What hubs ask all others to look at again."""

    async def flag(self, subject: str, why: str, text: str | Mapping[str, str] = "") -> Flag:
        """Flag a post of another hub, or another hub."""

    async def take_back(self, subject: str) -> None:
        """Take a flag of this hub back."""

    async def page(
        self, about: str | None = None, *, mine: bool = False, cursor: str | None = None, limit: int = 50
    ) -> FlagPage:
        """List flags, the newest first."""


class DeskDoor(doors.BoardDoor, Protocol):
    """The board as the desk sees it."""

    @property
    def partners(self) -> Partners:
        """Partner networks, with all that concerns them."""

    @property
    def hiding(self) -> HidingDoor:
        """What this hub does not show."""

    @property
    def flags(self) -> FlagsDoor:
        """What hubs ask all others to look at again."""

    @property
    def people(self) -> PeopleDoor:
        """Who belongs."""

    @property
    def changing(self) -> ChangingDoor:
        """Changes who belongs."""

    @property
    def rules(self) -> RulesDoor:
        """The rules of the network."""

    @property
    def invites(self) -> InvitesDoor:
        """How other hubs are let in."""

    def waiting(self) -> dict[str, Any]:
        """Return what is here and does not count yet, by neighbour."""

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
