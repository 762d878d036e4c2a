"""Asking a hub, before there is a network, which one it belongs to and whether it lets this machine in.

In: an address, and the keys that this hub has made for itself. Out: what was answered: a reason, and the charters of
the network where a stranger may see them (SPEC H6). mDNS leads to nodes; what they say of themselves is proven by the
channel and by the charter, so an announcement names no network. Who calls: `hartig join`.
"""

import asyncio

from hartig_node.board.drafts.drafts import clean_text
from hartig_node.daemon.network import network_tag
from hartig_node.net.addresses import format_address
from hartig_node.net.announcements import NETWORK_TAG_BYTES, Found, Lost
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.dialing import dial, probe
from hartig_node.net.discovery import Discovery
from hartig_protocol.errors import InviteError, RecordError, RemoteError
from hartig_protocol.limits import NETWORK_ID_BYTES
from hartig_protocol.records.governance import Charter
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.greeting import join_of
from hartig_protocol.sync.messages import Admit, Bye
from hartig_protocol.sync.state import Joining
from hartig_protocol.trust.charters import charters_of
from hartig_protocol.values import value

ANSWER_S_MAX = 15.0
NODES_TRIED_MAX = 3  # of one announced network: any of its hubs can say which it is
UNKNOWN = bytes(NETWORK_ID_BYTES)


@value
class Met:
    """What a node answered. `network` and `charter` where it has shown them."""

    node: bytes
    address: str
    code: str
    reason: str
    network: bytes = b""
    charter: Charter | None = None

    @property
    def name(self) -> str:
        """The network's name."""
        return "" if self.charter is None else clean_text(self.charter.name)


async def knock(identity: NodeIdentity, hub: SigningKey, host: str, port: int, node: bytes | None = None) -> Met:
    """Ask the node at an address (this one, if it is known) which network it belongs to.

    Raises `RemoteError` where nobody answers, or not as a hub does.
    """
    node = node or await probe(identity, host, port)
    link = await dial(identity, host, port, node)
    wires: tuple[object, ...] = ()
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            await link.send(pack(join_of(UNKNOWN, hub, identity.node_id, node, Joining())))
            while not isinstance(message := unpack(await link.receive()), Bye):
                wires = message.records if isinstance(message, Admit) else wires
    except TimeoutError as error:
        raise RemoteError("join.silent", "it is there, but does not answer as a hub does") from error
    finally:
        link.close("asked")
    return Met(node, format_address(host, port), message.code, message.reason, *_read(wires))


def _read(wires: tuple[object, ...]) -> tuple[bytes, Charter | None]:
    """Return the network, and the charter that stands by what was shown."""
    records: list[Record] = []
    for wire in wires:
        try:
            records.append(open_record(wire))
        except RecordError as error:
            raise RemoteError("join.charter", f"its rules cannot be read: {error}") from error
    first = next((one for one in records if one.head.kind == Kind.CHARTER and one.head.prev is None), None)
    if first is None:
        return b"", None
    network = first.id[:NETWORK_ID_BYTES]
    standing = charters_of(network, (one for one in records if one.head.kind == Kind.CHARTER)).standing
    return network, None if standing is None else Charter.of(standing.head)


async def open_networks(identity: NodeIdentity, hub: SigningKey, listen_s: float) -> list[Met]:
    """Listen who is announced, and return one node of each open network, by name."""
    heard: dict[bytes, Found] = {}

    def take(event: Found | Lost) -> None:
        if isinstance(event, Found):
            heard[event.node_id] = event

    discovery = Discovery(identity.node_id, bytes(NETWORK_TAG_BYTES), 0, take, missing=lambda: [bytes(32)])
    await discovery.start()
    try:
        await asyncio.sleep(listen_s)
    finally:
        await discovery.close()
    by_tag: dict[bytes, list[Found]] = {}
    for found in heard.values():
        by_tag.setdefault(found.network_tag, []).append(found)
    met = await asyncio.gather(*(_first_open(identity, hub, tag, nodes) for tag, nodes in sorted(by_tag.items())))
    return sorted((one for one in met if one is not None), key=lambda one: (one.name, one.network))


async def _first_open(identity: NodeIdentity, hub: SigningKey, tag: bytes, nodes: list[Found]) -> Met | None:
    for found in nodes[:NODES_TRIED_MAX]:
        for host, port in found.addresses[:NODES_TRIED_MAX]:
            try:
                met = await knock(identity, hub, host, port, found.node_id)
            except (RemoteError, OSError):
                continue
            is_open = met.charter is not None and met.charter.defaults.open and network_tag(met.network) == tag
            return met if is_open else None
    return None


async def met_at(identity: NodeIdentity, hub: SigningKey, host: str, port: int) -> Met:
    """Ask one address; raises `InviteError` with what to do where that leads nowhere."""
    try:
        met = await knock(identity, hub, host, port)
    except (RemoteError, OSError) as error:
        raise InviteError("unreachable", f"{host}: {error}; is the hub running, and is this its address?") from error
    if met.charter is None:
        raise InviteError(met.code, met.reason)
    return met
