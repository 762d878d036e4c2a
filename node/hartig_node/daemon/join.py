"""`hartig join`: how a new hub gets into a network that there is already.

join LINK             with an invite: whoever has it is let in by the hub that made it
join HOST:PORT        without one: two people compare words by voice, and the one at the other hub lets this one in
join --open [WHICH]   into an open network that is announced nearby, or at an address

Nothing is kept but the new hub's keys until it is clear how it gets in; so each may be tried again.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hartig_node.daemon.commands import make_keys, new_folder
from hartig_node.daemon.config import write_settings
from hartig_node.daemon.folder import HubFolder, NetworkFile
from hartig_node.daemon.joining import JoinPlan, forget_plan, write_plan
from hartig_node.daemon.naming import add_name
from hartig_node.daemon.speaking import OK, carried_out, parser_of, say
from hartig_node.net.addresses import TypedAddress, parse_address
from hartig_node.wording import word_lines
from hartig_protocol.errors import InviteError, RemoteError

if TYPE_CHECKING:
    from hartig_node.daemon.knocking import Met
    from hartig_node.net.certificates import NodeIdentity
    from hartig_protocol.records.keys import SigningKey

# What can be no invite, nor a name or an id of a network: it has a port, or a dot and no space.
_ADDRESS = re.compile(r"[^\s/@]+:[0-9]{1,5}|[^\s/@:]+\.[^\s/@:]+|\[[^\s/@]+\]")
LISTEN_S = 4.0  # twice what it takes until all hubs of a quiet local network have answered


def join(argv: Sequence[str]) -> int:
    """Make this folder a hub that joins a network."""
    parser = parser_of(
        "join",
        "Make this machine a hub that joins a network.",
        'examples:\n  hartig join hartig:lwHEEL... --name "Strike kitchen"      (with an invite)\n'
        "  hartig join 192.168.1.20 --name Library      (compare words with the people of that hub)\n"
        "  hartig join --open --name Library      (an open network nearby)\n\nnext: hartig run",
    )
    parser.add_argument(
        "where", nargs="?", metavar="LINK", help="an invite (- reads it from standard input), or a hub's HOST:PORT"
    )
    parser.add_argument(
        "--open", action="store_true", help="join an open network: LINK is its name, its id or an address"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether the words agree: they were compared")
    add_name(parser)
    parser.add_argument("--languages", default="en", help="languages spoken here, such as es,ht")
    arguments = parser.parse_args(argv)
    if arguments.where is None and not arguments.open:
        parser.error("say an invite, the address of a hub, or --open")
    return carried_out(_join, arguments)


def _join(arguments: argparse.Namespace) -> int:
    where = sys.stdin.readline().strip() if arguments.where == "-" else arguments.where
    if arguments.open:
        return _join_open(arguments, where)
    if _ADDRESS.fullmatch(where):
        return _join_by_words(arguments, where)
    return _join_by_link(arguments, where)


def _address(text: str) -> TypedAddress:
    try:
        return parse_address(text)
    except RemoteError as error:
        raise InviteError(error.code, str(error)) from error


def _join_by_link(arguments: argparse.Namespace, link: str) -> int:
    from hartig_protocol.records.invites import read_invite

    invite = read_invite(link)
    from hartig_node.clock import Clock  # late: a link that cannot be read needs no clock

    clock = Clock()
    if clock.is_trusted() and invite.expires <= clock.now().wall_ms:
        raise InviteError("expired", "this invite has expired; ask for a new one")
    folder = new_folder(arguments)
    hub, _ = make_keys(folder)
    forget_plan(folder)  # of a run without a link that was interrupted
    where = "at the addresses in the invite" if invite.addresses else "on the local network"
    line = f'"{arguments.name}" will join when it meets the hub that invited it; it looks for it {where}.'
    return _settle(arguments, folder, hub, NetworkFile(invite.network, invite.link), [line])


def _settle(
    arguments: argparse.Namespace,
    folder: HubFolder,
    hub: "SigningKey",
    network: NetworkFile,
    lines: Sequence[str],
    **more: str,
) -> int:
    """Make the folder a hub, which the network's file does last, and say so."""
    languages = [tag.strip() for tag in arguments.languages.split(",") if tag.strip()]
    write_settings(folder.settings, {"name": arguments.name, "languages": languages})
    folder.write_network(network)
    view = {"folder": str(folder.path), "network": network.network.hex(), "hub": hub.public.hex(), **more}
    say(arguments, view, [*lines, "Next: hartig run, and once it is let in: hartig recover kit (print it)"])
    return OK


