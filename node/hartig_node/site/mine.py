"""Find a post again by its pick-up word, keep it up, or take it down.

The word comes in the body of a form, never in an address, so it stands in no log and no history. Who calls: `app.py`.
"""

from aiohttp import web

from hartig_node.board.errors import BoardError
from hartig_node.board.views import PostView
from hartig_node.site.faults import TooSoonError
from hartig_node.site.forms import WORD_CHARACTERS_MAX, clean_line
from hartig_node.site.guard import form_of
from hartig_node.site.pace import Pace
from hartig_node.site.rendering import CLOCK, board_of, page
from hartig_node.site.words import N_

# Words are one of 2^33: at 600 tries a minute the first of 1,000 posts is hit after ten days, and nothing is gained.
WORDS_PER_ADDRESS_MAX = 10
WORDS_TOTAL_MAX = 600
WORDS_WINDOW_S = 60.0

WORDS_PACE: web.AppKey[Pace] = web.AppKey("words_pace")

NO_WORD = N_("Write the word that you were given: three words and a number.")
UNKNOWN_WORD = N_("We know no such word here. Look at the spelling: three words and a number.")
_DONE = {"withdraw": "withdrawn", "renew": "renewed"}


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
    action = typed["do"] if typed["do"] in _DONE else ""
    try:
        view = await _carry_out(request, word, action)
    except BoardError as error:
        if error.code != "not_found":
            raise
        return page(request, "mine.html", {"problem": UNKNOWN_WORD}, 404, private=True)
    values = {"view": view, "word": word, "done": _DONE.get(action, "")}
    return page(request, "found.html", values, private=True)


async def _carry_out(request: web.Request, word: str, action: str) -> PostView:
    posts = board_of(request).posts
    return await (posts.change_by_word(word, action) if action else posts.find_by_word(word))
