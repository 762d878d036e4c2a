"""The organisers' door, opened while somebody could come in (a device is paired, or a set-up code is good), shut else.

In: the board's `pairing`, which says when that changes; the settings; the key of the door; the node API, which is
beside the pages where programs may come in over TCP at all. Out: the door, and what to tell of it. One task opens and
shuts; whoever asks how the door is waits until it is open that should be. Who calls: `doors.py`.
"""

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from ssl import SSLContext
from typing import TYPE_CHECKING

from hartig_node.api.door import organisers_door
from hartig_node.api.server import ApiServer
from hartig_node.board.belonging.pairing import DeskReport
from hartig_node.board.board import Board
from hartig_node.clock import Clock
from hartig_node.daemon.config import Config
from hartig_node.daemon.folder import FolderError, HubFolder
from hartig_node.doctor import Problem
from hartig_node.net.addresses import format_address
from hartig_node.net.desk_certificate import DeskCertificate, is_due, make_certificate, new_seed, read_certificate
from hartig_node.net.gate import Gate, GateLimits
from hartig_node.net.interfaces import read_interfaces, usable
from hartig_node.net.sockets import ListenError, open_listeners
from hartig_node.net.tls import make_desk_context
from hartig_node.ports import DoorCaps, GateMaker, ProtocolFactory

if TYPE_CHECKING:
    from hartig_node.site.server import PageServer

logger = logging.getLogger(__name__)

LOOK_S = 3600.0  # sessions end, certificates age
RETRY_S = 60.0  # while something is in the way
SHAKING_HANDS_MAX = 16  # a browser opens up to six connections at once
SERIAL_BYTES = 16
_HINT_PORT = "stop the other program, or change desk_port in hartig.toml"
_HINT_FOLDER = "see whether the hub's user may write in its folder, and whether the disk is full"
_HINT_KEY = "see whether the clock is right; if it is, remove keys/desk.key and keys/desk.pem from the hub's folder"
_HOST_NAMES = ("localhost", "127.0.0.1", "::1")


def tls_gates(tls: SSLContext) -> GateMaker:
    """Return what makes gates with this TLS."""

    def make_gate(name: str, factory: ProtocolFactory, caps: DoorCaps) -> Gate:
        limits = GateLimits(caps.connections_max, caps.per_address_max, caps.per_loopback_max, SHAKING_HANDS_MAX)
        return Gate(name, limits, factory, tls)

    return make_gate


