"""One zeroconf instance, bound to one address of this machine: announces us there and hears the others.

Comes in: a `Local` address, and what to announce. Goes out: `on_heard(name, announcement)` and
`on_gone(name)`. Who calls: `discovery.py`, which keeps one of these per address. This is the only module that
knows zeroconf; it is loaded late, because importing it takes 135 ms.

Announcing skips the probes of RFC 6762, section 8.1: they take a second, and names made from a node id and an
address do not collide. Several hubs on one machine share port 5353, and a unicast answer reaches one of them, not
always the one that asked; so at least every other question asks for multicast answers (QM). One that asks for unicast
answers (QU) is answered at once and each time, where multicast ones come a second apart; and the answering system looks
for our hardware address while ours looks for its.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import zeroconf

# Public in the package's history, but not in its list of names; the record types are needed for a question of our own.
from zeroconf import DNSOutgoing, DNSPointer, DNSQuestion  # type: ignore[attr-defined]
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from hartig_node.net.addresses import may_dial_announced
from hartig_node.net.announcements import (
    ADDRESSES_MAX,
    SERVICE_TYPE,
    Announcement,
    AnnouncementError,
    host_name,
    instance_name,
    is_instance_name,
    read_txt,
    txt_of,
)
from hartig_node.net.interfaces import Local, require_multicast
from hartig_node.net.resolver import Resolver
from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError

logger = logging.getLogger(__name__)

RESOLVE_MS_MAX = 3000
POINTER_TTL_S = 4500  # RFC 6762, section 10
POINTER_TYPE, INTERNET = 12, 1  # RFC 1035, 3.2.2 and 3.2.4
QUERY_FLAGS = 0x0000


class MdnsError(RemoteError):
    """This address cannot do mDNS now; it is tried again later."""


class Mdns:
    """Announces and hears on one address."""

    def __init__(
        self,
        local: Local,
        node_id: bytes,
        on_heard: Callable[[str, Announcement], None],
        on_gone: Callable[[str], None],
    ) -> None:
        """Prepare; `start` opens sockets."""
        self.local = local
        self._node_id = node_id
        self._on_heard = on_heard
        self._on_gone = on_gone
        self._own_name = instance_name(node_id, local.address)
        self._tasks = Tasks()
        self._resolver = Resolver(self._look_up, self._tasks)
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._info: AsyncServiceInfo | None = None

    def __repr__(self) -> str:
        return f"<Mdns {self.local.address} {self._resolver!r}>"

    async def start(self, port: int, network_tag: bytes) -> None:
        """Announce and listen, with port 0 only listen.

        Raises `MdnsError` where this address cannot do so now, and leaves nothing behind.
        """
        try:
            require_multicast(self.local)
            version = zeroconf.IPVersion.V6Only if self.local.is_ipv6 else zeroconf.IPVersion.V4Only
            self._zeroconf = AsyncZeroconf(interfaces=[self.local.address], ip_version=version)
            await self._zeroconf.zeroconf.async_wait_for_start()
            self._browser = AsyncServiceBrowser(
                self._zeroconf.zeroconf,
                SERVICE_TYPE,
                handlers=[self._on_change],
                question_type=zeroconf.DNSQuestionType.QM,
            )
            self._zeroconf.zeroconf.async_add_listener(_Repeats(self._hear), None)
            if port:
                self._announce(self._zeroconf, port, network_tag)
        except (OSError, zeroconf.Error, RuntimeError) as error:
            # RuntimeError: zeroconf's word for an address that went away since we read the interfaces.
            await self.close()
            raise MdnsError("mdns.start", f"{self.local.address}: {error}") from error

    def announce_again(self, port: int, network_tag: bytes) -> None:
        """Tell everybody what is announced now, because it changed."""
        running = self._zeroconf
        if running is not None:
            info = self._info = self._make_info(port, network_tag)
            self._tasks.start(self._broadcast(lambda: running.async_update_service(info)), "announces anew")

    def ask(self, already_known: Iterable[str], *, unicast: bool = False) -> None:
        """Ask who is there; those whose instance names are given need not answer."""
        if self._zeroconf is None:
            return
        question = DNSOutgoing(QUERY_FLAGS)
        asked = DNSQuestion(SERVICE_TYPE, POINTER_TYPE, INTERNET)
        asked.unicast = unicast
        question.add_question(asked)
        for name in sorted(already_known):
            pointer = DNSPointer(SERVICE_TYPE, POINTER_TYPE, INTERNET, POINTER_TTL_S, name)
            question.add_answer_at_time(pointer, 0)
        self._zeroconf.zeroconf.async_send(question)

    async def close(self) -> None:
        """Say farewell where there is still a network, and close."""
        running, self._zeroconf = self._zeroconf, None
        if self._browser is not None:
            await self._browser.async_cancel()
        await self._tasks.close()
        if running is None:
            return
        # Withdraws what was registered, in three packets over 250 ms, and only then closes.
        await running.async_close()

    def _announce(self, running: AsyncZeroconf, port: int, network_tag: bytes) -> None:
        info = self._info = self._make_info(port, network_tag)
        # Three packets in 450 ms; nobody has to wait for the later ones.
        self._tasks.start(
            self._broadcast(lambda: running.async_register_service(info, cooperating_responders=True)),
            "announces",
        )

    async def _broadcast(self, order: Callable[[], Coroutine[Any, Any, Awaitable[Any]]]) -> None:
        try:
            await (await order())
        except (OSError, zeroconf.Error) as error:
            logger.info("%s: cannot announce: %s", self.local.interface, error)

    def _make_info(self, port: int, network_tag: bytes) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            SERVICE_TYPE,
            self._own_name,
            port=port,
            properties=txt_of(self._node_id, network_tag),
            server=host_name(self._own_name),
            parsed_addresses=[self.local.address],
        )

    def _on_change(
        self,
        zeroconf: zeroconf.Zeroconf,  # noqa: ARG002 (zeroconf hands all four over by name)
        service_type: str,  # noqa: ARG002
        name: str,
        state_change: zeroconf.ServiceStateChange,
    ) -> None:
        if state_change.name == "Removed":
            self._resolver.forget(name)
            self._on_gone(name)
        else:
            self._hear(name)

    def _hear(self, name: str) -> None:
        if not is_instance_name(name) or name == self._own_name or self._zeroconf is None:
            return
        info = AsyncServiceInfo(SERVICE_TYPE, name)
        if info.load_from_cache(self._zeroconf.zeroconf):
            self._read(info)
        else:
            self._resolver.ask(name)

    async def _look_up(self, name: str) -> None:
        running = self._zeroconf
        if running is None:
            return
        info = AsyncServiceInfo(SERVICE_TYPE, name)
        try:
            known = await info.async_request(
                running.zeroconf, RESOLVE_MS_MAX, question_type=zeroconf.DNSQuestionType.QM
            )
        except (OSError, zeroconf.Error) as error:
            logger.debug("%s: cannot look up an announcement: %s", self.local.interface, error)
            return
        if known:
            self._read(info)

    def _read(self, info: AsyncServiceInfo) -> None:
        try:
            node_id, network_tag = read_txt(info.properties)
        except AnnouncementError as error:
            logger.debug("%s: passed over an announcement: %s", self.local.interface, error)
            return
        addresses = self._usable_addresses(info)
        if addresses and node_id != self._node_id:
            self._on_heard(info.name, Announcement(node_id, network_tag, addresses))

    def _usable_addresses(self, info: AsyncServiceInfo) -> tuple[tuple[str, int], ...]:
        if not info.port:
            return ()
        hosts = [self._scoped(host) for host in info.parsed_scoped_addresses()]
        on_loopback = self.local.is_loopback
        good = [host for host in hosts if may_dial_announced(host, heard_on_loopback=on_loopback)]
        return tuple((host, info.port) for host in good[:ADDRESSES_MAX])

    def _scoped(self, host: str) -> str:
        """A link-local IPv6 address means nothing without the interface on which it was heard."""
        bare = host.partition("%")[0]
        return f"{bare}%{self.local.interface}" if bare.lower().startswith("fe80:") else host


class _Repeats(zeroconf.RecordUpdateListener):
    """Hears what the browser keeps to itself: that a node which is known has just spoken again.

    A node that was away shorter than its records live is no news for a browser; for a dialler waiting to try
    again it is the best there is.
    """

    def __init__(self, on_repeat: Callable[[str], None]) -> None:
        super().__init__()
        self._on_repeat = on_repeat
        self._names: list[str] = []

    def async_update_records(
        self,
        zc: zeroconf.Zeroconf,  # noqa: ARG002
        now: float,
        records: list[zeroconf.RecordUpdate],
    ) -> None:
        """Note the instances in one packet, before they are in the cache."""
        for update in records:
            pointer = update.new
            if isinstance(pointer, DNSPointer) and update.old is not None and not pointer.is_expired(now):
                self._names.append(pointer.alias)

    def async_update_records_complete(self) -> None:
        """Pass on what was noted; the cache is up to date now."""
        names, self._names = self._names, []
        for name in names:
            self._on_repeat(name)
