"""The node API at the organisers' door: real TLS, an app that pins the certificate, and pages that may not use it."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest

from hartig_node.api.door import loopback_door
from hartig_node.api.endpoints import ENDPOINTS
from hartig_node.net.sockets import open_listeners
from hartig_node.site.desk.session import COOKIE
from hartig_node.site.server import API_PATHS
from node.daemon.desks import CONFIG, Device, Open, Running

STATUS, NEEDS, EVENTS = "/api/v1/status", "/api/v1/needs", "/api/v1/events"
DRAFT = {"category": "food", "title": "Rice"}
PATIENCE_S = 20.0


@dataclass
class App:
    """A program on the LAN, and the device by which the door came to be open."""

    running: Running
    device: Device
    session: aiohttp.ClientSession
    certificate: aiohttp.Fingerprint
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self.running.door.port}"

    async def take_token(self, *scopes: str) -> None:
        _view, secret = await self.running.bench.board.tokens.add("app", scopes, None)
        self.headers["Authorization"] = f"Bearer {secret}"

    async def ask(self, method: str, path: str, **headers: str) -> tuple[int, Any, aiohttp.ClientResponse]:
        body = {"json": DRAFT} if method == "POST" else {}
        async with self.session.request(
            method, self.origin + path, headers={**self.headers, **headers}, ssl=self.certificate,
            allow_redirects=False, **body,
        ) as response:  # fmt: skip
            is_json = "json" in response.content_type
            return response.status, await response.json(content_type=None) if is_json else None, response

    async def events(self) -> aiohttp.ClientResponse:
        return await self.session.get(self.origin + EVENTS, headers=self.headers, ssl=self.certificate)


async def open_app(running: Running, session: aiohttp.ClientSession) -> App:
    """Pair a device, so that the door stays open, and return an app that has no token yet."""
    code = await running.code()
    fingerprint = str((await running.door.report()).fingerprint)
    device = Device(session, running.door.port)
    await device.pair(code)
    return App(running, device, session, aiohttp.Fingerprint(bytes.fromhex(fingerprint.replace(":", ""))))


@pytest.fixture
async def app(running: Running, browser: aiohttp.ClientSession) -> App:
    return await open_app(running, browser)


@pytest.fixture
async def loopback(running: Running) -> str:
    """The same API at its door for programs on the hub."""
    (listener,) = open_listeners([("127.0.0.1", 0)])
    port = listener.getsockname()[1]
    await running.api.open(loopback_door(), [listener])
    return f"http://127.0.0.1:{port}"


# --- How an app gets in


async def test_an_app_that_pins_the_certificate_and_holds_a_token_gets_in(app: App) -> None:
    await app.take_token("write")
    assert (await app.ask("GET", STATUS))[0] == 200
    status, post, response = await app.ask("POST", NEEDS)
    assert (status, response.headers["Location"]) == (201, f"{NEEDS}/{post['id']}")
    assert (await app.ask("GET", f"{NEEDS}/{post['id']}"))[1]["title"] == {"en": "Rice"}


async def test_an_app_meets_the_certificate_that_it_pins_or_nobody(app: App) -> None:
    app.certificate = aiohttp.Fingerprint(bytes(32))
    with pytest.raises(aiohttp.ServerFingerprintMismatch):
        await app.ask("GET", "/healthz")


async def test_whether_the_hub_is_alive_needs_no_token_and_nothing_else_is_told(app: App) -> None:
    assert (await app.ask("GET", "/healthz"))[:2] == (200, {"alive": True})
    for path in ("/readyz", "/metrics", "/healthz/", "/api"):
        status, _, response = await app.ask("GET", path)
        assert (status, response.headers["Location"]) == (303, "/pair")


async def test_every_route_asks_for_a_token(app: App) -> None:
    endpoints = app.running.api.make_app(loopback_door())[ENDPOINTS].values()
    routes = {(one.method, one.path.replace("{id}", "1").replace("{key}", "1")) for one in endpoints}
    assert len(routes) > 50
    for method, path in sorted(routes):
        if API_PATHS.fullmatch(path) and path != "/healthz":
            status, problem, response = await app.ask(method, path)
            assert (status, problem["code"]) == (401, "unauthorized"), path
            assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_what_is_no_address_of_the_api_is_told_as_the_api_does(app: App) -> None:
    await app.take_token("admin")
    assert (await app.ask("GET", "/api/v2"))[1]["code"] == "not_found"
    assert (await app.ask("DELETE", STATUS))[1]["code"] == "method_not_allowed"


async def test_a_scope_holds_here_too_and_files_are_written_from_the_hub_alone(app: App) -> None:
    await app.take_token("read")
    assert (await app.ask("POST", NEEDS))[1]["code"] == "forbidden"
    await app.take_token("admin")
    assert (await app.ask("POST", "/api/v1/backups"))[1]["code"] == "forbidden"


async def test_a_hub_that_lets_no_program_in_over_tcp_does_not_here(
    opened: Open, browser: aiohttp.ClientSession
) -> None:
    app = await open_app(await opened(replace(CONFIG, api=False)), browser)
    await app.take_token("admin")
    for path in (STATUS, "/healthz"):
        assert (await app.ask("GET", path))[0] == 303


# --- What pages and other sites cannot do


async def test_the_session_of_a_paired_device_opens_no_address_of_the_api(app: App) -> None:
    assert (await app.device.ask("GET", "/need")).status == 200
    session = {"Cookie": f"{COOKIE}={app.device.secret}"}
    own = {"Origin": app.origin, "Sec-Fetch-Site": "same-origin"}
    for method, path in (("GET", STATUS), ("POST", NEEDS), ("DELETE", "/api/v1/devices/1")):
        assert (await app.ask(method, path, **session, **own))[0] == 401
    app.headers["Authorization"] = f"Bearer {app.device.secret}"
    assert (await app.ask("GET", STATUS))[0] == 401


async def test_a_token_opens_no_page(app: App) -> None:
    await app.take_token("admin")
    assert (await app.ask("GET", "/need"))[0] == 303


async def test_no_answer_of_the_api_sets_a_cookie_or_wears_the_headers_of_a_page(app: App) -> None:
    await app.take_token("read")
    _, _, response = await app.ask("GET", STATUS, Cookie=f"{COOKIE}={app.device.secret}")
    assert "Set-Cookie" not in response.headers
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Strict-Transport-Security" not in response.headers


@pytest.mark.parametrize("host", ["192.168.1.20:4280", "hub.local", "HUB", "Hub.Test:4280", "[fd00::1]:4280"])
async def test_the_hub_is_called_by_names_of_its_own_network(app: App, host: str) -> None:
    await app.take_token("read")
    assert (await app.ask("GET", STATUS, Host=host))[0] == 200
    assert (await app.ask("GET", STATUS, Host=host, Origin=f"https://{host}"))[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "hub.test.evil.example", "a@hub.local", ""])
async def test_another_name_is_refused(app: App, host: str) -> None:
    await app.take_token("admin")
    for path in (STATUS, "/healthz"):
        status, problem, _ = await app.ask("GET", path, Host=host)
        assert (status, problem["code"]) == (403, "bad_origin")
        assert "its own network" in problem["hint"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_page_of_another_site_is_refused_whatever_it_holds(app: App, headers: dict[str, str]) -> None:
    await app.take_token("admin")
    for method, path in (("GET", STATUS), ("POST", NEEDS), ("OPTIONS", NEEDS)):
        assert (await app.ask(method, path, **headers))[1]["code"] == "bad_origin"
    assert (await app.ask("GET", NEEDS))[1]["items"] == []


async def test_a_page_of_this_door_without_tls_is_another_page(app: App) -> None:
    await app.take_token("admin")
    assert (await app.ask("GET", STATUS, Origin=app.origin.replace("https", "http")))[0] == 403


# --- What all doors share


async def read_to(stream: aiohttp.ClientResponse, post_id: str) -> None:
    """Read events until one is about a post."""
    line = b""
    while post_id.encode() not in line:
        line = await stream.content.readline()
        assert line, "the stream has ended"


async def test_what_comes_twice_is_done_once_whatever_door_it_comes_by(app: App, loopback: str) -> None:
    await app.take_token("write")
    app.headers["Idempotency-Key"] = "one-and-the-same"
    first = (await app.ask("POST", NEEDS))[1]
    async with app.session.post(loopback + NEEDS, json=DRAFT, headers=app.headers) as response:
        assert response.headers["Idempotency-Replayed"] == "true"
        assert await response.json() == first


async def test_the_door_shuts_under_a_stream_of_its_own_and_ends_no_other(app: App, loopback: str) -> None:
    await app.take_token("write")
    async with asyncio.timeout(PATIENCE_S):
        here = await app.events()
        there = await app.session.get(loopback + EVENTS, headers=app.headers)
        post = (await app.ask("POST", NEEDS))[1]
        for stream in (here, there):
            await read_to(stream, post["id"])
        pairing = app.running.bench.board.pairing
        await pairing.revoke((await pairing.list())[0].id)
        assert not await app.running.is_open()
        await here.content.read()  # to its end: an answer that breaks off would raise
        async with app.session.post(loopback + NEEDS, json=DRAFT, headers=app.headers) as response:
            post = await response.json()
        await read_to(there, post["id"])
        there.close()
