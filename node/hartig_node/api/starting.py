"""What the doors answer while the hub is starting: alive, not ready and why, and to all else "in a moment".

A check after a power cut or new tables can take a while on a large store; whoever watches the hub sees it working.
In: what the start is at. Out: an application that `server.AppDoors` opens. Who calls: the daemon, until the board is
there.
"""

from collections.abc import Callable

from aiohttp import web

from hartig_node.api.answers import NO_STORE, add_security_headers, answer
from hartig_node.api.problems import problem_response
from hartig_node.board.errors import BoardError
from hartig_node.doctor import Problem

RETRY_AFTER_S = "1"


def make_starting_app(progress: Callable[[], str]) -> web.Application:
    """Return the application of a hub that is starting; `progress` says what it is at, for people."""

    async def handle(request: web.Request) -> web.StreamResponse:
        headers = {"Retry-After": RETRY_AFTER_S}
        if request.path == "/healthz":
            return answer(request, {"alive": True}, cache=NO_STORE)
        if request.path == "/readyz":
            problem = Problem("starting", progress(), "wait a moment; after a power cut the store is checked first")
            data = {"ready": False, "problems": [problem.as_json()]}
            return answer(request, data, status=503, cache=NO_STORE, headers=headers)
        return problem_response(BoardError("starting", progress(), "ask again in a moment"), headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    app.on_response_prepare.append(add_security_headers)
    return app
