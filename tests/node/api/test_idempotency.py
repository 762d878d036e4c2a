"""What comes twice is done once: keys, answers that are kept, restarts, crashes, and bounds."""

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import pytest

from hartig_node.api import idempotency, kept
from hartig_node.api.app import make_app
from hartig_node.api.door import loopback_door
from hartig_node.api.endpoints import ENDPOINTS, Repeat
from hartig_node.api.idempotency import HEADER, REPLAYED
from hartig_node.api.kept import SPACE, RequestName
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.store.memory_disk import MemoryDisk
from hartig_protocol.events import Notice, PrivateRow
from hartig_protocol.limits import DAY_MS
from node.api.conftest import SOON_S, Api, MakeApi
from node.api.fake_board import FakeBoard
from support.boards import running_board

NEEDS = "/api/v1/needs"
WATER = {"category": "water.drinking", "title": "Water for 40", "quantity": 40, "unit": "LTR"}
KEY = {HEADER: '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}


async def publish(api: Api, key: dict[str, str] = KEY, **changes: Any) -> tuple[int, Any, Any]:
    return await api.ask("POST", NEEDS, json={**WATER, **changes}, headers=key)


def rows(api: Api) -> dict[bytes, bytes]:
    store = api.board.context.store
    return {key: value for (space, key), value in store.rows.items() if space == SPACE}


def hold_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Let the board wait while it publishes: until it has begun, and until it may go on."""
    begun, may_go_on = asyncio.Event(), asyncio.Event()
    publish_now = api.board.posts.publish

    async def publish_slowly(draft: Any) -> PostView:
        begun.set()
        await may_go_on.wait()
        view: PostView = await publish_now(draft)
        return view

    monkeypatch.setattr(api.board.posts, "publish", publish_slowly)
    return begun, may_go_on


# --- The same again


async def test_the_same_request_with_the_same_key_gets_the_first_answer_again(api: Api) -> None:
    first, again = await publish(api), await publish(api)
    assert first[:2] == again[:2]
    assert first[0] == 201
    for name in ("Location", "ETag", "Content-Type", "Cache-Control"):
        assert first[2].headers[name] == again[2].headers[name]
    assert (first[2].headers.get(REPLAYED), again[2].headers.get(REPLAYED)) == (None, "true")
    assert len(api.board.posts.held) == 1


async def test_without_a_key_and_with_another_key_it_is_done_again(api: Api) -> None:
    await publish(api)
    await publish(api, {})
    await publish(api, {HEADER: '"another"'})
    assert len(api.board.posts.held) == 3


async def test_a_bare_key_is_the_same_as_one_in_quotation_marks(api: Api) -> None:
    await publish(api, {HEADER: '"need-7"'})
    assert (await publish(api, {HEADER: "need-7"}))[2].headers[REPLAYED] == "true"


@pytest.mark.parametrize("key", ["", '""', '"a', "a b", 'a"b', '"ä"', "x" * 129, '"a", "b"'])
async def test_what_is_no_key_is_refused(api: Api, key: str) -> None:
    problem = await api.problem("POST", NEEDS, json=WATER, headers={HEADER: key})
    assert (problem["code"], problem["status"]) == ("bad_request", 400)
    assert HEADER in problem["hint"]
    assert not api.board.posts.held


async def test_two_keys_in_one_request_are_refused(api: Api) -> None:
    problem = await api.problem("POST", NEEDS, json=WATER, headers=[(HEADER, "a"), (HEADER, "b")])
    assert problem["code"] == "bad_request"


@pytest.mark.parametrize(
    ("path", "changes", "headers"),
    [
        (NEEDS, {"quantity": 41}, {}),
        ("/api/v1/offers", {}, {}),
        (NEEDS, {}, {"If-Match": '"x"'}),
    ],
)
async def test_another_request_under_the_same_key_is_refused(
    api: Api, path: str, changes: dict[str, Any], headers: dict[str, str]
) -> None:
    await publish(api)
    problem = await api.problem("POST", path, json={**WATER, **changes}, headers={**KEY, **headers})
    assert (problem["code"], problem["status"]) == ("idempotency_key_reused", 422)
    assert problem["hint"]
    assert len(api.board.posts.held) == 1


async def test_keys_belong_to_who_asks(api: Api) -> None:
    tokens = [await api.token("write"), await api.token("write")]
    await publish(api)
    for token in tokens:
        async with api.tcp.post(f"{api.url}{NEEDS}", json=WATER, headers={**KEY, **token}) as response:
            assert (response.status, REPLAYED in response.headers) == (201, False)
    assert len(api.board.posts.held) == 3


async def test_other_methods_pay_no_heed_to_keys(api: Api) -> None:
    path = f"{NEEDS}/{(await publish(api))[1]['id']}"
    assert (await api.ask("GET", path, headers=KEY))[0] == 200
    assert (await api.ask("PATCH", path, json={"people": 4}, headers=KEY))[0] == 200
    assert (await api.ask("DELETE", path, headers=KEY))[0] == 200
    assert len(rows(api)) == 1


async def test_every_post_heeds_keys(board: FakeBoard) -> None:
    app = make_app(board, loopback_door())
    posts = {one.path: one.repeat for one in app[ENDPOINTS].values() if one.method == "POST"}
    assert all(one.scope != "public" for one in app[ENDPOINTS].values() if one.method == "POST")
    secret = {path for path, repeat in posts.items() if repeat is Repeat.SECRET}
    assert secret == {"/api/v1/tokens", "/api/v1/invites", "/api/v1/pairing/codes"}
    assert {path for path, repeat in posts.items() if repeat is Repeat.SAFE} == {
        "/api/v1/records", "/api/v1/posts/{id}/close", "/api/v1/deals/{id}/cancel", "/api/v1/deals/{id}/receive",
        "/api/v1/flags", "/api/v1/hidden", "/api/v1/muted", "/api/v1/posts/warnings",
    }  # fmt: skip


# --- Refusals and failures


async def test_a_refusal_is_an_answer_that_is_kept(api: Api) -> None:
    first = await publish(api, category="watr")
    api.board.posts.publish = None  # whoever asks it fails
    again = await publish(api, category="watr")
    assert first[:2] == again[:2]
    assert (again[0], again[2].headers[REPLAYED]) == (422, "true")
    assert again[2].content_type == "application/problem+json"


async def test_who_is_told_to_wait_may_come_again_with_the_same_key(api: Api) -> None:
    api.board.posts.failure = BoardError("too_many", "later")
    assert (await publish(api))[0] == 429
    assert not rows(api)
    api.board.posts.failure = None
    assert (await publish(api))[0] == 201


@pytest.mark.parametrize("failure", [RuntimeError("a bug"), BoardError("disk_full", "it waits in memory")])
async def test_after_a_failure_nobody_knows_what_was_done_so_it_is_not_done_again(
    api: Api, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    api.board.posts.failure = failure
    assert (await publish(api))[0] >= 500
    api.board.posts.failure = None
    problem = await api.problem("POST", NEEDS, json=WATER, headers=KEY)
    assert (problem["status"], problem["code"]) == (409, "outcome_unknown")
    assert problem["hint"]
    assert not api.board.posts.held
    assert (await publish(api, {HEADER: "new"}))[0] == 201


async def test_what_can_be_done_twice_is_done_again_after_a_failure(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"head": "aa", "signature": "bb" * 64}
    take = api.board.posts.publish_record

    async def fail(_wire: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(api.board.posts, "publish_record", fail)
    assert (await api.ask("POST", "/api/v1/records", json=body, headers=KEY))[0] == 500
    monkeypatch.setattr(api.board.posts, "publish_record", take)
    assert (await api.ask("POST", "/api/v1/records", json=body, headers=KEY))[0] == 201
    assert (await api.ask("POST", "/api/v1/records", json=body, headers=KEY))[2].headers[REPLAYED] == "true"


async def test_who_may_not_ask_is_told_so_whatever_the_key(api: Api) -> None:
    token = await api.token("read")
    async with api.tcp.post(f"{api.url}{NEEDS}", json=WATER, headers={**KEY, **token}) as response:
        assert response.status == 403
    assert not rows(api)


async def test_on_a_full_disk_nothing_is_begun(api: Api) -> None:
    api.board.context.engine.stuck = "the disk is full"
    problem = await api.problem("POST", NEEDS, json=WATER, headers=KEY)
    assert (problem["status"], problem["code"]) == (507, "disk_full")
    assert not api.board.posts.held
    api.board.context.engine.stuck = None
    assert (await publish(api))[0] == 201


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, may_go_on = hold_up(api, monkeypatch)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(publish(api))
        await begun.wait()
        api.board.context.engine.stuck = "the disk is full"
        may_go_on.set()
    assert asked.result()[0] == 201
    assert "could not be kept" in caplog.text
    assert (await api.problem("POST", NEEDS, json=WATER, headers=KEY))["code"] == "outcome_unknown"


async def test_a_disk_that_does_not_answer_holds_nobody_for_ever(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_rows: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(kept, "WRITE_S_MAX", 0.0)
    monkeypatch.setattr(api.board.context, "keep_private", never)
    assert (await api.problem("POST", NEEDS, json=WATER, headers=KEY))["code"] == "disk_full"


# --- At once


async def test_who_comes_while_it_is_being_done_waits_for_the_first_answer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = hold_up(api, monkeypatch)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(publish(api))
        await begun.wait()
        others = [group.create_task(publish(api)) for _ in range(5)]
        problem = await api.problem("POST", NEEDS, json={**WATER, "people": 3}, headers=KEY)
        assert problem["code"] == "idempotency_key_reused"
        may_go_on.set()
    assert all(other.result()[:2] == first.result()[:2] for other in others)
    assert len(api.board.posts.held) == 1


async def test_who_waits_too_long_is_told_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAIT_S_MAX", 0.0)
    begun, may_go_on = hold_up(api, monkeypatch)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(publish(api))
        await begun.wait()
        problem = await api.problem("POST", NEEDS, json=WATER, headers=KEY)
        assert (problem["status"], problem["code"]) == (409, "idempotency_in_progress")
        assert problem["hint"]
        may_go_on.set()
    assert first.result()[0] == 201
    assert (await publish(api))[2].headers[REPLAYED] == "true"


async def test_when_the_first_fails_the_next_one_does_not_begin(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, may_go_on = hold_up(api, monkeypatch)
    api.board.posts.failure = RuntimeError("a bug")
    async with asyncio.TaskGroup() as group:
        first = group.create_task(publish(api))
        await begun.wait()
        other = group.create_task(publish(api))
        await asyncio.sleep(0)
        may_go_on.set()
    assert first.result()[0] == 500
    assert other.result()[1]["code"] == "outcome_unknown"


# --- Secrets and long answers


@pytest.mark.parametrize(
    ("path", "body", "secret"),
    [("/api/v1/tokens", {"name": "sign"}, "token"), ("/api/v1/invites", {"label": "x"}, "link")],
)
async def test_what_is_shown_once_is_not_kept(api: Api, path: str, body: dict[str, str], secret: str) -> None:
    _status, made, first = await api.ask("POST", path, json=body, headers=KEY)
    assert made[secret]
    status, problem, again = await api.ask("POST", path, json=body, headers=KEY)
    assert (status, problem["code"], again.headers[REPLAYED]) == (409, "answer_not_kept", "true")
    assert again.headers["Location"] == first.headers["Location"]
    assert len((await api.ask("GET", path))[1]["items"]) == 1


async def test_a_refused_token_is_an_answer_like_any_other(api: Api) -> None:
    for _ in range(2):
        problem = await api.problem("POST", "/api/v1/tokens", json={"name": ""}, headers=KEY)
        assert problem["pointer"] == "/name"


async def test_an_answer_that_is_too_long_is_not_kept_and_the_repetition_says_so(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "ANSWER_BYTES_MAX", 300)
    first = await publish(api)
    problem = await api.problem("POST", NEEDS, json=WATER, headers=KEY)
    assert (problem["status"], problem["code"]) == (409, "answer_not_kept")
    assert "201" in problem["detail"]
    assert list(api.board.posts.held) == [first[1]["id"]]


async def test_what_is_kept_cannot_be_read_without_the_key(api: Api) -> None:
    await publish(api)
    ((row, value),) = rows(api).items()
    for text in (b"Water", b"8e03978e", b"needs", b"application/json"):
        assert text not in row + value


async def test_a_body_of_a_batch_may_be_long_and_others_may_not(api: Api) -> None:
    drafts = [{**WATER, "kind": "need", "text": "x" * 8000} for _ in range(12)]
    status, first, _response = await api.ask("POST", "/api/v1/posts/batch", json={"drafts": drafts}, headers=KEY)
    assert (status, first["published"]) == (200, 12)
    assert (await api.ask("POST", "/api/v1/posts/batch", json={"drafts": drafts}, headers=KEY))[1] == first
    problem = await api.problem("POST", NEEDS, json={**WATER, "text": "x" * 70_000}, headers={HEADER: "b"})
    assert problem["code"] == "too_large"
    problem = await api.problem("POST", NEEDS, data=io.BytesIO(b" " * (1024 * 1024 + 1)), headers={HEADER: "c"})
    assert problem["code"] == "too_large"


# --- Time, bounds


async def test_after_24_hours_a_key_is_new(api: Api) -> None:
    await publish(api)
    clock = api.board.context.clock
    clock.now_ms += DAY_MS
    assert REPLAYED in (await publish(api))[2].headers
    clock.now_ms += 1
    assert REPLAYED not in (await publish(api))[2].headers
    assert len(api.board.posts.held) == 2
    assert len(rows(api)) == 1


async def test_rows_are_written_with_the_time_at_which_they_go(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[PrivateRow] = []
    keep = api.board.context.keep_private

    async def spy(given: list[PrivateRow]) -> None:
        written.extend(given)
        await keep(given)

    monkeypatch.setattr(api.board.context, "keep_private", spy)
    await publish(api)
    assert [(row.space, row.expires_ms) for row in written] == [(SPACE, api.board.context.clock.now_ms + DAY_MS)] * 2


# --- Restarts and crashes, on a real board


async def posted(api: Api) -> list[str]:
    return [post["title"]["en"] for post in (await api.ask("GET", "/api/v1/posts"))[1]["items"]]


async def test_keys_outlive_a_restart(make_api: MakeApi) -> None:
    disk = MemoryDisk()
    async with running_board(disk) as bench:
        api = await make_api(board=bench.board)
        first = await publish(api)
        assert first[0] == 201
        await api.server.close()
    async with running_board(disk) as bench:
        api = await make_api(board=bench.board)
        again = await publish(api)
        assert again[:2] == first[:2]
        assert again[2].headers[REPLAYED] == "true"
        assert await posted(api) == ["Water for 40"]
        await api.server.close()


async def crash_after(commits: int, disk: MemoryDisk, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send a request to a hub that ends when so many rows of keys are on its disk, so that no more ever is."""
    async with running_board(disk) as bench:
        api = await make_api(board=bench.board)
        keep, written = bench.engine.keep_private, list[PrivateRow]()

        async def stop(rows: Sequence[PrivateRow], notices: Sequence[Notice] = ()) -> None:
            written.extend(rows)
            if len(written) > commits:
                await asyncio.Event().wait()
            await keep(rows, notices)

        monkeypatch.setattr(bench.engine, "keep_private", stop)
        monkeypatch.setattr(kept, "WRITE_S_MAX", SOON_S)
        await publish(api)
        await api.server.close()
    assert len(written) == commits + 1
    monkeypatch.undo()


async def test_a_hub_killed_before_it_began_does_it_when_asked_again(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = MemoryDisk()
    await crash_after(0, disk, make_api, monkeypatch)
    async with running_board(disk) as bench:
        api = await make_api(board=bench.board)
        assert await posted(api) == []
        assert (await publish(api))[0] == 201
        await api.server.close()


async def test_a_hub_killed_between_doing_it_and_saying_so_does_not_do_it_twice(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = MemoryDisk()
    await crash_after(1, disk, make_api, monkeypatch)
    async with running_board(disk) as bench:
        api = await make_api(board=bench.board)
        assert await posted(api) == ["Water for 40"]
        for _ in range(2):
            problem = await api.problem("POST", NEEDS, json=WATER, headers=KEY)
            assert problem["code"] == "outcome_unknown"
        assert await posted(api) == ["Water for 40"]
        await api.server.close()


def test_the_names_of_requests_of_one_asker_begin_alike_and_tell_nothing_else() -> None:
    one, two, other = RequestName.of("token a", "1"), RequestName.of("token a", "2"), RequestName.of("token b", "1")
    assert one.row[:8] == two.row[:8] != other.row[:8]
    assert len({one.row[8:], two.row[8:], other.row[8:]}) == 3
    assert len({one.seal, two.seal, other.seal, one.row}) == 4
