"""The pages to look at: the board and one post."""

from aiohttp import web

from hartig_node.site.dealing import book_of, says_more
from hartig_node.site.listing import read_wish, sections
from hartig_node.site.rendering import board_of, page


async def show_board(request: web.Request) -> web.Response:
    """Show what is there and what is needed, with the search first."""
    wish = read_wish(dict(request.query))
    board = board_of(request)
    found = await sections(board.posts, wish)
    return page(request, "board.html", {"wish": wish, "sections": found, "fetching": board.fetching()})


async def show_post(request: web.Request) -> web.Response:
    """Show one post with all that is said about it."""
    board = board_of(request)
    view = await board.posts.get(request.match_info["id"])
    if view.hidden is not None:
        return page(request, "hidden.html", {}, 404)
    book = await book_of(board, view) if says_more(view) else None
    return page(request, "post.html", {"view": view, "book": book}, 200 if view.state == "standing" else 410)
