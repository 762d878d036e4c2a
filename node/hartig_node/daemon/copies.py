"""Commands for copies of a hub: restore and verify; `hartig backup` asks the running node."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hartig_node.daemon.folder import FolderError
from hartig_node.daemon.keys import asker
from hartig_node.daemon.speaking import OK, PARTLY, add_passphrase, carried_out, folder_of, parser_of, say
from hartig_node.wording import how_many

PROBLEMS_SHOWN_MAX = 10


def restore(argv: Sequence[str]) -> int:
    """Put a backup into a folder."""
    parser = parser_of(
        "restore",
        "Put a backup into a folder. Make sure that the hub it was made from is not running any more.",
        "example:\n  hartig restore hub-2026-11-22.backup --folder /var/lib/hartig\n\nnext: hartig run",
    )
    parser.add_argument("file", type=Path, help="the backup, made with 'hartig backup'")
    parser.add_argument("--replace", action="store_true", help="set aside what is in the folder now")
    add_passphrase(parser, "that of the folder's keys stands in this file (default: it is asked)")
    arguments = parser.parse_args(argv)
    return carried_out(_restore, arguments)


def _restore(arguments: argparse.Namespace) -> int:
    folder = folder_of(arguments)
    if not arguments.file.is_file():
        raise FolderError(f"there is no backup at {arguments.file}")
    if (folder.path / "hartig.db").exists() and not arguments.replace:
        raise FolderError(f"{folder.path} holds a hub already: say --replace to set it aside, or name another --folder")
    from hartig_node.clock import Clock  # late: what is refused needs no store
    from hartig_node.daemon.offline import restore_folder

    folder.make()
    ask = asker(arguments.passphrase_file, "The passphrase of this hub's keys: ")
    restore_folder(arguments.file, folder, Clock().now().wall_ms, ask, replace=arguments.replace)
    view = {"folder": str(folder.path), "network": folder.read_network().network.hex()}
    lines = [
        f"Restored into {folder.path}.",
        "Where something was asked or promised, nobody can tell any more how it stands: those posts end at the start.",
        "Next: hartig run (and check that no older copy runs), then hartig status: it says what to count anew",
    ]
    say(arguments, view, lines)
    return OK


def verify(argv: Sequence[str]) -> int:
    """Check a backup file, or the store of a folder that is not running."""
    parser = parser_of(
        "verify",
        "Check a backup, or a hub's folder while it is not running: every record is verified again.",
        "example:\n  hartig verify hub-2026-11-22.backup",
    )
    parser.add_argument("path", type=Path, nargs="?", help="a backup file or a hub's folder (default: this hub)")
    arguments = parser.parse_args(argv)
    return carried_out(_verify, arguments)


def _verify(arguments: argparse.Namespace) -> int:
    path = arguments.path or folder_of(arguments).path
    if not path.exists():
        raise FolderError(f"there is neither a backup nor a hub at {path}")
    from hartig_node.store.verify import verify as verify_store  # late, as above

    report = verify_store(path)
    view = {
        "path": str(path),
        "ok": report.ok,
        "records": report.records,
        "posts": report.posts,
        "problems": list(report.problems),
        "bad_records": [{"id": bad.id.hex(), "problem": bad.reason} for bad in report.bad_records],
        "bad_count": report.bad_count,
        "partners": [
            {"network": held.path.parent.name, "ok": held.ok, "records": held.records, "problems": list(held.problems)}
            for held in report.partners
        ],
    }
    entries = how_many(report.records, "entry", "entries")
    lines = [f"{path}: {entries}, {how_many(report.posts, 'need or offer', 'needs and offers')} among them."]
    lines += [f"  problem: {text.splitlines()[0]}" for text in report.problems[:PROBLEMS_SHOWN_MAX]]
    lines += [f"  damaged: {bad.id.hex()[:16]}: {bad.reason}" for bad in report.bad_records]
    for held in report.partners:
        state = how_many(held.records, "entry", "entries")
        state = state if held.ok else f"damaged: remove {held.path.parent}, and it is fetched again"
        lines.append(f"  of the partner network {held.path.parent.name[:8]}: {state}")
    lines.append("All is well." if report.ok else "Restore an older backup, or let other hubs fill in what is missing.")
    say(arguments, view, lines)
    return OK if report.ok else PARTLY
