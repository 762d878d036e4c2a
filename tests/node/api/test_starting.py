"""What the doors say while the hub is starting."""

from aiohttp.test_utils import TestClient, TestServer

from hartig_node.api.starting import make_starting_app


async def test_a_starting_hub_is_alive_and_not_ready_and_says_what_it_is_at() -> None:
    async with TestClient(TestServer(make_starting_app(lambda: "the store is checked, 3 of 9"))) as client:
        alive = await client.get("/healthz")
        assert (alive.status, await alive.json()) == (200, {"alive": True})
        ready = await client.get("/readyz")
        assert ready.status == 503
        (problem,) = (await ready.json())["problems"]
        assert (problem["code"], problem["what"]) == ("starting", "the store is checked, 3 of 9")


async def test_all_else_is_asked_to_come_back() -> None:
    async with TestClient(TestServer(make_starting_app(lambda: "starting"))) as client:
        for method, path in (("GET", "/api/v1/posts"), ("POST", "/api/v1/needs"), ("DELETE", "/x")):
            response = await client.request(method, path)
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert (await response.json())["code"] == "starting"
