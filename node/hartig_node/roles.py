"""What the engine needs of those around it: the core that it drives, and who answers what the core asks.

Who calls: `engine` holds one of each; the daemon says who they are.
"""

from collections.abc import Sequence
from typing import Protocol

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import (
    Action,
    AskAdmission,
    Event,
    NewcomerAdmitted,
    NewcomerRefused,
    Now,
    OwnRecordClaimed,
)
from hartig_protocol.records.record import Wire
from hartig_protocol.sync.state import SyncState


class Core(Protocol):
    """One hub of one network, with or without partner networks."""

    @property
    def state(self) -> SyncState:
        """What the hub remembers of its own network."""

    @property
    def catalog(self) -> Catalog:
        """What the hub has accepted of its own network."""

    def start(self, now: Now) -> list[Action]:
        """Judge anew by today's time what the store holds; once, before any event."""

    def handle(self, event: Event, now: Now) -> list[Action]:
        """Take one fact and return what is to be done, in order."""

    def next_timer_ms(self) -> int:
        """Return when (steady ms) `TimePassed` is wanted at the latest."""


class NodeSide(Protocol):
    """What the core may ask the node's people for; the board answers."""

    async def admit(self, asked: AskAdmission) -> NewcomerAdmitted | NewcomerRefused:
        """Judge an invite that a newcomer holds out."""

    async def admitted(self) -> None:
        """This hub has just become a member."""

    async def own_record_claimed(self, claimed: OwnRecordClaimed) -> None:
        """A peer holds a record of ours that we do not."""


class PartnerSide(Protocol):
    """Who is told of partner networks; the board is."""

    async def pact_proposed(self, network: bytes, records: Sequence[Wire]) -> None:
        """A hub of another network has shown that network's side of an agreement."""


class RandomBytes(Protocol):
    """A source of randomness: `secrets.token_bytes`, or a seeded one in tests."""

    def __call__(self, count: int, /) -> bytes:
        """Return `count` random bytes."""
