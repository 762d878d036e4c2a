"""`hartig key`: member keys for people and programs, and passphrases for keys of any kind.

    key new FILE            makes a key, and prints the public key to hand to whoever lets people in
    key show FILE           prints the public key again
    key passphrase [FILE]   seals a key under a passphrase, changes or removes it; without FILE all keys of the hub

The keys of a hub are all sealed together: hub.key signs for it, recovery.key can replace that one, node.key and box.key
would let a thief listen to what is meant for the hub, desk.key show its organisers a false door. private.key seals the
hub's private rows (how to reach people, labels, notes), now and when the hub writes new ones. An interrupted change
leaves some under the old passphrase; the same command with both of them goes on from there.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from hartig_node.daemon.folder import (
    PUBLIC_LINE,
    SIGNING_KEYS,
    FolderError,
    HubFolder,
    public_hex,
    public_line,
    public_of,
    read_seed,
    write_seed,
    write_whole,
)
from hartig_node.daemon.speaking import OK, add_common, add_passphrase, carried_out, folder_of, parser_of, say
from hartig_node.keyfile import SALT_BYTES, PassphraseError, comment_of, is_sealed, key_text, read_text
from hartig_node.passphrases import find_passphrase, new_passphrase
from hartig_protocol.limits import KEY_BYTES

_ABOUT = "A member's key of Hartig. Whoever holds it can act as that person: keep it safe."


def key(argv: Sequence[str]) -> int:
    """Make a key, show its public half, or set, change and remove passphrases."""
    parser = parser_of(
        "key",
        "Keys of people, and passphrases for keys. What is sealed is of no use to whoever takes the disk or the file.",
        "example:\n  hartig key new ana.key\n  hartig key passphrase    (all keys of this hub, while it is stopped)\n\n"
        "next: hand the public key to an organiser, who says hartig member add",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="new|show|passphrase")
    new = actions.add_parser("new", help="make a key in a new file, and print its public key")
    show = actions.add_parser("show", help="print the public key of a file")
    sealing = actions.add_parser("passphrase", help="set, change or remove the passphrase of a file, or of this hub")
    for one in (new, show):
        one.add_argument("file", type=Path)
    sealing.add_argument("file", type=Path, nargs="?", help="a key file (default: all keys of this hub)")
    sealing.add_argument("--remove", action="store_true", help="leave the keys unsealed")
    sealing.add_argument(
        "--new-passphrase-file", type=Path, metavar="FILE", help="the new passphrase stands in this file"
    )
    new.add_argument("--no-passphrase", action="store_true", help="do not seal it")
    for one in (new, show, sealing):
        add_passphrase(one, "the passphrase stands in this file (default: it is asked)")
        add_common(one, again=True)
    arguments = parser.parse_args(argv)
    does = {"new": _new, "show": _show, "passphrase": _passphrase}[arguments.action]
    return carried_out(does, arguments)


def _new(arguments: argparse.Namespace) -> int:
    if arguments.file.exists():
        raise FolderError(f"there is a file at {arguments.file} already; it is not overwritten")
    seed, passphrase = os.urandom(KEY_BYTES), None
    if not arguments.no_passphrase:
        passphrase = new_passphrase(arguments.passphrase_file, "A passphrase for this key: ")
    write_seed(arguments.file, seed, f"{_ABOUT}\n{public_line(seed)}", passphrase)
    _say_public(arguments, public_hex(seed), is_new=True)
    return OK


def _show(arguments: argparse.Namespace) -> int:
    public = public_of(read_text(arguments.file))
    if not public:
        ask = asker(arguments.passphrase_file, "The passphrase of this key: ", is_hub=False)
        public = public_hex(read_seed(arguments.file, ask))
    _say_public(arguments, public, is_new=False)
    return OK


def _say_public(arguments: argparse.Namespace, public: str, *, is_new: bool) -> None:
    lines = [f"Made {arguments.file}. Its public key, for whoever lets people in:", public] if is_new else [public]
    if is_new:
        lines.append("Nobody can make the key again: keep a copy of the file where you would find it.")
    say(arguments, {"file": str(arguments.file), "public": public}, lines)


def asker(named: Path | None, question: str, *, is_hub: bool = True) -> Callable[[], str]:
    """Return what asks once, however many keys are opened; `is_hub`: what the environment names counts."""
    said: list[str] = []

    def ask() -> str:
        if not said:
            said.append(find_passphrase(named, question, is_hub=is_hub))
        return said[0]

    return ask


# --- Passphrases


def _passphrase(arguments: argparse.Namespace) -> int:
    if arguments.file is not None:
        _reseal([arguments.file], arguments)
    else:
        folder = folder_of(arguments)
        folder.read_network()
        import asyncio

        from hartig_node.daemon.offline import keep_carried  # late: what is refused needs no store
        from hartig_node.store.lock import FolderLock

        with FolderLock(folder.path):
            new = _reseal(list(folder.key_files().values()), arguments)
            if new is not None:
                folder.unlock(lambda: new or "")
        asyncio.run(keep_carried(folder))
    where = str(arguments.file or folder_of(arguments).path)
    if arguments.remove:
        lines = [f"The keys in {where} are not sealed any more."]
    else:
        lines = [f"Sealed. Without the passphrase nobody can use what is in {where}, you neither: keep it elsewhere."]
        if arguments.file is None:
            lines.append("Backups made from now on carry the hub's key sealed; older ones and copies do not.")
            lines.append("Next: hartig run --passphrase-file FILE (or it asks)")
    say(arguments, {"sealed": not arguments.remove, "where": where}, lines)
    return OK


def _reseal(paths: Sequence[Path], arguments: argparse.Namespace) -> str | None:
    """Write each key again under the new passphrase, each file whole, and return it; None where it is removed."""
    texts = {path: read_text(path) for path in paths}
    was_sealed = any(is_sealed(text) for text in texts.values())
    is_hub = arguments.file is None
    old = asker(arguments.passphrase_file, "The passphrase until now: ", is_hub=is_hub) if was_sealed else None
    new = None if arguments.remove else _new_one(arguments, was_sealed=was_sealed)
    seeds = {path: _opened(path, text, old, new) for path, text in texts.items()}
    salt = os.urandom(SALT_BYTES)
    for path, seed in seeds.items():
        comment = comment_of(texts[path])
        if path.stem in SIGNING_KEYS and PUBLIC_LINE not in comment:
            comment = f"{comment}\n{public_line(seed)}".strip()
        write_whole(path, key_text(seed, comment, new, salt).encode())
    return new


def _new_one(arguments: argparse.Namespace, *, was_sealed: bool) -> str:
    named = arguments.new_passphrase_file or (None if was_sealed else arguments.passphrase_file)
    return new_passphrase(named, "The new passphrase: ")


def _opened(path: Path, text: str, old: Callable[[], str] | None, new: str | None) -> bytes:
    """Open a key with the old passphrase; after an interrupted change perhaps with the new one."""
    try:
        return read_seed(path, old)
    except PassphraseError:
        if new is None or not is_sealed(text):
            raise
        return read_seed(path, lambda: new)


def unlock(folder: HubFolder, named: Path | None) -> None:
    """Open the keys of a hub's folder for a command; asks only where they are sealed."""
    folder.unlock(asker(named, "The passphrase of this hub's keys: "))
