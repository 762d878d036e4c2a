"""Programs that stand in for a hub and behave badly; a test runs one in a host, with the key that others expect there.

    accept PORT          takes connections and never says a word, not even of TLS
    shake FOLDER PORT    proves the node key of the hub's folder, and then never says a word
    poison run ...       is `hartig run ...`, but puts bad records between the good ones of every message

Each says a line for what it has done to others. Who calls: `test_liveness`, by the path of this file.
"""

import asyncio
import socket
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

SECONDS_MANY = 3600.0  # longer than any test
PROGRAM = (sys.executable, str(Path(__file__)))
TAKEN = "took a connection"
POISONED = "poisoned a message"


def accept(port: int) -> None:
    """Take every connection, and hold it in silence."""
    held = []
    with socket.create_server(("", port), backlog=16) as listener:
        print("listening", flush=True)
        while True:
            held.append(listener.accept())
            print(TAKEN, flush=True)


async def shake(folder: Path, port: int) -> None:
    """Take every connection, prove the node key, and hold the link in silence."""
    from hartig_node.daemon.folder import HubFolder
    from hartig_node.net.certificates import NodeIdentity
    from hartig_node.net.gate import GateLimits
    from hartig_node.net.peer_server import PeerServer

    async def hold(_link: object) -> None:
        print(TAKEN, flush=True)
        await asyncio.Event().wait()

    identity = NodeIdentity.from_seed(HubFolder(folder).read_key("node"))
    server = PeerServer(identity, hold, gate_limits=GateLimits(first_head_s=SECONDS_MANY))
    server.open([("0.0.0.0", port)])
    print("listening", flush=True)
    await asyncio.Event().wait()


def poisoned(good: Iterable[Any]) -> list[Any]:
    """The records of a message with bad ones before and after: forged, garbage, too large, of no form at all."""
    records = list(good)
    if not records:
        return records
    print(POISONED, flush=True)
    head, signature, body = records[0]
    forged_head = head[:-1] + bytes([head[-1] ^ 1])
    unsigned = (head, bytes(len(signature)), body)  # comes before the good one with the same id
    forged, oversize = (forged_head, signature, body), (forged_head, signature, bytes(20 * 1024))
    return [unsigned, *records[:1], forged, b"garbage", *records[1:], (b"\xff" * 100, b"", None), oversize]


def poison(argv: list[str]) -> int:
    """Run the hub, with a fault planted in the one place where messages become frames."""
    import hartig_protocol.hub  # noqa: F401 - so that whoever packs has been imported
    from hartig_node.cli.main import main
    from hartig_protocol.sync import outbound
    from hartig_protocol.sync.framing import pack
    from hartig_protocol.sync.messages import Message, Records

    def pack_poisoned(message: Message, *said: int) -> bytes:
        if isinstance(message, Records):
            message = replace(message, records=tuple(poisoned(message.records)))
        return pack(message, *said)

    for name, module in list(sys.modules.items()):
        if name.startswith("hartig_protocol.") and getattr(module, "pack", None) is pack:
            vars(module)["pack"] = pack_poisoned
    acknowledged = outbound.acknowledged

    def not_surprised(state: Any, session: Any, step: Any, weight: int) -> None:
        acknowledged(state, session, step, min(weight, session.out.weight))  # the bad ones were dealt with, too

    vars(outbound)["acknowledged"] = not_surprised
    return main(argv)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["accept", text]:
            accept(int(text))
        case ["shake", text, number]:
            asyncio.run(shake(Path(text), int(number)))
        case ["poison", *rest]:
            sys.exit(poison(rest))
