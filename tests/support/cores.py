"""A core with a disk: what the engine and a store are to a real hub, without a loop.

In: events. Out: the actions that are left for the wire, after commits were applied and readings answered. Used by the
fake wire (`wire`) and by the simulation, which decides itself when a commit becomes durable.
"""

from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from hartig_node.store.memory import MemoryStore
from hartig_node.store.memory_disk import MemoryDisk
from hartig_node.store.rows import Change
from hartig_protocol.events import (
    Action,
    ArrivalsRead,
    AskAdmission,
    Commit,
    ContinueWork,
    Event,
    NewcomerAdmitted,
    NewcomerRefused,
    Now,
    ReadArrivals,
    ReadRecords,
    RecordsPublished,
    RecordsRead,
    WorkContinued,
)
from hartig_protocol.hub import Hub
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Record
from hartig_protocol.sync.state import Joining, load_state
from support.records import Network, key, seeded

_T = TypeVar("_T")


def finish(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that never waits, as those of the store's twin."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: _T = stop.value
        return value
    raise AssertionError("the twin waited for something")


@dataclass(eq=False)
class Core:
    """One hub: its keys, its disk, and the core that runs on it now."""

    network: Network
    number: int
    disk: MemoryDisk
    hub: Hub = field(init=False)
    invite: Joining | None = None
    secrets: dict[bytes, int] = field(default_factory=dict)  # invites given out: secret -> uses left
    grants_given: int = 0

    def __repr__(self) -> str:
        return f"<Core {self.number} {getattr(self, 'hub', None)!r}>"

    @cached_property
    def key(self) -> SigningKey:
        return self.network.hub(self.number)

    @cached_property
    def node(self) -> bytes:
        return key(f"node of {self.key.public.hex()}").public

    @property
    def ids(self) -> set[bytes]:
        """What it holds and may share."""
        catalog = self.hub.catalog
        return {record_id for _, record_id in catalog.ids_after(0, catalog.last_n)}

    def start(self, now: Now) -> list[Action]:
        """Begin a life of the process on the disk; return what the core wants done first."""
        loaded = finish(MemoryStore(self.disk).load())
        seed = seeded(f"seed {self.number}", 32)
        self.hub = Hub(load_state(self.network.id, self.key, self.node, loaded, self.invite, seed=seed), now)
        return self.hub.start(now)

    def apply(self, commit: Commit) -> None:
        self.disk.apply(Change.of(commit))

    def answer(self, action: Action) -> Event | None:
        """Answer what the core asked of its node, from the disk as it is now."""
        match action:
            case ReadArrivals(link, after, upto, governance, records_max, bytes_max):
                store = MemoryStore(self.disk)
                reading = store.read_arrivals(after, upto, records_max, bytes_max, governance=governance)
                rows, through = finish(reading)
                return ArrivalsRead(link, after, through, tuple(rows))
            case ReadRecords(link, ids):
                return RecordsRead(link, tuple(finish(MemoryStore(self.disk).read_records(ids))))
            case AskAdmission(link, _, hub_key, secret):
                return self._admit(link, hub_key, secret)
            case ContinueWork():
                return WorkContinued()
            case _:
                return None

    def _admit(self, link: int, hub_key: bytes, secret: bytes) -> Event:
        if not self.secrets.get(secret):
            return NewcomerRefused(link, "bad_invite", "this invite is not known here, or was used")
        self.secrets[secret] -= 1
        place = self.grants_given
        self.grants_given += 1
        grant = self.network.grant(hub_key, author=self.key, place=place, places=500, invites=3)
        return NewcomerAdmitted(link, grant.wire)


def new_disk(number: int, life: int = 0) -> MemoryDisk:
    """Return an empty disk with an epoch of its own."""
    return MemoryDisk(epoch=seeded(f"epoch {number} {life}", 16))


def published(records: Iterable[Record], ticket: int = 0) -> RecordsPublished:
    return RecordsPublished(ticket, tuple(record.wire for record in records))
