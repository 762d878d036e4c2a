"""What was restored, copied, or written with another key never goes on: people count, and begin it anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgpack
import pytest

from hartig_node.board.belonging.membership import seq_floor_row
from hartig_node.board.errors import BoardError
from hartig_node.board.keeping.anew import SPACE_ANEW
from hartig_node.board.keeping.keeper import KEY_WROTE_AS
from hartig_node.board.posts.posts import ListQuery
from hartig_node.board.signing import SEQ_RAISE, SPACE_SETTING
from hartig_node.board.times import rfc3339
from hartig_node.glossary import words_used
from hartig_node.store.memory_disk import MemoryDisk
from hartig_protocol.events import Commit, OwnRecordClaimed, PrivateRow
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.limits import DAY_MS, LIFE_MS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from node.board.keepers import BLANKETS, WANTED, book, deal, lot, meet, need, posted, settle, share
from node.board.neighbours import let_in, said
from support.boards import Bench, running_board
from support.records import NOW_MS

CLAIMED = OwnRecordClaimed(b"\x01" * 32, Kind.NEED, 7, b"\x02" * 32)


@pytest.fixture
async def other(bench: Bench) -> AsyncIterator[Bench]:
    """A second hub of the same network; both keepers are ready."""
    async with running_board(seed=2, founded=False) as running:
        await let_in(bench, running.key)
        await meet(bench, running)
        await bench.board.keeper.load()
        await running.board.keeper.load()
        yield running


async def promised(bench: Bench, other: Bench) -> tuple[str, str, Any]:
    offer = await posted(bench, BLANKETS)
    await meet(bench, other)
    asked_by = await posted(other, WANTED)
    asked = await other.board.deals.ask(asked_by, offer)
    await meet(bench, other)
    await bench.board.deals.promise(asked.id)
    await settle(bench, other)
    return offer, asked_by, asked


async def image(bench: Bench) -> MemoryDisk:
    """A copy of a hub's disk, as a backup has it."""
    copied = MemoryDisk()
    for name, value in vars(bench.store.disk).items():
        setattr(copied, name, value.copy() if hasattr(value, "copy") else value)
    return copied


@asynccontextmanager
async def restored(disk: MemoryDisk) -> AsyncIterator[Bench]:
    """A hub that was restored from a copy: what `hartig restore` leaves behind is there before it starts."""
    async with running_board(disk, founded=False) as again:
        await again.store.commit(Commit(private=[seq_floor_row(SEQ_RAISE)]))
        await again.board.membership.load()
        await again.board.membership.start()
        await again.board.keeper.load()
        yield again


async def post_of(bench: Bench, thread: str) -> Record:
    stored = await bench.store.post(bytes.fromhex(thread))
    assert stored is not None
    return open_record(stored.wire)


# --- Restored


