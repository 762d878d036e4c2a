import asyncio
from typing import Any

import pytest

from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.pickup import SPACE_PICK_UP
from hartig_node.board.posts.posts import ListQuery
from hartig_protocol.limits import DAY_MS, THREAD_KEPT_MS
from hartig_protocol.records.opening import open_record
from support.boards import Bench, running_board

WATER: dict[str, Any] = {
    "kind": "need",
    "category": "water.drinking",
    "title": {"en": "Water", "ht": "Dlo"},
    "text": "For forty people",
    "quantity": "2.5",
    "unit": "LTR",
    "urgency": "high",
    "requires": ["access.step-free"],
}
SHELF: dict[str, Any] = {"kind": "offer", "category": "food.bread", "title": "Bread shelf", "level": "plenty"}


async def test_a_published_post_is_found_by_its_id_and_its_words(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    assert (await bench.board.posts.get(view.id)).as_json() == view.as_json()
    found = await bench.board.posts.list(ListQuery(q="dlo"))
    assert [one.id for one in found.items] == [view.id]
    assert (view.quantity, view.unit, view.title_in("ht"), view.is_mine) == ("2.5", "LTR", "Dlo", True)


async def test_an_answer_means_durable(bench: Bench) -> None:
    bench.store.hold()
    publishing = asyncio.ensure_future(bench.board.posts.publish(WATER))  # noqa: TID251 - the test holds it
    for _turn in range(20):
        await asyncio.sleep(0)
    assert bench.store.held == 1
    assert not publishing.done()
    bench.store.release()
    view = await publishing
    assert bytes.fromhex(view.record) in bench.store.disk.numbers


async def test_what_was_not_acknowledged_may_be_lost_and_what_was_is_not(bench: Bench) -> None:
    kept = await bench.board.posts.publish(WATER)
    async with running_board(bench.store.disk) as again:
        assert (await again.board.posts.get(kept.id)).state == "standing"


async def test_a_revision_changes_what_it_names_and_nothing_else(bench: Bench) -> None:
    before = await bench.board.posts.publish(WATER)
    after = await bench.board.posts.revise(before.id, {"title": {"es": "Agua", "ht": None}, "urgency": None})
    assert after.id == before.id
    assert after.seq == before.seq + 1
    assert after.title == {"en": "Water", "es": "Agua"}
    assert "urgency" not in after.facts
    assert (after.quantity, after.text, after.attributes) == (before.quantity, before.text, before.attributes)
    assert after.expires_ms == before.expires_ms


@pytest.mark.parametrize(
    "patch", [{"category": "food"}, {"unit": "KGM"}, {"audience": "hub"}, {"area": "u4pru"}, {"kind": "offer"}]
)
async def test_what_the_id_commits_to_cannot_be_changed(bench: Bench, patch: dict[str, Any]) -> None:
    view = await bench.board.posts.publish(WATER)
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.revise(view.id, patch)
    assert caught.value.code == "fixed_field"
    assert caught.value.pointer == f"/{next(iter(patch))}"


async def test_a_change_of_an_old_version_is_refused(bench: Bench) -> None:
    first = await bench.board.posts.publish(WATER)
    await bench.board.posts.revise(first.id, {"people": 40}, first.etag)
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.revise(first.id, {"people": 50}, first.etag)
    assert caught.value.code == "precondition_failed"


async def test_of_two_changes_at_once_on_one_version_the_second_is_refused(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    both = [bench.board.posts.revise(view.id, {"people": people}, view.etag) for people in (40, 50)]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [getattr(result, "code", "done") for result in results] == ["done", "precondition_failed"]
    assert (await bench.board.posts.get(view.id)).facts["people"] == 40


async def test_a_post_is_never_given_less_time(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    with pytest.raises(BoardError, match="less time"):
        await bench.board.posts.revise(view.id, {"days": 1})


async def test_a_withdrawn_post_has_no_text_left_and_cannot_come_back(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    ended = await bench.board.posts.withdraw(view.id)
    assert (ended.state, ended.title, ended.text) == ("ended", {}, {})
    assert not any(b"forty" in (row.body or b"") for row in bench.store.disk.rows.values())
    assert (await bench.board.posts.list(ListQuery())).items == []
    for change in (bench.board.posts.renew(view.id), bench.board.posts.withdraw(view.id)):
        with pytest.raises(BoardError) as caught:
            await change
        assert caught.value.code == "ended"


async def test_a_renewed_post_stands_longer_with_the_same_text(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    bench.time.advance(20 * DAY_MS / 1000)
    assert (await bench.board.posts.get(view.id)).state == "expired"
    renewed = await bench.board.posts.renew(view.id)
    assert (renewed.state, renewed.title, renewed.facts) == ("standing", view.title, view.facts)
    assert renewed.expires_ms > view.expires_ms


async def test_time_that_went_backwards_shortens_nothing(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    bench.time.wall_s -= 10 * 86400
    revised = await bench.board.posts.revise(view.id, {"people": 4})
    assert revised.expires_ms >= view.expires_ms


async def test_a_trusted_clock_months_behind_a_post_says_that_the_times_do_not_fit(bench: Bench) -> None:
    bench.time.wall_s += 200 * 86400
    view = await bench.board.posts.publish(WATER)
    bench.time.wall_s -= 200 * 86400
    with pytest.raises(BoardError, match="ahead of this hub's clock"):
        await bench.board.posts.revise(view.id, {"people": 4})


async def test_with_a_clock_that_is_not_trusted_nothing_expires() -> None:
    async with running_board(trusted=False) as bench:
        view = await bench.board.posts.publish(WATER)
        bench.time.advance(60 * DAY_MS / 1000)
        assert (await bench.board.posts.get(view.id)).state == "standing"
        assert len((await bench.board.posts.list(ListQuery())).items) == 1


async def test_another_hubs_post_is_not_ours_to_change(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    async with running_board(bench.store.disk, seed=2, founded=False) as other:
        for change in (other.board.posts.revise(view.id, {"people": 1}), other.board.posts.withdraw(view.id)):
            with pytest.raises(BoardError) as caught:
                await change
            assert caught.value.code == "not_yours"


async def test_a_hub_without_a_network_cannot_post() -> None:
    async with running_board(founded=False) as bench:
        with pytest.raises(BoardError) as caught:
            await bench.board.posts.publish(WATER)
        assert caught.value.code == "not_admitted"


async def test_a_batch_goes_on_after_a_bad_draft(bench: Bench) -> None:
    results = await bench.board.posts.publish_many([WATER, {"kind": "need"}, SHELF], dry_run=False)
    kinds = [getattr(result, "kind", getattr(result, "code", None)) for result in results]
    assert kinds == ["need", "bad_draft", "offer"]
    assert len((await bench.board.posts.list(ListQuery())).items) == 2


async def test_the_posts_of_a_batch_have_places_of_their_own_and_are_all_in_the_log(bench: Bench) -> None:
    results = await bench.board.posts.publish_many([WATER] * 30, dry_run=False)
    records = {bytes.fromhex(view.record) for view in results if isinstance(view, PostView)}
    assert len(records) == 30
    assert records <= bench.engine.hub.catalog.entries.keys()
    assert records <= {key for space, key in bench.store.disk.private if space == "signed"}


async def test_a_dry_run_publishes_nothing(bench: Bench) -> None:
    results = await bench.board.posts.publish_many([WATER, {"kind": "need"}], dry_run=True)
    assert [type(result).__name__ for result in results] == ["NoneType", "BoardError"]
    assert (await bench.board.posts.list(ListQuery())).items == []


async def test_a_batch_has_a_bound(bench: Bench) -> None:
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish_many([WATER] * 101, dry_run=True)
    assert caught.value.code == "too_large"


async def test_places_are_used_again_only_when_their_post_is_over(bench: Bench) -> None:
    pen = bench.board.posts._context.pen
    standing = pen.catalog.authority.standing(bench.key.public)
    assert standing is not None
    first = await bench.board.posts.publish({**WATER, "days": 5})
    for place in range(2, 6):
        assert pen.free_place(16, "network", first.expires_ms) == place
        await bench.board.posts.publish({**WATER, "days": 5})
    later_ms = first.expires_ms + 1
    with pytest.raises(BoardError) as caught:
        pen._place_in("place", 6, later_ms, set())
    assert caught.value.code == "no_room"
    await bench.board.posts.withdraw(first.id)
    assert pen._place_in("place", 6, later_ms, set()) == 1
    with pytest.raises(BoardError):
        pen._place_in("place", 6, first.expires_ms, set())


async def test_a_record_signed_elsewhere_is_taken_or_refused_with_its_reason(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    raw = await bench.board.posts.raw(view.record)
    wire = tuple(bytes.fromhex(raw[name]) for name in ("head", "signature", "body"))
    again = await bench.board.posts.publish_record((wire[0], wire[1], wire[2]))
    assert again.id == view.record
    assert again.view is not None
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish_record((wire[0], bytes([wire[1][0] ^ 1]) + wire[1][1:], wire[2]))
    assert caught.value.code == "bad_record"
    assert open_record(wire).id.hex() == view.record


async def test_lists_are_paged_newest_first(bench: Bench) -> None:
    made = [(await bench.board.posts.publish({**WATER, "title": f"Number {number}"})).id for number in range(5)]
    seen, cursor = [], None
    while True:
        page = await bench.board.posts.list(ListQuery(limit=2, cursor=cursor))
        seen += [view.id for view in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == made[::-1]


TOO_MUCH = [
    ({"reach_km": 20_001}, "/reach_km"),
    ({"people": 10**7}, "/people"),
    ({"area": "aaaaa"}, "/area"),
    ({"title": {"en": "x" * 481}}, "/title/en"),
    ({"title": {"english!": "x"}}, "/title/english!"),
    ({"text": "x" * 9000}, "/text/en"),
    ({"source": "x" * 300}, "/source"),
    ({"window": {"from": "2027-01-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"}}, "/window/to"),
    ({"dates": [f"2027-01-01T{hour:02}:{minute:02}:00Z" for hour in range(2) for minute in range(30)]}, "/dates"),
]


@pytest.mark.parametrize(("more", "pointer"), TOO_MUCH)
async def test_what_the_rules_refuse_is_said_in_the_drafts_own_words(
    bench: Bench, more: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish({**WATER, **more})
    assert (caught.value.code, caught.value.pointer) == ("bad_draft", pointer)
    assert pointer.split("/")[1] in caught.value.detail
    assert "facts" not in str(caught.value)


BAD_QUERIES = [
    (ListQuery(kind="wish"), "/kind"),
    (ListQuery(state="gone"), "/state"),
    (ListQuery(limit=0), "/limit"),
    (ListQuery(limit=201), "/limit"),
    (ListQuery(author="zz"), "/author"),
    (ListQuery(cursor="'; DROP"), "/cursor"),
]


@pytest.mark.parametrize(("query", "pointer"), BAD_QUERIES)
async def test_a_bad_question_says_what_is_wrong(bench: Bench, query: ListQuery, pointer: str) -> None:
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.list(query)
    assert caught.value.pointer == pointer


async def test_a_pick_up_word_finds_the_post_from_any_phone(bench: Bench) -> None:
    view, word = await bench.board.posts.publish_for_neighbour(SHELF)
    for typed in (word, word.upper(), word.replace("-", " "), f"  {word} "):
        assert (await bench.board.posts.find_by_word(typed)).id == view.id
    assert not any(word.encode() in key or word.encode() in value[0] for (_, key), value in _private(bench))
    renewed = await bench.board.posts.change_by_word(word, "renew")
    assert renewed.expires_ms >= view.expires_ms
    assert (await bench.board.posts.change_by_word(word, "withdraw")).state == "ended"


def _private(bench: Bench) -> list[tuple[tuple[str, bytes], tuple[bytes, int | None]]]:
    return list(bench.store.disk.private.items())


async def test_a_word_lasts_as_long_as_its_post_is_renewed(bench: Bench) -> None:
    view, _ = await bench.board.posts.publish_for_neighbour(SHELF)
    bench.time.advance(13 * 86_400)
    renewed = await bench.board.posts.renew(view.id, 60)
    (until_ms,) = [value[1] for (space, _), value in _private(bench) if space == SPACE_PICK_UP]
    assert until_ms is not None
    assert until_ms > renewed.expires_ms + THREAD_KEPT_MS


async def test_a_wrong_word_finds_nothing(bench: Bench) -> None:
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.find_by_word("maple-otter-river-42")
    assert caught.value.code == "not_found"


async def test_a_sensitive_post_is_stored_here_and_marked_private(bench: Bench) -> None:
    view = await bench.board.posts.publish({**WATER, "category": "legal"})
    assert view.audience == "hub"
    entry = bench.engine.hub.catalog.entries[bytes.fromhex(view.record)]
    assert entry.is_private
    assert await bench.store.read_records([entry.id]) == []


async def test_a_full_disk_is_said_and_nothing_is_acknowledged(bench: Bench) -> None:
    bench.engine.disk.stuck = "no room on the disk"
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish(WATER)
    assert caught.value.code == "disk_full"
    assert caught.value.status == 507


async def test_a_post_that_meets_a_full_disk_says_that_it_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.board.context.STUCK_LOOK_S", 0)
    bench.store.disk.is_full = True
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish(WATER)
    assert caught.value.code == "disk_full"
    assert "do not post it again" in caught.value.hint
    assert (await bench.board.status.report())["problems"][0]["code"] == "disk_full"
    assert [one["code"] for one in (await bench.board.status.report())["problems"]].count("store") == 0


async def test_the_end_that_was_asked_survives_a_full_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.board.context.STUCK_LOOK_S", 0)
    posts = bench.board.posts
    view = await posts.publish(WATER)
    thread, asked_ms = bytes.fromhex(view.id), view.expires_ms
    bench.store.disk.is_full = True
    with pytest.raises(BoardError, match="disk"):
        await posts.keep_up(view.id, 30 * DAY_MS)
    assert posts.asked.end_of(thread, 2 * asked_ms) == asked_ms