# --- Without an invite


def _prepared(arguments: argparse.Namespace) -> "tuple[HubFolder, SigningKey, NodeIdentity]":
    folder = new_folder(arguments)
    from hartig_node.net.certificates import NodeIdentity

    hub, _ = make_keys(folder)
    return folder, hub, NodeIdentity.from_seed(folder.read_key("node"))


def _join_by_words(arguments: argparse.Namespace, where: str) -> int:
    address = _address(where)
    import asyncio

    from hartig_node.daemon.knocking import met_at
    from hartig_protocol.records.words import pairing_words

    folder, hub, identity = _prepared(arguments)
    met = asyncio.run(met_at(identity, hub, address.host, address.port))
    if met.charter is not None and met.charter.defaults.open:
        return _enter(arguments, folder, hub, met)
    words = pairing_words(met.network, identity.node_id, hub.public, met.node)
    _compare(arguments, met, words)
    write_plan(folder, JoinPlan((met.node,), (met.address,)))
    line = (
        f'"{arguments.name}" is let into "{met.name}" as soon as the people of the other hub say that the words agree.'
    )
    return _settle(arguments, folder, hub, NetworkFile(met.network), [line], words=words, network_name=met.name)


def _compare(arguments: argparse.Namespace, met: "Met", words: str) -> None:
    """Have a person compare the words; raises `InviteError` where they differ."""
    if arguments.json:
        return
    sys.stdout.write(f'That hub says that it belongs to "{met.name}". Read these words to its people by voice:\n\n')
    sys.stdout.write(f"{word_lines(words)}\n\nThey see theirs with: hartig invite --words\n")
    if arguments.yes:
        return
    sys.stdout.write("Are they the same, all eight? yes or no: ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InviteError(
            "other_words", "not joined: somebody may stand between the two hubs; check the address, or use an invite"
        )


def _join_open(arguments: argparse.Namespace, where: str | None) -> int:
    folder, hub, identity = _prepared(arguments)
    import asyncio

    from hartig_node.daemon.knocking import met_at, open_networks

    if where is not None and _ADDRESS.fullmatch(where):
        address = _address(where)
        met = asyncio.run(met_at(identity, hub, address.host, address.port))
        if met.charter is None or not met.charter.defaults.open:
            raise InviteError("not_open", f'"{met.name}" is not open: ask its people for an invite')
        return _enter(arguments, folder, hub, met)
    found = asyncio.run(open_networks(identity, hub, LISTEN_S))
    chosen = [one for one in found if where is None or _is_called(one, where)]
    if len(chosen) == 1:
        return _enter(arguments, folder, hub, chosen[0])
    raise _which(found, where)


def _is_called(met: "Met", wanted: str) -> bool:
    return met.name.casefold() == wanted.casefold() or (
        len(wanted) >= 4 and met.network.hex().startswith(wanted.lower())
    )


def _which(found: "list[Met]", where: str | None) -> InviteError:
    listed = "".join(f"\n  {one.network.hex()[:8]}  {one.name}" for one in found)
    if not found:
        return InviteError(
            "nothing_open", "no open network is announced nearby; name a hub: hartig join --open HOST:PORT"
        )
    what = (
        "there are several open networks" if where is None else f"{where!r:.80} is not one, or not only one, of these"
    )
    return InviteError("which", f"{what}; say which, by its first digits: hartig join --open ID{listed}")


def _enter(arguments: argparse.Namespace, folder: HubFolder, hub: "SigningKey", met: "Met") -> int:
    write_plan(folder, JoinPlan((), (met.address,)))
    line = f'"{arguments.name}" joins "{met.name}", which is open: the first of its hubs that it meets lets it in.'
    return _settle(arguments, folder, hub, NetworkFile(met.network), [line], network_name=met.name)
