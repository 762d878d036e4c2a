"""`hartig bundle write | read`: what a hub has to share as a file, for hubs that no cable or radio reaches.

This process opens the file; the node gives and takes the bytes. What is written is looked through on its way, and
appears under its name only when it is whole.
"""

import argparse
import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.output import Output
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import how_many, moment

if TYPE_CHECKING:
    from hartig_protocol.sync.bundle_file import BundleReader

PIECE_BYTES = 64 * 1024
FILE_MODE = 0o644  # it holds nothing that the network may not see, and somebody else is to read it

# Why something out of a bundle was not kept -> what people read, as in `3 left out: ...`.
_WHY = {
    "superseded": "older than what is here",
    "replaced": "older than what else came",
    "expired": "over for long",
    "body_due": "over for long",
    "early": "dated in the future",
    "revoked": "of a hub that was removed from the network",
    "forked": "at odds with what is here",
    "other_network": "of another network",
    "not_shared": "not among what that network shares with us",
    "private": "not meant to leave their hub",
    "no_room": "waiting for something else, and too much waits already",
    "bad_signature": "changed, or not signed by who they say",
    "bad_body": "changed, or not signed by who they say",
}
_NOT_RIGHT = "not of a form that this hub understands"


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("write", "read"), help="what to do")
    parser.add_argument("file", type=Path, metavar="FILE", help="write: a new file; read: one that a hub has written")
    parser.add_argument(
        "--for", dest="partner", metavar="NETWORK", help="write: what this partner network gets of ours"
    )
    parser.add_argument("--force", action="store_true", help="write: take the place of a file that is there")


def _run(session: Session, options: argparse.Namespace) -> int:
    return _write(session, options) if options.action == "write" else _read(session, options)


# --- Writing

_FOR_US = "It holds what every hub of the network may see, and no private things."
_FOR_PARTNER = "It holds what that network gets of ours, and nothing else."
_ASKS = "They have not agreed yet, as far as is known here: it holds what we ask of them, and none of our posts."


def _write(session: Session, options: argparse.Namespace) -> int:
    path: Path = options.file
    _check_target(path, force=options.force)
    part = path.with_name(f".{path.name}.part")
    try:
        check, size = _write_part(session, part, options.partner)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", _room_hint(error)) from error
    finally:
        part.unlink(missing_ok=True)
    asks = check.header is not None and not check.header.n
    session.out.json({"file": str(path), "records": check.count, "bytes": size, "asks": asks})
    session.out.line(f"{how_many(check.count, 'entry', 'entries')} written to {path} ({megabytes(size)}).")
    if not session.out.is_json:
        session.out.note(_ASKS if asks else _FOR_PARTNER if options.partner else _FOR_US)
        where = "a hub of theirs" if options.partner else "the other hub"
        session.out.note(f"On {where}: hartig bundle read {path.name}")
    return exits.OK


def _check_target(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "name a file in it")
    if path.exists() and not force:
        raise UsageError(f"{path} exists already", "name a new file, or say --force to take its place")


def _room_hint(error: OSError) -> str:
    import errno

    return "there is no room left: use another stick" if error.errno == errno.ENOSPC else ""


def _write_part(session: Session, part: Path, partner: str | None) -> tuple["BundleReader", int]:
    """Write a whole bundle to a file; return what has looked through it, and how many bytes it has."""
    from hartig_node.client.errors import AnswerError
    from hartig_protocol.sync.bundle_file import BundleError, BundleReader

    check = BundleReader()
    size = 0
    with session.node.write_bundle(partner) as download, _new_file(part) as file:
        try:
            while piece := download.read(PIECE_BYTES):
                file.write(piece)
                check.feed(piece)
                size += len(piece)
                session.out.progress(_written(check.count, check.header.count if check.header else 0))
            check.finish()
        except BundleError as error:
            raise AnswerError(f"the hub gave no bundle: {error}", "are both of the same version?") from error
        if not check.is_whole:
            raise AnswerError("the node's bundle broke off", "try again")
        file.flush()
        os.fsync(file.fileno())
    return check, size


def _new_file(part: Path) -> BinaryIO:
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with contextlib.suppress(PermissionError):  # a stick with Windows' file system knows no modes
        os.fchmod(descriptor, FILE_MODE)
    return os.fdopen(descriptor, "wb")


