"""The dates of a post, version by version."""

from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.board.drafts.dating import merged_dates
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.times import parse_rfc3339, rfc3339
from hartig_protocol.encoding import encode
from hartig_protocol.limits import DATES_MAX, DAY_MS, LIFE_MS_MAX
from hartig_protocol.records.opening import open_record, sign_record
from hartig_protocol.records.record import Record, body_hash
from support.boards import Bench, running_board
from support.records import NOW_MS

WEEKLY: dict[str, Any] = {"rule": "FREQ=WEEKLY;BYDAY=TU,FR", "start": "18:00", "time_zone": "Europe/Madrid"}
MEALS: dict[str, Any] = {
    "kind": "offer",
    "category": "food.cooked",
    "title": "Warm meals",
    "quantity": 40,
    "repeats": {**WEEKLY, "rule": "FREQ=WEEKLY;BYDAY=TU,FR;COUNT=10"},
}
WEEK_S = 7 * 24 * 3600


def dates_of(view: PostView) -> list[int]:
    dates: list[int] = view.facts["dates"]
    return dates


async def record_of(bench: Bench, view: PostView) -> Record:
    stored = await bench.store.post(bytes.fromhex(view.id))
    assert stored is not None
    return open_record(stored.wire)


# --- Which dates stand

many_dates = st.lists(st.integers(0, 200), max_size=DATES_MAX, unique=True).map(sorted)


@given(many_dates, st.lists(st.integers(0, 200), max_size=80), st.integers(0, 200), st.data())
def test_a_change_touches_neither_what_has_passed_nor_what_is_bound(
    before: list[int], said: list[int], now: int, data: st.DataObject
) -> None:
    bound = data.draw(st.sets(st.sampled_from(before))) if before else set()
    dates = merged_dates(before, said, now, bound)
    assert all(one < other for one, other in pairwise(dates))
    assert len(dates) <= DATES_MAX
    assert bound <= set(dates)
    assert {date for date in dates if date <= now} <= set(before)
    assert {date for date in dates if date > now} <= set(said) | bound
    lost_past = {date for date in before if date <= now} - set(dates)
    lost_ahead = {date for date in said if date > now} - set(dates)
    assert len(dates) == DATES_MAX or not lost_past | lost_ahead
    assert not lost_ahead or not {date for date in dates if date <= now} - bound


def test_the_oldest_goes_first_and_then_the_furthest() -> None:
    assert merged_dates(range(10), range(10, 60), 9) == list(range(8, 60))
    assert merged_dates(range(10), range(10, 70), 9, {0, 5}) == [0, 5, *range(10, 60)]


# --- Posts that repeat


async def test_a_rule_makes_the_dates_when_the_post_is_written(bench: Bench) -> None:
    view = await bench.board.posts.publish(MEALS)
    shown = view.as_json()
    assert len(shown["dates"]) == 10
    assert shown["next_date"] == shown["dates"][0] > rfc3339(NOW_MS)
    assert shown["repeats"]["rule"] == "FREQ=WEEKLY;BYDAY=TU,FR;COUNT=10"
    assert shown["repeats"]["time_zone"] == "Europe/Madrid"
    assert parse_rfc3339(f"{shown['repeats']['start']}+01:00") in {dates_of(view)[0], dates_of(view)[0] + 3_600_000}
    record = await record_of(bench, view)
    assert record.head.facts["dates"] == dates_of(view)
    assert (record.body or {})["repeats"].startswith("DTSTART;TZID=Europe/Madrid:")


async def test_it_stands_until_a_day_after_its_last_date_unless_said_otherwise(bench: Bench) -> None:
    view = await bench.board.posts.publish(MEALS)
    assert view.expires_ms == dates_of(view)[-1] + DAY_MS
    endless = await bench.board.posts.publish({**MEALS, "repeats": WEEKLY})
    assert dates_of(endless)[-1] + DAY_MS >= endless.expires_ms > dates_of(endless)[-1]
    assert endless.expires_ms <= NOW_MS + LIFE_MS_MAX
    short = await bench.board.posts.publish({**MEALS, "days": 3})
    assert short.expires_ms == NOW_MS + 3 * DAY_MS


