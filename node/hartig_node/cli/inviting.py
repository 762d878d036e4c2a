"""`hartig invite`: a link with which another hub joins this network, as text and as a picture to scan.

Or, without a link: words that two people compare by voice before this hub lets the other in.
"""

import argparse
import contextlib
import io
import os
import sys
import time
from pathlib import Path
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.session import Session
from hartig_node.cli.tables import Column, table_lines
from hartig_node.cli.width import clean
from hartig_node.cli.words import how_many, moment
from hartig_node.wording import word_lines

ASK_EVERY_S = 1.5
_COLUMNS = (Column("id"), Column("left"), Column("until"), Column("label"))


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", metavar="TEXT", help="whom it is for, as a note to yourself")
    parser.add_argument("--uses", type=int, metavar="NUMBER", help="how many hubs may join with it (default 1)")
    parser.add_argument("--days", type=float, metavar="DAYS", help="how long it is good (default 7)")
    parser.add_argument(
        "--address", action="append", metavar="HOST:PORT",
        help="where this hub can be reached, for a hub that is not on the same network; may be repeated",
    )  # fmt: skip
    parser.add_argument("--pass-on", type=int, metavar="NUMBER", help="how many hubs it may invite itself (default 20)")
    parser.add_argument("--no-picture", action="store_true", help="no QR code on the terminal")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write the QR code to a file, to print or to show")
    parser.add_argument("--png", metavar="FILE", type=Path, help="the same as PNG")
    parser.add_argument("--force", action="store_true", help="write over these files where they exist")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="show the open invites instead")
    instead.add_argument("--revoke", metavar="ID", help="end an invite instead")
    instead.add_argument(
        "--words",
        action="store_true",
        help="let a hub in that has no invite: compare words with its people by voice (there: hartig join HOST:PORT)",
    )
    instead.add_argument("--asking", action="store_true", help="show who asks, and the words, without waiting")
    instead.add_argument("--let-in", metavar="ID", help="the words of this hub are the same: let it in")
    instead.add_argument("--turn-away", metavar="ID", help="the words of this hub differ: forget it")


def _run(session: Session, options: argparse.Namespace) -> int:
    if options.list:
        return _list(session)
    if options.revoke:
        return _revoke(session, options.revoke)
    if options.words or options.asking or options.let_in or options.turn_away:
        return _without_link(session, options)
    pictures = {kind: path for kind, path in (("svg", options.svg), ("png", options.png)) if path is not None}
    taken = [path for path in pictures.values() if path.exists() and not options.force]
    if taken:  # before there is an invite, whose link is shown once
        session.out.error(f"{taken[0]} exists already", "choose another name, or say --force")
        return exits.USAGE
    invite = session.node.invite(
        uses=options.uses, days=options.days, addresses=options.address, pass_on=options.pass_on, label=options.label
    )
    for kind, path in pictures.items():
        write_picture(str(invite.get("link", "")), kind, path, force=options.force)
        session.out.note(f"Wrote {path}: whoever sees it can join.")
    session.out.json(invite)
    if not session.out.is_json:
        _show(session, invite, with_picture=not options.no_picture)
    return exits.OK


def _show(session: Session, invite: dict[str, Any], *, with_picture: bool) -> None:
    out, link = session.out, clean(str(invite.get("link", "")))
    out.line(link)
    if with_picture and out.is_terminal:
        out.line()
        # White on black said outright, or a terminal with a light ground would show the negative.
        out.lines(out.paint(line, "picture") for line in picture_lines(link))
    uses = how_many(int(invite.get("uses") or 1), "hub")
    out.note(f"\nGood for {uses}, until {moment(invite.get('expires_at'), with_year=True)}.")
    out.note("On the other machine:")
    out.note(f"  hartig join '{link}' --name \"The name of that hub\"")
    out.note("  hartig run")
    out.note("Whoever has this link can join: hand it over yourself. It is shown once.")
    out.note(f"To end it: hartig invite --revoke {invite.get('id')}")


