"""The doors for people and programs: the API on loopback and on the Unix socket, the pages on the LAN.

A door whose port is taken stays shut and is told of in `status`; the Unix socket must open, since without it nobody
can ask what is wrong.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from hartig_node.api.door import loopback_door, unix_door
from hartig_node.api.server import ApiServer, AppDoors
from hartig_node.api.starting import make_starting_app
from hartig_node.board.board import Board
from hartig_node.clock import Clock
from hartig_node.daemon.config import Config
from hartig_node.daemon.desk import OrganisersDoor
from hartig_node.daemon.folder import HubFolder
from hartig_node.doctor import Problem
from hartig_node.net.gate import Gate, GateLimits
from hartig_node.net.sockets import ListenError, open_listeners, open_unix_listener
from hartig_node.ports import DoorCaps, ProtocolFactory
from hartig_node.tasks import Tasks

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


@dataclass
class Doors:
    """What is open, on which port, and what could not be opened."""

    desk: OrganisersDoor
    ports: dict[str, int] = field(default_factory=lambda: {"api": 0, "site": 0, "desk": 0})
    shut: list[Problem] = field(default_factory=list)

    def stays_shut(self, name: str, who: str, error: ListenError) -> None:
        """Remember a door that could not open."""
        hint = f"stop the other program, or change {name}_port in hartig.toml"
        self.shut.append(Problem("door_closed", f"the door for {who} cannot open: {error.strerror}", hint))
        logger.warning("the %s door stays shut: %s", name, error.strerror)

    def problems(self) -> list[Problem]:
        """Return the doors that had to stay shut."""
        return [*self.shut, *self.desk.problems()]


def make_gate(name: str, factory: ProtocolFactory, caps: DoorCaps) -> Gate:
    """Return a gate without TLS."""
    return Gate(name, GateLimits(caps.connections_max, caps.per_address_max, caps.per_loopback_max), factory)


async def open_doors(
    board: Board, clock: Clock, folder: HubFolder, config: Config, tasks: Tasks, stack: AsyncExitStack
) -> Doors:
    """Open every door that the settings ask for."""
    api = ApiServer(board, make_gate)
    doors = Doors(OrganisersDoor(board, clock, folder, config, api))
    # After the door is shut and while the folder is still locked: whoever looks sees that the hub was stopped.
    stack.callback(folder.socket.unlink, missing_ok=True)
    stack.push_async_callback(api.close)
    await api.open(unix_door(), [open_unix_listener(folder.socket)])
    if config.api:
        await _open_api(api, config, doors)
    if config.site:
        await _open_site(board, clock, config, doors, stack)
    await _open_desk(board, doors, tasks, stack)
    return doors


async def open_starting_doors(folder: HubFolder, config: Config, progress: Callable[[], str]) -> AppDoors:
    """Answer `/healthz` and `/readyz` while the store is opened; the caller closes them before `open_doors`.

    A port that is taken is told of later, by `open_doors`.
    """
    doors = AppDoors(make_gate)
    await doors.open(make_starting_app(progress), unix_door(), [open_unix_listener(folder.socket)])
    if config.api and config.api_port:
        with contextlib.suppress(ListenError):
            listeners = open_listeners([(LOOPBACK, config.api_port)])
            await doors.open(make_starting_app(progress), loopback_door(), listeners)
    return doors


async def _open_site(board: Board, clock: Clock, config: Config, doors: Doors, stack: AsyncExitStack) -> None:
    # Late: a hub without pages does not pay for them.
    from hartig_node.site.app import make_site
    from hartig_node.site.server import SITE_CAPS, PageServer

    hosts: Sequence[str] = config.interfaces or ("0.0.0.0", "::")  # noqa: S104 - the pages are for the whole LAN
    pages = make_site(board, clock.now, config.site_names)
    site = PageServer("neighbours' pages", pages, SITE_CAPS, make_gate)
    stack.push_async_callback(site.close)
    try:
        listeners = open_listeners([(host, config.site_port) for host in hosts])
    except ListenError as error:
        doors.stays_shut("site", "neighbours", error)
    else:
        await site.open(listeners)
        doors.ports["site"] = site.addresses[0][1]


async def _open_desk(board: Board, doors: Doors, tasks: Tasks, stack: AsyncExitStack) -> None:
    await board.pairing.load()
    stack.push_async_callback(doors.desk.close)
    tasks.start(doors.desk.run(), "organisers' door")
    doors.ports["desk"] = (await doors.desk.report()).port or 0


async def _open_api(api: ApiServer, config: Config, doors: Doors) -> None:
    try:
        listeners = open_listeners([(LOOPBACK, config.api_port)])
    except ListenError as error:
        doors.stays_shut("api", "programs", error)
    else:
        doors.ports["api"] = listeners[0].getsockname()[1]
        await api.open(loopback_door(), listeners)
