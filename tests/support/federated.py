"""Hubs of several networks on one fake wire: cores with a disk for each partner network's records.

towns = Towns("a", "b")                      # two networks
a, b = towns.hub("a", 1), towns.hub("b", 1)  # both may speak for theirs
towns.agree("a", "b")                        # both sides, published at hub 1 of each
towns.wire.connect(a, b); towns.wire.deliver()
towns.held(b, "a")                           # what b holds of network a
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hartig_node.store.memory import MemoryStore
from hartig_node.store.memory_disk import MemoryDisk
from hartig_node.store.rows import Change
from hartig_protocol.events import (
    Action,
    Commit,
    DropPartition,
    Event,
    Inside,
    Now,
    OpenPartition,
    PartitionOpened,
    PartnerNamed,
    Within,
)
from hartig_protocol.hub import Hub
from hartig_protocol.limits import DAY_MS
from hartig_protocol.partners.federation import Federation
from hartig_protocol.partners.partner import Partner
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync.state import load_state
from support.cores import Core, finish, new_disk
from support.records import NOW_MS, Network, head, key, seeded
from support.wire import Wire


@dataclass(eq=False)
class Federated(Core):
    """A hub among networks, with a disk for its own records and one for each partner's."""

    disks: dict[bytes, MemoryDisk] = field(default_factory=dict)
    lives: int = 0

    @property
    def federation(self) -> Federation:
        assert isinstance(self.hub, Federation)
        return self.hub

    def start(self, now: Now) -> list[Action]:
        loaded = finish(MemoryStore(self.disk).load())
        seed = seeded(f"seed {self.network.seed} {self.number}", 32)
        home = Hub(load_state(self.network.id, self.key, self.node, loaded, self.invite, seed=seed), now)
        self.hub = Federation(home)  # type: ignore[assignment]
        return self.hub.start(now)

    def answer(self, action: Action) -> Event | None:
        match action:
            case OpenPartition(partition):
                disk = self.disks.get(partition)
                if disk is None:
                    self.lives += 1
                    name = f"{self.network.seed}.{self.number}.{partition.hex()}"
                    disk = self.disks[partition] = MemoryDisk(epoch=seeded(f"epoch {name} {self.lives}", 16))
                return PartitionOpened(partition, finish(MemoryStore(disk).load()))
            case DropPartition(partition):
                del self.disks[partition]
                return None
            case Inside(partition, Commit() as commit):
                self.disks[partition].apply(Change.of(commit))
                return None
            case Inside(partition, inner):
                own, self.disk = self.disk, self.disks.get(partition, self.disk)
                try:
                    said = super().answer(inner)
                finally:
                    self.disk = own
                return None if said is None else Within(partition, said)  # type: ignore[arg-type]
            case _:
                return super().answer(action)


class Towns:
    """Networks by name, the hubs in them, and one wire between all."""

    def __init__(self, *names: str) -> None:
        self.networks = {name: Network(at, key(f"seat {name}")) for at, name in enumerate(names, 1)}
        self.wire = Wire(next(iter(self.networks.values())))

    def hub(self, name: str, number: int, *, speaks: bool = True) -> Federated:
        """Return a hub that holds its proofs, and may speak for its network."""
        network = self.networks[name]
        core = Federated(network, number, new_disk(1000 * network.seed + number))
        self.wire.add(core)
        own = network.hub(number)
        facts = {"gateway": True} if speaks else {}
        grant = network.grant(own.public, place=number, rank="organiser", **facts)
        self.wire.publish(core, network.charter, grant, network.card(own))
        return core

    def pact(self, name: str, partner: str, author: SigningKey | None = None, **terms: Any) -> Record:
        """Return one side of an agreement, by hub 1 of a network unless `author` says otherwise."""
        network, other = self.networks[name], self.networks[partner]
        return pact_of(network, other.id, author or network.hub(1), **terms)

    def agree(self, one: Federated, other: Federated, **terms: Any) -> None:
        """Publish both sides at these two hubs, and let each know the other's node."""
        for core, partner in ((one, other), (other, one)):
            self.wire.publish(core, pact_of(core.network, partner.network.id, core.key, **terms))
            self.wire.handle(core, PartnerNamed(partner.network.id, (partner.node,)))
        self.wire.deliver()

    def partner(self, core: Federated, name: str) -> Partner:
        return core.federation.partners[self.networks[name].id]

    def held(self, core: Federated, name: str) -> set[bytes]:
        """Return the ids of what a hub holds of a partner network's records."""
        theirs = self.partner(core, name).theirs
        assert theirs is not None
        return {one for _, one in theirs.catalog.arrived_after(0)}


def pact_of(
    network: Network,
    partner: bytes,
    author: SigningKey,
    *,
    kinds: Sequence[str] = ("offer",),
    categories: Sequence[str] = (),
    areas: Sequence[str] = (),
    retention_days: int = 30,
    place: int = 998,
    seq: int = 1,
    stamp: int = NOW_MS,
    expires: int | None = None,
    ends: bool = False,
) -> Record:
    """Return one side of an agreement."""
    facts: dict[str, Any] = {
        "kinds": list(kinds),
        "categories": list(categories),
        "areas": list(areas),
        "retention_days": retention_days,
    }
    made = head(
        network.id,
        Kind.PACT,
        author.public,
        place=place,
        subject=partner,
        audience=partner,
        seq=seq,
        stamp=stamp,
        expires=stamp + 300 * DAY_MS if expires is None else expires,
        facts={"ends": True} if ends else facts,
    )
    return sign_record(made, None, [author])
