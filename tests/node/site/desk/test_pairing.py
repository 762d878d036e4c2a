"""The page for the set-up code."""

import aiohttp
import pytest

from hartig_node.board.belonging.pairing import CODE_LIFE_MS, WRONG_PER_CODE_MAX
from hartig_node.board.errors import BoardError
from hartig_node.site.desk.pairing import PAIRED_KEPT_S, TRIES_PER_ADDRESS_MAX, TRIES_TOTAL_MAX, TRIES_WINDOW_S
from node.site.desk.conftest import OpenDesk
from node.site.desk.paired import CODE, PairedBrowser, PairingInMemory
from node.site.fakes import BoardInMemory, TurnedClock
from node.site.reading import read


@pytest.fixture
async def stranger(open_desk: OpenDesk, board: BoardInMemory, clock: TurnedClock) -> PairedBrowser:
    return await open_desk(board, clock, is_paired=False)


async def test_it_asks_for_the_code_and_tells_nothing_of_the_hub_but_its_name(stranger: PairedBrowser) -> None:
    answer = await stranger.get("/pair")
    page = read(answer.text)
    assert page.one("code")["autocomplete"] == "off"
    assert "hartig pair" in page.text
    assert [one["action"] for one in page.all("form")] == ["/pair"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert {link.partition("?")[0] for link in page.links()} <= {"/", "/pair", "#main"}


@pytest.mark.parametrize(
    ("code", "words"),
    [("", "Write the set-up code"), (" \t", "Write the set-up code"), ("0000-0000-0000", "not right")],
)
async def test_a_code_that_is_not_good_is_asked_for_again_and_the_name_is_kept(
    stranger: PairedBrowser, pairing: PairingInMemory, code: str, words: str
) -> None:
    answer = await stranger.post("/pair", {"code": code, "name": 'Phone "A"'})
    page = read(answer.text)
    assert answer.status == 422
    assert words in page.text
    assert page.value("name") == 'Phone "A"'
    assert page.one("code")["aria-invalid"] == "true"
    assert "value" not in page.one("code")  # nothing to be read over a shoulder
    assert "Set-Cookie" not in answer.headers
    assert pairing.devices == {}


async def test_who_tries_too_often_is_told_to_wait(
    stranger: PairedBrowser, pairing: PairingInMemory, clock: TurnedClock
) -> None:
    for _ in range(TRIES_PER_ADDRESS_MAX):
        assert (await stranger.post("/pair", {"code": "0000-0000-0000"})).status == 422
    answer = await stranger.post("/pair", {"code": CODE, "name": "Phone"})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "61")
    assert "wait a minute" in read(answer.text).text
    assert read(answer.text).value("name") == "Phone"
    assert pairing.devices == {}
    clock.pass_s(TRIES_WINDOW_S)
    assert (await stranger.post("/pair", {"code": CODE})).status == 303


async def test_what_is_no_code_is_no_try(stranger: PairedBrowser) -> None:
    for _ in range(2 * TRIES_PER_ADDRESS_MAX):
        await stranger.post("/pair", {"code": " "})
    assert (await stranger.post("/pair", {"code": CODE})).status == 303


async def test_a_rude_device_holds_no_other_up(stranger: PairedBrowser) -> None:
    for _ in range(2 * TRIES_PER_ADDRESS_MAX):
        await stranger.post("/pair", {"code": "0000-0000-0000"})
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with aiohttp.ClientSession(connector=connector) as other:
        url, headers = f"http://{stranger.host}/pair", {"Origin": f"https://{stranger.host}"}
        async with other.post(url, data={"code": CODE}, headers=headers, allow_redirects=False) as response:
            assert response.status == 303


def test_no_code_is_void_before_its_time_by_tries_that_are_let_through() -> None:
    minutes = CODE_LIFE_MS / 1000 / TRIES_WINDOW_S
    assert minutes * TRIES_TOTAL_MAX <= WRONG_PER_CODE_MAX
    assert TRIES_TOTAL_MAX > 254 * TRIES_PER_ADDRESS_MAX


async def test_what_else_goes_wrong_is_said(stranger: PairedBrowser, pairing: PairingInMemory) -> None:
    pairing.fails_with = BoardError("disk_full", "full")
    answer = await stranger.post("/pair", {"code": CODE})
    assert answer.status == 507
    assert "Set-Cookie" not in answer.headers


async def test_a_device_that_is_paired_already_goes_on_to_the_first_page(
    open_desk: OpenDesk, board: BoardInMemory, clock: TurnedClock, pairing: PairingInMemory
) -> None:
    browser = await open_desk(board, clock)
    for answer in (await browser.get("/pair"), await browser.post("/pair", {"code": CODE})):
        assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert len(pairing.devices) == 1


async def test_it_speaks_spanish(stranger: PairedBrowser) -> None:
    assert 'lang="es"' in (await stranger.get("/pair?lang=es")).text


async def test_a_form_of_another_kind_is_refused(stranger: PairedBrowser) -> None:
    answer = await stranger.post("/pair", {"code": CODE}, **{"Content-Type": "application/json"})
    assert answer.status == 415


async def test_a_second_tap_pairs_no_second_device_and_gets_the_same_session(
    stranger: PairedBrowser, pairing: PairingInMemory, clock: TurnedClock
) -> None:
    form = {"code": CODE, "name": "Phone", "ticket": read((await stranger.get("/pair")).text).value("ticket")}
    first = await stranger.post("/pair", form)
    for _ in range(2 * TRIES_PER_ADDRESS_MAX):  # none of these is a try
        again = await stranger.post("/pair", form)
        assert (again.status, again.headers["Set-Cookie"]) == (303, first.headers["Set-Cookie"])
    assert len(pairing.devices) == 1
    assert (await stranger.post("/pair", {**form, "ticket": "7" * 22})).headers["Set-Cookie"] != (
        first.headers["Set-Cookie"]
    )
    clock.pass_s(PAIRED_KEPT_S + 1)
    assert (await stranger.post("/pair", form)).headers["Set-Cookie"] != first.headers["Set-Cookie"]


async def test_a_code_that_is_not_good_counts_each_time_it_is_sent(stranger: PairedBrowser) -> None:
    form = {"code": "0000-0000-0000", "ticket": "7" * 22}
    for status in [*[422] * TRIES_PER_ADDRESS_MAX, 429]:
        assert (await stranger.post("/pair", form)).status == status
