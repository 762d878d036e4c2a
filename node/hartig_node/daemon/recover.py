"""`hartig recover`: the recovery kit, and a new key for a hub whose own was lost or stolen.

recover kit              makes the page to print; --remove takes the recovery key off the disk afterwards
recover hub [KIT]        in the hub's folder, stopped: a new key, with the kit or the recovery key that lies there
                         (with the kit also where hub.key is gone, or with --forgotten its passphrase)
recover hub KIT          in an empty folder: the hub begins again with a new key
recover hub --trustees   a new key without a kit: the network's trustees have to let it in
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hartig_node.board.keeping.rekeying import Said
from hartig_node.clock import Clock
from hartig_node.daemon import kits
from hartig_node.daemon.config import read_config
from hartig_node.daemon.folder import FolderError, HubFolder, write_whole
from hartig_node.daemon.keys import asker, unlock
from hartig_node.daemon.kits import Kit, kit_in
from hartig_node.daemon.recovering import Rekeyed, begin_again, public_before, rekey, settle
from hartig_node.daemon.speaking import OK, add_common, add_passphrase, carried_out, folder_of, parser_of, say
from hartig_node.keyfile import PassphraseError, seal_bytes
from hartig_node.passphrases import VARIABLE, new_passphrase
from hartig_node.store.lock import FolderLock
from hartig_node.wording import how_many
from hartig_protocol.limits import KEY_BYTES
from hartig_protocol.records.keys import SigningKey, recovery_hash
from hartig_protocol.records.writing import recovery_of


def recover(argv: Sequence[str]) -> int:
    """Make a recovery kit, or give a hub a new key."""
    parser = parser_of(
        "recover",
        "A recovery kit is a page to print on the first day; with it a hub whose key was lost or stolen gets another.",
        "example:\n  hartig recover kit\n  hartig recover hub kit.txt\n\n"
        "next: print the page, keep it away from the hub, and say hartig recover kit --remove",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="kit|hub")
    kit = actions.add_parser("kit", help="make the page to print")
    kit.add_argument("--out", type=Path, metavar="FILE", help="where to (default: recovery-kit-KEY.html)")
    kit.add_argument("--force", action="store_true", help="write over a file that is there")
    kit.add_argument("--check", metavar="KIT", help="instead: look whether a kit can be opened with its passphrase")
    kit.add_argument("--remove", action="store_true", help="it is printed: take the recovery key off this disk")
    hub = actions.add_parser("hub", help="a new key for a hub, stopped, or in an empty folder")
    hub.add_argument("kit", nargs="?", metavar="KIT", help="the kit's text, or a file that has it")
    hub.add_argument("--trustees", action="store_true", help="without a kit: trustees let the new key in")
    hub.add_argument("--keep", action="append", default=[], metavar="KEY", help="also keep this one in, or removed")
    hub.add_argument("--drop", action="append", default=[], metavar="KEY", help="do not keep this one in, or removed")
    hub.add_argument("--forgotten", action="store_true", help="with KIT: the passphrase of this hub's keys is lost")
    hub.add_argument("--yes", action="store_true", help="leave out without asking what this folder did not say")
    for one in (kit, hub):
        add_passphrase(one, "the kit's passphrase stands in this file (default: it is asked)")
        one.add_argument(
            "--hub-passphrase-file", type=Path, metavar="FILE",
            help=f"that of the hub's keys, where they are sealed (or ${VARIABLE})",
        )  # fmt: skip
        add_common(one, again=True)
    arguments = parser.parse_args(argv)
    return carried_out(_kit if arguments.action == "kit" else _hub, arguments)


# --- The kit


def _kit(arguments: argparse.Namespace) -> int:
    if arguments.check is not None:
        return _check(arguments)
    folder = folder_of(arguments)
    network = folder.read_network().network
    if not folder.has_key("recovery"):
        raise FolderError("the recovery key is not on this disk any more: it is on the kit that was made")
    if arguments.remove:
        return _remove(arguments, folder)
    out = arguments.out or Path(f"recovery-kit-{folder.noted_public('hub').hex()[:8]}.html")
    if out.exists() and not arguments.force:
        raise FolderError(f"there is a file at {out} already: name another with --out, or say --force to replace it")
    name, addresses = kits.what_is_known(folder)
    unlock(folder, arguments.hub_passphrase_file)
    key = SigningKey(folder.read_key("recovery"))
    passphrase = new_passphrase(arguments.passphrase_file, "A passphrase for the kit: ")
    hub_name = read_config(folder.settings).name
    hub = SigningKey(folder.read_key("hub"))
    _, consent = recovery_of(hub, network, recovery_hash(key.public))
    kit = Kit(network, hub.public, name, hub_name, addresses, seal_bytes(key.seed, passphrase), consent)
    _write_page(out, kit)
    kits.mark_made(folder, key.public)
    lines = [
        f"Wrote {out}. Print it, and look whether all of it is on the paper.",
        "Keep it away from this machine, and the passphrase somewhere else: without it the page is worthless.",
        "Then take the recovery key off this disk: hartig recover kit --remove",
    ]
    say(arguments, {"page": str(out), "kit": kit.line, "hub": kit.hub.hex()}, lines)
    return OK


def _write_page(out: Path, kit: Kit) -> None:
    """Write the page, and read it back: soon nothing else has the recovery key."""
    write_whole(out, kits.page(kit).encode())
    if kit_in(str(out.absolute())) != kit:
        raise FolderError(f"{out} is not what was written: try another disk")


def _remove(arguments: argparse.Namespace, folder: HubFolder) -> int:
    if not kits.is_made(folder, folder.noted_public("recovery")):
        raise FolderError("there is no kit for this recovery key yet: make one first (hartig recover kit)")
    folder.key_path("recovery").unlink()
    say(arguments, {"removed": True}, ["The recovery key is on your kit alone now."])
    return OK


def _check(arguments: argparse.Namespace) -> int:
    kit = kit_in(arguments.check)
    _opened(kit, arguments)
    view = {"ok": True, "network": kit.network.hex(), "hub": kit.hub.hex(), "name": kit.hub_name}
    say(arguments, view, [f'This kit is whole: it can replace the key of "{kit.hub_name}" ({kit.hub.hex()[:16]}).'])
    return OK


def _opened(kit: Kit, arguments: argparse.Namespace) -> SigningKey:
    ask = asker(arguments.passphrase_file, "The passphrase of the kit: ", is_hub=False)
    return kit.opened(ask())


# --- The hub


def _hub(arguments: argparse.Namespace) -> int:
    folder = folder_of(arguments)
    kit = None if arguments.kit is None else kit_in(arguments.kit)
    if kit is not None and not folder.is_founded:
        done = begin_again(folder, kit, _opened(kit, arguments))
        _say_begun(arguments, kit, done, folder)
        return OK
    network = folder.read_network().network
    with FolderLock(folder.path):
        pass  # nobody uses it; the store takes it again
    _unlock(folder, kit, arguments)
    asyncio.run(settle(folder))
    before = public_before(folder, kit)
    if kit is not None and (kit.network, kit.hub) != (network, before):
        raise FolderError(f"this kit is for another hub, or this one has a new key already: {kit.hub.hex()[:16]}")
    recovery = None if arguments.trustees else _recovery(folder, kit, arguments)
    keep, drop = (frozenset(map(_key, given)) for given in (arguments.keep, arguments.drop))
    named = _Names(folder)
    done = asyncio.run(
        rekey(
            folder, read_config(folder.settings), recovery, keep=keep, drop=drop,
            kit=kit, agree=lambda left_out: _agree(arguments, named, left_out),
        )
    )  # fmt: skip
    _say_rekeyed(arguments, done, named, by_trustees=recovery is None)
    return OK


def _unlock(folder: HubFolder, kit: Kit | None, arguments: argparse.Namespace) -> None:
    if arguments.forgotten:
        if kit is None:
            raise FolderError("without the passphrase of this hub's keys a kit is needed: name it")
        folder.forget_passphrase()
        return
    try:
        unlock(folder, arguments.hub_passphrase_file)
    except PassphraseError as error:
        raise PassphraseError(f"{error}; where it is forgotten, a kit does with --forgotten") from error


class _Names:
    """Says keys as people know them."""

    def __init__(self, folder: HubFolder) -> None:
        self._names = kits.hub_names(folder)

    def of(self, one: Said) -> str:
        return f'"{self._names[one.key]}" {one.key.hex()}' if one.key in self._names else one.key.hex()


def _agree(arguments: argparse.Namespace, names: _Names, left_out: Sequence[Said]) -> None:
    """Ask whether that may be left out which this folder does not know to have said."""
    if not left_out or arguments.yes:
        return
    what = ""
    for is_removal, said in (
        (False, "These memberships were not given by this folder, a thief may have, and would end:"),
        (True, "These were not removed by this folder, a thief may have, and would belong again:"),
    ):
        who = "".join(f"\n  {names.of(one)}" for one in left_out if one.is_removal is is_removal)
        what += f"{said}{who}\n" if who else ""
    how = "say --keep KEY for what is to stay so, and --drop KEY or --yes for the others"
    if not sys.stdin.isatty():
        raise FolderError(f"{what}Nothing was done yet: {how}")
    sys.stderr.write(what)
    if input("Leave them out? Type yes: ").strip().lower() != "yes":
        raise FolderError(f"nothing was done; {how}")


def _recovery(folder: HubFolder, kit: Kit | None, arguments: argparse.Namespace) -> SigningKey:
    if kit is not None:
        return _opened(kit, arguments)
    if not folder.has_key("recovery"):
        raise FolderError("the recovery key is on the kit: name it, or say --trustees where it is lost")
    return SigningKey(folder.read_key("recovery"))


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise FolderError(f"{text!r:.80} is no key: it has {2 * KEY_BYTES} hexadecimal digits")
    return key


def _say_begun(arguments: argparse.Namespace, kit: Kit, done: Rekeyed, folder: HubFolder) -> None:
    view: dict[str, Any] = {"folder": str(folder.path), "hub": done.after.hex(), "before": done.before.hex()}
    view["recovery"] = [one.hex() for one in done.recovery]
    lines = [
        f'"{kit.hub_name}" has a new key, and the old one will be removed from the network "{kit.network_name}".',
        "It is let in by any hub of the network that it meets. What it had posted has to be posted anew.",
        "Memberships that it had given are over, and so are removals by it: invite those hubs again, and look with",
        "hartig member list whether somebody belongs again whom it had removed.",
    ]
    if not Clock(read_config(folder.settings).clock).is_trusted():
        lines.append("This machine's clock is not known to be right: others take the new key when its time is right.")
    lines += [f"Next: hartig run, then hartig recover kit: {_NEW_KIT}", *_about_old_kit(done)]
    say(arguments, view, lines)


_NEW_KIT = "print it, then burn the old one and its copies"


def _about_old_kit(done: Rekeyed) -> list[str]:
    """Say what an old kit can still do while a grant names it: put another key in the place of this one (SPEC A9)."""
    hash_, consent = done.recovery
    command = f"hartig revoke {done.before.hex()} --successor {done.after.hex()}"
    return [
        "The old key is void for good. Whoever has the old kit and its passphrase can take this hub again. If one may",
        "be stolen, ask an organiser or a trustee to remove the old key, too, so that the old kit is good for nothing:",
        f"  {command} --key FILE --recovery {hash_.hex()}:{consent.hex()}",
    ]


def _say_rekeyed(arguments: argparse.Namespace, done: Rekeyed, names: _Names, *, by_trustees: bool) -> None:
    hash_, consent = done.recovery
    command = f"hartig revoke {done.before.hex()} --successor {done.after.hex()} --key FILE"
    view = {
        "hub": done.after.hex(),
        "before": done.before.hex(),
        "recovery": [hash_.hex(), consent.hex()],
        "kept": [one.key.hex() for one in done.again if not one.is_removal],
        "stay_removed": [one.key.hex() for one in done.again if one.is_removal],
        "left_out": [one.key.hex() for one in done.left_out],
        "posts": done.posts,
    }
    lines = [
        f"This hub has a new key: {done.after.hex()}",
        f"{how_many(done.posts, 'post goes', 'posts go')} over to it; hartig recount shows what to count.",
    ]
    if arguments.forgotten:
        lines.append("Its keys are not sealed now: hartig key passphrase does that.")
    if by_trustees:
        lines += [
            "It is no member until an organiser or the trustees let it in and remove the old key, elsewhere:",
            f"  {command} --recovery {hash_.hex()}:{consent.hex()}",
        ]
    else:
        removed = sum(one.is_removal for one in done.again)
        lines.append(f"Memberships that it gave, given again: {len(done.again) - removed}.")
        if removed:
            lines.append(f"Whom it had removed stays removed; removals signed anew: {removed}.")
        lines += [f"  left out{', removed before' * one.is_removal}: {names.of(one)}" for one in done.left_out]
        if done.left_out:
            lines.append("That was not said by this folder: a thief may have. Invite again, or remove, whom you know.")
        lines += [f"Next: hartig run, then hartig recover kit: {_NEW_KIT}", *_about_old_kit(done)]
    say(arguments, view, lines)
