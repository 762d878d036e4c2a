"""What commands of giving and taking share: a deal's id, a quantity, a date, and the answer."""

import argparse
from collections.abc import Callable
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.dealwords import deal_lines, next_lines
from hartig_node.cli.session import Session

Json = dict[str, Any]


def add_deal(parser: argparse.ArgumentParser) -> None:
    """Take a deal."""
    parser.add_argument("deal", help="the deal's id, or the first 8 digits of it (`hartig deals`)")


def add_quantity(parser: argparse.ArgumentParser, what: str) -> None:
    """Take a quantity that may be left out."""
    parser.add_argument("quantity", nargs="?", help=what)


def add_date(parser: argparse.ArgumentParser, name: str = "--date", what: str = "") -> None:
    """Take a date of a post."""
    parser.add_argument(name, metavar="TIME", help=what or "for which date, where the post has several")


def date_of(text: str | None) -> str | None:
    """Return a date as the node reads it; without an offset it is in this machine's time zone."""
    if text is None:
        return None
    from hartig_node.cli.drafting import moment

    return moment(text)


def answer(session: Session, deal: Json) -> int:
    """Show what stands now, and what can be done next."""
    session.out.json(deal)
    session.out.lines(deal_lines(deal, session.out))
    session.out.lines(next_lines(deal))
    return exits.OK


def on_deal(said: Callable[[Session, argparse.Namespace], Json]) -> Callable[[Session, argparse.Namespace], int]:
    """Return the command that says one thing about a deal and shows what stands then."""

    def run(session: Session, options: argparse.Namespace) -> int:
        return answer(session, said(session, options))

    return run
