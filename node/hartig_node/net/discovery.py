"""Discovery: who else is on the networks that this machine is on, now and after they change.

Comes in: our node id, network tag and port. Goes out: `Found` and `Lost`, to a call-back. Who calls: the
daemon, which puts what is found into the address book and wakes the dialler.

Every few seconds the machine's addresses are read again; each new one gets an instance of mDNS (`mdns.py`),
each lost one loses it. So a node that starts with no network at all, or is carried to another, needs no
restart. No lack of a network is an error here; `problems` tells the doctor.

While nodes are missing that somebody wants (`missing`), each round also asks the network, and those who are
not missed need not answer: a partition that heals is noticed within a round, and a quiet network stays quiet.
The first rounds after such news are quicker, because questions and answers may be lost.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from hartig_node.net.announcements import (
    NETWORK_TAG_BYTES,
    Announcement,
    Found,
    Lost,
    instance_name,
    merge,
)
from hartig_node.net.certificates import NODE_ID_BYTES
from hartig_node.net.interfaces import Interface, Local, read_interfaces, usable
from hartig_node.tasks import Tasks
from hartig_protocol.errors import LocalError, RemoteError

logger = logging.getLogger(__name__)

RESCAN_S = 3.0  # a changed address is to be found again within 10 s; one scan takes less than a millisecond
# Where three packets in ten are lost, half of all questions come to nothing. So that a hub is found within 10 s there,
# too, the first rounds after somebody is missed, or after a new address, follow quicker. Every other one, the first
# too, asks for unicast answers; those that all are to hear are a second apart (RFC 6762, section 5.2).
SOON_ROUNDS = 16
SOON_S = 0.5
REPEAT_S = 3.0  # a node that says the same again is news only so often, or one sender could have us dial without end
HELD_MAX = 512  # announcements; made-up ones push out the oldest, which the address book has by then


class Instance(Protocol):
    """What discovery needs of mDNS on one address."""

    async def start(self, port: int, network_tag: bytes) -> None:
        """Announce and listen; raises `RemoteError` where that is impossible now."""
        ...

    def announce_again(self, port: int, network_tag: bytes) -> None:
        """Announce something new."""
        ...

    def ask(self, already_known: Iterable[str], *, unicast: bool = False) -> None:
        """Ask who is there, and for answers to us alone or to all."""
        ...

    async def close(self) -> None:
        """Say farewell and close."""
        ...


MakeInstance = Callable[[Local, Callable[[str, Announcement], None], Callable[[str], None]], Instance]


class Discovery:
    """Announces this node on every usable address and reports who else is announced."""

    def __init__(
        self,
        node_id: bytes,
        network_tag: bytes,
        port: int,
        on_event: Callable[[Found | Lost], None],
        *,
        interfaces: Iterable[str] | None = None,
        missing: Callable[[], Iterable[bytes]] = tuple,
        on_addresses: Callable[[frozenset[str]], None] | None = None,
        rescan_s: float = RESCAN_S,
        read: Callable[[], list[Interface]] = read_interfaces,
        make_instance: MakeInstance | None = None,
        tasks: Tasks | None = None,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            node_id: ours, 32 bytes.
            network_tag: 8 bytes that tell networks apart without naming them; all zero before there is a
                network.
            port: of the peers' door; 0 where nothing is announced, only listened.
            on_event: is told who is found and lost; it must not take long.
            interfaces: speak on these addresses of this machine alone, as `["127.0.0.1"]`; None for all but
                loopback.
            missing: the node ids that are wanted and have no link.
            on_addresses: is told all addresses of this machine, whatever they are good for, when they changed.
            rescan_s: how often the machine's addresses are read.
            read: reads them.
            make_instance: makes an mDNS instance, zeroconf's if not given.
            tasks: holder of discovery's tasks.
        """
        if len(node_id) != NODE_ID_BYTES:
            raise LocalError(f"discovery: a node id has {NODE_ID_BYTES} bytes, not {len(node_id)}")
        self._node_id = node_id
        self._network_tag = _checked_tag(network_tag)
        self._port = port
        self._on_event = on_event
        self._only = None if interfaces is None else frozenset(interfaces)
        self._missing = missing
        self._on_addresses = on_addresses
        self._all_addresses: frozenset[str] | None = None
        self._rescan_s = rescan_s
        self._read = read
        self._make_instance = make_instance or self._make_mdns
        self._tasks = tasks or Tasks()
        self._instances: dict[Local, Instance] = {}
        self._farewell_tasks = Tasks()  # never cancelled: a farewell cut short would leave sockets behind
        self._farewells: set[asyncio.Task[None]] = set()
        self._missed: frozenset[bytes] = frozenset()  # who was missing when it was asked last
        self._soon_rounds = SOON_ROUNDS  # how many more rounds are to be quick
        self._held: dict[tuple[Local, str], Announcement] = {}  # the latest heard last
        self._told: dict[bytes, tuple[Found, float]] = {}  # what was reported last, and when on the loop's clock
        self.problems: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Discovery on {self.addresses}, {len(self._told)} nodes>"

    @property
    def addresses(self) -> list[str]:
        """The addresses on which this node is announced now."""
        return [local.address for local in sorted(self._instances)]

    async def start(self) -> None:
        """Look at the network once, then go on doing so in the background."""
        await self.rescan()
        self._tasks.start(self._keep_scanning(), "discovery")

    async def rescan(self) -> None:
        """Begin on new addresses and end on lost ones; never raises for want of a network."""
        try:
            interfaces = self._read()
        except OSError as error:
            self.problems = {"interfaces": str(error)}
            return
        self.problems = {}
        present = usable(interfaces, self._only)
        for local in sorted(set(self._instances) - set(present)):
            self._end(local)
        for local in present:
            if local not in self._instances:
                await self._begin(local)
        self._tell_addresses(frozenset(address for one in interfaces for address in one.addresses))

    def set_network_tag(self, network_tag: bytes) -> None:
        """Announce another network tag from now on: this node founded or joined a network."""
        self._network_tag = _checked_tag(network_tag)
        for local in sorted(self._instances):
            self._instances[local].announce_again(self._port, self._network_tag)

    def ask(self) -> None:
        """Ask every network for those who are missing, if any are."""
        missing = frozenset(self._missing())
        if missing - self._missed:
            self._soon_rounds = SOON_ROUNDS
        self._missed = missing
        if not missing:
            return
        unicast = self._soon_rounds > 0 and self._soon_rounds % 2 == 0
        for local in sorted(self._instances):
            known = {name for (at, name), one in self._held.items() if at == local and one.node_id not in missing}
            self._instances[local].ask({*known, instance_name(self._node_id, local.address)}, unicast=unicast)

    async def close(self) -> None:
        """Say farewell everywhere and end."""
        await self._tasks.close()
        for local in sorted(self._instances):
            self._end(local)
        await asyncio.gather(*self._farewells)

    def next_round_s(self) -> float:
        """Return how long to wait for the next round, and count it."""
        if not self._soon_rounds:
            return self._rescan_s
        self._soon_rounds -= 1
        return min(SOON_S, self._rescan_s)

    async def _keep_scanning(self) -> None:
        stopped = asyncio.Event()  # never set: a wait that ends with its task
        while True:
            self.ask()
            try:
                async with asyncio.timeout(self.next_round_s()):
                    await stopped.wait()
            except TimeoutError:
                await self.rescan()

    def _tell_addresses(self, addresses: frozenset[str]) -> None:
        before, self._all_addresses = self._all_addresses, addresses
        if self._on_addresses is not None and before not in {None, addresses}:
            self._on_addresses(addresses)

    async def _begin(self, local: Local) -> None:
        instance = self._make_instance(
            local,
            lambda name, heard: self._on_heard(local, name, heard),
            lambda name: self._on_gone(local, name),
        )
        self._instances[local] = instance
        self._soon_rounds = SOON_ROUNDS
        try:
            await instance.start(self._port, self._network_tag)
        except RemoteError as error:
            del self._instances[local]
            self.problems[local.address] = str(error)
            logger.debug("no discovery on %s (%s)", local.interface, error.code)
        except BaseException:
            del self._instances[local]
            await instance.close()
            raise

    def _end(self, local: Local) -> None:
        farewell = self._farewell_tasks.start(self._instances.pop(local).close(), "farewell")
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)
        for at, name in [key for key in self._held if key[0] == local]:
            self._on_gone(at, name)

    def _on_heard(self, local: Local, name: str, heard: Announcement) -> None:
        if heard.node_id == self._node_id or local not in self._instances:
            return
        before = self._held.pop((local, name), None)
        self._held[local, name] = heard
        if len(self._held) > HELD_MAX:
            forgotten = self._held.pop(next(iter(self._held)))
            self._forget(forgotten.node_id)
        if before is not None and before.node_id != heard.node_id:
            self._report(before.node_id)
        self._report(heard.node_id)

    def _on_gone(self, local: Local, name: str) -> None:
        gone = self._held.pop((local, name), None)
        if gone is not None:
            self._report(gone.node_id)

    def _report(self, node_id: bytes) -> None:
        """Tell what is known of a node now, unless the same was told a moment ago."""
        found = merge(one for one in self._held.values() if one.node_id == node_id)
        if found is None:
            if self._told.pop(node_id, None) is not None:
                self._on_event(Lost(node_id))
            return
        now = asyncio.get_running_loop().time()
        told = self._told.get(node_id)
        if told is not None and _says_the_same(told[0], found) and now - told[1] < REPEAT_S:
            return
        self._told[node_id] = (found, now)
        self._on_event(found)

    def _forget(self, node_id: bytes) -> None:
        """Stop holding what a flood pushed out; the node is not lost for that, so nobody is told."""
        if not any(one.node_id == node_id for one in self._held.values()):
            self._told.pop(node_id, None)

    def _make_mdns(
        self, local: Local, on_heard: Callable[[str, Announcement], None], on_gone: Callable[[str], None]
    ) -> Instance:
        from hartig_node.net.mdns import Mdns

        return Mdns(local, self._node_id, on_heard, on_gone)


def _says_the_same(one: Found, other: Found) -> bool:
    # The order of addresses is that of the last packets, and changes all the time.
    return one.network_tag == other.network_tag and set(one.addresses) == set(other.addresses)


def _checked_tag(network_tag: bytes) -> bytes:
    if len(network_tag) != NETWORK_TAG_BYTES:
        raise LocalError(f"discovery: a network tag has {NETWORK_TAG_BYTES} bytes, not {len(network_tag)}")
    return network_tag
