"""Needs, offers and posts over HTTP."""

import pytest

from node.api.conftest import Api

WATER = {"category": "water.drinking", "title": "Water for 40", "quantity": 40, "unit": "LTR"}


async def publish(api: Api, collection: str = "needs", **changes: object) -> dict[str, str]:
    status, data, _response = await api.ask("POST", f"/api/v1/{collection}", json={**WATER, **changes})
    assert status == 201, data
    found: dict[str, str] = data
    return found


async def test_a_draft_is_published_under_a_location_of_its_own(api: Api) -> None:
    status, data, response = await api.ask("POST", "/api/v1/needs", json=WATER)
    assert status == 201
    assert (data["kind"], data["quantity"], data["title"]) == ("need", "40", {"en": "Water for 40"})
    assert response.headers["Location"] == f"/api/v1/needs/{data['id']}"
    status, again, other = await api.ask("GET", response.headers["Location"])
    assert (status, again) == (200, data)
    assert other.headers["ETag"] == response.headers["ETag"]


async def test_posts_take_both_kinds_and_name_the_place_of_each(api: Api) -> None:
    _status, _data, response = await api.ask("POST", "/api/v1/posts", json={**WATER, "kind": "offer"})
    assert response.headers["Location"].startswith("/api/v1/offers/")


async def test_a_draft_of_the_other_kind_is_refused_with_the_way_out(api: Api) -> None:
    problem = await api.problem("POST", "/api/v1/needs", json={**WATER, "kind": "offer"})
    assert (problem["status"], problem["code"], problem["pointer"]) == (422, "bad_draft", "/kind")
    assert "/api/v1/posts" in problem["hint"]


async def test_a_post_of_the_other_kind_is_not_found_and_the_hint_says_where_it_is(api: Api) -> None:
    post = await publish(api, "offers")
    for method, tail in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/renew")):
        body = {} if method == "GET" else {"json": {}}
        problem = await api.problem(method, f"/api/v1/needs/{post['id']}{tail}", **body)
        assert problem["code"] == "not_found"
        assert f"/api/v1/offers/{post['id']}" in problem["hint"]
    assert (await api.ask("GET", f"/api/v1/posts/{post['id']}"))[0] == 200


async def test_a_list_goes_on_by_its_cursor_without_loss_or_repetition(api: Api) -> None:
    posts = [await publish(api, title=f"Water {number}") for number in range(5)]
    found, path = [], "/api/v1/needs?limit=2&category=water"
    while path:
        _status, data, response = await api.ask("GET", path)
        found += data["items"]
        link = response.headers.get("Link", "")
        assert (data["next"] is None) == (link == "")
        if link:
            assert f"cursor={data['next']}" in link
            assert "category=water" in link
        path = link.partition("<")[2].partition(">")[0]
    assert [post["id"] for post in found] == [post["id"] for post in posts]
    assert {query.category for query in api.board.posts.queries} == {"water"}


async def test_every_filter_reaches_the_board(api: Api) -> None:
    query = "category=food&author=me&area=D7&urgency=high&level=low&mode=lend&state=all&q=dlo&cursor=n3&limit=7"
    await api.ask("GET", f"/api/v1/posts?kind=offer&{query}")
    (asked,) = api.board.posts.queries
    assert asked.kind == "offer"
    assert asked.area == "d7"
    assert (asked.category, asked.author, asked.urgency, asked.level) == ("food", "me", "high", "low")
    assert (asked.mode, asked.state, asked.q, asked.cursor, asked.limit) == ("lend", "all", "dlo", "n3", 7)


async def test_a_search_asks_for_words(api: Api) -> None:
    for path in ("/api/v1/search", "/api/v1/search?q=%20"):
        problem = await api.problem("GET", path)
        assert (problem["code"], problem["pointer"]) == ("bad_request", "/q")
    assert (await api.ask("GET", "/api/v1/search?q=dlo&kind=need"))[0] == 200
    assert [query.q for query in api.board.posts.queries] == ["dlo"]


