"""Who is dialled and where: from cards, mDNS, invites, typed and remembered addresses to links.

The core says which nodes are wanted (SPEC, part O); this follows it, and tells it which nodes answer nowhere and which
were heard of. mDNS is a hint, never a truth. Beside them links are kept with hubs of partner networks (`abroad`).
"""

import asyncio
import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgpack

from hartig_node.daemon.abroad import Abroad
from hartig_node.daemon.config import Config
from hartig_node.daemon.joining import JoinPlan
from hartig_node.daemon.open_links import OpenLinks
from hartig_node.doctor import Problem
from hartig_node.engine import Engine
from hartig_node.net.address_book import KEY_GOOD, SPACE_ADDRESSES, AddressBook, Candidate, Source
from hartig_node.net.addresses import parse_address
from hartig_node.net.announcements import Found, Lost
from hartig_node.net.backoff import DIAL_S_MAX, beside_s, connect_s, dial_s
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.dialer import Dialer
from hartig_node.net.dialing import dial, probe
from hartig_node.net.discovery import Discovery
from hartig_node.net.links import Link
from hartig_node.net.peer_server import PeerServer
from hartig_node.net.sockets import ListenError
from hartig_node.peers import Peer
from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError
from hartig_protocol.events import NodeHeard, NodeUnreachable, PrivateRow
from hartig_protocol.records.keys import sha256
from hartig_protocol.records.record import Record

logger = logging.getLogger(__name__)

REMEMBERED_MAX = 256
FORMER_MAX = 16  # last neighbours of an earlier run, tried first: one of them may be the only way to others
TYPED_RETRY_S = 30.0
# A person may type 64 addresses, and most of those that are dead say nothing at all. With a short patience at first the
# living one is found within a few seconds wherever it stands in the list; a slow machine is met by the next try.
PROBES_AT_ONCE_MAX = 32  # each holds a socket and, once connected, some 300 KiB
PROBE_FIRST_S_MAX = 2.0
# How a link may end that is no failure of the node, and how long it is then left alone.
REST_S = {
    "crowded": 60.0,  # it has enough neighbours now; the core has another in mind, or nobody else is known
    "doubled": 1.0,  # the other link stays
    "admitted": 1.0,  # the next link begins with a hello
    "not_admitted_yet": 3.0,  # two people compare words meanwhile
    "not_ready": 5.0,
    "no_agreement": 300.0,  # people of another network have to agree; once they have, that hub calls
    "not_a_gateway": 300.0,
    "too_often": 60.0,
}
MET_MAX = 64  # asked whether they let us in, of a network of which one is enough
_ANYBODY = bytes(32)  # no node has this id: whoever is there is to answer
_TAG_PREFIX = b"hartig/1 network tag\x00"


def network_tag(network: bytes) -> bytes:
    """Return the 8 bytes by which hubs of one network know each other in mDNS, which name nobody."""
    return sha256(_TAG_PREFIX, network)[:8]


