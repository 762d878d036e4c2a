"""The command line before a whole board: real records, core and API, on a Unix socket of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hartig_node.api.door import unix_door
from hartig_node.api.server import ApiServer
from hartig_node.daemon.folder import write_seed
from hartig_node.net.gate import Gate, GateLimits
from hartig_node.net.sockets import open_unix_listener
from hartig_node.ports import DoorCaps, ProtocolFactory
from hartig_protocol.records.keys import SigningKey
from node.cli.conftest import Hartig, Result
from support.boards import Bench, running_board

PATIENCE_S = 60.0


class Town:
    """A hub that runs, and the keys of its trustees as files."""

    def __init__(self, bench: Bench, hartig: Hartig, keys: Path) -> None:
        self.bench, self._hartig, self.keys = bench, hartig, keys

    async def ask(self, *arguments: str | Path) -> Result:
        """Call `hartig` beside the hub."""
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.to_thread(self._hartig, *map(str, arguments))

    def file_of(self, key: SigningKey, name: str, passphrase: str | None = None) -> Path:
        """Write a key to a file."""
        path = self.keys / name
        write_seed(path, key.seed, "", passphrase)
        return path


@asynccontextmanager
async def running_town(folder: Path, hartig: Hartig, seats: int = 1, *, trusted: bool = True) -> AsyncIterator[Town]:
    """Run a hub behind the socket of a folder; its network has so many trustees, most of whom must agree."""

    def make_gate(name: str, factory: ProtocolFactory, caps: DoorCaps) -> Gate:
        limits = GateLimits(caps.connections_max, caps.per_address_max, caps.per_loopback_max, first_head_s=PATIENCE_S)
        return Gate(name, limits, factory)

    async with running_board(seats=seats, trusted=trusted) as bench:
        server = ApiServer(bench.board, make_gate)
        await server.open(unix_door(), [open_unix_listener(folder / "run" / "api.sock")])
        town = Town(bench, hartig, folder.parent)
        for at, seat in enumerate(bench.founding.seats, start=1):
            town.file_of(seat.key, f"seat-{at}.key")
            town.file_of(seat.recovery, f"seat-{at}-recovery.key")
        yield town
        await server.close()