async def test_an_answer_that_is_known_already_is_not_sent_again(api: Api) -> None:
    post = await publish(api)
    for path in (f"/api/v1/needs/{post['id']}", "/api/v1/needs", "/api/v1/categories"):
        _status, _data, response = await api.ask("GET", path)
        tag = response.headers["ETag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            status, data, again = await api.ask("GET", path, headers={"If-None-Match": known})
            assert (status, data, again.headers["ETag"]) == (304, None, tag)
        assert (await api.ask("GET", path, headers={"If-None-Match": '"other"'}))[0] == 200


async def test_an_entity_tag_changes_with_all_that_is_shown(api: Api) -> None:
    post = await publish(api)
    path = f"/api/v1/needs/{post['id']}"
    before = (await api.ask("GET", path))[2].headers["ETag"]
    await api.ask("DELETE", path)  # the fake keeps the record: only the state differs
    after = (await api.ask("GET", path))[2].headers["ETag"]
    assert before != after
    assert before.partition(".")[0] == after.partition(".")[0]


async def test_a_change_needs_the_version_that_was_read(api: Api) -> None:
    post = await publish(api)
    path = f"/api/v1/needs/{post['id']}"
    first = (await api.ask("GET", path))[2].headers["ETag"]
    status, changed, response = await api.ask(
        "PATCH", path, json={"title": "Water for 30", "quantity": None}, headers={"If-Match": f'"x", {first}'}
    )
    assert status == 200
    assert changed["title"] == {"en": "Water for 30"}
    assert "quantity" not in changed
    for stale in (first, '"x", "y"', f"W/{response.headers['ETag']}"):
        problem = await api.problem("PATCH", path, json={"title": "Late"}, headers={"If-Match": stale})
        assert (problem["status"], problem["code"]) == (412, "precondition_failed")
        problem = await api.problem("DELETE", path, headers={"If-Match": stale})
        assert problem["code"] == "precondition_failed"
    problem = await api.problem("DELETE", path, headers={"If-Match": "no quotes"})
    assert problem["code"] == "bad_request"
    for good in ("*", response.headers["ETag"]):
        assert (await api.ask("POST", f"{path}/renew", headers={"If-Match": good if good == "*" else "*"}))[0] == 200


async def test_a_merge_patch_has_a_type_of_its_own(api: Api) -> None:
    path = f"/api/v1/needs/{(await publish(api))['id']}"
    headers = {"Content-Type": "application/merge-patch+json"}
    assert (await api.ask("PATCH", path, data=b'{"people": 4}', headers=headers))[1]["people"] == 4
    problem = await api.problem("POST", "/api/v1/needs", data=b"{}", headers=headers)
    assert problem["code"] == "unsupported_media_type"


async def test_a_post_is_renewed_with_and_without_days(api: Api) -> None:
    path = f"/api/v1/needs/{(await publish(api))['id']}/renew"
    long = (await api.ask("POST", path, json={"days": 30}))[1]["expires_at"]
    assert (await api.ask("POST", path))[1]["expires_at"] < long
    assert (await api.problem("POST", path, json={"days": "two"}))["pointer"] == "/days"


async def test_a_withdrawn_post_is_given_back_as_ended(api: Api) -> None:
    path = f"/api/v1/needs/{(await publish(api))['id']}"
    status, data, _response = await api.ask("DELETE", path)
    assert (status, data["state"]) == (200, "ended")


async def test_a_batch_answers_for_each_draft_by_its_place(api: Api) -> None:
    drafts = [{**WATER, "kind": "need"}, {"kind": "need"}, 7, {**WATER, "kind": "offer"}]
    status, data, _response = await api.ask("POST", "/api/v1/posts/batch", json={"drafts": drafts})
    assert status == 200
    assert [result["index"] for result in data["results"]] == [0, 1, 2, 3]
    assert [result["status"] for result in data["results"]] == [201, 422, 422, 201]
    assert data["results"][1]["problem"]["pointer"] == "/category"
    assert data["results"][3]["post"]["kind"] == "offer"
    assert (data["published"], data["failed"], data["dry_run"]) == (2, 2, False)


async def test_a_dry_run_publishes_nothing(api: Api) -> None:
    body = {"drafts": [{**WATER, "kind": "need"}, {}], "dry_run": True}
    _status, data, _response = await api.ask("POST", "/api/v1/posts/batch", json=body)
    assert [result["status"] for result in data["results"]] == [200, 422]
    assert (data["published"], data["failed"]) == (0, 1)
    assert not api.board.posts.held


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "bad_request", "/drafts"),
        ({"drafts": {}}, "bad_request", "/drafts"),
        ({"drafts": [], "dry_run": 1}, "bad_request", "/dry_run"),
        ({"draughts": []}, "bad_request", "/draughts"),
        ({"drafts": [{}] * 101}, "too_large", None),
    ],
)
async def test_a_batch_that_cannot_be_read_is_refused_whole(
    api: Api, body: object, code: str, pointer: str | None
) -> None:
    problem = await api.problem("POST", "/api/v1/posts/batch", json=body)
    assert (problem["code"], problem.get("pointer")) == (code, pointer)
    assert problem["hint"]
