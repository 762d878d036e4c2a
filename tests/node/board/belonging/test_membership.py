import msgpack
import pytest

from hartig_node.board.belonging.membership import rows_after_restore
from hartig_node.board.errors import BoardError
from hartig_node.board.signing import KEY_CLAIMED, SEQ_RAISE, SPACE_SETTING
from hartig_protocol.events import OwnRecordClaimed, PrivateRow
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.records.record import Kind
from support.boards import Bench, running_board

WATER = {"kind": "need", "category": "water", "title": "Water"}
CLAIM = OwnRecordClaimed(b"\x01" * 32, Kind.NEED, 7, b"\x02" * 32)
LATER = OwnRecordClaimed(b"\x03" * 32, Kind.NEED, 8 + SEQ_RAISE, b"\x02" * 32)
BLANKETS = {"kind": "offer", "category": "household.bedding", "title": "Blankets", "quantity": 10}


def step(number: int) -> OwnRecordClaimed:
    """A step that this hub never signed; its seq is as low as those of all steps."""
    return OwnRecordClaimed(bytes([64 + number]) * 32, Kind.STEP, number, b"\x02" * 32)


async def ended(bench: Bench, post: str) -> EndReason | None:
    book = await bench.board.ledger.book(bytes.fromhex(post))
    assert book is not None
    return book.ended


async def test_a_hub_publishes_its_card_once(bench: Bench) -> None:
    assert bench.board.membership._context.names() == {bench.key.public: "Test hub"}
    before = bench.engine.hub.catalog.last_n
    await bench.board.membership.announce()
    assert bench.engine.hub.catalog.last_n == before


async def test_a_card_is_published_anew_when_what_it_says_has_changed(bench: Bench) -> None:
    bench.board.config.addresses = ("192.0.2.1:4279",)
    before = bench.engine.hub.catalog.last_n
    await bench.board.membership.announce()
    assert bench.engine.hub.catalog.last_n == before + 1


