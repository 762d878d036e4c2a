"""Over the API, on a whole board: an open shelf is said to be nearly empty."""

from collections.abc import AsyncIterator

import pytest

from node.api.conftest import Api, MakeApi
from support.boards import Bench, running_board

V1 = "/api/v1"
SHELF = {"category": "household.bedding", "title": "Free rail", "level": "plenty"}


@pytest.fixture
async def hub() -> AsyncIterator[Bench]:
    async with running_board() as bench:
        yield bench


@pytest.fixture
async def whole(hub: Bench, make_api: MakeApi) -> AsyncIterator[Api]:
    api = await make_api(board=hub.board)
    yield api
    await api.server.close()


async def test_a_shelf_is_said_to_be_low_until_its_holder_says_the_level(whole: Api) -> None:
    _, shelf, _ = await whole.ask("POST", f"{V1}/offers", json=SHELF)
    assert "low" not in shelf["progress"]
    for _ in range(2):
        status, said, _ = await whole.ask("POST", f"{V1}/posts/{shelf['id']}/low")
        assert (status, said["id"]) == (200, shelf["id"])
        assert said["progress"]["low"] == {"hubs": 1, "neighbours": 1, "last_at": said["level_at"]}
    assert (await whole.ask("GET", f"{V1}/posts/{shelf['id']}/book"))[1]["progress"]["low"]["hubs"] == 1
    patch = {"Content-Type": "application/merge-patch+json"}
    status, again, _ = await whole.ask("PATCH", f"{V1}/offers/{shelf['id']}", json={"level": "some"}, headers=patch)
    assert (status, again["level"], "low" in again["progress"]) == (200, "some", False)


async def test_what_is_no_shelf_and_what_is_not_here_is_refused(whole: Api) -> None:
    _, offer, _ = await whole.ask("POST", f"{V1}/offers", json={"category": "water", "title": "Water", "quantity": 3})
    problem = await whole.problem("POST", f"{V1}/posts/{offer['id']}/low")
    assert (problem["status"], problem["rule"]) == (409, "not_a_shelf")
    assert (await whole.problem("POST", f"{V1}/posts/{'ab' * 16}/low"))["status"] == 404
    assert (await whole.problem("POST", f"{V1}/posts/{offer['id']}/low", json={"who": "me"}))["pointer"] == "/who"


async def test_saying_so_is_writing(whole: Api) -> None:
    token = await whole.token("read")
    async with whole.tcp.post(f"{whole.url}{V1}/posts/{'ab' * 16}/low", headers=token) as response:
        assert response.status == 403
