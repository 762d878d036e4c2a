"""A board that does not know the time: what it writes, and what becomes of that when the time is known."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import msgpack
import pytest

from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.asked import SPACE_ASKED
from hartig_node.board.posts.pickup import SPACE_PICK_UP
from hartig_node.board.signing import SPACE_SETTING, SPACE_SIGNED
from hartig_node.board.timekeeper import KEY_TIME, LOOK_EVERY_S, STORE_EVERY_MS
from hartig_node.board.times import rfc3339
from hartig_node.reckoning import RELEASE_MS
from hartig_node.tasks import Tasks
from hartig_protocol.events import Commit, TimePassed
from hartig_protocol.limits import DAY_MS, HOUR_MS, LIFE_LONG_MS_MAX, LIFE_MS_MAX, LIFE_REVOKE_MS_MAX, SWEEP_EVERY_MS
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from support.boards import Bench, running_board
from support.records import NOW_MS, Network

WATER = {"kind": "need", "category": "water.drinking", "title": {"en": "Water for 40 people"}, "days": 14}
TRUE_SOON_MS = NOW_MS + 10 * DAY_MS
TRUE_LATE_MS = NOW_MS + 210 * DAY_MS  # by then all that has a date of the day of the release is due to go


@pytest.fixture
async def lost() -> AsyncIterator[Bench]:
    """A board whose clock stands on the day of its release."""
    async with running_board(trusted=False) as bench:
        await bench.board.timekeeper.load()
        await bench.board.timekeeper.look()
        yield bench


async def learns(bench: Bench, time_ms: int) -> None:
    await bench.board.timekeeper.confirm(time_ms)


async def record_of(bench: Bench, view: PostView) -> Record:
    stored = await bench.store.post(bytes.fromhex(view.id))
    assert stored is not None
    return open_record(stored.wire)


async def card_of(bench: Bench) -> Record:
    entry = bench.engine.hub.catalog.registers[bench.key.public, "place", 0]
    stored = await bench.store.read_record(entry.id)
    assert stored is not None
    return open_record(stored.wire)


async def space(bench: Bench, name: str) -> dict[bytes, bytes]:
    return dict(await bench.store.private_list(name))


def sweep(bench: Bench) -> None:
    """Let the core look for what is due, as it does every minute."""
    bench.time.advance(SWEEP_EVERY_MS / 1000 + 1)
    bench.engine.handle(TimePassed())


# --- While nobody knows the time


async def test_what_is_posted_is_marked_and_takes_the_longest_life(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    head = (await record_of(lost, view)).head
    assert head.facts["approx"] is True
    assert (head.stamp, head.expires) == (NOW_MS, NOW_MS + LIFE_MS_MAX)
    assert view.approx
    assert view.as_json()["approx"] is True


async def test_the_card_is_marked_and_is_not_written_again_and_again(lost: Bench) -> None:
    card = await card_of(lost)
    assert card.head.facts["approx"] is True
    assert card.head.expires == card.head.stamp + LIFE_LONG_MS_MAX
    await lost.board.membership.announce()
    assert (await card_of(lost)).id == card.id


async def test_a_time_that_a_person_names_is_not_called_past(lost: Bench) -> None:
    draft = {name: value for name, value in WATER.items() if name != "days"}
    view = await lost.board.posts.publish({**draft, "expires_at": "2026-01-01T00:00:00Z"})
    assert view.state == "standing"


async def test_nothing_expires_and_no_place_is_used_again(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    lost.time.advance(400 * 86400)
    sweep(lost)
    assert (await lost.board.posts.get(view.id)).state == "standing"
    pen = lost.board.posts._context.pen
    standings = pen.catalog.authority.standings
    standings[lost.key.public] = replace(standings[lost.key.public], places=2)  # type: ignore[index]
    with pytest.raises(BoardError, match="all 2 places"):
        await lost.board.posts.publish(WATER)


async def test_status_says_that_the_time_is_not_known(lost: Bench) -> None:
    report = await lost.board.status.report()
    assert report["clock"] == {"now": rfc3339(NOW_MS), "trusted": False, "source": None}
    (said,) = [problem["what"] for problem in report["problems"] if problem["code"] == "clock"]
    assert "does not know the time, which stood still while it was off" in said


# --- When it is known


async def test_what_a_person_and_the_daemon_notice_at_once_is_dated_anew_once(
    lost: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    view = await lost.board.posts.publish(WATER)
    lost.engine.clock.confirm(TRUE_SOON_MS)
    await asyncio.gather(*(lost.board.timekeeper.look() for _ in range(3)))
    assert (await record_of(lost, view)).head.seq == 2
    assert "stays as it was" not in caplog.text


@pytest.mark.parametrize("true_ms", [TRUE_SOON_MS, TRUE_LATE_MS])
async def test_posts_card_and_grants_get_true_dates_and_nothing_is_lost(lost: Bench, true_ms: int) -> None:
    view, word = await lost.board.posts.publish_for_neighbour(WATER)
    before = await record_of(lost, view)
    await learns(lost, true_ms)
    head = (await record_of(lost, view)).head
    assert "approx" not in head.facts
    assert (head.thread, head.seq, head.stamp) == (before.head.thread, 2, true_ms)
    assert head.expires == max(true_ms + 14 * DAY_MS, before.head.expires or 0)
    assert (await lost.board.posts.find_by_word(word)).expires_ms == true_ms + 14 * DAY_MS
    card = await card_of(lost)
    assert "approx" not in card.head.facts
    assert (card.head.stamp, card.head.expires) == (true_ms, true_ms + LIFE_LONG_MS_MAX)
    sweep(lost)
    assert (await lost.board.posts.get(view.id)).state == "standing"


async def test_nothing_expires_before_true_dates_are_written(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    lost.engine.clock.confirm(TRUE_LATE_MS)
    sweep(lost)
    assert (await lost.board.posts.get(view.id)).state == "standing"
    await lost.board.timekeeper.look()
    sweep(lost)
    after = await lost.board.posts.get(view.id)
    assert (after.state, after.approx) == ("standing", False)


async def test_the_life_that_was_asked_counts_from_when_it_was_posted_in_this_run(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    lost.time.advance(4 * 86400)
    await learns(lost, TRUE_SOON_MS)
    assert (await lost.board.posts.get(view.id)).expires_ms == TRUE_SOON_MS + 10 * DAY_MS


async def test_a_post_that_has_stood_as_long_as_was_asked_ends(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    lost.time.advance(15 * 86400)
    await learns(lost, TRUE_SOON_MS + 15 * DAY_MS)
    assert (await lost.board.posts.get(view.id)).state == "ended"
    assert await space(lost, SPACE_ASKED) == {}


async def test_a_post_that_has_to_outlast_what_was_asked_is_ended_by_its_hub(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    await learns(lost, TRUE_SOON_MS)
    lost.time.advance(14 * 86400 - 1)
    await lost.board.timekeeper.look()
    assert (await lost.board.posts.get(view.id)).state == "standing"
    lost.time.advance(1)
    await lost.board.timekeeper.look()
    assert (await lost.board.posts.get(view.id)).state == "ended"
    assert await space(lost, SPACE_ASKED) == {}


async def promised(bench: Bench) -> tuple[PostView, str]:
    """An offer for 14 days of which something is promised; and the deal."""
    blankets = {"category": "household.bedding", "title": "Blankets", "quantity": 4}
    view = await bench.board.posts.publish({**blankets, "kind": "offer", "days": 14})
    need = await bench.board.posts.publish({**blankets, "kind": "need", "days": 60})
    deal = await bench.board.deals.ask(need.id, view.id, "1")
    await bench.board.deals.promise(deal.id)
    return view, deal.id


async def test_an_end_waits_until_what_is_promised_is_settled(lost: Bench) -> None:
    view, deal = await promised(lost)
    await learns(lost, TRUE_SOON_MS)
    lost.time.advance(14 * 86400)
    for _ in range(2):
        await lost.board.timekeeper.look()
        assert (await lost.board.posts.get(view.id)).state == "standing"
    await lost.board.deals.hand_over(deal)
    await lost.board.timekeeper.look()
    assert (await lost.board.posts.get(view.id)).state == "ended"


@pytest.mark.parametrize("true_ms", [TRUE_SOON_MS + 15 * DAY_MS, TRUE_LATE_MS])
async def test_true_dates_end_nothing_that_is_promised(lost: Bench, true_ms: int) -> None:
    view, deal = await promised(lost)
    lost.time.advance(15 * 86400)
    await learns(lost, true_ms)
    sweep(lost)
    after = await lost.board.posts.get(view.id)
    assert (after.state, after.approx) == ("standing", False)
    await lost.board.deals.hand_over(deal)
    await lost.board.timekeeper.look()
    assert (await lost.board.posts.get(view.id)).state == "ended"


async def test_a_post_whose_text_is_gone_is_not_ended_while_something_is_promised(
    lost: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, deal = await promised(lost)
    own = lost.board.posts._own

    async def without_text(thread: str, if_match: str | None) -> Record:
        return replace(await own(thread, if_match), body_bytes=None)

    monkeypatch.setattr(lost.board.posts, "_own", without_text)
    lost.time.advance(15 * 86400)
    await learns(lost, TRUE_SOON_MS + 15 * DAY_MS)
    after = await lost.board.posts.get(view.id)
    assert (after.state, after.seq) == ("standing", view.seq)
    await lost.board.deals.hand_over(deal)
    await lost.board.posts.date_anew(view.id)
    assert (await lost.board.posts.get(view.id)).state == "ended"


async def test_an_end_that_was_named_is_kept(lost: Bench) -> None:
    draft = {name: value for name, value in WATER.items() if name != "days"}
    end_ms = TRUE_SOON_MS + 3 * DAY_MS
    view = await lost.board.posts.publish({**draft, "expires_at": rfc3339(end_ms)})
    await learns(lost, TRUE_SOON_MS)
    assert (await lost.board.posts.get(view.id)).expires_ms == end_ms


async def test_the_log_and_the_word_stay_until_the_time_is_known_and_then_as_long_as_ever(lost: Bench) -> None:
    view, _word = await lost.board.posts.publish_for_neighbour(WATER)
    before = await record_of(lost, view)
    rows = lost.store.disk.private
    assert rows[SPACE_SIGNED, before.id][1] is None
    (word_key,) = await space(lost, SPACE_PICK_UP)
    assert rows[SPACE_PICK_UP, word_key][1] is None
    await learns(lost, TRUE_SOON_MS)
    after = await record_of(lost, view)
    assert rows[SPACE_SIGNED, before.id][1] == TRUE_SOON_MS + LIFE_REVOKE_MS_MAX
    assert rows[SPACE_PICK_UP, word_key][1] == (after.head.expires or 0) + 70 * DAY_MS


async def test_a_grant_that_was_signed_without_the_time_is_signed_again(lost: Bench) -> None:
    pen, context = lost.board.posts._context.pen, lost.board.posts._context
    facts = {"rank": "hub", "places": 5, "invites": 0}
    subject = Network().hub(7).public
    signed = pen.first(Kind.GRANT, subject, [], "network", facts, None, 0, 0)
    await context.publish_one(signed.record.wire, signed.private)
    await learns(lost, TRUE_SOON_MS)
    (grant,) = [one for one in pen.catalog.governance.values() if one.head.subject == subject]
    assert grant.head.facts == facts
    assert (grant.head.stamp, grant.head.expires) == (TRUE_SOON_MS, TRUE_SOON_MS + LIFE_LONG_MS_MAX)


# --- Changes before and after


async def test_changes_without_the_time_keep_what_was_asked(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    await lost.board.posts.revise(view.id, {"people": 4})
    await learns(lost, TRUE_SOON_MS)
    after = await lost.board.posts.get(view.id)
    assert (after.expires_ms, after.facts) == (TRUE_SOON_MS + 14 * DAY_MS, {"people": 4})


async def test_more_days_without_the_time_are_what_is_asked(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    await lost.board.posts.renew(view.id, 20)
    other = await lost.board.posts.publish(WATER)
    await lost.board.posts.revise(other.id, {"days": 21})
    await learns(lost, TRUE_SOON_MS)
    assert (await lost.board.posts.get(view.id)).expires_ms == TRUE_SOON_MS + 20 * DAY_MS
    assert (await lost.board.posts.get(other.id)).expires_ms == TRUE_SOON_MS + 21 * DAY_MS


async def test_after_true_dates_a_post_may_be_given_more_than_was_asked_but_not_less(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    await learns(lost, TRUE_SOON_MS)
    with pytest.raises(BoardError, match="less time than it has"):
        await lost.board.posts.revise(view.id, {"days": 13})
    assert (await lost.board.posts.revise(view.id, {"days": 20})).expires_ms == TRUE_SOON_MS + 20 * DAY_MS
    assert (await lost.board.posts.revise(view.id, {"people": 2})).expires_ms == TRUE_SOON_MS + 20 * DAY_MS
    assert (await lost.board.posts.renew(view.id, 90)).expires_ms == TRUE_SOON_MS + 90 * DAY_MS
    assert await space(lost, SPACE_ASKED) == {}


async def test_a_post_with_true_dates_that_is_changed_without_the_time_keeps_its_end() -> None:
    async with running_board() as bench:
        view = await bench.board.posts.publish(WATER)
        disk = bench.store.disk
    async with running_board(disk, trusted=False) as bench:
        bench.engine.clock.start_from(NOW_MS, NOW_MS)
        await bench.board.timekeeper.load()
        assert (await bench.board.posts.revise(view.id, {"people": 2})).approx
        await learns(bench, TRUE_SOON_MS)
        assert (await bench.board.posts.get(view.id)).expires_ms == view.expires_ms


async def test_a_withdrawn_post_is_not_written_again(lost: Bench) -> None:
    view = await lost.board.posts.publish(WATER)
    await lost.board.posts.withdraw(view.id)
    assert await space(lost, SPACE_ASKED) == {}
    await learns(lost, TRUE_SOON_MS)
    assert (await lost.board.posts.get(view.id)).seq == 2


async def test_a_batch_is_remembered_too_and_what_it_lost_is_forgotten(lost: Bench) -> None:
    views = await lost.board.posts.publish_many([WATER, {**WATER, "days": 20}], dry_run=False)
    lost.board.posts.asked.put(bytes(16), lost.board.posts.asked.of(bytes.fromhex(views[0].id)))  # type: ignore[union-attr]
    await learns(lost, TRUE_SOON_MS)
    ends = [(await lost.board.posts.get(view.id)).expires_ms for view in views]  # type: ignore[union-attr]
    assert ends == [TRUE_SOON_MS + 14 * DAY_MS, TRUE_SOON_MS + 20 * DAY_MS]
    assert lost.board.posts.asked.of(bytes(16)) is None


# --- Over a restart, and with a full disk


async def test_a_later_run_that_knows_the_time_from_the_start_writes_again_and_loses_nothing() -> None:
    async with running_board(trusted=False) as bench:
        await bench.board.timekeeper.load()
        view = await bench.board.posts.publish(WATER)
        disk = bench.store.disk
    async with running_board(disk) as bench:
        bench.time.wall_s = TRUE_SOON_MS / 1000
        await bench.board.timekeeper.load()
        assert bench.engine.clock.is_held_back
        assert not bench.board.status._context.clock.is_trusted()
        await bench.board.timekeeper.look()
        assert bench.engine.clock.is_trusted()
        after = await bench.board.posts.get(view.id)
        assert (after.approx, after.expires_ms) == (False, TRUE_SOON_MS + 14 * DAY_MS)


async def test_where_nothing_waits_the_core_is_told_at_once() -> None:
    async with running_board() as bench:
        await bench.board.timekeeper.load()
        assert bench.engine.clock.is_trusted()


async def test_with_a_full_disk_nothing_expires_until_true_dates_are_safe(
    lost: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = await lost.board.posts.publish(WATER)
    monkeypatch.setattr(lost.engine.disk, "stuck", "the disk is full")
    await learns(lost, TRUE_SOON_MS)
    assert lost.engine.clock.is_held_back
    monkeypatch.setattr(lost.engine.disk, "stuck", None)
    await lost.board.timekeeper.look()
    assert lost.engine.clock.is_trusted()
    assert not (await lost.board.posts.get(view.id)).approx


async def test_a_post_that_was_dated_far_ahead_waits_until_its_day_comes(lost: Bench) -> None:
    lost.engine.clock.saw(NOW_MS + 60 * DAY_MS)  # a hub whose word counts was wrong
    view = await lost.board.posts.publish(WATER)
    true_ms = NOW_MS + 5 * DAY_MS
    await learns(lost, true_ms)
    assert lost.engine.clock.is_trusted()
    assert (await lost.board.posts.get(view.id)).approx
    lost.time.advance(57 * 86400)
    await lost.board.timekeeper.look()
    after = await lost.board.posts.get(view.id)
    assert (after.approx, after.state) == (False, "ended"), "it stood for more than the two weeks that were asked"


# --- The time itself


async def test_the_time_is_stored_once_an_hour_while_it_is_known(lost: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await lost.store.private_get(SPACE_SETTING, KEY_TIME) is None
    commits: list[Commit] = []
    commit = lost.store.commit

    async def counted(one: Commit) -> object:
        commits.append(one)
        return await commit(one)

    await learns(lost, TRUE_SOON_MS)
    monkeypatch.setattr(lost.store, "commit", counted)
    for _ in range(int(STORE_EVERY_MS / 1000 / LOOK_EVERY_S)):
        lost.time.advance(LOOK_EVERY_S)
        await lost.board.timekeeper.look()
    assert len(commits) == 1
    stored = await lost.store.private_get(SPACE_SETTING, KEY_TIME)
    assert stored is not None
    assert msgpack.unpackb(stored) == TRUE_SOON_MS + HOUR_MS


async def test_stamps_of_hubs_whose_word_counts_lift_the_time_but_not_those_that_are_about_right(lost: Bench) -> None:
    network = Network(seat=lost.founding.seats[0].key)
    network.charter = lost.founding.charter
    stamp = NOW_MS + 30 * DAY_MS

    async def grant_again(seq: int, **facts: bool) -> None:
        grant = network.grant(lost.key.public, seq=seq, stamp=stamp, expires=NOW_MS + (400 + seq) * DAY_MS, **facts)
        assert await lost.engine.publish([grant.wire]) == (None,)

    await grant_again(2, approx=True)
    await lost.board.timekeeper.look()
    assert lost.engine.clock.reading().wall_ms == NOW_MS
    await grant_again(3)
    assert lost.engine.clock.reading().wall_ms == stamp, "at once, and not when it next looks"
    await lost.board.timekeeper.look()
    assert repr(lost.board.timekeeper) == "<Timekeeper <Clock nobody held back>>"


async def test_who_is_let_in_far_from_all_whose_hellos_tell_the_time_dates_its_card_by_what_let_it_in() -> None:
    network, stamp = Network(), NOW_MS + 30 * DAY_MS
    async with running_board(founded=False, trusted=False) as bench:
        network.charter = bench.founding.charter
        founder, inviter = network.hub(7), network.hub(8)
        path = (
            network.grant(founder.public, author=bench.founding.seats[0].key, place=7, stamp=NOW_MS),
            network.grant(inviter.public, author=founder, places=50, stamp=stamp),
            network.grant(bench.key.public, author=inviter, places=5, invites=0, stamp=stamp + DAY_MS),
        )
        assert await bench.engine.publish([network.charter.wire, *(one.wire for one in path)]) == (None,) * 4
        await bench.board.membership.admitted()
        assert (await card_of(bench)).head.stamp == stamp, "the inviter's own word on time does not count"


async def test_a_stamp_counts_from_when_its_author_does(lost: Bench) -> None:
    network, stamp = Network(seat=lost.founding.seats[0].key), NOW_MS + 30 * DAY_MS
    network.charter = lost.founding.charter
    newcomer = network.hub(7)
    by_a_hub = network.grant(newcomer.public, author=lost.key, invites=0)
    by_a_seat = network.grant(newcomer.public, author=network.seat, place=7)
    card = network.card(newcomer, stamp=stamp, expires=NOW_MS + 300 * DAY_MS)
    for record in (by_a_hub, card, by_a_seat):
        assert await lost.engine.publish([record.wire]) == (None,)
        assert lost.engine.clock.reading().wall_ms == NOW_MS
    await lost.board.timekeeper.look()
    assert lost.engine.clock.reading().wall_ms == stamp


async def test_a_person_cannot_say_a_time_before_the_release_nor_against_a_time_service(lost: Bench) -> None:
    with pytest.raises(BoardError, match="before this version"):
        await lost.board.timekeeper.confirm(RELEASE_MS - 1)
    assert (await lost.board.timekeeper.confirm())["source"] == "person"


async def test_it_wakes_when_hubs_agree() -> None:
    async with running_board(trusted=False) as bench:
        await bench.board.timekeeper.load()
        view = await bench.board.posts.publish(WATER)
        failures: list[str] = []
        tasks = Tasks(lambda name, error: failures.append(f"{name}: {error!r}"))
        tasks.start(bench.board.timekeeper.run(), "time")
        events = bench.board.events()
        assert await anext(events) is None
        for number in range(3):
            bench.engine.clock.heard(bytes([number]) * 32, TRUE_SOON_MS, trusted=True)
        async with asyncio.timeout(20):
            async for item in events:
                if item is not None and item.name == "post.changed":
                    break
        assert (await bench.board.posts.get(view.id)).published_ms == TRUE_SOON_MS
        await events.aclose()  # type: ignore[attr-defined]
        await tasks.close()
        assert failures == []
