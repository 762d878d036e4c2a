"""The application of one door: routes, middlewares, signals.

In: the board, a door, and what all doors share. Out: an aiohttp application. Who calls: `server`, and tests.

A request passes `count` (figures), `problems` (whatever is raised becomes a problem), `guard` (who may ask) and `once`
(what comes twice is done once) to its handler; a signal adds the security headers to whatever comes back.
"""

from aiohttp import web

from hartig_node.api.answers import add_security_headers
from hartig_node.api.door import DOOR, Door
from hartig_node.api.endpoints import ENDPOINTS, Endpoint, Handler, add_endpoints
from hartig_node.api.events import Streams
from hartig_node.api.guard import BOARD, guard
from hartig_node.api.health import ApiFigures, health_endpoints
from hartig_node.api.idempotency import ONCE, Once, once
from hartig_node.api.problems import problems
from hartig_node.api.routes_admin import admin_endpoints
from hartig_node.api.routes_asking import asking_endpoints
from hartig_node.api.routes_backup import backup_endpoints
from hartig_node.api.routes_bundle import bundle_endpoints
from hartig_node.api.routes_clock import clock_endpoints
from hartig_node.api.routes_codes import code_endpoints
from hartig_node.api.routes_deals import deal_endpoints
from hartig_node.api.routes_members import member_endpoints
from hartig_node.api.routes_moderation import moderation_endpoints
from hartig_node.api.routes_pairing import pairing_endpoints
from hartig_node.api.routes_partners import partner_endpoints
from hartig_node.api.routes_posts import post_endpoints
from hartig_node.api.routes_records import record_endpoints
from hartig_node.api.routes_recounts import recount_endpoints
from hartig_node.board.board import Board

STREAMS = web.AppKey("streams", Streams)
FIGURES = web.AppKey("figures", ApiFigures)


def make_app(
    board: Board,
    door: Door,
    streams: Streams | None = None,
    figures: ApiFigures | None = None,
    requests: Once | None = None,
) -> web.Application:
    """Return the application for a door; doors of one node share `streams`, `figures` and `requests`."""
    app = web.Application(middlewares=[count, problems, guard, once])
    app[BOARD], app[DOOR], app[ENDPOINTS] = board, door, {}
    app[STREAMS] = Streams(board) if streams is None else streams
    app[FIGURES] = ApiFigures() if figures is None else figures
    app[ONCE] = Once(board) if requests is None else requests
    add_endpoints(app, all_endpoints(board, app[STREAMS], app[FIGURES]))
    app.on_response_prepare.append(add_security_headers)
    app.on_shutdown.append(_end_streams)
    return app


def all_endpoints(board: Board, streams: Streams, figures: ApiFigures) -> list[Endpoint]:
    """Return every route of the API."""
    return [
        *health_endpoints(board, figures),
        *asking_endpoints(board),
        *admin_endpoints(board),
        *pairing_endpoints(board),
        *member_endpoints(board),
        *partner_endpoints(board),
        *clock_endpoints(board),
        *post_endpoints(board),
        *deal_endpoints(board),
        *recount_endpoints(board),
        *moderation_endpoints(board),
        *record_endpoints(board),
        *streams.endpoints(),
        *code_endpoints(),
        *backup_endpoints(board),
        *bundle_endpoints(board),
    ]


@web.middleware
async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count answers for the metrics."""
    response = await handler(request)
    request.app[FIGURES].answered(request.method, response.status)
    return response


async def _end_streams(app: web.Application) -> None:
    await app[STREAMS].close(app)
