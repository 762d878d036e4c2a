"""What a step can break, and what would be allowed instead (SPEC D3 to D8).

`lot` and `need` judge and return one of these; the API, the pages and the command line show them. A `Broken` is a
verdict on a step that is held, never an error: the step is skipped, and later ones are judged without it.
"""

from enum import StrEnum
from typing import NamedTuple

from hartig_protocol.limits import ACCOUNTS_MAX, QUANTITY_MAX


class Rule(StrEnum):
    """The rules of a chain, by the code that machines read."""

    NOT_OPENED = "not_opened"
    OPENED_ALREADY = "opened_already"
    NOT_FREE = "not_free"
    PROMISED_ALREADY = "promised_already"
    NO_SUCH_PROMISE = "no_such_promise"
    PROMISE_OVER = "promise_over"
    MORE_THAN_PROMISED = "more_than_promised"
    COUNTED_ALREADY = "counted_already"
    STILL_PROMISED = "still_promised"
    BELOW_ASKED = "below_asked"
    MORE_THAN_NEEDED = "more_than_needed"
    NO_SUCH_CLAIM = "no_such_claim"
    CLAIM_OVER = "claim_over"
    MORE_THAN_CLAIMED = "more_than_claimed"
    MORE_THAN_RECEIVED = "more_than_received"
    STILL_ASKED = "still_asked"
    TOO_MUCH = "too_much"
    CLOSED = "closed"
    WRONG_CHAIN = "wrong_chain"
    NEWER = "newer"


class Broken(NamedTuple):
    """The rule that a step breaks.

    `allowed` says to people what would be allowed. Its number, if it has one, is `most`, in smallest parts: who knows
    the unit can say it in units.
    """

    rule: Rule
    allowed: str
    most: int | None = None


STOCK_NOT_OPENED = Broken(Rule.NOT_OPENED, "first count what is there, for this date if there are dates")
OPENED_ALREADY = Broken(Rule.OPENED_ALREADY, "count what was found, restocked or lost since the first count")
PROMISED_ALREADY = Broken(Rule.PROMISED_ALREADY, "one promise at a time: hand over or release the one that is open")
NO_SUCH_PROMISE = Broken(Rule.NO_SUCH_PROMISE, "name a promise that was made here")
PROMISE_OVER = Broken(Rule.PROMISE_OVER, "this promise is over: make a new one, or decline what was asked")
COUNTED_ALREADY = Broken(Rule.COUNTED_ALREADY, "this was counted once: count as found what is there beyond it")
STOCK_CLOSED = Broken(Rule.CLOSED, "it was closed: offer anew, with a new count")
ONLY_FOR_STOCK = Broken(Rule.WRONG_CHAIN, "this can be said of an offer alone")

NEED_NOT_OPENED = Broken(Rule.NOT_OPENED, "first say how much is needed, for this date if there are dates")
NO_SUCH_CLAIM = Broken(Rule.NO_SUCH_CLAIM, "name something that was asked for here")
CLAIM_OVER = Broken(Rule.CLAIM_OVER, "this was cancelled or has arrived: ask anew")
NEED_CLOSED = Broken(Rule.CLOSED, "it was closed: what was lent can be given back, for all else post a new need")
ONLY_FOR_NEEDS = Broken(Rule.WRONG_CHAIN, "this can be said of a need alone")

TOO_MANY_DATES = Broken(Rule.TOO_MUCH, f"at most {ACCOUNTS_MAX} dates in all: begin anew for later ones", ACCOUNTS_MAX)
NEWER = Broken(Rule.NEWER, "something a newer version wrote stands here: go on with that version")


def not_free(free: int) -> Broken:
    """More than is free would be promised, set aside, handed over, surrendered or lost."""
    return Broken(Rule.NOT_FREE, f"at most {free} are free", free)


def more_than_promised(promised: int) -> Broken:
    """More than was promised would be handed over for a promise."""
    return Broken(
        Rule.MORE_THAN_PROMISED, f"at most {promised} are promised; hand over more without a promise", promised
    )


def still_promised(count: int) -> Broken:
    """An offer with open promises would be closed."""
    open_now = "1 promise is open" if count == 1 else f"{count} promises are open"
    return Broken(Rule.STILL_PROMISED, f"hand over or release what is promised first: {open_now}")


def too_much(counted: int) -> Broken:
    """The sum of all counts would leave the bounds of quantities."""
    left = QUANTITY_MAX - counted
    return Broken(Rule.TOO_MUCH, f"at most {left} more can be counted", left)


def below_asked(taken: int) -> Broken:
    """Less would be needed than is asked for and has arrived."""
    return Broken(Rule.BELOW_ASKED, f"at least {taken}, which are asked for or have arrived", taken)


def more_than_needed(left: int) -> Broken:
    """More than is needed would be asked for, or arrive."""
    return Broken(Rule.MORE_THAN_NEEDED, f"at most {left} are still needed", left)


def more_than_claimed(claimed: int) -> Broken:
    """More would arrive than was asked for."""
    return Broken(Rule.MORE_THAN_CLAIMED, f"at most {claimed} were asked for", claimed)


def more_than_received(kept: int) -> Broken:
    """More would be given back than arrived and is still here."""
    return Broken(Rule.MORE_THAN_RECEIVED, f"at most {kept} are here to give back", kept)


def still_asked(count: int) -> Broken:
    """A need with open claims would be closed."""
    return Broken(
        Rule.STILL_ASKED, f"receive or cancel what is asked for first: {count} {'is' if count == 1 else 'are'} open"
    )
