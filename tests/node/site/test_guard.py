"""Who may ask, and how much."""

from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hartig_node.site.app import make_site
from hartig_node.site.forms import FIELDS_MAX, FORM_BYTES_MAX
from hartig_node.site.guard import is_local_host
from node.site.fakes import BoardInMemory, Browser, TurnedClock
from node.site.reading import read

NEED = {"title": "Wool blanket", "category": "household.bedding", "language": "en"}
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "host",
    ["192.168.1.20", "192.168.1.20:8080", "10.0.0.1:80", "[fe80::1]:8080", "[::1]", "localhost:8080", "hub", "hub:8080",
     "riverside.local", "riverside.local.", "old-mill.lan:8080", "x.home.arpa", "free-store.example.org:8080"],
)  # fmt: skip
def test_names_that_a_lan_gives_are_ours(host: str) -> None:
    assert is_local_host(host, {"free-store.example.org"})


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "192.168.1.20.evil.example", "local.evil.example", "a@192.168.1.20", "192.168.1.20:port",
     "192.168.1.20/x", "[::1", "hub:99999", "evil.example:8080", "x.local.evil.example", "-hub", "hub name",
     "..local/"],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert not is_local_host(host, {"free-store.example.org"})


async def test_a_name_rebound_to_this_hub_reads_nothing(browser: Browser, board: BoardInMemory) -> None:
    board.fill()
    answer = await browser.get("/", Host="evil.example")
    assert answer.status == 403
    assert "Old Mill house" not in answer.text
    read(answer.text)


async def test_a_configured_name_is_ours(board: BoardInMemory, clock: TurnedClock) -> None:
    async with TestClient(TestServer(make_site(board, clock, ["Store.Example.org"]))) as client:
        assert (await Browser(client).get("/", Host="store.example.org:8080")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://{host}"},
        {"Origin": "http://{host}.evil.example"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": ""},
        {},
        {"Referer": "http://evil.example/http://{host}/"},
        {"Origin": "http://evil.example", "Referer": "http://{host}/need"},
        {"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://{host}", "Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/need", "/offer", "/mine"])
async def test_a_form_of_another_page_does_nothing(
    browser: Browser, board: BoardInMemory, headers: dict[str, str], path: str
) -> None:
    sent = {name: value.format(host=browser.host) for name, value in headers.items()}
    answer = await browser.send(path, urlencode(NEED).encode(), {**sent, "Content-Type": FORM})
    assert (answer.status, board.posts.drafts) == (403, [])
    assert "another page" in read(answer.text).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Referer": "http://{host}/need"},  # very old browsers
        {"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "HTTP://{host}"},
    ],
)
async def test_a_form_of_our_own_page_is_taken(browser: Browser, headers: dict[str, str]) -> None:
    sent = {name: value.format(host=browser.host) for name, value in headers.items()}
    answer = await browser.send("/need", urlencode(NEED).encode(), {**sent, "Content-Type": FORM})
    assert answer.status == 201


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"x" * (FORM_BYTES_MAX + 1), FORM, 413),
        (b"&".join(b"a=1" for _field in range(FIELDS_MAX + 1)), FORM, 400),
        (b"title=%ff%fe", FORM, 400),
        ("title=é".encode(), FORM, 400),
        (b"title=x", "multipart/form-data; boundary=x", 415),
        (b'{"title": "x"}', "application/json", 415),
        (b"", FORM, 422),
        (b"&&&===%%%", FORM, 422),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused_kindly(
    browser: Browser, board: BoardInMemory, content: bytes, content_type: str, status: int
) -> None:
    headers = {"Origin": f"http://{browser.host}", "Content-Type": content_type}
    answer = await browser.send("/need", content, headers)
    assert (answer.status, board.posts.drafts) == (status, [])
    read(answer.text)


async def test_a_form_too_long_is_refused_before_it_is_sent(browser: Browser) -> None:
    """Content-Length alone is enough: nobody waits for the rest."""
    headers = {"Origin": f"http://{browser.host}", "Content-Type": FORM, "Content-Length": "10000000"}
    answer = await browser.send("/need", b"", headers)
    assert answer.status == 413


async def test_a_form_in_chunks_is_bounded_too(browser: Browser) -> None:
    async def chunks():  # type: ignore[no-untyped-def]  # noqa: ANN202
        for _chunk in range(FORM_BYTES_MAX // 1024 + 2):
            yield b"x" * 1024

    headers = {"Origin": f"http://{browser.host}", "Content-Type": FORM}
    async with browser.client.post("/need", data=chunks(), headers=headers) as response:
        assert response.status == 413
        read(await response.text())


async def test_the_headers_are_strict(browser: Browser) -> None:
    headers = (await browser.get("/")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'", "style-src": "'self'", "img-src": "'self'", "form-action": "'self'",
        "base-uri": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