def picture_lines(link: str) -> list[str]:
    """Return the link as a QR code of half blocks, for white on black."""
    import segno

    picture = io.StringIO()
    segno.make(link, error="l", micro=False).terminal(picture, border=2, compact=True)
    return picture.getvalue().rstrip("\n").split("\n")


def write_picture(link: str, kind: str, path: Path, *, force: bool) -> None:
    """Write the link as a QR code, readable by its owner alone, and over no other file unless told so."""
    import segno

    picture = io.BytesIO()
    segno.make(link, error="l", micro=False).save(picture, kind=kind, scale=8, border=4)
    if force:
        with contextlib.suppress(FileNotFoundError):  # not written into: it may be readable by others
            path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(picture.getvalue())


def _list(session: Session) -> int:
    invites = session.node.invites()
    session.out.json(invites)
    if not session.out.is_json:
        if invites:
            session.out.lines(table_lines(_COLUMNS, [_row(invite) for invite in invites], session.out.columns))
        else:
            session.out.note("There are no open invites: `hartig invite` makes one.")
    return exits.OK


def _row(invite: dict[str, Any]) -> list[str]:
    left = f"{invite.get('uses_left')} of {invite.get('uses')}"
    return [str(invite.get("id", "")), left, moment(invite.get("expires_at")), str(invite.get("label") or "")]


def _revoke(session: Session, invite_id: str) -> int:
    session.node.revoke_invite(invite_id)
    session.out.json({"id": invite_id, "revoked": True})
    session.out.line(f"{invite_id} is worthless now; hubs that joined with it stay.")
    return exits.OK


# --- Without a link


def _without_link(session: Session, options: argparse.Namespace) -> int:
    if options.let_in:
        return _let_in(session, options.let_in)
    if options.turn_away:
        session.node.turn_away(options.turn_away)
        session.out.json({"id": options.turn_away, "turned_away": True})
        session.out.line("Forgotten. If its people are sure of their words, somebody stood between: use an invite.")
        return exits.OK
    door = session.node.open_door() if options.words else session.node.asking()
    if options.words and not session.out.is_json and sys.stdin.isatty():
        return _compare(session, door)
    session.out.json(door)
    for one in door.get("items", []):
        session.out.line(f"{one.get('id')}\n{word_lines(clean(str(one.get('words'))))}")
    if not door.get("items"):
        session.out.note("Nobody asks now. On the other machine: hartig join THIS-MACHINE; then hartig invite --asking")
    return exits.OK


def _let_in(session: Session, asking_id: str) -> int:
    session.node.let_in(asking_id)
    session.out.json({"id": asking_id, "let_in": True})
    session.out.line("It is let in when it asks next, within seconds of `hartig run` there; see `hartig peers`.")
    return exits.OK


def _compare(session: Session, door: dict[str, Any]) -> int:
    """Wait for hubs that ask, and have a person compare the words of each, until one is let in."""
    out, seen = session.out, set[str]()
    out.note("On the other machine: hartig join THIS-MACHINE's-ADDRESS. It shows eight words; have them read to you.")
    while door.get("open_s"):
        for one in door.get("items", []):
            if one["id"] in seen:
                continue
            seen.add(one["id"])
            out.line(f"\n{word_lines(clean(str(one['words'])))}\n\nAre these the words, all eight? yes or no: ")
            if sys.stdin.readline().strip().lower() in ("y", "yes"):
                return _let_in(session, one["id"])
            session.node.turn_away(one["id"])
        time.sleep(ASK_EVERY_S)
        door = session.node.asking()
    out.error("nobody was let in within ten minutes", "say it again when the other hub is ready")
    return exits.REFUSED


INVITE = Recipe(
    _options,
    _run,
    "hartig invite --label 'Strike kitchen' --days 3",
    "`hartig join LINK` and `hartig run` on the other machine, then `hartig peers` here.",
)
