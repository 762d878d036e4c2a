"""Commands that work on a folder, not on a running node: init, join, run, restore, verify.

The command line finds them by entry point and imports them only when they are called. Each takes the arguments after
its name and returns an exit code (`hartig help exit-codes`).
"""

import argparse
import asyncio
import errno
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hartig_node import frugal
from hartig_node.client.places import find_place
from hartig_node.clock import Clock, founding_ms
from hartig_node.daemon.config import ConfigError, read_config, write_settings
from hartig_node.daemon.folder import FolderError, HubFolder, NetworkFile, read_seed, write_seed
from hartig_node.daemon.founding import Founding, found
from hartig_node.daemon.offline import publish_offline, restore_folder
from hartig_node.ports import StoreError
from hartig_node.store.verify import verify as verify_store
from hartig_protocol.errors import InviteError, RecordError
from hartig_protocol.limits import NAME_BYTES_MAX, SEATS_MAX
from hartig_protocol.records.invites import read_invite
from hartig_protocol.records.keys import SigningKey

if TYPE_CHECKING:
    from hartig_node.daemon.node import Node

PROBLEMS_SHOWN_MAX = 10
OK, OUR_FAULT, USAGE, PARTLY, REFUSED = 0, 1, 2, 3, 5

_NO_RIGHT = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_KNOWN_ERRORS = (FolderError, ConfigError, StoreError, InviteError, RecordError, OSError)


