"""How a device becomes one of the desk's, and how it leaves: the page for the set-up code.

The code comes in the body of a form. An address may try a few times a minute, and all together more often than all
IPv4 addresses of a network at home: a rude device must do worse than type to hold others up. (One that takes IPv6
addresses by the hundred can, as it could by taking every connection.) A code is used up by the first form, so the same
form sent again is given the same session for a while: its answer may have been lost. Who calls: `app.py`.
"""

from aiohttp import web

from hartig_node.board.belonging.pairing import NAME_CHARACTERS_MAX
from hartig_node.site.desk.acting import has_ticket, new_ticket, now_s
from hartig_node.site.desk.session import DEVICE, PAIR_PATH, PAIRING, begin_session, end_session, see_other
from hartig_node.site.faults import TooSoonError
from hartig_node.site.forms import Typed, clean_line
from hartig_node.site.guard import form_of
from hartig_node.site.pace import Pace
from hartig_node.site.receipts import Receipts
from hartig_node.site.rendering import page
from hartig_node.site.words import N_

CODE_CHARACTERS_MAX = 40  # twelve, with room for odd spelling
TRIES_PER_ADDRESS_MAX = 3
TRIES_TOTAL_MAX = 1_000  # 254 addresses together have 762; each that tries is 1 kB of a table
TRIES_WINDOW_S = 60.0
PAIRED_KEPT_S = 60.0  # for a second tap where the first answer was lost

TRIES_PACE: web.AppKey[Pace] = web.AppKey("tries_pace")
PAIRED: web.AppKey[Receipts[str | None]] = web.AppKey("paired")

NO_CODE = N_("Write the set-up code: twelve letters and numbers.")
WRONG_CODE = N_("This code is not right, or its time is over. Look at the spelling, or ask for a new one.")
TOO_MANY_CODES = N_("Wrong codes were typed too often. Please wait a minute and try again.")


async def ask_code(request: web.Request) -> web.Response:
    """Ask for the set-up code."""
    return see_other("/") if DEVICE in request else _form(request, Typed({}))


async def answer_code(request: web.Request) -> web.Response:
    """Pair this device, or say why not."""
    typed = await form_of(request)
    if DEVICE in request:
        return see_other("/")
    code = clean_line(typed["code"], CODE_CHARACTERS_MAX)
    if not code:
        return _form(request, typed, NO_CODE, 422)
    try:
        secret = await _paired_once(request, typed, code)
    except TooSoonError as error:
        return _form(request, typed, TOO_MANY_CODES, 429, wait_s=error.wait_s)
    if secret is None:
        return _form(request, typed, WRONG_CODE, 422)
    response = see_other("/")
    begin_session(response, secret)
    return response


async def _paired_once(request: web.Request, typed: Typed, code: str) -> str | None:
    """Return the secret of the session that a code gives: the same where the very form was sent a moment ago."""
    name = clean_line(typed["name"], NAME_CHARACTERS_MAX)

    async def pair() -> str | None:
        wait_s = request.app[TRIES_PACE].take(request.remote or "", now_s(request))
        if wait_s:
            raise TooSoonError(wait_s)
        return await request.app[PAIRING].pair(code, name)

    if not has_ticket(typed):
        return await pair()
    content = repr([typed["ticket"], code, name]).encode()
    return await request.app[PAIRED].once(content, pair, now_s(request))


async def leave(request: web.Request) -> web.Response:
    """End this device's session. The door may shut behind it, so the answer leads nowhere and asks nothing."""
    await request.app[PAIRING].revoke(request[DEVICE].id)
    del request[DEVICE]  # the page is that of a stranger already
    response = _form(request, Typed({}), has_left=True)
    end_session(response)
    return response


def _form(
    request: web.Request,
    typed: Typed,
    problem: str = "",
    status: int = 200,
    *,
    wait_s: float = 0.0,
    has_left: bool = False,
) -> web.Response:
    values = {"typed": typed, "problem": problem, "has_left": has_left, "ticket": new_ticket()}
    response = page(request, "desk/pair.html", values, status, private=True)
    if wait_s:
        response.headers["Retry-After"] = str(int(wait_s) + 1)
    return response


ROUTES = [
    web.get(PAIR_PATH, ask_code),
    web.post(PAIR_PATH, answer_code),
    web.post("/leave", leave),
]
