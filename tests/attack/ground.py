"""The ground of the attacks: a real daemon whose keys the tests know, and members of its network who are not honest.

    with victim(folder, "HARTIG_...") as hub:
        thief = hub.member()
        async with await hub.greeted(thief) as link: ...

The network is founded by `hartig init` itself; its trustee's key lies in the hub's folder, so the tests can grant and
revoke like a trustee. Everybody has a key and a place of an own, so that tests can share a daemon.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from attack.hostile import Hostile, Node
from end_to_end.daemons import Daemon
from hartig_node.client.errors import NotFoundError
from hartig_node.clock import Clock
from hartig_node.daemon.folder import HubFolder, read_seed
from hartig_protocol.records.keys import PREFIX_JOIN, SigningKey
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync.bundle_file import BundleReader
from hartig_protocol.sync.messages import LIVE, Hello, Join, Records
from support.records import Network
from support.records import key as recovery_key

SETTINGS = {"HARTIG_CLOCK": "trusted"}
BUNDLE_BYTES_MAX = 1024 * 1024


def new_key() -> SigningKey:
    return SigningKey(secrets.token_bytes(32))


def new_node() -> Node:
    return Node(secrets.token_bytes(32))


@dataclass(frozen=True)
class Member:
    """A hub of the network that a test plays: its hub key, its node key, and what proves it."""

    key: SigningKey
    node: Node
    proofs: tuple[Record, ...]  # charter, grant, card

    @property
    def recovery(self) -> SigningKey:
        return recovery_key(f"recovery of {self.key.public.hex()}")

    def with_card(self, card: Record, node: Node) -> "Member":
        """Return the same hub with another card, behind another node."""
        return replace(self, node=node, proofs=(*self.proofs[:2], card))


@dataclass
class Victim:
    """A running daemon, its network and its keys."""

    daemon: Daemon
    network: Network
    key: SigningKey
    node: Node
    now_ms: int
    _numbers: Iterator[int] = field(default_factory=lambda: count(100))

    @property
    def port(self) -> int:
        return self.daemon.ports["peers"]

    # --- Who plays along

    def member(self, **grant: Any) -> Member:
        """Return a new hub with a grant of the trustee, by which its recovery key counts, and a card."""
        key, node = new_key(), new_node()
        granted = self.grant(key.public, recovery_of=key, **grant)
        return Member(key, node, (self.network.charter, granted, self.card(key, node)))

    def grant(self, subject: bytes, **fields: Any) -> Record:
        return self.network.grant(subject, **{"place": next(self._numbers), "stamp": self.now_ms, **fields})

    def card(self, key: SigningKey, *nodes: Node, **fields: Any) -> Record:
        return self.network.card(key, nodes=[node.public for node in nodes], stamp=self.now_ms, **fields)

    def need(self, author: SigningKey, **fields: Any) -> Record:
        return self.network.need(author, **{"stamp": self.now_ms, "nonce": secrets.token_hex(8), **fields})

    # --- Links

    def hello(self, member: Member, **changes: Any) -> Hello:
        """Return a greeting that is right in everything, but for these changes."""
        right = Hello(
            lowest=1,
            highest=1,
            network=self.network.id,
            own_node=member.node.public,
            peer_node=self.node.public,
            nonce=secrets.token_bytes(16),
            hub=member.key.public,
            records=tuple(proof.wire for proof in member.proofs),
            epoch=secrets.token_bytes(16),
            cursor=None,
            newest=None,
            time=self.now_ms,
            trusted=False,
            count=0,
            eager=True,
            alone=False,
        )
        return replace(right, **changes)

    async def dial(self, node: Node) -> Hostile:
        """Open a channel with a node key."""
        return await Hostile.dial(self.port, node.context())

    async def greeted(self, member: Member) -> Hostile:
        """Return a link on which the member was welcome."""
        link = await self.dial(member.node)
        await link.say(self.hello(member))
        await link.hear_until(Hello)
        return link

    async def ending_of(self, node: Node, *said: Any) -> str:
        """Say this on a new channel, and return the code with which the hub ends it."""
        link = await self.dial(node)
        await link.say(*said)
        return await link.ending()

    async def bring(self, member: Member, *records: Record | Sequence[Any]) -> None:
        """Have a member send records as news, and wait until the hub has dealt with them."""
        async with await self.greeted(member) as link:
            await link.say(live(*records))
            await link.settled()

    # --- What became of it

    def holds(self, record: Record) -> bool:
        """Whether the hub has accepted a record."""
        try:
            self.daemon.node.record(record.id.hex())
        except NotFoundError:
            return False
        return True

    @property
    def count(self) -> int:
        """How many records the hub has accepted."""
        return int(self.daemon.node.status()["records"])


def live(*records: Record | Sequence[Any]) -> Records:
    """Records that were just accepted where they come from."""
    wires = [record.wire if isinstance(record, Record) else record for record in records]
    return Records(LIVE, tuple(wires), final=False)


def join(hub: Victim, key: SigningKey, node: Node, secret: bytes = bytes(16), **changes: Any) -> Join:
    """A newcomer's greeting that is right in everything, but for these changes."""
    proof = key.sign(PREFIX_JOIN + hub.network.id + node.public + hub.node.public)
    right = Join(1, 1, hub.network.id, node.public, hub.node.public, secret, key.public, None, proof, ())
    return replace(right, **changes)


@contextmanager
def victim(folder: Path, **settings: str) -> Iterator[Victim]:
    """Found a network, run its hub, and end it."""
    with Daemon(folder, settings={**SETTINGS, **settings}) as daemon:
        daemon.command("init", "--name", "Victim", "--network", "Valley")
        daemon.launch()
        daemon.wait_ready()
        held = HubFolder(folder)
        # The first trustee has given all its invites to the founder.
        seat = SigningKey(read_seed(held.seats / "seat-2.key"))
        network = Network(seat=seat)
        network.charter = _charter(daemon)
        now_ms = Clock("trusted").now().wall_ms
        yield Victim(daemon, network, SigningKey(held.read_key("hub")), Node(held.read_key("node")), now_ms)


def _charter(daemon: Daemon) -> Record:
    reader = BundleReader()
    with daemon.node.write_bundle() as bundle:
        wires = reader.feed(bundle.read(BUNDLE_BYTES_MAX))
    records = [open_record(wire) for wire in (*wires, *reader.finish())]
    return next(record for record in records if record.head.kind == Kind.CHARTER)
