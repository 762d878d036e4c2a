"""Commands that make a hub and run it: init, run (join: `join`).

The command line imports them only when they are called. Each takes the arguments after its name and returns an exit
code (`hartig help exit-codes`).
"""

import argparse
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hartig_node.daemon.config import read_config, write_settings
from hartig_node.daemon.folder import FolderError, HubFolder, NetworkFile, public_line, write_seed
from hartig_node.daemon.keys import unlock
from hartig_node.daemon.naming import add_name, name_for, readable_name
from hartig_node.daemon.speaking import OK, OUR_FAULT, add_passphrase, carried_out, folder_of, parser_of, say
from hartig_node.files import is_of_another
from hartig_node.keyfile import SALT_BYTES
from hartig_node.passphrases import VARIABLE, new_passphrase
from hartig_protocol.limits import SEATS_MAX

if TYPE_CHECKING:
    from hartig_node.daemon.founding import Founding
    from hartig_node.daemon.node import Node
    from hartig_protocol.records.keys import SigningKey


# --- init


def init(argv: Sequence[str]) -> int:
    """Found a network and make this folder its first hub."""
    parser = parser_of(
        "init",
        "Found a new network and make this machine its first hub.",
        'example:\n  hartig init --network "Riverside mutual aid" --name "Riverside free store"\n\n'
        "next: hartig run, then hartig invite for every further hub.",
    )
    parser.add_argument("--network", type=readable_name, default="Our neighbourhood", help="the network's name")
    add_name(parser)
    parser.add_argument("--languages", default="en", help="languages spoken here, such as es,ht")
    parser.add_argument("--seats", type=int, default=3, help="how many trustees hold a key of the network (default 3)")
    parser.add_argument("--threshold", type=int, help="how many of them must agree (default: more than half)")
    parser.add_argument(
        "--seats-passphrase-file", type=Path, metavar="FILE",
        help="seal the trustees' keys under the passphrase in this file; each changes it with 'hartig key passphrase'",
    )  # fmt: skip
    parser.add_argument("--open", action="store_true", help="every hub of it lets in whoever asks, without an invite")
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.seats <= SEATS_MAX:
        parser.error(f"--seats is from 1 to {SEATS_MAX}")
    if arguments.threshold is not None and not 1 <= arguments.threshold <= arguments.seats:
        parser.error("--threshold is from 1 to the number of seats")
    return carried_out(_init, arguments)


def _init(arguments: argparse.Namespace) -> int:
    passphrase = arguments.seats_passphrase_file and new_passphrase(arguments.seats_passphrase_file, "")
    folder = new_folder(arguments)
    import asyncio  # late, as all of this: what is refused needs no core

    from hartig_node.clock import founding_ms
    from hartig_node.daemon.founding import found
    from hartig_node.daemon.offline import publish_offline

    languages = tuple(tag.strip() for tag in arguments.languages.split(",") if tag.strip())
    write_settings(folder.settings, {"name": arguments.name, "languages": list(languages)})
    hub, recovery = make_keys(folder)
    founding = found(
        arguments.network,
        hub,
        recovery,
        founding_ms(),
        secrets.token_bytes,
        seats=arguments.seats,
        threshold=arguments.threshold,
        languages=languages,
        is_open=arguments.open,
    )
    _write_seats(folder, founding, passphrase)
    records = [founding.charter.wire, founding.grant.wire]
    asyncio.run(publish_offline(folder, founding.network, hub, records))
    folder.write_network(NetworkFile(founding.network))
    view = {"folder": str(folder.path), "network": founding.network.hex(), "hub": hub.public.hex()}
    view["seats"] = str(folder.seats)
    say(arguments, view, _init_lines(folder, arguments, founding))
    return OK


def _init_lines(folder: HubFolder, arguments: argparse.Namespace, founding: "Founding") -> list[str]:
    from hartig_node.clock import Clock
    from hartig_node.daemon.kits import KIT_FIRST

    lines = [f'Founded "{arguments.network}", with "{arguments.name}" as its first hub, in {folder.path}.']
    if len(founding.seats) > 1:
        lines += [
            f"The keys of its {len(founding.seats)} trustees are in {folder.seats}: give each to a person whom people",
            "trust, then delete them here. Together they can replace whoever is lost.",
        ]
    lines.append(KIT_FIRST)
    if not Clock().is_trusted():
        lines += [
            "This machine's clock is not known to be right, and the network begins by it: if it is wrong, set it,",
            "remove this folder and begin again.",
        ]
    return [*lines, "Next: hartig run"]