async def test_a_record_that_was_never_signed_here_raises_seq_and_the_second_stops_the_pen(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    await bench.board.membership.own_record_claimed(CLAIM)
    assert (await bench.board.posts.revise(view.id, {"people": 3})).seq == 7 + SEQ_RAISE
    assert [code for code, _, _ in bench.board.membership.problems()] == ["restored"]
    await bench.board.membership.own_record_claimed(LATER)
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish(WATER)
    assert caught.value.code == "stopped_signing"


async def test_many_records_of_one_forgotten_past_count_once(bench: Bench) -> None:
    for number in range(1, 20):
        claimed = OwnRecordClaimed(bytes([number] * 32), Kind.NEED, number, b"\x02" * 32)
        await bench.board.membership.own_record_claimed(claimed)
    assert bench.board.membership.times_claimed == 1
    assert (await bench.board.posts.publish(WATER)).state == "standing"


async def test_a_record_from_the_log_says_nothing(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    await bench.board.posts.revise(view.id, {"people": 3})
    claimed = OwnRecordClaimed(bytes.fromhex(view.record), Kind.NEED, 1, b"\x02" * 32)
    await bench.board.membership.own_record_claimed(claimed)
    assert bench.board.membership.problems() == []


async def test_what_was_learnt_outlives_a_restart(bench: Bench) -> None:
    await bench.board.membership.own_record_claimed(CLAIM)
    await bench.board.membership.own_record_claimed(LATER)
    async with running_board(bench.store.disk) as again:
        with pytest.raises(BoardError):
            await again.board.posts.publish(WATER)


async def test_what_an_older_version_has_counted_counts(bench: Bench) -> None:
    await bench.engine.keep_private([PrivateRow(SPACE_SETTING, KEY_CLAIMED, msgpack.packb(2))])
    await bench.board.membership.load()
    assert bench.board.context.pen.stopped


async def test_a_full_disk_only_delays_what_peers_have_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    membership, told = bench.board.membership, []
    membership.on_restored = lambda: told.append(1)

    async def full(*_: object) -> None:
        raise BoardError("disk_full", "the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(bench.board.context, "keep_private", full)
        await membership.own_record_claimed(CLAIM)
        assert (told, bench.board.context.pen.seq_floor) == ([1], 7 + SEQ_RAISE)
    await membership.announce()
    async with running_board(bench.store.disk) as again:
        assert again.board.context.pen.seq_floor == 7 + SEQ_RAISE
        assert again.board.membership.times_claimed == 1


async def test_a_card_that_cannot_be_published_at_once_ends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.engine.disk.stuck = "the disk is full"
    bench.board.config.addresses = ("192.0.2.1:4279",)
    await bench.board.membership.admitted()
    assert "published later" in caplog.text
    monkeypatch.setattr(bench.engine.disk, "stuck", None)
    await bench.board.membership.announce()
    assert (await bench.board.membership._held_card()).head.facts["addresses"] == ["192.0.2.1:4279"]  # type: ignore[union-attr]


# --- `hartig restore`


async def restore(bench: Bench, when: int, key: bytes | None = None) -> None:
    """Leave behind what a restore does, and start."""
    rows = await rows_after_restore(bench.store, key or bench.key.public, when)
    await bench.engine.keep_private(rows)
    await bench.board.membership.load()


async def test_the_second_restore_stops_the_pen_until_the_hub_has_a_new_key(bench: Bench) -> None:
    membership = bench.board.membership
    await restore(bench, 1)
    assert (await bench.board.posts.publish(WATER)).seq == SEQ_RAISE
    assert [code for code, _, _ in membership.problems()] == ["restored"]
    await restore(bench, 2)
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish(WATER)
    assert (caught.value.code, "second time" in caught.value.detail) == ("stopped_signing", True)
    async with running_board(bench.store.disk, seed=2, founded=False) as renewed:
        await renewed.board.membership.load()
        assert renewed.board.context.pen.stopped is None
        assert renewed.board.membership.problems() == []


async def test_a_start_that_breaks_off_counts_a_restore_once(bench: Bench) -> None:
    for _ in range(3):
        await restore(bench, 1)
    assert bench.board.membership.times_restored == 1
    assert (await bench.board.posts.publish(WATER)).state == "standing"


async def test_what_peers_hold_of_a_restored_past_does_not_count_again_and_a_living_copy_does(bench: Bench) -> None:
    membership = bench.board.membership
    await restore(bench, 1)
    for claimed in (CLAIM, step(1), step(2)):
        await membership.own_record_claimed(claimed)
    assert (membership.times_claimed, bench.board.context.pen.stopped) == (0, None)
    await membership.own_record_claimed(LATER)
    assert bench.board.context.pen.stopped
    assert "copy" in membership.problems()[0][1]


async def test_a_restore_after_peers_had_noticed_one_is_the_second(bench: Bench) -> None:
    await bench.board.membership.own_record_claimed(CLAIM)
    await restore(bench, 1)
    assert bench.board.context.pen.stopped


async def test_a_damaged_disk_lifts_seq_and_is_no_restore(bench: Bench) -> None:
    await bench.engine.keep_private(await rows_after_restore(bench.store, bench.key.public, None))
    await bench.board.membership.load()
    assert bench.board.context.pen.seq_floor == SEQ_RAISE
    assert bench.board.membership.times_restored == 0


# --- Steps, whose seq says nothing of when they were signed


async def test_each_unknown_step_ends_what_was_begun_since_and_the_hub_goes_on(bench: Bench) -> None:
    membership, told = bench.board.membership, []
    membership.on_restored = lambda: told.append(bench.board._context.pen.seq_floor)
    for number in range(1, 4):
        offer = (await bench.board.posts.publish(BLANKETS)).id
        assert await ended(bench, offer) is None
        await membership.own_record_claimed(step(number))
        assert await ended(bench, offer) is EndReason.RESTORED
    assert told == [SEQ_RAISE, 2 * SEQ_RAISE, 3 * SEQ_RAISE]
    assert membership.times_claimed == 1
    assert [code for code, _, _ in membership.problems()] == ["restored"]


async def test_many_steps_of_one_past_end_all_once(bench: Bench) -> None:
    told: list[int] = []
    bench.board.membership.on_restored = lambda: told.append(1)
    await bench.board.posts.publish(BLANKETS)
    for number in range(1, 30):
        await bench.board.membership.own_record_claimed(step(number))
    assert (len(told), bench.board._context.pen.seq_floor) == (1, SEQ_RAISE)


async def test_a_step_from_the_log_says_nothing(bench: Bench) -> None:
    offer = (await bench.board.posts.publish(BLANKETS)).id
    await bench.board.deals.count(offer, "10", None, None)
    signed = bench.engine.hub.catalog.chains[bytes.fromhex(offer)].steps[0]
    await bench.board.membership.own_record_claimed(OwnRecordClaimed(signed, Kind.STEP, 1, b"\x02" * 32))
    assert await ended(bench, offer) is None
    assert bench.board.membership.problems() == []


async def test_a_step_is_noticed_after_a_restore_too(bench: Bench) -> None:
    await bench.engine.keep_private(await rows_after_restore(bench.store, bench.key.public, None))
    await bench.board.membership.load()
    offer = (await bench.board.posts.publish(BLANKETS)).id
    await bench.board.membership.own_record_claimed(step(1))
    assert await ended(bench, offer) is EndReason.RESTORED


async def test_what_steps_raise_hides_no_register_of_a_copy_that_lives_on(bench: Bench) -> None:
    membership = bench.board.membership
    await membership.own_record_claimed(CLAIM)
    await bench.board.posts.publish(BLANKETS)
    await membership.own_record_claimed(step(1))
    assert bench.board._context.pen.seq_floor == 7 + 2 * SEQ_RAISE
    async with running_board(bench.store.disk) as again:
        assert again.board._context.pen.seq_floor == 7 + 2 * SEQ_RAISE
        await again.board.membership.own_record_claimed(CLAIM)
        assert again.board.membership.times_claimed == 1
        await again.board.membership.own_record_claimed(LATER)
        assert again.board._context.pen.stopped
        assert [code for code, _, _ in again.board.membership.problems()] == ["stopped_signing"]
