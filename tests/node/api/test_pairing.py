"""The organisers' door over the API: codes that are shown once, devices that are listed and ended."""

import pytest

from hartig_node.board.belonging.pairing import DeskReport
from node.api.conftest import Api

OPEN = DeskReport("open", ("https://192.0.2.7:4280/",), 4280, "AB:CD")


@pytest.fixture
def opened(api: Api) -> Api:
    async def look() -> DeskReport:
        return OPEN if api.board.pairing.is_wanted else DeskReport()

    api.board.pairing.look_at_door = look
    return api


async def test_a_code_comes_with_where_to_go_and_what_to_compare(opened: Api) -> None:
    status, made, response = await opened.ask("POST", "/api/v1/pairing/codes", json={"name": "Phone"})
    assert status == 201
    assert response.headers["Cache-Control"] == "no-store"
    code = made.pop("code")
    assert made.pop("expires_at").endswith("Z")
    assert made == OPEN.as_json()
    assert await opened.board.pairing.pair(code, "")
    assert [one.name for one in await opened.board.pairing.list()] == ["Phone"]


async def test_a_code_needs_no_body(opened: Api) -> None:
    assert (await opened.ask("POST", "/api/v1/pairing/codes"))[0] == 201
    assert (await opened.problem("POST", "/api/v1/pairing/codes", json={"nam": "x"}))["code"] == "bad_request"


async def test_the_door_says_how_it_is_and_until_when_a_code_is_good_but_never_which(opened: Api) -> None:
    _, before, _ = await opened.ask("GET", "/api/v1/pairing")
    assert before == {**DeskReport().as_json(), "code_expires_at": None}
    _, made, _ = await opened.ask("POST", "/api/v1/pairing/codes")
    _, after, _ = await opened.ask("GET", "/api/v1/pairing")
    assert after == {**OPEN.as_json(), "code_expires_at": made["expires_at"]}


async def test_devices_are_listed_without_a_secret_and_can_be_ended(opened: Api) -> None:
    _, made, _ = await opened.ask("POST", "/api/v1/pairing/codes")
    secret = await opened.board.pairing.pair(made["code"], "Phone")
    _, listed, _ = await opened.ask("GET", "/api/v1/devices")
    (device,) = listed["items"]
    assert set(device) == {"id", "name", "paired_at", "expires_at"}
    status, nothing, _ = await opened.ask("DELETE", f"/api/v1/devices/{device['id']}")
    assert (status, nothing) == (204, None)
    assert await opened.board.pairing.check(secret) is None
    assert (await opened.problem("DELETE", f"/api/v1/devices/{device['id']}"))["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/pairing"), ("POST", "/pairing/codes"), ("GET", "/devices"), ("DELETE", "/devices/00")],
)
async def test_they_are_for_admins_alone(api: Api, method: str, path: str) -> None:
    headers = await api.token("write")
    async with api.tcp.request(method, f"{api.url}/api/v1{path}", headers=headers) as response:
        assert response.status == 403
