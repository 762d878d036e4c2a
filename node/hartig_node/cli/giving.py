"""`hartig promise`, `decline`, `release`, `hand-over`, `returned`: what those say who hold something."""

import argparse

from hartig_node.cli import exits
from hartig_node.cli.accounts import answer_account
from hartig_node.cli.commands import Recipe
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.saying import Json, add_date, add_deal, add_quantity, answer, date_of, on_deal
from hartig_node.cli.session import Session
from hartig_node.client.errors import NotFoundError

_POST_ID_CHARACTERS = 32


def _promise_options(parser: argparse.ArgumentParser) -> None:
    add_deal(parser)
    add_quantity(parser, "how much, in the unit of the offer (else what was asked, at most what is free)")


def _promise(session: Session, options: argparse.Namespace) -> Json:
    return session.node.deals.promise(options.deal, options.quantity)


def _decline(session: Session, options: argparse.Namespace) -> Json:
    return session.node.deals.decline(options.deal)


def _release_options(parser: argparse.ArgumentParser) -> None:
    add_deal(parser)
    parser.add_argument("--not-fetched", action="store_true", help="because nobody came for it")


def _release(session: Session, options: argparse.Namespace) -> Json:
    return session.node.deals.release(options.deal, "lapsed" if options.not_fetched else None)


def _returned_options(parser: argparse.ArgumentParser) -> None:
    add_deal(parser)
    add_quantity(parser, "how much came back (else all that is still away)")


def _returned(session: Session, options: argparse.Namespace) -> Json:
    return session.node.deals.returned(options.deal, options.quantity)


# --- Handing over


def _hand_over_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="the deal's id; or an offer's, for somebody who came without having asked")
    add_quantity(parser, "how much (of a deal else what was promised)")
    add_date(parser, "--date", "of an offer: for which date, where it has several")


def _hand_over(session: Session, options: argparse.Namespace) -> int:
    deal_id = _deal_or_none(session, options.id)
    if deal_id is not None:
        return answer(session, session.node.deals.hand_over(deal_id, options.quantity))
    offer_id = session.node.full_id(options.id, mine=True)
    if options.quantity is None:
        example = f"for example: hartig hand-over {offer_id[:8]} 2"
        raise UsageError("how much was handed over to who came?", example)
    account = session.node.deals.hand_out(offer_id, options.quantity, date=date_of(options.date))
    return answer_account(session, account) or exits.OK


def _deal_or_none(session: Session, text: str) -> str | None:
    """Return the whole id of the deal that is meant, or None where it is no deal's."""
    if len(text) == _POST_ID_CHARACTERS:
        return None
    try:
        return session.node.deals.full_id(text)
    except NotFoundError:
        if len(text) > _POST_ID_CHARACTERS:
            raise
        return None


PROMISE = Recipe(
    _promise_options,
    on_deal(_promise),
    "hartig promise 3c4d5e6f 6",
    "`hartig hand-over` when it leaves; `hartig deals ID` shows how to reach the other side.",
    "Less than was asked is normal: the others can be asked for the rest.",
)
DECLINE = Recipe(
    add_deal,
    on_deal(_decline),
    "hartig decline 3c4d5e6f",
    "`hartig deals --mine giving` shows what else is asked.",
)
RELEASE = Recipe(
    _release_options,
    on_deal(_release),
    "hartig release 3c4d5e6f",
    "what it held is free again: `hartig deals --mine giving` shows who else asks.",
)
HAND_OVER = Recipe(
    _hand_over_options,
    _hand_over,
    "hartig hand-over 3c4d5e6f",
    "the hub that asked says with `hartig receive` how it arrived; `hartig returned` when something lent is back.",
    "What was promised and is not handed over is free again.",
)
RETURNED = Recipe(
    _returned_options,
    on_deal(_returned),
    "hartig returned 3c4d5e6f",
    "it is free to be promised again; `hartig count OFFER QUANTITY --why lost` where something is broken.",
)