def new_folder(arguments: argparse.Namespace) -> HubFolder:
    """Make the folder that the arguments name, which must be no hub yet; a name that nobody said is asked for."""
    folder = folder_of(arguments)
    if folder.is_founded:
        raise FolderError(f"{folder.path} is a hub already; name another folder with --folder")
    arguments.name = name_for(arguments)
    folder.make()
    return folder


def make_keys(folder: HubFolder) -> "tuple[SigningKey, SigningKey]":
    """Make the hub's keys, or take those that an interrupted run has left."""
    from hartig_protocol.records.keys import SigningKey

    for name in ("hub", "recovery", "node"):
        if not folder.has_key(name):
            folder.write_key(name, secrets.token_bytes(32))
    return SigningKey(folder.read_key("hub")), SigningKey(folder.read_key("recovery"))


def _write_seats(folder: HubFolder, founding: "Founding", passphrase: str | None) -> None:
    salt = os.urandom(SALT_BYTES)
    for number, seat in enumerate(founding.seats, start=1):
        for name, key in ((f"seat-{number}", seat.key), (f"seat-{number}-recovery", seat.recovery)):
            path = folder.seats / f"{name}.key"
            path.unlink(missing_ok=True)  # of an interrupted run, whose charter was never used
            about = f"Key of trustee {number}. Whoever holds it can act for the network: keep it safe."
            write_seed(path, key.seed, f"{about}\n{public_line(key.seed)}", passphrase, salt)


# --- run


def run(argv: Sequence[str]) -> int:
    """Run the hub of a folder until it is told to stop."""
    parser = parser_of(
        "run",
        "Run this hub until Ctrl-C or SIGTERM.",
        "example:\n  hartig run\n\nnext, in another terminal: hartig status",
    )
    add_passphrase(parser, f"the passphrase of the hub's keys, where they are sealed (or ${VARIABLE}, or it is asked)")
    arguments = parser.parse_args(argv)
    return carried_out(_run, arguments)


def _run(arguments: argparse.Namespace) -> int:
    folder = folder_of(arguments)
    folder.read_network()
    config = read_config(folder.settings)
    if is_of_another(folder.path):
        raise FolderError(f"{folder.path} belongs to {_owner_of(folder.path)}: run the hub as that user, not as root")
    import asyncio

    from hartig_node import discreet, frugal

    # aiohttp reads the system's list of authorities at import, a sixth of the start; this process asks none of them.
    os.environ.update(SSL_CERT_FILE=os.devnull, SSL_CERT_DIR=os.devnull)
    frugal.begin()
    from hartig_node.daemon.node import run_node  # late: the other commands need no doors and no network
    from hartig_node.daemon.recovering import settle

    discreet.begin(config.log)
    unlock(folder, arguments.passphrase_file)
    asyncio.run(settle(folder))

    async def main() -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await run_node(folder, config, lambda node: _ready(arguments, node), ended)

    try:
        asyncio.run(main())
    except RuntimeError as error:
        sys.stderr.write(discreet.without_addresses(f"hartig: {error}; start it again\n"))
        return OUR_FAULT
    return OK


def _owner_of(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return f"user {path.stat().st_uid}"  # who has no name on this machine, as in a container


def _ready(arguments: argparse.Namespace, node: "Node") -> None:
    ports = node.ports
    view = {"ready": True, "folder": str(node.folder.path), "ports": ports}
    lines = [f'"{node.config.name}" is running.']
    if ports.get("site"):
        lines.append(f"  neighbours: http://<this machine>:{ports['site']}/")
    if ports.get("desk"):
        lines.append(f"  organisers: https://<this machine>:{ports['desk']}/")
    elif node.config.desk:
        lines.append("  organisers: hartig pair (lets a phone or a laptop look after the hub)")
    if ports.get("api"):
        lines.append(f"  programs:   http://127.0.0.1:{ports['api']}/api/v1/ (hartig token add)")
    lines.append("  you:        hartig status")
    lines += [f"  first:      {problem.hint}" for problem in node.kit_problems()]
    say(arguments, view, lines)
    sys.stdout.flush()