def _sync(folder: Path) -> None:
    """Make the new name durable: a stick is pulled out soon."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # some file systems of sticks cannot; the file itself is durable
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written(count: int, total: int) -> str:
    return f"{count:,} of about {how_many(max(count, total), 'entry', 'entries')} written"


# --- Reading


def _read(session: Session, options: argparse.Namespace) -> int:
    path: Path = options.file
    if options.force or options.partner:
        raise UsageError("--force and --for are for writing", f"hartig bundle read {path}")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            report = session.node.read_bundle(_pieces(session.out, path, file, size), size)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    session.out.json(report)
    session.out.lines(_report_lines(report))
    return exits.OK if report.get("complete") else exits.PARTLY


def _pieces(out: Output, path: Path, file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield exactly so many bytes of a file."""
    done = 0
    while done < size:
        try:
            piece = file.read(min(PIECE_BYTES, size - done))
        except OSError as error:
            hint = "what was read so far is kept; try again, or let the hub write it again"
            raise UsageError(f"cannot read {path} beyond byte {done:,}: {error.strerror}", hint) from error
        if not piece:
            raise UsageError(f"{path} became shorter while it was read", "read it again when it is written")
        done += len(piece)
        yield piece
        out.progress(f"{megabytes(done)} of {megabytes(size)} read")


def _report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    if report.get("asks"):
        yield from _asking_lines(report)
        return
    name = isolate(clean(str(report.get("hub_name") or f"hub {str(report.get('hub'))[:8]}")))
    written = moment(report.get("written_at"), with_year=True)
    yield f"{how_many(_number(report, 'records'), 'entry', 'entries')} of {name}, written {written}:"
    yield f"  {_number(report, 'new'):,} new here, {_number(report, 'known'):,} here already"
    for why, count in _left_out(report).items():
        yield f"  {count:,} left out: {why}"
    if waiting := _number(report, "waiting"):
        one = waiting == 1
        yield f"  {waiting:,} {'waits' if one else 'wait'} for a proof that this bundle does not carry"
    yield from _damage_lines(report)
    if report.get("complete"):
        yield "All of it was good. When the two hubs meet, none of this is sent again."
    else:
        yield "What was good is kept. When the two hubs meet, the rest is sent."


def _asking_lines(report: Mapping[str, Any]) -> Iterator[str]:
    network = str(report.get("network"))[:8]
    name = isolate(clean(str(report.get("network_name") or network)))
    yield f"{name} asks to be a partner network: `hartig partner show {network}` says what it would share."
    yield "Nothing else of it is kept. Once you have agreed, read it again: it is their yes, too."


def _left_out(report: Mapping[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in report.get("refused") or []:
        why = _WHY.get(str(item.get("code")), _NOT_RIGHT)
        counts[why] = counts.get(why, 0) + int(item.get("count") or 0)
    return counts


def _damage_lines(report: Mapping[str, Any]) -> Iterator[str]:
    places, lost = _number(report, "damaged_places"), _number(report, "bytes_lost")
    if lost:
        yield f"  damaged in {how_many(places, 'place')}: {how_many(lost, 'byte')} could not be read"
    if report.get("gave_up"):
        yield "  damaged in so many places that the rest was not looked at"
    if report.get("ending") == "missing":
        yield f"  the file ends in the middle; {how_many(_number(report, 'records'), 'entry', 'entries')} could be read"
    elif report.get("ending") == "changed":
        yield "  something in it was changed or left out after the hub had written it"
    if after := _number(report, "bytes_after"):
        yield f"  behind its end: {how_many(after, 'byte')} more, not looked at"


def _number(report: Mapping[str, Any], name: str) -> int:
    value = report.get(name)
    return value if isinstance(value, int) else 0


def megabytes(size: int) -> str:
    """Return a size as people read it: `12 kB`, `3.4 MB`."""
    return f"{size / 1_000_000:,.1f} MB" if size >= 1_000_000 else f"{max(1, size // 1000)} kB"


BUNDLE = Recipe(
    _options,
    _run,
    "hartig bundle write /media/stick/garden.bundle",
    "carry the file to another hub of the network, and there `hartig bundle read FILE`.",
    "A bundle is for hubs that cannot reach each other: on a stick, or by mail. Any hub of the network can read it,\n"
    "as often as you like: what is there already is passed over. A damaged file gives what is good in it.\n"
    "With --for it is for a partner network's hubs; before they have agreed, it asks them to.",
)
