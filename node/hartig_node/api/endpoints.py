"""What a route is: method, path, handler, scope, query parameters, and what a POST does that comes twice.

In: the lists of the `routes_*` modules. Out: an aiohttp router that knows the scope and the parameters of each of its
routes. A route that was added without either is for admins and knows no parameter: what is forgotten stays shut, and
is not done twice.
Who calls: `app`, and the test that compares `node/API.md` with the routes.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto

from aiohttp import web

from hartig_protocol.values import value

PREFIX = "/api/v1"
PUBLIC, READ, WRITE, ADMIN = "public", "read", "write", "admin"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Repeat(Enum):
    """What a POST does that comes again because its answer was lost (`idempotency`)."""

    TWICE = auto()  # the same once more: so its beginning is written down, and nothing is begun twice
    SAFE = auto()  # nothing more than once: who does not know what became of it may do it again
    SECRET = auto()  # as TWICE; and its answer is not kept, because it holds what is shown once
    LONG = auto()  # as SAFE; and its body is too long to be compared


@value
class Endpoint:
    """One route. `scope` is `PUBLIC` or a scope of tokens; `query` names the parameters that it reads."""

    method: str
    path: str
    handler: Handler
    scope: str
    query: tuple[str, ...] = ()
    repeat: Repeat = Repeat.TWICE


ENDPOINTS = web.AppKey("endpoints", dict[web.AbstractRoute, Endpoint])


def add_endpoints(app: web.Application, endpoints: Sequence[Endpoint]) -> None:
    """Add routes to an application; every GET answers HEAD too, except event streams, which have no end."""
    resources = {resource.canonical: resource for resource in app.router.resources()}
    for endpoint in endpoints:
        if endpoint.path not in resources:
            resources[endpoint.path] = app.router.add_resource(endpoint.path)
        resource = resources[endpoint.path]
        assert isinstance(resource, web.Resource)
        methods = ["GET", "HEAD"] if endpoint.method == "GET" and not is_stream(endpoint) else [endpoint.method]
        for method in methods:
            route = resource.add_route(method, endpoint.handler, expect_handler=_continue_when_reading)
            app[ENDPOINTS][route] = endpoint


def is_stream(endpoint: Endpoint) -> bool:
    """Whether the answer has no end."""
    return endpoint.path == f"{PREFIX}/events"


def endpoint_of(request: web.Request) -> Endpoint:
    """Return the endpoint of a request that has a route."""
    route = request.match_info.route
    known = request.app[ENDPOINTS].get(route)
    return known or Endpoint(route.method, str(request.path), request.match_info.handler, ADMIN)


async def _continue_when_reading(_request: web.Request) -> None:
    """Leave `100 Continue` to `reading`: whoever may not ask is told so before sending a body."""
