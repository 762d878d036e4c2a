"""`hartig pair`, `hartig devices`: let a phone or a laptop look after the hub, see which do, and end one."""

import argparse
from collections.abc import Iterator
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.inviting import picture_lines
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.tables import Column, table_lines
from hartig_node.cli.width import clean
from hartig_node.cli.words import moment

_COLUMNS = (Column("id"), Column("since"), Column("until"), Column("name"))
_FINGERPRINT_CHARACTERS = 48  # half of it a line


def _pair_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="whose device it is or where, to know it again in the list")


def _pair(session: Session, options: argparse.Namespace) -> int:
    made = session.node.make_pairing_code(options.name)
    out = session.out
    out.json(made)
    is_open = made.get("state") == "open"
    if not out.is_json:
        out.line(clean(str(made.get("code", ""))))
        if is_open and out.is_terminal:
            # The address alone: a code never stands in an address, which ends up in histories.
            out.line()
            out.lines(out.paint(line, "picture") for line in picture_lines(_addresses(made)[0]))
        for line in _open_lines(made) if is_open else _blocked_lines(made):
            out.note(line)
    return exits.OK if is_open else exits.PARTLY


def _addresses(made: dict[str, Any]) -> list[str]:
    return [clean(str(address)) for address in made.get("addresses") or ["?"]]


def _open_lines(made: dict[str, Any]) -> Iterator[str]:
    """Yield what to do with the code at the device."""
    yield f"\nGood for one device, until {moment(made.get('expires_at'))}. In its browser open one of:"
    for address in _addresses(made):
        yield f"  {address}"
    yield "The browser will warn that it does not know this hub, because no company vouches for it."
    yield "Let it go on if the certificate that it shows has this fingerprint (SHA-256):"
    fingerprint = clean(str(made.get("fingerprint") or ""))
    for start in range(0, len(fingerprint), _FINGERPRINT_CHARACTERS):
        yield f"  {fingerprint[start : start + _FINGERPRINT_CHARACTERS].strip(':')}"


def _blocked_lines(made: dict[str, Any]) -> Iterator[str]:
    why = clean(str(made.get("reason") or "it is shut"))
    yield f"\nThe code is of no use yet, since the organisers' door does not open: {why}"
    yield "`hartig status` says what to do."


def _devices_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "remove"), default="list", help="what to do (list)")
    parser.add_argument("device", nargs="?", metavar="ID", help="remove: which one")


def _devices(session: Session, options: argparse.Namespace) -> int:
    if options.action == "remove":
        if not options.device:
            raise UsageError("`hartig devices remove` needs an id", "`hartig devices` shows them")
        return _remove(session, options.device)
    devices = session.node.devices()
    session.out.json(devices)
    if not session.out.is_json:
        if devices:
            session.out.lines(table_lines(_COLUMNS, [_row(device) for device in devices], session.out.columns))
        else:
            session.out.note("No device is paired: `hartig pair` lets one in.")
    return exits.OK


def _row(device: dict[str, Any]) -> list[str]:
    since, until = (moment(device.get(name)) for name in ("paired_at", "expires_at"))
    return [str(device.get("id", "")), since, until, str(device.get("name", ""))]


def _remove(session: Session, device_id: str) -> int:
    session.node.remove_device(device_id)
    session.out.json({"id": device_id, "removed": True})
    session.out.line(f"{device_id} cannot look after this hub any more.")
    return exits.OK


PAIR = Recipe(
    _pair_options,
    _pair,
    "hartig pair 'Phone at the desk'",
    "type the code on the device; then `hartig devices` shows it.",
    "The organisers' pages are for whoever looks after this hub. They are shut until a device is paired. Who has the\n"
    "code may pair one device with it, so do not pass it on. A device stays paired for 90 days from its last use.",
)
DEVICES = Recipe(
    _devices_options,
    _devices,
    "hartig devices remove 5f1c22aa90b3d4e6",
    "`hartig pair` lets another one in.",
)
