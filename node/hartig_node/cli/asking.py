"""`hartig ask`, `cancel`, `receive`, `give-back`: what those say who need something."""

import argparse

from hartig_node.cli.commands import Recipe
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.saying import Json, add_date, add_deal, add_quantity, date_of, on_deal
from hartig_node.cli.session import Session


def _ask_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("need", help="a need of this hub: its id, or the first 8 digits of it")
    parser.add_argument("offer", help="whose offer is asked: its id, or the first 8 digits of it")
    add_quantity(parser, "how much, in the unit of the need (else what is still needed, at most what is free there)")
    add_date(parser, "--date", "for which date of the need, where it has several")
    add_date(parser, "--offer-date", "for which date of the offer, where it is another")


def _ask(session: Session, options: argparse.Namespace) -> Json:
    return session.node.deals.ask(
        options.need,
        options.offer,
        options.quantity,
        date=date_of(options.date),
        lot_date=date_of(options.offer_date),
    )


def _cancel(session: Session, options: argparse.Namespace) -> Json:
    return session.node.deals.cancel(options.deal)


def _receive_options(parser: argparse.ArgumentParser) -> None:
    add_deal(parser)
    add_quantity(parser, "how much came in good order (else all of it; --short asks for it)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--short", action="store_true", help="less came, or only a part of it is good")
    how.add_argument("--bad", action="store_true", help="it is not fit for use")


def _receive(session: Session, options: argparse.Namespace) -> Json:
    if options.short and options.quantity is None:
        example = f"for example: hartig receive {options.deal[:8]} 5 --short"
        raise UsageError("how much came in good order?", example)
    how = "short" if options.short else "bad" if options.bad else "ok"
    return session.node.deals.receive(options.deal, how, options.quantity)


def _give_back_options(parser: argparse.ArgumentParser) -> None:
    add_deal(parser)
    add_quantity(parser, "how much goes back (else all that is still here)")


def _give_back(session: Session, options: argparse.Namespace) -> Json:
    return session.node.deals.give_back(options.deal, options.quantity)


ASK = Recipe(
    _ask_options,
    on_deal(_ask),
    "hartig ask 1f2e3d4c 9a8b7c6d 8",
    "the hub that holds it promises or declines; `hartig deals` shows what it said.",
    "Offers with the rule first or fair promise by themselves. An open shelf is not asked: just come.",
)
CANCEL = Recipe(
    add_deal,
    on_deal(_cancel),
    "hartig cancel 3c4d5e6f",
    "`hartig list --kind offer`: perhaps something else fits better.",
)
RECEIVE = Recipe(
    _receive_options,
    on_deal(_receive),
    "hartig receive 3c4d5e6f",
    "`hartig give-back` where it was lent; `hartig ask` another offer where it was not enough.",
    "Also good for what came although it had been cancelled.",
)
GIVE_BACK = Recipe(
    _give_back_options,
    on_deal(_give_back),
    "hartig give-back 3c4d5e6f",
    "the hub that lent it counts it with `hartig returned`.",
)