class OrganisersDoor:
    """Keeps one door as `pairing` wants it."""

    def __init__(self, board: Board, clock: Clock, folder: HubFolder, config: Config, api: ApiServer) -> None:
        """Take the door over from the board; `run` opens it."""
        self._board, self._clock, self._folder, self._config, self._api = board, clock, folder, config, api
        self._server: PageServer | None = None
        self._certificate: DeskCertificate | None = None
        self._reason = self._hint = ""  # why it is not open that should be
        self._news, self._settled, self._turn = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._is_over = False
        board.pairing.on_wanted = self._wanted
        board.pairing.look_at_door = self.report

    def __repr__(self) -> str:
        return f"<OrganisersDoor {'open' if self._server else self._reason or 'shut'}>"

    @property
    def port(self) -> int | None:
        """The port that is open, if it is."""
        return self._server.addresses[0][1] if self._server else None

    async def report(self) -> DeskReport:
        """Say how the door is, once it is open if it should be."""
        if not self._config.desk:
            return DeskReport("off")
        await self._settled.wait()
        port = self.port
        if port is None or self._certificate is None:
            return DeskReport("blocked", reason=self._reason) if self._reason else DeskReport("shut")
        hosts = [*self._config.site_names, *self._addresses()] or ["127.0.0.1"]
        addresses = tuple(f"https://{format_address(host, port)}/" for host in hosts)
        return DeskReport("open", addresses, port, self._certificate.fingerprint)

    def problems(self) -> list[Problem]:
        """Return why the door is shut that should be open."""
        if not self._reason:
            return []
        return [Problem("door_closed", f"the door for organisers cannot open: {self._reason}", self._hint)]

    async def run(self) -> None:
        """Open and shut the door as it is wanted."""
        while not self._is_over:
            self._news.clear()
            await self._board.pairing.tidy()
            await self._settle()
            if not self._news.is_set():
                self._settled.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s()):
                    await self._news.wait()

    async def close(self) -> None:
        """Shut the door for good."""
        self._is_over = True
        self._news.set()
        await self._settle()
        self._settled.set()

    def _wanted(self, is_wanted: bool) -> None:  # noqa: FBT001 - a call-back
        if is_wanted and self._server is None:
            self._settled.clear()
        self._news.set()

    def _patience_s(self) -> float:
        left_ms = self._board.pairing.code_left_ms
        look_s = RETRY_S if self._reason else LOOK_S
        return look_s if left_ms is None else min(look_s, left_ms / 1000)

    # --- Open and shut

    async def _settle(self) -> None:
        async with self._turn:
            is_wanted = self._config.desk and not self._is_over and self._board.pairing.is_wanted
            if self._server is not None and (not is_wanted or self._is_due(self._certificate)):
                await self._shut()
            if not is_wanted:
                self._reason = ""
            elif self._server is None:
                await self._try_to_open()

    async def _shut(self) -> None:
        server, self._server = self._server, None
        assert server is not None
        logger.info("the organisers' door shuts")
        await server.close()

    async def _try_to_open(self) -> None:
        try:
            certificate = self._certificate = self._door_certificate()
            hosts: Sequence[str] = self._config.interfaces or ("0.0.0.0", "::")  # noqa: S104 - phones are on the LAN
            listeners = open_listeners([(host, self._config.desk_port) for host in hosts])
            try:
                self._server = await self._open(certificate, listeners)
            except BaseException:
                for listener in listeners:
                    listener.close()
                raise
        except ListenError as error:
            self._blocked(error, _HINT_PORT)
        except (OSError, FolderError) as error:
            self._blocked(error, _HINT_FOLDER)
        except (ValueError, OverflowError) as error:  # a key or a time that no certificate can hold
            self._blocked(error, _HINT_KEY)
        else:
            self._reason = ""
            logger.info("the organisers' door is open")

    def _blocked(self, error: Exception, hint: str) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        if reason != self._reason:
            logger.warning("the organisers' door stays shut: %s", reason)
        self._reason, self._hint = reason, hint

    async def _open(self, certificate: DeskCertificate, listeners: Sequence[socket.socket]) -> "PageServer":
        # Late: a hub without a desk does not pay for it.
        from hartig_node.site.desk.app import make_desk
        from hartig_node.site.guard import is_local_host
        from hartig_node.site.server import DESK_CAPS, PageServer

        names = frozenset(name.lower() for name in self._config.site_names)
        pages = make_desk(self._board, self._clock.now, names)
        door = organisers_door(lambda host: is_local_host(host, names))
        api = self._api.make_app(door) if self._config.api else None
        gates = tls_gates(make_desk_context(certificate))
        server = PageServer("organisers' door", pages, DESK_CAPS, gates, api)
        try:
            await server.open(listeners)
        except BaseException:
            await server.close()
            raise
        return server

    # --- The certificate

    def _door_certificate(self) -> DeskCertificate:
        """Return the certificate that is kept, or another one where there is none or one is due."""
        if not self._folder.has_key("desk"):
            self._folder.write_key("desk", new_seed(secrets.token_bytes))
        seed = self._folder.read_key("desk")
        held = read_certificate(seed, self._folder.read_desk_certificate())
        if held is not None and not self._is_due(held):
            return held
        hosts = [*_HOST_NAMES, *own_names(), *self._config.site_names, *self._addresses()]
        made = make_certificate(seed, hosts, self._clock.now().wall_ms, secrets.token_bytes(SERIAL_BYTES))
        self._folder.write_desk_certificate(made.certificate_pem)
        return made

    def _is_due(self, certificate: DeskCertificate | None) -> bool:
        """Whether another one should be made; who does not know the time, or one beyond all dates, keeps what is."""
        now = self._clock.now()
        try:
            return now.trusted and certificate is not None and is_due(certificate, now.wall_ms)
        except OverflowError:
            return False

    def _addresses(self) -> list[str]:
        return list(self._config.interfaces) or own_addresses()


def own_names(host_name: Callable[[], str] = socket.gethostname) -> list[str]:
    """Return the names of this machine on its own network."""
    name = host_name().lower()
    return [name, f"{name.partition('.')[0]}.local"]


def own_addresses() -> list[str]:
    """Return this machine's addresses that a browser nearby can be pointed to."""
    return [local.address for local in usable(read_interfaces(), None) if not local.is_ipv6]