async def test_of_a_batch_each_draft_gets_its_dates_or_its_error(bench: Bench) -> None:
    wrong = {**MEALS, "repeats": {**WEEKLY, "rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}}
    for dry_run in (True, False):
        first, second = await bench.board.posts.publish_many([MEALS, wrong], dry_run=dry_run)
        assert isinstance(second, BoardError)
        assert second.pointer == "/repeats/rule"
        assert "no date within the next 90 days" in second.detail
    assert isinstance(first, PostView)
    assert len(dates_of(first)) == 10


async def test_dates_and_a_rule_are_not_said_together(bench: Bench) -> None:
    with pytest.raises(BoardError, match="by itself") as caught:
        await bench.board.posts.publish({**MEALS, "dates": [rfc3339(NOW_MS + DAY_MS)]})
    assert caught.value.pointer == "/dates"


async def test_keeping_it_up_goes_on_with_the_series(bench: Bench) -> None:
    first = await bench.board.posts.publish({**MEALS, "repeats": WEEKLY})
    bench.time.advance(5 * WEEK_S)
    renewed = await bench.board.posts.renew(first.id)
    before, after, now_ms = dates_of(first), dates_of(renewed), NOW_MS + 5 * WEEK_S * 1000
    assert after[: len(before)] == before
    assert len([date for date in after if date <= now_ms]) == 10
    assert 24 <= len([date for date in after if date > now_ms]) <= 26
    assert renewed.expires_ms > first.expires_ms
    assert renewed.next_ms == next(date for date in after if date > now_ms)
    assert (await bench.board.posts.renew(first.id, days=80)).expires_ms == now_ms + 80 * DAY_MS


async def test_a_counted_series_ends_when_its_count_is_reached(bench: Bench) -> None:
    first = await bench.board.posts.publish({**MEALS, "days": 60})
    for _week in range(3):
        bench.time.advance(WEEK_S)
        renewed = await bench.board.posts.renew(first.id, days=60)
        assert dates_of(renewed) == dates_of(first)
    assert renewed.repeats is not None
    assert renewed.repeats.rule.count == 4
    bench.time.advance(4 * WEEK_S)
    over = await bench.board.posts.renew(first.id)
    assert (dates_of(over), over.next_ms) == (dates_of(first), None)
    changed = await bench.board.posts.revise(first.id, {"title": "No more meals"})
    assert dates_of(changed) == dates_of(first)
    with pytest.raises(BoardError, match="no date within"):
        await bench.board.posts.revise(first.id, {"repeats": {"rule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}})


async def test_the_oldest_dates_make_room_for_new_ones(bench: Bench) -> None:
    daily = await bench.board.posts.publish({**MEALS, "repeats": {**WEEKLY, "rule": "FREQ=DAILY"}})
    assert len(dates_of(daily)) == DATES_MAX
    bench.time.advance(2 * WEEK_S)
    renewed = await bench.board.posts.renew(daily.id)
    assert len(dates_of(renewed)) == DATES_MAX
    assert dates_of(renewed)[0] > NOW_MS + 2 * WEEK_S * 1000


# --- Changing what lies ahead


async def test_a_change_of_the_rule_touches_the_future_only(bench: Bench) -> None:
    first = await bench.board.posts.publish(MEALS)
    bench.time.advance(WEEK_S)
    now_ms = NOW_MS + WEEK_S * 1000
    later = await bench.board.posts.revise(first.id, {"repeats": {"start": "19:30"}})
    passed = [date for date in dates_of(first) if date <= now_ms]
    assert len(passed) == 2
    assert dates_of(later)[:2] == passed
    assert not set(dates_of(later)[2:]) & set(dates_of(first))
    assert later.expires_ms == first.expires_ms
    saved = await bench.board.posts.revise(first.id, {"text": "Bring a bowl"})
    assert dates_of(saved) == dates_of(later)


async def test_one_day_can_be_left_out_and_taken_in_again(bench: Bench) -> None:
    first = await bench.board.posts.publish(MEALS)
    day = rfc3339(dates_of(first)[3])[:10]
    without = await bench.board.posts.revise(first.id, {"repeats": {"except": [day]}})
    assert dates_of(without) == [date for date in dates_of(first) if date != dates_of(first)[3]]
    assert without.as_json()["repeats"]["except"] == [day]
    again = await bench.board.posts.revise(first.id, {"repeats": {"except": None}})
    assert dates_of(again) == dates_of(first)


async def test_an_end_can_be_given_and_taken_away(bench: Bench) -> None:
    first = await bench.board.posts.publish({**MEALS, "repeats": WEEKLY})
    until = rfc3339(dates_of(first)[4])
    ended = await bench.board.posts.revise(first.id, {"repeats": {"until": until}})
    assert dates_of(ended) == dates_of(first)[:5]
    assert ended.as_json()["repeats"]["until"] == until
    assert dates_of(await bench.board.posts.revise(first.id, {"repeats": {"until": None}})) == dates_of(first)


async def test_dates_can_be_said_instead_of_a_rule(bench: Bench) -> None:
    first = await bench.board.posts.publish(MEALS)
    bench.time.advance(WEEK_S)
    tomorrow = NOW_MS + WEEK_S * 1000 + DAY_MS
    plain = await bench.board.posts.revise(first.id, {"repeats": None, "dates": [rfc3339(tomorrow)]})
    assert dates_of(plain) == [*dates_of(first)[:2], tomorrow]
    assert "repeats" not in plain.as_json()
    bench.time.advance(3 * 24 * 3600)
    renewed = await bench.board.posts.renew(first.id)
    assert dates_of(renewed) == dates_of(plain)
    none_ahead = await bench.board.posts.revise(first.id, {"dates": None})
    assert dates_of(none_ahead) == dates_of(plain)


async def test_a_change_adds_no_date_that_has_passed_and_no_more_than_fit(bench: Bench) -> None:
    first = await bench.board.posts.publish({**MEALS, "repeats": None, "dates": [rfc3339(NOW_MS + DAY_MS)]})
    bench.time.advance(WEEK_S)
    with pytest.raises(BoardError, match="that has passed") as caught:
        await bench.board.posts.revise(first.id, {"dates": [rfc3339(NOW_MS + 2 * DAY_MS)]})
    assert caught.value.pointer == "/dates"
    many = [rfc3339(NOW_MS + (10 + day) * DAY_MS) for day in range(53)]
    with pytest.raises(BoardError, match="at most 52") as caught:
        await bench.board.posts.revise(first.id, {"dates": many})
    assert caught.value.pointer == "/dates"


async def test_a_date_that_somebody_was_promised_stays(bench: Bench) -> None:
    first = await bench.board.posts.publish(MEALS)
    promised = {dates_of(first)[1], dates_of(first)[6]}

    async def bound(thread: bytes) -> Collection[int]:
        return promised if thread.hex() == first.id else ()

    bench.board.posts.dating.bound = bound
    moved = await bench.board.posts.revise(first.id, {"repeats": {"start": "19:30"}})
    assert promised < set(dates_of(moved))
    assert not (set(dates_of(first)) - promised) & set(dates_of(moved))
    none_else = await bench.board.posts.revise(first.id, {"repeats": None})
    assert set(dates_of(none_else)) == promised
    assert set(dates_of(await bench.board.posts.renew(first.id))) == promised


async def test_a_zone_that_is_not_known_any_more_takes_no_dates_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await bench.board.posts.publish(MEALS)
    record = await record_of(bench, first)
    body = {**(record.body or {}), "repeats": (record.body or {})["repeats"].replace("Europe/Madrid", "Europe/Gone")}
    elsewhere = encode(body)
    gone = sign_record(replace(record.head, seq=2, body_hash=body_hash(elsewhere)), elsewhere, [bench.key])
    await bench.engine.publish([gone.wire])
    assert (await bench.board.posts.get(first.id)).repeats is not None
    carried = await bench.board.posts.dating.carried(gone)
    assert carried.facts["dates"] == dates_of(first)
    assert carried.body == body


# --- Where nobody knows the time


async def test_without_the_time_the_start_is_believed_and_the_true_time_goes_on_from_it() -> None:
    async with running_board(trusted=False) as bench:
        await bench.board.timekeeper.load()
        await bench.board.timekeeper.look()
        true_ms = NOW_MS + 200 * DAY_MS
        start = rfc3339(true_ms)[:16]
        view = await bench.board.posts.publish({**MEALS, "repeats": {**WEEKLY, "start": start}, "days": 60})
        assert (view.next_ms, dates_of(view)[0] > true_ms - DAY_MS) == (None, True)
        bench.time.advance(WEEK_S)
        await bench.board.timekeeper.confirm(true_ms + 2 * WEEK_S * 1000)
        after = await bench.board.posts.get(view.id)
        assert not after.approx
        assert dates_of(after)[: len(dates_of(view))] == dates_of(view)
        assert len(dates_of(after)) > len(dates_of(view))
        assert after.next_ms is not None
