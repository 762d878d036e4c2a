"""What another web page cannot do with the browser of a paired device."""

import pytest

from node.site.desk.conftest import OpenDesk
from node.site.desk.paired import CODE, PairedBrowser, PairingInMemory
from node.site.fakes import BoardInMemory, TurnedClock


@pytest.fixture
async def browser(open_desk: OpenDesk, board: BoardInMemory, clock: TurnedClock) -> PairedBrowser:
    return await open_desk(board, clock, names=["Food.Example"])


@pytest.mark.parametrize("host", ["192.168.1.20:4280", "hub.local", "hub", "food.example:4280", "[fd00::1]"])
async def test_the_hub_is_called_by_names_of_its_own_network(browser: PairedBrowser, host: str) -> None:
    assert (await browser.get("/icon.svg", Host=host)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "user@hub.local", "192.168.1.20.evil.example", ""])
async def test_another_name_is_refused(browser: PairedBrowser, host: str) -> None:
    assert (await browser.get("/icon.svg", Host=host)).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_a_form_of_another_page_does_nothing(
    browser: PairedBrowser, pairing: PairingInMemory, headers: dict[str, str]
) -> None:
    assert (await browser.post("/leave", {}, **headers)).status == 403
    assert len(pairing.devices) == 1


async def test_a_page_without_tls_on_this_host_is_another_page(browser: PairedBrowser) -> None:
    assert (await browser.post("/leave", {}, Origin=f"http://{browser.host}")).status == 403


async def test_a_form_without_origin_is_refused_whatever_its_referer(browser: PairedBrowser) -> None:
    async with browser.client.post(
        "/leave", headers={"Cookie": f"__Host-desk={browser.secret}", "Referer": f"https://{browser.host}/"}
    ) as response:
        assert response.status == 403


async def test_nobody_is_paired_by_a_page_of_another_site(browser: PairedBrowser, pairing: PairingInMemory) -> None:
    browser.secret = ""
    assert (await browser.post("/pair", {"code": CODE}, Origin="https://evil.example")).status == 403
    assert len(pairing.devices) == 1


async def test_a_form_of_a_page_of_this_hub_is_taken(browser: PairedBrowser) -> None:
    assert (await browser.post("/leave", {}, **{"Sec-Fetch-Site": "same-origin"})).status == 200


@pytest.mark.parametrize("path", ["/pair", "/nowhere", "/style.css"])
async def test_every_answer_says_what_a_browser_may_do_with_it(browser: PairedBrowser, path: str) -> None:
    headers = (await browser.get(path)).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Strict-Transport-Security" not in headers  # it would make the browser's warning final
