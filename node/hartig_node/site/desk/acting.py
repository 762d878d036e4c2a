"""From a pressed button to what is read after it: once, however often it is pressed.

In: a form with a ticket, and what it asks for. Out: a 303 to a page that says what was done (`notices`), or nothing
where a rule stops it: then the caller shows its page again, with the `Trouble` beside the button. The same form sent
twice is carried out once (`site.receipts`); sent again later, from a page that somebody went back to, it says so. Who
calls: every page of the desk that changes something.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, cast

from aiohttp import web

from hartig_node.site.desk.doors import DeskDoor
from hartig_node.site.desk.notices import Notice, Shelf, Taken
from hartig_node.site.desk.session import DEVICE, see_other
from hartig_node.site.desk.troubles import Trouble, TypedError
from hartig_node.site.forms import BAD_QUANTITY, Typed, read_quantity
from hartig_node.site.receipts import Receipts
from hartig_node.site.rendering import BOARD, CLOCK, Frame, page, tongue_of
from hartig_node.site.words import N_
from hartig_protocol.values import value

NOTICES: web.AppKey[Shelf[Notice]] = web.AppKey("notices")
TAKEN: web.AppKey[Shelf[Taken]] = web.AppKey("taken")
DONE: web.AppKey[Receipts["Led"]] = web.AppKey("done")
TICKET_BYTES = 16
STALE_AFTER_S = 30.0  # whoever sends a form again later means something new, or has gone back to an old page
_TICKET_CHARACTERS_MIN = 20  # what a ticket of ours has at least; anything shorter is not one
_EXACT = re.compile(r"\d{1,16}(\.\d{1,6})?")
_NOTHING = re.compile(r"0+([.,٫]0{1,3})?")

WRITE_AMOUNT = N_("Write how much.")
SENT_BEFORE = N_(
    "This was sent before, and is counted once. If there is more to write down, begin from the post's page."
)
ONLY_A_NUMBER = N_("Write only a number above 0 here, such as 5 or 2.5.")
WAYS = (
    ("/", N_("Today")),
    ("/need", N_("Take in a need")),
    ("/offer", N_("Take in an offer")),
    ("/deals", N_("All deals")),
    ("/people", N_("People and hubs")),
    ("/look", N_("Look")),
)

Act = Callable[[], Awaitable[str]]


@value
class Led:
    """Where a form has led, and when (of the steady clock)."""

    address: str
    at_s: float


def frame_of(request: web.Request) -> Frame:
    """Return what stands around a page of the desk; a device that is not paired yet has nowhere to go."""
    device = request.get(DEVICE)
    return Frame((), look="/look") if device is None else Frame(WAYS, look="/look", device=device.name)


def desk_of(request: web.Request) -> DeskDoor:
    """Return the board behind the desk."""
    return cast("DeskDoor", request.app[BOARD])  # `make_desk` puts no other there


def now_s(request: web.Request) -> float:
    """Return the steady clock in seconds."""
    return request.app[CLOCK]().steady_ms / 1000


def new_ticket() -> str:
    """Return what makes the forms of one page its own."""
    return secrets.token_urlsafe(TICKET_BYTES)


def desk_page(
    request: web.Request, template: str, values: Mapping[str, Any], trouble: Trouble | None = None
) -> web.Response:
    """Render a page of the desk: with what was done just before, or what stops something. It is kept nowhere."""
    done = request.app[NOTICES].get(request.query.get("done", ""), now_s(request))
    shown = {
        "done": done.text(tongue_of(request)) if done is not None and trouble is None else "",
        "is_new": done is None or done.is_new,
        "trouble": trouble,
        "ticket": new_ticket(),
        **values,
    }
    return page(request, f"desk/{template}", shown, trouble.status if trouble else 200, private=True)


def has_ticket(typed: Typed) -> bool:
    """Tell whether a form names the page that it came from, so that it can be known again."""
    return len(typed["ticket"]) >= _TICKET_CHARACTERS_MIN


async def once(request: web.Request, typed: Typed, act: Act, sent_before: str = SENT_BEFORE) -> web.Response:
    """Do what a form asks, once, and lead to the page that `act` returns. What it raises is not remembered."""

    async def led() -> Led:
        return Led(await act(), now_s(request))

    if not has_ticket(typed):
        return see_other(await act())
    content = repr([request.path, *sorted(typed.values.items())]).encode()
    came = await request.app[DONE].once(content, led)
    if now_s(request) - came.at_s <= STALE_AFTER_S:
        return see_other(came.address)
    page_alone = came.address.partition("?")[0]
    return see_other(told(request, Notice(sent_before, is_new=False), page_alone))


def told(request: web.Request, notice: Notice, address: str) -> str:
    """Return an address whose page tells a notice."""
    return f"{address}?done={request.app[NOTICES].put(notice, now_s(request))}"


def read_amount(request: web.Request, typed: Typed, *, may_be_none: bool = False, is_needed: bool = True) -> str | None:
    """Return the quantity of a form as exact decimal text; None where nothing was typed and nothing has to be.

    What the page itself put into the field comes back as it was meant, however fine its parts are.
    """
    text, shown = typed["quantity"].strip(), typed["as_shown"]
    if not text:
        if is_needed:
            raise TypedError(WRITE_AMOUNT)
        return None
    if _EXACT.fullmatch(shown) and text == tongue_of(request).number(shown) and (may_be_none or Decimal(shown)):
        return shown
    if may_be_none and _NOTHING.fullmatch(text):
        return "0"
    amount, problem = read_quantity(text)
    if problem:
        raise TypedError(ONLY_A_NUMBER if problem == BAD_QUANTITY and is_needed else problem)
    return amount