@dataclass
class Network:
    """Links to other nodes: the peers' door, the dialer, discovery."""

    engine: Engine
    identity: NodeIdentity
    config: Config
    tag: bytes
    plan: JoinPlan | None
    tasks: Tasks
    book: AddressBook = field(default_factory=AddressBook)

    def __post_init__(self) -> None:
        self.server = PeerServer(self.identity, self._serve, tasks=self.tasks, is_known=self._is_awaited_at)
        self.dialer = Dialer(
            self.book,
            self._dial,
            self._serve,
            on_unreachable=self._not_reached,
            jitter=random.SystemRandom().random,
            tasks=self.tasks,
        )
        self.abroad = Abroad(self.engine, self._add)
        self.links = OpenLinks(asyncio.get_running_loop().time)
        self.discovery: Discovery | None = None
        self.listen_error: str | None = None
        self._remembered: list[tuple[bytes, str, int]] = []
        self._unreachable: set[bytes] = set()  # wanted once, and not heard of since
        self._joins = False  # until it is let in: then, and never again, it dials without a rest
        self._met: set[bytes] = set()  # while this hub asks anybody to let it in
        self.engine.peers.on_change = self._peer_changed

    # --- Starting and stopping

    async def start(self) -> int:
        """Open the door, begin to announce, to listen and to dial; return the port of the door."""
        self._joins = self.plan is not None
        await self._recall()
        port = self._open_door()
        only = list(self.config.interfaces) or None
        self.discovery = Discovery(
            self.identity.node_id,
            self.tag,
            port,
            self._heard,
            interfaces=only,
            missing=self._missing,
            on_addresses=self._addresses_changed,
            tasks=self.tasks,
        )
        if self.plan is not None:
            for node in self.plan.nodes:
                self._add(node, self.plan.addresses, Source.INVITE)
        await self.discovery.start()
        # Not earlier: a node that is wanted before its addresses are known would count as one that does not answer.
        self.engine.on_links_wanted, self.engine.on_gateways_wanted = self.want_only, self.refresh
        self.refresh()
        for node, _, _ in self._remembered[: -FORMER_MAX - 1 : -1]:
            self._hint(node)
        self._try_typed()
        return port

    def _open_door(self) -> int:
        hosts: Sequence[str] = self.config.interfaces or ("0.0.0.0", "::")  # noqa: S104 - the peers' door is for the LAN
        try:
            self.server.open([(host, self.config.peer_port) for host in hosts])
        except ListenError as error:
            self.listen_error = error.strerror or str(error)
            logger.warning("other hubs cannot reach this one: %s", self.listen_error)
            return self.config.peer_port
        return self.server.addresses[0][1]

    async def close(self) -> None:
        """End all links and announcements."""
        if self.discovery is not None:
            await self.discovery.close()
        await self.dialer.close()
        await self.server.close()

    # --- Who is wanted

    def refresh(self) -> None:
        """Follow the core's choice as it stands."""
        self.want_only(self.engine.hub.state.overlay.wanted)

    def want_only(self, nodes: Sequence[bytes]) -> None:
        """Keep links with these nodes, and dial no others; a link that is open is ended by the core alone.

        Who wants to join and asks any hub dials whoever was met of that network. Nodes of partner networks come on top.
        """
        if self._asks_anybody():
            nodes = [*nodes, *sorted(self._met)]
        self.abroad.look()
        nodes = [*nodes, *self.abroad.wanted]
        for node in sorted(set(self.dialer.states()) - set(nodes)):
            self.dialer.drop(node)
        for node in nodes:
            self.dialer.want(node)

    def _is_awaited_at(self, address: str) -> bool:
        """Tell whether somebody with whom a link is wanted was, or is said to be, at an address."""
        return self.book.is_at(self.dialer.states(), address)

    def _not_reached(self, node: bytes) -> None:
        self._unreachable.add(node)
        self.engine.handle(NodeUnreachable(node))

    def _hint(self, node: bytes) -> None:
        """There is reason to think that a node can be reached now: dial it if it is wanted, and tell the core."""
        self._unreachable.discard(node)
        self.dialer.wake(node)
        self.engine.handle(NodeHeard(node))

    def card_seen(self, card: Record) -> None:
        """Take the addresses that a hub's card names."""
        for node in card.head.facts.get("nodes", ()):
            if node != self.identity.node_id:
                self._add(node, card.head.facts.get("addresses", ()), Source.CARD)

    def _add(self, node: bytes, addresses: Iterable[str], source: Source) -> None:
        for text in addresses:
            try:
                address = parse_address(text)
            except RemoteError as error:
                logger.info("%s: an address from a %s is not usable (%s)", node.hex()[:12], source.label, error.code)
                continue
            if self.book.add(node, address.host, address.port, source):
                self.dialer.wake(node)
                if node in self._unreachable:
                    self._hint(node)

    def _missing(self) -> list[bytes]:
        """Return whom mDNS is asked for: who is wanted and has no link, and who could not be reached before."""
        wanted = {node for node, state in self.dialer.states().items() if not state.connected}
        anybody = {_ANYBODY} if self._asks_anybody() else set()
        return sorted(self._unreachable | wanted | anybody)

    def _asks_anybody(self) -> bool:
        joining = self.engine.hub.state.joining
        return joining is not None and not joining.nodes

    def _meet(self, node: bytes) -> None:
        """A node that seems to be one of our network: ask it whether it lets us in, if we ask anybody."""
        if self._asks_anybody() and len(self._met) < MET_MAX:
            self._met.add(node)
            self.refresh()
        self._hint(node)

    def _heard(self, event: Found | Lost) -> None:
        """Take a hint from mDNS."""
        if isinstance(event, Lost):
            self.book.withdraw_announced(event.node_id)
            return
        for host, port in event.addresses:
            self.book.add(event.node_id, host, port, Source.MDNS)
        if event.network_tag == self.tag:
            self._meet(event.node_id)
        else:
            self.dialer.hint(event.node_id)  # it announces itself again and again, and the people have yet to agree

    def _addresses_changed(self, addresses: frozenset[str]) -> None:
        """This machine came to another network, or left one: what stood on a lost address is dialled anew."""
        self.links.addresses_are(addresses)
        self.dialer.wake_all()
        for node in sorted(self._unreachable):
            self._hint(node)

    # --- Links

    async def _dial(self, node: bytes, candidate: Candidate) -> Link:
        failed = self.dialer.failures(node)
        link = await dial(
            self.identity, candidate.host, candidate.port, node, dial_s(failed),
            connect_s=connect_s(failed), beside_s=beside_s(failed),
        )  # fmt: skip
        self.engine.peers.dialled(node, candidate.source.label)
        return link

    async def _serve(self, link: Link) -> None:
        """Run one link; the dialer rests while a link that the other side opened is open."""
        if not link.opened_by_us:
            self.dialer.link_opened(link.peer_node_id)
        self.links.opened(link, by_us=link.opened_by_us)
        try:
            await self.engine.run_link(link)
        finally:
            self.links.ended(link)
            if not link.opened_by_us:
                self.dialer.link_closed(link.peer_node_id)

    def _peer_changed(self, peer: Peer) -> None:
        if peer.state == "open":
            self._unreachable.discard(peer.node)
            self.tasks.start(self._remember(), "remember addresses")
        elif peer.code in REST_S:
            is_let_in = peer.code == "admitted" and self._joins and self.engine.hub.state.is_member
            self._joins = self._joins and not is_let_in
            self.dialer.excuse(peer.node, 0.0 if is_let_in else REST_S[peer.code])

    def dial_errors(self) -> dict[bytes, str]:
        """Return, for each wanted node without a link, why there is none."""
        return {node: state.last_error for node, state in self.dialer.states().items() if not state.connected}

    # --- Addresses that outlive a restart

    async def _recall(self) -> None:
        value = await self.engine.store.private_get(SPACE_ADDRESSES, KEY_GOOD)
        if value is not None:
            self._remembered = [(node, host, port) for node, host, port in msgpack.unpackb(value)]
            self.book.remember(self._remembered)

    async def _remember(self) -> None:
        """Keep good addresses; written only when there is news, since cards wear out."""
        good = self.book.good_ones()[-REMEMBERED_MAX:]
        if sorted(good) != sorted(self._remembered):
            self._remembered = good
            await self.engine.keep_private([PrivateRow(SPACE_ADDRESSES, KEY_GOOD, msgpack.packb(good))])

    def _try_typed(self) -> None:
        """Find out who answers at the addresses that a person typed, none waiting for another, until all are known."""
        turns = asyncio.Semaphore(PROBES_AT_ONCE_MAX)
        asked = () if self.plan is None or self.plan.nodes else self.plan.addresses
        for text in sorted({*self.config.peers, *asked}):
            self.tasks.start(self._keep_trying(text, turns), "a typed address")

    async def _keep_trying(self, text: str, turns: asyncio.Semaphore) -> None:
        patience_s, pause_s = PROBE_FIRST_S_MAX, 0.0
        while True:
            async with turns:
                if await self._try_one(text, patience_s):
                    return
            await asyncio.sleep(pause_s)
            patience_s, pause_s = DIAL_S_MAX, TYPED_RETRY_S

    async def _try_one(self, text: str, patience_s: float) -> bool:
        node_hex, _, address_text = text.rpartition("@")
        address = parse_address(address_text)
        if node_hex:
            node = bytes.fromhex(node_hex)
        else:
            try:
                node = await probe(self.identity, address.host, address.port, patience_s)
            except (RemoteError, OSError) as error:
                why = error.code if isinstance(error, RemoteError) else error.strerror
                logger.info("nobody answers at one of the typed addresses (%s)", why)
                return False
        state = self.engine.hub.state
        is_asked = state.joining is not None and state.joining.asks(node)
        is_known = state.hub_of(node) is not None or node in self.engine.gateways
        if not node_hex and not is_known and not is_asked:
            logger.info("a typed address answers, but not (yet) as a hub of this network")
            return False
        self.book.add(node, address.host, address.port, Source.TYPED)
        self._meet(node)
        return True

    # --- For status

    def problems(self) -> list[Problem]:
        """Return what is wrong with the network on this side."""
        found = []
        if self.listen_error is not None:
            hint = "change peer_port in hartig.toml, or stop the other program"
            found.append(Problem("door_closed", f"other hubs cannot reach this one: {self.listen_error}", hint))
        if self.discovery is not None and not self.discovery.addresses:
            what = "this machine has no network now; the hub goes on alone and looks again by itself"
            found.append(Problem("no_interface", what, "plug in a cable or join a Wi-Fi when you can"))
        elif self.discovery is not None and self.discovery.problems:
            what = "; ".join(f"{where}: {text}" for where, text in sorted(self.discovery.problems.items()))
            hint = "hubs that know each other's address still meet; see 'peers' in hartig.toml"
            found.append(Problem("no_multicast", f"hubs cannot be found by themselves: {what}", hint))
        return found

    def addresses(self) -> list[str]:
        """Return this node's addresses for its card: what the settings say, or where it is on the local network."""
        from hartig_node.net.addresses import format_address

        if self.config.advertise:
            return list(self.config.advertise)
        if self.discovery is None or self.listen_error is not None:
            return []
        port = self.server.addresses[0][1]
        found = [one for one in self.discovery.addresses if not one.startswith(("127.", "::1", "fe80"))]
        return [format_address(host, port) for host in found]

    def counts(self) -> dict[str, int | float]:
        """Return the door's counters for `/metrics`."""
        counts = self.server.counts()
        return {
            f"gate_{name}" if name == "open" else f"gate_{name.removesuffix('_total')}_total": getattr(counts, name)
            for name in counts.__dataclass_fields__
        }
