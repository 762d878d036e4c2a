"""What stops something, said beside the button that was pressed, with what would be allowed, in people's words.

In: a `BoardError`, or what somebody typed that cannot be read. Out: a `Trouble`: where it is said, a sentence before
translation, the amount that would be allowed, and what was typed, so that nothing has to be typed again. The board's
own words are for programs; its number alone is taken over. A test holds the table complete.
"""

from dataclasses import dataclass, field

from hartig_node.board.belonging.allowed import NotAllowedError
from hartig_node.board.errors import BoardError
from hartig_node.site.dealing import BAD_AMOUNT
from hartig_node.site.faults import SENTENCES
from hartig_node.site.forms import Typed
from hartig_node.site.words import N_, Tongue
from hartig_protocol.values import value

_ANEW = N_("Nothing more can be said about this. Count what is there, or ask how much is needed, and put it up anew.")
_SETTLED = N_("This was settled before. Look at what stands now.")
# rule -> sentence; one with an amount has another beside it for where that amount is nothing
RULES: dict[str, str] = {
    "not_opened": N_("Nobody has said yet how much there is, or is needed. Count it first."),
    "opened_already": N_("It was counted before. Say what was found, came in or was lost since."),
    "not_free": N_("At most %(amount)s are free."),
    "promised_already": N_("Something is promised already. Hand it over, or take the promise back first."),
    "no_such_promise": N_("Nothing is promised here any more."),
    "promise_over": _SETTLED,
    "more_than_promised": N_("At most %(amount)s are promised. Whatever goes beyond it is handed over without asking."),
    "counted_already": N_("This was counted once already. Count as found what is there beyond it."),
    "still_promised": N_("Something of it is still promised. Hand it over, or take the promise back first."),
    "below_asked": N_("At least %(amount)s are asked for, or have arrived."),
    "more_than_needed": N_("At most %(amount)s are still needed."),
    "no_such_claim": _SETTLED,
    "claim_over": N_("It has arrived, or is not needed any more. Ask anew."),
    "more_than_claimed": N_("At most %(amount)s were asked for."),
    "more_than_received": N_("At most %(amount)s are here to give back."),
    "still_asked": N_("Something is still asked for. Say that it arrived, or that it is not needed any more."),
    "too_much": N_("This is more than can be counted here."),
    "closed": N_("This was ended in good order. Put it up anew."),
    "wrong_chain": SENTENCES["bad_request"],
    "newer": N_("Something stands here that only a newer version understands. Bring this hub up to date."),
    "open_shelf": N_("From an open shelf people take what they need. Nobody needs to ask."),
    "other_unit": N_("The two are counted in different ways, so nobody can tell how much one is of the other."),
    "date_passed": N_("This date has passed. What stands there stays as it was."),
    "nearly_full": N_("Nearly as much was said about this as fits. Count what is left, and put it up anew."),
    "over": N_("It is over: nobody waits for it any more, or it is not offered any more."),
    "stays_here": N_("This never leaves this hub, so no other hub can read it."),
    "not_lent": N_("This was given, not lent."),
    "more_than_away": N_("At most %(amount)s are still away. Count as found what is there beyond it."),
    "not_set_aside": N_("No other hub had set this aside for us."),
    "more_than_set_aside": N_("At most %(amount)s were set aside."),
    "own_hub": N_("It is this hub's own already."),
    "not_a_hub": N_("This hub does not belong to our network. Choose another."),
    "from_before": N_("This hub was set up again from an older copy since. Count what is there, and put it up anew."),
    "count_instead": N_("How much there is stands in its account. Count it instead."),
    "not_a_shelf": N_("This is no open shelf."),
}
NOTHING: dict[str, str] = {
    "not_free": N_("Nothing of it is free now."),
    "more_than_promised": N_("Nothing is promised here any more."),
    "more_than_needed": N_("Nothing more of it is needed."),
    "more_than_received": N_("Nothing of it is here to give back."),
    "more_than_away": N_("Nothing of it is away any more."),
}
# Of who belongs, by the rule of the network that stops it.
MEMBERSHIP: dict[str, str] = {
    "rank": N_("This hub may not do this. Ask an organiser, or a trustee."),
    "equals": N_("Nobody removes somebody of the same rank. Ask a trustee."),
    "trustees": N_("Trustees change by new rules of the network alone, which the trustees sign together."),
    "inviter": N_("Only who has let it in can renew its membership or take it back, and that was not this hub."),
    "places": N_("This hub cannot give so much room."),
    "invites": N_("This hub has not enough invites left for all who are to stay."),
    "removed": N_("This key was removed from the network, and that is for good. Whoever comes back needs a new key."),
    "own": N_("A hub does not remove itself. Ask whoever has let it in."),
    "keep": N_("Somebody was let in by others meanwhile. Look again at who is to stay."),
    "over": N_("It does not belong any more already."),
    "speakers": N_("No hub of this network speaks with partner networks yet. Let one do it on its page."),
}
_CODES = {
    "no_invites": N_("All invites of this hub are used up. Ask another hub to let it in."),
    "too_many": N_("There are too many open invites. End those that are not needed."),
}
_POINTED = {
    "/key": N_("Write the whole key as its owner shows it: 64 letters and digits."),
    "/addresses": N_("Write the address as a name or a number with a port."),
    "/quantity": BAD_AMOUNT,
    "/date": N_("Choose for which date."),
    "/dates": N_("Choose for which date."),
    "/lot_date": N_("Choose for which of its dates."),
    "/hub": N_("Choose a hub from the list."),
}
_NO_AMOUNT = N_("Write how much.")


@dataclass
class TypedError(Exception):
    """What somebody typed cannot be read; `sentence` (before translation) says how it can."""

    sentence: str


@value
class Trouble:
    """What stops something. `place` names the form beside which it is said; `unit` is that of `amount`."""

    place: str
    sentence: str
    amount: str = ""
    unit: str = ""
    typed: Typed = field(default_factory=lambda: Typed({}))
    status: int = 409
    rule: str = ""

    def text(self, tongue: Tongue) -> str:
        """Return what people read."""
        return tongue.say(self.sentence) % {"amount": tongue.amount(self.amount or "0", self.unit)}


def trouble(error: BoardError | TypedError, place: str, typed: Typed, unit: str = "") -> Trouble:
    """Return what stops something; `unit` is that in which the board says what would be allowed."""
    if isinstance(error, TypedError):
        return Trouble(place, error.sentence, typed=typed, status=422)
    sentence, amount = _said(error)
    return Trouble(place, sentence, amount, unit, typed, error.status, error.rule)


def _said(error: BoardError) -> tuple[str, str]:
    if isinstance(error, NotAllowedError):
        return MEMBERSHIP[error.rule], ""
    if error.code in _CODES:
        return _CODES[error.code], ""
    if error.rule in RULES:
        sentence, amount = RULES[error.rule], error.allowed
        if "%(amount)s" in sentence and amount in ("", "0"):
            return NOTHING.get(error.rule, _SETTLED), ""
        return sentence, amount
    if error.code == "chain_ended":
        return _ANEW, ""
    if error.code in ("bad_request", "bad_draft") and error.pointer in _POINTED:
        is_missing = error.pointer == "/quantity" and "how much" in error.detail
        return (_NO_AMOUNT if is_missing else _POINTED[error.pointer]), ""
    return SENTENCES[error.code], ""
