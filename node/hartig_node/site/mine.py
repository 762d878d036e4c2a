"""Find a post again by its pick-up word, keep it up, take it down, and say what became of what was asked.

The word comes in the body of a form, never in an address, so it stands in no log and no history. Who calls: `app.py`.
"""

from aiohttp import web

from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.site import dealing
from hartig_node.site.dealing import Said
from hartig_node.site.faults import TooSoonError
from hartig_node.site.forms import WORD_CHARACTERS_MAX, Typed, clean_line
from hartig_node.site.guard import form_of
from hartig_node.site.pace import Pace
from hartig_node.site.rendering import CLOCK, board_of, page
from hartig_node.site.words import N_
from hartig_protocol.values import value

# Words are one of 2^33: at 600 tries a minute the first of 1,000 posts is hit after ten days, and nothing is gained.
WORDS_PER_ADDRESS_MAX = 10
WORDS_TOTAL_MAX = 600
WORDS_WINDOW_S = 60.0

WORDS_PACE: web.AppKey[Pace] = web.AppKey("words_pace")

NO_WORD = N_("Write the word that you were given: three words and a number.")
UNKNOWN_WORD = N_("We know no such word here. Look at the spelling: three words and a number.")
_DONE = {"withdraw": "withdrawn", "renew": "renewed"}


@value
class _Outcome:
    """The post as it stands, and what came of what was asked; `is_promised`: taking it down needs a second word."""

    view: PostView
    done: str = ""
    said: Said | None = None
    is_promised: bool = False


async def ask_word(request: web.Request) -> web.Response:
    """Ask for the pick-up word."""
    return page(request, "mine.html", {"problem": ""})


async def answer_word(request: web.Request) -> web.Response:
    """Show the post that belongs to a word, after doing with it what was asked."""
    typed = await form_of(request)
    word = clean_line(typed["word"], WORD_CHARACTERS_MAX)
    if not word:
        return page(request, "mine.html", {"problem": NO_WORD}, 422, private=True)
    wait_s = request.app[WORDS_PACE].take(request.remote or "", request.app[CLOCK]().steady_ms / 1000)
    if wait_s:
        raise TooSoonError(wait_s)
    try:
        await board_of(request).posts.find_by_word(word)
    except BoardError as error:
        if error.code != "not_found":
            raise
        return page(request, "mine.html", {"problem": UNKNOWN_WORD}, 404, private=True)
    return await _found(request, word, await _carry_out(request, word, typed))


async def _carry_out(request: web.Request, word: str, typed: Typed) -> _Outcome:
    board, action = board_of(request), typed["do"]
    if action in dealing.ACTIONS:
        said = await dealing.act(board, await board.posts.find_by_word(word), typed)
        return _Outcome(await board.posts.find_by_word(word), said=said)
    if action not in _DONE:
        return _Outcome(await board.posts.find_by_word(word))
    force = typed["all_the_same"] == "yes"
    try:
        return _Outcome(await board.posts.change_by_word(word, action, force=force), done=_DONE[action])
    except BoardError as error:
        if error.rule != "still_promised":
            raise
        return _Outcome(await board.posts.find_by_word(word), is_promised=True)


async def _found(request: web.Request, word: str, outcome: _Outcome) -> web.Response:
    board, view = board_of(request), outcome.view
    book = await dealing.book_of(board, view)
    values = {
        "view": view,
        "word": word,
        "done": outcome.done,
        "said": outcome.said,
        "is_promised": outcome.is_promised,
        "book": book,
        "deals": await dealing.shown_deals(board, view, book),
    }
    is_refused = outcome.is_promised or (outcome.said is not None and not outcome.said.is_done)
    return page(request, "found.html", values, 409 if is_refused else 200, private=True)
