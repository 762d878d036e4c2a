"""Many networks of some hubs each, with agreements in a ring or a star: what it costs, and whether all crosses.

In: a shape, how many networks and hubs. Out: a `Country` on one fake wire, with what each hub has heard. Frames come at
once and in order; so counts and bytes are exact, and time is that of the timers alone.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from hartig_protocol.events import PartnerNamed
from hartig_protocol.records.record import NO_NETWORK, Record
from support.cores import new_disk
from support.federated import Federated, pact_of
from support.records import Network, key
from support.wire import Wire

EQUAL_MS_MAX = 600_000
LOOK_MS = 1_000
DELIVERIES_MAX = 10**9


def ring(count: int) -> list[tuple[int, int]]:
    """Each network has an agreement with the next."""
    return [(at, (at + 1) % count) for at in range(count)]


def star(count: int) -> list[tuple[int, int]]:
    """One network has an agreement with each of the others."""
    return [(0, at) for at in range(1, count)]


class Roads(Wire):
    """A wire between so many hubs that a script of the usual length would be short."""

    def deliver(self, count_max: int = DELIVERIES_MAX) -> int:
        return super().deliver(min(count_max, DELIVERIES_MAX))


@dataclass
class Country:
    """Networks of hubs; in each the first two may speak for it."""

    wire: Wire
    pairs: list[tuple[int, int]]
    hubs: list[list[Federated]] = field(default_factory=list)
    offers: list[list[Record]] = field(default_factory=list)

    @classmethod
    def of(cls, pairs: list[tuple[int, int]], networks: int, hubs: int) -> "Country":
        """Return networks that have agreed and whose hubs have links; nothing is shared yet."""
        made = [Network(at + 1, key(f"seat of {at}")) for at in range(networks)]
        country = cls(Roads(made[0]), pairs)
        for network in made:
            country.hubs.append([country._hub(network, number) for number in range(1, hubs + 1)])
        for some in country.hubs:
            country._mesh(some)
        for number, pair in enumerate(pairs):
            country._agree(number, *pair)
        country.wire.deliver()
        country.wire.pass_time(3_000)
        return country

    def _hub(self, network: Network, number: int) -> Federated:
        core = Federated(network, number, new_disk(1000 * network.seed + number))
        self.wire.add(core)
        own = network.hub(number)
        grant = network.grant(own.public, place=number, rank="organiser", gateway=number <= 2)
        self.wire.publish(core, network.charter, grant, network.card(own))
        return core

    def _mesh(self, hubs: list[Federated]) -> None:
        for at, hub in enumerate(hubs):
            for other in hubs[:at]:
                self.wire.connect(hub, other)

    def _agree(self, number: int, one: int, other: int) -> None:
        """Both sides are published at the first hubs; the first two of each speak with each other."""
        for here, there in ((one, other), (other, one)):
            first, network = self.hubs[here][0], self.hubs[there][0].network
            self.wire.publish(first, pact_of(first.network, network.id, first.key, place=500 + number))
        for hub, peer in zip(self.hubs[one][:2], self.hubs[other][:2], strict=True):
            self.wire.deliver()
            for core, far in ((hub, peer), (peer, hub)):
                self.wire.handle(core, PartnerNamed(far.network.id, (far.node,)))
            self.wire.connect(hub, peer)

    # --- What happens

    def share(self, count: int, audience: str = "partners") -> None:
        """Each hub publishes offers, one in two of them for partners."""
        for some in self.hubs:
            mine: list[Record] = []
            for hub in some:
                for place in range(count):
                    said = {"audience": audience} if place % 2 == 0 else {}
                    offer = hub.network.offer(hub.key, place=place, nonce=f"{hub.number} {place}", **said)
                    self.wire.publish(hub, offer)
                    mine += [offer] if said else []
            self.offers.append(mine)

    def partners_of(self, network: int) -> list[int]:
        """Return the networks with which one has an agreement."""
        return sorted({b if a == network else a for a, b in self.pairs if network in (a, b)})

    def lacking(self, hub: Federated, of: int) -> set[bytes]:
        """Return what a hub does not hold of what a partner network has shared."""
        return {one.id for one in self.offers[of]} - self.held(hub, of)

    def held(self, hub: Federated, of: int) -> set[bytes]:
        """Return what a hub holds of a network that is a partner of its own."""
        partner = hub.federation.partners[self.hubs[of][0].network.id]
        assert partner.theirs is not None
        return {one for _, one in partner.theirs.catalog.arrived_after(0)}

    def until_equal(self) -> int | None:
        """Let time pass until every hub holds what its partners share; return how many ms, None if it never does."""
        for waited_ms in range(0, EQUAL_MS_MAX, LOOK_MS):
            if not any(self._lacks(number) for number in range(len(self.hubs))):
                return waited_ms
            self.wire.pass_time(LOOK_MS)
        return None

    def _lacks(self, number: int) -> bool:
        partners = self.partners_of(number)
        return any(self.lacking(hub, of) for hub in self.hubs[number] for of in partners)

    # --- What it cost

    def bytes_heard(self) -> Counter[Federated]:
        """Return how many bytes each hub was sent since `Wire.forget_said`."""
        heard: Counter[Federated] = Counter()
        for core, link, frame in self.wire.sent:
            other = self.wire.ends.get((core, link))
            if isinstance(other, Federated):
                heard[other] += len(frame)
        return heard

    def foreign_networks(self, hub: Federated) -> set[bytes]:
        """Return the networks of which a hub holds anything at all."""
        federation = hub.federation
        catalogs = [federation.catalog, *(one.theirs.catalog for one in federation.partners.values() if one.theirs)]
        networks = {record.head.network for one in catalogs for record in one.governance.values()}
        return networks - {NO_NETWORK}


def mean(values: Iterable[float]) -> float:
    """Return the mean of some values, of which there is at least one."""
    numbers = list(values)
    return sum(numbers) / len(numbers)
