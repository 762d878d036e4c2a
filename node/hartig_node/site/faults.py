"""What neighbours read when something does not work: for every code of the board's errors a sentence and a way on.

In: a `BoardError`, or an HTTP status. Out: a `Fault` in people's words; the board's own detail is for programs and is
never shown. A test holds the table complete. Who calls: `app.py`, `posting.py`, `mine.py`.
"""

from dataclasses import dataclass

from hartig_node.board.errors import BoardError
from hartig_node.site.words import N_
from hartig_protocol.values import value

_HUB_IN_TROUBLE = N_("The hub has a problem. Please tell the people who look after it.")
_READ_AGAIN = N_("Go back and look at it again, please.")
_OVER = N_("This was taken down already.")

# code -> sentence, before translation
SENTENCES: dict[str, str] = {
    "bad_request": N_("We did not understand this. Please start again from the first page."),
    "bad_draft": N_("Something in it is not right. Please look at it again."),
    "bad_bundle": _READ_AGAIN,
    "bad_record": _READ_AGAIN,
    "refused": N_("The hub could not take this. Please change something and try again."),
    "not_found": N_("This is not here. It may be over, or it has not arrived yet."),
    "not_yours": N_("Another hub put this up. Please ask the people there."),
    "fixed_field": _READ_AGAIN,
    "ended": _OVER,
    "not_allowed": _READ_AGAIN,
    "chain_ended": _OVER,
    "no_room": N_("This hub has no room for more posts. Please tell the people who look after it."),
    "not_admitted": N_("This hub does not belong to a network yet, so nothing can be put up here."),
    "stopped_signing": N_("This hub cannot put anything up right now. Please tell the people who look after it."),
    "no_invites": _HUB_IN_TROUBLE,
    "bad_cursor": N_("This page of the list is gone. Please start again from the first page."),
    "feed_gone": _HUB_IN_TROUBLE,
    "unauthorized": N_("This is not for everybody. Please ask the people at the hub."),
    "forbidden": N_("This is not for everybody. Please ask the people at the hub."),
    "bad_origin": N_(
        "This came from another page, so we did nothing. Open this hub's page yourself and try again there."
    ),
    "method_not_allowed": N_("We did not understand this. Please start again from the first page."),
    "too_large": N_("This is too long. Please go back and make it shorter."),
    "unsupported_media_type": N_("We did not understand this. Please use the form on this hub's page."),
    "too_many": N_("That was too many times in a row."),
    "precondition_failed": _READ_AGAIN,
    "starting": N_("The hub is starting. Please try again in a moment."),
    "disk_full": N_("The hub's storage is full. Please tell the people who look after it."),
    "internal": _HUB_IN_TROUBLE,
}
_CODES_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


@value
class Fault:
    """One problem: HTTP status, sentence before translation, and seconds to wait where waiting helps."""

    status: int
    sentence: str
    wait_s: float = 0.0


@dataclass
class TooSoonError(Exception):
    """Somebody tries too often."""

    wait_s: float


def board_fault(error: BoardError) -> Fault:
    """Return what to say about an error of the board."""
    return Fault(error.status, SENTENCES[error.code])


def status_fault(status: int) -> Fault:
    """Return what to say about a request that HTTP itself refuses."""
    return Fault(status, SENTENCES[_CODES_OF_STATUS.get(status, "bad_request")])


def too_soon_fault(error: TooSoonError) -> Fault:
    """Return what to say to somebody who tries too often."""
    return Fault(429, SENTENCES["too_many"], error.wait_s)
