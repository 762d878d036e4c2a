"""`hartig invite`: a link with which another hub joins this network, as text and as a picture to scan."""

import argparse
import io
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.session import Session
from hartig_node.cli.tables import Column, table_lines
from hartig_node.cli.width import clean
from hartig_node.cli.words import how_many, moment

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
    parser.add_argument("--no-picture", action="store_true", help="no QR code")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="show the open invites instead")
    instead.add_argument("--revoke", metavar="ID", help="end an invite instead")


def _run(session: Session, options: argparse.Namespace) -> int:
    if options.list:
        return _list(session)
    if options.revoke:
        return _revoke(session, options.revoke)
    invite = session.node.invite(
        uses=options.uses, days=options.days, addresses=options.address, pass_on=options.pass_on, label=options.label
    )
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


INVITE = Recipe(
    _options,
    _run,
    "hartig invite --label 'Strike kitchen' --days 3",
    "`hartig join LINK` and `hartig run` on the other machine, then `hartig peers` here.",
)