def _parser(name: str, text: str, example: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"hartig {name}", description=text, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="the hub's folder (default: $HARTIG_FOLDER or the usual place)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _carried_out(do: Callable[[], int]) -> int:
    """Run a command; what can go wrong outside of us is said in one line."""
    try:
        return do()
    except _KNOWN_ERRORS as error:
        sys.stderr.write(f"hartig: {_words_of(error)}\n")
        return REFUSED


def _words_of(error: Exception) -> str:
    """Say an error as a person would; the system's own come with a number that nobody needs."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    hint = "; check who owns the folder and whether it can be written" if error.errno in _NO_RIGHT else ""
    return f"{where}{error.strerror}{hint}"


def _say(arguments: argparse.Namespace, view: dict[str, Any], lines: Sequence[str]) -> None:
    sys.stdout.write((json.dumps(view) if arguments.json else "\n".join(lines)) + "\n")


def _folder(arguments: argparse.Namespace) -> HubFolder:
    return HubFolder(Path(find_place(folder=arguments.folder and str(arguments.folder)).folder))


# --- init


def init(argv: Sequence[str]) -> int:
    """Found a network and make this folder its first hub."""
    parser = _parser(
        "init",
        "Found a new network and make this machine its first hub.",
        'example:\n  hartig init --network "Riverside mutual aid" --name "Riverside free store"\n\n'
        "next: hartig run, then hartig invite for every further hub.",
    )
    parser.add_argument("--network", default="Our neighbourhood", help="the network's name")
    parser.add_argument("--name", default="Our hub", help="this hub's name, as others see it")
    parser.add_argument("--languages", default="en", help="languages spoken here, such as es,ht")
    parser.add_argument("--seats", type=int, default=3, help="how many trustees hold a key of the network (default 3)")
    parser.add_argument("--threshold", type=int, help="how many of them must agree (default: more than half)")
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.seats <= SEATS_MAX:
        parser.error(f"--seats is from 1 to {SEATS_MAX}")
    if arguments.threshold is not None and not 1 <= arguments.threshold <= arguments.seats:
        parser.error("--threshold is from 1 to the number of seats")
    for name in ("network", "name"):
        if not 1 <= len(getattr(arguments, name).encode()) <= NAME_BYTES_MAX:
            parser.error(f"--{name} has 1 to {NAME_BYTES_MAX} bytes")
    return _carried_out(lambda: _init(arguments))


def _init(arguments: argparse.Namespace) -> int:
    folder = _new_folder(arguments)
    languages = tuple(tag.strip() for tag in arguments.languages.split(",") if tag.strip())
    write_settings(folder.settings, {"name": arguments.name, "languages": list(languages)})
    hub, recovery = _make_keys(folder)
    founding = found(
        arguments.network,
        hub,
        recovery,
        founding_ms(),
        secrets.token_bytes,
        seats=arguments.seats,
        threshold=arguments.threshold,
        languages=languages,
    )
    _write_seats(folder, founding)
    records = [founding.charter.wire, founding.grant.wire]
    asyncio.run(publish_offline(folder, founding.network, hub, records))
    folder.write_network(NetworkFile(founding.network))
    view = {"folder": str(folder.path), "network": founding.network.hex(), "hub": hub.public.hex()}
    view["seats"] = str(folder.seats)
    _say(arguments, view, _init_lines(folder, arguments, founding))
    return OK


def _init_lines(folder: HubFolder, arguments: argparse.Namespace, founding: Founding) -> list[str]:
    lines = [f'Founded "{arguments.network}", with "{arguments.name}" as its first hub, in {folder.path}.']
    if len(founding.seats) > 1:
        lines += [
            f"The keys of its {len(founding.seats)} trustees are in {folder.seats}: give each to a person whom people",
            "trust, then delete them here. Together they can replace whoever is lost.",
        ]
    kept = folder.key_path("recovery")
    lines.append(f"Copy {kept} to a safe place away from this machine: it can replace a lost hub key.")
    if not Clock().is_trusted():
        lines += [
            "This machine's clock is not known to be right, and the network begins by it: if it is wrong, set it,",
            "remove this folder and begin again.",
        ]
    return [*lines, "Next: hartig run"]


def _new_folder(arguments: argparse.Namespace) -> HubFolder:
    folder = _folder(arguments)
    if folder.is_founded:
        raise FolderError(f"{folder.path} is a hub already; name another folder with --folder")
    folder.make()
    return folder


def _make_keys(folder: HubFolder) -> tuple[SigningKey, SigningKey]:
    """Make the hub's keys, or take those that an interrupted run has left."""
    for name in ("hub", "recovery", "node"):
        if not folder.has_key(name):
            folder.write_key(name, secrets.token_bytes(32))
    return SigningKey(folder.read_key("hub")), SigningKey(folder.read_key("recovery"))


def _write_seats(folder: HubFolder, founding: Founding) -> None:
    for number, seat in enumerate(founding.seats, start=1):
        for name, key in ((f"seat-{number}", seat.key), (f"seat-{number}-recovery", seat.recovery)):
            path = folder.seats / f"{name}.key"
            path.unlink(missing_ok=True)  # of an interrupted run, whose charter was never used
            write_seed(
                path, key.seed, f"Key of trustee {number}. Whoever holds it can act for the network: keep it safe."
            )
            assert read_seed(path) == key.seed


# --- join


def join(argv: Sequence[str]) -> int:
    """Make this folder a hub that joins a network by an invite."""
    parser = _parser(
        "join",
        "Make this machine a hub that joins a network by an invite (made with 'hartig invite' on another hub).",
        'example:\n  hartig join hartig:lwHEEL... --name "Strike kitchen"\n\nnext: hartig run',
    )
    parser.add_argument("link", help="the invite, or - to read it from standard input")
    parser.add_argument("--name", default="Our hub", help="this hub's name, as others see it")
    parser.add_argument("--languages", default="en", help="languages spoken here, such as es,ht")
    arguments = parser.parse_args(argv)
    return _carried_out(lambda: _join(arguments))


def _join(arguments: argparse.Namespace) -> int:
    link = sys.stdin.readline() if arguments.link == "-" else arguments.link
    invite = read_invite(link)
    clock = Clock()
    if clock.is_trusted() and invite.expires <= clock.now().wall_ms:
        raise InviteError("expired", "this invite has expired; ask for a new one")
    folder = _new_folder(arguments)
    languages = [tag.strip() for tag in arguments.languages.split(",") if tag.strip()]
    write_settings(folder.settings, {"name": arguments.name, "languages": languages})
    hub, _ = _make_keys(folder)
    folder.write_network(NetworkFile(invite.network, invite.link))
    view = {"folder": str(folder.path), "network": invite.network.hex(), "hub": hub.public.hex()}
    where = "at the addresses in the invite" if invite.addresses else "on the local network"
    lines = [
        f'"{arguments.name}" will join when it meets the hub that invited it; it looks for it {where}.',
        "Next: hartig run",
    ]
    _say(arguments, view, lines)
    return OK


# --- run


def run(argv: Sequence[str]) -> int:
    """Run the hub of a folder until it is told to stop."""
    parser = _parser(
        "run",
        "Run this hub until Ctrl-C or SIGTERM.",
        "example:\n  hartig run\n\nnext, in another terminal: hartig status",
    )
    arguments = parser.parse_args(argv)
    return _carried_out(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    # aiohttp reads the system's list of authorities at import, a sixth of the start; this process asks none of them.
    os.environ.update(SSL_CERT_FILE=os.devnull, SSL_CERT_DIR=os.devnull)
    frugal.begin()
    from hartig_node.daemon.node import run_node  # late: the other commands need no doors and no network

    folder = _folder(arguments)
    config = read_config(folder.settings)
    logging.basicConfig(level=config.log.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # It logs a traceback with our addresses whenever a network goes; what it means for hubs is in `status`.
    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)

    async def main() -> None:
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await run_node(folder, config, lambda node: _ready(arguments, node), ended)

    try:
        asyncio.run(main())
    except RuntimeError as error:
        sys.stderr.write(f"hartig: {error}; start it again\n")
        return OUR_FAULT
    return OK


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
    _say(arguments, view, lines)
    sys.stdout.flush()


# --- restore and verify


def restore(argv: Sequence[str]) -> int:
    """Put a backup into a folder."""
    parser = _parser(
        "restore",
        "Put a backup into a folder. Make sure that the hub it was made from is not running any more.",
        "example:\n  hartig restore hub-2026-11-22.backup --folder /var/lib/hartig\n\nnext: hartig run",
    )
    parser.add_argument("file", type=Path, help="the backup, made with 'hartig backup'")
    parser.add_argument("--replace", action="store_true", help="set aside what is in the folder now")
    arguments = parser.parse_args(argv)
    return _carried_out(lambda: _restore(arguments))


def _restore(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    if not arguments.file.is_file():
        raise FolderError(f"there is no backup at {arguments.file}")
    if (folder.path / "hartig.db").exists() and not arguments.replace:
        raise FolderError(f"{folder.path} holds a hub already: say --replace to set it aside, or name another --folder")
    folder.make()
    restore_folder(arguments.file, folder, Clock().now().wall_ms, replace=arguments.replace)
    view = {"folder": str(folder.path), "network": folder.read_network().network.hex()}
    lines = [
        f"Restored into {folder.path}.",
        "Where something was asked or promised, nobody can tell any more how it stands: those posts end at the start.",
        "Next: hartig run (and check that no older copy runs), then hartig status: it says what to count anew",
    ]
    _say(arguments, view, lines)
    return OK


def verify(argv: Sequence[str]) -> int:
    """Check a backup file, or the store of a folder that is not running."""
    parser = _parser(
        "verify",
        "Check a backup, or a hub's folder while it is not running: every record is verified again.",
        "example:\n  hartig verify hub-2026-11-22.backup",
    )
    parser.add_argument("path", type=Path, nargs="?", help="a backup file or a hub's folder (default: this hub)")
    arguments = parser.parse_args(argv)
    return _carried_out(lambda: _verify(arguments))


def _verify(arguments: argparse.Namespace) -> int:
    path = arguments.path or _folder(arguments).path
    report = verify_store(path)
    view = {
        "path": str(path),
        "ok": report.ok,
        "records": report.records,
        "posts": report.posts,
        "problems": list(report.problems),
        "bad_records": [{"id": bad.id.hex(), "problem": bad.reason} for bad in report.bad_records],
        "bad_count": report.bad_count,
    }
    lines = [f"{path}: {report.records} entries, {report.posts} of them needs and offers."]
    lines += [f"  problem: {text.splitlines()[0]}" for text in report.problems[:PROBLEMS_SHOWN_MAX]]
    lines += [f"  damaged: {bad.id.hex()[:16]}: {bad.reason}" for bad in report.bad_records]
    lines.append("All is well." if report.ok else "Restore an older backup, or let other hubs fill in what is missing.")
    _say(arguments, view, lines)
    return OK if report.ok else PARTLY