async def test_a_restored_hub_ends_what_had_an_account_for_as_long_as_can_be(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    quiet = await posted(bench, WANTED, title="Nothing was said about this")
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        head = (await post_of(again, offer)).head
        assert (head.ends, head.seq, head.expires) == (True, SEQ_RAISE, NOW_MS + LIFE_MS_MAX)
        assert (await post_of(again, offer)).body_bytes is None
        assert (await again.board.posts.get(quiet)).state == "standing"


async def test_an_offer_that_nobody_had_counted_at_the_copy_is_ended_too(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, BLANKETS)
    copied = await image(bench)
    await bench.board.deals.count(offer, 10)
    async with restored(copied) as again:
        assert (await book(again, offer)).ended is EndReason.RESTORED
        for doing in (again.board.deals.count(offer, 10), again.board.posts.revise(offer, {"reach_km": 2})):
            with pytest.raises(BoardError) as caught:
                await doing
            assert caught.value.code == "chain_ended"
        with pytest.raises(BoardError) as caught:
            await again.board.posts.renew(offer)
        assert caught.value.code == "chain_ended"
        await again.board.keeper.look()
        assert (await post_of(again, offer)).head.ends
        (begun,) = again.board.keeper.anew.waiting()
        assert (begun.thread.hex(), begun.as_json()["quantity"]) == (offer, "10")
        assert await again.board.keeper.anew.open(offer, 4) is not None


async def test_an_offer_that_never_said_how_much_is_to_be_counted_too(bench: Bench) -> None:
    without = {name: value for name, value in BLANKETS.items() if name != "quantity"}
    shelf, offer = await posted(bench, without | {"level": "plenty"}), await posted(bench, without)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        for thread in (shelf, offer):
            new = await again.board.keeper.anew.open(thread, 4)
            assert new is not None
            assert (await lot(again, new)).total.free == 4
            assert (await again.board.posts.get(new)).facts.get("level") == ("plenty" if thread == shelf else None)


async def test_of_an_open_shelf_it_can_be_said_how_full_it_is(bench: Bench) -> None:
    without = {name: value for name, value in BLANKETS.items() if name != "quantity"}
    shelf, offer = await posted(bench, without | {"level": "plenty"}), await posted(bench, without)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        anew = again.board.keeper.anew
        assert [one.as_json().get("level") for one in anew.waiting() if one.thread.hex() == shelf] == ["plenty"]
        for thread, quantity, level in ((offer, None, "low"), (shelf, 3, "low"), (shelf, None, None)):
            with pytest.raises(BoardError) as caught:
                await anew.open(thread, quantity, level)
            assert caught.value.code == "bad_request"
        with pytest.raises(BoardError, match="level is one of"):
            await anew.open(shelf, None, "overfull")
        new = await anew.open(shelf, None, "low")
        assert new is not None
        assert (await again.board.posts.get(new)).facts["level"] == "low"
        assert await anew.open(shelf, None, "low") == new


async def test_an_offer_of_before_that_has_expired_is_let_be(bench: Bench) -> None:
    offer = await posted(bench, BLANKETS, days=1)
    async with restored(await image(bench)) as again:
        again.time.advance(2 * 86_400)
        again.board.keeper._from_before.clear()
        again.board.keeper.look_at_all()
        await again.board.keeper.look()
        assert not (await post_of(again, offer)).head.ends
        assert again.board.keeper.problems() == []


async def test_an_uncounted_offer_of_after_the_copy_is_ended_when_it_comes_back(bench: Bench, other: Bench) -> None:
    copied = await image(bench)
    offer = await posted(bench, BLANKETS)
    await meet(bench, other)
    async with restored(copied) as again:
        await share(other, again)
        await again.board.keeper.look()
        assert (await post_of(again, offer)).head.ends


async def test_what_was_promised_after_the_copy_is_never_promised_again(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, BLANKETS | {"rule": "first"}, quantity=4)
    await bench.board.deals.count(offer, 4)
    await meet(bench, other)
    copied = await image(bench)
    first = await other.board.deals.ask(await posted(other, WANTED), offer)
    await settle(other, bench)
    assert (await deal(bench, first)).state == "promised"
    async with restored(copied) as again:
        second = await other.board.deals.ask(await posted(other, WANTED), offer, 4)
        await share(other, again)
        again.board.keeper.touched([bytes.fromhex(offer)])
        await again.board.keeper.look()
        with pytest.raises(BoardError) as caught:
            await again.board.deals.promise(second.id)
        assert caught.value.code == "chain_ended"
        await settle(again, other)
        assert (await lot(other, offer)).ended is EndReason.WITHDRAWN
        assert [(await deal(other, one)).state for one in (first, second)] == ["cancelled", "cancelled"]


async def test_what_came_after_the_copy_is_ended_when_it_is_heard_of(bench: Bench, other: Bench) -> None:
    copied = await image(bench)
    offer, _, _ = await promised(bench, other)
    async with restored(copied) as again:
        await again.board.keeper.look()
        await share(other, again)
        await again.board.keeper.look()
        assert (await post_of(again, offer)).head.ends
        (begun,) = again.board.keeper.anew.waiting()
        assert (begun.thread.hex(), begun.as_json()["quantity"]) == (offer, "10")


async def test_people_read_what_to_count_and_what_to_confirm(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    own = await posted(bench, WANTED)
    await bench.board.deals.count(own, 3)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        (offers, needs) = again.board.keeper.problems()
        because = "because this hub was restored from an older copy, or its disk was damaged"
        assert offers[1] == f"1 offer was ended, {because}: Blankets (10)"
        assert needs[1] == f"1 need was ended, {because}: A blanket (3)"
        assert offers[2].startswith("count what is there")
        assert needs[2].startswith("ask how much is still needed")
        assert [words_used(text) for one in (offers, needs) for text in one[1:]] == [[]] * 4
        said = {problem.code for problem in await again.board.status.problems()}
        assert "count_anew" in said
    async with running_board(again.store.disk, founded=False) as later:
        await later.board.keeper.load()
        assert len(later.board.keeper.problems()) == 2
        assert {one.thread.hex() for one in later.board.keeper.anew.waiting()} == {offer, own}


async def test_a_second_look_writes_nothing_more(bench: Bench, other: Bench) -> None:
    await promised(bench, other)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        before = again.store.disk.last_n
        again.board.keeper.look_at_all()
        await again.board.keeper.look()
        assert again.store.disk.last_n == before


async def test_what_was_closed_is_ended_and_nothing_is_to_be_counted(bench: Bench) -> None:
    offer = await posted(bench, BLANKETS)
    await bench.board.deals.count(offer, 10)
    await bench.board.deals.close(offer)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        assert (await post_of(again, offer)).head.ends
        assert again.board.keeper.problems() == []


async def test_a_peer_that_knows_more_tells_it_too(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    await bench.board.membership.own_record_claimed(CLAIMED)
    await bench.board.keeper.look()
    assert (await post_of(bench, offer)).head.seq == 7 + SEQ_RAISE
    assert bench.board.keeper.problems() != []


async def test_nothing_is_signed_between_the_start_and_the_look(bench: Bench, other: Bench) -> None:
    offer, _, asked = await promised(bench, other)
    async with restored(await image(bench)) as again:
        with pytest.raises(BoardError) as caught:
            await again.board.deals.hand_over(asked.id)
        assert caught.value.code == "chain_ended"
        assert (await book(again, offer)).ended is EndReason.RESTORED


async def test_the_second_time_people_are_told_though_nothing_is_signed(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    membership = bench.board.membership
    await membership.own_record_claimed(CLAIMED)
    await membership.own_record_claimed(OwnRecordClaimed(b"\x03" * 32, Kind.NEED, 8 + SEQ_RAISE, b"\x02" * 32))
    await bench.board.keeper.look()
    assert not (await post_of(bench, offer)).head.ends
    assert [code for code, _, _ in bench.board.keeper.problems()] == ["count_anew"]
    codes = {problem.code for problem in await bench.board.status.problems()}
    assert codes >= {"stopped_signing", "count_anew"}


# --- A copy in use


async def test_where_two_copies_wrote_people_count(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    stored = await bench.store.read_thread(bytes.fromhex(offer))
    records = [open_record(one.wire) for one in stored]
    post, opened = records[0], records[1]
    forked = said(bench, bench.key, post, opened, "surrender", quantity=1)
    await bench.engine.publish([forked.wire])
    assert (await book(bench, offer)).ended is EndReason.FORKED
    await bench.board.keeper.look()
    assert (await post_of(bench, offer)).head.ends
    ((code, what, _),) = bench.board.keeper.problems()
    assert code == "count_anew"
    assert "two copies" in what


# --- A new key


async def test_with_a_new_key_people_count_what_the_old_one_had(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    row = PrivateRow(SPACE_SETTING, KEY_WROTE_AS, bench.key.public)
    await other.store.commit(Commit(private=[row]))
    await other.board.keeper._look_for_new_key()
    (begun,) = other.board.keeper.anew.waiting()
    assert (begun.thread.hex(), begun.reason) == (offer, EndReason.VOID)
    before = await other.store.private_get(SPACE_SETTING, KEY_WROTE_AS)
    assert before == other.key.public
    await other.board.keeper._look_for_new_key()


# --- Anew


async def test_an_offer_is_begun_anew_with_what_was_counted_and_names_the_old_one(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        new = await again.board.keeper.anew.open(offer, 7)
        assert new is not None
        view = await again.board.posts.get(new)
        assert (view.facts["parent"].hex(), view.title["en"], view.quantity) == (offer, "Blankets", "7")
        assert (await lot(again, new)).total.free == 7
        assert (await post_of(again, new)).head.seq == SEQ_RAISE
        assert again.board.keeper.problems() == []
        assert await again.board.keeper.anew.open(offer, 7) == new
        again.board.keeper.look_at_all()
        await again.board.keeper.look()
        assert (await book(again, new)).ended is None


async def test_an_offer_begun_anew_is_begun_once_though_who_counted_went_away(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        anew = again.board.keeper.anew
        again.store.hold()
        first = asyncio.ensure_future(anew.open(offer, 7))  # noqa: TID251 - cancelled here
        for _turn in range(50):
            await asyncio.sleep(0)
        assert again.store.held == 1
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = await anew.open(offer, 7)
        again.store.release()
        assert await anew.open(offer, 7) == second
        standing = (await again.board.posts.list(ListQuery(kind="offer", author="me"))).items
        assert [view.id for view in standing] == [second]


async def test_a_need_is_begun_anew_with_what_somebody_confirmed(bench: Bench, other: Bench) -> None:
    _, asked_by, _ = await promised(bench, other)
    async with running_board(await image(other), seed=2, founded=False) as again:
        await again.store.commit(Commit(private=[seq_floor_row(SEQ_RAISE)]))
        await again.board.membership.load()
        await again.board.keeper.load()
        await again.board.keeper.look()
        new = await again.board.keeper.anew.open(asked_by, "2")
        assert new is not None
        assert (await need(again, new)).total.left == 2
        assert "parent" not in (await again.board.posts.get(new)).facts


async def test_nothing_left_needs_nothing_new(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        assert await again.board.keeper.anew.open(offer, "0") is None
        assert again.board.keeper.problems() == []
        assert await again.store.private_list(SPACE_ANEW) == []
        with pytest.raises(BoardError) as caught:
            await again.board.keeper.anew.open(offer, 1)
        assert caught.value.code == "not_found"


async def test_dates_that_have_passed_are_left_out(bench: Bench) -> None:
    dates = [rfc3339(NOW_MS + days * DAY_MS) for days in (1, 2, 3)]
    offer = await posted(bench, BLANKETS | {"dates": dates, "days": 10})
    await bench.board.deals.count(offer, 10)
    async with restored(await image(bench)) as again:
        again.time.advance(1.5 * 86_400)
        await again.board.keeper.look()
        (begun,) = again.board.keeper.anew.waiting()
        assert len(begun.as_json()["dates"]) == 3
        new = await again.board.keeper.anew.open(offer, 4)
        assert new is not None
        assert sorted((await lot(again, new)).accounts, key=str) == [NOW_MS + days * DAY_MS for days in (2, 3)]


async def test_what_is_kept_is_read_again_as_it_was_written(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    async with restored(await image(bench)) as again:
        await again.board.keeper.look()
        ((thread, value),) = await again.store.private_list(SPACE_ANEW)
        assert thread.hex() == offer
        assert msgpack.unpackb(value)[1] == "restored"
