"""Who comes in: sessions, the cookie that holds them, and pages that lead to pairing."""

import asyncio
from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest

from hartig_node.board.belonging.pairing import DEVICE_LIFE_MS, Paired
from hartig_node.site.desk.session import COOKIE
from hartig_node.site.rendering import static_version
from node.site.desk.conftest import OpenDesk
from node.site.desk.paired import CODE, PairedBrowser, PairingInMemory
from node.site.fakes import Answer, BoardInMemory, TurnedClock
from node.site.reading import read


@pytest.fixture
async def stranger(open_desk: OpenDesk, board: BoardInMemory, clock: TurnedClock) -> PairedBrowser:
    return await open_desk(board, clock, is_paired=False)


def cookie_of(answer: Answer) -> Morsel[Any]:
    jar: SimpleCookie = SimpleCookie()
    for header in answer.headers.getall("Set-Cookie"):
        jar.load(header)
    return jar[COOKIE]


@pytest.mark.parametrize("path", ["/", "/need", "/deals", "/nowhere", "/leave", "/pair/", "/style.css/"])
async def test_every_page_leads_who_is_not_paired_to_pairing(stranger: PairedBrowser, path: str) -> None:
    for answer in (await stranger.get(path), await stranger.post(path, {"x": "y"})):
        assert (answer.status, answer.headers["Location"]) == (303, "/pair")
        assert "Set-Cookie" not in answer.headers
        assert answer.text == ""


@pytest.mark.parametrize("secret", ["x", "0" * 16, "\xff\xfe", "a" * 5000])
async def test_a_session_that_nobody_knows_is_none(stranger: PairedBrowser, secret: str) -> None:
    stranger.secret = secret
    assert (await stranger.get("/")).status == 303


async def test_what_the_page_for_pairing_is_made_of_is_open_to_all(stranger: PairedBrowser) -> None:
    for path in ("/pair", "/style.css", "/icon.svg"):
        assert (await stranger.get(path)).status == 200


async def test_a_code_gives_a_session_in_a_cookie_that_no_script_and_no_other_page_can_use(
    stranger: PairedBrowser, pairing: PairingInMemory
) -> None:
    answer = await stranger.post("/pair", {"code": CODE, "name": "Laptop"})
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = cookie_of(answer)
    assert cookie.key.startswith("__Host-")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert int(cookie["max-age"]) * 1000 == DEVICE_LIFE_MS
    assert [device.name for device in pairing.devices.values()] == ["Laptop"]
    stranger.secret = cookie.value
    assert (await stranger.get("/nowhere")).status == 404


async def test_the_cookie_is_given_again_when_the_session_was_made_longer_and_only_then(
    open_desk: OpenDesk, board: BoardInMemory, clock: TurnedClock, pairing: PairingInMemory
) -> None:
    browser = await open_desk(board, clock)
    assert "Set-Cookie" not in (await browser.get("/nowhere")).headers
    browser.secret = pairing.add(is_renewed=True)
    assert cookie_of(await browser.get("/pair")).value == browser.secret
    assert cookie_of(await browser.post("/leave", {})).value == ""  # who leaves is given nothing


async def test_who_leaves_is_forgotten_on_both_sides(
    open_desk: OpenDesk, board: BoardInMemory, clock: TurnedClock, pairing: PairingInMemory
) -> None:
    browser = await open_desk(board, clock)
    answer = await browser.post("/leave", {})
    assert answer.status == 200
    page = read(answer.text)
    assert "has left" in page.text
    assert page.all("form") == []  # the door may be shut by now
    assert {link.partition("?")[0] for link in page.links()} <= {"/", "/leave", "#main"}
    cookie = cookie_of(answer)
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/")
    assert cookie["secure"]
    assert pairing.devices == {}
    assert (await browser.get("/")).status == 303


@pytest.mark.parametrize("path", ["/style.css", f"/style.css?v={static_version('style.css')}", "/icon.svg"])
async def test_what_anybody_may_keep_for_a_year_has_no_session_in_it(
    open_desk: OpenDesk, board: BoardInMemory, clock: TurnedClock, pairing: PairingInMemory, path: str
) -> None:
    browser = await open_desk(board, clock)
    browser.secret = pairing.add(is_renewed=True)
    answer = await browser.get(path)
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers


async def test_a_device_that_is_ended_while_its_form_arrives_does_nothing_any_more(
    open_desk: OpenDesk,
    board: BoardInMemory,
    clock: TurnedClock,
    pairing: PairingInMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser, came_in, check = await open_desk(board, clock), asyncio.Event(), pairing.check

    async def noticed(secret: str) -> Paired | None:
        came_in.set()
        return await check(secret)

    monkeypatch.setattr(pairing, "check", noticed)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"title=Bread"
        await came_in.wait()
        pairing.devices.clear()
        yield b"&category=food"

    headers = {"Origin": f"https://{browser.host}", "Content-Type": "application/x-www-form-urlencoded"}
    headers["Cookie"] = f"{COOKIE}={browser.secret}"
    async with browser.client.post("/nowhere", data=slowly(), headers=headers, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/pair")
